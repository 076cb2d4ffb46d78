"""Several nodes on one PostgreSQL, and what their fault tests need beside them."""

import http.client
import os
import socket
import struct
import subprocess
import threading
import time
import urllib.parse

import faults  # noqa: F401  It sets the paths.
import harness
import postgres_server

POLL_SECONDS = 0.05
# For one answer of /health/ready; a node that is silent for so long is not ready.
READY_ANSWER_SECONDS = 2
PROTOCOL = 3 << 16
READY_FOR_QUERY = b"Z\0\0\0\x05I"


class Watch:
    """Asks one node whether it is ready, all the time, on a thread of its own."""

    def __init__(self, hub):
        self.hub, self.samples = hub, []  # (asked, answered, status or None, has Retry-After)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def ask(self):
        address = urllib.parse.urlsplit(self.hub.url)
        connection = http.client.HTTPConnection(address.hostname, address.port,
                                                timeout=READY_ANSWER_SECONDS)
        try:
            connection.request("GET", "/health/ready")
            answer = connection.getresponse()
            answer.read()
            return answer.status, "Retry-After" in answer.headers
        except (OSError, http.client.HTTPException):
            return None, False
        finally:
            connection.close()

    def watch(self):
        while not self.stopping.wait(POLL_SECONDS):
            asked = time.monotonic()
            status, has_retry_after = self.ask()
            self.samples.append((asked, time.monotonic(), status, has_retry_after))

    def refused_since(self, moment):
        """True once it has said that it is not ready, and when to come again."""
        return any(asked >= moment and status == 503 and has_retry_after
                   for asked, _, status, has_retry_after in list(self.samples))

    def ready_at(self, moment):
        """Since when it says that it is ready, asked after `moment`; None if it does not."""
        since = None
        for asked, answered, status, _ in reversed(list(self.samples)):
            if asked < moment or status != 200:
                break
            since = answered
        return since

    def stop(self):
        self.stopping.set()
        self.thread.join(2 * READY_ANSWER_SECONDS)


class Crowd:
    """Strangers that take every connection to a server that they can get."""

    def __init__(self, server):
        self.server, self.sockets = server, []
        self.is_full, self.leaving = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.come, daemon=True)
        self.thread.start()

    def enter(self):
        """A connection that does nothing; None if the server refuses another."""
        words = f"user\0{postgres_server.ROLE}\0database\0{postgres_server.ROLE}\0\0".encode()
        stranger = socket.create_connection(("127.0.0.1", self.server.port), timeout=10)
        stranger.sendall(struct.pack(">II", len(words) + 8, PROTOCOL) + words)
        said = b""
        while not said.endswith(READY_FOR_QUERY):
            more = stranger.recv(4096)
            if not more:
                stranger.close()
                return None
            said += more
        return stranger

    def come(self):
        while not self.leaving.wait(POLL_SECONDS if self.is_full.is_set() else 0):
            try:
                stranger = self.enter()
            except OSError:
                stranger = None
            if stranger:
                self.sockets.append(stranger)
            else:
                self.is_full.set()

    def leave(self):
        self.leaving.set()
        self.thread.join(10)
        for stranger in self.sockets:
            stranger.close()
        self.sockets.clear()


LOCK_TRIES = 5


class Holder:
    """Somebody in psql who has locked every table of a database, and went to lunch."""

    def __init__(self, server, database):
        tables = server.administer(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
            "WHERE schemaname = 'public'", database)
        self.psql = subprocess.Popen(
            [postgres_server.program("psql"), "-XAtq", "-d",
             server.url(database, postgres_server.ADMINISTRATOR)],
            env=postgres_server.client_environment(), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=harness.end_with_parent)
        # Who locks one table after the other meets the hub in deadlocks. It is the hub that ends
        # them: it looks for them sooner.
        self.psql.stdin.write("SET deadlock_timeout = '1min';\n")
        for _ in range(LOCK_TRIES):
            if self.tries(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"):
                return
        self.release()
        raise AssertionError("the tables could not be locked")

    def tries(self, statement):
        self.psql.stdin.write(f"BEGIN;\n{statement};\n\\echo :ERROR\n")
        self.psql.stdin.flush()
        if self.psql.stdout.readline().strip() == "false":
            return True
        self.psql.stdin.write("ROLLBACK;\n")
        return False

    def release(self):
        if self.psql.poll() is None:
            self.psql.communicate("ROLLBACK;\n", timeout=30)


def read_journal(path):
    """{number: id} of the orders that the ledger has seen acknowledged."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="ascii") as file:
        return dict(line.split() for line in file)
