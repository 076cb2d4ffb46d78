"""Replays: an endpoint is sent what it lacks, as a job that survives the hub."""

import json
import unittest

from harness import Hub, Receiver, Workspace, wait_for


class Replay(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.receiver = Receiver("express_receiver.js")
        self.addCleanup(self.receiver.stop)
        self.hub = Hub()
        self.addCleanup(self.hub.remove)
        self.addCleanup(self.hub.stop)
        self.workspace = Workspace(self.hub, "acme")

    def publish(self, count):
        """Events of which nobody wants to hear yet. Returns their ids, as webhooks carry them."""
        events = []
        for at in range(0, count, 100):
            made = self.workspace.ask("POST", "/events/batch", {"events": [
                {"type": "stock.low", "data": {"n": number}}
                for number in range(at, min(at + 100, count))]}, 201)
            events += [row["id"] for row in made["rows"]]
        return events

    def replay(self, endpoint, *words):
        answer = self.hub.cli("replay", "create", "--endpoint", endpoint["id"], *words, "--json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return json.loads(answer.stdout)

    def arrived(self, path):
        """The events that arrived, once for each arrival."""
        return [self.event_of(row) for row in self.receiver.received(path)]

    @staticmethod
    def event_of(row):
        return json.loads(row["body"])["data"]["n"]

    def test_an_endpoint_added_later_is_sent_all_that_it_never_got_once(self):
        self.publish(200)
        endpoint = self.workspace.endpoint("standard-webhooks", self.receiver, "/open/late",
                                           event_types=["stock.low"])

        told = self.replay(endpoint, "--only", "missing", "--dry-run")
        # It does not want the event of the supplier that the workspace begins with.
        self.assertEqual(told, {"looked_at": 201, "deliveries": 200, "skipped": 1, "more": False})
        first = self.replay(endpoint, "--only", "missing", "--wait")
        self.assertEqual((first["state"], first["made"], first["skipped"]), ("done", 200, 1))
        self.receiver.wait_for("/open/late", 200)
        self.assertEqual(sorted(self.arrived("/open/late")), list(range(200)))
        self.workspace.wait_for_states(endpoint, *["succeeded"] * 200)

        second = self.replay(endpoint, "--only", "missing", "--wait")
        self.assertEqual((second["state"], second["made"], second["skipped"]), ("done", 0, 201))
        third = self.replay(endpoint, "--only", "failed", "--wait")
        self.assertEqual((third["state"], third["made"]), ("done", 0))
        self.assertEqual(len(self.receiver.received("/open/late")), 200)
        listed = self.workspace.rows(f"/replays?endpoint={endpoint['id']}")
        self.assertEqual([row["id"] for row in listed], [third["id"], second["id"], first["id"]])

    def test_a_killed_hub_goes_on_with_a_replay_and_makes_no_delivery_twice(self):
        self.publish(1000)
        endpoint = self.workspace.endpoint("standard-webhooks", self.receiver, "/open/late",
                                           event_types=["stock.low"], rate_per_second=200)
        made = self.replay(endpoint, "--only", "missing")
        for _ in range(3):
            before = len(self.receiver.received("/open/late"))
            wait_for(lambda: len(self.receiver.received("/open/late")) >= before + 100,
                     "a hundred more")
            self.hub.kill()
            self.hub.start()
            self.workspace.api = self.hub.api

        def state():
            return self.workspace.ask("GET", f"/replays/{made['id']}")
        wait_for(lambda: state()["state"] == "done", lambda: f"done: {state()}", 40)
        self.assertEqual(state()["made"], 1000)
        wait_for(lambda: set(self.arrived("/open/late")) == set(range(1000)), "every event", 40)
        self.workspace.wait_for_states(endpoint, *["succeeded"] * 1000)
        # What was under way at a kill came again, and said that it is the same.
        deliveries = self.workspace.deliveries(endpoint)
        self.assertEqual(len({row["event_id"] for row in deliveries}), 1000)

    def test_a_replay_is_cancelled_by_hand(self):
        self.publish(300)
        endpoint = self.workspace.endpoint("standard-webhooks", self.receiver, "/open/slow",
                                           event_types=["stock.low"], rate_per_second=10)
        made = self.replay(endpoint, "--only", "all", "--since", "1h")
        wait_for(lambda: self.receiver.received("/open/slow"), "the first")
        answer = self.hub.cli("replay", "cancel", made["id"], "--json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        over = json.loads(answer.stdout)
        self.assertEqual(over["state"], "cancelled")
        self.assertLess(over["made"], 300)
        self.workspace.wait_for_states(endpoint, *["succeeded"] * over["made"], seconds=30)
        shown = self.hub.cli("replay", "show", made["id"])
        self.assertIn("cancelled", shown.stdout)


if __name__ == "__main__":
    unittest.main()
