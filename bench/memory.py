"""Memory: of an idle hub, and of one with a million deliveries waiting in retry."""

import time

from programs import DIALECT_WITHOUT_LIMIT, BenchFailed, Hub

WAITING = 1_000_000
QUICK_WAITING = 20_000
ENDPOINTS = 1000
FAIL_SECONDS = 600
SETTLE_SECONDS = 5
# Nobody listens there: the attempt fails at once, and the delivery waits for its retry.
NOBODY = "http://127.0.0.1:9/hook"


def resident_mib(hub):
    with open(f"/proc/{hub.process.pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    raise BenchFailed("the hub's memory cannot be read")


def wait_for_retries(hub, count):
    deadline = time.monotonic() + FAIL_SECONDS
    peak = 0.0
    while time.monotonic() < deadline:
        peak = max(peak, resident_mib(hub))
        # Reads by its own connection; the count is of an index, and not asked for often.
        if hub.query("SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL "
                     "AND state = 'retrying'") >= count:
            return peak
        time.sleep(1)
    raise BenchFailed(f"{count} deliveries have not failed within {FAIL_SECONDS} s")


def measure(folder, quick):
    waiting = QUICK_WAITING if quick else WAITING
    with Hub(folder) as hub:
        time.sleep(SETTLE_SECONDS)
        idle = resident_mib(hub)
        for number in range(ENDPOINTS):
            hub.post("endpoints", {
                "dialect": DIALECT_WITHOUT_LIMIT, "url": f"{NOBODY}/{number}",
                "event_types": ["stock.changed"], "retry": ["12h", "12h"]})
        for number in range(waiting // ENDPOINTS):
            hub.publish("stock.changed", {"number": number})
        peak = wait_for_retries(hub, waiting)
        time.sleep(SETTLE_SECONDS)
        settled = resident_mib(hub)
    return {"idle_mib": idle, "waiting_mib": settled, "peak_mib": max(peak, settled),
            "waiting": waiting}
