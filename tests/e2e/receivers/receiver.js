// What the JavaScript receivers have in common: they record what comes, answer as they are told, and
// tell what they got. How a webhook is verified is each one's own.
//
//   POST /control/secrets   {"/path": "secret"}: what webhooks to that path are verified with
//   POST /control/behave    {"path", "status", "times", "headers", "hold"}: the next answers there;
//                           `hold` keeps them back until POST /control/release {"path"}
//   GET  /received          everything that came, in order, each with "valid" and "why"
//
// `fastapi_receiver.py` speaks the same. The first line of output is {"port": N}.

"use strict";

const express = require("express");

// `verifiers`: the first segment of a path → (request, secret) → nothing, or throws with the reason.
function serve(verifiers) {
  const app = express();
  const secrets = new Map();
  const behaviours = new Map(); // Path → answers to give, first first.
  const received = [];
  let held = []; // {path, answer}

  app.post("/control/secrets", express.json(), (request, response) => {
    for (const [path, secret] of Object.entries(request.body)) secrets.set(path, secret);
    response.json({});
  });
  app.post("/control/behave", express.json(), (request, response) => {
    const { path, status = 200, times = 1, headers = {}, hold = false } = request.body;
    const queue = behaviours.get(path) ?? [];
    for (let i = 0; i < times; ++i) queue.push({ status, headers, hold });
    behaviours.set(path, queue);
    response.json({});
  });
  app.post("/control/release", express.json(), (request, response) => {
    const { path } = request.body;
    const released = held.filter((one) => one.path === path);
    held = held.filter((one) => one.path !== path);
    for (const one of released) one.answer();
    response.json({ released: released.length });
  });
  app.get("/received", (request, response) => response.json({ requests: received }));

  // The bytes as they came: a signature is over these.
  app.post("*", express.raw({ type: "*/*", limit: "5mb" }), (request, response) => {
    const path = request.path;
    let why = "";
    try {
      verifiers[path.split("/")[1]](request, secrets.get(path));
    } catch (error) {
      why = error.message || "refused";
    }
    const behaviour = (behaviours.get(path) ?? []).shift() ?? { status: 200, headers: {} };
    received.push({
      path,
      headers: request.headers,
      body: request.body.toString("utf8"),
      valid: why === "",
      why,
      status: behaviour.status,
      at: Date.now() / 1000,
    });
    const answer = () => {
      response.set(behaviour.headers);
      response.status(behaviour.status).json({ received: true });
    };
    if (behaviour.hold) held.push({ path, answer });
    else answer();
  });

  const server = app.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({ port: server.address().port }));
  });
}

module.exports = { serve };
