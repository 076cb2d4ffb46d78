// A receiver of ProcureIQ's webhooks as they are written by hand: Express and SQLite.
//
//   node express.js DATABASE SECRET

"use strict";

const express = require("express");
const { isSigned, open } = require("./store");

const [file, secret] = process.argv.slice(2);
const store = open(file);
const app = express();
app.disable("x-powered-by");
app.set("etag", false);

app.post(
  "/webhooks/procureiq",
  express.raw({ type: "application/json", limit: "1mb" }),
  (request, response) => {
    if (!isSigned(secret, request.body, request.get("x-procureiq-signature"))) {
      response.status(401).json({ error: "unauthorized" });
      return;
    }
    store(request.body);
    response.json({ status: "ok" });
  },
);

const server = app.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});
