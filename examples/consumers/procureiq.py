#!/usr/bin/python3
"""A consumer of ProcureIQ's webhooks, in nothing but Python's standard library.

    WEBHOOK_SECRET=… PORT=3000 python3 procureiq.py

It listens at http://127.0.0.1:3000/webhooks/procureiq and prints what it accepts.
"""

import hashlib
import hmac
import http.server
import json
import os
import queue
import threading

PATH = "/webhooks/procureiq"
BODY_BYTES_MAX = 1 << 20
SECRET = os.environ.get("WEBHOOK_SECRET", "").encode()

accepted = queue.Queue()


def is_signed(body, header):
    """`x-procureiq-signature: sha256=<hex>`, over the bytes of the body as they came."""
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    # As bytes: compare_digest refuses text that is not ASCII, which a header may be.
    return hmac.compare_digest(expected.encode(), header.encode())


def work():
    """Does what the events ask for, after they were acknowledged.

    Copies are known by the event's id. A real consumer keeps these in its database, and writes
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
            return self.answer(413, {"detail": "the body is too long"})
        body = self.rfile.read(length)
        if self.path != PATH:
            return self.answer(404, {"detail": "Not Found"})
        if not SECRET:
            return self.answer(500, {"detail": "WEBHOOK_SECRET is not set"})
        if not is_signed(body, self.headers.get("x-procureiq-signature", "")):
            return self.answer(401, {"detail": "Unauthorized"})
        event = json.loads(body)
        accepted.put((event["id"], event))
        return self.answer(200, {"status": "ok"})  # At once; the work is another thread's.

    def answer(self, status, content):
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    threading.Thread(target=work, daemon=True).start()
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", int(os.environ.get("PORT", "3000"))), Consumer)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()
