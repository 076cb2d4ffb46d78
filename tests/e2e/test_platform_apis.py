"""The platforms' own APIs of subscriptions, as a client of each would use them.

Everything here is written from the platform's pages: addresses, keys, bodies, headers and the way a
signature is checked. The hub's own API only makes the workspace and the key.
"""

import hashlib
import hmac
import http.server
import json
import threading
import unittest

import harness

HTTP_TOO = (*harness.RECEIVERS_ARE_HERE, "--allow-insecure-endpoints")


class Inbox(http.server.ThreadingHTTPServer):
    """A subscriber's server: keeps what was posted, and answers what it is told to."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), InboxHandler)
        self.received = []
        self.statuses = []  # To be answered, first first; then 200.
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def wait_for(self, count):
        harness.wait_for(lambda: len(self.received) >= count,
                         lambda: f"{count} webhooks; {len(self.received)} came")
        if len(self.received) != count:
            raise AssertionError(f"{len(self.received)} webhooks came, of {count} expected")
        return self.received[-1]

    def stop(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class InboxHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802  The base class names it.
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.received.append((self.headers, body))

    def log_message(self, *_):
        pass


def signed_with(secret, body):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class PlatformTest(harness.HubTest):
    hub_options = HTTP_TOO
    platform = None

    def setUp(self):
        super().setUp()
        self.key = self.workspace.new_key(self.platform)["key"]
        self.inbox = Inbox()
        self.addCleanup(self.inbox.stop)

    def request(self, method, path, body=None, key=None):
        headers = {"X-API-Key": key or self.key}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        return self.hub.http.request(method, path, body, headers)

    def ask(self, method, path, body=None, status=200):
        answer = self.request(method, path, body)
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.media_type, "application/json")
        return answer.json


class ProignClient(PlatformTest):
    platform = "proign"

    def subscribe(self, base, event_type):
        return self.ask("POST", base + "/subscriptions", {
            "event_type": event_type, "target_module": "external",
            "webhook_url": self.inbox.url("/webhooks/proign"),
            "secret": "your-webhook-secret", "filter": {}}, 201)["data"]

    def check_webhook(self, headers, body):
        """As the page's Node example does: over the parsed body, written again."""
        payload = json.loads(body)
        again = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
        self.assertEqual(headers["X-Proign-Signature"], signed_with("your-webhook-secret", again))
        self.assertEqual(set(payload), {"id", "type", "timestamp", "tenant_id", "data"})
        return payload

    def test_a_subscriptions_life(self):
        for base in (f"/api/{self.name}", f"/{self.name}/events/api"):
            with self.subTest(base):
                self.inbox.received.clear()
                subscription = self.subscribe(base, "order.shipped")
                path = f"{base}/subscriptions/{subscription['id']}"
                self.assertEqual(self.ask("GET", path)["data"], subscription)
                self.assertNotIn("secret", subscription)

                event = self.ask("POST", base + "/events", {
                    "type": "order.shipped",
                    "data": {"order_id": "ord_123", "tracking_number": "1Z999AA10123456784",
                             "carrier": "UPS", "shipped_at": "2024-01-15T10:30:00Z"}}, 201)["data"]
                headers, body = self.inbox.wait_for(1)
                payload = self.check_webhook(headers, body)
                self.assertEqual(payload, event)
                self.assertEqual(payload["tenant_id"], self.name)

                history = harness.wait_for(
                    lambda path=path: self.ask("GET", path + "/deliveries")["data"], "a delivery")
                self.assertEqual([row["id"] for row in history],
                                 [headers["X-Proign-Delivery-ID"]])
                self.assertEqual((history[0]["event_id"], history[0]["status_code"]),
                                 (event["id"], 200))

                self.ask("POST", path + "/test")
                self.check_webhook(*self.inbox.wait_for(2))
                self.ask("POST", f"{base}/events/{event['id']}/replay")
                again = self.check_webhook(*self.inbox.wait_for(3))
                self.assertEqual(again, event)
                listed = self.ask("GET", base + "/events?type=order.shipped&limit=1")
                self.assertEqual(listed["data"], [event])

                self.ask("DELETE", path)
                missing = self.request("GET", path)
                self.assertEqual((missing.status, missing.json["code"]),
                                 (404, "SUBSCRIPTION_NOT_FOUND"))
                self.assertEqual(self.ask("GET", base + "/subscriptions"), {
                    "data": [], "pagination": {"total": 0, "limit": 50, "offset": 0}})


class ProignLimits(PlatformTest):
    hub_options = (*HTTP_TOO, "--proign-writes-per-minute", "2")
    platform = "proign"

    def test_writes_beyond_the_limit_are_told_so(self):
        answers = [self.request("DELETE", f"/api/{self.name}/subscriptions/sub_x")
                   for _ in range(6)]
        refused = [answer for answer in answers if answer.status == 429]
        # Two minutes may share these calls, and each has room for two of them.
        self.assertGreaterEqual(len(refused), 2, answers)
        self.assertEqual(refused[0].json["code"], "RATE_LIMITED")
        self.assertLessEqual(int(refused[0].headers["Retry-After"]), 60)
        self.ask("GET", f"/api/{self.name}/subscriptions")


class ProcureIqClient(PlatformTest):
    platform = "procureiq"

    def test_a_webhooks_life(self):
        base = "/api/v1/webhooks"
        made = self.ask("POST", base, {
            "name": "ERP", "url": self.inbox.url("/webhooks/procureiq"),
            "events": ["search.failed"]}, 201)
        self.assertEqual(made["success"], True)
        webhook = made["data"]
        secret = webhook.pop("secret")
        path = f"{base}/{webhook['id']}"
        self.assertEqual(self.ask("GET", path), {"success": True, "data": webhook})

        self.workspace.publish({"search_result_id": "sr_1", "error": "Nothing found."},
                               "search.failed")
        headers, body = self.inbox.wait_for(1)
        self.assertEqual(headers["x-procureiq-signature"], signed_with(secret, body))
        self.assertEqual(headers["x-procureiq-event"], "search.failed")
        event = json.loads(body)
        self.assertEqual(event["metadata"]["environment"], "production")

        def delivered():
            rows = self.ask("GET", path + "/deliveries")["data"]
            return rows if rows[0]["status"] == "succeeded" else None
        row, = harness.wait_for(delivered, "a delivery that succeeded")
        self.assertEqual(row["id"], headers["x-procureiq-delivery"])
        self.assertEqual((row["eventId"], row["statusCode"]), (event["id"], 200))

        self.ask("POST", path + "/test", status=202)
        headers, body = self.inbox.wait_for(2)
        self.assertEqual(headers["x-procureiq-signature"], signed_with(secret, body))
        self.ask("POST", f"{path}/deliveries/{row['id']}/replay", status=202)
        _, body = self.inbox.wait_for(3)
        self.assertEqual(json.loads(body), event)

        changed = self.ask("PATCH", path, {"events": ["search.started"]})["data"]
        self.assertEqual(changed["events"], ["search.started"])
        self.ask("DELETE", path)
        missing = self.request("GET", path)
        self.assertEqual((missing.status, missing.json),
                         (404, {"success": False, "error": "Webhook not found"}))

    def test_every_answer_tells_what_is_left(self):
        answer = self.request("GET", "/api/v1/webhooks")
        self.assertEqual(answer.headers["X-RateLimit-Limit"], "100")
        self.assertEqual(answer.headers["X-RateLimit-Remaining"], "99")
        status = self.ask("GET", "/api/v1/me/rate-limit-status")["data"]
        self.assertEqual(status["daily"]["limit"], 1000)
        refused = self.request("GET", "/api/v1/webhooks", key="piq_live_wrong")
        self.assertEqual((refused.status, refused.json),
                         (401, {"success": False, "error": "Invalid API key"}))


class WhoAnswers(harness.HubTest):
    """A wrong address below a platform's prefix is told in that platform's shape."""

    def test_what_is_not_there(self):
        shapes = {
            "/api/v1/nothing": {"success", "error"},
            "/api/v1/events": {"success", "error"},  # No tenant is called v1.
            "/api/ingress/events": {"error", "code"},
            "/api/acme/nothing": {"error", "code"},
            "/acme/events/api/nothing": {"error", "code"},
            "/hub/events/api/nothing": {"type", "title", "status", "code", "detail"},
            "/nothing": {"type", "title", "status", "code", "detail"}}
        for path, members in shapes.items():
            with self.subTest(path):
                answer = self.hub.http.request("GET", path)
                self.assertEqual(answer.status, 404, answer)
                self.assertEqual(set(answer.json), members)
        code = self.hub.http.request("GET", "/api/acme/nothing").json["code"]
        self.assertEqual(code, "ROUTE_NOT_FOUND")
        wrong = self.hub.http.request("PUT", "/api/acme/events")
        self.assertEqual((wrong.status, wrong.headers["Allow"]), (405, "POST, GET"))


if __name__ == "__main__":
    unittest.main()
