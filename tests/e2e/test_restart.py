"""What was accepted survives the hub: killed, ended, or started twice."""

import http.client
import json
import os
import subprocess
import tempfile
import threading
import unittest

import harness
from harness import Hub, Receiver, Workspace, an_order, wait_for


def delivered_numbers(receiver, path):
    """The orders of which the receiver has had a webhook with a valid signature."""
    return {json.loads(row["body"])["data"]["order"]["orderNumber"]
            for row in receiver.received(path) if row["valid"]}


class Restart(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.express = Receiver("express_receiver.js")
        self.addCleanup(self.express.stop)
        self.hub = Hub()
        self.addCleanup(self.hub.remove)
        self.addCleanup(self.hub.stop)
        self.workspace = Workspace(self.hub, "acme")

    def restart(self):
        self.hub.start()
        self.workspace.api = self.hub.api

    def delivered_numbers(self, path):
        return delivered_numbers(self.express, path)

    def test_a_killed_hub_delivers_what_was_waiting_when_it_is_started_again(self):
        paths = {name: f"/raw/{name}" for name in ("in-flight", "paused", "healthy")}
        endpoints = {name: self.workspace.endpoint("proculink", self.express, path, "secret",
                                                   in_flight_max=2)
                     for name, path in paths.items()}
        self.workspace.ask("POST", f"/endpoints/{endpoints['paused']['id']}/pause")
        self.express.behave(paths["in-flight"], hold=True, times=2)
        numbers = {f"PO-{number}" for number in range(40)}
        for number in sorted(numbers):
            self.assertEqual(self.workspace.post_order(an_order(number)).status, 201)
        self.express.wait_for(paths["healthy"], 40)
        self.express.wait_for(paths["in-flight"], 2)

        self.hub.kill()
        self.restart()

        # Two were on their way when it was killed: they come again, and nothing else is missing.
        wait_for(lambda: self.delivered_numbers(paths["in-flight"]) == numbers, "all of them")
        self.workspace.wait_for_states(endpoints["in-flight"], *["succeeded"] * 40)
        self.assertEqual(len(self.express.received(paths["in-flight"])), 42)
        self.assertEqual(self.express.received(paths["paused"]), [])
        self.workspace.ask("POST", f"/endpoints/{endpoints['paused']['id']}/resume")
        wait_for(lambda: self.delivered_numbers(paths["paused"]) == numbers, "what was held back")

    def test_every_order_that_was_acknowledged_is_there_after_a_kill(self):
        self.workspace.endpoint("proculink", self.express, "/raw/orders", "secret")
        acknowledged, lock, enough = {}, threading.Lock(), threading.Event()

        def post(thread):
            for number in range(10_000):
                name = f"PO-{thread}-{number}"
                try:
                    answer = self.workspace.post_order(an_order(name))
                except (OSError, http.client.HTTPException):
                    return  # The hub is dead.
                with lock:
                    acknowledged[name] = answer.json["id"]
                    if len(acknowledged) >= 200:
                        enough.set()

        threads = [threading.Thread(target=post, args=(thread,)) for thread in range(8)]
        for thread in threads:
            thread.start()
        self.assertTrue(enough.wait(harness.WAIT_SECONDS))
        self.hub.process.kill()
        for thread in threads:
            thread.join(harness.WAIT_SECONDS)
        self.hub.kill()
        self.restart()

        stored = {row["number"]: row["uuid"] for row in self.workspace.rows("/orders")}
        self.assertLessEqual(acknowledged.items(), stored.items())
        # One order of each thread may be stored without its client having heard of it.
        self.assertLessEqual(len(stored), len(acknowledged) + len(threads))
        wait_for(lambda: self.delivered_numbers("/raw/orders") == set(stored),
                 "a webhook of every order")
        # A client that asks again is told of the same order.
        for name in sorted(acknowledged)[:10]:
            again = self.workspace.post_order(an_order(name))
            self.assertEqual((again.status, again.json["id"]), (200, acknowledged[name]))

    def test_a_retry_that_was_due_later_keeps_its_time(self):
        endpoint = self.workspace.endpoint("proculink", self.express, "/open/late")
        self.express.behave("/open/late", 500)
        self.workspace.publish({})
        self.workspace.wait_for_states(endpoint, "retrying")
        before = self.workspace.deliveries(endpoint)

        self.hub.kill()
        self.restart()

        self.assertEqual(self.workspace.deliveries(endpoint), before)
        self.assertEqual(self.workspace.endpoint_now(endpoint)["consecutive_failures"], 1)

    def test_the_answer_to_an_idempotency_key_outlives_the_hub(self):
        path, headers = self.workspace.path + "/events", {"Idempotency-Key": "once"}
        event = {"type": "order.created", "data": {"n": 1}}
        first = self.hub.api.send("POST", path, event, headers)
        self.hub.kill()
        self.restart()
        again = self.hub.api.send("POST", path, event, headers)
        self.assertEqual((again.status, again.body), (first.status, first.body))

    def test_sigterm_lets_a_delivery_under_way_end(self):
        endpoint = self.workspace.endpoint("proculink", self.express, "/raw/held", "secret")
        self.express.behave("/raw/held", hold=True)
        self.workspace.publish({})
        self.express.wait_for("/raw/held", 1)

        self.hub.process.terminate()
        wait_for(lambda: "stopping" in self.hub.log(),
                 "the hub begins to stop")
        self.express.release("/raw/held")
        self.assertEqual(self.hub.wait(), 0)

        self.assertFalse(os.path.exists(os.path.join(self.hub.data, "hub.url")))
        self.restart()
        self.workspace.wait_for_states(endpoint, "succeeded")
        self.express.wait_for("/raw/held", 1)

    def test_a_second_hub_on_the_same_data_is_refused(self):
        second = subprocess.run(
            [harness.BINARY, "serve", "--data", self.hub.data, "--listen", "127.0.0.1:0"],
            env=self.hub.environment, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn(str(self.hub.process.pid), second.stderr)
        self.assertEqual(self.workspace.ask("GET", "")["slug"], "acme")

    def test_data_without_its_master_key_is_refused(self):
        self.workspace.endpoint("proculink", self.express, "/raw/any", "secret")
        self.assertEqual(self.hub.stop(), 0)
        with tempfile.TemporaryDirectory() as aside:
            key = os.path.join(self.hub.data, "master.key")
            os.rename(key, os.path.join(aside, "master.key"))
            refused = subprocess.run(
                [harness.BINARY, "serve", "--data", self.hub.data, "--listen", "127.0.0.1:0"],
                env=self.hub.environment, capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("master.key", refused.stderr)
            os.rename(os.path.join(aside, "master.key"), key)
        self.restart()


if __name__ == "__main__":
    unittest.main()
