#!/usr/bin/python3
"""Counts the instructions that an order costs the hub, and compares them with instructions.json.

  bench/instructions.py             exit status 1 if one is more than a tenth off
  bench/instructions.py --accept    writes what was counted to instructions.json
  bench/instructions.py --profile   leaves callgrind's files in build/bench/, for callgrind_annotate

A count under valgrind hardly depends on what else the machine does: it guards the hot path in
./test, where a time could not. It is no figure of speed: what waits, and what the kernel does, is
not in it, and SHA-256 is done without the processor's own instructions. Needs build/release.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import programs
from programs import SUPPLIER, BenchFailed, Hub, Receiver

HERE = os.path.dirname(os.path.abspath(__file__))
ACCEPTED = os.path.join(HERE, "instructions.json")
FOLDER = os.path.join(os.path.dirname(HERE), "build", "bench")
TOLERANCE = 0.10
# Orders are posted in rounds: one on each connection, then all the answers. So every run has much
# the same batches, whatever the scheduler does.
CONNECTIONS = 32
WARM_UP_ROUNDS = 8
ROUNDS = 32
WEBHOOK_SECONDS = 120

BODY = ('{"orderNumber":"PO-%09d","orderDate":"2026-06-12","currency":"EUR",'
        f'"supplierId":"{SUPPLIER}",'
        '"lines":[{"buyerItemCode":"A4-COPY-500","description":"Copy paper A4","quantity":10,'
        '"unit":"box","unitPrice":24.9},{"buyerItemCode":"A4-COPY-501","description":'
        '"Copy paper A4","quantity":10,"unit":"box","unitPrice":24.9}]}')


class Client:
    """Posts orders over CONNECTIONS connections."""

    def __init__(self, hub):
        url = urllib.parse.urlsplit(hub.orders_url)
        self.head = (f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nX-ProcuLink-Key: {hub.key}"
                     "\r\nContent-Type: application/json\r\nContent-Length: ")
        self.connections = [socket.create_connection((url.hostname, url.port), timeout=60)
                            for _ in range(CONNECTIONS)]
        self.posted = 0

    def post_round(self):
        for connection in self.connections:
            self.posted += 1
            body = BODY % self.posted
            connection.sendall(f"{self.head}{len(body)}\r\n\r\n{body}".encode())
        for connection in self.connections:
            check_answer(connection)

    def close(self):
        for connection in self.connections:
            connection.close()


def check_answer(connection):
    answer = b""
    while True:
        part = connection.recv(65536)
        if not part:
            raise BenchFailed("the hub has ended a connection")
        answer += part
        head, end, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and len(body) >= int(length.group(1)):
            break
    if not answer.startswith(b"HTTP/1.1 201 "):
        raise BenchFailed(f"an order was answered with {answer!r}")


def control(option, hub):
    subprocess.run(["callgrind_control", option, str(hub.process.pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_webhooks(receiver, count):
    deadline = time.monotonic() + WEBHOOK_SECONDS
    while receiver.received() < count:
        if time.monotonic() > deadline:
            raise BenchFailed(f"{receiver.received()} of {count} webhooks have arrived")
        time.sleep(0.05)


def total_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("totals: "):
                return int(line.split()[1])
    raise BenchFailed(f"there is no total in {path}")


def count(name, folder, profile):
    """Instructions per order: posted, stored, answered, and if `name` says so sent and recorded."""
    # valgrind 3.19 stumbles over the line tables of clang 19; it needs the names alone.
    program = os.path.join(folder, "waybill")
    subprocess.run(["llvm-strip-19", "--strip-debug", "-o", program,
                    os.path.join(programs.BIN, "waybill")], check=True)
    out = os.path.join(folder, "callgrind")
    command = ["valgrind", "--tool=callgrind", "--fair-sched=yes", f"--callgrind-out-file={out}",
               program]
    with Receiver(os.path.join(folder, "receiver")) as receiver, \
            Hub(os.path.join(folder, "hub"), command) as hub:
        hub.add_endpoint(f"{receiver.url}/hook", CONNECTIONS, paused=name == "ingest")
        client = Client(hub)
        for _ in range(WARM_UP_ROUNDS):
            client.post_round()
        sent = name != "ingest"
        if sent:
            wait_for_webhooks(receiver, client.posted)
        control("-z", hub)
        before = client.posted
        for _ in range(ROUNDS):
            client.post_round()
        if sent:
            wait_for_webhooks(receiver, client.posted)
        control("-d", hub)
        client.close()
        if profile:
            shutil.copy(out + ".1", os.path.join(FOLDER, f"callgrind.{name}"))
        return round(total_of(out + ".1") / (client.posted - before))


def main():
    options = argparse.ArgumentParser(description=__doc__, add_help=True,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--accept", action="store_true")
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    os.makedirs(FOLDER, exist_ok=True)
    with open(ACCEPTED, encoding="utf-8") as file:
        accepted = json.load(file)

    found, off = {}, []
    for name in ("ingest", "end_to_end"):
        with tempfile.TemporaryDirectory(prefix="instructions-", dir=FOLDER,
                                         ignore_cleanup_errors=True) as folder:
            found[name] = count(name, folder, given.profile)
        change = found[name] / accepted[name] - 1
        print(f"{name:<11} {found[name]:>9,} instructions an order, {change:+.1%} of the accepted "
              f"{accepted[name]:,}", flush=True)
        if abs(change) > TOLERANCE:
            off.append(name)
    if given.accept:
        with open(ACCEPTED, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=2)
            file.write("\n")
        return 0
    if off:
        print(f"More than {TOLERANCE:.0%} off: {', '.join(off)}. If that is meant, say why in the "
              "commit, and write it down with bench/instructions.py --accept.")
    return 1 if off else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BenchFailed, OSError, subprocess.CalledProcessError) as failure:
        sys.exit(f"bench/instructions.py: {failure}")
