"""Fan-out: one event to a thousand endpoints."""

import time

from programs import DIALECT_WITHOUT_LIMIT, BenchFailed, Hub, Receiver

ENDPOINTS = 1000
EVENTS = 100
QUICK_EVENTS = 10
# Some are published while the others are being sent, as it is in life.
EVENTS_WAITING_MAX = 4
DRAIN_SECONDS = 120
DATA = {"order_id": "0193a1f0-7c00-7aaa-8000-000000000001", "number": "PO-000000042",
        "note": "Copy paper A4, 10 boxes, to the second floor."}


def wait(receiver, count):
    deadline = time.monotonic() + DRAIN_SECONDS
    while receiver.received() < count:
        if time.monotonic() > deadline:
            raise BenchFailed(f"{receiver.received()} of {count} webhooks arrived")
        time.sleep(0.005)


def measure(folder, quick):
    """Webhooks received per second, from the first publication to the last receipt."""
    events = QUICK_EVENTS if quick else EVENTS
    with Receiver(folder) as receiver, Hub(folder) as hub:
        for number in range(ENDPOINTS):
            hub.post("endpoints", {
                "dialect": DIALECT_WITHOUT_LIMIT, "url": f"{receiver.url}/hook/{number}",
                "event_types": ["stock.changed"]})
        hub.publish("stock.changed", DATA)  # The endpoints are loaded, the connections opened.
        wait(receiver, ENDPOINTS)
        began = time.monotonic()
        for number in range(events):
            wait(receiver, ENDPOINTS * (1 + max(0, number - EVENTS_WAITING_MAX)))
            hub.publish("stock.changed", DATA)
        wait(receiver, ENDPOINTS * (1 + events))
        seconds = time.monotonic() - began
        received = receiver.received()
        hub.stop()
        attempts = hub.query("SELECT count(*) FROM attempts")
        if not received == attempts == ENDPOINTS * (1 + events):
            raise BenchFailed(f"{received} webhooks were received, {attempts} recorded")
    return {"deliveries_per_second": ENDPOINTS * events / seconds}
