"""Latency: from an order's post to the receipt of its webhook, at a modest rate."""

from ledger.ledger import Ledger
from programs import SUPPLIER, WORKSPACE, BenchFailed, Hub, ledger_binary

RATE = 500
WARM_UP_SECONDS = 2
SECONDS, QUICK_SECONDS = 10, 3
PATIENCE_SECONDS = 60


def plan(hub, endpoints, rate, seconds):
    """An open loop: latencies begin when an order was due, whether or not it could be posted."""
    return {"orders_url": hub.orders_url, "key": hub.key, "workspace": WORKSPACE,
            "supplier": SUPPLIER, "endpoints": endpoints, "rate": rate, "seconds": seconds}


def check(report):
    total = report["total"]
    wrong = {name: total[name] for name in ("refused", "unresolved", "lost", "duplicated",
                                            "corrupted", "invented") if total[name]}
    if wrong:
        raise BenchFailed(f"the ledger is not clean: {wrong} {report['complaints']}")


def measure(folder, quick):
    with Ledger(ledger_binary(), "main") as ledger, Hub(folder) as hub:
        hub.add_endpoint(ledger.hook("main"), 64)
        for name, seconds in (("warm-up", WARM_UP_SECONDS),
                              ("measured", QUICK_SECONDS if quick else SECONDS)):
            ledger.load(name, **plan(hub, ["main"], RATE, seconds))
            ledger.wait_until_complete(seconds + PATIENCE_SECONDS)
        report = ledger.report()
        hub.stop()
    check(report)
    received = report["endpoints"]["main"]["loads"]["measured"]["received_ms"]
    answered = report["loads"]["measured"]["answer_ms"]
    return {"rate": RATE, "received_p50_ms": received["p50"], "received_p99_ms": received["p99"],
            "answered_p50_ms": answered["p50"], "answered_p99_ms": answered["p99"]}
