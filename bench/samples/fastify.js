// The same as express.js, with Fastify.
//
//   node fastify.js DATABASE SECRET

"use strict";

const fastify = require("fastify");
const { isSigned, open } = require("./store");

const [file, secret] = process.argv.slice(2);
const store = open(file);
const app = fastify({ bodyLimit: 1024 * 1024 });
app.removeAllContentTypeParsers();
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) =>
  done(null, body),
);

app.post("/webhooks/procureiq", (request, reply) => {
  if (!isSigned(secret, request.body, request.headers["x-procureiq-signature"])) {
    reply.code(401).send({ error: "unauthorized" });
    return;
  }
  store(request.body);
  reply.send({ status: "ok" });
});

app.listen({ port: 0, host: "127.0.0.1" }).then(() => {
  console.log(JSON.stringify({ port: app.server.address().port }));
});
