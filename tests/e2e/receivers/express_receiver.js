// A receiver of ProcuLink's webhooks, written as its documentation tells: Express and node:crypto.
//
//   /raw/…        verifies X-ProcuLink-Signature over the raw body
//   /stringify/…  verifies it over JSON.stringify of the parsed body, as many receivers do
//   /both/…       as /raw with {"old"}, and the header that carries {"new"} while two are in use
//   /open/…       verifies nothing: an endpoint without a secret

"use strict";

const crypto = require("node:crypto");
const { serve } = require("./receiver");

function verify(payload, header, secret) {
  if (!secret) throw new Error("this receiver was given no secret");
  if (!header) throw new Error("there is no signature");
  const expected = "sha256=" + crypto.createHmac("sha256", secret).update(payload).digest("hex");
  const [a, b] = [Buffer.from(expected), Buffer.from(header)];
  // timingSafeEqual throws for unequal lengths.
  if (a.length !== b.length || !crypto.timingSafeEqual(a, b)) throw new Error("another signature");
}

serve({
  raw: (request, secret) => verify(request.body, request.get("X-ProcuLink-Signature"), secret),
  both: (request, secrets) => {
    verify(request.body, request.get("X-ProcuLink-Signature"), secrets.old);
    verify(request.body, request.get("X-ProcuLink-Signature-Next"), secrets.new);
  },
  stringify: (request, secret) =>
    verify(
      JSON.stringify(JSON.parse(request.body.toString("utf8"))),
      request.get("X-ProcuLink-Signature"),
      secret,
    ),
  open: () => {},
});
