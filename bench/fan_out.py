"""Fan-out: one event to a thousand endpoints, of one dialect and of six."""

import contextlib
import os
import time

from programs import DIALECT_WITHOUT_LIMIT, SECRET, BenchFailed, Hub, Receiver

ENDPOINTS = 1000
EVENTS, QUICK_EVENTS = 100, 10
ROUNDS, QUICK_ROUNDS = 5, 1
ROUND_EVENTS = 20
# Some are published while the others are being sent, as it is in life.
EVENTS_WAITING_MAX = 4
DRAIN_SECONDS = 120

# Each dialect's word for order.created.
DIALECTS = {"peptideclients": "order.created", "precoro": "purchase_order.create",
            "proculink": "order.created", "procureiq": "order.created",
            "proign": "order.created", "standard-webhooks": "order.created"}
# Its endpoints have the secret that the subscriber brings, or none.
DIALECT_WITH_OPTIONAL_SECRET = "proculink"
DIALECTS_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                               "dialects")

STOCK = {"order_id": "0193a1f0-7c00-7aaa-8000-000000000001", "number": "PO-000000042",
         "note": "Copy paper A4, 10 boxes, to the second floor."}
# What each of the six asks of an order.
ORDER = {"order_id": "0193a1f0-7c00-7aaa-8000-000000000001", "number": "PO-000000042",
         "order_date": "2026-11-21", "currency": "EUR",
         "supplier_id": "0193a1f0-7c00-7bbb-8000-000000000002",
         "supplier_name": "Acme Paper Ltd", "status": "needs_review", "line_count": 1,
         "lines": [{"item_code": "A4-COPY-500", "description": "Copy paper A4", "quantity": 10,
                    "unit": "box", "unit_price": 24.9}]}


def stock_changed(_):
    return "stock.changed", STOCK


def order_created(number):
    """Each is about a document of its own: Precoro tells of one only once in half a minute."""
    return "order.created", {**ORDER, "document_id": number}


def without_limit(text):
    """A dialect's file, of which a workspace may have any number of endpoints."""
    return "".join(line for line in text.splitlines(keepends=True)
                   if not line.startswith("endpoints_max"))


def write_dialects(folder):
    """The built-in ones, but for the limits of a workspace."""
    os.makedirs(folder)
    for dialect in DIALECTS:
        name = f"{dialect}.toml"
        with open(os.path.join(DIALECTS_FOLDER, name), encoding="utf-8") as file:
            text = without_limit(file.read())
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


class Side:
    """A hub with a thousand endpoints, and the receiver of their webhooks."""

    def __init__(self, hub, receiver):
        self.hub, self.receiver = hub, receiver
        self.published = 0

    def subscribe(self, dialects):
        for number in range(ENDPOINTS):
            dialect = dialects[number % len(dialects)]
            endpoint = {"dialect": dialect, "url": f"{self.receiver.url}/hook/{number}",
                        "event_types": [DIALECTS[dialect]]}
            if dialect == DIALECT_WITHOUT_LIMIT:
                endpoint["event_types"].append("stock.changed")
            if dialect == DIALECT_WITH_OPTIONAL_SECRET:
                endpoint["secret"] = SECRET
            self.hub.post("endpoints", endpoint)

    def publish(self, make_event):
        self.published += 1
        self.hub.publish(*make_event(self.published))

    def wait(self, events_waiting_max=0):
        count = ENDPOINTS * max(0, self.published - events_waiting_max)
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.receiver.received() < count:
            if time.monotonic() > deadline:
                raise BenchFailed(f"{self.receiver.received()} of {count} webhooks arrived")
            time.sleep(0.005)

    def warm_up(self, make_event):
        """The endpoints are loaded, the connections opened."""
        self.publish(make_event)
        self.wait()

    def deliveries_per_second(self, make_event, events):
        """Webhooks received, from the first publication to the last receipt."""
        began = time.monotonic()
        for _ in range(events):
            self.wait(EVENTS_WAITING_MAX)
            self.publish(make_event)
        self.wait()
        return ENDPOINTS * events / (time.monotonic() - began)

    def check(self):
        received = self.receiver.received()
        self.hub.stop()
        attempts = self.hub.query("SELECT count(*) FROM attempts")
        if not received == attempts == ENDPOINTS * self.published:
            raise BenchFailed(f"{received} webhooks were received, {attempts} recorded, of "
                              f"{ENDPOINTS * self.published}")


@contextlib.contextmanager
def start_side(folder, own_dialects, dialects):
    environment = {"WAYBILL_DIALECTS": own_dialects,
                   # The receiver speaks plain HTTP, which two of the dialects refuse.
                   "WAYBILL_ALLOW_INSECURE_ENDPOINTS": "true"}
    with Receiver(folder) as receiver, Hub(folder, environment=environment) as hub:
        side = Side(hub, receiver)
        side.subscribe(dialects)
        yield side
        side.check()


def compare(one, six, rounds):
    """Of each round, the deliveries/s of both."""
    for side in (one, six):
        side.warm_up(order_created)
    return [{"one_dialect": one.deliveries_per_second(order_created, ROUND_EVENTS),
             "six_dialects": six.deliveries_per_second(order_created, ROUND_EVENTS)}
            for _ in range(rounds)]


def measure(folder, quick):
    own_dialects = os.path.join(folder, "dialects")
    write_dialects(own_dialects)
    with start_side(os.path.join(folder, "one"), own_dialects, [DIALECT_WITHOUT_LIMIT]) as one:
        one.warm_up(stock_changed)
        alone = one.deliveries_per_second(stock_changed, QUICK_EVENTS if quick else EVENTS)
        with start_side(os.path.join(folder, "six"), own_dialects, list(DIALECTS)) as six:
            rounds = compare(one, six, QUICK_ROUNDS if quick else ROUNDS)
    return {"deliveries_per_second": alone, "rounds": rounds}
