"""Precoro as its consumers know it: a thin webhook tells what changed, and they fetch it."""

import json
import unittest
import urllib.parse

from harness import HubTest


class Precoro(HubTest):
    receivers = ("express_receiver.js",)

    def setUp(self):
        super().setUp()
        self.path = f"/open/{self.name}"

    def new_user(self, email, *roles):
        return self.workspace.ask("POST", "/users", {"email": email, "roles": list(roles)}, 201)

    def new_token(self, email):
        return self.workspace.new_key("precoro", user=email)["key"]

    def put(self, kind, number, document, status=201):
        return self.workspace.ask("PUT", f"/documents/{kind}/{number}", document, status)

    def fetch(self, target, token, status=200, **headers):
        answer = self.hub.http.request("GET", target, headers={"X-AUTH-TOKEN": token, **headers})
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def notices(self, count):
        return [json.loads(row["body"]) for row in self.express.wait_for(self.path, count)]

    def test_what_a_notice_tells_of_is_fetched(self):
        self.new_user("erp@example.com", "super_user")
        token = self.new_token("erp@example.com")
        self.workspace.endpoint("precoro", self.express, self.path, owner="erp@example.com")
        order = {"idn": 5, "status": 1, "items": [{"sku": "4711", "quantity": 2.5}]}

        self.put("purchase_order", 123456, order)
        notice, = self.notices(1)
        self.assertEqual(notice, {"id": 123456, "type": 2, "action": 0, "idn": 5})
        fetched = self.fetch(f"/purchaseorders/{notice['idn']}", token, email="erp@example.com")
        self.assertEqual(fetched, {"id": 123456, **order})

        self.put("purchase_order", 123456, order, 200)  # As it is: nobody is told.
        self.put("purchase_order", 123456, {**order, "status": 2}, 200)
        _, notice = self.notices(2)
        self.assertEqual(notice, {"id": 123456, "type": 2, "action": 1, "idn": 5})
        self.assertEqual(self.fetch("/purchaseorders/5", token)["status"], 2)

        query = urllib.parse.urlencode({"modifiedSince": "2023-10-10T00:00:00", "status[]": 2})
        listed = self.fetch(f"/purchaseorders?{query}", token)
        self.assertEqual(listed["data"], [{"id": 123456, "idn": 5, "status": 2}])
        self.assertEqual(listed["meta"]["pagination"]["total"], 1)

    def test_a_creator_is_told_of_and_fetches_their_own_documents_only(self):
        self.new_user("buyer@example.com", "purchase_order:creator")
        self.workspace.endpoint("precoro", self.express, self.path, owner="buyer@example.com")
        token = self.new_token("buyer@example.com")
        for number, creator in ((2, None), (1, "buyer@example.com")):
            self.put("purchase_order", number, {"idn": number, "created_by": creator})
        self.assertEqual([notice["id"] for notice in self.notices(1)], [1])
        self.assertEqual([row["id"] for row in self.fetch("/purchaseorders", token)["data"]], [1])
        self.assertEqual(self.fetch("/purchaseorders/2", token, 404)["code"], "document_not_found")
        self.assertEqual(self.fetch("/invoices", token, 403)["code"], "role_missing")

    def test_a_miss_is_told_as_the_surface_tells_it(self):
        missing = self.fetch("/invoices/1/lines", "none", 404)
        self.assertEqual(missing["code"], "route_not_found")
        answer = self.hub.http.request("POST", "/invoices", b"{}")
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET"))
        self.assertEqual(answer.media_type, "application/json")
        self.assertIn("error", answer.json)
        self.assertEqual(self.fetch("/suppliers", "none", 401)["code"], "key_unknown")


class PrecoroLimits(HubTest):
    hub_options = (*HubTest.hub_options, "--precoro-limits", "2/min, repeat 1m")

    def test_one_request_too_many_is_told_in_the_body(self):
        self.workspace.ask("POST", "/users", {"email": "a@b.example", "roles": ["super_user"]}, 201)
        token = {"X-AUTH-TOKEN": self.workspace.new_key("precoro", user="a@b.example")["key"]}
        statuses = [self.hub.http.request("GET", f"/invoices?page={page}", headers=token).status
                    for page in (1, 2)]
        self.assertEqual(statuses, [200, 200])
        answer = self.hub.http.request("GET", "/invoices?page=3", headers=token)
        self.assertEqual(answer.status, 429)
        body = answer.json
        self.assertEqual((body["RateLimit-Type"], body["RateLimit-Limit"]), ("Minute limiter", 2))
        self.assertRegex(body["RateLimit-Retry-After"],
                         r"\A\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\Z")


if __name__ == "__main__":
    unittest.main()
