// The corpus: orders as WooCommerce's REST API v3 documents them (W-11 to W-16). Each message is
// base.json with changes over it; "$line_items" and "$meta_bytes" make what is too long to write
// down. src/intake/woocommerce_test.cc makes the same.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

function load(name) {
  return JSON.parse(fs.readFileSync(path.join(__dirname, name), "utf8"));
}

const base = load("base.json");

function orderOf(changes) {
  const order = { ...base, _links: { self: [{ href: `https://shop.example/wp-json/wc/v3/orders/${changes.id}` }] } };
  for (const [name, value] of Object.entries(changes)) {
    if (!name.startsWith("$")) order[name] = value;
  }
  if (changes.$line_items) {
    order.line_items = Array.from({ length: changes.$line_items }, (_, i) => ({
      ...base.line_items[0], id: 10000 + i, sku: `VIAL-${i}`,
    }));
  }
  if (changes.$meta_bytes) {
    order.meta_data = [{ id: 1, key: "blob", value: "x".repeat(changes.$meta_bytes) }];
  }
  return order;
}

module.exports = {
  orderOf,
  corpus: () => load("corpus.json").map(({ name, topic, changes }) => ({ name, topic, order: orderOf(changes) })),
};
