"""`waybill copy`: a hub grows out of SQLite, and nothing is lost on the way."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import unittest
import urllib.parse

import harness
from harness import BINARY, Hub, Receiver, Workspace, an_order, shared_postgres, wait_for

ATTEMPTS = 60_000  # Enough to be interrupted in.
AWKWARD = ["", "-", "Ä\u00df\u0130", "a'b\"c\\d$1", "\u202e\U0001F680\U0010FFFF", "é vs e\u0301",
           "\t\r\n", "x" * 100_000]


def fill(database):
    """More rows than one transaction takes, straight into the tables of a stopped hub."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(attempts)")]
        values = {"workspace_id": "zeroblob(16)", "number": "i % 10", "outcome": "'succeeded'",
                  "delivery_id": "CAST(printf('%016d', i / 10) AS BLOB)", "started_at": "i",
                  "latency_us": "-i", "status_code": "CASE WHEN i % 3 THEN 200 END",
                  "error": "''", "response_body": "randomblob(i % 300)"}
        connection.execute(
            f"INSERT INTO attempts ({', '.join(columns)}) WITH RECURSIVE n(i) AS (SELECT 1 UNION "
            f"ALL SELECT i + 1 FROM n WHERE i < {ATTEMPTS}) "
            f"SELECT {', '.join(values.get(column, 'NULL') for column in columns)} FROM n")
        for number, text in enumerate(AWKWARD):
            connection.execute("INSERT INTO idempotency VALUES (zeroblob(16), ?, ?, ?, 200, ?, 0, "
                               "9e15)", (text[:500], bytes([number] * 32), b"\0", text.encode()))


def without_use(rows):
    """What a key was used for is written a moment after it was."""
    return [{name: value for name, value in row.items()
             if name not in ("last_used_at", "requests_24h", "errors_24h")} for row in rows]


class Copy(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.hub = Hub(WAYBILL_DATABASE="sqlite")
        self.addCleanup(self.hub.remove)
        self.addCleanup(lambda: self.hub.stop())
        self.workspace = Workspace(self.hub, "acme")
        # As operators have them: not the order of bytes.
        self.server = shared_postgres()
        self.target = self.create_database()

    def create_database(self):
        name = "copy_" + os.urandom(6).hex()
        self.server.psql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' "
                         "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'")
        url = self.server.url(name)
        self.addCleanup(self.server.drop_database, url)
        return url

    def sql(self, sql):
        return self.server.psql(sql, urllib.parse.urlsplit(self.target).path[1:])

    def words(self, *more):
        return ["copy", "--from", self.hub.data, "--to", self.target, *more]

    def copy(self, *more, status=0):
        done = self.hub.cli(*self.words(*more))
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def copied_rows(self):
        with contextlib.suppress(Exception):  # The tables may not be there yet.
            return int(self.sql("SELECT coalesce(sum(row_count), 0) FROM copy_progress"))
        return 0

    def kill_copy_when(self, condition):
        """Starts a copy and ends it with SIGKILL. False: it was faster."""
        process = subprocess.Popen([BINARY, *self.words()], env=self.hub.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, preexec_fn=harness.end_with_parent)
        wait_for(lambda: process.poll() is not None or condition(), "a moment to kill it")
        process.kill()
        return process.wait() != 0

    def serve_on(self, database, expected=None):
        """Starts the hub on a database; or is refused for an expected reason."""
        self.hub.environment["WAYBILL_DATABASE"] = database
        if expected is None:
            self.hub.start()
            self.workspace.api = self.hub.api
            return ""
        self.hub.launch()
        self.assertEqual(self.hub.wait(), 1)
        line = self.hub.log().strip().split("\n")[-1]
        self.assertIn(expected, line)
        return line

    def test_the_hub_goes_on_from_the_server_as_if_nothing_had_been(self):
        express = Receiver("express_receiver.js")
        self.addCleanup(express.stop)
        endpoint = self.workspace.endpoint("proculink", express, "/raw/orders", "s3cret")
        self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/pause")
        first = self.workspace.post_order(an_order("PO-1"), "key-1")
        for number, text in enumerate(AWKWARD[1:-1]):
            order = an_order(f"PO-{number + 2}")
            order["lines"][0]["description"] = text.strip() or "-"
            self.assertEqual(self.workspace.post_order(order).status, 201)
        before = {path: without_use(self.workspace.rows(path))
                  for path in ("/orders", "/events", "/deliveries", "/endpoints", "/suppliers",
                               "/keys")}
        self.assertEqual(self.hub.stop(), 0)

        done = self.copy()

        self.assertIn("orders", done.stdout)
        self.assertIn("rows in", done.stderr)
        self.serve_on(self.target)
        for path, rows in before.items():
            self.assertEqual(without_use(self.workspace.rows(path)), rows, path)
        again = self.workspace.post_order(an_order("PO-1"), "key-1")
        self.assertEqual((again.json["id"], again.json["idempotentReplay"]),
                         (first.json["id"], True))
        # The key that sealed the secret is the one beside it.
        self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/resume")
        webhooks = express.wait_for("/raw/orders", len(before["/orders"]))
        for webhook in webhooks:
            self.assertTrue(webhook["valid"], webhook)

    def test_the_old_database_is_not_used_by_mistake(self):
        self.assertEqual(self.hub.stop(), 0)
        self.copy()
        marker = os.path.join(self.hub.data, "database.moved")
        refused = self.serve_on("sqlite", "database_moved")
        self.assertIn(marker, refused)
        self.assertIn(urllib.parse.urlsplit(self.target).path, refused)
        self.assertIn("database_moved", self.hub.cli("master-key", "rotate").stderr)
        self.assertIn(marker, self.hub.cli("doctor").stdout)

        self.assertIn("before, completely", self.copy().stderr)
        self.assertIn("database_moved", self.hub.cli(
            "copy", "--from", self.hub.data, "--to", self.create_database()).stderr)

        # Back again: what the server has is old from now on.
        os.remove(marker)
        self.serve_on("sqlite")
        self.assertEqual(self.workspace.post_order(an_order("BACK")).status, 201)
        self.assertEqual(self.hub.stop(), 0)
        self.assertIn("copy_target_not_empty", self.copy(status=1).stderr)
        self.target = self.create_database()
        self.copy()
        self.assertEqual(self.sql("SELECT number FROM orders"), "BACK")

    def test_a_copy_killed_at_its_very_end_is_used_from_neither_side_and_ends_when_run_again(self):
        self.assertEqual(self.hub.stop(), 0)
        self.copy()
        # As it is between the marker in the data directory and the one in the target.
        self.sql("UPDATE copy_progress SET finished_at = NULL")
        self.serve_on("sqlite", "database_moved")
        self.serve_on(self.target, "copy_unfinished")
        doctor = self.hub.cli("doctor")
        self.assertEqual(doctor.returncode, 1)
        self.assertIn("run it again", doctor.stdout)
        self.copy()
        self.serve_on(self.target)

    def test_a_copy_killed_at_any_moment_goes_on_where_it_was(self):
        self.assertEqual(self.hub.stop(), 0)
        fill(os.path.join(self.hub.data, "waybill.sqlite"))
        kills = 0
        self.kill_copy_when(lambda: True)
        for part in (1, ATTEMPTS // 4, ATTEMPTS // 2, ATTEMPTS - 1):
            if self.kill_copy_when(lambda part=part: self.copied_rows() >= part):
                kills += 1
                self.assertGreaterEqual(self.copied_rows(), part)
                self.serve_on(self.target, "copy_unfinished")
        self.assertGreaterEqual(kills, 2)
        self.assertFalse(os.path.exists(os.path.join(self.hub.data, "database.moved")))

        done = self.copy("--json")

        rows = {row["table"]: row["rows"] for row in json.loads(done.stdout)["rows"]}
        self.assertEqual(rows["attempts"], ATTEMPTS)
        with contextlib.closing(sqlite3.connect(
                os.path.join(self.hub.data, "waybill.sqlite"))) as source:
            for table, count in rows.items():
                self.assertEqual(int(self.sql(f"SELECT count(*) FROM {table}")), count, table)
                (expected,), = source.execute(f"SELECT count(*) FROM {table}")
                self.assertEqual(count, expected, table)
        self.assertEqual(self.sql("SELECT count(*) FROM idempotency WHERE length(scope) = 500"),
                         "1")
        self.serve_on(self.target)

    def test_a_difference_is_told_and_nothing_is_used(self):
        self.assertEqual(self.hub.stop(), 0)
        fill(os.path.join(self.hub.data, "waybill.sqlite"))
        if not self.kill_copy_when(lambda: self.copied_rows() > 10_000):
            self.skipTest("the copy was done before it could be stopped")
        self.sql("UPDATE attempts SET latency_us = latency_us + 1 WHERE started_at = 77")

        refused = self.copy(status=1)

        self.assertIn("copy_mismatch", refused.stderr)
        self.assertIn("attempts", refused.stderr)
        self.serve_on(self.target, "copy_unfinished")
        self.serve_on("sqlite")  # Nothing was taken away.

    def test_it_is_refused_where_it_would_do_harm(self):
        self.assertIn("data_directory_in_use", self.copy(status=1).stderr)
        self.assertEqual(self.hub.stop(), 0)
        other = self.create_database()
        with_hub = Hub(WAYBILL_DATABASE=other)
        self.assertEqual(with_hub.stop(), 0)
        with_hub.remove()
        to_other = self.hub.cli("copy", "--from", self.hub.data, "--to", other)
        self.assertEqual(to_other.returncode, 1)
        self.assertIn("copy_target_not_empty", to_other.stderr)

        secret = self.hub.cli("copy", "--from", self.hub.data, "--to",
                              "postgres://waybill:hunter2@127.0.0.1:1/waybill")
        self.assertEqual(secret.returncode, 2)
        self.assertNotIn("hunter2", secret.stderr)
        nowhere = self.hub.cli("copy", "--from", self.hub.data, "--to",
                               "postgres://waybill@127.0.0.1:1/waybill")
        self.assertIn("database_unavailable", nowhere.stderr)
        self.assertEqual(self.hub.cli("copy", "--from", self.hub.data).returncode, 2)
        empty = self.hub.cli("copy", "--from", self.hub.data + "/nothing", "--to", self.target)
        self.assertIn("data_directory_unused", empty.stderr)
        lost = os.path.join(self.hub.data, "master.key")
        shutil.move(lost, lost + ".away")
        self.assertIn("master_key_missing", self.copy(status=1).stderr)
        shutil.move(lost + ".away", lost)
        self.copy()


if __name__ == "__main__":
    unittest.main()
