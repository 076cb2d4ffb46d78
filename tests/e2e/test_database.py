"""A hub on PostgreSQL, as an operator sets it up: its password, its nodes, its keys, the doctor."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse

import harness
import postgres_server
from harness import BINARY, Hub, Receiver, Workspace, an_order, shared_postgres, wait_for

PASSWORD = "h xqz7/2@:%?"
SHARED_FILES = ("master.key", "admin.token")

# What Citus would do, written down instead.
FAKE_CITUS = """
CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char");
CREATE TABLE public.citus_calls (number serial, what text,
  patience text DEFAULT current_setting('statement_timeout'));
CREATE FUNCTION create_distributed_table(table_name regclass, distribution_column text,
  distribution_type text DEFAULT 'hash', colocate_with text DEFAULT 'default') RETURNS void
LANGUAGE sql AS $$
  INSERT INTO pg_dist_partition VALUES (table_name, 'h');
  INSERT INTO citus_calls (what)
    VALUES (table_name || ' by ' || distribution_column || ' with ' || colocate_with) $$;
CREATE FUNCTION create_reference_table(table_name regclass) RETURNS void LANGUAGE sql AS $$
  INSERT INTO pg_dist_partition VALUES (table_name, 'n');
  INSERT INTO citus_calls (what) VALUES (table_name || ' everywhere') $$;
"""


def join(node):
    """A data directory for another node: copies of two files, and nothing else."""
    folder = tempfile.mkdtemp(prefix="waybill-e2e-node-")
    for name in SHARED_FILES:
        shutil.copy(os.path.join(node.data, name), folder)
    return folder


class OnServer(unittest.TestCase):
    maxDiff = None

    def hub(self, url, **more):
        hub = Hub(WAYBILL_DATABASE=url, **more)
        self.addCleanup(hub.remove)
        self.addCleanup(hub.stop)
        return hub

    def database(self, server=None):
        server = server or shared_postgres()
        url = server.create_database()
        self.addCleanup(server.drop_database, url)
        return url

    def run_words(self, *words, status=0, **environment):
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith("WAYBILL_")}
        done = subprocess.run([BINARY, *words], env={**clean, **environment}, capture_output=True,
                              stdin=subprocess.DEVNULL, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def refused(self, folder, url, reason):
        """`serve` ends with a message; returns it."""
        done = self.run_words("serve", "--data", folder, "--listen", "127.0.0.1:0", "--database",
                              url, status=1)
        self.assertIn(reason, done.stderr)
        return done.stderr

    def findings(self, hub, url, status=0):
        done = hub.cli("doctor", "--json", WAYBILL_DATABASE=url)
        self.assertEqual(done.returncode, status, done.stdout)
        return {(row["what"], row["verdict"]): row["text"]
                for row in json.loads(done.stdout)["rows"]}


class Password(OnServer):
    @classmethod
    def setUpClass(cls):
        cls.server = postgres_server.PostgresServer(password="plain")
        cls.addClassCleanup(cls.server.remove)
        quoted = PASSWORD.replace("'", "''")
        cls.server.administer(f"ALTER ROLE waybill PASSWORD '{quoted}'")
        cls.server.parts = urllib.parse.urlsplit(
            f"postgres://waybill:{urllib.parse.quote(PASSWORD, safe='')}@{cls.server.address()}/x")

    def setUp(self):
        self.with_password = self.database(self.server)
        address = self.with_password.rpartition("@")[2]
        self.without = f"postgres://waybill@{address}"
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "password")
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\nnot this\n")
        os.chmod(self.file, 0o600)

    def assert_unseen(self, hub):
        doctor = hub.cli("doctor")
        self.assertEqual(doctor.returncode, 0, doctor.stdout)
        with open(f"/proc/{hub.process.pid}/cmdline", encoding="utf-8") as file:
            seen = hub.log() + doctor.stdout + doctor.stderr + file.read()
        metrics = hub.http.request("GET", "/metrics").body.decode()
        self.assertIn(self.without, seen)
        for form in (PASSWORD, urllib.parse.quote(PASSWORD, safe=""), "xqz7"):
            self.assertFalse(form in seen + metrics, seen)

    def test_it_may_be_in_the_variable(self):
        self.assert_unseen(self.hub(self.with_password))

    def test_it_may_be_in_a_file_of_its_own(self):
        hub = self.hub(self.without, WAYBILL_DATABASE_PASSWORD_FILE=self.file)
        self.assert_unseen(hub)
        self.assertNotIn("settings_file_open", hub.log())
        self.assertEqual(hub.stop(), 0)
        os.chmod(self.file, 0o644)
        hub.start()
        self.assertIn("settings_file_open", hub.log())
        self.assertIn(self.file, hub.log())
        self.assert_unseen(hub)

    def test_it_may_be_where_libpq_looks(self):
        hub = self.hub(self.without, PGPASSWORD=PASSWORD)
        self.assert_unseen(hub)
        self.assertEqual(hub.stop(), 0)
        with open(self.file, "w", encoding="utf-8") as file:
            escaped = PASSWORD.replace(":", "\\:")
            file.write(f"*:*:*:waybill:{escaped}\n")
        del hub.environment["PGPASSWORD"]
        hub.environment["PGPASSFILE"] = self.file
        hub.start()
        self.assert_unseen(hub)

    def test_it_may_not_be_in_a_flag(self):
        for url in (self.with_password, self.without + "?password=h+xqz7"):
            done = self.run_words("serve", "--database", url, status=2)
            self.assertIn("--database-password-file", done.stderr)
            self.assertNotIn("xqz7", done.stderr)

    def test_a_wrong_one_is_refused_and_not_told(self):
        folder = tempfile.mkdtemp(prefix="waybill-e2e-")
        self.addCleanup(shutil.rmtree, folder)
        done = self.run_words("serve", "--data", folder, "--listen", "127.0.0.1:0", status=1,
                              WAYBILL_DATABASE=self.without.replace("waybill@", "waybill:wrong1@"))
        self.assertIn("database_unavailable", done.stderr)
        self.assertIn("password", done.stderr)
        self.assertNotIn("wrong1", done.stderr)


class Nodes(OnServer):
    def setUp(self):
        self.url = self.database()

    def second(self, first):
        """Another node, with its own folder."""
        folder = join(first)
        hub = Hub.__new__(Hub)
        hub.tls, hub.data, hub.options, hub.listen = None, folder, first.options, first.listen
        hub.environment = {**first.environment, "WAYBILL_DATA": folder}
        hub.database = hub.process = hub.http = None
        hub.start()
        self.addCleanup(hub.remove)
        self.addCleanup(hub.stop)
        return hub

    def test_a_node_needs_two_files_of_another_one(self):
        express = Receiver("express_receiver.js")
        self.addCleanup(express.stop)
        first = self.hub(self.url)
        workspace = Workspace(first, "acme")
        workspace.endpoint("proculink", express, "/raw/orders", "s3cret")
        second = self.second(first)
        with open(os.path.join(second.data, "node.id"), encoding="utf-8") as file:
            node = file.read()
        with open(os.path.join(first.data, "node.id"), encoding="utf-8") as file:
            self.assertNotEqual(node, file.read())
        self.assertEqual(first.stop(), 0)

        # Whoever takes it can sign it.
        answer = second.http.request("POST", "/api/ingress/acme/orders",
                                     json.dumps(an_order()).encode(),
                                     {"Content-Type": "application/json",
                                      "X-ProcuLink-Key": workspace.key})
        self.assertEqual(answer.status, 201, answer)
        self.assertTrue(express.wait_for("/raw/orders", 1)[0]["valid"])
        self.assertEqual(len(second.api.rows("/workspaces/acme/orders")), 1)

    def test_a_node_without_the_key_says_where_to_get_it(self):
        first = self.hub(self.url)
        Workspace(first, "acme")
        folder = tempfile.mkdtemp(prefix="waybill-e2e-")
        self.addCleanup(shutil.rmtree, folder)
        for reason in ("master_key_missing", "master_key_wrong"):
            told = self.refused(folder, self.url, reason)
            self.assertIn("from the data directory of another node", told)
            self.assertIn(folder, told)
            with open(os.path.join(folder, "master.key"), "w", encoding="utf-8") as file:
                file.write("A" * 43 + "=\n")
        for name in SHARED_FILES:
            shutil.copy(os.path.join(first.data, name), folder)
        self.assertEqual(first.stop(), 0)
        again = self.run_words("doctor", "--json", WAYBILL_DATA=folder, WAYBILL_DATABASE=self.url)
        self.assertIn("it opens the stored secrets", again.stdout)

    def test_of_two_that_begin_together_one_has_the_key(self):
        """Both found no key in the database, and each went on with its own."""
        for _ in range(5):
            url = self.database()
            folders = [tempfile.mkdtemp(prefix="waybill-e2e-") for _ in range(2)]
            for folder in folders:
                self.addCleanup(shutil.rmtree, folder)
            logs = [open(os.path.join(folder, "log"), "w+", encoding="utf-8")
                    for folder in folders]
            processes = [subprocess.Popen(
                [BINARY, "serve", "--data", folder, "--listen", "127.0.0.1:0", "--database", url],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                preexec_fn=harness.end_with_parent) for folder, log in zip(folders, logs)]
            try:
                def over(folders=folders, processes=processes):
                    return all(process.poll() is not None or
                               os.path.exists(os.path.join(folder, "hub.url"))
                               for folder, process in zip(folders, processes))
                wait_for(over, "both have started, or not")
                ended = [process.poll() for process in processes]
                self.assertEqual(sorted(map(str, ended)), ["1", "None"])
                loser = logs[ended.index(1)]
                loser.seek(0)
                self.assertRegex(loser.read(), "master_key_(wrong|missing)")
            finally:
                for process, log in zip(processes, logs):
                    process.kill()
                    process.wait()
                    log.close()

    def test_a_rotated_key_is_copied_to_every_node(self):
        first = self.hub(self.url)
        workspace = Workspace(first, "acme")
        express = Receiver("express_receiver.js")
        self.addCleanup(express.stop)
        workspace.endpoint("proculink", express, "/raw/orders", "s3cret")
        second = self.second(first)
        self.assertEqual(first.stop(), 0)
        for words in (("master-key", "rotate"), ("database", "distribute")):
            refused = first.cli(*words)
            self.assertEqual(refused.returncode, 1, refused.stdout)
            self.assertIn("nodes_live", refused.stderr)
        self.assertEqual(second.stop(), 0)

        done = first.cli("master-key", "rotate")

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("every other node", done.stderr)
        self.refused(second.data, self.url, "master_key_wrong")
        shutil.copy(os.path.join(first.data, "master.key"), second.data)
        second.start()
        answer = second.http.request("POST", "/api/ingress/acme/orders",
                                     json.dumps(an_order()).encode(),
                                     {"Content-Type": "application/json",
                                      "X-ProcuLink-Key": workspace.key})
        self.assertEqual(answer.status, 201, answer)
        self.assertTrue(express.wait_for("/raw/orders", 1)[0]["valid"])

    def test_a_backup_is_the_servers_own_business(self):
        hub = self.hub(self.url)
        with tempfile.TemporaryDirectory() as folder:
            done = hub.cli("backup", os.path.join(folder, "copy"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("backup_unsupported", done.stderr)
        self.assertIn("pg_dump", done.stderr)
        self.assertIn("pg_basebackup", done.stderr)


class Doctor(OnServer):
    def test_it_looks_at_the_server(self):
        url = self.database()
        hub = self.hub(url)
        found = self.findings(hub, url)
        for what in ("database", "durability", "connections", "server clock", "tables",
                     "master key", "times", "deliveries"):
            self.assertIn((what, "ok"), found)
        self.assertIn("PostgreSQL 15", found["database", "ok"])

        name = urllib.parse.urlsplit(url).path[1:]
        shared_postgres().psql(f"ALTER DATABASE {name} CONNECTION LIMIT 10")
        self.assertIn("a node takes", self.findings(hub, url)["connections", "warn"])
        shared_postgres().psql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        self.assertIn("synchronous_commit is off",
                      self.findings(hub, url)["durability", "warn"])
        shared_postgres().psql("DELETE FROM schema_migrations WHERE name LIKE '0004%'", name)
        self.assertIn("1 of this version's changes",
                      self.findings(hub, url)["tables", "warn"])
        self.assertEqual(hub.stop(), 0)

    def test_it_says_why_there_is_no_server(self):
        hub = self.hub(self.database())
        self.assertEqual(hub.stop(), 0)
        for url, why in (("postgres://waybill@127.0.0.1:1/waybill", "refused"),
                         (shared_postgres().url("nowhere"), "does not exist")):
            self.assertIn(why, self.findings(hub, url, status=1)["database", "fail"])
        empty = self.database()
        self.assertIn("no hub was started", self.findings(hub, empty)["tables", "warn"])

    def test_a_server_that_forgets_is_a_failure(self):
        with postgres_server.PostgresServer(settings={"fsync": "off"}) as server:
            hub = self.hub(server.create_database())
            self.assertIn("fsync is off", self.findings(
                hub, hub.environment["WAYBILL_DATABASE"], status=1)["durability", "fail"])
            self.assertEqual(hub.stop(), 0)


class Distribute(OnServer):
    """With functions that bear the names of Citus's: it is not in Debian."""

    def setUp(self):
        self.url = self.database()
        self.name = urllib.parse.urlsplit(self.url).path[1:]

    def sql(self, sql):
        return shared_postgres().psql(sql, self.name)

    def test_without_citus_it_says_what_is_missing(self):
        done = self.run_words("database", "distribute", "--database", self.url, status=1)
        self.assertIn("citus_missing", done.stderr)
        self.assertIn("CREATE EXTENSION citus", done.stderr)
        self.run_words("database", "distribute", "--database", "sqlite", status=2)

    def test_every_table_of_workspaces_is_spread_by_them_and_once(self):
        self.sql(FAKE_CITUS)
        done = self.run_words("database", "distribute", "--database", self.url, "--json")
        rows = {row["table"]: row for row in json.loads(done.stdout)["rows"]}
        self.assertEqual(rows["schema_migrations"]["kind"], "reference")

        calls = self.sql("SELECT what FROM citus_calls ORDER BY number").split("\n")
        expected = self.sql(
            "SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables "
            "t USING (table_schema, table_name) WHERE c.column_name = 'workspace_id' "
            "AND t.table_schema = 'public' AND t.table_type = 'BASE TABLE'").split("\n")
        self.assertGreater(len(expected), 10)
        self.assertEqual(calls[0], "workspaces by workspace_id with none")
        for table in set(expected) - {"workspaces"}:
            self.assertIn(f"{table} by workspace_id with workspaces", calls)
        self.assertIn("schema_migrations everywhere", calls)
        # To move a large table takes longer than an order may.
        self.assertEqual(self.sql("SELECT DISTINCT patience FROM citus_calls"), "1d")
        # The test's own table of calls is one without a workspace_id, too.
        self.assertEqual(len(calls), len(expected) + 2)

        again = self.run_words("database", "distribute", "--database", self.url, "--json")
        self.assertFalse(any(row["changed"] for row in json.loads(again.stdout)["rows"]))
        self.assertEqual(self.sql("SELECT count(*) FROM citus_calls"), str(len(calls)))

    def test_what_was_begun_is_gone_on_with(self):
        self.sql(FAKE_CITUS)
        self.sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                 "RAISE EXCEPTION 'no room'; END $$;"
                 "CREATE TRIGGER stop BEFORE INSERT ON citus_calls FOR EACH ROW "
                 "WHEN (NEW.what LIKE 'orders %') EXECUTE FUNCTION refuse()")
        done = self.run_words("database", "distribute", "--database", self.url, status=1)
        self.assertIn("no room", done.stderr)
        self.assertEqual(self.sql("SELECT count(*) FROM citus_calls WHERE what LIKE 'events %'"),
                         "1")
        self.sql("DROP TRIGGER stop ON citus_calls")
        self.run_words("database", "distribute", "--database", self.url)
        self.assertEqual(
            self.sql("SELECT count(*), count(DISTINCT what) FROM citus_calls WHERE what LIKE '% by "
                     "%'").split("|")[0],
            self.sql("SELECT count(DISTINCT what) FROM citus_calls WHERE what LIKE '% by %'"))


if __name__ == "__main__":
    unittest.main()
