// A consumer of Standard Webhooks: node:http and node:crypto, no package.
//
//   WEBHOOK_SECRET=… PORT=3000 node standard-webhooks.js
//
// It listens at http://127.0.0.1:3000/webhooks/standard-webhooks and prints what it accepts.

"use strict";

const crypto = require("node:crypto");
const http = require("node:http");

const PATH = "/webhooks/standard-webhooks";
const BODY_BYTES_MAX = 1 << 20;
const TOLERANCE_SECONDS = 5 * 60;
const secret = process.env.WEBHOOK_SECRET ?? "";
if (!secret.startsWith("whsec_")) throw new Error("WEBHOOK_SECRET is the endpoint's, whsec_…");
const key = Buffer.from(secret.slice("whsec_".length), "base64");

// `webhook-signature: v1,<base64>`, over id, time and the bytes of the body as they came. Several
// are parted by spaces, while a secret is being changed; one of them is enough.
function isSigned(body, headers) {
  const { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": signatures } = headers;
  if (!id || !signatures || !/^\d+$/.test(time ?? "")) return false;
  if (Math.abs(Date.now() / 1000 - Number(time)) > TOLERANCE_SECONDS) return false;
  const hmac = crypto.createHmac("sha256", key).update(`${id}.${time}.`).update(body);
  const expected = Buffer.from("v1," + hmac.digest("base64"));
  return signatures.split(" ").some((signature) => {
    const given = Buffer.from(signature);
    // timingSafeEqual throws if the lengths differ.
    return given.length === expected.length && crypto.timingSafeEqual(given, expected);
  });
}

// Copies are known by webhook-id.
// A real consumer keeps these in its database, and writes them with what the event changes.
const seen = new Set();

function handle(id, event) {
  if (seen.has(id)) return;
  console.log(JSON.stringify({ type: event.type, body: event }));
  seen.add(id);
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
    setImmediate(handle, request.headers["webhook-id"], event);
  }
}

const server = http.createServer((request, response) => {
  receive(request, response).catch(() => response.destroy());
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
