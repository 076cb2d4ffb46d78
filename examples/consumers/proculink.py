#!/usr/bin/python3
"""A consumer of ProcuLink's webhooks, in nothing but Python's standard library.

    WEBHOOK_SECRET=… PORT=3000 python3 proculink.py

It listens at http://127.0.0.1:3000/webhooks/proculink and prints what it accepts.
"""

import hashlib
import hmac
import http.server
import json
import os
import queue
import threading

PATH = "/webhooks/proculink"
BODY_BYTES_MAX = 1 << 20
SECRET = os.environ["WEBHOOK_SECRET"].encode()

accepted = queue.Queue()


def is_signed(body, header):
    """`X-ProcuLink-Signature: sha256=<hex>`, over the bytes of the body as they came."""
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    # As bytes: compare_digest refuses text that is not ASCII, which a header may be.
    return hmac.compare_digest(expected.encode(), header.encode())


def work():
    """Does what the events ask for, after they were acknowledged.

    ProcuLink names no id to know copies by. Every try has the same body, so its digest serves.
    A real consumer keeps these in its database, and writes them with what the event changes.
    """
    seen = set()
    while True:
        event_type, body = accepted.get()
        key = hashlib.sha256(body).digest()
        if key in seen:
            continue
        print(json.dumps({"type": event_type, "body": json.loads(body)}), flush=True)
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
        if not is_signed(body, self.headers.get("X-ProcuLink-Signature", "")):
            return self.answer(401)
        accepted.put((self.headers.get("X-ProcuLink-Event"), body))
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
