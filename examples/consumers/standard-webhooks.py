#!/usr/bin/python3
"""A consumer of Standard Webhooks, in nothing but Python's standard library.

    WEBHOOK_SECRET=… PORT=3000 python3 standard-webhooks.py

It listens at http://127.0.0.1:3000/webhooks/standard-webhooks and prints what it accepts.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import queue
import threading
import time

PATH = "/webhooks/standard-webhooks"
BODY_BYTES_MAX = 1 << 20
TOLERANCE_SECONDS = 5 * 60
KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))

accepted = queue.Queue()


def is_signed(body, headers):
    """`webhook-signature: v1,<base64>`, over id, time and the bytes of the body as they came.

    Several are parted by spaces, while a secret is being changed; one of them is enough.
    """
    message_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (message_id and sent_at.isascii() and sent_at.isdigit()):
        return False
    if abs(time.time() - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    signed = f"{message_id}.{sent_at}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    # As bytes: compare_digest refuses text that is not ASCII, which a header may be.
    return any(hmac.compare_digest(expected.encode(), signature.encode())
               for signature in headers.get("webhook-signature", "").split(" "))


def work():
    """Does what the events ask for, after they were acknowledged.

    Copies are known by webhook-id. A real consumer keeps these in its database, and writes
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
        accepted.put((self.headers["webhook-id"], json.loads(body)))
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
