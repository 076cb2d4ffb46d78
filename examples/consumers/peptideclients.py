#!/usr/bin/python3
"""A consumer of PeptideClients' webhooks, in nothing but Python's standard library.

    WEBHOOK_SECRET=… PORT=3000 python3 peptideclients.py

It listens at http://127.0.0.1:3000/webhooks/peptideclients and prints what it accepts.
"""

import hashlib
import hmac
import http.server
import json
import os
import queue
import threading
import time

PATH = "/webhooks/peptideclients"
BODY_BYTES_MAX = 1 << 20
TOLERANCE_SECONDS = 5 * 60
SECRET = os.environ["WEBHOOK_SECRET"].encode()

accepted = queue.Queue()


def is_signed(body, headers):
    """`X-PC-Signature: t=<time>,v1=<hex>`, over the time, a dot and the body's bytes as they came.

    While a secret is being changed there are two `v1=`; one of them is enough.
    """
    parts = [part.partition("=")[::2] for part in headers.get("X-PC-Signature", "").split(",")]
    sent_at = dict(parts).get("t", "")
    if not (sent_at.isascii() and sent_at.isdigit()):
        return False
    if sent_at != headers.get("X-PC-Timestamp"):
        return False
    if abs(time.time() - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    expected = hmac.new(SECRET, sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
    # As bytes: compare_digest refuses text that is not ASCII, which a header may be.
    return any(hmac.compare_digest(expected.encode(), value.encode())
               for name, value in parts if name == "v1")


def work():
    """Does what the events ask for, after they were acknowledged.

    Copies are known by the delivery's id. A real consumer keeps these in its database, and writes
    them with what the event changes.
    """
    seen = set()
    while True:
        key, event = accepted.get()
        if key in seen:
            continue
        print(json.dumps({"type": event["type"], "body": event}), flush=True)
        seen.add(key)


class Consumer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if not 0 <= length <= BODY_BYTES_MAX:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(length)
        if self.path != PATH:
            return self.answer(404)
        if not is_signed(body, self.headers):
            return self.answer(401)
        accepted.put((self.headers.get("X-PC-Delivery-Id"), json.loads(body)))
        return self.answer(200)  # At once; the work is another thread's.

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


if __name__ == "__main__":
    threading.Thread(target=work, daemon=True).start()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", int(os.environ.get("PORT", "3000"))), Consumer)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()
