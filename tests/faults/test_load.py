"""Clients that take room: ten thousand idle ones, a slow one, and one that floods."""

import socket
import time
import unittest

from faults import FULL, FaultTest, raise_file_limit

IDLE = 10_000
# What a test needs beside the connections, on either side.
DESCRIPTORS_RESERVED = 600
# The server's deadline for a request's header, and some for a busy machine.
SLOW_SECONDS = 30
QUIET_RATE = 20
QUIET_SECONDS = 20 if FULL else 6
FLOOD_CONNECTIONS = 32
# What may become of the quiet one's p99 beside a flood that takes all the machine has, in ms.
QUIET_P99_MS_MAX = 1000


class IdleConnections(FaultTest):
    def connect(self):
        address = self.hub.url.removeprefix("http://").split(":")
        connection = socket.create_connection((address[0], int(address[1])), timeout=30)
        self.addCleanup(connection.close)
        return connection

    def test_orders_are_taken_beside_ten_thousand_idle_connections(self):
        count = min(IDLE, raise_file_limit() - DESCRIPTORS_RESERVED)
        self.start_ledger("main")
        self.start_hub()
        workspace = self.workspace("acme")
        self.add_endpoint(workspace, "main")
        self.post(workspace, "alone", ["main"], orders=200, connections=8)
        self.ledger.wait_until_posted("alone", 30)
        before = self.hub.resident_mib()

        idle = [self.connect() for _ in range(count)]
        self.post(workspace, "beside", ["main"], orders=200, connections=8)
        self.ledger.wait_until_posted("beside", 60)
        after = self.hub.resident_mib()

        still_open = sum(self.is_open(connection) for connection in idle)
        report = self.check(f"{count} idle connections",
                            f"{before:.0f} → {after:.0f} MiB, {still_open} still open")
        self.assertEqual(report["loads"]["beside"]["refused"], 0)

    @staticmethod
    def is_open(connection):
        connection.setblocking(False)
        try:
            return connection.recv(1) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def test_a_client_that_sends_a_byte_at_a_time_is_ended(self):
        self.start_ledger("main")
        self.start_hub()
        workspace = self.workspace("acme")
        self.add_endpoint(workspace, "main")
        connection = self.connect()
        connection.sendall(b"POST /api/ingress/acme/orders HTTP/1.1\r\nX-Slow: ")
        connection.settimeout(0.1)
        began = time.monotonic()
        ended = False
        while not ended and time.monotonic() - began < SLOW_SECONDS:
            try:
                ended = connection.recv(4096) == b"" or ended
            except TimeoutError:
                connection.sendall(b"z")
            except OSError:
                ended = True
        waited = time.monotonic() - began
        self.assertTrue(ended, f"the slow client is still connected after {waited:.0f} s")
        self.post(workspace, "main", ["main"], orders=20, connections=2)
        self.ledger.wait_until_posted("main", 30)
        self.check("a client that sends a byte at a time", f"ended after {waited:.1f} s")


class Flood(FaultTest):
    def test_a_quiet_workspace_beside_one_that_floods(self):
        self.start_ledger("quiet", "flood")
        self.start_hub()
        workspaces = {name: self.workspace(name) for name in ("quiet", "flood")}
        for name, workspace in workspaces.items():
            self.add_endpoint(workspace, name)
        plan = {"rate": QUIET_RATE, "seconds": QUIET_SECONDS, "connections": 8}
        self.post(workspaces["quiet"], "warm-up", ["quiet"], orders=50, connections=8)
        self.ledger.wait_until_posted("warm-up", 30)
        self.post(workspaces["quiet"], "alone", ["quiet"], **plan)
        self.ledger.wait_until_posted("alone", QUIET_SECONDS + 30)

        self.post(workspaces["flood"], "flood", ["flood"], connections=FLOOD_CONNECTIONS)
        self.wait_for_more("flood", FLOOD_CONNECTIONS)
        self.post(workspaces["quiet"], "beside", ["quiet"], **plan)
        self.ledger.wait_until_posted("beside", QUIET_SECONDS + 60)
        self.ledger.stop_load("flood")

        loads = self.ledger.report()["endpoints"]["quiet"]["loads"]
        alone, beside = (loads[name]["received_ms"]["p99"] for name in ("alone", "beside"))
        report = self.check("a quiet workspace beside a flood",
                            f"p99 {beside:.0f} ms, alone {alone:.0f} ms")
        flood = report["loads"]["flood"]
        print(f"the flood: {flood['orders_per_second']:.0f} orders/s over {FLOOD_CONNECTIONS} "
              "connections", flush=True)
        self.assertEqual(report["loads"]["beside"]["refused"], 0)
        self.assertLessEqual(beside, QUIET_P99_MS_MAX)


if __name__ == "__main__":
    unittest.main()
