"""Nodes on one PostgreSQL: two beside one when receivers are slow, and a flood beside the quiet."""

import itertools
import os
import statistics
import threading
import time

from postgres import PostgresHub, start_server
from programs import DIALECT_WITHOUT_LIMIT, BenchFailed, Receiver, fetch

# Slow enough that a node waits at its limit of requests in flight, and the machine has time.
SLOW_SECONDS = 4
IN_FLIGHT_MAX = 4096  # DispatcherOptions::in_flight_max, of a node.
ENDPOINTS = 1000
ENDPOINT_IN_FLIGHT_MAX = 16
EVENTS, QUICK_EVENTS = 50, 30
SECONDS, QUICK_SECONDS = 12, 8
ROUNDS = 3
PATIENCE_SECONDS = 180

FLOOD, QUICK_FLOOD = 100_000, 50_000
FLOOD_ENDPOINTS = 10
BATCH = 100  # Events published by one request, at most.
QUIET = 10
QUIET_ROUNDS = 5
TYPE = "stock.changed"


def wait(condition, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise BenchFailed(f"not within {PATIENCE_SECONDS} s: {what}")
        time.sleep(0.005)


def add_endpoints(hub, receiver, count, **more):
    return [hub.post("endpoints", {
        "dialect": DIALECT_WITHOUT_LIMIT, "url": f"{receiver.url}/hook/{number}",
        "event_types": [TYPE], **more})["id"] for number in range(count)]


def publish(hubs, events):
    """Each event is a delivery to every endpoint. By all hubs at once, as clients would."""
    def work(hub, count):
        for number in range(count):
            hub.publish(TYPE, {"number": number})

    shares = [len(range(number, events, len(hubs))) for number in range(len(hubs))]
    threads = [threading.Thread(target=work, args=pair) for pair in zip(hubs, shares)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- Two nodes ------------------------------------------------------------------------------------

def slow_receivers(folder, server, count, quick):
    """Deliveries a second of `count` nodes whose every receiver takes SLOW_SECONDS."""
    events, seconds = (QUICK_EVENTS, QUICK_SECONDS) if quick else (EVENTS, SECONDS)
    url = server.create_database()
    hubs = []
    try:
        with Receiver(folder, SLOW_SECONDS) as receiver:
            for number in range(count):
                hubs.append(PostgresHub(os.path.join(folder, f"node-{number}"), server, url,
                                        like=hubs[0] if hubs else None))
            add_endpoints(hubs[0], receiver, ENDPOINTS, timeout="30s",
                          in_flight_max=ENDPOINT_IN_FLIGHT_MAX)
            publish(hubs, events)
            began, before = time.monotonic(), receiver.received()
            wait(lambda: time.monotonic() - began >= seconds, "the time passes")
            after, ended = receiver.received(), time.monotonic()
            if events * ENDPOINTS - after < count * IN_FLIGHT_MAX:
                raise BenchFailed(f"{after} deliveries of {events * ENDPOINTS} were made before "
                                  "the time was over: the nodes had too little to do")
            for hub in hubs:
                hub.check_running()
    finally:
        for hub in hubs:
            hub.process.kill()  # What the receivers still hold is not waited for.
            hub.__exit__()
    server.drop_database(url)
    return (after - before) / (ended - began)


# --- A flood --------------------------------------------------------------------------------------

class Quiet:
    """Another workspace with one endpoint, of which its ten deliveries are timed."""

    def __init__(self, hub, receiver):
        self.hub, self.receiver, self.base = hub, receiver, f"{hub.url}/hub/v1/workspaces"
        fetch(self.base, hub.token, {"slug": "quiet"})
        self.ask("endpoints", {"dialect": DIALECT_WITHOUT_LIMIT, "url": receiver.url + "/hook",
                               "event_types": [TYPE]})

    def ask(self, path, body):
        return fetch(f"{self.base}/quiet/{path}", self.hub.token, body)

    def time_ten(self):
        """Milliseconds from the events' publication to the receipt of the last webhook."""
        goal, began = self.receiver.received() + QUIET, time.monotonic()
        self.ask("events/batch", {"events": [{"type": TYPE, "data": {}}] * QUIET})
        wait(lambda: self.receiver.received() >= goal, "the quiet workspace's deliveries")
        return (time.monotonic() - began) * 1000


def flood(folder, server, quick):
    """The ten of the quiet workspace, alone and beside what another has due."""
    due = QUICK_FLOOD if quick else FLOOD
    url = server.create_database()
    with Receiver(os.path.join(folder, "flood")) as receiver, \
            Receiver(os.path.join(folder, "quiet")) as quiet_receiver, \
            PostgresHub(os.path.join(folder, "hub"), server, url) as hub:
        endpoints = add_endpoints(hub, receiver, FLOOD_ENDPOINTS)
        for endpoint in endpoints:
            hub.post(f"endpoints/{endpoint}/pause", {})
        for _ in range(due // FLOOD_ENDPOINTS // BATCH):
            hub.post("events/batch", {"events": [{"type": TYPE, "data": {}}] * BATCH})
        quiet = Quiet(hub, quiet_receiver)
        quiet.time_ten()  # Its endpoint is loaded, its connection open.
        alone = [quiet.time_ten() for _ in range(QUIET_ROUNDS)]
        for endpoint in endpoints:
            hub.post(f"endpoints/{endpoint}/resume", {})
        beside = []
        for _ in itertools.repeat(None, QUIET_ROUNDS):
            beside.append(quiet.time_ten())
            if receiver.received() >= due:
                raise BenchFailed("the flood was over before the quiet workspace was timed")
        wait(lambda: receiver.received() >= due, "the flood is delivered")
        hub.stop()
    server.drop_database(url)
    return {"due": due, "alone_ms": alone, "beside_ms": beside}


def measure(folder, quick):
    found = {"one": [], "two": []}
    with start_server() as server:
        for number in range(1 if quick else ROUNDS):
            for name, count in (("one", 1), ("two", 2)) if number % 2 else (("two", 2), ("one", 1)):
                os.sync()
                found[name].append(slow_receivers(os.path.join(folder, f"{number}-{name}"), server,
                                                  count, quick))
                print(f"nodes, round {number + 1}: {name} {found[name][-1]:,.0f} deliveries/s",
                      flush=True)
        found["flood"] = flood(os.path.join(folder, "flood"), server, quick)
    found["ratio"] = statistics.median(found["two"]) / statistics.median(found["one"])
    return found
