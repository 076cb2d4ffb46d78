"""A consumer written for a platform takes all that the hub sends it in that platform's name.

The consumers are those of examples/consumers, in Node and in Python, each with the endpoint's
secret. A recorder in the test is sent the same, so that requests can be altered and sent again.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
import unittest
import warnings

from harness import ROOT, Http, HubTest, Recorder, end_with_parent, flipped, wait_for

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import jsonschema

sys.path.insert(0, os.path.join(ROOT, "tests", "conformance"))

from json_stringify_test import Generator  # noqa: E402  The path is set above.

FOLDER = os.path.join(ROOT, "examples", "consumers")
LANGUAGES = {"js": ["node"], "py": ["/usr/bin/python3", "-B"]}

# What the platforms document (R-PL-21, R-PQ-13 to -34, R-PC-43, R-PG-8 to -18).
PROCULINK = "order.created order.delivered order.failed".split()
PROCUREIQ = {
    "search.started": "searchResultId briefId userId productType",
    "search.completed": "searchResultId totalFound durationMs",
    "search.failed": "searchResultId error",
    "order.created": "orderId userId totalAmount currency itemCount",
    "order.confirmed": "orderId paymentId",
    "order.shipped": "orderId trackingNumber carrierId estimatedDelivery",
    "order.delivered": "orderId deliveredAt",
    "order.cancelled": "orderId reason",
    "payment.initiated": "paymentId orderId provider amount currency",
    "payment.succeeded": "paymentId orderId paidAt",
    "payment.failed": "paymentId orderId reason",
    "payment.refunded": "paymentId orderId amount",
    "product.listed": "productListingId category displayPrice",
    "product.approved": "merchantProductId productListingId",
    "product.rejected": "merchantProductId reason",
    "user.registered": "userId email role",
    "user.tier_changed": "userId oldTier newTier",
    "support.ticket_created": "ticketId category priority userId",
    "support.ticket_resolved": "ticketId resolvedBy",
    "support.csat_submitted": "ticketId rating",
    "ad.campaign_started": "campaignId advertiserId",
    "ad.budget_exhausted": "campaignId",
}
PEPTIDECLIENTS = """order.created order.shipped order.delivered client.created client.updated
    vendor.created vendor.updated vendor.claimed payment.recorded shipment.tracking_added
    webhook.test""".split()
PROIGN = """order.created order.picked order.packed order.shipped sale.recorded sale.approved
    redemption.created document.sent document.viewed document.signed document.declined
    ticket.created ticket.replied ticket.resolved stock.low stock.adjusted transfer.completed
    campaign.sent campaign.completed contact.unsubscribed qr.scanned qr.threshold_reached
    certificate.uploaded certificate.expiring warranty.registered claim.submitted
    tradein.submitted tradein.approved catalog.generated shopify.sync_completed machine.alarm
    machine.status_changed production.run_completed""".split()


def sha256_hmac(secret, signed):
    return hmac.new(secret.encode(), signed, hashlib.sha256)


class Platform:
    """What the test knows of one, by itself and not from the dialect's file."""

    name = secret = signature = None
    other_secret = "another secret"
    types = ()  # The events of its catalogue, as its consumers print them.
    unlisted = ()  # Events that an open catalogue passes on.
    needed = ()  # Headers beside the signature without which nothing is taken.
    signs_time = False

    @property
    def path(self):
        return "/webhooks/" + self.name

    def data(self, body):
        return body["data"]

    def type_of(self, event):
        """How a consumer prints the type of an event of `GET /hub/v1/dialects/NAME`."""
        return event["name"]

    def signed(self, headers, body, secret, sent_at):
        """The headers as a sender would write them that has this secret and this time."""
        digest = sha256_hmac(secret, body).hexdigest()
        return {**headers, self.signature: "sha256=" + digest}


class ProcuLink(Platform):
    name, secret, types = "proculink", "a secret of ProcuLink's", PROCULINK
    signature = "X-ProcuLink-Signature"


class ProcureIQ(Platform):
    name, secret, types = "procureiq", "ein Schlüssel für ProcureIQ", list(PROCUREIQ)
    signature = "x-procureiq-signature"


class Precoro(Platform):
    name, secret = "precoro", "8d1f0c5e2b7a49638d1f0c5e2b7a4963"
    types = [f"{entity}.{action}" for entity in range(12) for action in range(2)]

    @property
    def path(self):
        return "/webhooks/precoro/" + self.secret

    def data(self, body):
        return body

    def type_of(self, event):
        members = event["schema"]["properties"]
        return f"{members['type']['const']}.{members['action']['const']}"


class PeptideClients(Platform):
    name, secret, types = "peptideclients", "0123456789abcdef" * 4, PEPTIDECLIENTS
    signature, needed, signs_time = "X-PC-Signature", ("X-PC-Timestamp",), True

    def signed(self, headers, body, secret, sent_at):
        digest = sha256_hmac(secret, f"{sent_at}.".encode() + body).hexdigest()
        return {**headers, "X-PC-Timestamp": str(sent_at),
                self.signature: f"t={sent_at},v1={digest}"}


class Proign(Platform):
    name, secret, types = "proign", "your-webhook-secret", PROIGN
    signature = "X-Proign-Signature"


class StandardWebhooks(Platform):
    name, types = "standard-webhooks", ["order.created", "shop.closed"]
    unlisted = ({"name": "shop.closed", "canonical": "shop.closed", "schema": {"type": "object"},
                 "example": {"what": "ünïcode 🍮 \u2028 \"quoted\"", "how_many": 1e21, "1": []}},)
    secret = "whsec_" + base64.b64encode(b"thirty-two bytes of key material").decode()
    other_secret = "whsec_" + base64.b64encode(b"another 32 bytes of key material").decode()
    signature, needed = "webhook-signature", ("webhook-id", "webhook-timestamp")
    signs_time = True

    def signed(self, headers, body, secret, sent_at):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{headers['webhook-id']}.{sent_at}.".encode() + body,
                          hashlib.sha256).digest()
        return {**headers, "webhook-timestamp": str(sent_at),
                self.signature: "v1," + base64.b64encode(digest).decode()}


PRECORO = Precoro()
SIGNING = (ProcuLink(), ProcureIQ(), PeptideClients(), Proign(), StandardWebhooks())
PLATFORMS = (*SIGNING, PRECORO)


class Consumer:
    """A process of examples/consumers, and the lines it prints."""

    def __init__(self, platform, language, secret, **environment):
        self.program = f"{platform.name}.{language}"
        self.process = subprocess.Popen(
            [*LANGUAGES[language], os.path.join(FOLDER, self.program)],
            env={"PATH": os.environ["PATH"], "PORT": "0", "WEBHOOK_SECRET": secret, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True, preexec_fn=end_with_parent)
        self.lines = []
        self.url = self.http = self.reader = None

    def wait_until_ready(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.program} did not start: {self.process.wait()}")
        self.url = f"http://127.0.0.1:{json.loads(line)['port']}"
        self.http = Http(self.url)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def post(self, path, body, headers):
        return self.http.request("POST", path, body, headers).status

    def wait_for_lines(self, count):
        wait_for(lambda: len(self.lines) >= count,
                 lambda: f"{count} events at {self.program}: {self.lines}")
        return self.lines

    def stop(self):
        if self.http:
            self.http.close()
        self.process.kill()
        self.process.wait()
        if self.reader:
            self.reader.join()
        self.process.stdout.close()


class Consumers(HubTest):
    hub_options = ("--allow-private-networks", "--allow-insecure-endpoints")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recorder = Recorder()
        cls.addClassCleanup(cls.recorder.stop)

    def start(self, platform, **environment):
        """The platform's consumers, new ones for each test: they remember what they have seen."""
        consumers = [Consumer(platform, language, platform.secret, **environment)
                     for language in LANGUAGES]
        for consumer in consumers:
            self.addCleanup(consumer.stop)
            consumer.wait_until_ready()
        return consumers

    def subscribe(self, platform):
        """A workspace whose events go to the platform's consumers and to the recorder."""
        consumers, workspace = self.start(platform), self.new_workspace()
        record = f"/{workspace.slug}"
        body = {"dialect": platform.name}
        if platform.signature:
            body["secret"] = platform.secret
        endpoints = [workspace.ask("POST", "/endpoints", {**body, "url": url}, 201)
                     for url in (self.recorder.url + record,
                                 *(consumer.url + platform.path for consumer in consumers))]
        return workspace, consumers, endpoints, record

    def catalogue(self, platform):
        listed = self.hub.api.ask("GET", f"/dialects/{platform.name}")["events"]
        return [*listed, *platform.unlisted]

    @staticmethod
    def publish(workspace, *events):
        """Publishes the canonical events that these are made from, with their examples."""
        workspace.ask("POST", "/events/batch", {"events": [
            {"type": event["canonical"], "data": event["example"]} for event in events]}, 201)

    @staticmethod
    def send_tests(workspace, endpoints):
        for endpoint in endpoints:
            workspace.ask("POST", f"/endpoints/{endpoint['id']}/test", status=202)

    # --- What they take ---------------------------------------------------------------------

    def check_catalogue(self, platform):
        """Sends every event once. Returns how many arrived, at each consumer."""
        events = {platform.type_of(event): event for event in self.catalogue(platform)}
        self.assertEqual(sorted(events), sorted(platform.types))
        workspace, consumers, endpoints, _ = self.subscribe(platform)

        self.publish(workspace, *(event for event in events.values()
                                  if event["canonical"] != "webhook.test"))
        if "webhook.test" in events:
            self.send_tests(workspace, endpoints)

        for consumer in consumers:
            lines = consumer.wait_for_lines(len(events))
            self.assertEqual(sorted(line["type"] for line in lines), sorted(platform.types),
                             consumer.program)
            for line in lines:
                schema = events[line["type"]]["schema"]
                jsonschema.Draft202012Validator.check_schema(schema)
                faults = jsonschema.Draft202012Validator(
                    schema, format_checker=jsonschema.FormatChecker()
                ).iter_errors(platform.data(line["body"]))
                self.assertEqual([f"{fault.json_path}: {fault.message}" for fault in faults], [],
                                 f"{consumer.program}: {line}")
        for endpoint in endpoints:
            workspace.wait_for_states(endpoint, *["succeeded"] * len(events))
            self.assertEqual({row["attempts_made"] for row in workspace.deliveries(endpoint)}, {1})
        return [len(consumer.lines) for consumer in consumers]

    def test_every_event_of_the_four_catalogues_with_an_envelope_is_taken_once(self):
        counts = {}
        for platform in SIGNING[:4]:
            with self.subTest(platform.name):
                counts[platform.name] = self.check_catalogue(platform)
        self.assertEqual(counts, {"proculink": [3, 3], "procureiq": [22, 22],
                                  "peptideclients": [11, 11], "proign": [33, 33]})
        self.assertEqual(sum(count for count, _ in counts.values()), 69)

    def test_every_notice_of_precoro_is_taken_once(self):
        self.assertEqual(self.check_catalogue(PRECORO), [24, 24])

    def test_precoros_consumers_fetch_the_document_that_a_notice_is_about(self):
        workspace = self.new_workspace()
        workspace.ask("POST", "/users", {"email": "erp@a.example", "roles": ["super_user"]}, 201)
        token = workspace.new_key("precoro", user="erp@a.example")["key"]
        consumers = self.start(PRECORO, PRECORO_API=self.hub.url, PRECORO_TOKEN=token)
        for consumer in consumers:
            workspace.ask("POST", "/endpoints", {
                "dialect": "precoro", "url": consumer.url + PRECORO.path,
                "owner": "erp@a.example"}, 201)
        order = {"idn": 5, "status": 1, "items": [{"sku": "4711", "quantity": 2.5}]}
        invoice = {"idn": 6, "status": 2, "supplier": {"id": 9}}
        supplier = {"name": "Acme"}

        workspace.ask("PUT", "/documents/purchase_order/123456", order, 201)
        workspace.ask("PUT", "/documents/invoice/77", invoice, 201)
        workspace.ask("PUT", "/documents/supplier/9", supplier, 201)
        workspace.ask("PUT", "/documents/purchase_order/123456", {**order, "status": 2})

        for consumer in consumers:
            lines = {line["type"]: line for line in consumer.wait_for_lines(4)}
            self.assertEqual(sorted(lines), ["2.0", "2.1", "3.0", "7.0"], consumer.program)
            self.assertEqual(lines["2.1"]["document"], {"id": 123456, **order, "status": 2})
            self.assertEqual(lines["3.0"]["document"], {"id": 77, **invoice})
            self.assertEqual(lines["3.0"]["body"], {"id": 77, "type": 3, "action": 0, "idn": 6})
            self.assertIsNone(lines["7.0"].get("document"), "no address is documented")

    def test_procureiqs_data_has_the_documented_members_and_no_others(self):
        platform = ProcureIQ()
        workspace, consumers, _, _ = self.subscribe(platform)
        self.publish(workspace, *self.catalogue(platform))
        for consumer in consumers:
            for line in consumer.wait_for_lines(22):
                self.assertEqual(sorted(line["body"]["data"]),
                                 sorted(PROCUREIQ[line["type"]].split()), line)
                self.assertEqual(list(line["body"]),
                                 ["id", "type", "version", "created", "data", "metadata"])

    def test_standard_webhooks_takes_whatever_is_published(self):
        self.assertEqual(self.check_catalogue(StandardWebhooks()), [2, 2])

    def test_whatever_is_in_the_data_the_body_can_be_signed_again(self):
        # A-PG-1: proign.js signs JSON.stringify of the body that it parsed.
        generator, platform, count = Generator(seed=1), Proign(), 200
        workspace, consumers, _, _ = self.subscribe(platform)
        texts = [generator.value(3) for _ in range(count)]
        for at in range(0, count, 100):
            events = ",".join(
                f'{{"type":"order.picked","data":{{"order_id":"{number}",'
                f'{generator.quoted(generator.name() + "!")}:{texts[number]},"12":1,"3":2}}}}'
                for number in range(at, at + 100))
            # As text, so that nothing between here and the hub tidies it.
            workspace.ask("POST", "/events/batch", f'{{"events":[{events}]}}'.encode(), 201)
        for consumer in consumers:
            orders = [line["body"]["data"]["order_id"] for line in consumer.wait_for_lines(count)]
            self.assertEqual(sorted(map(int, orders)), list(range(count)), consumer.program)

    def test_a_test_of_an_endpoint_is_taken_like_any_event(self):
        for platform in PLATFORMS:
            with self.subTest(platform.name):
                workspace, consumers, endpoints, _ = self.subscribe(platform)
                self.send_tests(workspace, endpoints)
                for consumer in consumers:
                    line, = consumer.wait_for_lines(1)
                    known = {*platform.types, "webhook.test"}
                    self.assertIn(line["type"], known, consumer.program)
                    if platform.name == "peptideclients":  # R-PC-37
                        self.assertEqual((line["type"], line["body"]["id"]), ("webhook.test", None))

    def test_while_a_secret_is_being_changed_the_former_one_is_good(self):
        for platform in SIGNING:
            with self.subTest(platform.name):
                workspace, consumers, endpoints, _ = self.subscribe(platform)
                for endpoint in endpoints:
                    workspace.ask("POST", f"/endpoints/{endpoint['id']}/rotate-secret", {})
                self.publish(workspace, self.catalogue(platform)[0])
                for consumer in consumers:
                    consumer.wait_for_lines(1)

    # --- What they refuse ---------------------------------------------------------------------

    def captured(self, platform):
        """One event that all have taken, and its request as the recorder got it."""
        workspace, consumers, _, record = self.subscribe(platform)
        self.publish(workspace, self.catalogue(platform)[0])
        for consumer in consumers:
            consumer.wait_for_lines(1)
        headers, body = self.recorder.wait_for(record, 1)[0]
        headers = {name: headers[name] for name in headers
                   if name not in ("Host", "Content-Length")}
        return workspace, consumers, headers, body

    def check_alterations(self, platform, consumer, headers, body):
        def status(headers=headers, body=body):
            return consumer.post(platform.path, body, headers)

        def signed(secret=platform.secret, sent_at=int(time.time())):
            return platform.signed(headers, body, secret, sent_at)

        # So that what follows is refused for what was altered, and nothing else.
        self.assertEqual(status(), 200, "unaltered")
        self.assertEqual(status(signed()), 200, "signed by the test")

        # The Node consumer of PROIGN parses before it verifies.
        refused = {400, 401} if consumer.program == "proign.js" else {401}
        for at in range(len(body)):
            self.assertIn(status(body=flipped(body, at, at % 8)), refused,
                          f"bit {at % 8} of byte {at} of the body")
        self.assertIn(status(body=body[:-1]), refused, "cut off")
        self.assertIn(status(body=b""), refused, "no body")
        signature = headers[platform.signature].encode()
        for at in range(len(signature)):
            altered = flipped(signature, at, 0).decode()
            self.assertEqual(status({**headers, platform.signature: altered}), 401, altered)
        for altered in ("", signature.decode()[:-1], signature.decode() + "0", "é"):
            self.assertEqual(status({**headers, platform.signature: altered}), 401, altered)
        for name in (platform.signature, *platform.needed):
            self.assertEqual(status({key: headers[key] for key in headers if key != name}), 401,
                             f"without {name}")
        self.assertEqual(status(signed(secret=platform.other_secret)), 401, "another secret")
        if platform.signs_time:
            now = int(time.time())
            self.assertEqual(status(signed(sent_at=now - 200)), 200, "200 s old")
            self.assertEqual(status(signed(sent_at=now - 301)), 401, "301 s old")
            self.assertEqual(status(signed(sent_at=now + 600)), 401, "600 s ahead")
            for name in platform.needed:
                self.assertEqual(status({**headers, name: headers[name] + "0"}), 401, name)

    def test_what_was_altered_is_refused_and_a_copy_changes_nothing(self):
        for platform in SIGNING:
            with self.subTest(platform.name):
                workspace, consumers, headers, body = self.captured(platform)
                for consumer in consumers:
                    with self.subTest(consumer.program):
                        self.check_alterations(platform, consumer, headers, body)
                # Whatever they printed of it would be there before this one.
                event, last = self.catalogue(platform)[:2]
                self.publish(workspace, last)
                # A delivery of its own is none of which PeptideClients' consumer has a copy.
                first = [platform.type_of(event)]
                first *= 2 if platform.name == "peptideclients" else 1
                for consumer in consumers:
                    lines = consumer.wait_for_lines(len(first) + 1)
                    self.assertEqual([line["type"] for line in lines],
                                     first + [platform.type_of(last)], consumer.program)

    def test_who_does_not_know_precoros_url_is_refused(self):
        workspace, consumers, headers, body = self.captured(PRECORO)
        base = "/webhooks/precoro/"
        for consumer in consumers:
            with self.subTest(consumer.program):
                def status(path=PRECORO.path, body=body, post=consumer.post):
                    return post(path, body, headers)

                self.assertEqual(status(), 200)
                for at in range(len(PRECORO.secret)):
                    altered = flipped(PRECORO.secret.encode(), at, 0).decode()
                    self.assertEqual(status(base + altered), 404, altered)
                for path in ("/", base, base[:-1], base + PRECORO.secret[:-1],
                             PRECORO.path + "/", PRECORO.path + "?", base + "%C3%A9"):
                    self.assertEqual(status(path), 404, path)
                notice = json.loads(body)
                self.assertEqual(sorted(notice), ["action", "id", "idn", "type"])
                for change in ({"type": 12}, {"type": -1}, {"type": "2"}, {"action": 2},
                               {"action": True}, {"id": None}, {"id": 1.5}, {"idn": "5"}):
                    self.assertEqual(status(body=json.dumps({**notice, **change}).encode()), 400,
                                     change)
                for missing in ("id", "type", "action"):
                    left = {name: notice[name] for name in notice if name != missing}
                    self.assertEqual(status(body=json.dumps(left).encode()), 400, missing)
                for malformed in (b"", b"[]", b"null", body[:-1], body[:-1] + b",}"):
                    self.assertEqual(status(body=malformed), 400, malformed)
        self.publish(workspace, self.catalogue(PRECORO)[1])
        for consumer in consumers:
            lines = consumer.wait_for_lines(3)
            self.assertEqual([line["type"] for line in lines], ["0.0", "0.0", "0.1"])

    def test_procureiqs_consumer_without_a_secret_answers_500(self):
        consumers = [Consumer(ProcureIQ(), language, "") for language in LANGUAGES]
        for consumer in consumers:
            self.addCleanup(consumer.stop)
            consumer.wait_until_ready()
            for headers in ({}, ProcureIQ().signed({}, b"{}", "", 0)):
                self.assertEqual(consumer.post("/webhooks/procureiq", b"{}", headers), 500)


if __name__ == "__main__":
    unittest.main()
