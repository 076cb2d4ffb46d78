"""An endpoint from its creation to its end: pause, failures, retries, secrets, tests, deletion."""

import base64
import datetime
import json
import os
import unittest

from harness import RECEIVERS_ARE_HERE, HubTest, an_order, wait_for


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class EndpointLife(HubTest):
    """On the world's clock: a retry is a minute away, and nobody waits for it."""

    receivers = ("express_receiver.js", "standard_receiver.js")

    def fail_once(self, endpoint, path, retrying, status=500):
        """Publishes an event whose first attempt fails; then `retrying` deliveries wait."""
        self.express.behave(path, status)
        self.workspace.publish({})
        wait_for(lambda: len(self.workspace.deliveries(endpoint, "retrying")) == retrying,
                 lambda: f"{retrying} retrying: {self.workspace.deliveries(endpoint)}")

    def test_a_paused_endpoint_collects_and_a_resumed_one_is_sent_everything(self):
        path = f"/raw/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, "secret")
        paused = self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/pause")
        self.assertEqual(paused["state"], "paused")
        self.assertTrue(paused["state_reason"])

        for number in range(5):
            self.workspace.post_order(an_order(f"PO-{number}"))
        self.workspace.wait_for_states(endpoint, *["pending"] * 5)
        self.assertEqual(self.express.received(path), [])

        resumed = self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/resume")
        self.assertEqual((resumed["state"], resumed["state_reason"]), ("active", ""))
        webhooks = self.express.wait_for(path, 5)
        self.assert_all_valid(webhooks)
        self.assertEqual({json.loads(row["body"])["data"]["order"]["orderNumber"]
                          for row in webhooks}, {f"PO-{number}" for number in range(5)})
        self.workspace.wait_for_states(endpoint, *["succeeded"] * 5)

    def test_pausing_and_resuming_twice_changes_nothing(self):
        endpoint = self.workspace.endpoint("proculink", self.express, f"/open/{self.name}")
        for action in ("pause", "pause", "resume", "resume"):
            self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/{action}")
        actions = [row["action"] for row in self.workspace.rows(f"/audit?subject={endpoint['id']}")]
        self.assertEqual(actions, ["endpoint.resume", "endpoint.pause", "endpoint.create"])

    def test_three_failures_in_a_row_switch_a_proculink_endpoint_off(self):
        path = f"/open/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path)

        for count in (1, 2):
            self.fail_once(endpoint, path, count)
            self.workspace.wait_for_endpoint(endpoint, consecutive_failures=count, state="active")
        self.fail_once(endpoint, path, 3)

        self.workspace.wait_for_endpoint(endpoint, consecutive_failures=3, state="deactivated")
        self.assertIn("3", self.workspace.endpoint_now(endpoint)["state_reason"])
        # What comes now is kept, and sent once it is switched on again.
        self.workspace.publish({"number": "after"})
        self.assertEqual(len(self.workspace.deliveries(endpoint, "pending")), 1)
        self.assertEqual(len(self.express.received(path)), 3)
        resumed = self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/resume")
        self.assertEqual((resumed["state"], resumed["consecutive_failures"]), ("active", 0))
        wait_for(lambda: any("after" in row["body"] for row in self.express.received(path)),
                 "the event that was held back")

    def test_a_success_resets_the_count(self):
        path = f"/open/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path)
        self.fail_once(endpoint, path, 1)
        self.fail_once(endpoint, path, 2)
        self.workspace.wait_for_endpoint(endpoint, consecutive_failures=2)

        self.workspace.publish({})

        self.workspace.wait_for_endpoint(endpoint, consecutive_failures=0, state="active")
        self.fail_once(endpoint, path, 3)
        self.fail_once(endpoint, path, 4)
        self.workspace.wait_for_endpoint(endpoint, consecutive_failures=2, state="active")

    def test_a_standard_webhooks_endpoint_is_not_switched_off_by_failures(self):
        path = f"/open/{self.name}"
        endpoint = self.workspace.endpoint("standard-webhooks", self.express, path)
        for count in range(1, 5):
            self.fail_once(endpoint, path, count)
        self.workspace.wait_for_endpoint(endpoint, state="active", consecutive_failures=4)

    def test_410_ends_an_endpoint(self):
        for dialect in ("proculink", "standard-webhooks"):
            with self.subTest(dialect):
                path = f"/open/{self.name}-{dialect}"
                endpoint = self.workspace.endpoint(dialect, self.express, path)
                self.express.behave(path, 410)
                self.workspace.publish({})
                self.workspace.wait_for_endpoint(endpoint, state="deactivated")
                self.assertIn("410", self.workspace.endpoint_now(endpoint)["state_reason"])
                self.workspace.publish({})
                self.assertEqual(len(self.express.wait_for(path, 1)), 1)

    def test_deleting_cancels_what_waits(self):
        path = f"/open/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path)
        self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/pause")
        for number in range(3):
            self.workspace.publish({"n": number})

        gone = self.workspace.ask("DELETE", f"/endpoints/{endpoint['id']}")

        self.assertEqual(gone, {"id": endpoint["id"], "state": "deleted",
                                "cancelled_deliveries": 3})
        self.workspace.wait_for_states(endpoint, *["cancelled"] * 3)
        event = self.workspace.publish({})
        self.assertEqual((event["matched"], event["deliveries"]), (0, []))
        self.assertTrue(event["unmatched_reason"])
        resumed = self.workspace.api.send(
            "POST", f"{self.workspace.path}/endpoints/{endpoint['id']}/resume")
        self.assertIn(resumed.status, (404, 409), resumed)
        self.assertEqual(self.express.received(path), [])

    def test_a_test_event_is_sent_and_told(self):
        for dialect, receiver, path in (
                ("proculink", self.express, f"/raw/{self.name}"),
                ("standard-webhooks", self.standard, f"/v1/{self.name}")):
            with self.subTest(dialect):
                endpoint = self.workspace.endpoint(
                    dialect, receiver, path, "secret" if dialect == "proculink" else None,
                    event_types=["order.failed"] if dialect == "proculink" else ["never.happens"])
                other = f"/open/{self.name}-other"
                self.workspace.endpoint("standard-webhooks", self.express, other)

                sent = self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/test", {}, 202)

                self.assert_all_valid(receiver.wait_for(path, 1))
                self.workspace.wait_for_states(endpoint, "succeeded")
                delivery = self.workspace.ask("GET", f"/deliveries/{sent['delivery_id']}")
                self.assertEqual((delivery["kind"], delivery["event_id"]),
                                 ("test", sent["event_id"]))
                self.assertEqual(self.express.received(other), [])

    def test_while_a_secret_is_rotated_both_verify(self):
        path = f"/both/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, "old secret")

        rotated = self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/rotate-secret",
                                     {"secret": "new secret", "overlap": "1h"})

        self.assertEqual(rotated["secret"], "new secret")
        self.assertTrue(rotated["previous_secret_expires_at"])
        self.express.learn(path, {"old": "old secret", "new": "new secret"})
        self.workspace.post_order(an_order())
        self.assert_all_valid(self.express.wait_for(path, 1))

    def test_while_a_standard_webhooks_secret_is_rotated_both_verify(self):
        path = f"/v1/{self.name}"
        endpoint = self.workspace.endpoint("standard-webhooks", self.standard, path)
        rotated = self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/rotate-secret", {})
        self.assertNotEqual(rotated["secret"], endpoint["secret"])

        self.workspace.publish({})
        self.assert_all_valid(self.standard.wait_for(path, 1))  # It knows the old one only.
        self.standard.learn(path, rotated["secret"])
        self.workspace.publish({})
        webhooks = self.standard.wait_for(path, 2)
        self.assert_all_valid(webhooks)
        self.assertEqual(len(webhooks[1]["headers"]["webhook-signature"].split(" ")), 2)

    def test_a_v1_secret_can_be_rotated_to_v1a(self):
        path = f"/v1/{self.name}"
        endpoint = self.workspace.endpoint("standard-webhooks", self.standard, path)
        secret = "whsk_" + base64.b64encode(os.urandom(32)).decode()
        rotated = self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/rotate-secret",
                                     {"secret": secret})
        self.assertTrue(rotated["verification_key"].startswith("whpk_"))
        self.workspace.publish({})
        webhook, = self.standard.wait_for(path, 1)
        self.assert_all_valid([webhook])
        kinds = [each.split(",")[0]
                 for each in webhook["headers"]["webhook-signature"].split(" ")]
        self.assertEqual(sorted(kinds), ["v1", "v1a"])

    def test_without_an_overlap_the_old_secret_is_gone_at_once(self):
        path = f"/raw/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, "old secret")
        rotated = self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/rotate-secret",
                                     {"overlap": "0s"})
        self.assertIsNone(rotated["previous_secret_expires_at"])
        self.express.learn(path, rotated["secret"])
        self.workspace.publish({})
        webhook, = self.express.wait_for(path, 1)
        self.assert_all_valid([webhook])
        self.assertNotIn("x-proculink-signature-next", webhook["headers"])

    def test_a_secret_is_shown_once(self):
        endpoint = self.workspace.endpoint("proculink", self.express, f"/raw/{self.name}", "s3cr3t")
        self.assertEqual(endpoint["secret"], "s3cr3t")
        shown = self.workspace.endpoint_now(endpoint)
        self.assertNotIn("secret", shown)
        self.assertTrue(shown["has_secret"])
        for file in ("waybill.sqlite", "waybill.sqlite-wal", "hub.log"):
            full = os.path.join(self.hub.data, file)
            if os.path.exists(full):
                with open(full, "rb") as opened:
                    self.assertNotIn(b"s3cr3t", opened.read(), file)

    def test_retry_after_lengthens_a_wait_but_at_most_doubles_it(self):
        # The listed wait is a minute, give or take a tenth.
        for wish, least, most in ((None, 54, 66), ("5", 54, 66), ("90", 81, 99), ("7200", 108, 132),
                                  ("nonsense", 54, 66)):
            with self.subTest(wish):
                path = f"/open/{self.name}-{wish}"
                endpoint = self.workspace.endpoint("proculink", self.express, path)
                self.express.behave(path, 503, headers={"Retry-After": wish} if wish else {})
                self.workspace.publish({})
                self.workspace.wait_for_states(endpoint, "retrying")
                delivery, = self.workspace.deliveries(endpoint)
                shown = self.workspace.ask("GET", f"/deliveries/{delivery['id']}")
                attempt, = shown["attempts"]
                self.assertEqual((attempt["outcome"], attempt["status_code"]), ("refused", 503))
                ended = time_of(attempt["started_at"]) + attempt["latency_ms"] / 1000
                wait = time_of(shown["due_at"]) - ended
                self.assertGreaterEqual(wait, least - 1)
                self.assertLessEqual(wait, most + 1)
                self.workspace.ask("DELETE", f"/endpoints/{endpoint['id']}")

    def test_only_2xx_is_success(self):
        for status in (201, 204, 301, 302, 307, 400, 404, 429, 500):
            with self.subTest(status):
                path = f"/open/{self.name}-{status}"
                headers = {"Location": self.express.url + path} if 300 < status < 400 else {}
                endpoint = self.workspace.endpoint("standard-webhooks", self.express, path)
                self.express.behave(path, status, headers=headers)
                self.workspace.publish({})
                self.workspace.wait_for_states(
                    endpoint, "succeeded" if status < 300 else "retrying")
                self.express.wait_for(path, 1)
                self.workspace.ask("DELETE", f"/endpoints/{endpoint['id']}")

    def test_an_endpoints_own_timeout_ends_an_attempt(self):
        path = f"/open/{self.name}"
        endpoint = self.workspace.endpoint("standard-webhooks", self.express, path, timeout="1s")
        self.express.behave(path, hold=True)
        self.workspace.publish({})
        self.workspace.wait_for_states(endpoint, "retrying")
        delivery, = self.workspace.deliveries(endpoint)
        attempt, = self.workspace.ask("GET", f"/deliveries/{delivery['id']}")["attempts"]
        self.assertEqual((attempt["outcome"], attempt["status_code"]), ("timeout", None))
        self.assertGreaterEqual(attempt["latency_ms"], 900)
        self.assertLess(attempt["latency_ms"], 5000)
        self.express.release(path)

    def test_a_waiting_delivery_can_be_tried_at_once_by_hand(self):
        path = f"/open/{self.name}"
        endpoint = self.workspace.endpoint("standard-webhooks", self.express, path)
        self.fail_once(endpoint, path, 1)
        delivery, = self.workspace.deliveries(endpoint)
        where = f"/deliveries/{delivery['id']}/retry"

        self.workspace.ask("POST", where, {}, 202)

        self.workspace.wait_for_states(endpoint, "succeeded")
        first, second = self.express.wait_for(path, 2)
        self.assertEqual(first["headers"]["webhook-id"], second["headers"]["webhook-id"])
        answer = self.workspace.api.send("POST", self.workspace.path + where, {})
        self.assertEqual((answer.status, answer.json["code"]), (409, "delivery_succeeded"))

    def test_an_event_can_be_replayed_to_one_endpoint_or_to_all(self):
        paths = [f"/open/{self.name}-{number}" for number in (1, 2)]
        first, second = [self.workspace.endpoint("standard-webhooks", self.express, path)
                         for path in paths]
        event = self.workspace.publish({})
        for path in paths:
            self.express.wait_for(path, 1)

        where = f"/events/{event['id']}/replay"
        one = self.workspace.ask("POST", where, {"endpoint": first["id"]}, 202)
        self.assertEqual([row["endpoint_id"] for row in one["rows"]], [first["id"]])
        self.express.wait_for(paths[0], 2)
        both = self.workspace.ask("POST", where, {}, 202)
        self.assertEqual({row["endpoint_id"] for row in both["rows"]}, {first["id"], second["id"]})
        self.assertEqual({row["kind"] for row in both["rows"]}, {"replay"})
        self.express.wait_for(paths[0], 3)
        self.express.wait_for(paths[1], 2)

    def test_what_a_proculink_endpoint_is_cannot_be_changed_but_how_it_is_sent_to_can(self):
        endpoint = self.workspace.endpoint("proculink", self.express, f"/open/{self.name}")
        where = f"/endpoints/{endpoint['id']}"
        for change in ({"url": "http://127.0.0.1:1/"}, {"event_types": ["order.failed"]}):
            answer = self.workspace.api.send("PATCH", self.workspace.path + where, change)
            self.assertEqual((answer.status, answer.json["code"]), (409, "endpoint_not_editable"))
        changed = self.workspace.ask("PATCH", where, {"timeout": "5s", "retry": ["2m"]})
        self.assertEqual((changed["timeout"], changed["effective"]["timeout"],
                          changed["effective"]["retry"]), ("5s", "5s", ["2m"]))
        back = self.workspace.ask("PATCH", where, {"timeout": None, "retry": None})
        self.assertEqual((back["timeout"], back["effective"]), (None, endpoint["effective"]))

    def test_a_changed_url_is_where_the_next_webhook_goes(self):
        paths = [f"/v1/{self.name}-{number}" for number in (1, 2)]
        endpoint = self.workspace.endpoint("standard-webhooks", self.standard, paths[0])
        self.standard.learn(paths[1], endpoint["secret"])
        self.workspace.publish({})
        self.standard.wait_for(paths[0], 1)
        self.workspace.ask("PATCH", f"/endpoints/{endpoint['id']}",
                           {"url": self.standard.url + paths[1]})
        self.workspace.publish({})
        self.assert_all_valid(self.standard.wait_for(paths[1], 1))
        self.standard.wait_for(paths[0], 1)


class OnAFastClock(HubTest):
    """A minute of the hub's is a tenth of a second."""

    hub_options = (*RECEIVERS_ARE_HERE, "--clock-speed", "600")
    receivers = ("express_receiver.js",)

    def attempts(self, endpoint):
        delivery, = self.workspace.deliveries(endpoint)
        return self.workspace.ask("GET", f"/deliveries/{delivery['id']}")["attempts"]

    def test_retries_come_after_one_minute_and_after_five(self):
        path = f"/raw/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, "secret")
        self.express.behave(path, 500, times=2)

        self.workspace.post_order(an_order())

        self.workspace.wait_for_states(endpoint, "succeeded")
        webhooks = self.express.wait_for(path, 3)
        self.assert_all_valid(webhooks)
        self.assertEqual(len({row["body"] for row in webhooks}), 1)
        attempts = self.attempts(endpoint)
        self.assertEqual([(each["number"], each["outcome"]) for each in attempts],
                         [(1, "refused"), (2, "refused"), (3, "succeeded")])
        starts = [time_of(each["started_at"]) for each in attempts]
        self.assertGreaterEqual(starts[1] - starts[0], 54)
        self.assertGreaterEqual(starts[2] - starts[1], 270)
        self.workspace.wait_for_endpoint(endpoint, consecutive_failures=0, state="active")

    def test_the_third_failure_drops_the_delivery_and_switches_the_endpoint_off(self):
        path = f"/open/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path)
        self.express.behave(path, 500, times=3)
        self.workspace.publish({})

        self.workspace.wait_for_states(endpoint, "dropped")
        self.workspace.wait_for_endpoint(endpoint, state="deactivated", consecutive_failures=3)

        # Retried by hand it waits until the endpoint is switched on again, and then arrives.
        answer = self.workspace.ask("POST", "/deliveries/retry-dropped", {"since": "7d"}, 202)
        self.assertEqual(answer, {"retried": 1, "more": False})
        self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/resume")
        self.workspace.wait_for_states(endpoint, "succeeded")
        self.express.wait_for(path, 4)

    def test_what_failed_before_a_switch_off_is_sent_after_the_resume(self):
        path = f"/open/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, retry=["1m"] * 20)
        self.express.behave(path, 500, times=3)
        for number in range(4):
            self.workspace.publish({"n": number})
        self.workspace.wait_for_endpoint(endpoint, state="deactivated")

        self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/resume")

        self.workspace.wait_for_states(endpoint, *["succeeded"] * 4)

    def test_an_endpoints_own_schedule_replaces_its_dialects(self):
        path = f"/open/{self.name}"
        endpoint = self.workspace.endpoint("standard-webhooks", self.express, path,
                                           retry=["10s", "20s"])
        self.express.behave(path, 503, times=3)
        self.workspace.publish({})
        self.workspace.wait_for_states(endpoint, "dropped")
        self.assertEqual(len(self.attempts(endpoint)), 3)
        self.workspace.wait_for_endpoint(endpoint, state="active")

    def test_after_the_overlap_the_old_secret_signs_no_more(self):
        path = f"/raw/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, "old secret")
        self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/rotate-secret",
                           {"secret": "new secret", "overlap": "10m"})
        self.express.learn(path, "new secret")
        self.workspace.wait_for_endpoint(endpoint, previous_secret_expires_at=None)

        self.workspace.publish({})

        webhook, = self.express.wait_for(path, 1)
        self.assert_all_valid([webhook])
        self.assertNotIn("x-proculink-signature-next", webhook["headers"])


class WithoutPrivateNetworks(HubTest):
    """As the hub starts by itself: nobody can make it reach what is inside."""

    hub_options = ("--log-level", "info")
    receivers = ("express_receiver.js",)

    def test_an_address_inside_is_refused_when_it_is_named(self):
        for host in ("127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "0.0.0.0",
                     "[::ffff:127.0.0.1]", "localhost"):
            with self.subTest(host):
                answer = self.workspace.api.send("POST", self.workspace.path + "/endpoints", {
                    "dialect": "proculink", "url": f"http://{host}:8080/hook"})
                self.assertEqual(answer.status, 400, answer)
                self.assertIn(answer.json["code"], ("address_blocked", "url_invalid"))
                self.assertEqual(answer.json["path"], "$.url")
        self.assertEqual(self.workspace.rows("/endpoints"), [])

    def test_a_name_that_leads_inside_is_not_followed(self):
        # Names by their form, which C libraries take for 127.0.0.1.
        for host in ("2130706433", "0x7f.1", "127.1"):
            with self.subTest(host):
                url = self.express.url.replace("127.0.0.1", host) + f"/open/{self.name}"
                endpoint = self.workspace.ask("POST", "/endpoints", {
                    "dialect": "standard-webhooks", "url": url,
                    "event_types": ["shop." + host.replace(".", "_")]}, 201)
                self.workspace.publish({}, "shop." + host.replace(".", "_"))
                self.workspace.wait_for_states(endpoint, "retrying")
                delivery, = self.workspace.deliveries(endpoint)
                attempt, = self.workspace.ask("GET", f"/deliveries/{delivery['id']}")["attempts"]
                self.assertEqual((attempt["outcome"], attempt["status_code"]), ("blocked", None))
        self.assertEqual(self.express.received(), [])


if __name__ == "__main__":
    unittest.main()
