// WooCommerce as it sends webhooks (W-1 to W-5), byte for byte over a socket: HTTP/1.0, its headers,
// its signature, its ping when a webhook is made.
//
//   echo '{"url": …, "secret": …, "messages": "corpus", "seed": 7, "repeats": 3}' | node sender.js
//
// `messages`: "corpus", or [{topic, order | body, headers?, secret?}]. With a seed they are dealt in
// another sequence, each one to `repeats` times. Prints [{name, status, body}], in that sequence.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const net = require("node:net");

const { corpus } = require("./corpus.js");

// PHP's wp_specialchars_decode(), as WC_Webhook::generate_signature() calls it.
function decodeEntities(text) {
  return text.replace(/&(?:amp|#0?38|lt|gt|quot|#0?34|#0?39|#x27);/g, (entity) => ({
    "&amp;": "&", "&#38;": "&", "&#038;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"',
    "&#34;": '"', "&#034;": '"', "&#39;": "'", "&#039;": "'", "&#x27;": "'",
  })[entity]);
}

function sign(secret, body) {
  return crypto.createHmac("sha256", decodeEntities(secret)).update(body).digest("base64");
}

// wp_hash( $webhook_id . strtotime( 'now' ) ): of the second.
function deliveryId(webhookId) {
  return crypto.createHash("md5").update(`${webhookId}${Math.floor(Date.now() / 1000)}`).digest("hex");
}

// One request, and what was answered. PHP's HTTP library asks HTTP/1.0, and reads to the end.
function post(url, version, headers, body) {
  const { hostname, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname);
    const chunks = [];
    socket.setTimeout(60000, () => socket.destroy(new Error("60 s without an answer")));
    socket.on("connect", () => {
      const lines = [`POST ${pathname} HTTP/${version}`, `Host: ${hostname}:${port}`,
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        `Content-Length: ${body.length}`, "Connection: close", "", ""];
      socket.write(lines.join("\r\n"));
      socket.write(body);
    });
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      const [head, ...rest] = text.split("\r\n\r\n");
      const match = /^HTTP\/1\.[01] (\d{3})/.exec(head);
      if (!match) reject(new Error(`no HTTP: ${JSON.stringify(text.slice(0, 200))}`));
      else resolve({ status: Number(match[1]), head, body: rest.join("\r\n\r\n") });
    });
  });
}

const USER_AGENT = "WooCommerce/9.4.2 Hookshot (WordPress/6.7.1)";

// W-5: the ping has no header of WooCommerce's own but its name.
function ping(url, version) {
  return post(url, version, {
    "User-Agent": USER_AGENT, Accept: "*/*", "Content-Type": "application/x-www-form-urlencoded",
  }, Buffer.from("webhook_id=17"));
}

function deliver(options, message) {
  const body = Buffer.from(message.body ?? JSON.stringify(message.order));
  const topic = message.topic ?? "order.updated";
  const [resource, event] = topic.split(".");
  return post(options.url, message.version ?? options.version ?? "1.0", {
    "User-Agent": USER_AGENT,
    Accept: "*/*",
    "Content-Type": "application/json",
    "X-WC-Webhook-Source": options.source ?? "https://shop.example/",
    "X-WC-Webhook-Topic": topic,
    "X-WC-Webhook-Resource": resource,
    "X-WC-Webhook-Event": event,
    "X-WC-Webhook-Signature": sign(message.secret ?? options.secret, body),
    "X-WC-Webhook-ID": "17",
    [message.documented ? "X-WC-Delivery-ID" : "X-WC-Webhook-Delivery-ID"]: deliveryId(17),
    ...message.headers,
  }, body);
}

// A small generator with a seed (mulberry32), so that a failure can be repeated.
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function dealt(messages, seed, repeats) {
  const random = randomOf(seed);
  const all = messages.flatMap((message) => Array(1 + Math.floor(random() * repeats)).fill(message));
  for (let i = all.length - 1; i > 0; --i) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}

async function main() {
  const options = JSON.parse(fs.readFileSync(0, "utf8"));
  let messages = options.messages === "corpus" ? corpus() : options.messages;
  if (options.seed !== undefined) messages = dealt(messages, options.seed, options.repeats ?? 1);
  const answers = [];
  const greeting = await ping(options.url, options.version ?? "1.0");
  answers.push({ name: "ping", status: greeting.status, body: greeting.body });
  // Several at once, as PHP's processes would: what arrives first is anybody's guess.
  let next = 0;
  const worker = async () => {
    while (next < messages.length) {
      const message = messages[next++];
      const answer = await deliver(options, message);
      answers.push({ name: message.name ?? "", status: answer.status, body: answer.body });
    }
  };
  await Promise.all(Array.from({ length: options.at_once ?? 1 }, worker));
  process.stdout.write(JSON.stringify(answers));
}

if (require.main === module) {
  main().catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  });
}

module.exports = { sign, deliver, ping };
