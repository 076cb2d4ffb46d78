#!/usr/bin/python3
"""Measures the hub beside the bare programs. bench/run builds both and starts this."""

import argparse
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time

import report
import wrk
from programs import SUPPLIER, BareEndToEnd, BareIngest, BenchFailed, Hub, Receiver

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "bench")
# As many connections as the bare program has to the receiver (kConnections).
IN_FLIGHT_MAX = 64
# How long the webhooks that are left over when the load ends may take.
DRAIN_SECONDS = 120
# Where nobody listens; the endpoint there is paused before the first order.
NOBODY = "http://127.0.0.1:9/hook"


class Interrupted(BaseException):
    """Somebody asked the bench to end, by a signal."""

    def __init__(self, number):
        super().__init__()
        self.number = number


def interrupt(number, _):
    # Once is enough: what follows is the way out.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)


def query(program, sql):
    """The one number that `sql` asks of the program's database, running or not."""
    database = sqlite3.connect(f"file:{program.database}?mode=ro", uri=True, timeout=30)
    try:
        return database.execute(sql).fetchone()[0]
    finally:
        database.close()


def post_orders(program, seconds):
    return wrk.post_orders(program.orders_url, program.key, SUPPLIER, seconds)


def check_orders(program, load):
    """Returns how many orders are stored, each with its delivery.

    wrk hangs up on the requests under way when its time is over: stored, and not counted by it."""
    orders = query(program, "SELECT count(*) FROM orders")
    if not load.acknowledged <= orders <= load.acknowledged + wrk.CONNECTIONS:
        raise BenchFailed(f"{program.name} has acknowledged {load.acknowledged} orders, and stored "
                          f"{orders}")
    deliveries = query(program, "SELECT count(*) FROM deliveries")
    if deliveries != orders:
        raise BenchFailed(f"{program.name} has {orders} orders, but {deliveries} deliveries")
    return orders


# --- The two measurements -------------------------------------------------------------------------

def measure_ingest(program, seconds):
    load = post_orders(program, seconds)
    program.stop()
    check_orders(program, load)
    if query(program, "SELECT count(*) FROM attempts") != 0:
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
        if received >= load.acknowledged and not query(
                program, "SELECT count(*) FROM deliveries WHERE state <> 'succeeded'"):
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


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, required=True)
    options.add_argument("--seconds", type=int, required=True)
    given = options.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)

    os.makedirs(FOLDER, exist_ok=True)
    machine = report.machine()
    print(f"{report.describe(machine)}; {given.rounds} × {given.seconds} s each", flush=True)
    with tempfile.TemporaryDirectory(prefix="data-", dir=FOLDER,
                                     ignore_cleanup_errors=True) as parent:
        try:
            results = measure_all(given.rounds, given.seconds, parent)
        except Interrupted as interrupted:
            print("\ninterrupted", flush=True)
            return 128 + interrupted.number
        except (BenchFailed, OSError, sqlite3.Error) as failure:
            print(f"bench/run: {failure}", file=sys.stderr)
            return 1
    rows = report.compare(results)
    print("\n" + report.table(rows, results))
    if report.is_busy(machine):
        print("\nThe machine was busy with something else: do not quote these figures.")
    path = os.path.join(FOLDER, "results.json")
    report.save(path, {"machine": machine, "rounds": given.rounds, "seconds": given.seconds,
                       "rows": rows, "measurements": results})
    print(f"\nAll of it: {os.path.relpath(path)}. What it means: bench/README.md.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
