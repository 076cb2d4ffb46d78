"""Redis and RabbitMQ start, keep what they have acknowledged, and end with who made them."""

import os
import subprocess
import sys
import tempfile
import unittest

from broker_server import HERE, RabbitServer, RedisServer, ServerFailed
from own_server import started_at, wait_for


class Redis(unittest.TestCase):
    def test_what_it_acknowledges_survives_a_kill(self):
        with RedisServer(password="secret") as server:
            self.assertEqual(server.ask("INCR", "n"), "1")
            server.kill()
            with self.assertRaises(ServerFailed):
                server.ask("GET", "n")
            server.start()
            self.assertEqual(server.ask("GET", "n"), "1")
            folder = server.folder
        self.assertFalse(os.path.exists(folder))

    def test_it_asks_for_its_password(self):
        with RedisServer(password="secret") as server:
            server.password = "falsch"
            self.assertNotEqual(server.ask("PING"), "PONG")
            server.password = "secret"


class Rabbit(unittest.TestCase):
    def test_it_starts_again_after_a_kill_and_leaves_nothing(self):
        with RabbitServer() as server:
            self.assertTrue(server.takes_connections())
            server.kill()
            self.assertFalse(server.takes_connections())
            server.start()
            self.assertTrue(server.takes_connections())
            pids, folder = [server.process.pid, server.epmd.pid], server.folder
        self.assertFalse(any(map(started_at, pids)))
        self.assertFalse(os.path.exists(folder))


class Ends(unittest.TestCase):
    def test_both_end_when_who_made_them_is_killed(self):
        with tempfile.TemporaryDirectory() as folder:
            maker = subprocess.Popen(
                [sys.executable, "-B", "-c",
                 "import sys; sys.path.insert(0, sys.argv[1])\n"
                 "from broker_server import RedisServer\n"
                 "server = RedisServer(); print(server.process.pid, flush=True); input()",
                 str(HERE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder)
            self.addCleanup(maker.stdout.close)
            self.addCleanup(maker.stdin.close)
            pid = int(maker.stdout.readline())
            self.assertTrue(started_at(pid))
            maker.kill()
            maker.wait(10)
            wait_for(lambda: not started_at(pid), "the server ends")


if __name__ == "__main__":
    unittest.main()
