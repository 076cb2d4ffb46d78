"""A platform that Waybill has never heard of is one TOML file, to send and to verify.

dialects/ has three, shaped like Stripe, GitHub and Slack. What the hub sends is judged with
Python's hmac, as receivers of such platforms judge it; what such a platform would sign is judged
by `waybill verify`.
"""

import hashlib
import hmac
import json
import os
import time
import unittest
import warnings

from harness import HERE, HubTest, Recorder, flipped

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import jsonschema

FOLDER = os.path.join(HERE, "dialects")
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def hex_of(secret, signed):
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class Own:
    """A platform as its receivers know it."""

    name, signs_time = None, False

    def sign(self, body, secret, sent_at):
        """The headers of a request that it signs."""
        raise NotImplementedError

    def accepts(self, headers, body, secret, now):
        raise NotImplementedError


class StripeLike(Own):
    name, signs_time = "stripe-like", True

    def sign(self, body, secret, sent_at):
        signature = hex_of(secret, f"{sent_at}.".encode() + body)
        # With an element of a scheme that nobody knows, as Stripe has one for its test mode.
        return {"Stripe-Like-Signature": f"t={sent_at},v1={signature},v0=00ff"}

    def accepts(self, headers, body, secret, now):
        parts = [part.split("=", 1) for part in headers["Stripe-Like-Signature"].split(",")]
        sent_at = dict(parts)["t"]
        return abs(now - int(sent_at)) <= 300 and any(
            hmac.compare_digest(value, hex_of(secret, sent_at.encode() + b"." + body))
            for key, value in parts if key == "v1")


class GitHubLike(Own):
    name = "github-like"

    def sign(self, body, secret, sent_at):
        return {"X-Hub-Signature-256": "sha256=" + hex_of(secret, body)}

    def accepts(self, headers, body, secret, now):
        return hmac.compare_digest(headers["X-Hub-Signature-256"],
                                   "sha256=" + hex_of(secret, body))


class SlackLike(Own):
    name, signs_time = "slack-like", True

    def sign(self, body, secret, sent_at):
        return {"X-Slack-Like-Request-Timestamp": str(sent_at),
                "X-Slack-Like-Signature":
                    "v0=" + hex_of(secret, f"v0:{sent_at}:".encode() + body)}

    def accepts(self, headers, body, secret, now):
        sent_at = headers["X-Slack-Like-Request-Timestamp"]
        signed = b"v0:" + sent_at.encode() + b":" + body
        return abs(now - int(sent_at)) <= 300 and hmac.compare_digest(
            headers["X-Slack-Like-Signature"], "v0=" + hex_of(secret, signed))


PLATFORMS = (StripeLike(), GitHubLike(), SlackLike())


class OwnDialects(HubTest):
    hub_options = ("--allow-private-networks", "--allow-insecure-endpoints", "--dialects", FOLDER)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recorder = Recorder()
        cls.addClassCleanup(cls.recorder.stop)

    def subscribe(self, platform, secret=SECRET):
        workspace = self.new_workspace()
        path = f"/{workspace.slug}"
        body = {"dialect": platform.name, "url": self.recorder.url + path}
        if secret:
            body["secret"] = secret
        return workspace, workspace.ask("POST", "/endpoints", body, 201), path

    def assert_accepted(self, platform, headers, body, secret=SECRET):
        now = time.time()
        self.assertTrue(platform.accepts(headers, body, secret, now), headers)
        # So that the judge itself is known to be able to say no.
        self.assertFalse(platform.accepts(headers, flipped(body, 9, 1), secret, now))
        self.assertFalse(platform.accepts(headers, body, secret + "x", now))

    def test_every_event_arrives_signed_and_by_its_schema(self):
        for platform in PLATFORMS:
            with self.subTest(platform.name):
                events = self.hub.api.ask("GET", f"/dialects/{platform.name}")["events"]
                self.assertEqual(len(events), 2)
                workspace, endpoint, path = self.subscribe(platform)
                for event in events:
                    workspace.publish(event["example"], event["canonical"])
                workspace.publish({}, "shop.closed")  # It has no word for that.

                requests = self.recorder.wait_for(path, 2)
                workspace.wait_for_states(endpoint, "succeeded", "succeeded")
                for headers, body in requests:
                    self.assert_accepted(platform, headers, body)
                    event = next(event for event in events
                                 if event["name"] == self.type_of(platform, headers, body))
                    events.remove(event)
                    jsonschema.Draft202012Validator(event["schema"]).validate(
                        self.data_of(platform, body))
                self.assertEqual(events, [], "each came once")

    @staticmethod
    def type_of(platform, headers, body):
        if platform.name == "github-like":
            return headers["X-GitHub-Like-Event"]
        content = json.loads(body)
        return content["event"]["type"] if platform.name == "slack-like" else content["type"]

    @staticmethod
    def data_of(platform, body):
        content = json.loads(body)
        return {"stripe-like": lambda: content["data"]["object"],
                "slack-like": lambda: content["event"],
                "github-like": lambda: content}[platform.name]()

    def test_bodies_and_headers_are_the_platforms(self):
        stripe, github, slack = PLATFORMS
        workspace, _, path = self.subscribe(stripe)
        workspace.publish({"payment_id": "py_1", "amount_minor": 100, "currency": "eur",
                           "order_id": "7"}, "payment.recorded")
        (headers, body), = self.recorder.wait_for(path, 1)
        content = json.loads(body)
        self.assertEqual(list(content), ["id", "object", "api_version", "created", "data",
                                         "livemode", "pending_webhooks", "request", "type"])
        self.assertEqual(content["data"], {"object": {
            "id": "py_1", "object": "charge", "amount": 100, "currency": "eur", "paid": True,
            "metadata": {"order_id": "7"}}})
        self.assertEqual(headers["User-Agent"], "Stripe-like/1.0 (+https://example.com/webhooks)")

        workspace, _, path = self.subscribe(github, secret=None)
        workspace.publish({"branch": "a", "commit": "b", "repository": "c", "commits": []},
                          "repository.pushed")
        (headers, body), = self.recorder.wait_for(path, 1)
        self.assertEqual(json.loads(body), {
            "ref": "refs/heads/a", "after": "b", "commits": [],
            "repository": {"full_name": f"{workspace.slug}/c"}})
        self.assertEqual(headers["X-GitHub-Like-Event"], "push")
        self.assertNotIn("X-Hub-Signature-256", headers)

        workspace, _, path = self.subscribe(slack)
        workspace.publish({"user": "U1", "text": "hi"}, "chat.app_mentioned")
        (headers, body), = self.recorder.wait_for(path, 1)
        content = json.loads(body)
        self.assertEqual(content["event"], {"type": "app_mention", "user": "U1", "text": "hi"})
        self.assertTrue(content["event_id"].startswith("Ev_"))

    def test_a_test_and_a_generated_secret(self):
        for platform in (PLATFORMS[0], PLATFORMS[2]):
            with self.subTest(platform.name):
                workspace, endpoint, path = self.subscribe(platform, secret=None)
                workspace.ask("POST", f"/endpoints/{endpoint['id']}/test", status=202)
                (headers, body), = self.recorder.wait_for(path, 1)
                self.assert_accepted(platform, headers, body, endpoint["secret"])

    def verify(self, platform, headers, body, *more):
        words = [word for name, value in headers.items()
                 for word in ("--header", f"{name}: {value}")]
        return self.hub.cli("verify", "--dialects", FOLDER, "--dialect", platform.name,
                            "--secret", SECRET, "--body", "-", *words, *more,
                            stdin=body.decode()).returncode

    def test_what_such_a_platform_signs_is_verified(self):
        body = '{"any": "thing", "as": ["the", "sender", "wrote", 1.0, "it €"]}'.encode()
        now = int(time.time())
        for platform in PLATFORMS:
            with self.subTest(platform.name):
                headers = platform.sign(body, SECRET, now)
                self.assertEqual(self.verify(platform, headers, body), 0)
                self.assertEqual(self.verify(platform, headers, flipped(body, 3, 0)), 1)
                other = platform.sign(body, SECRET + "x", now)
                self.assertEqual(self.verify(platform, other, body), 1)
                self.assertEqual(self.verify(platform, {}, body), 1)
                late = ("--at", str(now + 301))
                self.assertEqual(self.verify(platform, headers, body, *late),
                                 1 if platform.signs_time else 0)

    def test_what_waybill_sign_signs_is_accepted(self):
        body = b'{"any":"thing"}'
        for platform in PLATFORMS:
            with self.subTest(platform.name):
                made = self.hub.cli("sign", "--json", "--dialects", FOLDER, "--dialect",
                                    platform.name, "--secret", SECRET, "--body", "-",
                                    stdin=body.decode())
                self.assertEqual(made.returncode, 0, made.stderr)
                headers = {row["name"]: row["value"] for row in json.loads(made.stdout)["headers"]}
                self.assert_accepted(platform, headers, body)


if __name__ == "__main__":
    unittest.main()
