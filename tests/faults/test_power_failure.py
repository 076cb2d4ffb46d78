"""The machine's view of a crash: what was not synced is gone, or any part of it is.

And the instrument itself: it must take from a program what it has not synced, and nothing else.
"""

import os
import sqlite3
import subprocess
import sys
import unittest

import power_failure
from faults import FULL, FaultTest, add_line, percentile, preloaded

FAILURES = 60 if FULL else 20
CONNECTIONS = 8
ORDERS_MAX = 60


class Instrument(FaultTest):
    def write(self, program):
        """What is left, after a power failure, of what a program has written in `folder`."""
        self.data, journal = self.folder(), self.folder()
        subprocess.run([sys.executable, "-c", program],
                       env={"PATH": os.environ["PATH"], "FAULTY_DISK": self.data,
                            "FAULTY_DISK_JOURNAL": journal, **preloaded("forgetful_disk")},
                       cwd=self.data, timeout=30, check=True)
        power_failure.fail(self.data, journal, self.rng)
        with open(os.path.join(self.data, "file"), "rb") as file:
            return file.read()

    def test_what_was_not_synced_is_gone(self):
        self.assertEqual(self.write("open('file', 'wb', 0).write(b'unsynced')"), b"")

    def test_what_was_synced_stays(self):
        for sync in ("fsync", "fdatasync"):
            self.assertEqual(self.write(
                f"import os; f = open('file', 'wb', 0); f.write(b'synced'); os.{sync}(f.fileno());"
                "f.write(b' and not')"), b"synced")

    def test_what_was_overwritten_or_cut_off_comes_back(self):
        begin = ("import os; f = open('file', 'wb', 0); f.write(b'0123456789');"
                 "os.fsync(f.fileno());")
        for then in ("os.pwrite(f.fileno(), b'abcdefghijklmnop', 5)", "os.ftruncate(f.fileno(), 3)",
                     "os.writev(f.fileno(), [b'one', b'two'])",
                     "os.ftruncate(f.fileno(), 2); os.pwrite(f.fileno(), b'x', 100_000)"):
            self.assertEqual(self.write(begin + then), b"0123456789", then)

    def test_any_part_of_the_rest_may_stay(self):
        data, journal = self.folder(), self.folder()
        path = os.path.join(data, "file")
        subprocess.run([sys.executable, "-c",
                        "import os; f = open('file', 'wb', 0); f.write(b'a' * 100_000);"
                        "os.fsync(f.fileno()); os.pwrite(f.fileno(), b'b' * 100_000, 0)"],
                       env={"PATH": os.environ["PATH"], "FAULTY_DISK": data,
                            "FAULTY_DISK_JOURNAL": journal, **preloaded("forgetful_disk")},
                       cwd=data, timeout=30, check=True)
        power_failure.fail(data, journal, self.rng, keep=0.5)
        with open(path, "rb") as file:
            left = file.read()
        self.assertEqual(len(left), 100_000)
        sectors = {left[at:at + 512] for at in range(0, 99_840, 512)}
        self.assertEqual(sectors, {b"a" * 512, b"b" * 512})


class PowerFailure(FaultTest):
    def set_up(self, **environment):
        self.journal = self.folder()
        self.start_ledger("main")
        self.start_hub(FAULTY_DISK_JOURNAL=self.journal, **preloaded("forgetful_disk"),
                       **environment)
        self.acme = self.workspace("acme")
        self.add_endpoint(self.acme, "main", in_flight_max=8)
        self.post(self.acme, "main", ["main"], connections=CONNECTIONS)
        self.wait_for_more("main", 20)

    def fail_power(self, keep):
        self.hub.kill()
        return power_failure.fail(self.hub.data, self.journal, self.rng, keep)

    def test_everything_acknowledged_was_synced(self):
        self.set_up()
        recoveries, forgotten = [], 0
        for number in range(FAILURES):
            forgotten += self.fail_power(keep=(0.0, 0.5, 0.9)[number % 3])
            self.hub.start()
            recoveries.append(self.recovery())
            self.wait_for_more("main", self.rng.randint(1, ORDERS_MAX))
        self.ledger.stop_load("main")
        self.assertGreater(forgotten, 0, "no power failure had anything to take")
        self.check(f"power failure, {FAILURES} times",
                   f"p50 {percentile(recoveries, 0.5):.2f} s, max {max(recoveries):.2f} s",
                   duplicates_max=FAILURES * 4 * (8 + CONNECTIONS))

    def test_a_disk_that_lies_loses_what_was_acknowledged(self):
        """The proof that the test above could fail."""
        self.set_up(FAULTY_DISK_LIES="1")
        self.wait_for_more("main", 100)
        self.ledger.stop_load("main")
        self.ledger.wait_until_posted("main", 30)
        acknowledged = self.acknowledged("main")
        self.assertGreater(self.fail_power(keep=0.0), 0)
        left = self.count_orders()
        add_line("a disk that lies (must lose)", acknowledged, acknowledged - left, 0, 0, "-")
        self.assertLess(left, acknowledged)

    def count_orders(self):
        path = os.path.join(self.hub.data, "waybill.sqlite")
        try:
            database = sqlite3.connect(path)
            return database.execute("SELECT count(*) FROM orders").fetchone()[0]
        except sqlite3.DatabaseError:
            return 0  # Not even the tables are left.


if __name__ == "__main__":
    unittest.main()
