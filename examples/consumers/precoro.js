// A consumer of Precoro's webhooks: node:http and node:crypto, no package.
//
//   WEBHOOK_SECRET=… PORT=3000 node precoro.js
//
// It listens at http://127.0.0.1:3000/webhooks/precoro/WEBHOOK_SECRET and prints what it accepts.
// Precoro signs nothing: who knows the secret part of the URL may send, and nobody else. So it
// belongs behind HTTPS, and out of logs.
//
// With PRECORO_API=https://api.precoro.com and PRECORO_TOKEN=… it fetches what a notice is about.

"use strict";

const crypto = require("node:crypto");
const http = require("node:http");

const BODY_BYTES_MAX = 1 << 20;
const ENTITIES = 12; // 0, Warehouse Request, to 11, Custom Fields for Items.
const secret = process.env.WEBHOOK_SECRET;
if (!secret) throw new Error("WEBHOOK_SECRET is the last part of the endpoint's URL");

function isForUs(url) {
  const [expected, given] = [Buffer.from(`/webhooks/precoro/${secret}`), Buffer.from(url)];
  // timingSafeEqual throws if the lengths differ.
  return given.length === expected.length && crypto.timingSafeEqual(given, expected);
}

// The notice, or undefined for what is none.
function parse(body) {
  try {
    const notice = JSON.parse(body);
    const { id, type, action, idn } = notice;
    const fits =
      Number.isInteger(id) &&
      (Number.isInteger(idn) || idn === undefined || idn === null) &&
      Number.isInteger(type) &&
      type >= 0 &&
      type < ENTITIES &&
      (action === 0 || action === 1);
    return fits ? notice : undefined;
  } catch {
    return undefined;
  }
}

// The kinds of documents whose address Precoro's page names: 2, Purchase Order, and 3, Invoice.
function addressOf({ id, type, idn }) {
  if (type === 2 && idn) return `/purchaseorders/${idn}`;
  return type === 3 ? `/invoices/${id}` : undefined;
}

async function fetchDocument(notice) {
  const { PRECORO_API: api, PRECORO_TOKEN: token = "" } = process.env;
  const address = addressOf(notice);
  if (!api || !address) return undefined;
  const answer = await fetch(api + address, { headers: { "X-AUTH-TOKEN": token } });
  if (!answer.ok) throw new Error(`GET ${address}: ${answer.status}`);
  return answer.json();
}

// A notice says which document changed, and not how. A copy of it leads to the same document as it
// is now, so copies need not be known.
async function handle(notice) {
  try {
    const document = await fetchDocument(notice);
    console.log(JSON.stringify({ type: `${notice.type}.${notice.action}`, body: notice, document }));
  } catch (error) {
    console.error(String(error)); // A real consumer keeps the notice, and fetches again later.
  }
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
  const notice = parse(await readBody(request));
  if (request.method !== "POST" || !isForUs(request.url)) {
    response.writeHead(404).end();
  } else if (notice === undefined) {
    response.writeHead(400).end("not a notice of Precoro's");
  } else {
    response.writeHead(200).end(); // At once; the work comes after. Only 200 and 201 count.
    setImmediate(handle, notice);
  }
}

const server = http.createServer((request, response) => {
  receive(request, response).catch(() => response.destroy());
});
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
