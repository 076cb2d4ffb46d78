#!/usr/bin/python3
"""A consumer of Precoro's webhooks, in nothing but Python's standard library.

    WEBHOOK_SECRET=… PORT=3000 python3 precoro.py

It listens at http://127.0.0.1:3000/webhooks/precoro/WEBHOOK_SECRET and prints what it accepts.
Precoro signs nothing: who knows the secret part of the URL may send, and nobody else. So it belongs
behind HTTPS, and out of logs.

With PRECORO_API=https://api.precoro.com and PRECORO_TOKEN=… it fetches what a notice is about.
"""

import hmac
import http.server
import json
import os
import queue
import sys
import threading
import urllib.request

PATH = "/webhooks/precoro/" + os.environ["WEBHOOK_SECRET"]
BODY_BYTES_MAX = 1 << 20
ENTITIES = 12  # 0, Warehouse Request, to 11, Custom Fields for Items.

accepted = queue.Queue()


def is_for_us(path):
    # As bytes: compare_digest refuses text that is not ASCII, which a path may be.
    return hmac.compare_digest(PATH.encode(), path.encode())


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def parse(body):
    """The notice, or None for what is none."""
    try:
        notice = json.loads(body)
        fits = (all(is_whole(notice[name]) for name in ("id", "type", "action"))
                and (notice.get("idn") is None or is_whole(notice["idn"]))
                and 0 <= notice["type"] < ENTITIES and notice["action"] in (0, 1))
    except (ValueError, KeyError, TypeError):
        return None
    return notice if fits else None


def address_of(notice):
    """For the kinds of documents whose address Precoro's page names."""
    if notice["type"] == 2 and notice.get("idn"):  # Purchase Order
        return f"/purchaseorders/{notice['idn']}"
    return f"/invoices/{notice['id']}" if notice["type"] == 3 else None


def fetch_document(notice):
    api, address = os.environ.get("PRECORO_API"), address_of(notice)
    if not api or not address:
        return None
    request = urllib.request.Request(
        api + address, headers={"X-AUTH-TOKEN": os.environ.get("PRECORO_TOKEN", "")})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def work():
    """Does what the notices ask for, after they were acknowledged.

    A notice says which document changed, and not how. A copy of it leads to the same document as it
    is now, so copies need not be known.
    """
    while True:
        notice = accepted.get()
        try:
            document = fetch_document(notice)
        except OSError as error:
            print(error, file=sys.stderr)  # A real consumer fetches again later.
            continue
        print(json.dumps({"type": "{type}.{action}".format(**notice), "body": notice,
                          "document": document}), flush=True)


class Consumer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if not 0 <= length <= BODY_BYTES_MAX:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(length)
        if not is_for_us(self.path):
            return self.answer(404)
        notice = parse(body)
        if notice is None:
            return self.answer(400)
        accepted.put(notice)
        return self.answer(200)  # At once; the work is another thread's. Only 200 and 201 count.

    def log_message(self, *_):
        pass  # It would print the path.

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
