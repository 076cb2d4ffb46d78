"""PeptideClients' public API as middleware uses it: it reads page by page, and tests webhooks."""

import json
import threading
import time
import unittest
import urllib.parse

from harness import WAIT_SECONDS, HubTest, Recorder, at_once

NOBODY = "01941f29-7c00-7aaa-8000-000000000001"


class ReadApi(HubTest):
    hub_options = (*HubTest.hub_options, "--allow-insecure-endpoints")

    def setUp(self):
        super().setUp()
        self.workspace.ask("POST", "/stores", {"name": "Shop"}, 201)
        self.shop = self.new_key(kind="integration", store="Shop")["key"]
        self.reader = self.new_key(kind="public")["key"]

    def new_key(self, **more):
        return self.workspace.ask("POST", "/keys", {"platform": "peptideclients", **more}, 201)

    def send(self, method, target, key=None, body=None, headers=None):
        headers = dict(headers or {})
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        return self.hub.http.request(method, target, body, headers)

    def read(self, target, key=None, **query):
        if query:
            target += "?" + urllib.parse.urlencode(query)
        answer = self.send("GET", target, key or self.reader)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def refused(self, status, code, answer):
        self.assertEqual((answer.status, answer.media_type), (status, "application/json"), answer)
        self.assertEqual(set(answer.json), {"error", "detail"}, answer)
        self.assertEqual(answer.json["error"], code, answer)

    def place(self, external_id, **more):
        body = {"external_id": str(external_id), "currency": "EUR",
                "items": [{"name": "Paper", "quantity": 2, "unit_price": "12.50"}], **more}
        answer = self.send("POST", "/integrations/v1/orders", self.shop, body)
        self.assertEqual(answer.status, 201, answer)
        return answer.json

    def cancel(self, order):
        answer = self.send("POST", f"/integrations/v1/orders/{order}/cancel", self.shop)
        self.assertEqual(answer.status, 200, answer)

    def test_what_was_pushed_in_is_read_out(self):
        placed = self.place("A-1", client={"email": "lab@example.com", "name": "Lab"},
                            payment={"method": "card", "amount": "10.00"})
        order = self.read(f"/v1/orders/{placed['id']}")
        self.assertEqual({name: order[name] for name in placed if name != "duplicate"},
                         {name: placed[name] for name in placed if name != "duplicate"})
        self.assertEqual((order["paid_total"], order["payments"][0]["amount"]), ("10.00", "10.00"))
        self.assertEqual(self.read("/v1/orders")["rows"], [order])
        client, = self.read("/v1/clients")["rows"]
        self.assertEqual((client["id"], client["name"]), (order["client"]["id"], "Lab"))

        product = self.workspace.ask("PUT", "/products/A4", {
            "name": "Paper", "price": "12.50", "currency": "EUR",
            "supplier": self.workspace.supplier["id"]}, 201)
        shown, = self.read("/v1/products")["rows"]
        self.assertEqual((shown["sku"], shown["price"]), ("A4", "12.50"))
        vendor = self.read(f"/v1/vendors/{shown['vendor_id']}")
        self.assertEqual(vendor["name"], self.workspace.supplier["name"])
        self.assertEqual(self.read(f"/v1/products/{product['uuid']}"), shown)

    def follow(self, limit, is_over):
        """Reads on from the last row, past the end too, until `is_over` and nothing is left."""
        seen, place = [], {}
        deadline = time.monotonic() + WAIT_SECONDS * 3
        while True:
            self.assertLess(time.monotonic(), deadline, f"the list does not end: {seen[-3:]}")
            over = is_over()
            page = self.read("/v1/orders", limit=limit, **place)
            for row in page["rows"]:
                seen.append((row["updated_at"], row["id"], row["status"]))
                place = {"cursor_at": row["updated_at"], "cursor_id": row["id"]}
            if over and not page["rows"]:
                return seen

    def page_through(self, path, pages_max):
        """All rows, by next_cursor."""
        rows, place = [], {}
        for _ in range(pages_max):
            page = self.read(path, **place)
            rows += page["rows"]
            if not page["next_cursor"]:
                return rows
            place = {"cursor_at": page["next_cursor"]["at"],
                     "cursor_id": page["next_cursor"]["id"]}
        self.fail(f"{path} has more than {pages_max} pages")

    def test_who_reads_on_while_orders_come_in_sees_each_change_once(self):
        self.place("first")
        writing = threading.Event()
        writing.set()
        cancelled = []

        def write(number):
            for index in range(20):
                order = self.place(f"{number}-{index}")["id"]
                if index % 3 == 0:
                    self.cancel(order)
                    cancelled.append(order)

        results = {}
        readers = [threading.Thread(target=lambda limit=limit: results.update(
            {limit: self.follow(limit, lambda: not writing.is_set())})) for limit in (1, 3, 7)]
        for reader in readers:
            reader.start()
        try:
            at_once(6, write)
        finally:
            writing.clear()
        for reader in readers:
            reader.join()
        rows = self.page_through("/v1/orders", pages_max=3)
        final = {row["id"]: (row["updated_at"], row["id"], row["status"]) for row in rows}
        self.assertEqual(len(final), 121)
        self.assertEqual({order for order, row in final.items() if row[2] == "cancelled"},
                         set(cancelled))
        for limit in (1, 3, 7):
            seen = results[limit]
            self.assertEqual(seen, sorted(set(seen)), "in order, and no change twice")
            self.assertEqual({row[1]: row for row in seen}, final, "no gap: each as it is now")

    def test_a_page_has_fifty_rows_or_as_many_as_asked_for_up_to_a_hundred(self):
        at_once(4, lambda number: [self.workspace.ask("POST", "/suppliers",
                                                      {"name": f"{number}-{index}"}, 201)
                                   for index in range(30)])
        for query, count in (({}, 50), ({"limit": 1}, 1), ({"limit": 100}, 100),
                             ({"limit": 10_000}, 100), ({"unknown": "x"}, 50)):
            self.assertEqual(len(self.read("/v1/vendors", **query)["rows"]), count, query)

    def test_a_test_webhook_arrives_signed_and_without_an_event_id(self):
        recorder = Recorder()
        self.addCleanup(recorder.stop)
        path = f"/{self.name}"
        endpoint = self.workspace.ask("POST", "/endpoints", {
            "dialect": "peptideclients", "url": recorder.url + path}, 201)
        test = f"/v1/webhooks/test/{endpoint['id']}"
        self.refused(403, "insufficient_scope", self.send("POST", test, self.reader))
        writer = self.new_key(kind="public", scopes=["read_write"])["key"]
        answer = self.send("POST", test, writer)
        self.assertEqual(answer.status, 202, answer)
        (headers, body), = recorder.wait_for(path, 1)
        self.assertEqual((headers["X-PC-Event-Id"], headers["X-PC-Event-Type"]),
                         ("null", "webhook.test"))
        self.assertEqual(headers["X-PC-Delivery-Id"], answer.json["delivery_id"])
        self.assertIsNone(json.loads(body)["id"])
        given = [word for name in ("X-PC-Signature", "X-PC-Timestamp")
                 for word in ("--header", f"{name}: {headers[name]}")]
        verified = self.hub.cli("verify", "--dialect", "peptideclients", "--secret",
                                endpoint["secret"], "--body", "-", *given, stdin=body.decode())
        self.assertEqual(verified.returncode, 0, verified)

    def test_every_error_of_its_own_is_told_by_its_code(self):
        revoked = self.new_key(kind="public")
        self.workspace.ask("DELETE", f"/keys/{revoked['id']}")
        fenced = self.new_key(kind="public", allowed_networks=["192.0.2.0/24"])["key"]
        slow = self.new_key(kind="public", calls_per_minute=1)["key"]
        self.read("/v1/orders", slow)
        writer = self.new_key(kind="public", scopes=["read_write"])["key"]
        test = f"/v1/webhooks/test/{NOBODY}"
        at, id_ = "cursor_at=2026-01-01T00:00:00Z", f"cursor_id={NOBODY}"
        for status, code, method, target, key in (
                (401, "missing_authorization", "GET", "/v1/orders", None),
                (401, "invalid_api_key", "GET", "/v1/orders", "pck_live_nobody"),
                (401, "invalid_api_key", "GET", "/v1/orders", revoked["key"]),
                (401, "invalid_api_key", "GET", "/v1/orders", self.shop),
                (403, "insufficient_scope", "POST", test, self.reader),
                (403, "ip_not_allowed", "GET", "/v1/orders", fenced),
                (429, "rate_limited", "GET", "/v1/orders", slow),
                (400, "invalid_limit", "GET", "/v1/orders?limit=0", self.reader),
                (400, "invalid_limit", "GET", "/v1/clients?limit=-1", self.reader),
                (400, "invalid_limit", "GET", "/v1/products?limit=ten", self.reader),
                (400, "invalid_cursor", "GET", "/v1/orders?" + at, self.reader),
                (400, "invalid_cursor", "GET", "/v1/orders?" + id_, self.reader),
                (400, "invalid_request", "GET", "/v1/orders?limit=%zz", self.reader),
                (400, "invalid_request", "GET", "/v1/orders/%zz", self.reader),
                (404, "order_not_found", "GET", f"/v1/orders/{NOBODY}", self.reader),
                (404, "vendor_not_found", "GET", "/v1/vendors/Paper", self.reader),
                (404, "product_not_found", "GET", f"/v1/products/{NOBODY}", self.reader),
                (404, "endpoint_not_found", "POST", test, writer),
                (404, "not_found", "GET", "/v1/nothing", self.reader),
                (405, "method_not_allowed", "DELETE", "/v1/orders", self.reader)):
            with self.subTest(f"{method} {target}"):
                answer = self.send(method, target, key)
                self.refused(status, code, answer)
                if status == 429:
                    self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)


if __name__ == "__main__":
    unittest.main()
