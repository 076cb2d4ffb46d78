#!/usr/bin/python3
"""Shows the whole way of an order: posted, stored once, told to two subscribers by signed webhooks.

./run builds the hub and starts this. With --exit it ends after the timeline, and the exit status is
the verdict: 0 if everything arrived, exactly as it should.
"""

import argparse
import glob
import http.client
import json
import os
import secrets
import signal
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse

from hub import Hub, HubFailed, is_free
from receiver import Receiver
from timeline import Timeline

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PORT = 8080
WEBHOOK_SECONDS = 15
WORKSPACE = "demo"


class Interrupted(BaseException):
    """Somebody asked the demo to end, by a signal."""

    def __init__(self, number):
        super().__init__()
        self.number = number


def interrupt(number, _):
    # Once is enough: what follows is the way out.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def shown(path):
    return os.path.relpath(path)


class Demo:
    def __init__(self, program, data, timeline):
        self.program, self.data, self.timeline = program, data, timeline
        self.arrival = threading.Condition()
        self.webhooks = []
        self.posted = {}  # When each order number was first posted.
        self.held_lines = None  # While an order is on its way: its own line comes first.
        self.receiver = Receiver(self.on_webhook)
        self.hub = None
        self.key = None
        self.failures = []

    # --- What arrives ---------------------------------------------------------------------------

    def on_webhook(self, webhook):
        with self.arrival:
            self.webhooks.append(webhook)
            self.arrival.notify_all()
            if self.held_lines is not None:
                self.held_lines.append(webhook)
            else:
                self.tell_webhook(webhook)

    def tell_webhook(self, webhook):
        after = ""
        if webhook.order_number in self.posted:
            millis = (webhook.arrived_at - self.posted[webhook.order_number]) * 1000
            after = f"  {millis:6.1f} ms after its order"
        verdict = (self.timeline.good("signature valid") if webhook.is_valid
                   else self.timeline.bad("signature INVALID"))
        self.timeline.add(f"  ← webhook  {webhook.dialect:<18} {webhook.event_type}  "
                          f"{str(webhook.order_number):<15}  {verdict}{after}", webhook.arrived_at)

    def wait_for_webhooks(self, count):
        def distinct():
            return len({(each.dialect, each.event_id) for each in self.webhooks}) >= count

        with self.arrival:
            return self.arrival.wait_for(distinct, WEBHOOK_SECONDS)

    # --- What is done ---------------------------------------------------------------------------

    def start_hub(self):
        port = PORT if is_free(PORT) else 0
        self.hub = Hub(self.program, self.data, port)
        address = urllib.parse.urlsplit(self.hub.url)
        self.timeline.add(f"hub started: {self.hub.url}, SQLite in {shown(self.data)}"
                          + ("" if port else f" (port {PORT} is in use)"))
        self.timeline.add("with --allow-private-networks, since the receiver is on this machine")
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)

    def set_up(self, orders):
        run = self.hub.run
        run("workspace", "create", WORKSPACE, "--environment", "sandbox")
        names = sorted({json.loads(body)["supplierId"] for _, body in orders})
        for name in names:
            run("supplier", "create", "--workspace", WORKSPACE, "--name", name)
        self.timeline.add(f"workspace {WORKSPACE} (sandbox), suppliers {', '.join(names)}")

        self.key = run("key", "create", "--workspace", WORKSPACE, "--platform", "proculink",
                       "--name", "The demo's shop")["key"]
        for dialect, extra in (("proculink", ["--secret", secrets.token_urlsafe(24)]),
                               ("standard-webhooks", [])):
            endpoint = run("endpoint", "create", "--workspace", WORKSPACE, "--dialect", dialect,
                           "--url", f"{self.receiver.url}/{dialect}", "--events", "order.created",
                           *extra)
            self.receiver.secrets[f"/{dialect}"] = endpoint["secret"]
        self.timeline.add(f"an API key for orders, and two endpoints at {self.receiver.url}: "
                          "/proculink and /standard-webhooks")

    def post(self, name, body, note="", idempotency_key=None):
        """Returns the status and the order that the hub answered with."""
        headers = {"X-ProcuLink-Key": self.key, "Content-Type": "application/json"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        began = time.monotonic()
        with self.arrival:
            self.posted.setdefault(json.loads(body)["orderNumber"], began)
            self.held_lines = []
        self.connection.request("POST", f"/api/ingress/{WORKSPACE}/orders", body, headers)
        response = self.connection.getresponse()
        answer = json.loads(response.read())
        millis = (time.monotonic() - began) * 1000
        what = {201: self.timeline.good("201 created"), 200: "200 replay"}.get(
            response.status, self.timeline.bad(f"{response.status} {json.dumps(answer)}"))
        line = f"→ order  {name:<24} {what:<11}  {millis:6.1f} ms  {note}"
        with self.arrival:
            held, self.held_lines = sorted(self.held_lines, key=lambda each: each.arrived_at), None
            for webhook in held:
                if webhook.arrived_at < began:
                    self.tell_webhook(webhook)
            self.timeline.add(line.rstrip(), began)
            for webhook in held:
                if webhook.arrived_at >= began:
                    self.tell_webhook(webhook)
        return response.status, answer

    def post_all(self, orders):
        """Posts each order, the first and the second of them twice. Returns accepted, replayed."""
        accepted, replayed = {}, 0
        for place, (name, body) in enumerate(orders):
            key = "demo-" + secrets.token_hex(8) if place == 1 else None
            note = "with an Idempotency-Key" if key else ""
            status, answer = self.post(name, body, note, key)
            if status != 201:
                self.failures.append(f"{name} was answered with {status}")
                continue
            accepted[json.loads(body)["orderNumber"]] = answer
            if place > 1:
                continue
            note = "again, with the same Idempotency-Key"
            again = body
            if place == 0:
                # The same order to a person, and other bytes.
                again = json.dumps(dict(reversed(json.loads(body).items())), indent=4).encode()
                note = "again, members in another order"
            status, repeat = self.post(name, again, note, key)
            if status == 200 and order_id(repeat) == order_id(answer):
                replayed += 1
            else:
                self.failures.append(f"the repeat of {name} was not the order it repeats")
        return accepted, replayed

    def check_records(self, accepted):
        """What the hub itself has recorded, read as an operator would."""
        stored = self.hub.run("order", "list", "--workspace", WORKSPACE, "--all")["rows"]
        if len(stored) != len(accepted):
            self.failures.append(f"the hub stored {len(stored)} orders, not {len(accepted)}")
        # Outcomes are written in batches, a moment after the receiver has answered.
        deadline = time.monotonic() + WEBHOOK_SECONDS
        while True:
            states = [row["state"] for row in
                      self.hub.run("delivery", "list", "--workspace", WORKSPACE, "--all")["rows"]]
            if all(state == "succeeded" for state in states) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        open_ = [state for state in states if state != "succeeded"]
        if open_:
            self.failures.append(f"deliveries are recorded as {', '.join(sorted(set(open_)))}")
        return len(stored), len(states) - len(open_)

    def run(self):
        """True if everything went as it should."""
        paths = sorted(glob.glob(os.path.join(ROOT, "examples", "orders", "*.json")))
        orders = []
        for path in paths:
            with open(path, "rb") as file:
                orders.append((os.path.basename(path), file.read()))
        if len(orders) < 2:
            raise HubFailed("examples/orders has too few orders")

        self.timeline.say()
        self.start_hub()
        self.set_up(orders)
        accepted, replayed = self.post_all(orders)
        expected = 2 * len(accepted)
        self.wait_for_webhooks(expected)
        stored, succeeded = self.check_records(accepted)

        with self.arrival:
            webhooks = list(self.webhooks)
        distinct = {(each.dialect, each.order_number) for each in webhooks if each.is_valid}
        lost = expected - len(distinct & {(dialect, number) for number in accepted
                                          for dialect in ("proculink", "standard-webhooks")})
        valid = sum(each.is_valid for each in webhooks)
        if lost or valid != len(webhooks) or len(webhooks) < expected:
            self.failures.append("not every webhook arrived, or not every signature was valid")
        waits = sorted((each.arrived_at - self.posted[each.order_number]) * 1000
                       for each in webhooks if each.order_number in self.posted)
        say = self.timeline.say
        say()
        say(f"  orders accepted    {len(accepted)} of {len(orders)}, each stored once "
            f"({stored} stored)")
        say(f"  repeats            {replayed} of 2 answered with the first order")
        say(f"  webhooks received  {len(webhooks)} of {expected} ({succeeded} recorded as "
            "succeeded)")
        say(f"  signatures valid   {valid} of {len(webhooks)}")
        say(f"  lost               {lost}")
        if waits:
            say(f"  order to webhook   {statistics.median(waits):.1f} ms in the middle, "
                f"{waits[-1]:.1f} ms at most")
        say()
        for failure in self.failures:
            say(self.timeline.bad(f"  {failure}"))
        say(self.timeline.bad("It does not work.") if self.failures
            else self.timeline.good("It works."))
        return not self.failures

    def invite(self):
        """What to try next, ready to be pasted."""
        body = ('{"orderNumber": "MY-1", "supplierId": "Acme Paper Ltd", "lines": '
                '[{"buyerItemCode": "PAP-A4-80", "quantity": 2, "unit": "BOX"}]}')
        self.timeline.say(f"""
The hub goes on serving at {self.hub.url}. Ctrl-C stops it and removes its data.

Post an order of your own, and see its webhooks arrive here:

curl -X POST {self.hub.url}/api/ingress/{WORKSPACE}/orders -H 'X-ProcuLink-Key: {self.key}' \
-H 'Content-Type: application/json' -d '{body}'

Ask the hub about it:

export WAYBILL_DATA={shown(self.data)}
{shown(self.program)} delivery list
{shown(self.program)} --help
""")

    def serve(self):
        while self.hub.process.poll() is None:
            time.sleep(0.2)
        raise HubFailed(f"the hub has ended:\n{self.hub.log_tail()}")

    def stop(self):
        clean = self.hub is None or self.hub.stop()
        self.receiver.stop()
        return clean


def order_id(answer):
    return answer.get("id") or answer.get("orderId")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--program", required=True, help="the binary: build/release/bin/waybill")
    options.add_argument("--exit", action="store_true", help="ends after the timeline")
    given = options.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)

    parent = os.path.join(ROOT, "build", "demo")
    os.makedirs(parent, exist_ok=True)
    timeline = Timeline()
    demo, serving, status = None, False, 1
    with tempfile.TemporaryDirectory(prefix="data-", dir=parent,
                                     ignore_cleanup_errors=True) as data:
        try:
            demo = Demo(os.path.abspath(given.program), data, timeline)
            status = 0 if demo.run() else 1
            if not given.exit:
                demo.invite()
                serving = True
                demo.serve()
        except Interrupted as interrupted:
            # Ctrl-C is the way to end what goes on serving; anywhere else it cuts something short.
            status = 0 if serving and interrupted.number == signal.SIGINT else (
                128 + interrupted.number)
            timeline.say("\nstopping …" if serving else "\ninterrupted")
        except (HubFailed, OSError, http.client.HTTPException) as failure:
            timeline.say(timeline.bad(f"./run: {failure}"))
            status = 1
        finally:
            if demo is not None and not demo.stop():
                timeline.say(timeline.bad("./run: the hub did not stop cleanly"))
                status = status or 1
    return status


if __name__ == "__main__":
    sys.exit(main())
