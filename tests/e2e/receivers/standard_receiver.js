// A receiver of Standard Webhooks: Express and the `standardwebhooks` package of the standard's authors.
//
//   /v1/…   the package verifies; the secret is whsec_…
//   /v1a/…  Ed25519, which the package does not know, by node:crypto; the key is whpk_…

"use strict";

const crypto = require("node:crypto");
const { Webhook } = require("standardwebhooks");
const { serve } = require("./receiver");

const TOLERANCE_SECONDS = 5 * 60;
// What comes before the 32 bytes of an Ed25519 public key in a SubjectPublicKeyInfo (RFC 8410).
const ED25519_SPKI = Buffer.from("302a300506032b6570032100", "hex");

function verifyV1a(request, key) {
  const [id, sentAt] = [request.get("webhook-id"), request.get("webhook-timestamp")];
  if (!id || !/^\d+$/.test(sentAt ?? "")) throw new Error("a header is missing");
  if (Math.abs(Date.now() / 1000 - Number(sentAt)) > TOLERANCE_SECONDS) throw new Error("too old");
  const publicKey = crypto.createPublicKey({
    key: Buffer.concat([ED25519_SPKI, Buffer.from(key.replace(/^whpk_/, ""), "base64")]),
    format: "der",
    type: "spki",
  });
  const signed = Buffer.concat([Buffer.from(`${id}.${sentAt}.`), request.body]);
  const verified = (request.get("webhook-signature") ?? "")
    .split(" ")
    .filter((signature) => signature.startsWith("v1a,"))
    .some((signature) =>
      crypto.verify(null, signed, publicKey, Buffer.from(signature.slice(4), "base64")),
    );
  if (!verified) throw new Error("no signature of this key");
}

serve({
  v1: (request, secret) => new Webhook(secret).verify(request.body.toString("utf8"), request.headers),
  v1a: verifyV1a,
});
