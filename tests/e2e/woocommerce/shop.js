// A small WooCommerce REST API: GET /wp-json/wc/v3/orders with its pages, its headers and its Basic
// authentication. POST /control/orders replaces what is in it, POST /control/status what it answers;
// GET /control/requests tells what it was asked. Prints {"port": …}.
"use strict";

const http = require("node:http");

const { corpus, orderOf } = require("./corpus.js");

const KEY = "Basic " + Buffer.from("ck_test:cs_test").toString("base64");
let orders = [];
let status = 200;
const requests = [];

const modified = (order) => order.date_modified_gmt ?? order.date_created_gmt ?? "1970-01-01T00:00:00";

// The newest message about each order is what the shop has of it now.
function newest(messages) {
  const found = new Map();
  for (const { order } of messages) {
    const before = found.get(order.id);
    if (!before || modified(before) <= modified(order)) found.set(order.id, order);
  }
  return [...found.values()];
}

function list(query) {
  const after = query.get("modified_after") ?? "";
  const all = orders
    .filter((order) => modified(order) > after && order.status !== "trash")
    .sort((a, b) => (modified(a) < modified(b) ? -1 : modified(a) > modified(b) ? 1 : a.id - b.id));
  const perPage = Number(query.get("per_page") ?? 10);
  const first = (Number(query.get("page") ?? 1) - 1) * perPage;
  return { all, perPage, page: all.slice(first, first + perPage) };
}

function answer(request, response, body) {
  const url = new URL(request.url, "http://shop");
  const send = (code, value, headers = {}) => {
    response.writeHead(code, { "Content-Type": "application/json; charset=UTF-8", ...headers });
    response.end(JSON.stringify(value));
  };
  if (url.pathname === "/control/orders") {
    orders = body === "corpus" ? newest(corpus()) : body.map((changes) => orderOf(changes));
    return send(200, { orders: orders.length });
  }
  if (url.pathname === "/control/status") {
    status = body;
    return send(200, {});
  }
  if (url.pathname === "/control/requests") return send(200, requests);
  requests.push(request.url);
  if (url.pathname !== "/wp-json/wc/v3/orders") return send(404, { code: "rest_no_route" });
  if (request.headers.authorization !== KEY) {
    return send(401, { code: "woocommerce_rest_cannot_view", data: { status: 401 } });
  }
  if (status !== 200) return send(status, { code: "down" });
  const { all, perPage, page } = list(url.searchParams);
  return send(200, page, {
    "X-WP-Total": all.length,
    "X-WP-TotalPages": Math.ceil(all.length / perPage),
  });
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const text = Buffer.concat(chunks).toString("utf8");
    answer(request, response, text ? JSON.parse(text) : null);
  });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
});
