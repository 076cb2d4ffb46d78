"""WooCommerce without a plug-in: webhooks as a shop sends them, and its API, asked for the rest.

The sender (woocommerce/sender.js) and the shop (woocommerce/shop.js) are Node programs that share
no code with the hub; the corpus of orders is woocommerce/corpus.json.
"""

import json
import os
import subprocess
import unittest

from harness import HERE, Http, HubTest, Workspace, end_with_parent

FOLDER = os.path.join(HERE, "woocommerce")
WEBHOOK = "/integrations/v1/webhook/woocommerce"
SINCE = "2026-05-01T00:00:00Z"  # Before all of the corpus.


class Shop:
    """woocommerce/shop.js."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["node", os.path.join(FOLDER, "shop.js")], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, start_new_session=True, preexec_fn=end_with_parent)
        self.url = f"http://127.0.0.1:{json.loads(self.process.stdout.readline())['port']}"
        self.http = Http(self.url)

    def control(self, what, body):
        return self.http.request("POST", "/control/" + what, json.dumps(body)).json

    def requests(self):
        return self.http.request("GET", "/control/requests").json

    def stop(self):
        self.http.close()
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


class Store:
    """A store of a workspace of its own, with a key for WooCommerce and one to read with."""

    def __init__(self, test, slug, secret=None):
        self.test, self.hub = test, test.hub
        self.workspace = Workspace(test.hub, slug)
        self.id = self.workspace.ask("POST", "/stores", {"name": "Main", "currency": "EUR"},
                                     201)["id"]
        more = {"signing_secret": secret} if secret else {}
        self.key = self.workspace.ask("POST", "/keys", {
            "platform": "peptideclients", "kind": "integration", "store": "Main",
            "payload_format": "woocommerce", "source": "woocommerce", **more}, 201)
        self.secret = self.key["signing_secret"]
        self.reader = self.workspace.ask("POST", "/keys", {
            "platform": "peptideclients", "kind": "public"}, 201)["key"]

    def send(self, messages="corpus", **options):
        """What the hub answered to the ping, and to each message."""
        given = {"url": self.hub.url + WEBHOOK, "secret": self.secret, "messages": messages,
                 **options}
        done = subprocess.run(["node", os.path.join(FOLDER, "sender.js")],
                              input=json.dumps(given), capture_output=True, text=True, timeout=300,
                              check=False)
        self.test.assertEqual((done.returncode, done.stderr), (0, ""))
        ping, *answers = json.loads(done.stdout)
        self.test.assertEqual(ping["status"], 200)
        return answers

    def connect(self, shop, **more):
        return self.workspace.ask("PUT", f"/stores/{self.id}/woocommerce", {
            "url": shop.url + "/", "consumer_key": "ck_test", "consumer_secret": "cs_test",
            **more}, 201)

    def reconcile(self, status=200, **body):
        return self.workspace.ask("POST", f"/stores/{self.id}/woocommerce/reconcile", body, status)

    def rows(self, path):
        rows, cursor = [], ""
        while True:
            answer = self.hub.http.request("GET", f"{path}?limit=100{cursor}", headers={
                "Authorization": f"Bearer {self.reader}"})
            self.test.assertEqual(answer.status, 200, answer)
            rows += answer.json["rows"]
            following = answer.json["next_cursor"]
            if not following:
                return rows
            cursor = f"&cursor_at={following['at']}&cursor_id={following['id']}"

    def state(self):
        """All orders, payments and clients, without ids and the times at which the hub did it."""
        def bare(row, *without):
            return {name: value for name, value in row.items()
                    if name not in ("id", "order_id", "created_at", "updated_at", "refunded_at",
                                    "store_id", *without)}

        orders = {}
        for row in self.rows("/v1/orders"):
            order = bare(row)
            order["payments"] = [bare(payment) for payment in row["payments"]]
            order["client"] = row["client"] and bare(row["client"])
            orders[row["external_id"]] = order
        clients = {row["external_id"]: bare(row) for row in self.rows("/v1/clients")}
        return orders, clients


class WooCommerce(HubTest):
    hub_options = (*HubTest.hub_options, "--allow-insecure-endpoints")

    def store(self, name="", **more):
        return Store(self, f"{self.name}-shop{name}", **more)

    def test_the_end_depends_on_the_set_of_messages_alone(self):
        in_order = self.store("0")
        for answer in in_order.send():
            self.assertEqual(answer["status"], 200, answer)
        orders, clients = in_order.state()
        self.assertGreaterEqual(len(orders), 40)
        self.assertGreaterEqual(len(clients), 8)
        for seed, at_once in ((11, 1), (12, 4), (13, 8)):
            with self.subTest(seed=seed, at_once=at_once):
                store = self.store(str(seed))
                for answer in store.send(seed=seed, repeats=3, at_once=at_once):
                    self.assertEqual(answer["status"], 200, answer)
                self.assertEqual(store.state(), (orders, clients))

    def test_orders_end_as_their_statuses_say(self):
        store = self.store()
        store.send(seed=21, repeats=2)
        orders, clients = store.state()
        wanted = {"1001": ("delivered", "paid", "53.43"), "1002": ("cancelled", "unpaid", "53.43"),
                  "1005": ("open", "refunded", "53.43"), "1007": ("open", "paid", "53.43"),
                  "1008": ("open", "paid", "0.00"), "1011": ("open", "paid", "12.345"),
                  "1032": ("open", "partially_paid", "70.00"),
                  "1038": ("cancelled", "paid", "53.43")}
        for number, (status, payment_status, total) in wanted.items():
            with self.subTest(number):
                order = orders[number]
                self.assertEqual((order["status"], order["payment_status"], order["total"]),
                                 (status, payment_status, total))
        self.assertNotIn("1003", orders)
        self.assertEqual(len(orders["1014"]["items"]), 500)
        self.assertEqual(orders["1048"]["number"], "2026-000042/B")
        # Of two names within the newest second one is chosen, always the same one.
        self.assertIn(clients["customer:26"]["name"], ("E. Mustermann", "Erika Mustermann"))
        self.assertEqual(orders["1030"]["client"], None)

    def test_both_versions_of_http_and_both_names_of_the_delivery_id(self):
        store = self.store()
        order = {"id": 5, "status": "pending", "total": "1.00", "currency": "EUR"}
        answers = store.send([
            {"order": order, "version": "1.0"},
            {"order": {**order, "id": 6}, "version": "1.1"},
            {"order": {**order, "id": 7}, "documented": True}])
        self.assertEqual([json.loads(answer["body"])["outcome"] for answer in answers],
                         ["created"] * 3)

    def test_only_a_wrong_signature_is_a_failure(self):
        store = self.store(secret="salt &amp; pepper: a secret")
        order = {"id": 5, "status": "pending", "total": "1.00", "currency": "EUR"}
        answers = store.send([
            {"order": order},
            {"order": order, "secret": "another secret altogether"},
            {"order": order, "headers": {"X-WC-Webhook-Signature": "nonsense"}},
            {"topic": "order.deleted", "order": {"id": 5}},
            {"topic": "product.updated", "order": {"id": 5, "name": "Vial"}},
            {"topic": "action.woocommerce_add_to_cart", "order": {"action": "x", "arg": 1}},
            {"body": "no JSON"},
            {"order": {"id": 9, "status": "pending", "total": "a lot"}}])
        self.assertEqual([answer["status"] for answer in answers],
                         [200, 401, 401, 200, 200, 200, 200, 200])
        self.assertEqual(json.loads(answers[1]["body"])["error"], "signature_invalid")
        self.assertEqual(list(store.state()[0]), ["5"])

    def test_a_shop_s_orders_are_its_own_store_s(self):
        one, two = self.store("1"), self.store("2")
        order = {"id": 5, "status": "pending", "total": "1.00", "currency": "EUR"}
        one.send([{"order": order}])
        two.send([{"order": {**order, "total": "2.00"}}])
        self.assertEqual(one.state()[0]["5"]["total"], "1.00")
        self.assertEqual(two.state()[0]["5"]["total"], "2.00")

    def test_what_a_status_means_is_the_operator_s_to_say(self):
        store = self.store()
        of = ("--workspace", store.workspace.slug)
        done = self.hub.cli("woocommerce", "set-status", "awaiting-shipment", "paid", *of)
        self.assertEqual(done.returncode, 0, done)
        order = {"id": 5, "status": "awaiting-shipment", "total": "1.00", "currency": "EUR"}
        store.send([{"order": order}])
        self.assertEqual(store.state()[0]["5"]["payment_status"], "paid")


class Reconciliation(HubTest):
    hub_options = (*HubTest.hub_options, "--allow-insecure-endpoints")

    def setUp(self):
        super().setUp()
        self.shop = Shop()
        self.addCleanup(self.shop.stop)

    def test_what_webhooks_missed_is_fetched(self):
        corpus = json.loads(subprocess.run(
            ["node", "-e", "process.stdout.write(JSON.stringify(require('./corpus.js').corpus()))"],
            cwd=FOLDER, capture_output=True, text=True, check=True).stdout)
        some = corpus[::3]
        self.shop.control("orders", "corpus")

        before = Store(self, self.name + "-before")
        before.send(some)
        before.connect(self.shop)
        first = before.reconcile(since=SINCE)
        self.assertGreater(first["created"], 0)
        self.assertGreater(first["updated"], 0)
        self.assertGreater(first["unchanged"], 0)
        self.assertEqual(first["unreadable"], 0)
        again = before.reconcile(since=SINCE)
        self.assertEqual((again["created"], again["updated"]), (0, 0))

        after = Store(self, self.name + "-after")
        after.connect(self.shop)
        after.reconcile(since=SINCE)
        after.send(some, seed=31)
        self.assertEqual(after.state(), before.state())

    def test_all_pages_are_read(self):
        self.shop.control("orders", [
            {"id": number, "status": "pending",
             "date_modified_gmt": f"2026-05-19T{number // 60:02}:{number % 60:02}:00"}
            for number in range(1, 251)])
        store = Store(self, self.name + "-shop")
        store.connect(self.shop)
        dry = store.reconcile(since=SINCE, dry_run=True)
        self.assertEqual((dry["created"], len(store.state()[0])), (250, 0))
        done = store.reconcile(since=SINCE)
        self.assertEqual((done["created"], len(store.state()[0])), (250, 250))
        self.assertGreaterEqual(done["pages"], 3)
        for request in self.shop.requests():
            self.assertIn("modified_after=2026-0", request)

    def test_what_is_wrong_with_a_shop_is_shown(self):
        store = Store(self, self.name + "-shop")
        store.connect(self.shop)
        self.shop.control("status", 502)
        self.assertEqual(store.reconcile(503)["code"], "shop_unreachable")
        of = ("--workspace", store.workspace.slug, "--json")
        shown = json.loads(self.hub.cli("woocommerce", "show", "Main", *of).stdout)
        self.assertEqual(shown["failure"]["reason"], "shop_unreachable")
        self.assertNotIn("cs_test", json.dumps(shown))
        self.shop.control("status", 200)
        store.workspace.ask("PUT", f"/stores/{store.id}/woocommerce", {
            "url": self.shop.url, "consumer_key": "ck_test", "consumer_secret": "cs_other"})
        self.assertEqual(store.reconcile(503)["code"], "shop_refused")


if __name__ == "__main__":
    unittest.main()
