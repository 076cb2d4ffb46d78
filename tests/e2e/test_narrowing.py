"""What narrows that which an endpoint is sent: filters, windows, words; and where an event went."""

import json

from harness import HubTest


class Narrowing(HubTest):
    receivers = ("express_receiver.js",)

    def cli(self, *words):
        done = self.hub.cli(*words, "--workspace", self.workspace.slug, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def publish(self, type_, data):
        return self.cli("event", "publish", "--type", type_, "--data", json.dumps(data))

    def test_a_filter_is_tried_set_and_seen_at_work(self):
        path = f"/open/{self.name}"
        for total in (50, 150):
            self.publish("sale.made", {"total": total})
        big = '{"total": {"$gte": 100}}'
        tried = self.cli("endpoint", "dry-run", "--dialect", "standard-webhooks", "--filter", big)
        self.assertEqual([row["matches"] for row in tried["rows"]], [True, False])
        endpoint = self.cli("endpoint", "create", "--dialect", "standard-webhooks", "--url",
                            self.express.url + path, "--filter", big, "--name", "Big ones")
        self.assertEqual(endpoint["filter"], {"total": {"$gte": 100}})

        sent = self.publish("sale.made", {"total": 100})
        withheld = self.publish("sale.made", {"total": 99})
        self.assertEqual((sent["matched"], withheld["matched"]), (1, 0))
        shown = self.cli("event", "show", withheld["id"])
        self.assertEqual(shown["withheld"], [{"reason": "filtered", "dialect": "standard-webhooks",
                                              "endpoints": 1, "endpoint_ids": [endpoint["id"]]}])
        received = self.express.wait_for(path, 1)
        self.assertEqual(json.loads(received[0]["body"])["data"], {"total": 100})

        mended = self.cli("endpoint", "update", endpoint["id"], "--filter", "default")
        self.assertIsNone(mended["filter"])
        self.assertEqual(self.publish("sale.made", {"total": 1})["matched"], 1)

    def test_a_filter_with_a_fault_is_refused_with_its_path(self):
        refused = self.hub.cli("endpoint", "dry-run", "--workspace", self.workspace.slug,
                               "--dialect", "proculink", "--filter", '{"a": {"$like": "x"}}')
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn("$.filter.a.$like", refused.stderr)
        self.assertIn("$startsWith", refused.stderr)
        torn = self.hub.cli("endpoint", "dry-run", "--workspace", self.workspace.slug,
                            "--dialect", "proculink", "--filter", '{"a"')
        self.assertEqual(torn.returncode, 2, torn.stderr)

    # R-PR-17
    def test_the_same_notice_is_sent_once_in_half_a_minute(self):
        path = f"/open/{self.name}"
        self.cli("endpoint", "create", "--dialect", "precoro", "--url", self.express.url + path)
        first = self.publish("invoice.updated", {"document_id": 7})
        again = self.publish("invoice.updated", {"document_id": 7})
        other = self.publish("invoice.updated", {"document_id": 8})
        self.assertEqual([event["matched"] for event in (first, again, other)], [1, 0, 1])
        self.assertEqual(again["withheld"][0]["reason"], "coalesced")
        bodies = {row["body"] for row in self.express.wait_for(path, 2)}
        self.assertEqual(bodies, {'{"id":7,"type":3,"action":1}', '{"id":8,"type":3,"action":1}'})
