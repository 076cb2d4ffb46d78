"""Receivers that fail in every way there is, beside a healthy one that must not notice."""

import socket
import threading
import unittest

from faults import FULL, FaultTest, wait_for

SECONDS = 30 if FULL else 8
RATE = 25
# How long a bad receiver holds a try up. A healthy one that waits for it takes as long.
TIMEOUT_SECONDS = 3
HEALTHY_P99_MS_MAX = TIMEOUT_SECONDS * 1000 / 2


class Watched:
    """A port where nobody must connect."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/stolen"
        self.visits = 0
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


class BadReceivers(FaultTest):
    def test_the_healthy_endpoint_gets_everything_as_soon_as_without_them(self):
        watched = Watched()
        self.addCleanup(watched.stop)
        bad = {"never": "never", "drip": "drip", "endless": "endless", "reset": "reset",
               "redirect": f"redirect:{watched.url}"}
        self.start_ledger("healthy", *bad)
        self.start_hub()
        workspace = self.workspace("acme")
        self.add_endpoint(workspace, "healthy")
        endpoints = [self.add_endpoint(workspace, name, timeout=f"{TIMEOUT_SECONDS}s")
                     for name in bad]
        plan = {"rate": RATE, "seconds": SECONDS, "connections": 16}
        self.post(workspace, "warm-up", ["healthy"], orders=50, connections=8)
        self.ledger.wait_until_posted("warm-up", 30)
        # The same work twice, so that only the behaviour is another.
        self.post(workspace, "before", ["healthy"], **plan)
        self.ledger.wait_until_posted("before", SECONDS + 30)
        for name, behaviour in bad.items():
            self.ledger.behave(name, behaviour)
        tries_before = self.ledger.state()["endpoints"]
        self.post(workspace, "beside", ["healthy"], **plan)

        # Three failures in a row switch an endpoint off. These go on hurting.
        def resume_and_look():
            for endpoint in endpoints:
                if workspace.endpoint_now(endpoint)["state"] != "active":
                    workspace.ask("POST", f"/endpoints/{endpoint['id']}/resume")
            return "beside" not in self.ledger.state()["running"]
        wait_for(resume_and_look, "the load beside the bad receivers", SECONDS + 60)

        tries = self.ledger.state()["endpoints"]
        for name in bad:
            self.assertGreaterEqual(tries[name]["tries"] - tries_before[name]["tries"], 3, name)
        for endpoint in endpoints:
            workspace.ask("DELETE", f"/endpoints/{endpoint['id']}")
        loads = self.ledger.report()["endpoints"]["healthy"]["loads"]
        before, beside = (loads[name]["received_ms"]["p99"] for name in ("before", "beside"))
        self.check(f"{len(bad)} bad receivers beside a healthy one",
                   f"p99 {beside:.0f} ms, while they were good {before:.0f} ms")
        self.assertEqual(watched.visits, 0, "a redirect was followed")
        self.assertLessEqual(beside, HEALTHY_P99_MS_MAX)


if __name__ == "__main__":
    unittest.main()
