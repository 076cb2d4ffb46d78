"""How an endpoint is sent to: headers of its own, strict order, alerts about it."""

import json
import unittest

from harness import RECEIVERS_ARE_HERE, HubTest, wait_for

HUSH = "Bearer hush-hush-4711"


class Headers(HubTest):
    receivers = ("standard_receiver.js",)

    def test_headers_arrive_and_are_shown_masked_alone(self):
        path = f"/v1/{self.name}"
        made = self.workspace.endpoint(
            "standard-webhooks", self.standard, path,
            headers={"Authorization": HUSH, "X-Tenant": "acme"})
        masked = {"Authorization": "***", "X-Tenant": "***"}
        self.assertEqual(made["headers"], masked)
        self.workspace.publish({})
        webhook, = self.standard.wait_for(path, 1)
        self.assert_all_valid([webhook])
        self.assertEqual(webhook["headers"]["authorization"], HUSH)
        self.assertEqual(webhook["headers"]["x-tenant"], "acme")

        listed, = self.workspace.rows("/endpoints")
        self.assertEqual(listed["headers"], masked)
        shown = self.hub.cli("endpoint", "show", made["id"], "--workspace", self.workspace.slug)
        self.assertIn("X-Tenant", shown.stdout)
        seen = shown.stdout + json.dumps(self.workspace.rows("/audit")) + self.hub.log()
        self.assertNotIn(HUSH, seen)

    def test_forbidden_headers_are_refused_and_nothing_is_changed(self):
        made = self.workspace.endpoint("standard-webhooks", self.standard, f"/v1/{self.name}",
                                       headers={"X-Tenant": "acme"})
        for name, path in (("Host", "$.headers.Host"),
                           ("Content-Length", '$.headers["Content-Length"]'),
                           ("Webhook-Signature", '$.headers["Webhook-Signature"]')):
            refused = self.workspace.ask("PATCH", f"/endpoints/{made['id']}",
                                         {"headers": {name: "x"}}, 400)
            self.assertEqual((refused["code"], refused["path"]), ("header_forbidden", path))
        self.assertEqual(self.workspace.endpoint_now(made)["headers"], {"X-Tenant": "***"})

    def test_the_command_line_sets_and_takes_them_away(self):
        path = f"/v1/{self.name}"
        made = self.workspace.endpoint("standard-webhooks", self.standard, path)
        change = ("endpoint", "update", made["id"], "--workspace", self.workspace.slug, "--header")
        self.assertEqual(self.hub.cli(*change, "X-List: a, b").returncode, 0)
        self.workspace.publish({})
        webhook, = self.standard.wait_for(path, 1)
        self.assertEqual(webhook["headers"]["x-list"], "a, b")
        self.assertEqual(self.hub.cli(*change, "default").returncode, 0)
        self.assertEqual(self.workspace.endpoint_now(made)["headers"], {})


class OrderAndAlerts(HubTest):
    """Ten minutes of the hub's clock are a second here."""

    hub_options = (*RECEIVERS_ARE_HERE, "--clock-speed", "600")
    receivers = ("express_receiver.js", "standard_receiver.js")

    def test_an_endpoint_in_order_is_sent_the_next_once_the_one_before_is_through(self):
        path = f"/open/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, in_order=True,
                                           deactivate_after=0)
        self.express.behave(path, 500, times=2)
        numbers = [f"N-{number}" for number in range(5)]
        for number in numbers:
            self.workspace.publish({"number": number})
        self.workspace.wait_for_states(endpoint, *["succeeded"] * 5)
        bodies = [row["body"] for row in self.express.wait_for(path, 7)]
        seen = [next(number for number in numbers if number in body) for body in bodies]
        self.assertEqual(seen, ["N-0", "N-0", *numbers])

    def test_a_deactivation_and_a_dropped_delivery_are_told_at_another_endpoint(self):
        watch = f"/v1/watch-{self.name}"
        self.workspace.endpoint("waybill", self.standard, watch)
        path = f"/open/{self.name}"
        dead = self.workspace.endpoint("proculink", self.express, path, retry=[],
                                       deactivate_after=2)
        self.express.behave(path, 500, times=2)
        self.workspace.publish({"number": "N-1"})
        self.workspace.publish({"number": "N-2"})
        self.workspace.wait_for_endpoint(dead, state="deactivated")

        webhooks = self.standard.wait_for(watch, 3)
        self.assert_all_valid(webhooks)
        told = [json.loads(row["body"]) for row in webhooks]
        self.assertEqual(sorted(one["type"] for one in told),
                         ["delivery.dropped", "delivery.dropped", "endpoint.deactivated"])
        alert = next(one for one in told if one["type"] == "endpoint.deactivated")
        self.assertEqual(alert["data"]["endpoint_id"], dead["id"])
        self.assertEqual(alert["data"]["reason"], "2 deliveries in a row failed.")
        dropped = {one["data"]["delivery_id"] for one in told if one["type"] == "delivery.dropped"}
        self.assertEqual(dropped, {row["id"] for row in self.workspace.deliveries(dead)})
        # The list of events is the log of alerts.
        logged = wait_for(lambda: self.workspace.rows("/events?type=endpoint.deactivated"),
                          "the alert in the list of events")
        self.assertEqual([(row["subject"], row["matched"]) for row in logged], [(dead["id"], 1)])


if __name__ == "__main__":
    unittest.main()
