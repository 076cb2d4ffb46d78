"""Three nodes on one PostgreSQL: any of them serves any request, and hears what others change."""

import json
import time
import unittest

import harness
from harness import Hub, Receiver, Workspace, an_order, wait_for

NODES = 3
HEARD_SECONDS_MAX = 1


class Nodes(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.express = Receiver("express_receiver.js")
        cls.addClassCleanup(cls.express.stop)
        url = harness.shared_postgres().create_database()
        cls.addClassCleanup(harness.shared_postgres().drop_database, url)
        cls.nodes = []
        for _ in range(NODES):
            node = Hub(like=cls.nodes[0] if cls.nodes else None, WAYBILL_DATABASE=url)
            cls.addClassCleanup(node.remove)
            cls.addClassCleanup(node.stop)
            cls.nodes.append(node)
        cls.slugs = iter(f"test-{number}" for number in range(100))

    def setUp(self):
        self.workspace = Workspace(self.nodes[0], next(self.slugs))
        self.name = self.workspace.slug

    def at(self, node):
        """The same workspace, through another node."""
        other = Workspace.__new__(Workspace)
        other.__dict__.update(self.workspace.__dict__, hub=node, api=node.api)
        return other

    def assert_heard(self, condition, what):
        """On every node, within a second from now."""
        began = time.monotonic()
        wait_for(lambda: all(condition(self.at(node)) for node in self.nodes), what)
        self.assertLessEqual(time.monotonic() - began, HEARD_SECONDS_MAX, what)

    def test_each_lists_all_of_them(self):
        for node in self.nodes:
            done = node.cli("node", "list", "--json")
            self.assertEqual(done.returncode, 0, done)
            rows = json.loads(done.stdout)["rows"]
            self.assertEqual([row["state"] for row in rows], ["live"] * NODES)
            self.assertEqual(len({row["id"] for row in rows}), NODES)

    def test_an_order_is_the_same_order_at_every_node(self):
        answers = [self.at(node).post_order(an_order(), "once") for node in self.nodes]
        self.assertEqual([answer.status for answer in answers], [201, 200, 200])
        self.assertEqual(len({answer.json["id"] for answer in answers}), 1)
        for node in self.nodes:
            self.assertEqual(len(self.at(node).rows("/orders")), 1)

    def test_posts_of_one_order_at_all_nodes_at_once_make_one(self):
        for number in range(10):
            order = an_order(f"PO-{number}")
            answers = harness.at_once(4 * NODES, lambda each, order=order: self.at(
                self.nodes[each % NODES]).post_order(order, order["orderNumber"]))
            self.assertEqual(sorted({answer.status for answer in answers}), [200, 201], answers)
            self.assertEqual(len({answer.json["id"] for answer in answers}), 1)
        self.assertEqual(len(self.workspace.rows("/orders")), 10)

    def test_a_revoked_key_stops_working_everywhere_within_a_second(self):
        made = self.workspace.new_key("proculink")

        def status(workspace):
            return workspace.ingress("GET", "/ping", key=made["key"]).status
        for node in self.nodes:
            self.assertEqual(status(self.at(node)), 200)
        self.at(self.nodes[1]).ask("DELETE", f"/keys/{made['id']}", status=200)
        self.assert_heard(lambda workspace: status(workspace) == 401, "the key is refused")

    def test_an_endpoint_made_at_one_node_hears_of_orders_at_all(self):
        path = f"/raw/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, "secret")
        self.assert_heard(lambda workspace: workspace.endpoint_now(endpoint), "it is there")
        for number, node in enumerate(self.nodes):
            self.assertEqual(self.at(node).post_order(an_order(f"PO-{number}")).status, 201)
        for webhook in self.express.wait_for(path, NODES):
            self.assertTrue(webhook["valid"], webhook["why"])
        self.workspace.wait_for_states(endpoint, *["succeeded"] * NODES)

    def test_an_attempt_names_its_node(self):
        endpoint = self.workspace.endpoint("proculink", self.express, f"/raw/{self.name}", "secret")
        for number, node in enumerate(self.nodes):
            self.assertEqual(self.at(node).post_order(an_order(f"PO-{number}")).status, 201)
        self.workspace.wait_for_states(endpoint, *["succeeded"] * NODES)
        listed = {row["name"] for row in json.loads(
            self.nodes[0].cli("node", "list", "--json").stdout)["rows"]}
        for row in self.workspace.deliveries(endpoint):
            shown = self.workspace.ask("GET", f"/deliveries/{row['id']}")
            for attempt in shown["attempts"]:
                self.assertIn(attempt["node"], listed)

    def test_a_paused_endpoint_is_sent_nothing_by_any_node(self):
        path = f"/raw/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, "secret")
        for number, node in enumerate(self.nodes):
            self.at(node).post_order(an_order(f"PO-{number}"))
        self.express.wait_for(path, NODES)  # All of them know it now.
        self.at(self.nodes[1]).ask("POST", f"/endpoints/{endpoint['id']}/pause")
        for number, node in enumerate(self.nodes):
            self.at(node).post_order(an_order(f"PO-while-paused-{number}"))
        self.workspace.wait_for_states(endpoint, *["succeeded"] * NODES, *["pending"] * NODES)
        self.assertEqual(len(self.express.received(path)), NODES)
        self.at(self.nodes[2]).ask("POST", f"/endpoints/{endpoint['id']}/resume")
        self.express.wait_for(path, 2 * NODES)

    def test_what_a_node_held_is_delivered_by_the_others_when_it_stops(self):
        path = f"/raw/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.express, path, "secret",
                                           in_flight_max=1)
        self.express.behave(path, hold=True, times=1)
        for number in range(6):
            self.at(self.nodes[2]).post_order(an_order(f"PO-{number}"))
        self.express.wait_for(path, 1)
        self.nodes[2].http.close()
        self.nodes[2].process.terminate()
        self.express.release(path)
        self.assertEqual(self.nodes[2].wait(), 0)
        self.workspace.wait_for_states(endpoint, *["succeeded"] * 6)
        self.nodes[2].start()


if __name__ == "__main__":
    unittest.main()
