"""One endpoint of a hundred is dead or thirty seconds slow. What do the others notice?"""

import os
import statistics

from latency import PATIENCE_SECONDS, WARM_UP_SECONDS, check, plan
from ledger.ledger import Ledger
from programs import BenchFailed, Hub, ledger_binary

HEALTHY = 99
# Orders a second: each is a webhook to every endpoint.
RATE = 25
SECONDS, QUICK_SECONDS = 10, 3
ROUNDS = 3
# Just within the timeout: it never fails, is never switched off, and holds all it is given.
SLOW = "delay:29s"
NOBODY = "http://127.0.0.1:9/hook"


def measure_once(folder, hundredth, seconds):
    """The p99 of the healthy ones, in ms. `hundredth`: "healthy", "slow" or "dead"."""
    behaviour = SLOW if hundredth == "slow" else "healthy"
    with Ledger(ledger_binary(), f"healthy*{HEALTHY}", f"hundredth={behaviour}") as ledger, \
            Hub(folder) as hub:
        for number in range(HEALTHY):
            hub.add_endpoint(ledger.hook("healthy", number), 32)
        hub.add_endpoint(NOBODY if hundredth == "dead" else ledger.hook("hundredth"), 32)
        for name, length in (("warm-up", WARM_UP_SECONDS), ("measured", seconds)):
            ledger.load(name, **plan(hub, ["healthy"], RATE, length))
            ledger.wait_until_complete(length + PATIENCE_SECONDS)
        report = ledger.report()
        # What the slow one still holds is not waited for.
        hub.process.kill()
    check(report)
    found = report["endpoints"]["healthy"]["loads"]["measured"]
    if found["received_ms"]["count"] < RATE * seconds * HEALTHY:
        raise BenchFailed(f"the healthy endpoints have {found['received_ms']['count']} webhooks")
    return found["received_ms"]["p99"]


def measure(folder, quick):
    """In turn, so that what else the machine does falls on all three alike."""
    found = {"healthy": [], "slow": [], "dead": []}
    for number in range(1 if quick else ROUNDS):
        for hundredth, values in found.items():
            os.sync()
            values.append(measure_once(os.path.join(folder, f"{number}-{hundredth}"), hundredth,
                                       QUICK_SECONDS if quick else SECONDS))
    alone = statistics.median(found["healthy"])
    return {"p99_ms": found, "slow_ratio": statistics.median(found["slow"]) / alone,
            "dead_ratio": statistics.median(found["dead"]) / alone}
