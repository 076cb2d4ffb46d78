"""A clock that is set by an hour, forward and back: deliveries go on, and none waits an hour."""

import os
import time
import unittest

from faults import FaultTest, Number, preloaded, wait_for

HOUR = 3600
RATE = 40
IN_FLIGHT_MAX = 8
# Of hub time in one second, so that a retry after a minute is one after a second.
SPEED = 60
SECONDS = 15


class SteppedClock(FaultTest):
    def setUp(self):
        super().setUp()
        self.clock = Number(os.path.join(self.folder(), "clock"), 0)

    def begin(self, *endpoints):
        self.start_ledger(*endpoints)
        self.start_hub("--clock-speed", str(SPEED), FAULTY_CLOCK_STEP=self.clock.path,
                       **preloaded("stepped_clock"))
        self.acme = self.workspace("acme")
        for name in endpoints:
            self.add_endpoint(self.acme, name.split("=")[0], in_flight_max=IN_FLIGHT_MAX)

    def taken(self, name):
        return self.ledger.state()["endpoints"][name]["taken"]

    def wait_for_taken(self, name, count, what):
        began = time.monotonic()
        wait_for(lambda: self.taken(name) >= count,
                 lambda: f"webhooks {what}: {self.taken(name)} of {count}\n{self.hub.log()}",
                 SECONDS)
        return time.monotonic() - began

    def test_new_orders_are_delivered_whatever_the_clock_does(self):
        self.begin("main")
        self.post(self.acme, "main", ["main"], rate=RATE, connections=8)
        waits = []
        for step in (0, HOUR, 0, -HOUR, 0):
            self.clock.set(step)
            waits.append(self.wait_for_taken("main", self.taken("main") + RATE,
                                             f"after the clock was set to {step:+} s"))
        self.ledger.stop_load("main")
        self.check("clock set by an hour, 4 times",
                   f"{RATE} webhooks in at most {max(waits):.2f} s",
                   duplicates_max=4 * 2 * IN_FLIGHT_MAX)

    def retry_over(self, step):
        """A first try fails; the clock is set; the retry is due a minute of hub time later."""
        self.begin("again=fail:1")
        self.post(self.acme, "main", ["again"], orders=1, connections=1)
        wait_for(lambda: self.ledger.state()["endpoints"]["again"]["tries"] == 1, "the first try")
        wait_for(lambda: self.acme.rows("/deliveries?state=retrying"), "the retry is planned")
        self.clock.set(step)
        waited = self.wait_for_taken("again", 1, f"retried after the clock was set to {step:+} s")
        self.check(f"retry over a clock set by {step // HOUR:+} h", f"{waited:.2f} s")

    def test_a_retry_does_not_wait_for_the_hour_to_come_again(self):
        self.retry_over(-HOUR)

    def test_a_retry_comes_once_after_a_step_forward(self):
        self.retry_over(HOUR)


if __name__ == "__main__":
    unittest.main()
