"""However often an order or an event is posted, it is taken once."""

import collections
import json
import unittest

from harness import RECEIVERS_ARE_HERE, HubTest, an_order, at_once, wait_for

COPIES = 50


def rewritten(order, number):
    """The same order in other bytes: members reordered, white space added."""
    turned = dict(reversed(order.items())) if number % 2 else dict(order)
    turned["lines"] = [dict(sorted(line.items(), reverse=number % 3 == 0))
                       for line in order["lines"]]
    return json.dumps(turned, indent=number % 5, ensure_ascii=number % 7 == 0).encode()


class ExactlyOnce(HubTest):
    receivers = ("express_receiver.js",)

    def assert_one_order(self, answers):
        """One 201; every other answer is 200, and tells the same order."""
        self.assertEqual(collections.Counter(answer.status for answer in answers),
                         {201: 1, 200: len(answers) - 1})
        first = next(answer.json for answer in answers if answer.status == 201)
        self.assertEqual(set(first), {"id", "status", "linesCount"})
        for answer in answers:
            if answer.status == 200:
                self.assertEqual(answer.json, {**first, "idempotentReplay": True})
        stored = self.workspace.rows("/orders")
        self.assertEqual([order["uuid"] for order in stored], [first["id"]])
        self.assertEqual(len(self.workspace.rows("/events")), 1)
        return first

    def test_fifty_at_once_with_one_key_are_one_order(self):
        self.workspace.endpoint("proculink", self.express, f"/raw/{self.name}", "secret")
        order = an_order()

        answers = at_once(COPIES, lambda _: self.workspace.post_order(order, "a-key-of-the-shop"))

        self.assert_one_order(answers)
        self.assert_all_valid(self.express.wait_for(f"/raw/{self.name}", 1))

    def test_fifty_at_once_without_a_key_are_one_order_however_they_are_written(self):
        self.workspace.endpoint("proculink", self.express, f"/raw/{self.name}", "secret")
        order = an_order(lines=[{"buyerItemCode": "Ä-1", "quantity": 1.5, "unit": "kg"},
                                {"buyerItemCode": "B-2", "quantity": 2, "unitPrice": 3.25}])

        answers = at_once(COPIES,
                          lambda number: self.workspace.post_order(rewritten(order, number)))

        self.assert_one_order(answers)
        self.assert_all_valid(self.express.wait_for(f"/raw/{self.name}", 1))

    def test_numbers_written_otherwise_are_the_same_order(self):
        texts = [b'{"supplierId":"Acme Paper Ltd","orderNumber":"N","lines":[{"quantity":%s}]}'
                 % number for number in (b"100", b"100.0", b"1e2", b"1.00E+2", b"1000e-1")]
        answers = [self.workspace.post_order(text) for text in texts]
        self.assert_one_order(answers)

    def test_the_supplier_by_name_in_any_case_or_by_id_is_the_same_order(self):
        answers = [self.workspace.post_order(an_order(supplier=supplier))
                   for supplier in ("Acme Paper Ltd", "ACME PAPER LTD",
                                    self.workspace.supplier["uuid"],
                                    self.workspace.supplier["uuid"].upper())]
        self.assert_one_order(answers)

    def test_the_same_key_with_another_body_gets_the_original_order(self):
        first = self.workspace.post_order(an_order("PO-1"), "once")
        second = self.workspace.post_order(an_order("PO-2"), "once")

        self.assertEqual(first.status, 201)
        self.assertEqual(second.status, 200)
        self.assertEqual(second.json, {**first.json, "idempotentReplay": True})
        order, = self.workspace.rows("/orders")
        self.assertEqual(order["number"], "PO-1")
        # That it was another is on record.
        noted, = self.workspace.rows("/audit?action=order.repeat_differed")
        self.assertEqual(noted["subject"], order["id"])

    def test_another_order_is_another_order(self):
        changes = [
            {}, {"number": "PO-2"},
            {"lines": [{"buyerItemCode": "PAP-A4-80", "quantity": 11, "unit": "BOX",
                        "unitPrice": 24.9}]},
            {"lines": [{"buyerItemCode": "PAP-A4-80", "quantity": 10, "unit": "BOX",
                        "unitPrice": 24.91}]},
            {"lines": [{"buyerItemCode": "PAP-A4-81", "quantity": 10, "unit": "BOX",
                        "unitPrice": 24.9}]},
            {"lines": [{"buyerItemCode": "PAP-A4-80", "quantity": 10, "unit": "PCS",
                        "unitPrice": 24.9}]},
        ]
        answers = [self.workspace.post_order(an_order(**change)) for change in changes]
        answers.append(self.workspace.post_order(an_order(), "with a key".replace(" ", "-")))

        self.assertEqual([answer.status for answer in answers], [201] * len(answers))
        self.assertEqual(len({answer.json["id"] for answer in answers}), len(answers))

    def test_a_key_is_each_workspaces_own(self):
        other = self.new_workspace()
        answers = [workspace.post_order(an_order(), "the-same-key")
                   for workspace in (self.workspace, other)]
        self.assertEqual([answer.status for answer in answers], [201, 201])

    def test_a_refused_order_does_not_use_up_its_key(self):
        refused = self.workspace.post_order(an_order(lines=[]), "first-wrong")
        accepted = self.workspace.post_order(an_order(), "first-wrong")
        self.assertEqual((refused.status, accepted.status), (400, 201))

    def test_fifty_events_at_once_with_one_key_get_the_same_bytes(self):
        self.workspace.endpoint("proculink", self.express, f"/raw/{self.name}", "secret")
        api, path = self.workspace.api, self.workspace.path + "/events"
        event = {"type": "order.created", "data": {"number": "Nr. 1 ✓"}}

        answers = at_once(COPIES, lambda _: api.send("POST", path, event,
                                                     {"Idempotency-Key": "event-1"}))

        self.assertEqual({answer.status for answer in answers}, {201})
        self.assertEqual(len({answer.body for answer in answers}), 1)
        replays = [answer.headers.get("Idempotent-Replay") for answer in answers]
        self.assertEqual(collections.Counter(replays), {None: 1, "true": COPIES - 1})
        self.assertEqual(len(self.workspace.rows("/events")), 1)
        self.assert_all_valid(self.express.wait_for(f"/raw/{self.name}", 1))

    def test_a_key_used_for_another_request_is_a_conflict(self):
        path = self.workspace.path
        headers = {"Idempotency-Key": "once"}
        self.workspace.publish({"n": 1}, headers=headers)

        for where, body in (("/events", {"type": "order.created", "data": {"n": 2}}),
                            ("/suppliers", {"name": "Other Ltd"})):
            answer = self.workspace.api.send("POST", path + where, body, headers)
            self.assertEqual((answer.status, answer.json["code"]), (409, "idempotency_conflict"))
        self.assertEqual(len(self.workspace.rows("/events")), 1)
        self.assertEqual(len(self.workspace.rows("/suppliers")), 1)

    def test_every_post_can_be_repeated_and_answers_the_same_bytes(self):
        endpoint = self.workspace.endpoint("proculink", self.express, f"/raw/{self.name}", "secret")
        event = self.workspace.publish({})
        self.express.wait_for(f"/raw/{self.name}", 1)
        self.workspace.wait_for_states(endpoint, "succeeded")
        path = self.workspace.path
        url = self.express.url + f"/open/{self.name}"
        posts = [
            ("/workspaces", {"slug": f"{self.name}-again"}, 201),
            (path + "/keys", {"platform": "proculink"}, 201),
            (path + "/suppliers", {"name": "Repeat Ltd"}, 201),
            (path + "/endpoints", {"dialect": "standard-webhooks", "url": url,
                                   "event_types": ["never.happens"]}, 201),
            (path + "/events/batch", {"events": [{"type": "a.b", "data": {}}] * 3}, 201),
            (path + f"/events/{event['id']}/replay", {}, 202),
            (path + "/deliveries/retry-dropped", {"since": "1h"}, 202),
            (path + f"/endpoints/{endpoint['id']}/test", {}, 202),
            (path + f"/endpoints/{endpoint['id']}/rotate-secret", {}, 200),
            (path + f"/endpoints/{endpoint['id']}/pause", {}, 200),
            (path + f"/endpoints/{endpoint['id']}/resume", {}, 200),
        ]
        for number, (where, body, status) in enumerate(posts):
            with self.subTest(where):
                headers = {"Idempotency-Key": f"{self.name}-{number}"}
                first = self.hub.api.send("POST", where, body, headers)
                again = self.hub.api.send("POST", where, body, headers)
                self.assertEqual(first.status, status, first)
                self.assertEqual((again.status, again.body), (first.status, first.body))
                self.assertEqual(again.headers.get("Idempotent-Replay"), "true")


class AfterADay(HubTest):
    """A day of the hub's is some four seconds."""

    hub_options = (*RECEIVERS_ARE_HERE, "--clock-speed", "20000")

    def test_after_24_hours_the_same_order_is_a_new_one(self):
        for key in ("a-key", None):
            with self.subTest(key):
                first = self.workspace.post_order(an_order(), key)
                self.assertEqual(first.status, 201)
                later = wait_for(lambda key=key: (
                    answer := self.workspace.post_order(an_order(), key)).status == 201 and answer,
                    "a day passes")
                self.assertNotEqual(later.json["id"], first.json["id"])


if __name__ == "__main__":
    unittest.main()
