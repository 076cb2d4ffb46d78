"""An order comes in by ProcuLink's door; every subscriber gets a signed webhook that verifies."""

import base64
import json
import os
import unittest
import uuid

from harness import HubTest, an_order

# What a JSON library likes to write otherwise than JavaScript does.
ODD_LINES = [
    {"buyerItemCode": "ÄÖ-ß/1",
     "description": "Crème brûlée 🍮 \"quoted\" \\ <b>&</b> \u2028 \u007f",
     "quantity": 1e21, "unit": "кг", "unitPrice": 0.1},
    {"description": "tab\tline\nend", "quantity": 1e-7, "unitPrice": -0.0},
    {"description": "日本語", "quantity": 9007199254740993, "unitPrice": 1.0},
    {"quantity": 123456789012345680000, "unitPrice": 5e-324},
    {"quantity": 1.7976931348623157e308, "unitPrice": 100},
]
ODD_NUMBER = "PO-€/\"1\"\u2029 😀"


def new_v1a_secret():
    return "whsk_" + base64.b64encode(os.urandom(32)).decode()


class FirstOrder(HubTest):
    receivers = ("express_receiver.js", "standard_receiver.js", "fastapi_receiver.py")

    def test_a_new_order_reaches_every_subscriber_signed(self):
        workspace, name = self.workspace, self.name
        subscriptions = [
            ("proculink", self.express, f"/raw/{name}", "an express secret"),
            ("proculink", self.express, f"/stringify/{name}", "ein Schlüssel"),
            ("proculink", self.fastapi, f"/raw/{name}", "a fastapi secret"),
            ("standard-webhooks", self.standard, f"/v1/{name}", None),
        ]
        for dialect, receiver, path, secret in subscriptions:
            workspace.endpoint(dialect, receiver, path, secret)
        secret = new_v1a_secret()
        made = self.make_v1a(workspace, f"/v1a/{name}", secret)
        self.assertTrue(made["verification_key"].startswith("whpk_"))

        answer = workspace.post_order(an_order("PO-2026-1"))

        self.assertEqual(answer.status, 201, answer)
        order = answer.json
        self.assertEqual(order, {"id": order["id"], "status": "needs_review", "linesCount": 1})
        uuid.UUID(order["id"])
        webhooks = [receiver.wait_for(path, 1)[0] for _, receiver, path, _ in subscriptions]
        webhooks.append(self.standard.wait_for(f"/v1a/{name}", 1)[0])
        self.assert_all_valid(webhooks)
        for webhook in webhooks[:3]:
            self.assertEqual(webhook["headers"]["x-proculink-event"], "order.created")
            self.assertEqual(webhook["headers"]["content-type"], "application/json")
            body = json.loads(webhook["body"])
            self.assertEqual(body["type"], "order.created")
            self.assertEqual(body["workspace"], workspace.slug)
            self.assertEqual(body["data"]["order"], {
                "id": order["id"], "orderNumber": "PO-2026-1",
                "supplierId": workspace.supplier["uuid"], "supplierName": "Acme Paper Ltd",
                "status": "needs_review", "linesCount": 1})
        for webhook in webhooks[3:]:
            body = json.loads(webhook["body"])
            self.assertEqual(body["type"], "order.created")
            self.assertEqual(body["data"]["order_id"], order["id"])
            self.assertEqual(body["data"]["lines"][0]["unit_price"], 24.9)
            self.assertTrue(webhook["headers"]["webhook-id"].startswith("evt_"))

    def make_v1a(self, workspace, path, secret):
        made = workspace.endpoint("standard-webhooks", self.standard, path, secret)
        self.standard.learn(path, made["verification_key"])
        return made

    def test_unicode_and_odd_numbers_arrive_as_javascript_would_write_them(self):
        workspace, name = self.workspace, self.name
        workspace.endpoint("proculink", self.express, f"/stringify/{name}", "秘密 🔑")
        workspace.endpoint("proculink", self.fastapi, f"/raw/{name}", "秘密 🔑")
        workspace.endpoint("standard-webhooks", self.standard, f"/v1/{name}")

        answer = workspace.post_order(an_order(ODD_NUMBER, lines=ODD_LINES))

        self.assertEqual(answer.status, 201, answer)
        webhooks = [receiver.wait_for(path, 1)[0] for receiver, path in (
            (self.express, f"/stringify/{name}"), (self.fastapi, f"/raw/{name}"),
            (self.standard, f"/v1/{name}"))]
        self.assert_all_valid(webhooks)
        self.assertEqual(json.loads(webhooks[0]["body"])["data"]["order"]["orderNumber"],
                         ODD_NUMBER)
        lines = json.loads(webhooks[2]["body"], parse_int=float)["data"]["lines"]
        self.assertEqual([line["quantity"] for line in lines],
                         [float(line["quantity"]) for line in ODD_LINES])
        self.assertEqual([line["unit_price"] for line in lines],
                         [line["unitPrice"] for line in ODD_LINES])
        self.assertEqual([line.get("description") for line in lines],
                         [line.get("description") for line in ODD_LINES])

    def test_a_published_event_with_any_content_verifies_everywhere(self):
        workspace, name = self.workspace, self.name
        workspace.endpoint("standard-webhooks", self.standard, f"/v1/{name}",
                           event_types=["shop.thing_happened"])
        self.make_v1a(workspace, f"/v1a/{name}", new_v1a_secret())
        # Bytes, so that nothing between here and the hub tidies them.
        body = ('{"type":"shop.thing_happened","data":{"b":1.50,"a":-0,"10":"\\u00e9","2":[1E3,'
                '123456789012345678901234567890,4.35,0.1e-6],"\\ud83d\\ude00":"\\/","":{},'
                '"__proto__":null,"deep":[[[[[]]]]],"\\u0000":"\\u001f"}}').encode()

        event = workspace.ask("POST", "/events", body, 201)

        self.assertEqual(event["matched"], 2)
        webhooks = [self.standard.wait_for(f"/{kind}/{name}", 1)[0] for kind in ("v1", "v1a")]
        self.assert_all_valid(webhooks)
        for webhook in webhooks:
            # To JavaScript, and so to most receivers, every number is a double.
            self.assertEqual(json.loads(webhook["body"], parse_int=float)["data"],
                             json.loads(body, parse_int=float)["data"])
            self.assertEqual(webhook["headers"]["webhook-id"], event["id"])

    def test_an_endpoint_without_a_secret_gets_no_signature(self):
        workspace, name = self.workspace, self.name
        made = workspace.endpoint("proculink", self.express, f"/open/{name}")
        self.assertIsNone(made["secret"])
        self.assertFalse(made["has_secret"])

        workspace.post_order(an_order())

        webhook, = self.express.wait_for(f"/open/{name}", 1)
        self.assertEqual(webhook["headers"]["x-proculink-event"], "order.created")
        self.assertNotIn("x-proculink-signature", webhook["headers"])

    def test_an_endpoint_gets_only_what_it_subscribes_to(self):
        workspace, name = self.workspace, self.name
        workspace.endpoint("proculink", self.express, f"/open/{name}-failed",
                           event_types=["order.failed"])
        other = self.new_workspace()
        other.endpoint("proculink", self.express, f"/open/{name}-other")
        workspace.endpoint("proculink", self.express, f"/open/{name}")

        workspace.post_order(an_order())
        workspace.publish({}, "order.failed")

        kinds = [row["headers"]["x-proculink-event"]
                 for row in self.express.wait_for(f"/open/{name}", 2)]
        self.assertEqual(sorted(kinds), ["order.created", "order.failed"])
        webhook, = self.express.wait_for(f"/open/{name}-failed", 1)
        self.assertEqual(webhook["headers"]["x-proculink-event"], "order.failed")
        self.assertEqual(self.express.received(f"/open/{name}-other"), [])
        self.assertEqual(other.rows("/events"), [])

    def test_the_order_can_be_read_back_with_its_event_and_delivery(self):
        workspace, name = self.workspace, self.name
        endpoint = workspace.endpoint("proculink", self.express, f"/open/{name}")
        posted = workspace.post_order(an_order("PO-77", supplier="ACME paper LTD")).json
        self.express.wait_for(f"/open/{name}", 1)

        order, = workspace.rows("/orders?number=PO-77")
        self.assertEqual(order["uuid"], posted["id"])
        self.assertEqual(order["surface"], "proculink")
        self.assertEqual(order["supplier_name"], "Acme Paper Ltd")
        self.assertEqual(order["lines"], [{"item_code": "PAP-A4-80",
                                           "description": "Copy paper A4", "quantity": 10,
                                           "unit": "BOX", "unit_price": 24.9}])
        self.assertEqual(workspace.ask("GET", f"/orders/{posted['id']}"), order)
        event, = workspace.rows("/events?type=order.created")
        workspace.wait_for_states(endpoint, "succeeded")
        delivery, = workspace.ask("GET", f"/events/{event['id']}")["deliveries"]
        shown = workspace.ask("GET", f"/deliveries/{delivery['id']}")
        attempt, = shown["attempts"]
        self.assertEqual((attempt["number"], attempt["outcome"], attempt["status_code"]),
                         (1, "succeeded", 200))
        self.assertEqual(json.loads(attempt["response_body"]), {"received": True})

    def test_only_the_supplier_and_one_line_are_mandatory(self):
        workspace, name = self.workspace, self.name
        workspace.endpoint("standard-webhooks", self.standard, f"/v1/{name}")

        answer = workspace.post_order({"supplierId": workspace.supplier["uuid"], "lines": [{}]})

        self.assertEqual(answer.status, 201, answer)
        self.assert_all_valid(self.standard.wait_for(f"/v1/{name}", 1))
        order, = workspace.rows("/orders")
        self.assertEqual((order["number"], order["order_date"], order["currency"]),
                         (None, None, None))

    def test_ping_tells_whether_key_and_workspace_belong_together(self):
        answer = self.workspace.ingress("GET", "/ping")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json, {"status": "ok", "workspace": self.workspace.slug})


if __name__ == "__main__":
    unittest.main()
