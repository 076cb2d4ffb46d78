"""The catalogues: what is listed is sent as listed, and what is published is held against it."""

import json
import os
import sys
import tomllib
import unittest

import harness
from harness import HubTest

sys.path.insert(0, os.path.join(harness.ROOT, "tools"))
import platform_pages  # noqa: E402

DIALECTS = ("peptideclients", "precoro", "proculink", "procureiq", "proign", "standard-webhooks")


def catalogue(name):
    with open(os.path.join(harness.ROOT, "dialects", name + ".toml"), "rb") as file:
        return tomllib.load(file)


class Catalogue(HubTest):
    receivers = ("express_receiver.js",)
    hub_options = (*harness.RECEIVERS_ARE_HERE, "--allow-insecure-endpoints")

    def cli(self, *words, status=0):
        done = self.hub.cli(*words, "--workspace", self.workspace.slug)
        self.assertEqual(done.returncode, status, done)
        return done

    def test_every_event_is_sent_as_its_page_shows_it(self):
        seen = 0
        for name in DIALECTS:
            dialect = catalogue(name)
            path = f"/raw/{self.name}/{name}"
            self.workspace.endpoint(name, self.express, path)
            sent = 0
            for row in self.hub.api.ask("GET", f"/event-types?dialect={name}")["rows"]:
                if row["canonical"] == "webhook.test":
                    continue
                sent += 1
                event = self.workspace.ask("POST", "/events", {
                    "type": row["canonical"], "data": row["example"], "only": {"dialect": name}},
                                           201)
                self.assertEqual(event["matched"], 1, row)
                body = self.express.wait_for(path, sent)[-1]["body"]
                about = {"event.id": event["uuid"], "event.occurred_at": event["occurred_at"],
                         "event.subject": platform_pages.MISSING,
                         "workspace.slug": self.workspace.slug}
                shown = platform_pages.body_of(dialect, row["name"],
                                               dialect["events"][row["name"]], about)
                self.assertEqual(body, json.dumps(shown, ensure_ascii=False, separators=(",", ":")))
            seen += sent
        self.assertEqual(seen, 93, "all but PeptideClients' test")

    def test_what_does_not_fit_is_refused_and_tells_where(self):
        self.workspace.endpoint("procureiq", self.express, f"/raw/{self.name}")
        data = {"order_id": "01941f29-7c00-7aaa-8000-000000000001", "line_count": -1}
        answer = self.hub.api.send("POST", self.workspace.path + "/events",
                                   {"type": "order.created", "data": data})
        self.assertEqual((answer.status, answer.json["code"], answer.json["path"]),
                         (400, "event_data_invalid", "$.data.line_count"))
        self.assertIn("$.itemCount", answer.json["detail"])
        self.assertEqual(self.workspace.rows("/events"), [])

    # A validator that recursed for each character of a text ended the process here.
    def test_a_megabyte_where_a_date_should_be_is_refused(self):
        self.workspace.endpoint("proign", self.express, f"/raw/{self.name}")
        answer = self.hub.api.send("POST", self.workspace.path + "/events", {
            "type": "order.created", "data": {"order_id": "1", "order_date": "1" * 1_000_000}})
        self.assertEqual((answer.status, answer.json["path"]), (400, "$.data.order_date"))

    def test_a_sample_goes_to_the_endpoints_of_its_dialect(self):
        paths = {name: f"/raw/{self.name}/{name}" for name in ("proign", "peptideclients")}
        ids = {name: self.workspace.endpoint(name, self.express, path)["id"]
               for name, path in paths.items()}
        done = self.cli("trigger", "order.shipped", "--dialect", "proign", "--set", "carrier=DHL",
                        "--set", 'shipping_method="5"', "--json")
        event = json.loads(done.stdout)
        self.assertEqual([row["endpoint_id"] for row in event["deliveries"]], [ids["proign"]])
        body = json.loads(self.express.wait_for(paths["proign"], 1)[0]["body"])
        self.assertEqual((body["type"], body["data"]["carrier"], body["data"]["shipping_method"]),
                         ("order.shipped", "DHL", "5"))

        # By the platform's own name of it, as by the canonical one.
        for type_, count in (("vendor.created", 1), ("supplier.created", 2)):
            shown = self.cli("trigger", type_, "--dialect", "peptideclients",
                             "--endpoint", ids["peptideclients"])
            self.assertIn("supplier.created", shown.stdout)
            self.assertIn("waybill event show evt_", shown.stderr)
            body = json.loads(self.express.wait_for(paths["peptideclients"], count)[-1]["body"])
            self.assertEqual(body["type"], "vendor.created")
        self.assertEqual(len(self.express.received(paths["proign"])), 1)

    def test_a_sample_that_cannot_be_sent_says_why(self):
        self.workspace.endpoint("proign", self.express, f"/raw/{self.name}",
                                event_types=["stock.low"])
        for words, told in (
                (("order.shiped", "--dialect", "proign"), "Did you mean 'order.shipped'?"),
                (("order.shipped", "--dialect", "klingon"), "no such dialect"),
                (("stock.low", "--dialect", "proign", "--set", "item_code=5"),
                 "event_data_invalid"),
                (("stock.low", "--dialect", "proign", "--endpoint", "none"), "no such endpoint")):
            self.assertIn(told, self.cli("trigger", *words, status=1).stderr)
        for words, told in (
                (("webhook.test", "--dialect", "peptideclients"), "waybill endpoint test"),
                (("stock.low", "--dialect", "proign", "--set", "item_code"), "PATH=VALUE")):
            self.assertIn(told, self.cli("trigger", *words, status=2).stderr)
        self.assertEqual(self.workspace.rows("/events"), [])
        kept = self.cli("trigger", "order.shipped", "--dialect", "proign")
        self.assertIn("No endpoint subscribes to order.shipped.", kept.stdout)


if __name__ == "__main__":
    unittest.main()
