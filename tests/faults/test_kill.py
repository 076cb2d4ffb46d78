"""kill -9 at random instants under load: what was acknowledged is delivered all the same."""

import unittest

from faults import FULL, FaultTest, percentile

KILLS = 200 if FULL else 50
CONNECTIONS = 8
IN_FLIGHT_MAX = 8
# How many orders are acknowledged between the first after a start and the next kill.
ORDERS_MAX = 60
# How many of the kills come while the hub takes back what it held.
STARTING_SHARE = 0.1
# What a kill may send again to one endpoint: what is in flight, and what was answered while the
# commit that would have recorded it was under way.
UNDER_WAY_MAX = 4 * IN_FLIGHT_MAX
ENDPOINTS = {"prompt": "healthy", "slow": "delay:20ms"}


class Kill(FaultTest):
    def test_killed_at_random_under_load(self):
        self.start_ledger(*(f"{name}={how}" for name, how in ENDPOINTS.items()))
        self.start_hub()
        workspace = self.workspace("acme")
        for name in ENDPOINTS:
            self.add_endpoint(workspace, name, in_flight_max=IN_FLIGHT_MAX)
        self.post(workspace, "main", list(ENDPOINTS), connections=CONNECTIONS)
        self.wait_for_more("main", 20)

        recoveries, kills = [], 0
        while kills < KILLS:
            self.hub.kill()
            kills += 1
            if self.rng.random() < STARTING_SHARE:
                self.hub.kill_while_starting()
                kills += 1
            self.hub.start()
            recoveries.append(self.recovery())
            self.wait_for_more("main", self.rng.randint(1, ORDERS_MAX))
        self.ledger.stop_load("main")
        self.check(f"kill -9, {kills} times", f"p50 {percentile(recoveries, 0.5):.2f} s, "
                   f"max {max(recoveries):.2f} s",
                   duplicates_max=kills * len(ENDPOINTS) * UNDER_WAY_MAX)


if __name__ == "__main__":
    unittest.main()
