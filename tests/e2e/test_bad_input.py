"""What the hub does not take, and what it says instead: the issue's table, on both doors."""

import datetime
import http.client
import socket
import unittest

from harness import RECEIVERS_ARE_HERE, HubTest, an_order, wait_for

MIB = 1024 * 1024

# (body, code, path) of what is no JSON that other programs can check.
BROKEN_JSON = [
    (b"", "malformed_json", "$"),
    (b"{", "malformed_json", "$"),
    (b"{'a': 1}", "malformed_json", "$"),
    (b'{"a": 1,}', "malformed_json", "$"),
    (b'{"a": [1, 2}', "malformed_json", "$.a"),
    (b'{"a": 01}', "malformed_json", "$"),
    (b'{"a": NaN}', "malformed_json", "$.a"),
    (b'{} {}', "malformed_json", "$"),
    (b'\xef\xbb\xbf{}', "malformed_json", "$"),
    (b'{"a": "\xff"}', "invalid_utf8", "$.a"),
    (b'{"a": "\xc0\xaf"}', "invalid_utf8", "$.a"),
    (b'{"a": {"b": "\xed\xa0\x80"}}', "invalid_utf8", "$.a.b"),
    (b'{"a": "\\ud800"}', "invalid_utf8", "$.a"),
    (b'{"a": 1, "a": 2}', "duplicate_member", "$.a"),
    (b'{"a": 1, "\\u0061": 2}', "duplicate_member", "$.a"),
    (b'{"a": 1e400}', "number_out_of_range", "$.a"),
    (b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}", "too_deep", None),
]


def with_line(**line):
    return an_order(lines=[{"quantity": 1}, {"quantity": 1, **line}])


# (order, code, path) of orders that are no orders.
BAD_ORDERS = [
    ([], "body_type", "$"),
    ("text", "body_type", "$"),
    (None, "body_type", "$"),
    (an_order(lines=[]), "lines_empty", "$.lines"),
    ({"supplierId": "Acme Paper Ltd"}, "lines_empty", "$.lines"),
    (an_order(lines=None), "lines_empty", "$.lines"),
    (an_order(lines={}), "member_type", "$.lines"),
    (an_order(lines="1"), "member_type", "$.lines"),
    (an_order(lines=[{}, 7]), "member_type", "$.lines[1]"),
    (an_order(lines=[None]), "member_type", "$.lines[0]"),
    (with_line(quantity=0), "quantity_not_positive", "$.lines[1].quantity"),
    (with_line(quantity=-0.0), "quantity_not_positive", "$.lines[1].quantity"),
    (with_line(quantity=-3), "quantity_not_positive", "$.lines[1].quantity"),
    (with_line(quantity="3"), "member_type", "$.lines[1].quantity"),
    (with_line(quantity=True), "member_type", "$.lines[1].quantity"),
    (with_line(unitPrice="24.90"), "member_type", "$.lines[1].unitPrice"),
    (with_line(description=5), "member_type", "$.lines[1].description"),
    (with_line(unit=[]), "member_type", "$.lines[1].unit"),
    (with_line(buyerItemCode={}), "member_type", "$.lines[1].buyerItemCode"),
    (an_order(number=5), "member_type", "$.orderNumber"),
    (an_order(currency=5), "member_type", "$.currency"),
    (an_order(orderDate=20261120), "member_type", "$.orderDate"),
    (an_order(orderDate="20.11.2026"), "date_invalid", "$.orderDate"),
    (an_order(orderDate="2026-02-29"), "date_invalid", "$.orderDate"),
    (an_order(orderDate="2026-11-20T10:00:00Z"), "date_invalid", "$.orderDate"),
    (an_order(orderDate=""), "date_invalid", "$.orderDate"),
    (an_order(supplier=5), "member_type", "$.supplierId"),
    (an_order(supplier=None), "member_missing", "$.supplierId"),
    (an_order(supplier=""), "member_missing", "$.supplierId"),
    (an_order(supplier="Nobody & Sons"), "supplier_not_found", "$.supplierId"),
    (an_order(supplier="00000000-0000-4000-8000-000000000000"), "supplier_not_found",
     "$.supplierId"),
    (an_order(number="x" * 5000), "text_length", "$.orderNumber"),
    (an_order(number="PO\0"), "text_invalid", "$.orderNumber"),
]


class AtProcuLinksDoor(HubTest):
    def assert_refused(self, answer, status, code, path=None):
        self.assertEqual((answer.status, answer.media_type), (status, "application/json"), answer)
        body = answer.json
        self.assertEqual(body["code"], code, body)
        self.assertEqual(body.get("path"), path, body)
        self.assertGreater(len(body["error"]), 10, "a sentence")
        self.assertLessEqual(set(body), {"error", "code", "path"})

    def assert_nothing_stored(self):
        self.assertEqual(self.workspace.rows("/orders"), [])
        self.assertEqual(self.workspace.rows("/events"), [])

    def test_broken_json(self):
        for body, code, path in BROKEN_JSON:
            with self.subTest(body[:40]):
                answer = self.workspace.post_order(body)
                self.assert_refused(answer, 400, code, path or answer.json["path"])
        self.assert_nothing_stored()

    def test_the_path_leads_to_the_fault_deep_inside(self):
        for line, code, path in (
                (b'{"quantity": 1e999}', "number_out_of_range", "$.lines[0].quantity"),
                (b'{"quantity": 1, "quantity": 2}', "duplicate_member", "$.lines[0].quantity"),
                (b'{"unit": "\\udc00"}', "invalid_utf8", "$.lines[0].unit")):
            with self.subTest(line):
                answer = self.workspace.post_order(
                    b'{"supplierId": "Acme Paper Ltd", "lines": [' + line + b"]}")
                self.assert_refused(answer, 400, code, path)
        self.assert_nothing_stored()

    def test_orders_that_are_none(self):
        for order, code, path in BAD_ORDERS:
            with self.subTest(str(order)[:120]):
                self.assert_refused(
                    self.workspace.post_order(order if order is not None else b"null"),
                    400, code, path)
        self.assert_nothing_stored()

    def test_the_documented_sentences(self):
        answer = self.workspace.post_order(an_order(lines=[]))
        self.assertEqual(answer.json["error"], "Order must have at least one line.")
        answer = self.workspace.post_order(an_order(supplier="Nobody & Sons"))
        self.assertRegex(answer.json["error"], r"\ASupplier .*Nobody & Sons.* not found\.\Z")

    def test_forms_are_refused(self):
        for content_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                             "text/plain", "text/xml"):
            with self.subTest(content_type):
                answer = self.workspace.ingress(
                    "POST", "/orders", b"supplierId=Acme", headers={"Content-Type": content_type})
                self.assert_refused(answer, 415, "media_type_unsupported")
        self.assert_nothing_stored()

    def test_json_by_its_other_names_is_taken(self):
        for number, content_type in enumerate((
                "application/json; charset=utf-8", "Application/JSON", "application/json")):
            with self.subTest(content_type):
                answer = self.workspace.ingress(
                    "POST", "/orders", an_order(f"N-{number}"),
                    headers={"Content-Type": content_type})
                self.assertEqual(answer.status, 201, answer)

    def test_a_body_over_one_mebibyte_is_refused_and_one_of_it_is_not(self):
        order = b'{"supplierId":"Acme Paper Ltd","lines":[{"quantity":1}]'
        fits = order + b" " * (MIB - len(order) - 1) + b"}"
        self.assert_refused(self.workspace.post_order(fits + b" "), 413, "body_too_large")
        self.assert_refused(self.workspace.post_order(fits + b" " * MIB * 4), 413, "body_too_large")
        self.assert_nothing_stored()
        self.assertEqual(self.workspace.post_order(fits).status, 201)

    def test_a_chunked_body_over_one_mebibyte_is_refused(self):
        address = self.hub.http.address
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        self.addCleanup(connection.close)
        try:
            connection.request("POST", f"/api/ingress/{self.workspace.slug}/orders",
                               iter([b" " * 65536] * 20), encode_chunked=True,
                               headers={"X-ProcuLink-Key": self.workspace.key,
                                        "Content-Type": "application/json",
                                        "Transfer-Encoding": "chunked"})
        except (BrokenPipeError, ConnectionResetError):
            pass  # Refused before all was sent.
        self.assertEqual(connection.getresponse().status, 413)

    def test_keys_that_do_not_open(self):
        revoked = self.workspace.new_key("proculink")
        native = self.workspace.new_key("waybill", ["*"])
        self.assertEqual(self.workspace.post_order(an_order("before"), key=revoked["key"]).status,
                         201)
        self.workspace.ask("DELETE", f"/keys/{revoked['id']}")
        for key, code in ((revoked["key"], "key_revoked"), ("plk_unknown", "key_unknown"),
                          (self.workspace.key + "x", "key_unknown"),
                          (native["key"], "key_unknown"), (self.hub.token, "key_unknown")):
            for method, path, body in (("POST", "/orders", an_order("after")),
                                       ("GET", "/ping", None)):
                with self.subTest(code=code, path=path):
                    self.assert_refused(self.workspace.ingress(method, path, body, key=key),
                                        401, code)
        for headers in ({"X-ProcuLink-Key": None}, {"X-ProcuLink-Key": ""},
                        {"X-ProcuLink-Key": None,
                         "Authorization": f"Bearer {self.workspace.key}"}):
            with self.subTest(headers=headers):
                self.assert_refused(self.workspace.ingress("POST", "/orders", an_order("after"),
                                                           headers=headers), 401, "key_missing")
        self.assertEqual([row["number"] for row in self.workspace.rows("/orders")], ["before"])

    def test_another_workspaces_slug_is_refused_in_the_same_bytes_whether_it_exists(self):
        other = self.new_workspace()
        for method, path, body in (("POST", "/orders", an_order()), ("GET", "/ping", None),
                                   ("POST", "/orders", b"{broken")):
            with self.subTest(method + path):
                answers = [self.workspace.ingress(method, path, body, slug=slug)
                           for slug in (other.slug, "no-such-workspace", "%F0%9F%8D%AE")]
                self.assert_refused(answers[0], 403, "workspace_forbidden")
                for answer in answers[1:]:
                    self.assertEqual((answer.status, answer.body), (403, answers[0].body))
                    self.assertEqual(set(answer.headers.keys()), set(answers[0].headers.keys()))
        self.assertEqual(other.rows("/orders"), [])

    def test_an_unknown_key_learns_nothing_of_slugs_either(self):
        answers = [self.workspace.ingress("GET", "/ping", key="plk_unknown", slug=slug)
                   for slug in (self.workspace.slug, "no-such-workspace")]
        self.assertEqual([answer.status for answer in answers], [401, 401])
        self.assertEqual(answers[0].body, answers[1].body)

    def test_unknown_paths_and_wrong_methods(self):
        for method, path, status, code, allow in (
                ("GET", "/nothing", 404, "route_not_found", None),
                ("GET", "/orders/1", 404, "route_not_found", None),
                ("GET", "/orders", 405, "method_not_allowed", "POST"),
                ("DELETE", "/orders", 405, "method_not_allowed", "POST"),
                ("PUT", "/orders", 405, "method_not_allowed", "POST")):
            with self.subTest(method + path):
                answer = self.workspace.ingress(method, path)
                self.assert_refused(answer, status, code)
                self.assertEqual(answer.headers.get("Allow"), allow)
        answer = self.workspace.ingress("POST", "/ping")
        self.assert_refused(answer, 405, "method_not_allowed")
        self.assertIn("GET", answer.headers["Allow"])

    def test_a_bad_idempotency_key_is_refused(self):
        for key in ("", "x" * 256, "with space", "Schlüssel".encode("latin-1").decode("latin-1")):
            with self.subTest(key[:20]):
                answer = self.workspace.ingress("POST", "/orders", an_order(),
                                                headers={"Idempotency-Key": key})
                self.assert_refused(answer, 400, "idempotency_key_invalid")
        self.assert_nothing_stored()


class AtTheNativeApi(HubTest):
    receivers = ()

    def assert_refused(self, answer, status, code, path=None):
        self.assertEqual(answer.status, status, answer)
        body = answer.json
        self.assertEqual((body["code"], body.get("path")), (code, path), body)
        self.assertEqual((body["type"], body["status"]), ("about:blank", status))

    def post(self, where, body, **headers):
        return self.workspace.api.send("POST", self.workspace.path + where, body,
                                       {name.replace("_", "-"): value
                                        for name, value in headers.items()})

    def test_broken_json(self):
        for body, code, path in BROKEN_JSON:
            for where in ("/events", "/events/batch", "/endpoints", "/suppliers", "/keys"):
                with self.subTest(where, body=body[:40]):
                    answer = self.post(where, body)
                    self.assert_refused(answer, 400, code, path or answer.json["path"])
        self.assertEqual(self.workspace.rows("/events"), [])
        self.assertEqual(self.workspace.rows("/endpoints"), [])

    def test_bodies_that_say_something_else(self):
        url = "http://127.0.0.1:9/hook"
        endpoint = {"dialect": "proculink", "url": url}
        event = {"type": "order.created", "data": {}}
        key = {"platform": "waybill", "scopes": ["*"]}
        cases = [
            ("/events", [], "member_type", "$"),
            ("/events", {}, "member_missing", "$.type"),
            ("/events", {"type": "order.created"}, "member_missing", "$.data"),
            ("/events", {**event, "type": 5}, "member_type", "$.type"),
            ("/events", {**event, "data": [1]}, "member_type", "$.data"),
            ("/events", {**event, "data": None}, "member_type", "$.data"),
            ("/events", {**event, "subject": 5}, "member_type", "$.subject"),
            ("/events", {**event, "subject": "x" * 201}, "member_invalid", "$.subject"),
            ("/events", {**event, "more": 1}, "member_unknown", "$.more"),
            ("/events", {**event, "a b": 1}, "member_unknown", '$["a b"]'),
            ("/events/batch", {"events": []}, "member_invalid", "$.events"),
            ("/events/batch", {"events": [event] * 101}, "member_invalid", "$.events"),
            ("/events/batch", {"events": [event, 5]}, "member_type", "$.events[1]"),
            ("/events/batch", {"events": [event, {"type": "a.b"}]}, "member_missing",
             "$.events[1].data"),
            ("/suppliers", {"name": ""}, "member_invalid", "$.name"),
            ("/suppliers", {"name": "x" * 201}, "member_invalid", "$.name"),
            ("/suppliers", {"name": 5}, "member_type", "$.name"),
            ("/keys", {"platform": "nothing"}, "member_invalid", "$.platform"),
            ("/keys", {"platform": "waybill"}, "member_missing", "$.scopes"),
            ("/keys", {"platform": "proculink", "scopes": ["*"]}, "scopes_not_used", "$.scopes"),
            ("/keys", {**key, "scopes": []}, "member_invalid", "$.scopes"),
            ("/keys", {**key, "expires_at": "tomorrow"}, "member_invalid", "$.expires_at"),
            ("/keys", {**key, "expires_at": 5}, "member_type", "$.expires_at"),
            ("/endpoints", {**endpoint, "dialect": "nothing"}, "dialect_unknown", "$.dialect"),
            ("/endpoints", {**endpoint, "url": "nothing"}, "url_invalid", "$.url"),
            ("/endpoints", {**endpoint, "url": "ftp://example.com/"}, "url_invalid", "$.url"),
            ("/endpoints", {**endpoint, "event_types": []}, "member_invalid", "$.event_types"),
            ("/endpoints", {**endpoint, "event_types": ["order.lost"]}, "event_type_unknown", None),
            ("/endpoints", {**endpoint, "dialect": "standard-webhooks", "secret": "short"},
             "secret_invalid", "$.secret"),
            ("/endpoints", {**endpoint, "timeout": "0s"}, "member_invalid", "$.timeout"),
            ("/endpoints", {**endpoint, "timeout": 5}, "member_type", "$.timeout"),
            ("/endpoints", {**endpoint, "retry": ["8d"]}, "member_invalid", "$.retry[0]"),
            ("/endpoints", {**endpoint, "rate_per_second": 0}, "member_invalid",
             "$.rate_per_second"),
            ("/endpoints", {**endpoint, "in_flight_max": 1.5}, "member_invalid",
             "$.in_flight_max"),
        ]
        for where, body, code, path in cases:
            with self.subTest(where, body=str(body)[:100]):
                answer = self.post(where, body)
                if path is None:
                    path = answer.json["path"]
                    self.assertTrue(path.startswith("$.event_types"), path)
                self.assert_refused(answer, 400, code, path)
        for list_ in ("/events", "/endpoints", "/orders"):
            self.assertEqual(self.workspace.rows(list_), [], list_)
        self.assertEqual(len(self.workspace.rows("/suppliers")), 1)
        self.assertEqual(len(self.workspace.rows("/keys")), 1)

    def test_workspaces_that_cannot_be(self):
        before = len(self.hub.api.rows("/workspaces"))
        for body, path in (({"slug": "A"}, "$.slug"), ({"slug": "a_b"}, "$.slug"),
                           ({"slug": "x" * 64}, "$.slug"), ({"slug": "-a"}, "$.slug"),
                           ({"slug": "good", "environment": "test"}, "$.environment")):
            with self.subTest(body):
                answer = self.hub.api.send("POST", "/workspaces", body)
                self.assertEqual((answer.status, answer.json.get("path")), (400, path), answer)
        answer = self.hub.api.send("POST", "/workspaces", {"slug": self.workspace.slug})
        self.assertEqual(answer.status, 409, answer)
        self.assertEqual(len(self.hub.api.rows("/workspaces")), before)

    def test_forms_and_big_bodies(self):
        answer = self.post("/events", b"type=order.created",
                           Content_Type="application/x-www-form-urlencoded")
        self.assert_refused(answer, 415, "media_type_unsupported")
        event = b'{"type":"order.created","data":{}'
        fits = event + b" " * (MIB - len(event) - 1) + b"}"
        self.assert_refused(self.post("/events", fits + b" "), 413, "body_too_large")
        self.assertEqual(self.workspace.rows("/events"), [])
        self.assertEqual(self.post("/events", fits).status, 201)

    def test_tokens_that_do_not_open(self):
        revoked = self.workspace.new_key("waybill", ["*"])
        self.assertEqual(self.hub.api.with_token(revoked["key"]).send(
            "GET", self.workspace.path).status, 200)
        self.workspace.ask("DELETE", f"/keys/{revoked['id']}")
        for token, code in ((None, "unauthenticated"), ("", "unauthenticated"),
                            ("wbk_unknown", "key_unknown"), (self.workspace.key, "key_unknown"),
                            (revoked["key"], "key_revoked")):
            with self.subTest(code):
                answer = self.hub.api.with_token(token).send("GET", self.workspace.path)
                self.assert_refused(answer, 401, code)
                self.assertEqual(answer.headers["WWW-Authenticate"], "Bearer")

    def test_another_workspace_is_refused_in_the_same_bytes_whether_it_exists(self):
        key = self.workspace.new_key("waybill", ["*"])["key"]
        other = self.new_workspace()
        api = self.hub.api.with_token(key)
        self.assertEqual(api.send("GET", self.workspace.path).status, 200)
        identifier = self.hub.api.ask("GET", other.path)["id"]
        for below in ("", "/orders", "/endpoints", "/audit"):
            with self.subTest(below):
                answers = [api.send("GET", f"/workspaces/{slug}{below}")
                           for slug in (other.slug, "no-such-workspace", identifier,
                                        "ws_00000000000000000000000000")]
                self.assert_refused(answers[0], 403, "workspace_forbidden")
                self.assertEqual({answer.body for answer in answers}, {answers[0].body})
                self.assertEqual({answer.status for answer in answers}, {403})
        self.assert_refused(self.hub.api.send("GET", "/workspaces/no-such-workspace"), 404,
                            "workspace_not_found")

    def test_a_key_does_only_what_its_scopes_say(self):
        key = self.workspace.new_key("waybill", ["orders:read", "keys:write"])["key"]
        api = self.hub.api.with_token(key)
        path = self.workspace.path
        self.assertEqual(api.send("GET", path + "/orders").status, 200)
        for method, where, body in (("GET", "/endpoints", None),
                                    ("POST", "/events", {"type": "a.b", "data": {}}),
                                    ("POST", "/suppliers", {"name": "Other"}),
                                    ("POST", "/keys", {"platform": "waybill", "scopes": ["*"]})):
            with self.subTest(method + where):
                self.assert_refused(api.send(method, path + where, body), 403, "scope_missing")
        self.assert_refused(api.send("GET", "/workspaces"), 403, "scope_missing")
        self.assert_refused(api.send("GET", "/status"), 403, "scope_missing")

    def test_unknown_paths_and_wrong_methods(self):
        path = self.workspace.path
        for method, where, status, code in (
                ("GET", "/nothing", 404, "route_not_found"),
                ("GET", path + "/nothing", 404, "route_not_found"),
                ("DELETE", path + "/events", 405, "method_not_allowed"),
                ("POST", path + "/orders", 405, "method_not_allowed"),
                ("PUT", path + "/endpoints/x", 405, "method_not_allowed"),
                ("GET", path + "/endpoints/x", 404, "endpoint_not_found"),
                ("GET", path + "/orders/ord_00000000000000000000000000", 404, "order_not_found"),
                ("GET", path + "/events/x", 404, "event_not_found"),
                ("GET", path + "/deliveries/x", 404, "delivery_not_found"),
                ("GET", path + "/suppliers/x", 404, "supplier_not_found"),
                ("GET", path + "/keys/x", 404, "key_not_found"),
                ("GET", "/dialects/x", 404, "dialect_not_found")):
            with self.subTest(method + where):
                answer = self.hub.api.send(method, where)
                self.assert_refused(answer, status, code)
                self.assertEqual("Allow" in answer.headers, status == 405)
        answer = self.hub.api.send("PUT", path + "/events")
        self.assertEqual({word.strip() for word in answer.headers["Allow"].split(",")} - {"HEAD"},
                         {"GET", "POST"})

    def test_bad_query_parameters(self):
        for query, code in (("limit=0", "query_invalid"), ("limit=201", "query_invalid"),
                            ("limit=x", "query_invalid"), ("cursor=x", "query_invalid"),
                            ("nothing=1", "query_unknown"), ("since=yesterday", "query_invalid"),
                            ("limit=1&limit=2", "query_invalid")):
            with self.subTest(query):
                answer = self.hub.api.send("GET", self.workspace.path + "/orders?" + query)
                self.assert_refused(answer, 400, code)

    def test_what_is_no_http_is_refused_and_the_hub_goes_on(self):
        address = self.hub.http.address
        for request, status in (
                (b"nonsense\r\n\r\n", b"400"),
                (b"POST /hub/v1/workspaces HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
                (b"POST /hub/v1/workspaces HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                 b"400"),
                (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20000 + b"\r\n\r\n", b"431")):
            with self.subTest(request[:60]), socket.create_connection(
                    (address.hostname, address.port), 20) as connection:
                connection.sendall(request)
                answer = connection.recv(4096)
                self.assertEqual(answer.split(b" ")[1], status, answer)
        self.assertEqual(self.workspace.ask("GET", "")["slug"], self.workspace.slug)


class WithAFastClock(HubTest):
    """Keys that expire while one watches."""

    hub_options = (*RECEIVERS_ARE_HERE, "--clock-speed", "3600")

    def test_an_expired_key_opens_nothing(self):
        now = self.hub.api.ask("GET", "/status")["now"]
        # Two hours of the hub's are two seconds.
        soon = datetime.datetime.fromisoformat(now.replace("Z", "+00:00"))
        expires = (soon + datetime.timedelta(hours=2)).isoformat(timespec="seconds")
        platform = self.workspace.new_key("proculink", expires_at=expires)["key"]
        native = self.workspace.new_key("waybill", ["*"], expires_at=expires)["key"]
        api = self.hub.api.with_token(native)

        wait_for(lambda: self.workspace.ingress("GET", "/ping", key=platform).status == 401,
                 "the key expires")

        answer = self.workspace.post_order(an_order(), key=platform)
        self.assertEqual((answer.status, answer.json["code"]), (401, "key_expired"))
        answer = wait_for(lambda: (got := api.send("GET", self.workspace.path)).status == 401
                          and got, "the native key expires")
        self.assertEqual(answer.json["code"], "key_expired")
        self.assertEqual(self.workspace.rows("/orders"), [])


if __name__ == "__main__":
    unittest.main()
