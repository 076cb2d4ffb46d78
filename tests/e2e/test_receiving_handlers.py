"""What handlers do with what was received: programs, filters, order, retries, replays, bridges.

The clock runs 600 times as fast: the half hour of a handler's retries is over in seconds.
"""

import datetime
import json
import shutil
import signal
import tempfile
import unittest

from harness import RECEIVERS_ARE_HERE, HubTest, Recorder, wait_for
from receiving import ProcureIq, procureiq_id, read_lines, wait_for_lines, write_program

# Appends what it is given to the file of its first argument, and ends with the status that the
# message asks for. What the platform's data says of itself decides.
PROGRAM = """#!/usr/bin/python3
import json, sys
given = json.load(sys.stdin)
data = given["data"]["data"]
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(given) + "\\n")
later = data.get("later")
if later and given["delivery"]["attempt"] == 1:
    print(json.dumps({"retry_after": later}))
    sys.exit(75)
if given["delivery"]["attempt"] <= data.get("failures", 0):
    sys.exit(1)
sys.exit(data.get("status", 0))
"""


class Handlers(HubTest):
    @classmethod
    def setUpClass(cls):
        cls.programs = tempfile.mkdtemp(prefix="waybill-e2e-programs-")
        cls.addClassCleanup(shutil.rmtree, cls.programs)
        cls.program = write_program(cls.programs, "note", PROGRAM)
        cls.hub_options = (*RECEIVERS_ARE_HERE, "--allow-insecure-endpoints", "--clock-speed",
                           "600", "--handler-commands", cls.programs)
        super().setUpClass()

    def cli(self, *words, status=0):
        done = self.hub.cli(*words, "--workspace", self.name, "--json")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def output(self, name="noted"):
        return f"{self.programs}/{self.name}-{name}"

    def command(self, name="noted", **more):
        return {"channel": "command",
                "settings": {"command": [self.program, self.output(name)]}, **more}

    def noted(self, name="noted"):
        """(id, attempt) of each time that the program ran."""
        return [(line["message"]["external_id"], line["delivery"]["attempt"])
                for line in read_lines(self.output(name))]

    def wait_until(self, handler, state, count=1):
        """The deliveries of a handler, once so many are in this state."""
        return wait_for(lambda: len(rows := self.workspace.deliveries(handler, state)) == count
                        and rows, lambda: f"{count} {state}: {self.workspace.deliveries(handler)}")

    def attempts(self, delivery):
        shown = self.workspace.ask("GET", f"/deliveries/{delivery['id']}")
        return shown["attempts"]

    # --- What a program says --------------------------------------------------------------------

    def test_the_status_of_a_program_decides(self):
        source = ProcureIq(self.workspace, self.command())
        handler, = source.handlers
        source.send(1)
        self.wait_until(handler, "succeeded")
        source.send(2, data={"status": 65})
        self.wait_until(handler, "dropped")
        source.send(3, data={"later": 3600})
        self.wait_until(handler, "succeeded", 2)
        source.send(4, data={"failures": 2})
        self.wait_until(handler, "succeeded", 3)
        self.assertEqual(sorted(self.noted()), sorted(
            [(procureiq_id(1), 1), (procureiq_id(2), 1), (procureiq_id(3), 1),
             (procureiq_id(3), 2), (procureiq_id(4), 1), (procureiq_id(4), 2),
             (procureiq_id(4), 3)]))
        by_id = {self.message_of(row): self.starts(row)
                 for row in self.workspace.deliveries(handler)}
        waited, = differences(by_id[procureiq_id(3)])
        self.assertGreaterEqual(waited, 3600)

    def test_a_hub_whose_parent_ignores_its_children_knows_how_programs_end(self):
        self.hub.stop()
        # As `trap '' CHLD` in a shell: what is ignored stays ignored in whatever it starts.
        former = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            self.hub.launch()
        finally:
            signal.signal(signal.SIGCHLD, former)
        self.hub.wait_until_ready()
        self.workspace = self.new_workspace()
        source = ProcureIq(self.workspace, self.command())
        source.send(1)
        source.send(2, data={"status": 65})
        self.wait_until(source.handlers[0], "succeeded")
        self.wait_until(source.handlers[0], "dropped")

    def message_of(self, delivery):
        event = delivery["event_id"]
        return next(row["external_id"] for row in self.workspace.rows("/messages")
                    if row["id"].removeprefix("msg_") == event.removeprefix("evt_"))

    def starts(self, delivery):
        return sorted(read_time(attempt["started_at"]) for attempt in self.attempts(delivery))

    def test_what_fails_is_tried_after_30_s_2_m_and_10_m_and_is_then_a_dead_letter(self):
        source = ProcureIq(self.workspace, self.command())
        handler, = source.handlers
        source.send(1, data={"status": 3})
        dropped, = self.wait_until(handler, "dropped")
        self.assertEqual(self.noted(), [(procureiq_id(1), number) for number in (1, 2, 3, 4)])
        for waited, wanted in zip(differences(self.starts(dropped)), (30, 120, 600), strict=True):
            self.assertGreaterEqual(waited, 0.85 * wanted)
            # A second of a busy machine is ten minutes of this hub's.
            self.assertLess(waited, wanted + 5 * 600)

    def test_dead_letters_are_listed_shown_replayed_and_dismissed(self):
        source = ProcureIq(self.workspace, self.command(retry=["1s"]))
        handler, = source.handlers
        for number in (1, 2, 3):
            source.send(number, data={"status": 65})
        self.wait_until(handler, "dropped", 3)
        rows = self.cli("dead-letter", "list")["rows"]
        self.assertEqual(len(rows), 3)
        shown = self.cli("dead-letter", "show", rows[0]["id"])
        self.assertEqual(len(shown["attempts"]), 1)
        dismissed = self.cli("dead-letter", "dismiss", rows[0]["id"], "--reason",
                             "a test of theirs")
        self.assertIn("a test of theirs", json.dumps(dismissed))
        self.assertEqual(len(self.cli("dead-letter", "list")["rows"]), 2)
        self.cli("dead-letter", "replay", rows[1]["id"])
        wait_for(lambda: len(self.noted()) == 4, lambda: f"again: {self.noted()}")
        self.wait_until(handler, "dropped", 2)

    # --- Which, and in which sequence -----------------------------------------------------------

    def test_a_handler_is_given_what_it_asks_for(self):
        source = ProcureIq(
            self.workspace, self.command("all"),
            self.command("shipped", event_types=["order.shipped"]),
            self.command("large", filter={"data.itemCount": {"$gte": 10}}))
        for number in (1, 10, 20):
            source.send(number)
        source.send(30, "order.shipped")
        everything = {procureiq_id(number) for number in (1, 10, 20, 30)}
        for name, wanted in (("all", everything), ("shipped", {procureiq_id(30)}),
                             ("large", everything - {procureiq_id(1)})):
            lines = wait_for_lines(self.output(name), len(wanted))
            self.assertEqual({line["message"]["external_id"] for line in lines}, wanted, name)

    def test_what_has_the_same_key_is_handled_in_the_sequence_it_came_in(self):
        source = ProcureIq(self.workspace, self.command(order_by="{body.data.orderId}"))
        handler, = source.handlers
        for number in range(12):
            # The first of each order fails once: the others of that order wait for it.
            source.send(number, data={"orderId": f"order-{number % 3}",
                                      "failures": 1 if number < 3 else 0})
        self.wait_until(handler, "succeeded", 12)
        done = [id_ for id_, attempt in self.noted()
                if attempt == 2 or id_ not in {procureiq_id(number) for number in range(3)}]
        for order in range(3):
            wanted = [procureiq_id(number) for number in range(order, 12, 3)]
            self.assertEqual([id_ for id_ in done if id_ in wanted], wanted)

    # --- Again ----------------------------------------------------------------------------------

    def test_messages_are_replayed_one_by_one_and_by_time_with_their_bytes_and_ids(self):
        source = ProcureIq(self.workspace, self.command("first"), self.command("second"))
        first, second = source.handlers
        for number in (1, 2, 3):
            source.send(number)
        for handler in source.handlers:
            self.wait_until(handler, "succeeded", 3)
        message = source.messages()[1]
        self.cli("message", "replay", message["id"], "--handler", second["id"])
        lines = wait_for_lines(self.output("second"), 4)
        before = next(line for line in lines if line["message"]["id"] == message["id"])
        after = lines[-1]
        self.assertEqual((after["body"], after["message"]), (before["body"], before["message"]))
        self.assertEqual((before["delivery"]["replay"], after["delivery"]["replay"]),
                         (False, True))

        told = self.cli("message", "replay", "--source", source.id, "--since", "30d", "--dry-run")
        self.assertEqual(sorted((row["handler_id"], row["deliveries"]) for row in told["rows"]),
                         sorted((handler["id"], 3) for handler in source.handlers))
        self.assertEqual(len(read_lines(self.output("first"))), 3)
        self.cli("message", "replay", "--source", source.id, "--since", "30d",
                 "--handler", first["id"])
        lines = wait_for_lines(self.output("first"), 6)
        self.assertEqual(sum(line["delivery"]["replay"] for line in lines), 3)
        self.assertEqual(len(read_lines(self.output("second"))), 4)

    # --- Bridges --------------------------------------------------------------------------------

    def test_what_procureiq_tells_leaves_as_proigns(self):
        recorder = Recorder()
        self.addCleanup(recorder.stop)
        endpoint = self.workspace.ask("POST", "/endpoints", {
            "dialect": "proign", "url": f"{recorder.url}/{self.name}"}, 201)
        source = ProcureIq(self.workspace, {"channel": "publish"})
        order = "ord_01JGFJJZ00FC90000000000007"
        self.assertEqual(source.send(1, data={
            "orderId": order, "totalAmount": 24.9, "currency": "EUR", "itemCount": 3}).status, 200)
        (headers, body), = recorder.wait_for(f"/{self.name}", 1)
        content = json.loads(body)
        self.assertEqual((content["type"], content["tenant_id"]), ("order.created", self.name))
        done = self.hub.cli("verify", "--dialect", "proign", "--secret", endpoint["secret"],
                            "--body", "-", *(word for name, value in headers.items()
                                             for word in ("--header", f"{name}: {value}")),
                            stdin=body.decode())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_until(source.handlers[0], "succeeded")
        # Once, however often the platform sends it.
        source.send(1)
        message, = source.messages()
        shown = self.workspace.ask("GET", f"/messages/{message['id']}")
        self.assertIsNotNone(shown["published_event_id"])
        self.assertEqual(len(recorder.requests[f"/{self.name}"]), 1)


def read_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def differences(times):
    return [later - sooner for sooner, later in zip(times, times[1:])]


if __name__ == "__main__":
    unittest.main()
