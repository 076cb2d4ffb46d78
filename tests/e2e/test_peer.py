"""The hub as its own peer: what one hub sends in every dialect, over a network that drops, delays,
duplicates and reorders, another has received once each in the end, and tells again as it was told.

The seed of the network's faults is $WAYBILL_TEST_SEED, or a fixed one.
"""

import base64
import http.client
import http.server
import json
import os
import random
import threading
import unittest
import urllib.parse

from harness import RECEIVERS_ARE_HERE, Hub, Recorder, Workspace, wait_for
from receiving import Source, read_lines

SEED = int(os.environ.get("WAYBILL_TEST_SEED", "20261121"))
# How each names itself and its data on the wire: as its documentation shows an envelope.
DIALECTS = {
    "peptideclients": ("type", "data"), "precoro": (None, None), "proculink": ("type", "data"),
    "procureiq": ("type", "data"), "proign": ("type", "data"),
    "standard-webhooks": ("type", "data"),
}
SECONDS = 60


class Network:
    """Between a sender and a receiver. What it does to a request is drawn from a seed.

    It never fails twice on a path with no success between: a platform that gives up after few
    failures does so rightly, and it is not what is asked here.
    """

    DELAY_SECONDS_MAX = 0.08

    def __init__(self, to, seed):
        self.to = urllib.parse.urlsplit(to)
        self.rng = random.Random(seed)
        self.lock = threading.Lock()
        self.failing = {}  # Path: whether the last thing that happened there was a failure.
        self.sent = {}  # Path: the distinct bodies that the sender has sent.
        self.done = {"passed": 0, "dropped": 0, "answer lost": 0, "duplicated": 0, "delayed": 0}
        network = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = network.carry(self.path, dict(self.headers), body)
                if answer is None:
                    self.close_connection = True
                    return
                status, text = answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def draw(self, path, body):
        """(what happens, whether it comes twice, how long it takes)"""
        with self.lock:
            self.sent.setdefault(path, set()).add(body)
            what = self.rng.choice(("pass", "drop", "lose the answer"))
            if self.failing.get(path):
                what = "pass"
            elif what != "pass":
                self.failing[path] = True
            twice = self.rng.random() < 0.4
            # Those beside it overtake it.
            delay = self.rng.random() * self.DELAY_SECONDS_MAX if self.rng.random() < 0.6 else 0
            for name, counted in (("passed", what == "pass"), ("dropped", what == "drop"),
                                  ("answer lost", what == "lose the answer"),
                                  ("duplicated", twice and what != "drop"),
                                  ("delayed", delay > 0)):
                self.done[name] += counted
            return what, twice, delay

    def carry(self, path, headers, body):
        what, twice, delay = self.draw(path, body)
        if what == "drop":
            return None
        threading.Event().wait(delay)
        answer = self.forward(path, headers, body)
        if twice:
            self.forward(path, headers, body)
        if what != "pass":
            return None
        if answer[0] < 300:
            self.failing[path] = False
        return answer

    def forward(self, path, headers, body):
        connection = http.client.HTTPConnection(self.to.hostname, self.to.port, timeout=30)
        try:
            connection.request("POST", path, body, {
                name: value for name, value in headers.items()
                if name.lower() not in ("host", "connection", "content-length")})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def said(dialect, body):
    """(type, data) of a webhook, as a text that compares."""
    content = json.loads(body)
    type_member, data_member = DIALECTS[dialect]
    if type_member is None:
        return json.dumps([content["type"], content["action"], content], sort_keys=True)
    return json.dumps([content[type_member], content[data_member]], sort_keys=True)


class Peer(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        options = (*RECEIVERS_ARE_HERE, "--allow-insecure-endpoints")
        # The sender's retries come 600 times as fast; the receiver's windows are as they are.
        cls.sender, cls.receiver = Hub(*options, "--clock-speed", "600"), Hub(*options)
        for hub in (cls.sender, cls.receiver):
            cls.addClassCleanup(hub.remove)
            cls.addClassCleanup(hub.stop)
        cls.network = Network(cls.receiver.url, SEED)
        cls.addClassCleanup(cls.network.stop)
        cls.recorder = Recorder()
        cls.addClassCleanup(cls.recorder.stop)
        cls.ours = Workspace(cls.sender, "ours")

    def connect(self, dialect):
        """A workspace there with a source and a bridge, and an endpoint here that leads to it."""
        workspace = Workspace(self.receiver, f"theirs-{dialect}")
        secret = "whsec_" + base64.b64encode(dialect.rjust(24, "-").encode()).decode()
        signs = dialect != "precoro"
        source = Source(workspace, dialect, {
            "channel": "file", "settings": {"name": f"{dialect}.jsonl"}}, {"channel": "publish"},
                        **({"secrets": [secret]} if signs else {}))
        again = {"dialect": dialect, "url": f"{self.recorder.url}/{dialect}"}
        workspace.ask("POST", "/endpoints", again, 201)
        here = {"dialect": dialect, "url": self.network.url + source.path, "in_flight_max": 8}
        endpoint = self.ours.ask("POST", "/endpoints", {
            **here, **({"secret": secret} if signs else {})}, 201)
        return source, endpoint

    def publish_all(self, dialect):
        """Every event of its catalogue, all at once. Returns how many."""
        rows = [row for row in self.sender.api.ask("GET", f"/event-types?dialect={dialect}")["rows"]
                if row["canonical"] != "webhook.test"]
        for row in rows:
            event = self.ours.ask("POST", "/events", {
                "type": row["canonical"], "data": row["example"], "only": {"dialect": dialect}},
                                  201)
            self.assertEqual(event["matched"], 1, row)
        return len(rows)

    def check(self, dialect):
        source, endpoint = self.connect(dialect)
        count = self.publish_all(dialect)
        self.ours.wait_for_states(endpoint, *["succeeded"] * count, seconds=SECONDS)
        sent = {said(dialect, body) for body in self.network.sent[source.path]}
        self.assertEqual(len(sent), count, "each event is another one")

        # Nothing lost, nothing doubled, not a byte changed.
        path = f"{self.receiver.data}/handled/{dialect}.jsonl"
        wait_for(lambda: len(read_lines(path)) >= count,
                 lambda: f"{count} handled: {len(read_lines(path))}", SECONDS)
        source.workspace.wait_for_states(source.handlers[0], *["succeeded"] * count)
        handled = [line["body"] for line in read_lines(path)]
        self.assertEqual(sorted(said(dialect, body) for body in handled), sorted(sent))
        self.assertEqual(len(source.messages()), count)

        # What the bridge has read of each says the same again.
        source.workspace.wait_for_states(source.handlers[1], *["succeeded"] * count)
        told = self.recorder.wait_for(f"/{dialect}", count)
        self.assertEqual(sorted(said(dialect, body) for _, body in told), sorted(sent))

    def test_in_every_dialect_the_end_state_is_equal(self):
        for number, dialect in enumerate(DIALECTS):
            with self.subTest(dialect, seed=SEED):
                self.check(dialect)
                if number == len(DIALECTS) - 1:
                    # So that the network is known to have done what it is there for.
                    self.assertEqual([name for name, count in self.network.done.items()
                                      if count < 5], [])


if __name__ == "__main__":
    unittest.main()
