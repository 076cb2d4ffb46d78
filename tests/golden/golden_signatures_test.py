#!/usr/bin/python3
"""The files beside this one, judged by what the platforms document and by libraries of others.

Nothing here is the hub's: signatures are verified with `hmac`, bodies with Node.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
SECRET = b"your-webhook-secret"
STANDARD_KEY = base64.b64decode("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
TITLES = ["A delivery", "Its retry", "A test of the endpoint"]

# The names of the platform's headers, in exact case: of a first try, and of a retry besides.
HEADERS = {
    "proculink": ("Content-Type X-ProcuLink-Event X-ProcuLink-Signature", ""),
    "procureiq": ("Content-Type x-procureiq-event x-procureiq-delivery x-procureiq-timestamp "
                  "x-procureiq-signature", ""),
    "precoro": ("Content-Type", ""),
    "peptideclients": ("Content-Type User-Agent X-PC-Event-Type X-PC-Event-Id X-PC-Delivery-Id "
                       "X-PC-Timestamp X-PC-Signature", ""),
    "proign": ("Content-Type X-Proign-Delivery-ID X-Proign-Signature", "X-Proign-Retry-Count"),
    "standard-webhooks": ("Content-Type webhook-id webhook-timestamp webhook-signature", ""),
}
# Any client of HTTP sends these.
TRANSPORT = {"Host", "User-Agent", "Content-Length"}


class Request:
    def __init__(self, text):
        head, _, body = text.partition(b"\n\n")
        start, *lines = head.decode().split("\n")
        assert start.startswith("POST /webhooks/"), start
        self.headers = dict(line.split(": ", 1) for line in lines)
        assert len(self.headers) == len(lines), "a header twice"
        self.body = body.removesuffix(b"\n")


def requests_of(dialect):
    with open(os.path.join(FOLDER, dialect + ".txt"), "rb") as file:
        parts = file.read().split(b"### ")[1:]
    titled = [part.partition(b"\n\n") for part in parts]
    assert [title.decode() for title, _, _ in titled] == TITLES, titled
    return [Request(text.removesuffix(b"\n") if text.endswith(b"\n\n") else text)
            for _, _, text in titled]


def hex_of(signed):
    return hmac.new(SECRET, signed, hashlib.sha256).hexdigest()


def expected_signature(dialect, headers, body):
    if dialect == "peptideclients":
        time = headers["X-PC-Timestamp"]
        return f"t={time},v1=" + hex_of(time.encode() + b"." + body)
    if dialect == "standard-webhooks":
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(STANDARD_KEY, signed, hashlib.sha256).digest()
        return "v1," + base64.b64encode(digest).decode()
    return "sha256=" + hex_of(body)


class GoldenFiles(unittest.TestCase):
    def each(self):
        for dialect in HEADERS:
            for title, request in zip(TITLES, requests_of(dialect)):
                with self.subTest(f"{dialect}: {title}"):
                    yield dialect, title, request

    def test_headers_are_the_documented_ones_in_their_case(self):
        for dialect, title, request in self.each():
            always, of_retries = HEADERS[dialect]
            wanted = set(always.split())
            if title == "Its retry":
                wanted |= set(of_retries.split())
            self.assertEqual(set(request.headers) - TRANSPORT, wanted - TRANSPORT)
            self.assertLessEqual(wanted, set(request.headers))
            self.assertEqual(request.headers["Content-Type"], "application/json")
            self.assertEqual(request.headers["Content-Length"], str(len(request.body)))

    def test_signatures_are_those_of_hmac(self):
        signed = 0
        for dialect, _, request in self.each():
            for name, value in request.headers.items():
                if name.lower().endswith("signature"):
                    signed += 1
                    self.assertEqual(value,
                                     expected_signature(dialect, request.headers, request.body))
        self.assertEqual(signed, 15)

    def test_bodies_are_what_javascript_writes(self):
        program = ('const lines = require("fs").readFileSync(0, "utf8").split("\\n");'
                   'for (const line of lines) console.log(JSON.stringify(JSON.parse(line)));')
        bodies = [request.body for _, _, request in self.each()]
        answer = subprocess.run(["node", "-e", program], input=b"\n".join(bodies), check=True,
                                stdout=subprocess.PIPE, timeout=30).stdout
        self.assertEqual(answer.splitlines(), bodies)

    def test_a_retry_differs_from_its_delivery_only_in_what_tells_the_try(self):
        tells_the_try = {"peptideclients": {"X-PC-Timestamp", "X-PC-Signature"},
                         "procureiq": {"x-procureiq-timestamp"},
                         "proign": {"X-Proign-Delivery-ID", "X-Proign-Retry-Count"},
                         "standard-webhooks": {"webhook-timestamp", "webhook-signature"}}
        for dialect in HEADERS:
            first, retry, _ = requests_of(dialect)
            self.assertEqual(retry.body, first.body)
            differing = {name for name in {**first.headers, **retry.headers}
                         if first.headers.get(name) != retry.headers.get(name)}
            self.assertEqual(differing, tells_the_try.get(dialect, set()))

    def test_a_test_of_peptideclients_has_no_events_id(self):
        test = requests_of("peptideclients")[2]
        self.assertEqual(test.headers["X-PC-Event-Id"], "null")
        self.assertIsNone(json.loads(test.body)["id"])

    def test_all_tell_of_the_same_order(self):
        order = "01941f29-7c00-7aaa-8000-000000000001"
        places = {"proculink": lambda body: body["data"]["order"]["id"],
                  "procureiq": lambda body: body["data"]["orderId"],
                  "precoro": lambda body: body["id"]}
        for dialect in HEADERS:
            body = json.loads(requests_of(dialect)[0].body)
            told = places.get(dialect, lambda body: body["data"]["order_id"])(body)
            self.assertEqual(told, {"procureiq": "ord_01JGFJJZ00FAN8000000000001",
                                    "precoro": 123456}.get(dialect, order))


if __name__ == "__main__":
    unittest.main()
