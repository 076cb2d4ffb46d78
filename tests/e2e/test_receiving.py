"""The life of a source: who may send to it, what it answers, and what is kept."""

import json
import socket
import time
import unittest

from harness import RECEIVERS_ARE_HERE, Hub, HubTest, Workspace, at_once, wait_for
from receiving import (ProcureIq, Source, procureiq_body, procureiq_id, procureiq_signature,
                       read_lines, wait_for_lines)

OK = b'{"status":"ok"}'


class Receiving(HubTest):
    def cli(self, *words, status=0):
        done = self.hub.cli(*words, "--workspace", self.name, "--json")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def lines_of(self, handler):
        """The file of a file handler of the hub's own folder."""
        return f"{self.hub.data}/handled/{handler['settings']['name']}"

    def file(self, name="all"):
        return {"channel": "file", "settings": {"name": f"{self.name}-{name}.jsonl"}}

    # --- What comes in --------------------------------------------------------------------------

    def test_a_source_is_made_received_by_shown_changed_and_deleted(self):
        made = self.cli("source", "create", "--dialect", "procureiq", "--name", "shop",
                        "--remember", "7d", "--handler", f"file:{self.name}.jsonl")
        self.assertTrue(made["path"].startswith("/in/"))
        self.assertEqual(made["url"], self.hub.url + made["path"])
        self.assertEqual([handler["channel"] for handler in made["handlers"]], ["file"])
        body = procureiq_body(1)
        answer = self.hub.http.request("POST", made["path"], body,
                                       procureiq_signature(body, made["secret"]))
        self.assertEqual((answer.status, answer.body), (200, OK))
        line, = wait_for_lines(f"{self.hub.data}/handled/{self.name}.jsonl", 1)
        self.assertEqual((line["message"]["source"], line["message"]["type"],
                          line["message"]["external_id"]),
                         ("shop", "order.created", procureiq_id(1)))
        self.assertEqual(line["body"].encode(), body)
        self.assertEqual(line["data"], json.loads(body))
        self.assertEqual((line["delivery"]["attempt"], line["delivery"]["replay"]), (1, False))

        shown = self.cli("source", "show", "shop")
        self.assertEqual((shown["id"], shown["path"]), (made["id"], made["path"]))
        self.assertNotIn(made["secret"], json.dumps(shown))
        self.assertEqual([row["id"] for row in self.cli("source", "list")["rows"]], [made["id"]])
        self.cli("source", "update", "shop", "--name", "store")
        rotated = self.cli("source", "rotate-token", "store")
        self.assertNotEqual(rotated["path"], made["path"])
        for path, status in ((made["path"], 404), (rotated["path"], 200)):
            body = procureiq_body(2)
            self.assertEqual(self.hub.http.request("POST", path, body, procureiq_signature(
                body, made["secret"])).status, status, path)
        self.cli("source", "delete", "store")
        self.assertEqual(self.hub.http.request("POST", rotated["path"], body).status, 404)

    def test_a_message_that_comes_again_is_answered_alike_and_handled_once(self):
        source = ProcureIq(self.workspace, self.file())
        answers = at_once(20, lambda _: source.send(1))
        self.assertEqual({(answer.status, answer.body) for answer in answers}, {(200, OK)})
        # The same id with other bytes is the same message, and is told of.
        self.assertEqual(source.send(1, data={"orderId": "another"}).status, 200)
        self.assertEqual(source.send(2).status, 200)
        lines = wait_for_lines(self.lines_of(source.handlers[0]), 2)
        self.assertEqual(sorted(line["message"]["external_id"] for line in lines),
                         [procureiq_id(1), procureiq_id(2)])
        first, second = source.messages()
        self.assertEqual((first["duplicates"], first["differing_duplicates"]), (20, 1))
        self.assertEqual((second["duplicates"], second["differing_duplicates"]), (0, 0))

    def test_an_unsigned_platform_is_known_by_its_token(self):
        source = Source(self.workspace, "precoro", self.file())
        self.assertIsNone(source.made["secret"])
        notice = json.dumps({"id": 123456, "type": 2, "action": 1, "idn": 5}).encode()
        self.assertIn(source.post(notice).status, (200, 201))
        # Within its window the same again is the same one.
        self.assertIn(source.post(notice).status, (200, 201))
        line, = wait_for_lines(self.lines_of(source.handlers[0]), 1)
        self.assertEqual((line["message"]["type"], line["data"]["idn"]),
                         ("purchase_order.update", 5))
        self.assertEqual(source.post(notice, path=source.path[:-1]).status, 404)
        self.assertEqual(source.post(notice, path="/in/").status, 404)
        # Nothing tells which workspace it would be, without a signature.
        self.assertEqual(source.post(notice, path="/webhooks/precoro").status, 404)

    def test_the_path_of_a_platforms_samples_finds_the_source_by_the_signature(self):
        sources = [ProcureIq(workspace, self.file(workspace.slug))
                   for workspace in (self.workspace, self.new_workspace())]
        for number, source in enumerate(sources):
            answer = source.send(number, path="/webhooks/procureiq")
            self.assertEqual((answer.status, answer.body), (200, OK))
        for number, source in enumerate(sources):
            message, = source.messages()
            self.assertEqual(message["external_id"], procureiq_id(number))
        refused = sources[0].send(3, secret="nobody's", path="/webhooks/procureiq")
        self.assertEqual(refused.status, 401)
        self.assertEqual(sources[0].send(4, path="/webhooks/klingon").status, 404)

    def test_a_source_without_a_secret_refuses_until_it_has_one(self):
        source = ProcureIq(self.workspace, secrets=[])
        source.secret = "a-secret-that-comes-later"
        answer = source.send(1)
        self.assertEqual(answer.status, 500)
        self.assertIn("secret_missing", answer.body.decode())
        self.workspace.ask("POST", f"/sources/{source.id}/secrets", {"secret": source.secret}, 201)
        self.assertEqual(source.send(1).status, 200)

    def test_sandbox_and_production_cannot_mix(self):
        self.hub.api.ask("POST", "/workspaces", {"slug": f"{self.name}-sandbox",
                                                 "environment": "sandbox"}, 201)
        source = ProcureIq(self.workspace)
        self.assertEqual(source.send(1, environment="production").status, 200)
        answer = source.send(2, environment="sandbox")
        self.assertEqual(answer.status, 403)
        self.assertIn("environment_mismatch", answer.body.decode())
        made = self.hub.api.ask("POST", f"/workspaces/{self.name}-sandbox/sources",
                                {"dialect": "procureiq"}, 201)
        for environment, status in (("sandbox", 200), ("production", 403)):
            body = procureiq_body(3, environment=environment)
            headers = procureiq_signature(body, made["secret"])
            self.assertEqual(source.post(body, headers, made["path"]).status, status)
        self.assertEqual(len(source.messages()), 1)

    def test_what_is_no_message_is_refused_and_not_kept(self):
        source = ProcureIq(self.workspace)
        for body in (b"", b"{", b'{"type": "order.created"}', b"[1]", b"\xff\xfe"):
            answer = source.post(body, procureiq_signature(body, source.secret))
            self.assertEqual(answer.status, 400, body)
        self.assertEqual(source.send(1, data={"note": "x" * (1024 * 1024)}).status, 413)
        for method in ("GET", "PUT", "DELETE"):
            self.assertEqual(self.hub.http.request(method, source.path).status, 405)
        self.assertEqual(source.messages(), [])
        # An event that nobody knows is none that is refused (R-PQ-41).
        self.assertEqual(source.send(2, "robot.awoke").status, 200)

    # --- Many, and at any time ------------------------------------------------------------------

    def test_every_message_is_handled_whoever_sends_it_at_once(self):
        source = ProcureIq(self.workspace, self.file())

        def send(sender):
            return [source.send(100 * sender + number).status for number in range(25)]
        self.assertEqual({status for statuses in at_once(8, send) for status in statuses}, {200})
        lines = wait_for_lines(self.lines_of(source.handlers[0]), 200)
        self.assertEqual(len({line["message"]["external_id"] for line in lines}), 200)

    def test_receipt_is_answered_within_a_second_while_every_handler_hangs(self):
        hanging = self.hang()
        source = ProcureIq(self.workspace, *(
            {"channel": "http", "url": f"{hanging}/{number}", "timeout": "30s"}
            for number in range(5)))
        longest = 0
        for number in range(50):
            began = time.monotonic()
            self.assertEqual(source.send(number).status, 200)
            longest = max(longest, time.monotonic() - began)
        self.assertLess(longest, 1)
        # Nothing counts as processed before its handler has succeeded (A-PQ-5).
        states = {row["state"] for handler in source.handlers
                  for row in self.workspace.deliveries(handler)}
        self.assertLessEqual(states, {"pending", "delivering"})

    def hang(self):
        """The URL of a server that takes connections and never answers."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.addCleanup(listener.close)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def test_what_was_answered_is_handled_although_the_hub_was_killed(self):
        hub = Hub()
        self.addCleanup(hub.remove)
        self.addCleanup(hub.stop)
        workspace = Workspace(hub, "acme")
        source = ProcureIq(workspace, {"channel": "file", "settings": {"name": "all.jsonl"}})
        for number in range(40):
            self.assertEqual(source.send(number).status, 200)
        hub.kill()
        hub.start()
        workspace.api = hub.api
        path = f"{hub.data}/handled/all.jsonl"
        wanted = {procureiq_id(number) for number in range(40)}
        wait_for(lambda: {line["message"]["external_id"] for line in read_lines(path)} == wanted,
                 lambda: f"all of {len(wanted)}: {len(read_lines(path))}", 90)
        self.assertEqual(source.send(7).status, 200)
        self.assertEqual(len(source.messages()), 40)


class Alerts(HubTest):
    # A minute passes in a second.
    hub_options = (*RECEIVERS_ARE_HERE, "--clock-speed", "60")
    receivers = ("express_receiver.js",)

    def told(self, type_):
        """The data of the alerts of a type."""
        bodies = [json.loads(row["body"]) for row in self.express.received(f"/open/{self.name}")]
        return [body["data"] for body in bodies if body["type"] == type_]

    def wait_until_told(self, type_):
        return wait_for(lambda: self.told(type_), lambda: f"{type_}: {self.express.received()}")[0]

    def test_what_goes_wrong_is_told_to_who_subscribes(self):
        self.workspace.endpoint("waybill", self.express, f"/open/{self.name}")
        source = ProcureIq(self.workspace, {
            "channel": "http", "url": "http://127.0.0.1:9/", "retry": ["1s"]}, name="shop")
        for number in range(12):
            self.assertEqual(source.send(number, secret="wrong").status, 401)
        failures = self.wait_until_told("source.signature_failures")
        self.assertEqual((failures["source_id"], failures["name"], failures["dialect"]),
                         (source.id, "shop", "procureiq"))
        self.assertEqual([row["address"] for row in failures["addresses"]], ["127.0.0.1"])
        # Of the bodies, nothing.
        self.assertNotIn("evt_01JGFJJZ", json.dumps(failures))

        self.assertEqual(source.send(99).status, 200)
        dropped = self.wait_until_told("delivery.dropped")
        self.assertEqual((dropped["endpoint_id"], dropped["attempts"]),
                         (source.handlers[0]["id"], 2))

    def test_a_source_that_has_gone_quiet_is_told_of_and_that_it_is_heard_again(self):
        self.workspace.endpoint("waybill", self.express, f"/open/{self.name}")
        source = ProcureIq(self.workspace, quiet_after="5m")
        quiet = self.wait_until_told("source.quiet")
        self.assertEqual((quiet["source_id"], quiet["quiet_after"]), (source.id, "5m"))
        self.assertEqual(self.told("source.heard"), [])
        self.assertEqual(source.send(1).status, 200)
        self.assertEqual(self.wait_until_told("source.heard")["source_id"], source.id)
        self.assertEqual(len(self.told("source.quiet")), 1)


if __name__ == "__main__":
    unittest.main()
