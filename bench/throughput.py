"""Throughput: the hub beside the bare programs, in turn."""

import os
import shutil
import time

import report
import wrk
from programs import SUPPLIER, BareEndToEnd, BareIngest, BenchFailed, Hub, Receiver

# As many connections as the bare program has to the receiver (kConnections).
IN_FLIGHT_MAX = 64
# How long the webhooks that are left over when the load ends may take.
DRAIN_SECONDS = 120
# Where nobody listens; the endpoint there is paused before the first order.
NOBODY = "http://127.0.0.1:9/hook"


def post_orders(program, seconds):
    return wrk.post_orders(program.orders_url, program.key, SUPPLIER, seconds)


def check_orders(program, load):
    """Returns how many orders are stored, each with its delivery.

    wrk hangs up on the requests under way when its time is over: stored, and not counted by it."""
    orders = program.query("SELECT count(*) FROM orders")
    if not load.acknowledged <= orders <= load.acknowledged + wrk.CONNECTIONS:
        raise BenchFailed(f"{program.name} has acknowledged {load.acknowledged} orders, and stored "
                          f"{orders}")
    deliveries = program.query("SELECT count(*) FROM deliveries")
    if deliveries != orders:
        raise BenchFailed(f"{program.name} has {orders} orders, but {deliveries} deliveries")
    return orders


# --- The two measurements -------------------------------------------------------------------------

def measure_ingest(program, seconds):
    load = post_orders(program, seconds)
    program.stop()
    check_orders(program, load)
    if program.query("SELECT count(*) FROM attempts") != 0:
        raise BenchFailed(f"{program.name} has tried to send what is held")
    return {"orders_per_second": load.per_second, "acknowledged": load.acknowledged,
            "p50_ms": load.p50_ms, "p99_ms": load.p99_ms}


def measure_end_to_end(program, receiver, seconds):
    began = time.monotonic()
    load = post_orders(program, seconds)
    received = receiver.received()
    ended = time.monotonic()

    drain(program, receiver, load)
    drained = time.monotonic() - ended
    program.stop()
    orders = check_orders(program, load)
    total = receiver.received()
    if total != orders:
        raise BenchFailed(f"{total} webhooks were received about {orders} orders")
    return {"webhooks_per_second": received / (ended - began),
            "orders_per_second": load.per_second, "acknowledged": load.acknowledged,
            "p50_ms": load.p50_ms, "p99_ms": load.p99_ms,
            "left_over": max(0, load.acknowledged - received), "drain_seconds": drained}


def drain(program, receiver, load):
    """Returns once every stored order's webhook is received, and recorded as such."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        program.check_running()
        received = receiver.received()
        # Counting rows costs the program something, so that comes last.
        if received >= load.acknowledged and not program.query(
                "SELECT count(*) FROM deliveries WHERE state <> 'succeeded'"):
            return
        time.sleep(0.02)
    raise BenchFailed(f"{DRAIN_SECONDS} s after the load, {received} webhooks are received of "
                      f"{load.acknowledged}, or not yet recorded")


def bare_ingest(folder, seconds):
    with BareIngest(folder) as program:
        return measure_ingest(program, seconds)


def hub_ingest(folder, seconds):
    with Hub(folder) as hub:
        hub.add_endpoint(NOBODY, IN_FLIGHT_MAX, paused=True)
        return measure_ingest(hub, seconds)


def bare_end_to_end(folder, seconds):
    with Receiver(folder) as receiver, BareEndToEnd(folder, receiver) as program:
        return measure_end_to_end(program, receiver, seconds)


def hub_end_to_end(folder, seconds):
    with Receiver(folder) as receiver, Hub(folder) as hub:
        hub.add_endpoint(f"{receiver.url}/hook", IN_FLIGHT_MAX)
        return measure_end_to_end(hub, receiver, seconds)


# The names are those of results.json; report.ROWS pairs them.
MEASUREMENTS = [("bare_ingest", bare_ingest), ("hub_ingest", hub_ingest),
                ("bare_end_to_end", bare_end_to_end), ("hub_end_to_end", hub_end_to_end)]


def measure_all(rounds, seconds, parent):
    """{name: [measurement of each round]}"""
    results = {name: [] for name, _ in MEASUREMENTS}
    for number in range(1, rounds + 1):
        # Every other round the other way round, so that neither side always comes first.
        for name, measure in MEASUREMENTS if number % 2 else reversed(MEASUREMENTS):
            folder = os.path.join(parent, f"{number}-{name}")
            # What the last one has written must not be flushed at this one's expense.
            os.sync()
            found = measure(folder, seconds)
            shutil.rmtree(folder)
            results[name].append(found)
            print(f"round {number} of {rounds}  {report.one_line(name, found)}", flush=True)
    return results
