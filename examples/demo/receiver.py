"""A small receiver of webhooks, in nothing but Python's standard library.

    python3 examples/demo/receiver.py SECRET [whsec_SECRET]

listens on http://127.0.0.1:9000 and prints what it is sent at /proculink, and with a secret of that
form, at /standard-webhooks.

The two functions at the top are what somebody who receives webhooks from Waybill has to write.
Both work on the bytes of the body exactly as they arrived: a body that was parsed and written
again may have other bytes.
"""

import base64
import hashlib
import hmac
import http.server
import json
import sys
import threading
import time

PORT = 9000
TOLERANCE_SECONDS = 300


def verify_proculink(headers, body, secret):
    """`X-ProcuLink-Signature: sha256=<hex>`, over the body."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers.get("X-ProcuLink-Signature", ""))


def verify_standard_webhooks(headers, body, secret):
    """`webhook-signature: v1,<base64>`, over id, time and body; several, parted by spaces."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = message_id.encode() + b"." + timestamp.encode() + b"." + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(expected, signature)
               for signature in headers.get("webhook-signature", "").split())


# The path of each endpoint's URL, and how its webhooks are verified.
VERIFIERS = {
    "/proculink": verify_proculink,
    "/standard-webhooks": verify_standard_webhooks,
}


class Webhook:
    """One that arrived."""

    def __init__(self, path, headers, body, is_valid):
        self.arrived_at = time.monotonic()
        self.dialect = path.lstrip("/")
        self.is_valid = is_valid
        try:
            content = json.loads(body)
            data = content.get("data", {})
            # The two dialects write the same order differently.
            order = data.get("order") or {"id": data.get("order_id"),
                                          "orderNumber": data.get("number")}
            self.event_type = str(headers.get("X-ProcuLink-Event") or content.get("type"))
            self.event_id = str(headers.get("webhook-id") or content.get("id"))
            self.order_id, self.order_number = order.get("id"), order.get("orderNumber")
        except (ValueError, AttributeError):
            self.event_type = self.event_id = self.order_id = self.order_number = None


class Receiver:
    """Calls `on_webhook` for each webhook, from a thread of its own. Port 0 is any free one."""

    def __init__(self, on_webhook, port=0):
        self.secrets = {}  # By path.
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = 65536

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                verify, secret = VERIFIERS.get(self.path), receiver.secrets.get(self.path)
                if verify is None or secret is None:
                    return self.answer(404)
                webhook = Webhook(self.path, self.headers, body,
                                  verify(self.headers, body, secret))
                # A receiver answers 401 to what it cannot verify, and forgets it.
                self.answer(200 if webhook.is_valid else 401)
                on_webhook(webhook)
                return None

            def answer(self, status):
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                self.wfile.flush()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            # Else stopping would wait for the connections that the hub keeps open.
            block_on_close = False

            def handle_error(self, *_):
                pass  # A connection that ended: the hub will try again.

        self.server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def show(webhook):
    order = f", order {webhook.order_number}" if webhook.order_number else ""
    print(f"{webhook.dialect}: {webhook.event_type} {webhook.event_id}{order}, signature "
          f"{'valid' if webhook.is_valid else 'INVALID'}", flush=True)


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    receiver = Receiver(show, PORT)
    for secret in sys.argv[1:]:
        is_standard = secret.startswith("whsec_")
        receiver.secrets["/standard-webhooks" if is_standard else "/proculink"] = secret
    print("listening on", *(receiver.url + path for path in receiver.secrets), flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        receiver.stop()


if __name__ == "__main__":
    main()
