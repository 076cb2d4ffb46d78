"""The server that other tests trust: it keeps what was committed, and it ends."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

import postgres_server
from postgres_server import (Postgres, PostgresServer, ServerFailed, database_of, several,
                             wait_for)

HERE = os.path.dirname(os.path.abspath(__file__))
# Makes a server, says where, and waits to be killed.
HOLDER = """
import postgres_server
server = postgres_server.PostgresServer()
print(server.folder, server.process.pid, flush=True)
input()
"""


def count(url):
    return Postgres(url).psql("SELECT count(*) FROM t", database_of(url))


class Server(unittest.TestCase):
    def start(self, **options):
        server = PostgresServer(**options)
        self.addCleanup(server.remove)
        return server

    def with_table(self, server):
        url = server.create_database()
        server.psql("CREATE TABLE t (n bigint PRIMARY KEY)", database_of(url))
        self.insert(url, 1)
        return url

    @staticmethod
    def insert(url, number):
        Postgres(url).psql(f"INSERT INTO t VALUES ({number})", database_of(url))

    def test_its_databases_are_durable_and_sort_by_bytes(self):
        server = self.start(settings={"max_connections": "17"})
        for name, wanted in (("fsync", "on"), ("synchronous_commit", "on"),
                             ("server_encoding", "UTF8"), ("lc_collate", "C.UTF-8"),
                             ("max_connections", "17"), ("listen_addresses", "127.0.0.1")):
            self.assertEqual(server.psql(f"SHOW {name}", "waybill"), wanted, name)
        self.assertEqual(server.psql("SELECT rolsuper FROM pg_roles WHERE rolname = 'waybill'"),
                         "f")

    def test_what_was_committed_outlives_each_kind_of_end(self):
        server = self.start()
        url = self.with_table(server)
        for number, end in enumerate((server.stop, lambda: server.stop("immediate"), server.kill)):
            self.insert(url, number + 2)
            end()
            with self.assertRaises(ServerFailed):
                count(url)
            server.start()
            self.assertEqual(count(url), str(number + 2))

    def test_a_synchronous_replica_has_everything_when_its_primary_dies(self):
        server = self.start()
        replica = server.replica()
        self.addCleanup(replica.remove)
        url = self.with_table(server)
        self.insert(url, 2)
        server.kill()
        replica.promote()
        database = database_of(url)
        self.assertEqual(count(replica.url(database)), "2")
        both = Postgres(several(database, server, replica))
        self.insert(both.url(database), 3)
        self.assertEqual(count(both.url(database)), "3")

    def test_a_password_is_asked_for(self):
        server = self.start(password="correct")
        self.assertEqual(server.psql("SELECT 1"), "1")
        wrong = Postgres(server.url().replace(":correct@", ":wrong@"))
        with self.assertRaisesRegex(ServerFailed, "password authentication failed"):
            wrong.psql("SELECT 1")


class End(unittest.TestCase):
    def test_it_ends_when_its_maker_is_killed_and_the_next_one_cleans_up(self):
        holder = subprocess.Popen([sys.executable, "-B", "-c", HOLDER], cwd=HERE,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.stdin.close)
        folder, pid = holder.stdout.readline().split()
        self.assertTrue(postgres_server.started_at(pid))
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
        wait_for(lambda: not postgres_server.started_at(pid), "the server ends")
        self.assertTrue(os.path.isdir(folder))
        with PostgresServer() as server:
            self.assertFalse(os.path.exists(folder))
        self.assertFalse(os.path.exists(server.folder))

    def tool(self, *words):
        return subprocess.run([sys.executable, "-B", os.path.join(HERE, "postgres_server.py"),
                               *words], capture_output=True, text=True, timeout=90, check=True)

    def test_the_tool_leaves_one_running_until_it_is_stopped(self):
        with tempfile.TemporaryDirectory() as folder:
            self.addCleanup(self.tool, "stop", folder)
            url = self.tool("start", folder).stdout.strip()
            self.assertEqual(Postgres(url).psql("SELECT 1"), "1")
            self.tool("stop", folder)
            self.assertFalse(os.path.exists(os.path.join(folder, "url")))
            with self.assertRaises(ServerFailed):
                Postgres(url).psql("SELECT 1")

    def test_the_server_of_a_run_ends_when_the_run_is_killed(self):
        with tempfile.TemporaryDirectory() as folder:
            self.addCleanup(self.tool, "stop", folder)
            run = subprocess.Popen(  # A shell that starts it, as ctest does, and goes on.
                ["/bin/sh", "-c", '"$@"; read line', "sh", sys.executable, "-B",
                 os.path.join(HERE, "postgres_server.py"), "start", folder,
                 "--until-parent-ends"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.addCleanup(run.stdout.close)
            self.addCleanup(run.stdin.close)
            url = run.stdout.readline().strip()
            self.assertEqual(Postgres(url).psql("SELECT 1"), "1")
            run.kill()
            run.wait(10)
            wait_for(lambda: not os.path.exists(os.path.join(folder, "url")), "the server ends")


if __name__ == "__main__":
    unittest.main()
