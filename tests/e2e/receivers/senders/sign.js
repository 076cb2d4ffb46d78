// Signs messages as the platforms do, each with the library that its users or its authors have for it,
// or with node:crypto where there is none.
//
//   echo '[{"sender": "stripe", "secret": …, "body": …, "at": 1700000000, "id": …, "type": …}]' | node sign.js
//
// `at`: seconds, for those that sign a time. Prints the headers of each, in the same sequence.

"use strict";

const crypto = require("node:crypto");
const standard = require("standardwebhooks");
const Stripe = require("stripe");
const svix = require("svix");

function hmac(secret, text, encoding = "hex") {
  return crypto.createHmac("sha256", secret).update(text).digest(encoding);
}

// The `standardwebhooks` package and svix, which it came from, have the same interface.
function standardHeaders({ Webhook }, prefix, { secret, body, at, id }) {
  return {
    [`${prefix}-id`]: id,
    [`${prefix}-timestamp`]: String(at),
    [`${prefix}-signature`]: new Webhook(secret).sign(id, new Date(at * 1000), body),
  };
}

const senders = {
  standardwebhooks: (message) => standardHeaders(standard, "webhook", message),
  svix: (message) => standardHeaders(svix, "svix", message),
  stripe: ({ secret, body, at }) => ({
    "Stripe-Signature": Stripe.webhooks.generateTestHeaderString({
      payload: body, secret, timestamp: at,
    }),
  }),
  // The package is an ES module.
  octokit: async ({ secret, body, id, type }) => {
    const { Webhooks } = await import("@octokit/webhooks");
    return {
      "X-GitHub-Event": type,
      "X-GitHub-Delivery": id,
      "X-Hub-Signature-256": await new Webhooks({ secret }).sign(body),
    };
  },
  proculink: ({ secret, body, type }) => ({
    "X-ProcuLink-Event": type,
    "X-ProcuLink-Signature": `sha256=${hmac(secret, body)}`,
  }),
  procureiq: ({ secret, body, at, type }) => ({
    "x-procureiq-event": type,
    "x-procureiq-timestamp": String(at),
    "x-procureiq-signature": `sha256=${hmac(secret, body)}`,
  }),
  peptideclients: ({ secret, body, at, id, type }) => ({
    "X-PC-Event-Type": type,
    "X-PC-Event-Id": id,
    "X-PC-Timestamp": String(at),
    "X-PC-Signature": `t=${at},v1=${hmac(secret, `${at}.${body}`)}`,
  }),
  proign: ({ secret, body, id }) => ({
    "X-Proign-Delivery-ID": `${id}-1`,
    "X-Proign-Signature": `sha256=${hmac(secret, body)}`,
  }),
  woocommerce: ({ secret, body, id, type }) => ({
    "User-Agent": "WooCommerce/9.4.2 Hookshot (WordPress/6.7.1)",
    "X-WC-Webhook-Source": "https://shop.example/",
    "X-WC-Webhook-Topic": type,
    "X-WC-Webhook-Resource": type.split(".")[0],
    "X-WC-Webhook-Event": type.split(".")[1],
    "X-WC-Webhook-Signature": hmac(secret, body, "base64"),
    "X-WC-Webhook-ID": "17",
    "X-WC-Webhook-Delivery-ID": id,
  }),
  shopify: ({ secret, body, id, type }) => ({
    "X-Shopify-Topic": type,
    "X-Shopify-Webhook-Id": id,
    "X-Shopify-Hmac-Sha256": hmac(secret, body, "base64"),
  }),
  slack: ({ secret, body, at }) => ({
    "X-Slack-Request-Timestamp": String(at),
    "X-Slack-Signature": `v0=${hmac(secret, `v0:${at}:${body}`)}`,
  }),
  hmac: ({ secret, body, id, type }) => ({
    "X-Webhook-Id": id,
    "X-Webhook-Event": type,
    "X-Signature": `sha256=${hmac(secret, body)}`,
  }),
};

async function main() {
  let text = "";
  for await (const chunk of process.stdin) text += chunk;
  const signed = [];
  for (const message of JSON.parse(text)) {
    signed.push({ "Content-Type": "application/json", ...(await senders[message.sender](message)) });
  }
  console.log(JSON.stringify(signed));
}

main();
