// A consumer of PeptideClients' webhooks: node:http and node:crypto, no package.
//
//   WEBHOOK_SECRET=… PORT=3000 node peptideclients.js
//
// It listens at http://127.0.0.1:3000/webhooks/peptideclients and prints what it accepts.

"use strict";

const crypto = require("node:crypto");
const http = require("node:http");

const PATH = "/webhooks/peptideclients";
const BODY_BYTES_MAX = 1 << 20;
const TOLERANCE_SECONDS = 5 * 60;
const secret = process.env.WEBHOOK_SECRET;
if (!secret) throw new Error("WEBHOOK_SECRET is the endpoint's secret");

// `X-PC-Signature: t=<time>,v1=<hex>`, over the time, a dot and the bytes of the body as they came.
// While a secret is being changed there are two `v1=`; one of them is enough.
function isSigned(body, headers) {
  const parts = (headers["x-pc-signature"] ?? "").split(",").map((part) => part.split("="));
  const valuesOf = (name) => parts.filter(([key]) => key === name).map(([, value]) => value ?? "");
  const [time] = valuesOf("t");
  if (!/^\d+$/.test(time ?? "") || time !== headers["x-pc-timestamp"]) return false;
  if (Math.abs(Date.now() / 1000 - Number(time)) > TOLERANCE_SECONDS) return false;
  const hex = crypto.createHmac("sha256", secret).update(`${time}.`).update(body).digest("hex");
  const expected = Buffer.from(hex);
  return valuesOf("v1").some((value) => {
    const given = Buffer.from(value);
    // timingSafeEqual throws if the lengths differ.
    return given.length === expected.length && crypto.timingSafeEqual(given, expected);
  });
}

// Copies are known by the delivery's id.
// A real consumer keeps these in its database, and writes them with what the event changes.
const seen = new Set();

function handle(deliveryId, event) {
  if (seen.has(deliveryId)) return;
  console.log(JSON.stringify({ type: event.type, body: event }));
  seen.add(deliveryId);
}

async function readBody(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error("the body is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function receive(request, response) {
  const body = await readBody(request);
  if (request.method !== "POST" || request.url !== PATH) {
    response.writeHead(404).end();
  } else if (!isSigned(body, request.headers)) {
    response.writeHead(401).end("another signature, or an old one");
  } else {
    const event = JSON.parse(body);
    response.writeHead(200).end(); // At once; the work comes after.
    setImmediate(handle, request.headers["x-pc-delivery-id"], event);
  }
}

const server = http.createServer((request, response) => {
  receive(request, response).catch(() => response.destroy());
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
