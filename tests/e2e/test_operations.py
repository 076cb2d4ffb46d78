"""What an operator relies on: metrics, readiness, ids in the log, and a stop that ends in time."""

import json
import os
import re
import socket
import sqlite3
import time
import unittest

from prometheus_client.parser import text_string_to_metric_families

import harness
import postgres_server
from harness import HubTest, an_order, order_data, wait_for

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
METRICS_TOKEN = "the-token-of-the-scraper"
DOCUMENTED = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)


def whole_log(hub):
    with open(hub.log_path, encoding="utf-8", errors="replace") as file:
        return file.read()


def log_lines(hub):
    return [json.loads(line) for line in whole_log(hub).splitlines()]


def scrape(hub, token=METRICS_TOKEN):
    answer = hub.http.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
    if answer.status != 200:
        raise AssertionError(f"/metrics: {answer}")
    return answer.body.decode()


def value(text, name, **labels):
    """The value of one sample, by Prometheus' own reader."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    raise AssertionError(f"no {name} {labels} in\n{text}")


class SqliteTrouble:
    """What a backup tool does: holds the lock by which one writes."""

    says = "locked"

    def __init__(self, hub):
        self.other = sqlite3.connect(os.path.join(hub.data, "waybill.sqlite"),
                                     isolation_level=None)
        self.other.execute("BEGIN IMMEDIATE")

    def end(self):
        self.other.close()  # It may be so already.


class PostgresTrouble:
    """What an administrator does: nobody may connect to this database, and who has must go."""

    says = "not currently accepting connections"

    def __init__(self, hub):
        self.name = postgres_server.database_of(hub.database)
        self.allow("false")
        harness.shared_postgres().psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                       f"WHERE datname = '{self.name}'")

    def allow(self, whether):
        harness.shared_postgres().psql(
            f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS {whether}")

    def end(self):
        self.allow("true")


class Operations(HubTest):
    receivers = ("express_receiver.js",)
    hub_options = (*harness.RECEIVERS_ARE_HERE, "--log-level", "debug",
                   "--metrics-token", METRICS_TOKEN)

    def test_metrics_are_those_that_are_documented(self):
        with open(os.path.join(harness.ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
            documented = {name: (kind, tuple(re.findall(r"`(\w+)`", labels)), help_)
                          for name, kind, labels, help_ in DOCUMENTED.findall(file.read())}
        text = scrape(self.hub)
        found = {}
        for name, help_ in re.findall(r"^# HELP (\w+) (.*)$", text, re.MULTILINE):
            kind = re.search(rf"^# TYPE {name} (\w+)$", text, re.MULTILINE).group(1)
            sample = re.search(rf"^{name}(?:_bucket)?(?:\{{(.*)\}})? \S+$", text, re.MULTILINE)
            labels = re.findall(r'(\w+)="', sample.group(1) or "")
            found[name] = (kind, tuple(label for label in labels if label != "le"), help_)
        self.assertEqual(found, documented)

    def test_metrics_count_what_happens(self):
        before = scrape(self.hub)
        endpoint = self.workspace.endpoint("proculink", self.express, f"/raw/{self.name}", "secret")
        self.assertEqual(self.workspace.post_order(an_order()).status, 201)
        self.assertEqual(self.workspace.post_order(an_order()).status, 200)
        self.assertEqual(self.workspace.ingress("POST", "/orders", b"{").status, 400)
        self.workspace.wait_for_states(endpoint, "succeeded")
        after = scrape(self.hub)

        def grown(name, **labels):
            return value(after, name, **labels) - value(before, name, **labels)
        self.assertEqual(grown("waybill_orders_accepted_total"), 1)
        self.assertEqual(grown("waybill_orders_duplicate_total"), 1)
        self.assertEqual(grown("waybill_events_accepted_total"), 1)
        self.assertEqual(grown("waybill_attempts_total", outcome="succeeded"), 1)
        self.assertEqual(grown("waybill_deliveries_recorded_total", state="succeeded"), 1)
        self.assertEqual(grown("waybill_delivered_seconds_count"), 1)
        self.assertEqual(
            grown("waybill_http_requests_total", surface="proculink", status="2xx"), 2)
        self.assertEqual(
            grown("waybill_http_requests_total", surface="proculink", status="4xx"), 1)
        self.assertGreater(grown("waybill_database_commit_seconds_count"), 0)
        self.assertEqual(value(after, "waybill_database_writable"), 1)
        self.assertGreater(value(after, "process_resident_memory_bytes"), 1e6)
        self.assertGreater(value(after, "process_open_fds"), 5)
        self.assertAlmostEqual(value(after, "process_start_time_seconds"), time.time(), delta=600)

    def test_metrics_ask_for_their_token(self):
        for headers in ({}, {"Authorization": "Bearer wrong"},
                        {"Authorization": f"Bearer {self.hub.token}"}):
            self.assertEqual(self.hub.http.request("GET", "/metrics", headers=headers).status, 401)

    def test_a_database_that_cannot_be_used_heals_and_nothing_is_lost(self):
        endpoint = self.workspace.endpoint("proculink", self.express, f"/raw/{self.name}", "secret")
        self.express.behave(f"/raw/{self.name}", hold=True)
        self.assertEqual(self.workspace.post_order(an_order("PO-0")).status, 201)
        self.express.wait_for(f"/raw/{self.name}", 1)
        trouble = (PostgresTrouble if harness.ON_POSTGRES else SqliteTrouble)(self.hub)
        self.addCleanup(trouble.end)
        self.express.release(f"/raw/{self.name}")  # Its outcome cannot be written now.

        refused = self.workspace.post_order(an_order("PO-1"))
        self.assertEqual((refused.status, refused.headers["Retry-After"]), (503, "1"))
        self.assertEqual(refused.json["code"], "database_unavailable")
        ready = self.hub.http.request("GET", "/health/ready")
        self.assertEqual((ready.status, ready.headers["Retry-After"]), (503, "1"))
        self.assertEqual(ready.json["code"], "database_unavailable")
        # Anybody may ask for that, so why is in the log alone.
        self.assertNotIn(trouble.says, refused.body.decode() + ready.body.decode())
        with open(self.hub.log_path, encoding="utf-8") as log:
            told = [line for line in log if "database_failing" in line]
        self.assertIn(trouble.says, "".join(told))
        self.assertEqual(self.hub.http.request("GET", "/health/live").status, 200)
        self.assertEqual(value(scrape(self.hub), "waybill_database_writable"), 0)

        self.express.http.close()  # Node has ended this connection meanwhile.
        trouble.end()
        wait_for(lambda: self.hub.http.request("GET", "/health/ready").status == 200, "ready again")
        self.assertEqual(self.workspace.post_order(an_order("PO-1")).status, 201)
        self.workspace.wait_for_states(endpoint, "succeeded", "succeeded")
        self.assertEqual(len(self.express.received(f"/raw/{self.name}")), 2, "each once")
        self.assertEqual(len(self.workspace.rows("/orders")), 2)

    def test_a_trace_is_passed_on(self):
        self.workspace.endpoint("proculink", self.express, f"/raw/{self.name}", "secret")
        answer = self.workspace.ingress(
            "POST", "/orders", an_order(), headers={"traceparent": PARENT, "tracestate": "a=1"})
        self.assertEqual(answer.status, 201)
        webhook, = self.express.wait_for(f"/raw/{self.name}", 1)
        self.assertRegex(webhook["headers"]["traceparent"],
                         "^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$")
        self.assertNotEqual(webhook["headers"]["traceparent"], PARENT)
        self.assertEqual(webhook["headers"]["tracestate"], "a=1")
        self.assertTrue(webhook["valid"], webhook["why"])

    def test_every_answer_has_a_request_id_and_the_log_knows_it(self):
        given = f"given-{self.name}"
        answers = [
            self.workspace.post_order(an_order()),
            self.workspace.ingress("POST", "/orders", b"{"),
            self.hub.http.request("GET", "/nowhere"),
            self.hub.http.request("GET", "/hub/v1/workspaces?secret=of-the-query"),
            self.workspace.ingress("GET", "/ping", headers={"X-Request-Id": given}),
        ]
        ids = [answer.headers["X-Request-Id"] for answer in answers]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertEqual(ids[-1], given)
        lines = {line.get("request"): line for line in log_lines(self.hub)
                 if line["event"] == "request"}
        for answer, id_ in zip(answers, ids):
            self.assertEqual(lines[id_]["status"], answer.status)
        self.assertEqual(lines[given]["path"], f"/api/ingress/{self.workspace.slug}/ping")
        self.assertEqual(lines[given]["workspace"], self.workspace.slug)
        self.assertNotIn("of-the-query", whole_log(self.hub))

    def test_what_the_server_refuses_has_one_too(self):
        with socket.create_connection((self.hub.http.address.hostname,
                                       self.hub.http.address.port), 10) as client:
            client.sendall(b"GET /hub/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n")
            answer = b""
            while piece := client.recv(4096):
                answer += piece
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertIn(b"\r\nX-Request-Id: ", answer)

    def test_no_secret_is_ever_in_the_log(self):
        secret = "a-secret-of-the-endpoint-0123456789"
        path = f"/raw/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, secret)
        standard = self.workspace.endpoint("standard-webhooks", self.express,
                                           f"/open/{self.name}")
        native = self.workspace.new_key("waybill", ["events:write"])["key"]
        self.express.behave(path, 500)
        self.workspace.post_order(an_order(), "an-idempotency-key-of-the-caller")
        self.hub.api.with_token(native).send("POST", f"{self.workspace.path}/events",
                                             {"type": "order.created", "data": order_data()})
        self.workspace.ingress("POST", "/orders", an_order(), key="plk_wrong_key_of_somebody")
        self.hub.api.with_token("a-wrong-token").send("GET", "/workspaces")
        self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/rotate-secret",
                           {"secret": "the-next-secret-0123456789abcdef"})
        wait_for(lambda: any(line["event"] == "attempt" and line["endpoint"] == endpoint["id"]
                             for line in log_lines(self.hub)), "a line of an attempt")
        scrape(self.hub)
        self.hub.http.request("GET", "/metrics", headers={"Authorization": "Bearer guess-of-one"})

        attempt = next(line for line in log_lines(self.hub) if line["event"] == "attempt")
        self.assertTrue(attempt["delivery"].startswith("dlv_"))
        self.assertTrue(attempt["event_id"].startswith("evt_"))
        log = whole_log(self.hub)
        for text in (secret, "the-next-secret-0123456789abcdef", standard["secret"], native,
                     self.workspace.key, self.hub.token, METRICS_TOKEN, "plk_wrong_key_of_somebody",
                     "a-wrong-token", "guess-of-one", "an-idempotency-key-of-the-caller"):
            self.assertNotIn(text, log)


class Stopping(unittest.TestCase):
    """A receiver that takes the request and never answers."""

    def setUp(self):
        self.silent = socket.create_server(("127.0.0.1", 0))
        self.silent.settimeout(harness.WAIT_SECONDS)
        self.addCleanup(self.silent.close)
        self.hub = harness.Hub(*harness.RECEIVERS_ARE_HERE, "--stop-timeout", "2s",
                               "--access-log")
        self.addCleanup(self.hub.remove)
        self.addCleanup(self.hub.stop)
        self.workspace = harness.Workspace(self.hub, "acme")

    def accept(self):
        """A request as it came."""
        connection, _ = self.silent.accept()
        self.addCleanup(connection.close)
        connection.settimeout(harness.WAIT_SECONDS)
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        return connection, received

    def assert_database_closed(self):
        if harness.ON_POSTGRES:
            name = postgres_server.database_of(self.hub.database)
            self.assertEqual(harness.shared_postgres().psql(
                f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"), "0")
            self.assertFalse(os.path.exists(os.path.join(self.hub.data, "waybill.sqlite")))
        else:
            self.assertTrue(os.path.exists(os.path.join(self.hub.data, "waybill.sqlite")))
            self.assertFalse(os.path.exists(os.path.join(self.hub.data, "waybill.sqlite-wal")))

    def test_ends_within_the_deadline_and_the_delivery_is_made_again(self):
        self.workspace.ask("POST", "/endpoints", {
            "dialect": "standard-webhooks", "event_types": ["*"],
            "url": f"http://127.0.0.1:{self.silent.getsockname()[1]}/hook"}, 201)
        event = self.workspace.publish({"n": 1})
        _, first = self.accept()
        self.assertIn(event["id"].encode(), first)

        began = time.monotonic()
        self.assertEqual(self.hub.stop(), 0)
        took = time.monotonic() - began
        self.assertGreater(took, 1.5, "it has its time")
        self.assertLess(took, 6, "and no more")
        lines = [line for line in log_lines(self.hub) if line["event"] == "attempts_cut_off"]
        self.assertEqual([(line["count"], line["given_back"]) for line in lines], [(1, True)])
        self.assertEqual(log_lines(self.hub)[-1]["event"], "stopped")
        published = [line for line in log_lines(self.hub) if line["event"] == "request"
                     and line["path"].endswith("/events")]
        self.assertEqual([(line["level"], line["status"]) for line in published], [("info", 201)])
        self.assert_database_closed()

        self.hub.start()
        connection, second = self.accept()
        self.assertIn(event["id"].encode(), second)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        wait_for(lambda: [row["state"] for row in self.workspace.rows("/deliveries")]
                 == ["succeeded"], "it succeeded")
        made = self.workspace.rows("/deliveries")[0]
        self.assertEqual(made["attempts_made"], 1, "what was cut off counts as no attempt")


if __name__ == "__main__":
    unittest.main()
