"""A backup under load, the hub made from it, and a new master key."""

import glob
import http.client
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import unittest

import harness
from harness import Hub, Receiver, Workspace, an_order, wait_for
from test_restart import delivered_numbers


class Load:
    """Posts orders from several threads until it is told to stop, or the hub is gone."""

    def __init__(self, workspace, threads=4):
        self.workspace, self.lock = workspace, threading.Lock()
        self.acknowledged, self.stopping = {}, threading.Event()
        self.threads = [threading.Thread(target=self.post, args=(n,)) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def post(self, thread):
        number = 0
        while not self.stopping.is_set():
            name, number = f"PO-{thread}-{number}", number + 1
            try:
                answer = self.workspace.post_order(an_order(name))
            except (OSError, http.client.HTTPException):
                return
            if answer.status != 201:
                raise AssertionError(answer)
            with self.lock:
                self.acknowledged[name] = answer.json["id"]

    def so_far(self):
        with self.lock:
            return dict(self.acknowledged)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(harness.WAIT_SECONDS)


class OneHub(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.express = Receiver("express_receiver.js")
        self.addCleanup(self.express.stop)
        self.hub = self.keep(Hub())
        self.workspace = Workspace(self.hub, "acme")
        self.folder = tempfile.mkdtemp(prefix="waybill-e2e-backup-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def keep(self, hub):
        self.addCleanup(hub.remove)
        self.addCleanup(hub.stop)
        return hub

    def ran(self, *words, status=0, **environment):
        done = self.hub.cli(*words, **environment)
        self.assertEqual(done.returncode, status, done)
        return done


class Backup(OneHub):
    def restored(self, backup, with_key_of):
        """A hub on new data, of the backup and a master key: what docs/operating.md says."""
        # The leases of the first hub end after two minutes of this one's time.
        hub = Hub(*harness.RECEIVERS_ARE_HERE, "--clock-speed", "60")
        hub.stop()
        for name in os.listdir(hub.data):
            os.remove(os.path.join(hub.data, name))
        shutil.copy(backup, os.path.join(hub.data, "waybill.sqlite"))
        shutil.copy(os.path.join(with_key_of, "master.key"), hub.data)
        hub.start()
        return self.keep(hub)

    def test_a_hub_restored_from_a_backup_under_load_has_every_order_from_before_it(self):
        endpoint = self.workspace.endpoint("proculink", self.express, "/raw/orders", "secret")
        rotated = self.workspace.endpoint("proculink", self.express, "/raw/rotated", "first")
        self.workspace.ask("POST", f"/endpoints/{rotated['id']}/rotate-secret",
                           {"secret": "second", "overlap": "24h"})
        self.workspace.endpoint("proculink", self.express, "/raw/held", "secret", in_flight_max=1)
        # On its way while the backup is made, and never answered.
        self.express.behave("/raw/held", hold=True, times=1)
        load = Load(self.workspace)
        self.addCleanup(load.stop)
        wait_for(lambda: len(load.so_far()) >= 100, "a hundred orders")
        self.express.wait_for("/raw/held", 1)
        file = os.path.join(self.folder, "backup.sqlite")

        before = load.so_far()
        done = self.ran("backup", file)
        after = load.so_far()

        # The hub took orders all the while; and they went out, too.
        self.assertGreater(len(after), len(before))
        wait_for(lambda: len(load.so_far()) > len(after), "orders after the backup")
        load.stop()
        self.assertIn("master.key", done.stderr)
        self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)
        self.assertEqual(glob.glob(os.path.join(self.hub.data, "backup.*")), [])
        self.hub.kill()
        self.express.release("/raw/held")

        hub = self.restored(file, with_key_of=self.hub.data)
        self.workspace.hub, self.workspace.api = hub, hub.api
        stored = {row["number"]: row["uuid"] for row in self.workspace.rows("/orders")}
        self.assertLessEqual(before.items(), stored.items())
        # Every order that is stored goes to every endpoint, whatever was in flight or waiting.
        for path in ("/raw/orders", "/raw/rotated", "/raw/held"):
            wait_for(lambda path=path: delivered_numbers(self.express, path) >= set(stored),
                     f"a webhook of every order at {path}", 40)
        # What it sends from now on has signatures that the receivers know.
        self.assertEqual(self.workspace.post_order(an_order("AFTER")).status, 201)
        for path in ("/raw/orders", "/raw/rotated", "/raw/held"):
            wait_for(lambda path=path: "AFTER" in delivered_numbers(self.express, path), path)
        self.assertEqual(self.workspace.endpoint_now(endpoint)["state"], "active")
        # Who asks again for an order from before is told of the same one.
        name = sorted(before)[0]
        again = self.workspace.post_order(an_order(name))
        self.assertEqual((again.status, again.json["id"]), (200, before[name]))

    def test_a_backup_writes_over_nothing_and_needs_a_hub(self):
        file = os.path.join(self.folder, "backup.sqlite")
        self.ran("backup", file)
        with open(file, "rb") as made:
            first = made.read()
        self.assertIn("file_exists", self.ran("backup", file, status=1).stderr)
        with open(file, "rb") as made:
            self.assertEqual(made.read(), first)
        nowhere = os.path.join(self.folder, "nowhere", "b.sqlite")
        self.assertIn("file_unwritable", self.ran("backup", nowhere, status=1).stderr)
        self.hub.stop()
        self.assertIn("hub_unreachable", self.ran("backup", file + "2", status=1).stderr)
        self.assertFalse(os.path.exists(file + "2"))

    def test_a_backup_with_another_master_key_is_refused_with_the_reason(self):
        self.workspace.endpoint("proculink", self.express, "/raw/x", "secret")
        file = os.path.join(self.folder, "backup.sqlite")
        self.ran("backup", file)
        self.hub.stop()
        data = os.path.join(self.folder, "data")
        os.mkdir(data)
        shutil.copy(file, os.path.join(data, "waybill.sqlite"))
        serve = [harness.BINARY, "serve", "--data", data, "--listen", "127.0.0.1:0"]
        for key, reason in ((None, "master_key_missing"), ("A" * 43 + "=\n", "master_key_wrong")):
            if key:
                with open(os.path.join(data, "master.key"), "w", encoding="ascii") as out:
                    out.write(key)
            refused = subprocess.run(serve, env=self.hub.environment, capture_output=True,
                                     text=True, timeout=30, check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(reason, refused.stderr)


class MasterKey(OneHub):
    def key(self):
        with open(os.path.join(self.hub.data, "master.key"), encoding="ascii") as file:
            return file.read()

    def sealed(self):
        """Every sealed text in the database."""
        with sqlite3.connect(os.path.join(self.hub.data, "waybill.sqlite")) as database:
            texts = [row[0] for sql in (
                "SELECT secret FROM endpoints", "SELECT previous_secret FROM endpoints",
                "SELECT response FROM idempotency WHERE scope = 'native'",
                "SELECT sealed FROM master_check") for row in database.execute(sql)]
        database.close()
        return [text for text in texts if text]

    def test_a_new_key_opens_what_the_old_one_sealed_and_nothing_of_the_old_is_left(self):
        paths = ("/raw/plain", "/raw/rotated")
        endpoints = [self.workspace.endpoint("proculink", self.express, path, "s3cret")
                     for path in paths]
        self.workspace.ask("POST", f"/endpoints/{endpoints[1]['id']}/rotate-secret",
                           {"secret": "newer", "overlap": "1h"})
        headers = {"Idempotency-Key": "once"}
        made = self.hub.api.send("POST", "/workspaces/acme/endpoints", {
            "dialect": "proculink", "url": self.express.url + "/raw/third"}, headers)
        self.assertEqual(made.status, 201)

        refused = self.ran("master-key", "rotate", status=1)
        self.assertIn("data_directory_in_use", refused.stderr)
        self.assertIn(str(self.hub.process.pid), refused.stderr)

        self.assertEqual(self.hub.stop(), 0)
        old_key, old_texts = self.key(), self.sealed()
        self.assertGreaterEqual(len(old_texts), 5)
        done = self.ran("master-key", "rotate")
        self.assertIn("master.key", done.stdout)
        self.assertIn("former key", done.stderr)

        self.assertNotEqual(self.key(), old_key)
        for name in os.listdir(self.hub.data):
            with open(os.path.join(self.hub.data, name), "rb") as file:
                content = file.read()
            self.assertNotIn(old_key.strip().encode(), content, name)
            for text in old_texts:
                self.assertNotIn(text, content, name)

        self.hub.start()
        self.workspace.api = self.hub.api
        again = self.hub.api.send("POST", "/workspaces/acme/endpoints", {
            "dialect": "proculink", "url": self.express.url + "/raw/third"}, headers)
        self.assertEqual((again.status, again.body), (201, made.body))
        self.assertEqual(self.workspace.post_order(an_order("AFTER")).status, 201)
        for path in paths:
            wait_for(lambda path=path: delivered_numbers(self.express, path) == {"AFTER"}, path)

    def test_it_is_refused_where_there_is_no_database(self):
        empty = os.path.join(self.folder, "empty")
        refused = self.ran("master-key", "rotate", "--data", empty, status=1)
        self.assertIn("data_directory_unused", refused.stderr)
        self.assertFalse(os.path.exists(empty))


class ServiceManager(unittest.TestCase):
    def test_the_hub_says_when_it_takes_orders_and_when_it_stops(self):
        with tempfile.TemporaryDirectory() as folder, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(os.path.join(folder, "notify"))
            listener.settimeout(harness.WAIT_SECONDS)
            os.environ["NOTIFY_SOCKET"] = listener.getsockname()
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
            hub = Hub()
            self.addCleanup(hub.remove)
            self.assertEqual(listener.recv(100), b"READY=1")
            self.assertEqual(hub.http.request("GET", "/health/ready").status, 200)
            self.assertEqual(hub.stop(), 0)
            self.assertEqual(listener.recv(100), b"STOPPING=1")


if __name__ == "__main__":
    unittest.main()
