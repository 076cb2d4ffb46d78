"""A hub that receives and handles by programs, killed at random instants, or stopped.

Whoever was answered 2xx has been handled. A program appends what it was given to a file: a message
that is missing there is lost, one that is there twice was in flight at a kill.
"""

import base64
import collections
import hashlib
import hmac
import http.client
import itertools
import json
import os
import signal
import stat
import threading
import time
import unittest
import urllib.parse

from faults import DRAIN_SECONDS, FULL, FaultTest, add_line, percentile
from harness import wait_for

KILLS = 100 if FULL else 20
CONNECTIONS = 6
IN_FLIGHT_MAX = 4
# What a kill may have handled again: what is in flight, and what has ended while the commit that
# would have recorded it was under way.
UNDER_WAY_MAX = 4 * IN_FLIGHT_MAX
MESSAGES_MAX = 40  # Acknowledged between a start and the next kill.
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
HANGING = 20  # Messages for a handler that hangs, and for one beside it.

# The line is one write: no other program's can come in between. The pause lets kills come while it
# is at work.
APPEND = """#!/bin/sh
read -r body
sleep 0.02
echo "$WAYBILL_MESSAGE_ID $WAYBILL_ATTEMPT $body" >> "{folder}/lines"
"""
HANG = """#!/bin/sh
echo $$ >> "{folder}/hanging"
sleep 600 &
echo $! >> "{folder}/hanging"
wait
"""
HANG_ONCE = """#!/bin/sh
if [ ! -e "{folder}/hanging" ]; then
  echo $$ > "{folder}/hanging"
  sleep 600
fi
echo "$WAYBILL_MESSAGE_ID $WAYBILL_ATTEMPT" >> "{folder}/lines"
"""


class Sender:
    """A platform that signs as Standard Webhooks says, and sends until it is answered 2xx."""

    def __init__(self, hub, path):
        self.hub, self.path = hub, path
        self.numbers = itertools.count()
        self.acknowledged = {}  # When, by id.
        self.refused = collections.Counter()
        self.stopping = threading.Event()
        self.threads = []

    def begin(self, connections):
        for _ in range(connections):
            self.threads.append(threading.Thread(target=self.run))
            self.threads[-1].start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def run(self):
        connection = self.connect()
        while not self.stopping.is_set():
            id_ = f"evt_{next(self.numbers):06d}"
            while not self.stopping.is_set():
                try:
                    # It connects again by itself, and a hub comes back on the port it had.
                    status = self.send(connection, id_)
                except (OSError, http.client.HTTPException):
                    connection.close()
                    self.stopping.wait(0.01)
                    continue
                if 200 <= status < 300:
                    self.acknowledged[id_] = time.monotonic()
                    break
                self.refused[status] += 1
                self.stopping.wait(0.01)
        connection.close()

    def send_alone(self, id_):
        connection = self.connect()
        try:
            return self.send(connection, id_)
        finally:
            connection.close()

    def connect(self):
        netloc = urllib.parse.urlsplit(self.hub.url).netloc
        return http.client.HTTPConnection(netloc, timeout=30)

    def send(self, connection, id_):
        body = json.dumps({"type": "order.created", "data": {"number": id_}}).encode()
        at = str(int(time.time()))
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        digest = hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()
        connection.request("POST", self.path, body, {
            "Content-Type": "application/json", "webhook-id": id_, "webhook-timestamp": at,
            "webhook-signature": "v1," + base64.b64encode(digest).decode()})
        answer = connection.getresponse()
        answer.read()
        return answer.status


class Handling(FaultTest):
    def start(self, *options):
        self.programs = self.folder()
        self.start_hub("--handler-commands", self.programs, *options)
        self.acme = self.workspace("acme")
        self.source = self.acme.ask("POST", "/sources", {
            "dialect": "standard-webhooks", "name": "shop", "secrets": [SECRET]}, 201)
        self.sender = Sender(self.hub, self.source["path"])
        self.addCleanup(self.sender.stop)

    def add_program(self, name, text, **more):
        path = os.path.join(self.programs, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace("{folder}", self.programs))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        settings = {"command": [path], "payload": "body"}
        return self.acme.ask("POST", f"/sources/{self.source['id']}/handlers", {
            "channel": "command", "settings": settings, "name": name, **more}, 201)

    def lines(self):
        """What has been handled: [message, attempt, body]."""
        path = os.path.join(self.programs, "lines")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [line.split(" ", 2) for line in file.read().splitlines()]

    def handled(self):
        """How often, by the platform's id."""
        return collections.Counter(json.loads(body)["data"]["number"]
                                   for _, _, body in self.lines())

    def hanging(self):
        path = os.path.join(self.programs, "hanging")
        if not os.path.exists(path):
            return []
        with open(path, encoding="ascii") as file:
            return [int(line) for line in file.read().split()]

    def wait_for_more(self, more, seconds=30):
        goal = len(self.sender.acknowledged) + more
        wait_for(lambda: len(self.sender.acknowledged) >= goal,
                 lambda: f"{more} more messages acknowledged, refused {self.sender.refused}\n"
                         f"{self.hub.log()}", seconds)

    def test_killed_at_random_while_it_receives_and_handles(self):
        self.start()
        self.add_program("append", APPEND, in_flight_max=IN_FLIGHT_MAX)
        self.sender.begin(CONNECTIONS)
        self.wait_for_more(20)

        recoveries = []
        for _ in range(KILLS):
            self.hub.kill()
            known = set(self.sender.acknowledged)
            self.hub.start()
            wait_for(lambda: set(self.sender.acknowledged) - known,
                     lambda: f"a message after the start\n{self.hub.log()}")
            first = min(at for id_, at in list(self.sender.acknowledged.items())
                        if id_ not in known)
            recoveries.append(first - self.hub.started_at)
            self.wait_for_more(self.rng.randint(1, MESSAGES_MAX))
        self.sender.stop()

        sent = next(self.sender.numbers)
        acknowledged = set(self.sender.acknowledged)
        try:
            wait_for(lambda: acknowledged <= set(self.handled()), "every message handled",
                     DRAIN_SECONDS)
        except AssertionError as late:
            print(late)
        handled = self.handled()
        lost = acknowledged - set(handled)
        duplicated = sum(handled.values()) - len(handled)
        # The last few were sent, and not answered: they may be there, or not.
        invented = [id_ for id_ in handled if int(id_.removeprefix("evt_")) >= sent]
        add_line(f"kill -9, {KILLS} times, handled by programs", len(acknowledged), len(lost),
                 duplicated, len(invented),
                 f"p50 {percentile(recoveries, 0.5):.2f} s, max {max(recoveries):.2f} s")
        self.assertEqual(lost, set(), self.hub.log())
        self.assertEqual(invented, [])
        self.assertLessEqual(duplicated, KILLS * UNDER_WAY_MAX)
        # One message is one, however often it was handled.
        by_message = collections.defaultdict(set)
        for message, _, body in self.lines():
            by_message[body].add(message)
        self.assertEqual([ids for ids in by_message.values() if len(ids) != 1], [])

    def test_a_handler_that_hangs_does_not_slow_the_others(self):
        self.start()
        self.add_program("hang", HANG, timeout="5s", in_flight_max=32)
        self.add_program("append", APPEND)
        took = []
        for number in range(HANGING):
            began = time.monotonic()
            self.assertEqual(self.sender.send_alone(f"evt_{number:06d}"), 200)
            wait_for(lambda: len(self.lines()) == number + 1, "the message handled")
            took.append(time.monotonic() - began)
        self.assertTrue(self.hanging())
        add_line("a program that hangs, beside one that does not", HANGING, 0, 0, 0,
                 f"p50 {percentile(took, 0.5):.2f} s, max {max(took):.2f} s")
        self.assertLess(max(took), 5)

    def test_a_stop_leaves_no_program_behind(self):
        self.start("--stop-timeout", "4s")
        self.add_program("hang-once", HANG_ONCE)
        self.assertEqual(self.sender.send_alone("evt_000001"), 200)
        program, = wait_for(self.hanging, "the program")
        began = time.monotonic()
        self.assertEqual(self.hub.stop(), 0)
        self.assertLess(time.monotonic() - began, 8)
        with self.assertRaises(ProcessLookupError):
            os.kill(program, 0)
        # It was no failure: it is made again at once, and counts no try.
        self.hub.start()
        wait_for(self.lines, lambda: f"the message handled\n{self.hub.log()}")
        self.assertEqual([line[1] for line in self.lines()], ["2"])

    def test_a_killed_hub_takes_its_programs_along(self):
        self.start()
        self.add_program("hang-once", HANG_ONCE)
        self.assertEqual(self.sender.send_alone("evt_000001"), 200)
        program, = wait_for(self.hanging, "the program")
        self.addCleanup(self.end, program)
        self.hub.kill()
        wait_for(lambda: not self.is_alive(program), "the end of the program")
        self.assertEqual(self.lines(), [])
        self.hub.start()
        wait_for(self.lines, lambda: f"the message handled\n{self.hub.log()}")
        self.assertEqual(len(self.lines()), 1)

    @staticmethod
    def is_alive(process):
        """Whether it is there, and no corpse that nobody has buried."""
        try:
            with open(f"/proc/{process}/stat", encoding="utf-8") as file:
                return file.read().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    @staticmethod
    def end(process):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass


if __name__ == "__main__":
    unittest.main()
