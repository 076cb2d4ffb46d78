"""Growth: what stored deliveries cost. The same, with ten thousand stored and with ten million."""

import os
import statistics
import time

import wrk
from fill import fill
from programs import SUPPLIER, BenchFailed, Hub, Receiver, fetch_text

FEW = 10_000
MANY = 10_000_000
QUICK_MANY = 200_000
SECONDS = 6
ROUNDS = 3
LISTINGS, SCRAPES = 50, 100
DRAIN_SECONDS = 120
ORDER = {"orderNumber": "OLD-000000000", "orderDate": "2026-06-12", "currency": "EUR",
         "supplierId": SUPPLIER, "lines": [
             {"buyerItemCode": f"A4-COPY-50{number}", "description": "Copy paper A4",
              "quantity": 10, "unit": "box", "unitPrice": 24.9} for number in range(2)]}


def wait(receiver, count):
    deadline = time.monotonic() + DRAIN_SECONDS
    while receiver.received() < count:
        if time.monotonic() > deadline:
            raise BenchFailed(f"{receiver.received()} of {count} webhooks arrived")
        time.sleep(0.005)


def prepare(folder, receiver, count):
    """A stopped hub with `count` deliveries of the past. Returns its endpoint's id."""
    with Hub(folder) as hub:
        endpoint = hub.add_endpoint(f"{receiver.url}/hook", 64)
        fetch_text(hub.orders_url, body=ORDER, **{"X-ProcuLink-Key": hub.key})
        wait(receiver, 1)
        hub.stop()
    fill(os.path.join(folder, "waybill.sqlite"), count)
    return endpoint


def median_millis(repeats, ask):
    found = []
    for _ in range(repeats):
        began = time.monotonic()
        ask()
        found.append((time.monotonic() - began) * 1000)
    return statistics.median(found)


def slowest_listing(hub, endpoint, idle):
    """The first page of what an operator looks at, found or not."""
    return max(median_millis(LISTINGS, lambda query=query: hub.list_deliveries(query))
               for query in ("", f"endpoint={endpoint}&state=succeeded", f"endpoint={idle}",
                             "state=retrying", "state=dropped"))


def measure_once(folder, receiver, endpoint, seconds):
    """Claiming is what a resumed endpoint asks for: a backlog that lies in the store."""
    before = receiver.received()
    with Hub(folder, existing=True) as hub:
        hub.post(f"endpoints/{endpoint}/pause", {})
        idle = hub.add_endpoint(f"{receiver.url}/idle", 1, paused=True, event_type="order.failed")
        load = wrk.post_orders(hub.orders_url, hub.key, SUPPLIER, seconds, last=before)
        stored = load.acknowledged
        began = time.monotonic()
        hub.post(f"endpoints/{endpoint}/resume", {})
        wait(receiver, before + stored)
        claimed = stored / (time.monotonic() - began)
        listing = slowest_listing(hub, endpoint, idle)
        scrape = median_millis(SCRAPES, lambda: fetch_text(f"{hub.url}/metrics"))
        hub.stop()
    return {"ingest_per_second": load.per_second, "claim_per_second": claimed,
            "listing_ms": listing, "metrics_ms": scrape}


def measure(folder, quick):
    """The figures with few and with many stored, in turn: {name: {"few": […], "many": […]}}."""
    many = QUICK_MANY if quick else MANY
    figures = {}
    with Receiver(folder) as receiver:
        hubs = {}
        for which, count in (("few", FEW), ("many", many)):
            home = os.path.join(folder, which)
            hubs[which] = (home, prepare(home, receiver, count))
        for number in range(1 if quick else ROUNDS):
            for which in ("few", "many") if number % 2 else ("many", "few"):
                os.sync()
                home, endpoint = hubs[which]
                found = measure_once(home, receiver, endpoint, SECONDS)
                for name, value in found.items():
                    figures.setdefault(name, {"few": [], "many": []})[which].append(value)
    return {"stored": many, "figures": figures}
