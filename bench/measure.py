#!/usr/bin/python3
"""Measures the hub. bench/run builds everything and starts this."""

import argparse
import os
import shutil
import signal
import sqlite3
import sys
import tempfile

import fan_out
import growth
import latency
import memory
import nodes
import picture
import postgres
import receipt
import rendering
import report
import sales
import slow_endpoint
import throughput
from ledger.ledger import LedgerFailed
from postgres_server import ServerFailed
from programs import BenchFailed

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.path.dirname(HERE), "build", "bench")
# Each is a function of a folder and of whether it is to be quick. Throughput has its own rounds.
ROWS = {"rendering": rendering.measure, "fan-out": fan_out.measure, "latency": latency.measure,
        "memory": memory.measure, "slow-endpoint": slow_endpoint.measure,
        "growth": growth.measure, "postgres": postgres.measure, "nodes": nodes.measure,
        "sales": sales.measure, "receipt": receipt.measure}


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


def measure(given, parent):
    """{row: what was measured}"""
    found = {}
    if "throughput" in given.rows:
        found["throughput"] = throughput.measure_all(given.rounds, given.seconds, parent)
    for name, measure_row in ROWS.items():
        if name not in given.rows:
            continue
        folder = os.path.join(parent, name)
        os.sync()
        found[name] = measure_row(folder, given.quick)
        shutil.rmtree(folder, ignore_errors=True)
        for line in report.lines_of(name, found[name]):
            print(f"{line['title']}: {line['figure']}", flush=True)
    return found


def publish(content):
    """What docs/ shows, and what a change is compared with."""
    report.save(os.path.join(HERE, "results.json"), content)
    with open(os.path.join(HERE, "results.svg"), "w", encoding="utf-8") as file:
        file.write(picture.draw(content))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, required=True)
    options.add_argument("--seconds", type=int, required=True)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--publish", action="store_true")
    options.add_argument("rows", nargs="*")
    given = options.parse_args()
    given.rows = given.rows or ["throughput", *ROWS]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)

    os.makedirs(FOLDER, exist_ok=True)
    machine = report.machine()
    print(report.describe(machine), flush=True)
    with tempfile.TemporaryDirectory(prefix="data-", dir=FOLDER,
                                     ignore_cleanup_errors=True) as parent:
        try:
            found = measure(given, parent)
        except Interrupted as interrupted:
            print("\ninterrupted", flush=True)
            return 128 + interrupted.number
        except (BenchFailed, LedgerFailed, ServerFailed, OSError, sqlite3.Error) as failure:
            print(f"bench/run: {failure}", file=sys.stderr)
            return 1
    lines = [line for name, row in found.items() for line in report.lines_of(name, row)]
    print("\n" + report.table(lines))
    if "throughput" in found:
        print("\n" + report.throughput_details(found["throughput"]))
    if report.is_busy(machine):
        print("\nThe machine was busy with something else: do not quote these figures.")
    content = {"machine": machine, "rounds": given.rounds, "seconds": given.seconds,
               "quick": given.quick, "lines": lines, "measurements": found}
    path = os.path.join(FOLDER, "results.json")
    report.save(path, content)
    if given.publish:
        publish(content)
    print(f"\nAll of it: {os.path.relpath(path)}. What it means: bench/README.md.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
