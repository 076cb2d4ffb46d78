"""What platforms' own libraries sign is received, and nothing else is.

receivers/senders/sign.js makes the headers, by the packages of Svix, Standard Webhooks, Stripe and
GitHub, and by node:crypto for the others.
"""

import base64
import json
import re
import secrets
import time
import unittest

from harness import RECEIVERS_ARE_HERE, HubTest, flipped, wait_for
from receiving import Source, sign

STALE_SECONDS = 6 * 60


class Sender:
    """A platform: the dialect of its source, and what it sends."""

    def __init__(self, name, dialect, body, type_="order.created", signs_time=False,
                 accepted=200):
        self.name, self.dialect, self.make_body, self.type = name, dialect, body, type_
        self.signs_time, self.accepted = signs_time, accepted

    def new_secret(self):
        if self.dialect in ("standard-webhooks", "svix"):
            return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        return secrets.token_hex(16)


class Sent:
    """One message of a sender's: the bytes, and what sign() is told. Each number is another one."""

    def __init__(self, sender, secret, number, at=None):
        id_ = f"msg-{sender.name}-{number}"
        text = json.dumps(sender.make_body(id_, sender.type), ensure_ascii=False)
        self.body = text.encode()
        self.told = {"sender": sender.name, "secret": secret, "id": id_, "type": sender.type,
                     "body": text, **({"at": at} if at else {})}
        self.headers = None


class Door:
    """A sender, and a source with the secret that it signs with."""

    def __init__(self, workspace, sender):
        self.sender, self.secret = sender, sender.new_secret()
        self.source = Source(workspace, sender.dialect, name=sender.name, secrets=[self.secret])

    def message(self, number, **more):
        return Sent(self.sender, more.pop("secret", self.secret), number, **more)


def standard(_, type_):
    return {"type": type_, "timestamp": "2026-11-20T09:00:00Z", "data": {"note": "5 € a box"}}


def enveloped(id_, type_):
    return {"id": id_, "type": type_, "data": {"note": "5 € a box"}}


SENDERS = (
    Sender("svix", "svix", standard, signs_time=True),
    Sender("standardwebhooks", "standard-webhooks", standard, signs_time=True),
    Sender("stripe", "stripe", lambda id_, type_: {
        "id": id_, "object": "event", "type": type_, "livemode": True,
        "data": {"object": {"id": "ch_1", "amount": 100}}}, "charge.succeeded", signs_time=True),
    Sender("octokit", "github", lambda id_, _: {"ref": "refs/heads/main", "after": id_}, "push",
           accepted=202),
    Sender("proculink", "proculink", lambda id_, type_: {
        "id": id_, "type": type_, "time": "2026-11-20T09:00:00Z", "workspace": "acme",
        "data": {"order_id": "1"}}),
    Sender("procureiq", "procureiq", lambda id_, type_: {
        **enveloped(id_, type_), "metadata": {"environment": "production"}}),
    Sender("peptideclients", "peptideclients", enveloped, signs_time=True),
    Sender("proign", "proign", lambda id_, type_: {
        **enveloped(id_, type_), "timestamp": "2026-11-20T09:00:00Z", "tenant_id": "acme"},
           "order.shipped"),
    Sender("woocommerce", "woocommerce", lambda id_, _: {"id": 7, "note": id_}, "order.updated"),
    Sender("shopify", "shopify", lambda id_, _: {"id": 820982911946154508, "note": id_},
           "orders/create"),
    Sender("slack", "slack", lambda id_, type_: {
        "type": "event_callback", "event_id": id_, "event": {"type": type_, "text": "hi"}},
           "app_mention", signs_time=True),
    Sender("hmac", "hmac", enveloped),
)


def signature_in(headers):
    """The header that signs, and where its signature is."""
    for name, value in headers.items():
        if name.lower().endswith(("signature", "signature-256", "hmac-sha256")):
            # A flipped one may be in two parts; a time has ten digits.
            return name, max(re.finditer(r"[0-9A-Za-z+/]{12,}", value),
                             key=lambda at: len(at.group()))
    raise AssertionError(f"nothing signs: {headers}")


def with_flipped_signature(headers):
    name, found = signature_in(headers)
    at = (found.start() + found.end()) // 2
    return {**headers, name: flipped(headers[name].encode(), at, 0).decode()}


def sign_all(messages):
    for message, headers in zip(messages, sign([message.told for message in messages])):
        message.headers = headers


class ReceivingSenders(HubTest):
    # Ten minutes pass in a second; what is signed is the real time.
    hub_options = (*RECEIVERS_ARE_HERE, "--clock-speed", "600")

    def doors(self):
        return [Door(self.workspace, sender) for sender in SENDERS]

    def post(self, door, message):
        return door.source.post(message.body, message.headers)

    def assert_accepted(self, door, message):
        self.assertEqual(self.post(door, message).status, door.sender.accepted)

    def assert_refused(self, door, body, headers, why):
        answer = door.source.post(body, headers)
        self.assertEqual(answer.status, 401, why)
        text = answer.body.decode()
        self.assertNotIn(door.secret, text)
        self.assertNotIn(signature_in(headers)[1].group(), text)

    def test_what_each_signs_is_accepted_once_and_kept_as_it_was(self):
        doors = self.doors()
        messages = [door.message(1) for door in doors]
        sign_all(messages)
        for door, message in zip(doors, messages):
            with self.subTest(door.sender.name):
                first = self.post(door, message)
                self.assertEqual(first.status, door.sender.accepted, first)
                again = self.post(door, message)
                self.assertEqual((again.status, again.body), (first.status, first.body))
                kept, = door.source.messages()
                self.assertEqual((kept["type"], kept["duplicates"]), (door.sender.type, 1))
                shown = self.workspace.ask("GET", f"/messages/{kept['id']}")
                self.assertEqual(shown["body"].encode(), message.body)

    def test_one_flipped_bit_is_refused_in_the_body_and_in_the_signature(self):
        doors = self.doors()
        messages = [door.message(2) for door in doors]
        sign_all(messages)
        for door, message in zip(doors, messages):
            with self.subTest(door.sender.name):
                body, headers = message.body, message.headers
                for at in (0, len(body) // 2, len(body) - 1):
                    self.assert_refused(door, flipped(body, at, 1), headers, f"the body at {at}")
                self.assert_refused(door, body, with_flipped_signature(headers), "the signature")
                name, _ = signature_in(headers)
                without = {key: value for key, value in headers.items() if key != name}
                self.assertEqual(door.source.post(body, without).status, 401, "none")
                self.assertEqual(door.source.messages(), [])
                # So that it was the bit, and nothing else about these bytes.
                self.assert_accepted(door, message)

    def test_a_signed_time_is_judged_and_an_unsigned_one_is_not(self):
        now = int(time.time())
        times = (now - STALE_SECONDS, now + STALE_SECONDS, now - 200)
        doors = self.doors()
        messages = [[door.message(at, at=at) for at in times] for door in doors]
        sign_all([message for three in messages for message in three])
        for door, three in zip(doors, messages):
            with self.subTest(door.sender.name):
                for message, at in zip(three, times):
                    if door.sender.signs_time and abs(at - now) >= STALE_SECONDS:
                        self.assert_refused(door, message.body, message.headers, f"{at - now} s")
                    else:
                        self.assert_accepted(door, message)

    def test_another_secret_is_refused(self):
        doors = self.doors()
        messages = [door.message(3, secret=door.sender.new_secret()) for door in doors]
        sign_all(messages)
        for door, message in zip(doors, messages):
            with self.subTest(door.sender.name):
                self.assert_refused(door, message.body, message.headers, "the secret")

    def test_a_rotated_secret_verifies_until_it_expires(self):
        doors = self.doors()
        messages = []
        for door in doors:
            door.next_secret = door.sender.new_secret()
            messages.append([door.message(number, secret=secret) for number, secret in enumerate(
                (door.secret, door.next_secret, door.secret, door.next_secret))])
        sign_all([message for four in messages for message in four])
        for door, (by_old, by_new, *_) in zip(doors, messages):
            with self.subTest(door.sender.name):
                self.workspace.ask("POST", f"/sources/{door.source.id}/secrets",
                                   {"secret": door.next_secret, "overlap": "1h"}, 201)
                self.assert_accepted(door, by_old)
                self.assert_accepted(door, by_new)
        for door, (*_, by_old, by_new) in zip(doors, messages):
            with self.subTest(door.sender.name):
                wait_for(lambda door=door: len(door.source.now()["secrets"]) == 1, "it expires")
                self.assert_refused(door, by_old.body, by_old.headers, "rotated out")
                self.assert_accepted(door, by_new)

    def test_a_shops_ping_is_answered_unsigned_and_kept_nowhere(self):
        source = Source(self.workspace, "woocommerce")
        agent = {"User-Agent": "WooCommerce/9.4.2 Hookshot (WordPress/6.7.1)"}
        form = {**agent, "Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(source.post(b"webhook_id=17", form).status, 200)
        self.assertEqual(source.messages(), [])
        # Nothing else gets in by looking like one.
        for body in (b"webhook_id=17&a=b", b'{"webhook_id": 17}', b"webhook_id="):
            self.assertEqual(source.post(body, agent).status, 401, body)

    def test_slacks_challenge_is_answered_when_it_is_signed(self):
        sender, = (sender for sender in SENDERS if sender.name == "slack")
        door = Door(self.workspace, sender)
        body = json.dumps({"type": "url_verification", "token": "t", "challenge": "3eZbrw1aB"})
        told = {"sender": "slack", "body": body, "id": "", "type": ""}
        good, bad = sign([{**told, "secret": secret}
                          for secret in (door.secret, sender.new_secret())])
        answer = door.source.post(body.encode(), good)
        self.assertEqual((answer.status, answer.body), (200, b"3eZbrw1aB"))
        self.assert_refused(door, body.encode(), bad, "the challenge of somebody else")
        self.assertEqual(door.source.messages(), [])


if __name__ == "__main__":
    unittest.main()
