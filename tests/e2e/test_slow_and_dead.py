"""A slow endpoint and a dead one beside a healthy one, which must not notice."""

import socket
import time
import unittest

from harness import HubTest, order_data, wait_for

EVENTS = 100
PROMPT_SECONDS = 10


class SlowAndDead(HubTest):
    receivers = ("express_receiver.js", "fastapi_receiver.py")

    def closed_port(self):
        """A port where nobody listens, and nobody will."""
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]

    def silent_port(self):
        """A port where connections are taken and nothing is ever answered."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        return listener.getsockname()[1]

    def publish_all(self):
        events = [{"type": "order.created", "data": order_data(number=f"N-{number}")}
                  for number in range(EVENTS)]
        self.workspace.ask("POST", "/events/batch", {"events": events}, 201)

    def test_the_healthy_one_gets_everything_while_the_slow_one_answers_its_first(self):
        slow_path, path = f"/raw/slow-{self.name}", f"/raw/{self.name}"
        slow = self.workspace.endpoint("proculink", self.fastapi, slow_path, "secret",
                                       in_flight_max=1)
        self.workspace.ask("POST", "/endpoints", {
            "dialect": "standard-webhooks", "url": f"http://127.0.0.1:{self.closed_port()}/"}, 201)
        healthy = self.workspace.endpoint("proculink", self.express, path, "secret")
        self.fastapi.behave(slow_path, hold=True)

        began = time.monotonic()
        self.publish_all()
        webhooks = self.express.wait_for(path, EVENTS)
        elapsed = time.monotonic() - began

        self.assert_all_valid(webhooks)
        self.assertLess(elapsed, PROMPT_SECONDS)
        self.assertEqual(len(self.fastapi.received(slow_path)), 1)
        self.workspace.wait_for_states(healthy, *["succeeded"] * EVENTS)
        self.fastapi.release(slow_path)
        self.assert_all_valid(self.fastapi.wait_for(slow_path, EVENTS))
        self.workspace.wait_for_states(slow, *["succeeded"] * EVENTS)

    def test_an_endpoint_has_no_more_in_flight_than_its_cap(self):
        path, other_path = f"/open/{self.name}", f"/open/other-{self.name}"
        self.workspace.endpoint("proculink", self.express, path, in_flight_max=7)
        other = self.new_workspace()
        other.endpoint("proculink", self.express, other_path)
        self.express.behave(path, hold=True, times=EVENTS)

        self.publish_all()
        other.publish({})

        self.express.wait_for(other_path, 1)
        self.express.wait_for(path, 7)
        status = self.hub.api.ask("GET", "/status")
        self.assertGreaterEqual(status["dispatcher"]["in_flight"], 7)
        self.assertEqual(len(self.express.received(path)), 7)
        wait_for(lambda: self.express.release(path) == 0
                 and len(self.express.received(path)) == EVENTS, "all of them, seven at a time")

    def test_a_receiver_that_never_answers_holds_up_nobody(self):
        path = f"/raw/{self.name}"
        silent = self.workspace.ask("POST", "/endpoints", {
            "dialect": "standard-webhooks", "timeout": "1s",
            "url": f"http://127.0.0.1:{self.silent_port()}/"}, 201)
        self.workspace.endpoint("proculink", self.express, path, "secret")

        began = time.monotonic()
        self.publish_all()
        self.assert_all_valid(self.express.wait_for(path, EVENTS))

        self.assertLess(time.monotonic() - began, PROMPT_SECONDS)
        wait_for(lambda: self.workspace.endpoint_now(silent)["consecutive_failures"] > 0,
                 "the first time-out")
        self.workspace.ask("DELETE", f"/endpoints/{silent['id']}")

    def test_an_order_is_answered_while_every_endpoint_is_dead(self):
        for _ in range(5):
            self.workspace.ask("POST", "/endpoints", {
                "dialect": "standard-webhooks", "timeout": "2s",
                "url": f"http://127.0.0.1:{self.silent_port()}/"}, 201)
        began = time.monotonic()
        for number in range(20):
            answer = self.workspace.post_order({"supplierId": "Acme Paper Ltd",
                                                "orderNumber": f"N-{number}",
                                                "lines": [{"quantity": 1}]})
            self.assertEqual(answer.status, 201)
        self.assertLess(time.monotonic() - began, PROMPT_SECONDS)
        for endpoint in self.workspace.rows("/endpoints"):
            self.workspace.ask("DELETE", f"/endpoints/{endpoint['id']}")


if __name__ == "__main__":
    unittest.main()
