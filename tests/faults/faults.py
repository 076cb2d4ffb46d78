"""What the fault tests share: a hub that can be hurt, a ledger, and a line for the table."""

import json
import os
import random
import struct
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "e2e"), os.path.join(ROOT, "bench", "ledger")]

import harness  # noqa: E402  The paths are set above.
import ledger as ledger_tool  # noqa: E402
from harness import wait_for  # noqa: E402

BIN = os.path.dirname(harness.BINARY)
LEDGER = os.environ.get("WAYBILL_LEDGER") or os.path.join(BIN, "waybill_bench_ledger")
# ./test full sets it: longer, and more of everything.
FULL = os.environ.get("WAYBILL_TEST_FULL") == "1"
# A run that failed is made again with the seed it has printed.
SEED = int(os.environ.get("WAYBILL_SEED") or random.SystemRandom().randrange(1 << 32))
SUPPLIER = "Acme Paper Ltd"
DRAIN_SECONDS = 60


class Number:
    """A 64-bit number in a file, which a preloaded library has mapped."""

    def __init__(self, path, value):
        self.path = path
        with open(path, "wb") as file:
            file.write(struct.pack("=q", value))

    def set(self, value):
        with open(self.path, "r+b") as file:
            file.write(struct.pack("=q", value))


def preloaded(library):
    """The variable that preloads one of our libraries into a hub."""
    path = os.path.join(BIN, f"waybill_{library}.so")
    if not os.path.exists(path):
        raise AssertionError(f"{path} has not been built")
    return {"LD_PRELOAD": path}


class Hub(harness.Hub):
    """A hub that comes back on the port it had, and tells how long that took."""

    def launch(self):
        self.environment["FAULTY_DISK"] = self.data  # For a preloaded disk.
        self.started_at = time.monotonic()
        super().launch()

    def wait_until_ready(self):
        super().wait_until_ready()
        self.listen = self.url.removeprefix("http://")

    def kill_while_starting(self):
        """Starts it, and kills it as soon as it has written something."""
        size = os.path.getsize(self.log_path)
        self.launch()
        wait_for(lambda: os.path.getsize(self.log_path) > size, "the first line of the hub's log")
        self.kill()

    def resident_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        raise AssertionError("the hub has no memory")


class FaultTest(unittest.TestCase):
    """A hub and a ledger for each test."""

    maxDiff = None

    def setUp(self):
        self.rng = random.Random(SEED)
        print(f"seed {SEED}: to repeat, WAYBILL_SEED={SEED}", flush=True)

    def folder(self):
        made = tempfile.TemporaryDirectory(prefix="waybill-faults-")
        self.addCleanup(made.cleanup)
        return made.name

    def start_ledger(self, *endpoints):
        self.ledger = ledger_tool.Ledger(LEDGER, *endpoints)
        self.addCleanup(self.ledger.stop)

    def start_hub(self, *options, **environment):
        self.hub = Hub("--allow-private-networks", *options, **environment)
        self.addCleanup(self.hub.remove)
        self.addCleanup(self.end_hub)

    def end_hub(self):
        self.hub.kill()

    def workspace(self, slug):
        return harness.Workspace(self.hub, slug)

    def add_endpoint(self, workspace, name, member=None, **more):
        return workspace.ask("POST", "/endpoints", {
            "dialect": "proculink", "url": self.ledger.hook(name, member),
            "event_types": ["order.created"], "secret": ledger_tool.SECRET, **more}, 201)

    def post(self, workspace, load, endpoints, **plan):
        self.ledger.load(load, orders_url=f"{self.hub.url}/api/ingress/{workspace.slug}/orders",
                         key=workspace.key, workspace=workspace.slug, supplier=SUPPLIER,
                         endpoints=endpoints, **plan)

    def acknowledged(self, load):
        return self.ledger.state()["loads"][load]["acknowledged"]

    def wait_for_more(self, load, more, seconds=30):
        """Until `more` orders have been acknowledged than now."""
        goal = self.acknowledged(load) + more
        wait_for(lambda: self.acknowledged(load) >= goal,
                 lambda: f"{more} more orders acknowledged\n{self.hub.log()}", seconds)

    def recovery(self, seconds=30):
        """From the start of the hub to the first order acknowledged after it."""
        def ended():
            outage = self.ledger.state()["last_outage"]
            return outage and outage["ended"] and outage["ended"] > self.hub.started_at and outage
        outage = wait_for(ended, lambda: f"an order after the start\n{self.hub.log()}", seconds)
        return outage["ended"] - self.hub.started_at

    def check(self, scenario, recovery="-", duplicates_max=0):
        """The end of a scenario: everything has come; its line is printed and kept."""
        try:
            self.ledger.wait_until_complete(DRAIN_SECONDS)
        except ledger_tool.LedgerFailed as late:
            print(late)
        report = self.ledger.report()
        total = report["total"]
        add_line(scenario, total["acknowledged"], total["lost"], total["duplicated"],
                 total["corrupted"] + total["invented"], recovery)
        for name, load in report["loads"].items():
            if load["refused"]:
                print(f"load {name}: refused {load['refused_by_status']}: {load['refusals']}",
                      flush=True)
        for complaint in report["complaints"]:
            print("!", complaint, flush=True)
        for name in ("lost", "corrupted", "invented", "contradicted", "unresolved"):
            self.assertEqual(total[name], 0, f"{name}: {json.dumps(report, indent=1)[:6000]}\n"
                                             f"{self.hub.log()}")
        self.assertGreater(total["acknowledged"], 0)
        self.assertLessEqual(total["duplicated"], duplicates_max)
        return report


def add_line(scenario, acknowledged, lost, duplicated, corrupted, recovery):
    if harness.ON_POSTGRES:
        scenario += ", PostgreSQL"
    line = f"{scenario:<54}{acknowledged:>9}{lost:>6}{duplicated:>12}{corrupted:>11}  {recovery}"
    print(line, flush=True)
    folder = os.environ.get("WAYBILL_FAULTS_REPORT")
    if folder:
        os.makedirs(folder, exist_ok=True)
        name = os.path.splitext(os.path.basename(sys.argv[-1]))[0]
        with open(os.path.join(folder, name), "a", encoding="utf-8") as file:
            file.write(line + "\n")


def raise_file_limit():
    """As many descriptors as this user may have; returns how many that are."""
    import resource
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
