"""A full disk: orders are refused, none that was acknowledged is lost, and it heals by itself.

Twice: with a preloaded disk, which works everywhere, and on a small tmpfs, where this user may
mount one in a name space of its own; where not, the table says so.
"""

import os
import subprocess
import sys
import tempfile
import time
import unittest

from faults import SEED, FaultTest, Number, add_line, preloaded, wait_for

SPACE_BYTES = 6 * 1024 * 1024
PLENTY_BYTES = 1 << 40
TMPFS_BYTES = 16 * 1024 * 1024
BALLAST_BYTES = 8 * 1024 * 1024
REFUSALS = 30
HEAL_SECONDS = 30
NAME_SPACE = ["unshare", "--map-root-user", "--mount"]
# Where the test that runs in a name space of its own mounts a tmpfs.
MOUNT_AT = os.environ.get("FAULTS_MOUNT_AT")


class FullDiskTest(FaultTest):
    def refused(self):
        return self.ledger.state()["loads"]["main"]["refused"]

    def fill_and_free(self, scenario, fill, free, **environment):
        self.start_ledger("main")
        self.start_hub(**environment)
        workspace = self.workspace("acme")
        self.add_endpoint(workspace, "main", in_flight_max=8)
        self.post(workspace, "main", ["main"], connections=4)
        self.wait_for_more("main", 50)

        fill()
        wait_for(lambda: self.refused() >= REFUSALS,
                 lambda: f"{REFUSALS} refusals of a full disk\n{self.hub.log()}", 60)
        self.assertEqual(self.hub.http.request("GET", "/health/live").status, 200)

        free()
        freed = time.monotonic()
        self.wait_for_more("main", 1, HEAL_SECONDS)
        healed = time.monotonic() - freed
        self.wait_for_more("main", 50)
        self.assertIsNone(self.hub.process.poll(), "it healed without a restart")

        self.ledger.stop_load("main")
        # What could not be recorded is sent again once its lease is over.
        report = self.check(scenario, f"{healed:.2f} s", duplicates_max=2000)
        load = report["loads"]["main"]
        self.assertEqual(list(load["refused_by_status"]), ["503"], load)
        self.assertEqual(load["refused_without_retry_after"], 0, load)


class FullDisk(FullDiskTest):
    def test_orders_are_refused_until_there_is_space_again(self):
        space = Number(os.path.join(self.folder(), "space"), PLENTY_BYTES)
        self.fill_and_free("full disk, then space again", lambda: space.set(SPACE_BYTES),
                           lambda: space.set(PLENTY_BYTES), FAULTY_DISK_SPACE=space.path,
                           **preloaded("forgetful_disk"))

    def test_the_same_on_a_small_tmpfs(self):
        if subprocess.run([*NAME_SPACE, "true"], check=False).returncode != 0:
            add_line("full tmpfs: no name space may be made here", "-", "-", "-", "-", "not run")
            return
        done = subprocess.run(
            [*NAME_SPACE, sys.executable, "-B", "-m", "unittest", "-v", "test_disk.SmallTmpfs"],
            env={**os.environ, "FAULTS_MOUNT_AT": self.folder(),
                 "WAYBILL_SEED": str(SEED)}, timeout=240, check=False)
        self.assertEqual(done.returncode, 0)


if MOUNT_AT:
    class SmallTmpfs(FullDiskTest):
        def test_orders_are_refused_until_the_ballast_is_gone(self):
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", MOUNT_AT],
                           check=True)
            tempfile.tempdir = MOUNT_AT
            ballast = os.path.join(MOUNT_AT, "ballast")

            def fill():
                with open(ballast, "wb") as file:
                    file.write(bytes(BALLAST_BYTES))
            self.fill_and_free("full tmpfs, then space again", fill, lambda: os.remove(ballast))


if __name__ == "__main__":
    unittest.main()
