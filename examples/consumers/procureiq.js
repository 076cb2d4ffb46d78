// A consumer of ProcureIQ's webhooks: node:http and node:crypto, no package.
//
//   WEBHOOK_SECRET=… PORT=3000 node procureiq.js
//
// It listens at http://127.0.0.1:3000/webhooks/procureiq and prints what it accepts.

"use strict";

const crypto = require("node:crypto");
const http = require("node:http");

const PATH = "/webhooks/procureiq";
const BODY_BYTES_MAX = 1 << 20;
const secret = process.env.WEBHOOK_SECRET;

// `x-procureiq-signature: sha256=<hex>`, over the bytes of the body as they came.
function isSigned(body, header) {
  const hex = crypto.createHmac("sha256", secret).update(body).digest("hex");
  const [expected, given] = [Buffer.from("sha256=" + hex), Buffer.from(header ?? "")];
  // timingSafeEqual throws if the lengths differ.
  return given.length === expected.length && crypto.timingSafeEqual(given, expected);
}

// Copies are known by the event's id.
// A real consumer keeps these in its database, and writes them with what the event changes.
const seen = new Set();

function handle(event) {
  if (seen.has(event.id)) return;
  console.log(JSON.stringify({ type: event.type, body: event }));
  seen.add(event.id);
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
  } else if (!secret) {
    response.writeHead(500).end("WEBHOOK_SECRET is not set");
  } else if (!isSigned(body, request.headers["x-procureiq-signature"])) {
    response.writeHead(401).end("Unauthorized");
  } else {
    const event = JSON.parse(body);
    response.writeHead(200).end("OK"); // At once; the work comes after.
    setImmediate(handle, event);
  }
}

const server = http.createServer((request, response) => {
  receive(request, response).catch(() => response.destroy());
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
