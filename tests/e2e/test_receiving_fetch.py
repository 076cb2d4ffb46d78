"""A thin notice, and the document behind it: one hub keeps documents, as Precoro does, and tells of
them; another one's source receives the notices and fetches what they name.

Both clocks run 30 times as fast: a minute is two seconds.
"""

import datetime
import itertools
import json
import os
import unittest

from harness import RECEIVERS_ARE_HERE, Hub, HubTest, Workspace, wait_for
from receiving import Source, read_lines, wait_for_lines

EMAIL = "erp@example.com"
OPTIONS = (*RECEIVERS_ARE_HERE, "--allow-insecure-endpoints", "--clock-speed", "30")


class FetchTest(HubTest):
    """`self.workspace` is of the hub that receives, `self.precoro` of the one that tells."""

    hub_options = OPTIONS
    precoro_limits = "none"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform = Hub(*OPTIONS, "--precoro-limits", cls.precoro_limits)
        cls.addClassCleanup(cls.platform.remove)
        cls.addClassCleanup(cls.platform.stop)

    def setUp(self):
        super().setUp()
        self.precoro = Workspace(self.platform, self.name)
        self.precoro.ask("POST", "/users", {"email": EMAIL, "roles": ["super_user"]}, 201)
        token = self.precoro.new_key("precoro", user=EMAIL)["key"]
        self.file = f"{self.name}.jsonl"
        self.source = Source(
            self.workspace, "precoro",
            {"channel": "fetch", "settings": {"base_url": self.platform.url, "token": token,
                                              "email": EMAIL}},
            {"channel": "file", "settings": {"name": self.file}})
        self.fetcher, self.writer = self.source.handlers
        self.path = os.path.join(self.hub.data, "handled", self.file)

    def subscribe(self):
        self.precoro.ask("POST", "/endpoints", {
            "dialect": "precoro", "url": self.hub.url + self.source.path, "owner": EMAIL}, 201)

    def put(self, number, document, status=201):
        self.precoro.ask("PUT", f"/documents/purchase_order/{number}", document, status)

    def notify(self, number, idn=None):
        """What Precoro sends, which nobody signs."""
        notice = {"id": number, "type": 2, "action": 0, "idn": idn or number}
        self.assertEqual(self.source.post(json.dumps(notice).encode()).status, 200)

    def attempts(self, handler):
        """Of all its deliveries, the earliest first."""
        shown = [self.workspace.ask("GET", f"/deliveries/{row['id']}")
                 for row in self.workspace.deliveries(handler)]
        return sorted((attempt for delivery in shown for attempt in delivery["attempts"]),
                      key=lambda attempt: attempt["started_at"])

    def wait_for_attempts(self, handler, count):
        return wait_for(lambda: len(made := self.attempts(handler)) >= count and made,
                        lambda: f"{count} attempts: {self.attempts(handler)}")

    def asked(self, number):
        """When the platform was asked for it, once its request log is written."""
        return sorted(read_time(row["at"]) for row in self.precoro.rows("/requests")
                      if row["path"] == f"/purchaseorders/{number}")


class Fetching(FetchTest):
    # --- What is fetched --------------------------------------------------------------------------

    def test_the_other_handlers_get_the_notice_with_its_document(self):
        self.subscribe()
        order = {"idn": 5, "status": 1, "items": [{"sku": "4711", "quantity": 2.5}]}
        self.put(123456, order)
        line, = wait_for_lines(self.path, 1)
        self.assertEqual(line["data"], {"id": 123456, "type": 2, "action": 0, "idn": 5})
        self.assertEqual(line["document"], {"id": 123456, **order})
        self.assertEqual(line["message"]["type"], "purchase_order.create")
        message, = self.source.messages()
        self.assertEqual(line["message"]["id"], message["id"])

    def test_what_names_no_document_is_handed_on_as_it_is(self):
        self.source.post(json.dumps({"id": 9, "type": 9, "action": 0, "idn": 9}).encode())
        line, = wait_for_lines(self.path, 1)
        self.assertEqual(line["data"]["type"], 9)
        self.assertNotIn("document", line)

    def test_a_document_that_is_not_there_yet_is_asked_for_again(self):
        self.notify(7)
        failed = self.wait_for_attempts(self.fetcher, 1)[0]
        self.assertEqual(failed["status_code"], 404, failed)
        self.assertIn("no such document", failed["error"])
        self.assertEqual(self.workspace.deliveries(self.writer), [])
        self.assertEqual(read_lines(self.path), [])
        self.put(7, {"idn": 7, "status": 3})
        line, = wait_for_lines(self.path, 1)
        self.assertEqual(line["document"], {"id": 7, "idn": 7, "status": 3})

    def test_a_token_that_is_refused_is_a_failure_and_is_told(self):
        self.workspace.ask("PATCH", f"/handlers/{self.fetcher['id']}", {
            "settings": {"base_url": self.platform.url, "token": "nobodys", "email": EMAIL}})
        self.notify(8)
        failed = self.wait_for_attempts(self.fetcher, 1)[0]
        self.assertEqual(failed["status_code"], 401, failed)
        self.assertIn("token", failed["error"])

    # --- How often --------------------------------------------------------------------------------

    def test_the_same_is_not_asked_for_twice_within_a_minute(self):
        self.put(6, {"idn": 6, "status": 1})
        self.notify(61, idn=6)
        wait_for_lines(self.path, 1)
        # These tell of what the first answer did not have.
        self.put(6, {"idn": 6, "status": 2}, 200)
        self.notify(62, idn=6)
        self.notify(63, idn=6)
        lines = wait_for_lines(self.path, 3)
        self.assertEqual([line["document"]["status"] for line in lines], [1, 2, 2])
        asked = wait_for(lambda: len(found := self.asked(6)) >= 2 and found,
                         lambda: f"two requests: {self.asked(6)}")
        for former, latter in itertools.pairwise(asked):
            # A tenth of a second on the way is three seconds of these hubs'.
            self.assertGreater((latter - former).total_seconds(), 40)


class FetchingWithinLimits(FetchTest):
    precoro_limits = "1/min"

    def test_one_request_too_many_is_made_later(self):
        for number in (1, 2):
            self.put(number, {"idn": number})
            self.notify(number)
        lines = wait_for_lines(self.path, 2)
        self.assertEqual(sorted(line["document"]["id"] for line in lines), [1, 2])
        self.assertIn(429, [attempt["status_code"] for attempt in self.attempts(self.fetcher)])


def read_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


if __name__ == "__main__":
    unittest.main()
