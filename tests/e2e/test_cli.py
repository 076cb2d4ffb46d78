"""Every command of `waybill` once, for people and with --json; and what it says when it cannot."""

import hashlib
import hmac
import json
import os
import re
import tempfile
import unittest

import harness
from harness import HubTest, an_order


class Cli(HubTest):
    receivers = ("express_receiver.js",)

    used = set()

    def run_words(self, *words, status=0, stdin=None, **environment):
        done = self.hub.cli(*words, stdin=stdin, **environment)
        self.assertEqual(done.returncode, status, f"waybill {' '.join(words)}: {done}")
        # The command's name: its first one or two words, whatever they are.
        self.used.add(" ".join(words[:2]))
        self.used.add(words[0])
        return done

    def ask(self, *words, **more):
        """The answer with --json."""
        done = self.run_words(*words, "--json", **more)
        self.assertEqual(done.stderr, "", words)
        return json.loads(done.stdout)

    def read(self, *words, **more):
        """As a person sees it."""
        text = self.run_words(*words, **more).stdout
        self.assertNotIn("\x1b", text)
        self.assertFalse(text.startswith("{"), text)
        return text

    def test_every_command(self):
        slug = self.name + "-cli"
        self.make_workspace(slug)
        self.endpoints(slug)
        self.events_and_deliveries(slug)
        self.sources_and_messages(slug)
        self.orders(slug)
        self.stores_and_sales(slug)
        self.users_and_documents(slug)
        self.dialects_and_signatures()
        self.hub_itself()
        self.used.add("serve")
        missing = [name for name in self.every_command() if name not in self.used]
        self.assertEqual(missing, [], "commands that this test does not run")

    def every_command(self):
        """As --help lists them."""
        def names(text):
            listed = text.split("Commands:\n")[1].split("\n\n")[0]
            return re.findall(r"^  ([a-z][a-z-]*)", listed, re.MULTILINE)

        commands = []
        for group in names(self.hub.cli("--help").stdout):
            text = self.hub.cli(group, "--help").stdout
            commands += [f"{group} {name}" for name in names(text)] if "Commands:\n" in text \
                else [group]
        self.assertGreater(len(commands), 30)
        return commands

    def make_workspace(self, slug):
        made = self.ask("workspace", "create", slug, "--name", "Acme Ltd", "--environment",
                        "sandbox")
        self.assertEqual((made["slug"], made["environment"]), (slug, "sandbox"))
        self.assertIn(slug, [row["slug"] for row in self.ask("workspace", "list")["rows"]])
        self.assertIn("Acme Ltd", self.read("workspace", "list"))
        self.assertEqual(self.ask("workspace", "show", slug), made)
        self.assertIn("sandbox", self.read("workspace", "show", made["id"]))
        of = ("--workspace", slug)

        supplier = self.ask("supplier", "create", *of, "--name", "Päper & Co")
        self.assertEqual([supplier], self.ask("supplier", "list", *of)["rows"])
        self.assertIn("Päper & Co", self.read("supplier", "list", *of))

        key = self.ask("key", "create", *of, "--platform", "waybill", "--scopes",
                       "orders:read,events:*", "--expires", "2030-01-31")
        self.assertEqual((key["scopes"], key["expires_at"]),
                         (["orders:read", "events:*"], "2030-01-31T23:59:59.000Z"))
        text = self.run_words("key", "create", *of, "--platform", "proculink", "--name", "Shop")
        self.assertIn("plk_", text.stdout)
        self.assertIn("only time", text.stderr)
        self.assertEqual(len(self.ask("key", "list", *of)["rows"]), 2)
        self.assertNotIn(key["key"], self.read("key", "list", *of))
        self.assertTrue(self.ask("key", "revoke", *of, key["id"])["revoked_at"])
        self.keys_with_bounds(of)

    def keys_with_bounds(self, of):
        key = self.ask("key", "create", *of, "--platform", "peptideclients", "--kind", "public",
                       "--allow-ip", "192.0.2.0/24,::1", "--calls-per-minute", "60")
        self.assertEqual((key["scopes"], key["allowed_networks"], key["calls_per_minute"]),
                         (["read_only"], ["192.0.2.0/24", "::1"], 60))
        shown = self.ask("key", "show", *of, key["id"])
        self.assertEqual((shown["kind"], shown["requests_24h"]), ("public", 0))
        self.assertNotIn(key["key"], self.read("key", "show", *of, key["id"]))
        # test_requests has more, with a store.
        refused = self.run_words("key", "rotate-secret", *of, key["id"], "--overlap", "1h",
                                 status=1)
        self.assertIn("Only an integration's key signs", refused.stderr)
        self.run_words("key", "create", *of, "--platform", "peptideclients", "--store", "nowhere",
                       "--payload-format", "woocommerce", "--source", "shop", "--require-signature",
                       "--signing-secret", "typed by hand 12345", status=1)

        rows = harness.wait_for(lambda: [row for row in self.ask(
            "request", "list", *of, "--failed", "--method", "POST")["rows"]
            if row["error_code"] == "store_not_found"], "the request in the log")
        self.assertEqual(rows[0]["status"], 404)
        text = self.read("request", "show", *of, rows[0]["id"])
        self.assertIn("payload_format", text)
        self.assertNotIn("typed by hand", text)
        self.assertEqual(self.ask("request", "list", *of, "--status", "404", "--path", "/hub/v1/",
                                  "--error-code", "store_not_found", "--since", "1h",
                                  "--request-id", rows[0]["request_id"])["rows"], rows)

    def endpoints(self, slug):
        of = ("--workspace", slug)
        url = self.express.url + f"/open/{slug}"
        self.endpoint = self.ask("endpoint", "create", *of, "--dialect", "standard-webhooks",
                                 "--url", url, "--events", "shop.a,shop.b", "--timeout", "5s",
                                 "--retry", "1m,5m", "--rate-per-second", "100",
                                 "--in-flight-max", "3", "--description", "Lager")
        self.assertEqual((self.endpoint["event_types"], self.endpoint["retry"],
                          self.endpoint["in_flight_max"]), (["shop.a", "shop.b"], ["1m", "5m"], 3))
        name = self.endpoint["id"]
        text = self.run_words("endpoint", "create", *of, "--dialect", "standard-webhooks", "--url",
                              url + "-2", "--events", "never.happens")
        self.assertIn("whsec_", text.stdout)
        self.assertIn("only time", text.stderr)
        self.assertEqual(len(self.ask("endpoint", "list", *of)["rows"]), 2)
        self.assertIn(name, self.read("endpoint", "list", *of, "--state", "active"))
        self.assertIn("Lager", self.read("endpoint", "show", *of, name))
        changed = self.ask("endpoint", "update", *of, name, "--retry", "default", "--timeout", "7s")
        self.assertEqual((changed["retry"], changed["timeout"]), (None, "7s"))
        tried = self.ask("endpoint", "dry-run", *of, "--dialect", "proculink", "--filter", "{}")
        self.assertEqual(tried["matched"], 0)
        self.assertEqual(self.ask("endpoint", "pause", *of, name)["state"], "paused")
        self.assertEqual(self.ask("endpoint", "resume", *of, name)["state"], "active")
        rotated = self.ask("endpoint", "rotate-secret", *of, name, "--overlap", "1h")
        self.assertTrue(rotated["previous_secret_expires_at"])
        sent = self.ask("endpoint", "test", *of, name)
        self.express.wait_for(f"/open/{slug}", 1)
        self.assertIn(sent["delivery_id"], self.read("delivery", "show", *of, sent["delivery_id"]))

    def replays(self, of):
        endpoint = self.endpoint["id"]
        create = ("replay", "create", *of, "--endpoint", endpoint, "--only")
        foreseen = self.ask(*create, "failed", "--since", "1h", "--dry-run")
        self.assertEqual((foreseen["deliveries"], foreseen["more"]), (0, False))
        done = self.ask(*create, "failed", "--types", "shop.a,shop.b", "--wait")
        self.assertEqual((done["state"], done["made"]), ("done", 0))
        self.ask("endpoint", "pause", *of, endpoint)
        waits = self.ask(*create, "all")["id"]
        self.assertIn(waits, self.read("replay", "list", *of, "--state", "running"))
        harness.wait_for(lambda: "paused" in self.read("replay", "show", *of, waits),
                         "it says why it waits")
        self.assertEqual(self.ask("replay", "cancel", *of, waits)["state"], "cancelled")
        self.ask("endpoint", "resume", *of, endpoint)

    def events_and_deliveries(self, slug):
        of = ("--workspace", slug)
        path = f"/open/{slug}"
        event = self.ask("event", "publish", *of, "--type", "shop.a", "--data",
                         '{"name": "Zoë", "n": 1.50}', "--subject", "thing-1")
        self.assertEqual(event["matched"], 1)
        self.express.wait_for(path, 2)
        batch = "\n".join(json.dumps({"type": "shop.c", "data": {"n": n}}) for n in range(250))
        self.assertIn("250", self.read("event", "publish", *of, "--batch", "-", stdin=batch))
        rows = self.ask("event", "list", *of, "--type", "shop.c", "--all")["rows"]
        self.assertEqual(len(rows), 250)
        self.assertIn("thing-1", self.read("event", "list", *of, "--subject", "thing-1"))
        shown = self.ask("event", "show", *of, event["id"])
        self.assertEqual(shown["data"], {"name": "Zoë", "n": 1.5})
        self.ask("event", "replay", *of, event["id"], "--endpoint", self.endpoint["id"])
        self.express.wait_for(path, 3)

        hub_path = f"/workspaces/{slug}/endpoints/{self.endpoint['id']}"
        self.hub.api.ask("PATCH", hub_path, {"retry": []})
        self.express.behave(path, 500)
        failed = self.ask("event", "publish", *of, "--type", "shop.b", "--data", "{}")
        delivery = failed["deliveries"][0]["id"]
        harness.wait_for(lambda: self.ask("delivery", "list", *of, "--state", "dropped")["rows"],
                         "the delivery is dropped")
        self.assertIn(delivery, self.read("dead-letter", "list", *of, "--since", "1h"))
        self.assertIn("500", self.read("delivery", "show", *of, delivery))
        self.assertEqual(self.ask("delivery", "retry", *of, delivery)["id"], delivery)
        self.express.wait_for(path, 5)
        again = self.ask("delivery", "retry-dropped", *of, "--since", "1h")
        self.assertEqual(again, {"retried": 0, "more": False})
        self.assertIn("0 dropped", self.read("dead-letter", "replay", *of, "--since", "1h"))
        self.assertIn("succeeded", self.read("delivery", "list", *of))
        self.replays(of)
        self.assertEqual(self.ask("endpoint", "delete", *of, self.endpoint["id"])["state"],
                         "deleted")
        actions = {row["action"] for row in self.ask("audit", "list", *of, "--all")["rows"]}
        self.assertLessEqual({"workspace.create", "key.create", "key.revoke", "endpoint.pause",
                              "endpoint.delete", "event.replay", "delivery.retry"}, actions)
        self.assertIn("admin", self.read("audit", "list", *of, "--action", "key.revoke"))

    def sources_and_messages(self, slug):
        of = ("--workspace", slug)
        url = self.express.url + f"/open/{slug}-received"
        source = self.ask("source", "create", *of, "--dialect", "github", "--name", "repo",
                          "--remember", "7d", "--handler", url)
        self.assertEqual((source["name"], source["remember"], len(source["handlers"])),
                         ("repo", "7d", 1))
        text = self.run_words("source", "create", *of, "--dialect", "github")
        self.assertIn("only time", text.stderr)
        unset = self.ask("source", "create", *of, "--dialect", "github", "--no-secret")
        self.assertEqual((unset["name"], unset["secrets"]), ("github-2", []))
        shown = self.ask("source", "show", *of, "repo")
        self.assertEqual((shown["path"], shown["url"]),
                         (source["path"], self.hub.url + source["path"]))
        self.assertNotIn(source["secret"], self.read("source", "show", *of, source["id"]))
        self.assertIn("repo", self.read("source", "list", *of))
        self.assertEqual(self.ask("source", "update", *of, "repo", "--quiet-after",
                                  "1h")["quiet_after"], "1h")
        added = self.ask("source", "add-secret", *of, "repo", "--overlap", "1h")
        self.assertEqual(len(added["secrets"]), 2)
        former = added["secrets"][1]["fingerprint"]
        left = self.ask("source", "remove-secret", *of, "repo", former)
        self.assertNotIn(former, [secret["fingerprint"] for secret in left["secrets"]])
        path = self.ask("source", "rotate-token", *of, "repo")["path"]
        self.assertNotEqual(path, source["path"])
        self.handlers(of, url)
        self.messages(of, path, added["secret"])
        self.assertEqual(self.ask("source", "delete", *of, "repo")["deleted_handlers"], 1)

    def handlers(self, of, url):
        handler = self.ask("handler", "create", *of, "--source", "repo", url + "-second",
                           "--events", "push,ping", "--timeout", "5s", "--order-by", "{body.ref}")
        self.assertEqual((handler["event_types"], handler["order_by"]),
                         (["push", "ping"], "{body.ref}"))
        name = handler["id"]
        refused = self.run_words("handler", "create", *of, "--source", "repo",
                                 "redis://:a-password@localhost", status=2)
        self.assertIn("stream", refused.stderr)
        self.assertNotIn("a-password", refused.stderr)
        self.settings_from_files(of, name)
        self.assertIn(name, self.read("handler", "list", *of, "--source", "repo"))
        self.assertIn("push", self.read("handler", "show", *of, name))
        changed = self.ask("handler", "update", *of, name, "--timeout", "default", "--retry", "1s")
        self.assertEqual((changed["timeout"], changed["retry"]), (None, ["1s"]))
        self.assertEqual(self.ask("handler", "pause", *of, name)["state"], "paused")
        self.assertEqual(self.ask("handler", "resume", *of, name)["state"], "active")
        self.assertEqual(self.ask("handler", "delete", *of, name)["state"], "deleted")

    def settings_from_files(self, of, http_handler):
        """What nobody is to see stands in no command line."""
        url = os.path.join(self.hub.data, "redis-url")
        with open(url, "w", encoding="utf-8") as file:
            file.write("redis://:a-password@there:6379/2\n")
        handler = self.ask("handler", "create", *of, "--source", "repo",
                           "redis://localhost?stream=orders", "--set", f"url=@{url}")
        self.assertEqual(handler["settings"]["url"], "redis://:…@there:6379/2")
        changed = self.run_words("handler", "update", *of, handler["id"], "--set", "url=@-",
                                 "--set", "stream=a=@b", "--json",
                                 stdin="redis://:another@elsewhere:6379/3\r\n")
        self.assertEqual(json.loads(changed.stdout)["settings"],
                         {"stream": "a=@b", "url": "redis://:…@elsewhere:6379/3"})
        missing = self.run_words("handler", "update", *of, http_handler, "--set",
                                 f"payload=@{url}-not", status=2)
        self.assertIn(f"{url}-not", missing.stderr)
        self.ask("handler", "delete", *of, handler["id"])

    def messages(self, of, path, secret):
        handler, = self.ask("handler", "list", *of, "--source", "repo")["rows"]
        # One try alone, which fails.
        self.ask("handler", "update", *of, handler["id"], "--retry", "")
        self.express.behave(handler["url"].removeprefix(self.express.url), 500)
        body = b'{"ref": "refs/heads/main"}'
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        answer = self.hub.api.http.request("POST", path, body, {
            "Content-Type": "application/json", "X-GitHub-Event": "push",
            "X-GitHub-Delivery": "one", "X-Hub-Signature-256": f"sha256={signature}"})
        self.assertEqual(answer.status, 202, answer)
        row, = self.ask("message", "list", *of, "--source", "repo", "--type", "push")["rows"]
        self.assertIn("one", self.read("message", "list", *of, "--external-id", "one"))
        self.assertEqual(self.ask("message", "show", *of, row["id"])["body"], body.decode())

        dropped, = harness.wait_for(
            lambda: self.ask("dead-letter", "list", *of, "--source", "repo")["rows"],
            "the delivery is dropped")
        self.assertIn(row["id"], self.read("dead-letter", "show", *of, dropped["id"]))
        gone = self.ask("dead-letter", "dismiss", *of, dropped["id"], "--reason", "Done by hand")
        self.assertEqual((gone["state"], gone["reason"]), ("cancelled", "Done by hand"))
        self.assertIn("0 dead", self.read("dead-letter", "dismiss", *of, "--since", "1h",
                                          "--source", "repo", "--reason", "None left"))
        self.run_words("dead-letter", "replay", *of, status=2)

        again, = self.ask("message", "replay", *of, row["id"], "--handler", handler["id"])["rows"]
        self.assertEqual((again["kind"], again["event_id"][4:]), ("replay", row["id"][4:]))
        foreseen, = self.ask("message", "replay", *of, "--source", "repo", "--since", "1h",
                             "--type", "push", "--dry-run")["rows"]
        self.assertEqual((foreseen["handler_id"], foreseen["more"]), (handler["id"], False))
        self.run_words("message", "replay", *of, row["id"], "--since", "1h", status=2)

    def orders(self, slug):
        posted = self.workspace.post_order(an_order("PO \x1b[31m red")).json
        of = ("--workspace", self.workspace.slug)
        row, = self.ask("order", "list", *of)["rows"]
        self.assertEqual(row["uuid"], posted["id"])
        # What a stranger wrote does not steer the terminal.
        self.assertIn("\\x1b", self.read("order", "list", *of).lower())
        self.assertIn("PAP-A4-80", self.read("order", "show", *of, row["id"]))
        self.assertEqual(self.ask("order", "list", "--workspace", slug)["rows"], [])

    def stores_and_sales(self, slug):
        of = ("--workspace", slug)
        store = self.ask("store", "create", *of, "--name", "Web shop", "--number-prefix", "W-")
        self.assertEqual((store["currency"], store["number_prefix"]), ("EUR", "W-"))
        self.assertEqual(self.ask("store", "show", "web SHOP", *of), store)
        self.assertIn("Web shop", self.read("store", "list", *of))

        supplier, = self.ask("supplier", "list", *of)["rows"]
        changed = self.ask("supplier", "update", *of, supplier["id"], "--email", "s@paper.example",
                           "--phone", "+1 555 0100")
        self.assertEqual((changed["name"], changed["email"]), (supplier["name"], "s@paper.example"))
        changed = self.ask("supplier", "update", *of, supplier["id"], "--phone", "none")
        self.assertIsNone(changed["phone"])
        self.assertTrue(self.ask("supplier", "claim", *of, supplier["id"])["claimed_at"])

        product = self.ask("product", "put", "A/4", *of, "--name", "Paper", "--price", "24.9",
                           "--currency", "EUR", "--supplier", supplier["name"], "--unpublished")
        self.assertEqual((product["price"], product["published"], product["supplier_id"]),
                         ("24.90", False, supplier["id"]))
        self.assertEqual(self.ask("product", "show", "A/4", *of), product)
        self.assertIn("24.90", self.read("product", "list", *of))

        first, second = (self.push_order(of, number) for number in ("A-1", "A-2"))
        row, = self.ask("sales-order", "list", *of, "--store", "Web shop", "--status", "open",
                        "--number", "W-1", "--external-id", "A-1")["rows"]
        self.assertEqual(row["uuid"], first)
        self.assertIn("W-2", self.read("sales-order", "list", *of))
        shipment = self.ask("sales-order", "ship", first, *of, "--carrier", "UPS", "--tracking-url",
                            "https://track.example/1", "--shipped-at", "2026-01-01T00:00:00Z")
        self.assertEqual(shipment["shipped_at"], "2026-01-01T00:00:00.000Z")
        followed = self.ask("shipment", "update", shipment["id"], *of, "--tracking-number", "1Z")
        self.assertEqual((followed["carrier"], followed["tracking_number"]), ("UPS", "1Z"))
        self.assertEqual(self.ask("sales-order", "deliver", first, *of)["status"], "delivered")
        refused = self.run_words("sales-order", "cancel", first, *of, status=1)
        self.assertIn("order_not_cancellable", refused.stderr)
        self.assertEqual(self.ask("sales-order", "cancel", second, *of)["status"], "cancelled")
        self.assertIn("1Z", self.read("sales-order", "show", first, *of))

        self.woocommerce(of)

    def woocommerce(self, of):
        statuses = self.ask("woocommerce", "statuses", *of)["rows"]
        self.assertIn({"status": "processing", "action": "paid", "is_default": True}, statuses)
        self.assertIn("on-hold", self.read("woocommerce", "statuses", *of))
        changed = self.ask("woocommerce", "set-status", "packed", "paid", *of)
        self.assertEqual((changed["action"], changed["is_default"]), ("paid", False))
        changed = self.ask("woocommerce", "reset-status", "packed", *of)
        self.assertEqual((changed["action"], changed["is_default"]), ("unpaid", True))

        shop = self.ask("woocommerce", "connect", "Web shop", *of, "--site",
                        "https://127.0.0.1:1/", "--consumer-key", "ck_1234567890",
                        "--consumer-secret", "cs_1", "--disabled")
        self.assertEqual((shop["url"], shop["enabled"], shop["consumer_key"]),
                         ("https://127.0.0.1:1", False, "…4567890"))
        refused = self.run_words("woocommerce", "reconcile", "Web shop", *of, "--since", "1h",
                                 "--dry-run", status=1)
        self.assertIn("shop_unreachable", refused.stderr)
        shop = self.ask("woocommerce", "connect", "Web shop", *of, "--site",
                        "https://127.0.0.1:1", "--consumer-key", "ck_1234567890", "--enabled")
        self.assertTrue(shop["enabled"])
        self.assertIn("127.0.0.1:1", self.read("woocommerce", "show", "Web shop", *of))
        self.ask("woocommerce", "disconnect", "Web shop", *of)

    def push_order(self, of, external_id):
        """As a shop does: its id."""
        key = self.hub.api.ask("POST", f"/workspaces/{of[1]}/keys", {
            "platform": "peptideclients", "kind": "integration", "store": "Web shop"}, 201)["key"]
        body = {"external_id": external_id,
                "items": [{"name": "Paper", "quantity": 1, "unit_price": "24.90"}]}
        answer = self.hub.http.request(
            "POST", "/integrations/v1/orders", json.dumps(body),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
        self.assertEqual(answer.status, 201, answer)
        return answer.json["id"]

    def users_and_documents(self, slug):
        of = ("--workspace", slug)
        user = self.ask("user", "create", *of, "--email", "zoë@example.com", "--name", "Zoë",
                        "--roles", "purchase_order:creator,invoice:viewer")
        self.assertEqual(user["roles"], ["purchase_order:creator", "invoice:viewer"])
        self.assertIn("Zoë", self.read("user", "list", *of))
        changed = self.ask("user", "update", *of, user["id"], "--roles", "super_user")
        self.assertEqual((changed["name"], changed["roles"]), ("Zoë", ["super_user"]))
        key = self.ask("key", "create", *of, "--platform", "precoro", "--user", "ZOË@example.com")
        self.assertEqual(key["user_id"], user["id"])
        endpoint = self.ask("endpoint", "create", *of, "--dialect", "precoro", "--url",
                            self.express.url + "/open/nobody", "--events", "budget.create",
                            "--owner", "zoë@example.com")
        self.assertEqual(endpoint["owner_id"], user["id"])
        in_use = self.run_words("user", "delete", *of, user["id"], status=1)
        self.assertIn("user_in_use", in_use.stderr)
        owned = self.ask("endpoint", "update", *of, endpoint["id"], "--owner", "none")
        self.assertIsNone(owned["owner_id"])
        self.ask("key", "revoke", *of, key["id"])

        document = self.ask("document", "put", "invoice", "88213", *of, "--data",
                            '{"total": 12.50, "status": 2}', "--created-by", user["id"])
        self.assertEqual((document["idn"], document["created_by"]), (1, user["id"]))
        self.assertTrue(document["event_id"])
        self.assertIn("88213", self.read("document", "list", *of, "--kind", "invoice"))
        self.assertIn("12.5", self.read("document", "show", "invoice", "88213", *of))
        none = self.run_words("document", "put", "invoice", "1", *of, "--data", "[]", status=2)
        self.assertIn("object", none.stderr)
        self.assertEqual(self.ask("user", "delete", *of, user["id"])["id"], user["id"])

    def dialects_and_signatures(self):
        dialects = self.ask("dialect", "list")["rows"]
        names = {row["name"] for row in dialects if row["sends"]}
        self.assertLessEqual({"proculink", "standard-webhooks"}, names)
        self.assertEqual({row["name"] for row in dialects} - names,
                         {"github", "hmac", "shopify", "slack", "stripe", "svix", "woocommerce"})
        self.assertIn("order.failed", self.read("dialect", "show", "proculink"))
        rows = self.ask("event-type", "list", "--canonical", "order.created")["rows"]
        self.assertEqual({row["dialect"] for row in rows}, names - {"waybill"}, "alerts alone")
        self.assertIn("MES", self.read("event-type", "list", "--dialect", "proign"))
        self.assertIn("tracking_number",
                      self.read("event-type", "show", "order.shipped", "--dialect", "proign"))
        self.assertIn("'order.shipped'?", self.run_words(
            "event-type", "show", "order.shippd", "--dialect", "proign", status=1).stderr)
        self.assertEqual(self.ask("trigger", "order.created", "--workspace", self.workspace.slug,
                                  "--dialect", "precoro")["matched"], 0)  # test_catalogue has more.
        self.run_words("listen", "--workspace", self.workspace.slug, "--forward", "here",
                       status=2)  # test_listen has more.
        body = '{"a":1}'
        unsigned = self.run_words("sign", "--dialect", "precoro", "--secret", "s", "--body", "-",
                                  stdin=body, status=2)
        self.assertIn("does not sign", unsigned.stderr)
        for dialect, secret in (("peptideclients", "s3cret"), ("proculink", "s3cret"),
                                ("procureiq", "s3cret"), ("proign", "s3cret"),
                                ("standard-webhooks", "whsec_" + "A" * 32)):
            common = ("--dialect", dialect, "--secret", secret, "--body", "-")
            headers = self.ask("sign", *common, stdin=body)["headers"]
            lines = self.read("sign", *common, stdin=body).splitlines()
            self.assertEqual([line.split(":")[0] for line in lines],
                             [header["name"] for header in headers])
            given = [word for header in headers
                     for word in ("--header", f"{header['name']}: {header['value']}")]
            self.assertEqual(self.ask("verify", *common, *given, stdin=body), {"valid": True})
            self.assertIn("valid", self.read("verify", *common, *given, stdin=body))
            refused = self.run_words("verify", *common, *given, stdin=body + " ", status=1)
            self.assertTrue(refused.stderr.startswith("waybill: "), refused)

    def hub_itself(self):
        status = self.ask("status")
        self.assertGreater(status["dispatcher"]["succeeded"], 0)
        self.assertIn("succeeded", self.read("status"))
        self.assertIn(status["version"], self.read("version"))
        node, = [row for row in self.ask("node", "list")["rows"] if row["address"] == self.hub.url]
        self.assertEqual((node["state"], node["version"]), ("live", status["version"]))
        self.assertIn(node["id"], self.read("node", "list"))
        self.assertEqual(self.ask("version")["version"], status["version"])
        found = {(row["verdict"], row["what"]) for row in self.ask("doctor")["rows"]}
        self.assertEqual([what for verdict, what in found if verdict == "fail"], [])
        self.assertLessEqual({("ok", "database"), ("ok", "master key"), ("ok", "hub"),
                              ("ok", "version"), ("warn", "settings")}, found)
        self.assertIn("allow_private_networks is on", self.read("doctor"))
        with tempfile.TemporaryDirectory() as folder:
            if harness.ON_POSTGRES:
                refused = self.run_words("backup", folder + "/one.sqlite", status=1)
                self.assertIn("backup_unsupported", refused.stderr)
                self.assertIn("pg_dump", refused.stderr)
            else:
                made = self.ask("backup", folder + "/one.sqlite")
                self.assertEqual(made["bytes"], os.path.getsize(folder + "/one.sqlite"))
                self.assertIn("two.sqlite", self.read("backup", folder + "/two.sqlite"))
        self.run_words("master-key", "rotate", status=1)  # test_backup has more.
        self.run_words("copy", "--from", self.hub.data, "--to", "postgres://waybill@127.0.0.1:1/x",
                       status=1)  # test_copy has more.
        self.run_words("database", "distribute", "--database", "sqlite",
                       status=2)  # test_database has more.
        with open(os.path.join(harness.ROOT, "docs", "configuration.md"), encoding="utf-8") as file:
            self.assertEqual(self.read("configuration"), file.read())
        self.assertIn("listen", [row["name"] for row in self.ask("configuration")["rows"]])
        self.assertIn("#listen = ", self.read("configuration", "--file"))

    def test_the_doctor_finds_what_must_be_mended_while_the_hub_is_stopped(self):
        hub = harness.Hub()
        self.addCleanup(hub.remove)
        hub.stop()
        stopped = hub.cli("doctor", "--json")
        self.assertEqual(stopped.returncode, 0, stopped)
        rows = {row["what"]: row["verdict"] for row in json.loads(stopped.stdout)["rows"]}
        self.assertEqual((rows["hub"], rows["database"], rows["master key"]), ("warn", "ok", "ok"))
        self.assertEqual(hub.cli("doctor", "--url", "http://127.0.0.1:1").returncode, 1)
        os.remove(os.path.join(hub.data, "master.key"))
        broken = hub.cli("doctor")
        self.assertEqual(broken.returncode, 1, broken)
        self.assertRegex(broken.stdout, r"fail +master key +.*is missing")
        self.assertIn("1 of these must be mended", broken.stderr)
        with open(os.path.join(hub.data, "waybill.toml"), "w", encoding="utf-8") as file:
            file.write("clock_speed = 0\n")
        broken = hub.cli("doctor")
        self.assertEqual(broken.returncode, 1, broken)
        self.assertRegex(broken.stdout, r"fail +settings +.*waybill.toml:1: clock_speed")
        if not harness.ON_POSTGRES:  # Where its database is, only good settings can tell.
            self.assertRegex(broken.stdout, r"fail +master key +.*is missing")
            self.assertIn("2 of these must be mended", broken.stderr)

    def test_words_that_make_no_sense_end_with_2_and_say_what_would(self):
        for words, expected in (
                ((), "Usage"), (("nothing",), "--help"), (("endpoint", "nothing"), "--help"),
                (("endpoint", "creat"), "create"), (("workspace", "create"), "SLUG"),
                (("workspace", "create", "a", "b"), "waybill"),
                (("endpoint", "create", "--workspace", "x"), "--dialect"),
                (("workspace", "list", "--nothing"), "--nothing"),
                (("workspace", "list", "--limit"), "--limit"),
                (("serve", "--clock-speed", "fast"), "100000"),
                (("serve", "--listen", "nowhere"), "HOST:PORT"),
                (("verify", "--dialect", "nothing", "--secret", "x", "--body", "-"), "proculink")):
            with self.subTest(words):
                done = self.hub.cli(*words, stdin="")
                self.assertIn(done.returncode, (1, 2) if words[:1] == ("serve",) else (2,), done)
                self.assertEqual(done.stdout, "")
                self.assertIn(expected, done.stderr)

    def test_what_cannot_be_done_ends_with_1_and_says_why(self):
        done = self.hub.cli("endpoint", "show", "ep_nothing", "--workspace", self.workspace.slug)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("endpoint_not_found", done.stderr)
        done = self.hub.cli("endpoint", "create", "--workspace", self.workspace.slug, "--dialect",
                            "proculink", "--url", "nonsense", "--json")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        problem = json.loads(done.stderr)
        self.assertEqual((problem["code"], problem["path"]), ("url_invalid", "$.url"))

    def test_without_a_workspace_it_says_which_there_are(self):
        self.new_workspace()
        done = self.hub.cli("order", "list")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--workspace", done.stderr)
        done = self.hub.cli("order", "list", WAYBILL_WORKSPACE=self.workspace.slug)
        self.assertEqual(done.returncode, 0, done)

    def test_without_a_hub_it_says_how_to_start_one(self):
        with tempfile.TemporaryDirectory() as empty:
            done = self.hub.cli("status", "--url", "http://127.0.0.1:1", WAYBILL_DATA=empty)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("waybill serve", done.stderr)
            done = self.hub.cli("status", "--url", self.hub.url, WAYBILL_DATA=empty)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("--token", done.stderr)

    def test_every_command_has_help_with_an_example(self):
        for name in self.every_command():
            with self.subTest(name):
                done = self.hub.cli(*name.split(), "--help")
                self.assertEqual((done.returncode, done.stderr), (0, ""), done)
                self.assertIn(f"Usage: waybill {name}", done.stdout)
                if name not in ("serve", "status", "doctor", "version"):
                    self.assertIn(f"Example:\n  waybill {name}", done.stdout)
                # An example is one line, to be pasted.
                lines = done.stdout.split("\nExample:")[0].splitlines()
                self.assertLessEqual(max(map(len, lines)), 100, done.stdout)


if __name__ == "__main__":
    unittest.main()
