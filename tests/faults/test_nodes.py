"""Three nodes on one PostgreSQL under load, while one of them, or the database, is in trouble.

After each: every acknowledged order is there exactly once, every delivery was made, all nodes are
ready again within ten seconds, and none was restarted that was not killed.
"""

import collections
import os
import signal
import time
import unittest

from faults import FULL, LEDGER, FaultTest, Hub, ledger_tool, wait_for
from nodes import Crowd, Holder, Watch, read_journal
from postgres_server import PostgresServer, database_of, several

NODES = 3
ROUNDS = 10 if FULL else 3
RATE = 60
CONNECTIONS = 12
ANSWER_SECONDS = 3  # Then a client asks another node.
# Some webhooks are always under way.
ENDPOINTS = {"prompt": "healthy", "slow": "delay:300ms"}
IN_FLIGHT_MAX = 32
READY_SECONDS_MAX = 10
# How many posts are refused in a trouble before it ends.
DEFERRED = 20
# Longer than any trouble here with the database: only a node in trouble loses a lease.
LEASE_SECONDS = 30
SHORT_LEASE_SECONDS = 5
ATTEMPT_TIMEOUT = "2s"
# What one node may have under way at a moment: being sent, or answered and not recorded.
UNDER_WAY_MAX = 2 * IN_FLIGHT_MAX * len(ENDPOINTS)
# A statement that waits longer is given up by the server.
STATEMENT_SECONDS = 30
CONNECTIONS_MAX = 40


class NodesTest(FaultTest):
    """Begins with begin(), ends with finish()."""

    answer_seconds = ANSWER_SECONDS

    def start_server(self, **options):
        server = PostgresServer(**options)
        self.addCleanup(server.remove)
        return server

    def begin(self, url, lease=LEASE_SECONDS):
        self.journal = os.path.join(self.folder(), "journal")
        self.ledger = ledger_tool.Ledger(
            LEDGER, *(f"{name}={how}" for name, how in ENDPOINTS.items()), journal=self.journal)
        self.addCleanup(self.ledger.stop)
        self.nodes = []
        for _ in range(NODES):
            self.add_node(url, lease)
        self.hub = self.nodes[0]
        self.acme = self.workspace("acme")
        for name in ENDPOINTS:
            self.add_endpoint(self.acme, name, in_flight_max=IN_FLIGHT_MAX,
                              timeout=ATTEMPT_TIMEOUT)
        self.watches = [Watch(node) for node in self.nodes]
        for watch in self.watches:
            self.addCleanup(watch.stop)
        self.processes = [node.process.pid for node in self.nodes]
        self.post("main")
        self.wait_for_more("main", RATE)

    def add_node(self, url, lease):
        node = Hub("--allow-private-networks", "--lease", f"{lease}s",
                   like=self.nodes[0] if self.nodes else None, WAYBILL_DATABASE=url)
        self.addCleanup(node.remove)
        self.addCleanup(node.kill)
        self.nodes.append(node)

    def post(self, load):
        self.ledger.load(
            load, orders_url=[f"{node.url}/api/ingress/{self.acme.slug}/orders"
                              for node in self.nodes],
            key=self.acme.key, workspace=self.acme.slug, supplier=self.acme.supplier["name"],
            endpoints=list(ENDPOINTS), connections=CONNECTIONS, rate=RATE,
            answer_seconds=self.answer_seconds, patience_seconds=120)

    def logs(self):
        return "\n".join(f"--- node {number}\n{node.log()[-2000:]}"
                         for number, node in enumerate(self.nodes))

    def wait_until_refusing(self, moment, seconds=30):
        """Until each node has answered 503 with Retry-After since `moment`."""
        wait_for(lambda: all(watch.refused_since(moment) for watch in self.watches),
                 lambda: f"every node says that it is not ready: {self.latest()}", seconds)

    def latest(self):
        """What was last heard of each node."""
        return f"{[watch.samples[-1:] for watch in self.watches]}\n{self.logs()}"

    def deferred(self):
        """How many posts have been answered with 503."""
        return self.ledger.report()["loads"]["main"]["deferred"]

    def wait_until_deferred(self):
        """Until clients have met the trouble, too."""
        goal = self.deferred() + DEFERRED
        wait_for(lambda: self.deferred() >= goal,
                 lambda: f"posts are answered with 503: {self.ledger.state()}\n{self.logs()}")

    def wait_until_reposted(self, load):
        """Until clients have lost patience with a node that does not answer."""
        def reposted():
            return self.ledger.report()["loads"][load]["reposted"]
        goal = reposted() + 1
        wait_for(lambda: reposted() >= goal, "posts are made again")

    def wait_until_ready(self, moment, seconds=60):
        """How long after `moment` it took until every node said that it is ready."""
        wait_for(lambda: all(watch.ready_at(moment) for watch in self.watches),
                 lambda: f"every node is ready: {self.latest()}", seconds)
        return max(watch.ready_at(moment) for watch in self.watches) - moment

    def finish(self, scenario, recoveries, duplicates_max, loads=("main",)):
        self.wait_for_more(loads[-1], RATE)
        self.ledger.stop_load(loads[-1])
        for load in loads:
            self.ledger.wait_until_posted(load, 120)
        report = self.check(scenario, f"all ready within {max(recoveries):.2f} s",
                            duplicates_max=duplicates_max)
        deferred = [report["loads"][load] for load in loads]
        print(f"  {sum(load['deferred'] for load in deferred)} posts were answered with 503, "
              f"{sum(load['reposted'] for load in deferred)} made again", flush=True)
        self.assertEqual(sum(load["deferred_without_retry_after"] for load in deferred), 0)
        self.assertEqual(report["total"]["refused"], 0, report["loads"])
        self.assertLessEqual(max(recoveries), READY_SECONDS_MAX)
        self.assertEqual([node.process.pid for node in self.nodes], self.processes)
        for node in self.nodes:
            self.assertIsNone(node.process.poll(), node.log())
        self.check_orders()
        self.check_deliveries(self.nodes[-1])

    def check_orders(self):
        """Each that was acknowledged is there once, whichever node is asked."""
        acknowledged = read_journal(self.journal)
        for node in self.nodes[-1:] if len(acknowledged) > 5000 else self.nodes:
            rows = node.api.rows(f"{self.acme.path}/orders")
            ids = collections.defaultdict(list)
            for row in rows:
                ids[row["number"]].append(row["uuid"])
            self.assertEqual([number for number, found in ids.items() if len(found) > 1], [])
            self.assertLessEqual(acknowledged.items(),
                                 {number: found[0] for number, found in ids.items()}.items())

    def check_deliveries(self, node):
        """Waits until `node` knows of none that is not made."""
        def unfinished():
            return [row for state in ("pending", "delivering", "retrying", "dropped")
                    for row in node.api.ask(
                        "GET", f"{self.acme.path}/deliveries?state={state}")["rows"]]
        wait_for(lambda: not unfinished(),
                 lambda: f"all deliveries end: {unfinished()[:3]}\n{self.logs()}",
                 2 * LEASE_SECONDS)


class OneNode(NodesTest):
    def setUp(self):
        super().setUp()
        self.server = self.start_server()

    def test_one_is_killed(self):
        self.begin(self.server.create_database(), SHORT_LEASE_SECONDS)
        recoveries = []
        for number in range(ROUNDS):
            node = self.nodes[number % NODES]
            node.kill()
            self.wait_for_more("main", RATE)
            node.start()
            self.processes[number % NODES] = node.process.pid
            recoveries.append(self.wait_until_ready(node.started_at))
            self.wait_for_more("main", RATE)
        self.finish(f"kill -9 of one node of {NODES}, {ROUNDS} times", recoveries,
                    duplicates_max=ROUNDS * UNDER_WAY_MAX)

    def test_one_stands_still_beyond_its_lease_and_goes_on(self):
        self.begin(self.server.create_database(), SHORT_LEASE_SECONDS)
        recoveries, loads = [], ["main"]
        for number in range(ROUNDS):
            node = self.nodes[number % NODES]
            node.process.send_signal(signal.SIGSTOP)
            try:
                self.wait_until_reposted(loads[-1])
                self.ledger.stop_load(loads[-1])
                self.ledger.wait_until_posted(loads[-1], 60)
                # The others make every delivery, what it held as well: its leases are over.
                self.check_deliveries(self.nodes[(number + 1) % NODES])
                loads.append(f"after-{number}")
                self.post(loads[-1])
                self.wait_until_reposted(loads[-1])
            finally:
                node.process.send_signal(signal.SIGCONT)
            recoveries.append(self.wait_until_ready(time.monotonic()))
            self.wait_for_more(loads[-1], RATE)
        self.finish(f"SIGSTOP of one node of {NODES}, {ROUNDS} times", recoveries, loads=loads,
                    duplicates_max=ROUNDS * UNDER_WAY_MAX)


class DatabaseInTrouble(NodesTest):
    def test_the_server_crashes_and_comes_back(self):
        server = self.start_server()
        self.begin(server.create_database())
        recoveries = []
        for _ in range(ROUNDS):
            began = time.monotonic()
            server.stop("immediate")
            self.wait_until_refusing(began)
            self.wait_until_deferred()
            server.start()
            recoveries.append(self.wait_until_ready(time.monotonic()))
            self.wait_for_more("main", RATE)
        self.finish(f"PostgreSQL restarted with immediate, {ROUNDS} times", recoveries,
                    duplicates_max=0)

    def test_the_primary_dies_and_the_replica_is_promoted(self):
        primary = self.start_server()
        replica = primary.replica(synchronous=True)
        self.addCleanup(replica.remove)
        database = database_of(primary.create_database())
        self.begin(several(database, primary, replica))
        began = time.monotonic()
        primary.kill()
        self.wait_until_refusing(began)
        self.wait_until_deferred()
        replica.promote()
        recovery = self.wait_until_ready(time.monotonic())
        self.finish("the primary dies, its replica is promoted", [recovery], duplicates_max=0)

    def test_others_take_every_connection(self):
        server = self.start_server(settings={"max_connections": str(CONNECTIONS_MAX)})
        database = database_of(server.create_database())
        self.begin(server.url(database))
        crowd = Crowd(server)
        self.addCleanup(crowd.leave)
        self.assertTrue(crowd.is_full.wait(30))
        self.wait_for_more("main", RATE)  # Who is connected is not disturbed.
        began = time.monotonic()

        def all_refuse():  # Whoever gets in by luck is thrown out again.
            server.administer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                              f"WHERE datname = '{database}'")
            return (all(watch.refused_since(began) for watch in self.watches)
                    and self.deferred() >= DEFERRED)
        wait_for(all_refuse, "the nodes lose their connections to others", 60)
        crowd.leave()
        recovery = self.wait_until_ready(time.monotonic())
        self.finish("no connection to PostgreSQL is free", [recovery], duplicates_max=0)

    def test_a_lock_makes_every_statement_wait_too_long(self):
        server = self.start_server()
        database = database_of(server.create_database())
        self.answer_seconds = 2 * STATEMENT_SECONDS
        self.begin(server.url(database), lease=3 * STATEMENT_SECONDS)
        began = time.monotonic()
        holder = Holder(server, database)
        self.addCleanup(holder.release)
        self.wait_until_refusing(began, STATEMENT_SECONDS + READY_SECONDS_MAX)
        wait_for(lambda: self.deferred() >= CONNECTIONS, "each client is told to come again")
        holder.release()
        recovery = self.wait_until_ready(time.monotonic())
        self.finish("every table is locked by somebody", [recovery], duplicates_max=0)


if __name__ == "__main__":
    unittest.main()
