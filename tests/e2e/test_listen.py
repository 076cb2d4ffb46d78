"""`waybill listen`: an endpoint's events at a program that the hub cannot reach itself."""

import json
import queue
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from harness import Hub, HubTest, Receiver, Workspace, wait_for

PATH = "/v1"


class Listener:
    """`waybill listen` as a process; its lines as they come."""

    def __init__(self, workspace, forward, *words, ready=True):
        self.process = subprocess.Popen(
            [harness.BINARY, "listen", "--workspace", workspace.slug, "--forward", forward,
             "--json", *words],
            env=workspace.hub.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, preexec_fn=harness.end_with_parent)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if ready:
            self.endpoint = self.next_line()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def next_line(self):
        return self.lines.get(timeout=harness.WAIT_SECONDS)

    def next_lines(self, count):
        return [self.next_line() for _ in range(count)]

    def interrupt(self):
        """Ctrl-C; its exit status and what it said on standard error."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self):
        status = self.process.wait(harness.WAIT_SECONDS)
        self.reader.join(harness.WAIT_SECONDS)
        said = self.process.stderr.read()
        self.close()
        return status, said

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.reader.join(harness.WAIT_SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()


def numbers_of(webhooks):
    return [json.loads(row["body"])["data"]["n"] for row in webhooks]


class Listen(HubTest):
    # Without --allow-private-networks: the hub itself could not send to this machine.
    hub_options = ("--clock-speed", "600")
    receivers = ("standard_receiver.js",)

    def setUp(self):
        super().setUp()
        self.path = f"{PATH}/{self.name}"

    def listen(self, *words, forward=None, **more):
        listener = Listener(self.workspace, forward or self.standard.url + self.path, *words,
                            **more)
        self.addCleanup(listener.close)
        if more.get("ready", True) and "secret" in listener.endpoint:
            self.standard.learn(self.path, listener.endpoint["secret"])
        return listener

    def publish(self, numbers, type_="shop.a"):
        return [self.workspace.publish({"n": n}, type_)["id"] for n in numbers]

    def test_events_arrive_signed_and_in_order_and_ctrl_c_deletes_the_endpoint(self):
        listener = self.listen()
        self.assertEqual(listener.endpoint["state"], "paused")
        events = self.publish(range(25))
        webhooks = self.standard.wait_for(self.path, 25)
        self.assert_all_valid(webhooks)
        self.assertEqual(numbers_of(webhooks), list(range(25)))
        lines = listener.next_lines(25)
        self.assertEqual([line["event_id"] for line in lines], events)
        self.assertEqual({(line["status_code"], line["state"], line["number"]) for line in lines},
                         {(200, "succeeded", 1)})
        self.workspace.wait_for_states(listener.endpoint, *["succeeded"] * 25)
        shown = self.workspace.ask("GET", f"/deliveries/{lines[0]['delivery_id']}")
        self.assertEqual(json.loads(shown["attempts"][0]["response_body"]), {"received": True})

        self.assertEqual(listener.interrupt(), (0, ""))
        self.assertEqual(self.workspace.endpoint_now(listener.endpoint)["state"], "deleted")
        self.publish([25])
        self.assertEqual(len(self.standard.received(self.path)), 25)

    def test_only_the_events_that_were_asked_for_arrive(self):
        listener = self.listen("--events", "shop.b,shop.c")
        for type_ in ("shop.a", "shop.b", "shop.c"):
            self.publish([type_], type_)
        self.assertEqual(numbers_of(self.standard.wait_for(self.path, 2)), ["shop.b", "shop.c"])
        self.assertEqual([line["event_type"] for line in listener.next_lines(2)],
                         ["shop.b", "shop.c"])

    def test_a_program_that_fails_is_sent_it_again_by_the_schedule(self):
        listener = self.listen()
        self.standard.behave(self.path, 500, times=2)
        self.publish([1])
        webhooks = self.standard.wait_for(self.path, 3)
        self.assert_all_valid(webhooks)
        self.assertEqual(len({row["headers"]["webhook-id"] for row in webhooks}), 1)
        lines = listener.next_lines(3)
        self.assertEqual([(line["number"], line["status_code"], line["state"]) for line in lines],
                         [(1, 500, "retrying"), (2, 500, "retrying"), (3, 200, "succeeded")])
        self.assertEqual(self.workspace.endpoint_now(listener.endpoint)["consecutive_failures"], 0)

    def test_a_program_that_is_not_there_is_told_and_its_events_are_kept(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            listener = self.listen(forward=f"http://127.0.0.1:{closed.getsockname()[1]}/")
            self.publish([1])
            line = listener.next_line()
        self.assertEqual((line["status_code"], line["state"]), (None, "retrying"))
        shown = self.workspace.ask("GET", f"/deliveries/{line['delivery_id']}")
        self.assertEqual(shown["attempts"][0]["outcome"], "connection_error")
        self.assertEqual(shown["attempts"][0]["error"], line["error"])

    def test_an_endpoint_that_was_there_gives_what_it_has_collected_and_is_kept(self):
        made = self.workspace.ask("POST", "/endpoints", {
            "dialect": "standard-webhooks", "url": "https://example.com/", "state": "paused"}, 201)
        self.standard.learn(self.path, made["secret"])
        self.publish([1, 2])
        listener = self.listen("--endpoint", made["id"])
        webhooks = self.standard.wait_for(self.path, 2)
        self.assert_all_valid(webhooks)
        listener.next_lines(2)
        self.assertEqual(listener.interrupt(), (0, ""))
        self.assertEqual(self.workspace.endpoint_now(made)["state"], "paused")

        self.workspace.ask("POST", f"/endpoints/{made['id']}/resume")
        refused = self.listen("--endpoint", made["id"])
        status, said = refused.end()
        self.assertEqual((status, json.loads(said)["code"]), (1, "endpoint_active"))

    def test_what_is_sent_in_order_waits_for_the_one_before(self):
        made = self.workspace.ask("POST", "/endpoints", {
            "dialect": "standard-webhooks", "url": "https://example.com/", "state": "paused",
            "in_order": True, "headers": {"X-Team": "blue"}}, 201)
        self.standard.learn(self.path, made["secret"])
        self.standard.behave(self.path, 500, times=2)
        self.publish(range(4))
        listener = self.listen("--endpoint", made["id"])
        webhooks = self.standard.wait_for(self.path, 6)
        self.assert_all_valid(webhooks)
        self.assertEqual(numbers_of(webhooks), [0, 0, 0, 1, 2, 3])
        self.assertEqual({row["headers"]["x-team"] for row in webhooks}, {"blue"})
        self.assertEqual([line["number"] for line in listener.next_lines(6)], [1, 2, 3, 1, 1, 1])

    def test_it_ends_when_its_endpoint_is_deleted(self):
        listener = self.listen()
        self.workspace.ask("DELETE", f"/endpoints/{listener.endpoint['id']}")
        status, said = listener.end()
        self.assertEqual((status, json.loads(said)["code"]), (1, "endpoint_not_found"))

    def test_ctrl_c_does_not_wait_for_a_program_that_hangs(self):
        listener = self.listen()
        self.standard.behave(self.path, hold=True)
        self.publish([1])
        self.standard.wait_for(self.path, 1)
        began = time.monotonic()
        self.assertEqual(listener.interrupt(), (0, ""))
        self.assertLess(time.monotonic() - began, 10)
        self.standard.release(self.path)

    def test_a_person_is_told_the_secret_and_each_attempt(self):
        process = subprocess.Popen(
            [harness.BINARY, "listen", "--workspace", self.workspace.slug, "--forward",
             self.standard.url + self.path], env=self.hub.environment, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, preexec_fn=harness.end_with_parent)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        text = "".join(process.stdout.readline() for _ in range(4))
        self.assertRegex(text, r"Endpoint: +ep_\S+ \(standard-webhooks\)\n")
        self.assertIn("whsec_", text)
        self.publish([1])
        self.assertRegex(process.stdout.readline(),
                         r"^\d{4}-\S+Z  shop\.a  dlv?_\S+  200  \d+ ms\n$")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(harness.WAIT_SECONDS), 0)

    def test_what_makes_no_sense_is_refused(self):
        def said(status, *words):
            done = self.hub.cli("listen", "--workspace", self.workspace.slug, *words)
            self.assertEqual(done.returncode, status, done)
            return done.stderr

        self.assertIn("--forward", said(2))
        self.assertIn("--forward", said(2, "--forward", "localhost"))
        self.assertIn("--endpoint", said(2, "--forward", self.standard.url, "--endpoint", "ep_x",
                                         "--events", "a"))
        self.assertIn("dialect_unknown", said(1, "--forward", self.standard.url, "--dialect", "x"))


class HubGone(unittest.TestCase):
    def setUp(self):
        self.standard = Receiver("standard_receiver.js")
        self.addCleanup(self.standard.stop)
        self.hub = Hub("--clock-speed", "60")
        self.addCleanup(self.hub.remove)
        self.addCleanup(self.hub.stop)
        self.workspace = Workspace(self.hub, "acme")
        self.hub.listen = self.hub.url.removeprefix("http://")
        self.listener = Listener(self.workspace, self.standard.url + PATH)
        self.addCleanup(self.listener.close)
        self.standard.learn(PATH, self.listener.endpoint["secret"])

    def publish(self, numbers):
        for n in numbers:
            self.workspace.publish({"n": n}, "shop.a")

    def restart(self):
        self.hub.start()
        self.workspace.api = self.hub.api

    def test_every_event_arrives_when_the_hub_is_killed_and_started_again(self):
        self.publish(range(20))
        wait_for(lambda: self.standard.received(PATH), "the first")
        self.hub.kill()
        self.restart()
        self.publish(range(20, 40))
        wait_for(lambda: {*numbers_of(self.standard.received(PATH))} == {*range(40)},
                 lambda: f"all; {sorted({*numbers_of(self.standard.received(PATH))})} came")
        for webhook in self.standard.received(PATH):
            self.assertTrue(webhook["valid"], webhook)
        self.workspace.wait_for_states(self.listener.endpoint, *["succeeded"] * 40)
        self.assertEqual(self.listener.interrupt()[0], 0)
        self.assertEqual(self.workspace.endpoint_now(self.listener.endpoint)["state"], "deleted")

    def test_an_attempt_whose_hub_is_gone_is_told_to_it_once_it_is_back(self):
        self.standard.behave(PATH, hold=True)
        self.publish([1])
        self.standard.wait_for(PATH, 1)
        self.hub.kill()
        self.standard.release(PATH)
        self.restart()
        line = self.listener.next_line()
        self.assertEqual((line["number"], line["state"]), (1, "succeeded"))
        self.assertEqual(len(self.standard.received(PATH)), 1, "and it is not made again")

    def test_a_person_is_told_once_that_the_hub_is_gone_and_that_it_is_back(self):
        said = tempfile.TemporaryFile("w+")
        self.addCleanup(said.close)
        process = subprocess.Popen(
            [harness.BINARY, "listen", "--workspace", "acme", "--forward",
             self.standard.url + "/v1/unknown"], env=self.hub.environment,
            stdout=subprocess.PIPE, stderr=said, text=True, preexec_fn=harness.end_with_parent)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        process.stdout.readline()

        def text():
            said.seek(0)
            return said.read()

        self.hub.kill()
        wait_for(lambda: "Trying again" in text(), "that the hub is gone")
        self.restart()
        wait_for(lambda: "is back" in text(), text)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(harness.WAIT_SECONDS), 0)
        self.assertEqual(len(text().splitlines()), 2, text())

    def test_a_hub_that_is_told_to_stop_does_not_wait_for_who_listens(self):
        self.publish([1])
        self.listener.next_line()
        began = time.monotonic()
        self.assertEqual(self.hub.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
        status, said = self.listener.interrupt()
        self.assertEqual((status, json.loads(said)["code"]), (1, "hub_unreachable"))
        self.restart()
        self.assertEqual(self.workspace.endpoint_now(self.listener.endpoint)["state"], "paused")


if __name__ == "__main__":
    unittest.main()
