"""Both halves of PeptideClients' API, asked as their OpenAPI documents say, and as they do not.

For each operation requests are made up from its schemas: good ones, at their bounds too, and ones
with something wrong. Whatever comes, the answer is one that the document has: no 5xx, a documented
status, a body that fits its schema. A seed draws the requests; it is told when one fails.
"""

import json
import os
import random
import unittest
import uuid

from harness import HubTest
from openapi_contract import METHODS, Cases, Document

SEED = int(os.environ.get("WAYBILL_SEED", "1"))
ROUNDS = 600 if os.environ.get("WAYBILL_TEST_FULL") == "1" else 30

# By operation: what its answer names, as a parameter of paths.
LEARNED = {"createOrder": {"id": "order", "external_id": "external_id"},
           "recordPayment": {"id": "payment"}}


class Contract:
    """One document, a key, and what exists that paths can name."""

    def __init__(self, test, address, key, wrong_keys):
        self.test, self.http, self.key, self.wrong_keys = test, test.hub.http, key, wrong_keys
        self.document = Document(test.hub.http.request("GET", address).json)
        self.names = {}
        self.rng = random.Random(SEED)
        self.cases = Cases(self.document, self.rng, self.names)
        self.seen = {}  # By operation: the statuses it answered.

    def send(self, method, target, headers=None, body=None, key=None):
        headers = dict(headers or {})
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        return self.http.request(method, target, body, headers)

    def check(self, operation, method, target, headers, body, key):
        answer = self.send(method, target, headers, body, key)
        breaches = self.document.breaches(operation, answer)
        self.test.assertEqual(breaches, [], f"seed {SEED}: {method} {target} {headers} "
                                            f"{(body or b'')[:2_000]} → {answer}")
        self.seen.setdefault(operation["operationId"], []).append(answer.status)
        self.learn(operation["operationId"], answer)
        return answer

    def learn(self, operation_id, answer):
        if answer.status // 100 == 2:
            for member, name in LEARNED.get(operation_id, {}).items():
                self.names.setdefault(name, []).append(answer.json[member])

    def ask_everything(self):
        """Good requests and bad ones, to all operations in turn."""
        draws = [(*operation, odd) for operation in self.document.operations()
                 for odd in [False] * (ROUNDS // 3) + [True] * (ROUNDS - ROUNDS // 3)]
        self.rng.shuffle(draws)
        for method, path, operation, odd in draws:
            key = self.key
            if odd and self.rng.random() < 0.15:
                key = self.rng.choice((None, *self.wrong_keys))
            self.check(operation, *self.cases.draw(method, path, operation, odd), key)

    def check_coverage(self):
        """What only ever refuses, or never does, would show nothing."""
        for _, _, operation in self.document.operations():
            name, statuses = operation["operationId"], self.seen[operation["operationId"]]
            self.test.assertTrue([s for s in statuses if s < 300], f"{name}: no good answer")
            if operation.get("security") != []:
                self.test.assertTrue([s for s in statuses if s >= 400], f"{name}: never refused")

    def check_wrong_methods(self):
        for path in self.document.document["paths"]:
            allowed = self.document.methods(path)
            for method in {method.upper() for method in METHODS} - set(allowed):
                target = "/".join(str(uuid.UUID(int=1)) if part.startswith("{") else part
                                  for part in path.split("/"))
                answer = self.send(method, target, key=self.key)
                self.test.assertEqual((answer.status, answer.headers["Allow"]),
                                      (405, ", ".join(allowed)), f"{method} {target}: {answer}")
                self.check_error(answer, "method_not_allowed")

    def check_error(self, answer, code):
        """Of what is no operation: in the API's shape all the same."""
        self.test.assertEqual(answer.media_type, "application/json", answer)
        self.test.assertEqual(set(answer.json), {"error", "detail"}, answer)
        self.test.assertEqual(answer.json["error"], code, answer)

    def check_extremes(self, method, target):
        """What the server refuses before anybody routes it."""
        for headers, body, status, code in (
                ({"X-Long": "x" * 20_000}, None, 431, "headers_too_large"),
                ({"Content-Type": "application/json"}, b" " * (2**20 + 1), 413,
                 "body_too_large")):
            answer = self.send(method, target, headers, body, self.key)
            self.test.assertEqual(answer.status, status, answer)
            self.check_error(answer, code)
        for target_, status, code in ((target + "/%zz", 400, "invalid_request"),
                                      (target + "/a/b/c/d", 404, "not_found")):
            answer = self.send(method, target_, key=self.key)
            self.test.assertEqual(answer.status, status, answer)
            self.check_error(answer, code)


class OpenApiContracts(HubTest):
    hub_options = (*HubTest.hub_options, "--allow-insecure-endpoints")
    receivers = ("express_receiver.js",)

    def setUp(self):
        super().setUp()
        self.workspace.ask("POST", "/stores", {"name": "Shop"}, 201)
        self.integration_key = self.new_key(kind="integration", store="Shop")
        self.public_key = self.new_key(kind="public", scopes=["read_write"])
        self.weak_keys = [self.new_key(kind="integration", store="Shop", scopes=["clients:write"]),
                          self.new_key(kind="public"), "pck_live_nobody"]

    def new_key(self, **more):
        return self.workspace.ask("POST", "/keys", {"platform": "peptideclients", **more},
                                  201)["key"]

    def place_orders(self, contract):
        """As the document's own example is written, but not paid yet."""
        operation = contract.document.document["paths"]["/integrations/v1/orders"]["post"]
        _, (example, *_) = contract.document.body_of(operation)
        for number in range(20):
            body = {**example, "external_id": f"seed-{number}"}
            body.pop("payment", None)
            answer = contract.check(operation, "POST", "/integrations/v1/orders",
                                    {"Content-Type": "application/json"},
                                    json.dumps(body).encode(), self.integration_key)
            self.assertEqual(answer.status, 201, answer)

    def ping_of_a_shop(self, contract):
        """The one good request of WooCommerce's that a document can make up: nobody signs it."""
        path = "/integrations/v1/webhook/woocommerce"
        operation = contract.document.document["paths"][path]["post"]
        answer = contract.check(operation, "POST", path,
                                {"Content-Type": "application/x-www-form-urlencoded"},
                                b"webhook_id=7", None)
        self.assertEqual(answer.status, 200, answer)

    def integration(self):
        contract = Contract(self, "/integrations/v1/openapi.json", self.integration_key,
                            (self.public_key, *self.weak_keys))
        self.place_orders(contract)
        self.ping_of_a_shop(contract)
        return contract

    def check(self, contract, method, target):
        contract.ask_everything()
        contract.check_coverage()
        contract.check_wrong_methods()
        contract.check_extremes(method, target)

    def test_the_integration_api_answers_as_its_document_says(self):
        contract = self.integration()
        order = contract.names["order"][0]
        paid = contract.send("POST", f"/integrations/v1/orders/{order}/payments",
                             {"Content-Type": "application/json"},
                             b'{"method": "wire", "amount": "0.01"}', self.integration_key)
        contract.names["payment"] = [paid.json["id"]]
        self.check(contract, "POST", "/integrations/v1/orders")

    def test_the_public_api_answers_as_its_document_says(self):
        orders = self.integration().names["order"]
        product = self.workspace.ask("PUT", "/products/1", {
            "name": "Paper", "price": "1", "currency": "EUR"}, 201)
        made = self.workspace.endpoint("peptideclients", self.express, f"/open/{self.name}",
                                       event_types=["vendor.claimed"])
        contract = Contract(self, "/v1/openapi.json", self.public_key,
                            (self.integration_key, *self.weak_keys))
        contract.names.update(order=orders, product=[product["uuid"]], endpoint=[made["id"]],
                              vendor=[self.workspace.supplier["uuid"]])
        self.check(contract, "GET", "/v1/orders")
        self.check_pages(contract)

    def check_pages(self, contract):
        """A limit and a cursor of the document's own are followed to the end of a list."""
        for path in ("/v1/orders", "/v1/vendors", "/v1/clients", "/v1/products"):
            whole = contract.send("GET", path, key=self.public_key).json["rows"]
            rows, query = [], "limit=1"
            while query and len(rows) <= len(whole):
                page = contract.send("GET", f"{path}?{query}", key=self.public_key).json
                rows += page["rows"]
                cursor = page["next_cursor"]
                query = cursor and f"limit=1&cursor_at={cursor['at']}&cursor_id={cursor['id']}"
            self.assertEqual(rows, whole, path)
            self.assertTrue(rows, path)


if __name__ == "__main__":
    unittest.main()
