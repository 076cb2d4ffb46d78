// A consumer of ProcuLink's webhooks: node:http and node:crypto, no package.
//
//   WEBHOOK_SECRET=… PORT=3000 node proculink.js
//
// It listens at http://127.0.0.1:3000/webhooks/proculink and prints what it accepts.

"use strict";

const crypto = require("node:crypto");
const http = require("node:http");

const PATH = "/webhooks/proculink";
const BODY_BYTES_MAX = 1 << 20;
const secret = process.env.WEBHOOK_SECRET;
if (!secret) throw new Error("WEBHOOK_SECRET is the endpoint's secret");

// `X-ProcuLink-Signature: sha256=<hex>`, over the bytes of the body as they came.
function isSigned(body, header) {
  const hex = crypto.createHmac("sha256", secret).update(body).digest("hex");
  const [expected, given] = [Buffer.from("sha256=" + hex), Buffer.from(header ?? "")];
  // timingSafeEqual throws if the lengths differ.
  return given.length === expected.length && crypto.timingSafeEqual(given, expected);
}

// ProcuLink names no id to know copies by. Every try has the same body, so its digest serves.
// A real consumer keeps these in its database, and writes them with what the event changes.
const seen = new Set();

function handle(type, body) {
  const key = crypto.createHash("sha256").update(body).digest("hex");
  if (seen.has(key)) return;
  console.log(JSON.stringify({ type, body: JSON.parse(body) }));
  seen.add(key);
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
  } else if (!isSigned(body, request.headers["x-proculink-signature"])) {
    response.writeHead(401).end("another signature");
  } else {
    response.writeHead(200).end(); // At once; the work comes after.
    setImmediate(handle, request.headers["x-proculink-event"], body);
  }
}

const server = http.createServer((request, response) => {
  receive(request, response).catch(() => response.destroy());
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
