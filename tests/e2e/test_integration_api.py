"""PeptideClients' integration API over HTTP: every row of its errors, twins, repeats, signatures.

Every answer is judged by the contract that the hub serves.
"""

import hashlib
import hmac
import json
import os
import re
import socket
import sqlite3
import time
import unittest
import urllib.parse
import warnings

import harness
from harness import HubTest, at_once
from test_operations import PostgresTrouble, SqliteTrouble

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import jsonschema

BASE = "/integrations/v1"
PAGE = os.path.join(harness.ROOT, "docs", "platforms", "peptideclients-errors.md")
ROW = re.compile(r"^\| `(\w+)` \| (\d+) \|", re.MULTILINE)
NOBODY = "01941f29-7c00-7000-8000-000000000001"


def error_table():
    """{code: status} of the page, which a unit test compares with the table in the program."""
    with open(PAGE, encoding="utf-8") as file:
        return {code: int(status) for code, status in ROW.findall(file.read())}


def an_order(external_id, **more):
    """An order of 39.90 EUR."""
    return {"external_id": external_id, **more,
            "items": [{"sku": "P-5", "name": "Peptide", "quantity": 2, "unit_price": "19.95"}]}


def a_payment(amount, **more):
    return {"method": "card", "amount": amount, **more}


def signature(secret, body, at=None):
    at = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"PC-Signature": f"t={at},v1={digest}"}


class Contract:
    """What the hub serves at openapi.json, as JSON Schema reads it."""

    def __init__(self, document):
        self.document = self.with_nullable(document)
        self.paths = sorted(((re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template) + r"\Z"), template)
                             for template in document["paths"]),
                            key=lambda entry: entry[1].count("{"))

    def with_nullable(self, node):
        if isinstance(node, list):
            return [self.with_nullable(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        node = {name: self.with_nullable(inner) for name, inner in node.items()}
        if node.pop("nullable", False) is True:
            node["type"] = [node["type"], "null"]
        return node

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def check(self, method, path, answer):
        template = next((template for pattern, template in self.paths
                         if pattern.match(path.split("?")[0])), "")
        operation = self.document["paths"].get(template, {}).get(method.lower())
        what = f"{method} {path} → {answer}"
        if operation is None:
            assert answer.status in (400, 404, 405), what
            schema = self.document["components"]["schemas"]["Error"]
            assert set(answer.json) == set(schema["required"]), what
            return
        assert str(answer.status) in operation["responses"], f"{what} is not documented"
        response = self.resolve(operation["responses"][str(answer.status)])
        (media_type, shape), = response["content"].items()
        assert answer.media_type == media_type, what
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            resolver = jsonschema.RefResolver("", self.document)
        checker = jsonschema.Draft7Validator(shape["schema"], resolver=resolver,
                                             format_checker=jsonschema.FormatChecker())
        faults = [f"{list(fault.path)}: {fault.message}"
                  for fault in checker.iter_errors(answer.json)]
        assert not faults, f"{what} does not fit the contract: {faults}"
        if answer.status >= 400:
            assert answer.json["error"] in shape["examples"], f"{what}: the code is not listed"


class Shop:
    """A caller with a key of the integration API."""

    def __init__(self, test, store="Main", **more):
        made = test.workspace.ask("POST", "/keys", {
            "platform": "peptideclients", "kind": "integration", "store": store,
            "source": "shopify", **more}, 201)
        self.id, self.key, self.secret = made["id"], made["key"], made["signing_secret"]
        self.http = test.hub.http
        self.contract = Contract(self.http.request("GET", BASE + "/openapi.json").json)

    def send(self, method, path, body=None, headers=None):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        headers = {name: value for name, value in headers.items() if value is not None}
        answer = self.http.request(method, BASE + path, body, headers)
        self.contract.check(method, BASE + path, answer)
        return answer

    def post(self, path, body=None, headers=None):
        return self.send("POST", path, body, headers)

    def find(self, external_id):
        return self.send("GET", "/orders/by-external/" + urllib.parse.quote(external_id, safe=""))

    def new_order(self, external_id="1", **more):
        return self.post("/orders", an_order(external_id, **more)).json["id"]


class IntegrationTest(HubTest):
    def setUp(self):
        super().setUp()
        self.workspace.ask("POST", "/stores", {"name": "Main", "currency": "EUR",
                                               "number_prefix": "SO-"}, 201)
        self.shop = Shop(self)

    def address(self):
        return ("127.0.0.1", self.hub.http.address.port)

    def ok(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        return answer.json


class Errors(IntegrationTest):
    """Every row of the table, but for the faults of the hub."""

    def begin_slow_request(self):
        """A request that never ends: the answer comes when the server's patience does."""
        slow = socket.create_connection(self.address(), 60)
        self.addCleanup(slow.close)
        slow.sendall(f"POST {BASE}/orders HTTP/1.1\r\nHost: hub\r\n".encode())
        return slow

    def answer_of(self, slow):
        response = b""
        while not response.partition(b"\r\n\r\n")[2]:
            more = slow.recv(4096)
            self.assertTrue(more, response)
            response += more
        head, _, body = response.partition(b"\r\n\r\n")
        return harness.Answer(int(head.split()[1]), {}, body)

    def provocations_of_reads(self):
        """What the other half of the API, /v1, alone can end in."""
        key = self.workspace.ask("POST", "/keys", {"platform": "peptideclients", "kind": "public",
                                                   "scopes": ["read_write"]}, 201)["key"]

        def ask(method, path):
            return lambda: self.hub.http.request(method, "/v1" + path,
                                                 headers={"Authorization": f"Bearer {key}"})
        return {
            "invalid_limit": ask("GET", "/orders?limit=0"),
            "invalid_cursor": ask("GET", "/orders?cursor_id=" + NOBODY),
            "vendor_not_found": ask("GET", "/vendors/" + NOBODY),
            "product_not_found": ask("GET", "/products/" + NOBODY),
            "endpoint_not_found": ask("POST", "/webhooks/test/" + NOBODY),
        }

    def provocations(self):
        shop, post = self.shop, self.shop.post
        order = shop.new_order("1")
        paid = self.ok(post(f"/orders/{order}/payments", a_payment("9.90", external_id="p1")), 201)
        shipped = shop.new_order("2")
        self.workspace.ask("POST", f"/sales-orders/{shipped}/shipments", {"carrier": "UPS"}, 201)
        cancelled = shop.new_order("3")
        self.ok(post(f"/orders/{cancelled}/cancel"), 200)
        strict = Shop(self, require_signature=True)
        narrow = Shop(self, scopes=["clients:write"])
        elsewhere = Shop(self, allowed_networks=["198.51.100.0/24"])
        limited = Shop(self, calls_per_minute=1)
        limited.find("1")
        body = json.dumps(an_order("9")).encode()
        self.ok(post("/orders", an_order("4"), {"Idempotency-Key": "once"}), 201)
        refund = f"/payments/{paid['id']}/refund"
        refunded = self.ok(post(f"/orders/{order}/payments", a_payment("1")), 201)["id"]
        self.ok(post(f"/payments/{refunded}/refund"), 200)
        return {
            "invalid_request": lambda: post("/orders", {"external_id": 7}),
            "invalid_json": lambda: post("/orders", b"{"),
            "idempotency_key_invalid":
                lambda: post("/orders", an_order("9"), {"Idempotency-Key": "x" * 256}),
            "missing_authorization":
                lambda: post("/orders", an_order("9"), {"Authorization": None}),
            "invalid_api_key":
                lambda: post("/orders", an_order("9"), {"Authorization": "Bearer pck_int_no"}),
            "signature_missing": lambda: strict.post("/orders", body),
            "signature_invalid": lambda: strict.post("/orders", body, signature("wrong", body)),
            "signature_expired":
                lambda: strict.post("/orders", body,
                                    signature(strict.secret, body, int(time.time()) - 310)),
            "insufficient_scope": lambda: narrow.post("/orders", body),
            "ip_not_allowed": lambda: elsewhere.post("/orders", body),
            "not_found": lambda: post("/nothing", b"{}"),
            "order_not_found": lambda: shop.find("no such"),
            "payment_not_found": lambda: post(f"/payments/{order}/refund"),
            "method_not_allowed": lambda: shop.send("DELETE", "/orders"),
            "idempotency_conflict":
                lambda: post("/orders", an_order("5"), {"Idempotency-Key": "once"}),
            "order_cancelled": lambda: post(f"/orders/{cancelled}/payments", a_payment("1")),
            "order_not_cancellable": lambda: post(f"/orders/{shipped}/cancel"),
            "payment_exists":
                lambda: post(f"/orders/{shipped}/payments", a_payment("1", external_id="p1")),
            "payment_refunded": lambda: post(f"/payments/{refunded}/refund"),
            "body_too_large": lambda: post("/orders", b" " * (1024 * 1024 + 1)),
            "unsupported_media_type":
                lambda: post("/orders", body, {"Content-Type": "text/plain"}),
            "total_mismatch": lambda: post("/orders", an_order("9", total="39.91")),
            "overpayment": lambda: post(f"/orders/{order}/payments", a_payment("40")),
            "full_refund_only": lambda: post(refund, {"amount": "1"}),
            "rate_limited": lambda: limited.find("1"),
            "headers_too_large": lambda: post("/orders", body, {"X-Long": "x" * 20_000}),
        }

    def test_every_row_is_answered_where_it_is_due(self):
        slow = self.begin_slow_request()
        table = error_table()
        provocations = {**self.provocations(), **self.provocations_of_reads()}
        for code, provoke in provocations.items():
            with self.subTest(code):
                answer = provoke()
                self.assertEqual((answer.status, answer.json["error"]), (table[code], code),
                                 answer)
                self.assertEqual(set(answer.json), {"error", "detail"})
                self.assertTrue(answer.json["detail"])
        self.assertEqual(self.shop.find("9").status, 404, "nothing was made meanwhile")
        late = self.answer_of(slow)
        self.assertEqual((late.status, late.json["error"]), (408, "request_timeout"))
        # internal_error and unavailable: class Faults.
        self.assertEqual({*provocations, "request_timeout", "internal_error", "unavailable"},
                         set(table))

    def test_refusals_tell_more_than_a_code(self):
        self.assertEqual(self.shop.send("DELETE", "/orders").headers["Allow"], "POST")
        limited = Shop(self, calls_per_minute=1)
        limited.find("1")
        wait = int(limited.find("1").headers["Retry-After"])
        self.assertTrue(1 <= wait <= 60, wait)
        answer = self.shop.post("/orders", an_order("1", total="1"))
        self.assertIn("39.90", answer.json["detail"])
        self.assertIn("1.00", answer.json["detail"])
        item = {"name": "A", "quantity": 0, "unit_price": "1"}
        answer = self.shop.post("/orders", {"external_id": "1", "items": [item]})
        self.assertIn("$.items[0].quantity", answer.json["detail"])


class Faults(IntegrationTest):
    def sql(self, statement):
        if harness.ON_POSTGRES:
            name = urllib.parse.urlsplit(self.hub.database).path[1:]
            harness.shared_postgres().psql(statement, name)
            return
        path = os.path.join(self.hub.data, "waybill.sqlite")
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(statement)
        connection.close()

    def test_a_fault_of_the_hub_is_told_as_such_and_not_remembered(self):
        once = {"Idempotency-Key": "once"}
        self.ok(self.shop.post("/orders", an_order("1")), 201)
        self.sql("ALTER TABLE payments RENAME TO payments_away")
        order = an_order("2", payment=a_payment("1", external_id="p"))
        answer = self.shop.post("/orders", order, once)
        self.sql("ALTER TABLE payments_away RENAME TO payments")
        self.assertEqual((answer.status, answer.json["error"]), (500, "internal_error"))
        self.assertNotIn("payments", answer.body.decode())
        self.assertIn("payments", self.hub.log())
        self.assertEqual(self.shop.find("2").status, 404)
        again = self.shop.post("/orders", order, once)
        self.assertEqual((again.status, again.headers["Idempotent-Replay"]), (201, None))

    def test_a_database_that_cannot_be_used_is_told_as_such(self):
        self.ok(self.shop.post("/orders", an_order("1")), 201)
        trouble = (PostgresTrouble if harness.ON_POSTGRES else SqliteTrouble)(self.hub)
        self.addCleanup(trouble.end)
        answer = self.shop.post("/orders", an_order("2"), {"Idempotency-Key": "once"})
        trouble.end()
        self.assertEqual((answer.status, answer.json["error"]), (503, "unavailable"))
        self.assertEqual(answer.headers["Retry-After"], "1")
        harness.wait_for(lambda: self.hub.http.request("GET", "/health/ready").status == 200,
                         "ready again")
        again = self.shop.post("/orders", an_order("2"), {"Idempotency-Key": "once"})
        self.assertEqual((again.status, again.headers["Idempotent-Replay"]), (201, None))


class Orders(IntegrationTest):
    receivers = ("express_receiver.js",)
    hub_options = (*HubTest.hub_options, "--allow-insecure-endpoints")

    def test_an_order_goes_from_the_shop_to_those_who_subscribe(self):
        path = f"/raw/{self.name}"
        self.workspace.endpoint("peptideclients", self.express, path)
        order = an_order("shop 1/ä", client={"email": "ada@example.com", "name": "Ada"},
                         payment=a_payment("10", external_id="ch_1"), shipping_total=5,
                         total="44.90", note="two\nlines", metadata={"a": [None]}, more={"x": 1})
        made = self.ok(self.shop.post("/orders", order), 201)
        self.assertEqual((made["total"], made["payment_status"], made["duplicate"]),
                         ("44.90", "partially_paid", False))
        webhooks = self.express.wait_for(path, 3)
        self.assertEqual(sorted(json.loads(row["body"])["type"] for row in webhooks),
                         ["client.created", "order.created", "payment.recorded"])
        again = self.ok(self.shop.post("/orders", order), 200)
        self.assertEqual(again, {**made, "duplicate": True})
        found = self.ok(self.shop.find("shop 1/ä"), 200)
        self.assertEqual({name: found[name] for name in made if name != "duplicate"},
                         {name: made[name] for name in made if name != "duplicate"})
        self.assertEqual((found["paid_total"], found["note"], found["metadata"]),
                         ("10.00", "two\nlines", {"a": [None]}))

        payments = f"/orders/{made['id']}/payments"
        rest = self.ok(self.shop.post(payments, a_payment("34.90")), 201)
        self.assertEqual(rest["order"]["payment_status"], "paid")
        given_back = self.ok(self.shop.post(f"/payments/{rest['id']}/refund"), 200)
        self.assertEqual((given_back["status"], given_back["order"]["paid_total"]),
                         ("refunded", "10.00"))
        for _ in range(2):
            gone = self.ok(self.shop.post(f"/orders/{made['id']}/cancel"), 200)
            self.assertEqual(gone["status"], "cancelled")

    def test_a_client_is_put_and_found_again(self):
        made = self.ok(self.shop.post("/clients", {"email": "Ada@example.com"}), 201)
        changed = self.ok(self.shop.post("/clients", {"email": "ada@example.com", "name": "Ada",
                                                      "external_id": "c-1"}), 200)
        self.assertEqual((changed["id"], changed["created"]), (made["id"], False))

    def test_an_id_that_no_database_takes_names_nothing(self):
        """PostgreSQL refuses a text with a NUL, which would be an error of the hub's."""
        for odd in ("\0", "1\0", "\x01", "🧪" * 300, "%", "' OR 1=1 --"):
            self.assertEqual(self.shop.find(odd).json["error"], "order_not_found", odd)

    def test_health_needs_no_key(self):
        answer = self.hub.http.request("GET", BASE + "/health")
        self.assertEqual((answer.status, answer.json), (200, {"ok": True}))

    def test_signed_requests_and_a_secret_that_changes(self):
        shop = Shop(self, require_signature=True)
        body = json.dumps(an_order("1"), indent=2).encode()
        self.ok(shop.post("/orders", body, signature(shop.secret, body)), 201)
        self.ok(shop.send("GET", "/orders/by-external/1",
                          headers=signature(shop.secret, b"")), 200)
        rotated = self.workspace.ask("POST", f"/keys/{shop.id}/rotate-secret", {})
        for secret in (shop.secret, rotated["signing_secret"]):
            self.ok(shop.post("/orders", body, signature(secret, body)), 200)
        for at in (0, 8, len(body) - 1):
            changed = harness.flipped(body, at, 0)
            self.assertEqual(shop.post("/orders", changed, signature(shop.secret, body)).status,
                             401)


class Twins(IntegrationTest):
    """Fifty posts of the same at once: one is executed, the others get its answer."""

    def fifty(self, path, body):
        answers = at_once(50, lambda _: self.shop.post(path, body, {"Idempotency-Key": "twin"}))
        self.assertEqual({(answer.status, answer.body) for answer in answers},
                         {(201, answers[0].body)})
        executed = [answer for answer in answers if "Idempotent-Replay" not in answer.headers]
        self.assertEqual(len(executed), 1)
        return answers[0].json

    def test_of_orders(self):
        order = an_order("1", client={"email": "ada@example.com"}, payment=a_payment("39.90"))
        made = self.fifty("/orders", order)
        self.assertFalse(made["duplicate"])
        self.assertEqual(self.ok(self.shop.find("1"), 200)["paid_total"], "39.90")
        types = [row["type"] for row in self.workspace.rows("/events")
                 if not row["type"].startswith("supplier.")]
        self.assertEqual(sorted(types), ["client.created", "order.created", "payment.recorded"])

    def test_of_payments(self):
        order = self.shop.new_order("1")
        self.fifty(f"/orders/{order}/payments", a_payment("0.80"))
        self.assertEqual(self.ok(self.shop.find("1"), 200)["paid_total"], "0.80")

    def test_without_a_key_the_external_id_decides(self):
        answers = at_once(50, lambda _: self.shop.post("/orders", an_order("1")))
        self.assertEqual(sorted(answer.status for answer in answers), [200] * 49 + [201])
        self.assertEqual(len({answer.json["id"] for answer in answers}), 1)


if __name__ == "__main__":
    unittest.main()
