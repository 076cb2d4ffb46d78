"""Redis, RabbitMQ and PostgreSQL are restarted, killed and halted while messages come in through
the door: whatever was answered 2xx is in the stream, the queue and the table afterwards."""

import hashlib
import hmac
import http.client
import json
import os
import sys
import threading
import time
import unittest

import pika

from faults import FULL, FaultTest, HERE, wait_for

sys.path[:0] = [os.path.join(os.path.dirname(HERE), name) for name in ("brokers", "postgres")]

from broker_server import RabbitServer, RedisServer  # noqa: E402  The paths are set above.
from postgres_server import PostgresServer  # noqa: E402

SECRET = "a-secret-of-the-door-that-is-long-enough"
SENDERS = 4
PER_SECOND = 60  # Of each sender, at most.
HOLD_SECONDS = 20 if FULL else 3
DRAIN_SECONDS = 240 if FULL else 120
STREAM, QUEUE, TABLE = "messages", "messages", "messages"
# As it is in docs/handlers.md.
CREATE_TABLE = """CREATE TABLE messages (message_id text PRIMARY KEY, source text NOT NULL,
    dialect text NOT NULL, type text NOT NULL, external_id text NOT NULL,
    received_at timestamptz NOT NULL, content_type text NOT NULL, headers jsonb NOT NULL,
    body bytea NOT NULL, data json, document json, delivery_id text NOT NULL,
    attempt integer NOT NULL, stored_at timestamptz NOT NULL DEFAULT now())"""


class Senders:
    """Send numbered, signed messages to a source until they are stopped; `taken` were answered
    2xx."""

    def __init__(self, url, path):
        self.host, self.path = url.removeprefix("http://"), path
        self.taken, self.lock, self.stopping = set(), threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.send, args=(number,), daemon=True)
                        for number in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def send(self, number):
        connection, count = http.client.HTTPConnection(self.host, timeout=30), 0
        while not self.stopping.wait(1 / PER_SECOND):
            name = f"{number}-{count}"
            count += 1
            body = json.dumps({"name": name}).encode()
            signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            try:
                connection.request("POST", self.path, body, {
                    "Content-Type": "application/json", "X-Signature": f"sha256={signature}",
                    "X-Webhook-Id": name})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            if 200 <= answer.status < 300:
                with self.lock:
                    self.taken.add(name)
        connection.close()

    def count(self):
        with self.lock:
            return len(self.taken)

    def wait_for_more(self, more):
        goal = self.count() + more
        wait_for(lambda: self.count() >= goal, f"{more} more messages", 60)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)


def name_of(text):
    return json.loads(json.loads(text)["body"])["name"]


class Brokers(FaultTest):
    def setUp(self):
        super().setUp()
        self.start_hub()
        self.acme = self.workspace("acme")
        self.source = self.acme.ask("POST", "/sources", {
            "dialect": "hmac", "name": "load", "secrets": [SECRET]}, 201)
        self.senders = None

    def tearDown(self):
        if self.senders:
            self.senders.stop()
        super().tearDown()

    def add(self, channel, settings, **more):
        return self.acme.ask("POST", f"/sources/{self.source['id']}/handlers", {
            "channel": channel, "settings": settings, "name": channel, "timeout": "3s",
            "retry": ["1s"] * 40, **more}, 201)

    def send(self):
        self.senders = Senders(self.hub.url, self.source["path"])
        self.senders.wait_for_more(200)

    def all_there(self, what, read):
        """Stops the load; every message that was taken is in `read()`, which lists names."""
        self.senders.wait_for_more(200)
        self.senders.stop()
        taken, seen = self.senders.taken, []

        def missing():
            seen[:] = read()
            return taken - set(seen)
        wait_for(lambda: not missing(),
                 lambda: f"{what}: all of {len(taken)}; {len(missing())} are missing\n"
                         f"{self.hub.log()}", DRAIN_SECONDS)
        print(f"{what}: acknowledged {len(taken)}, lost 0, "
              f"duplicated {len(seen) - len(set(seen))}", flush=True)
        return seen

    def redis(self):
        server = RedisServer(password="secret")
        self.addCleanup(server.remove)
        return server

    def names_in(self, redis):
        lines = redis.ask("XRANGE", STREAM, "-", "+").split("\n")
        return [name_of(line) for line in lines if line.startswith("{")]

    def test_redis_is_killed_and_restarted_under_load(self):
        redis = self.redis()
        self.add("redis", {"url": redis.url(), "stream": STREAM})
        self.send()
        for end in (redis.kill, redis.stop):
            end()
            self.senders.wait_for_more(100)
            redis.start()
            self.senders.wait_for_more(100)
        self.all_there("Redis killed and restarted", lambda: self.names_in(redis))

    def test_rabbitmq_is_killed_and_restarted_under_load(self):
        rabbit = RabbitServer()
        self.addCleanup(rabbit.remove)
        connection = pika.BlockingConnection(pika.URLParameters(rabbit.url() + "%2F"))
        connection.channel().queue_declare(QUEUE, durable=True)
        connection.close()
        self.add("amqp", {"url": rabbit.url(), "exchange": "", "routing_key": QUEUE})
        self.send()
        for end in (rabbit.kill, rabbit.stop):
            end()
            self.senders.wait_for_more(100)
            rabbit.start()
            self.senders.wait_for_more(100)
        names = []

        def take():
            taking = pika.BlockingConnection(pika.URLParameters(rabbit.url() + "%2F"))
            channel = taking.channel()
            while (got := channel.basic_get(QUEUE, auto_ack=True))[0]:
                names.append(name_of(got[2]))
            taking.close()
            return names
        self.all_there("RabbitMQ killed and restarted", take)

    def test_postgresql_is_killed_and_restarted_under_load(self):
        postgres = PostgresServer()
        self.addCleanup(postgres.remove)
        url = postgres.create_database("handled")
        postgres.psql(CREATE_TABLE, "handled")
        self.add("sql", {"url": url, "table": TABLE})
        self.send()
        for end in (postgres.kill, lambda: postgres.stop("immediate"), postgres.stop):
            end()
            self.senders.wait_for_more(100)
            postgres.start()
            self.senders.wait_for_more(100)
        seen = self.all_there("PostgreSQL killed and restarted", lambda: postgres.psql(
            f"SELECT data->>'name' FROM {TABLE}", "handled").split("\n"))
        self.assertEqual(len(seen), len(set(seen)), "a row twice")

    def test_a_broker_that_hangs_slows_no_other(self):
        halted, healthy = self.redis(), self.redis()
        self.add("redis", {"url": halted.url(), "stream": STREAM})
        self.add("redis", {"url": healthy.url(), "stream": STREAM})
        self.send()
        halted.hang()
        began = time.monotonic()
        try:
            while time.monotonic() < began + HOLD_SECONDS:
                goal = self.senders.count()
                wait_for(lambda at_least=goal: int(healthy.ask("XLEN", STREAM)) >= at_least,
                         "the healthy handler keeps up", 5)
                self.senders.wait_for_more(20)
        finally:
            halted.go_on()
        self.all_there("a Redis that hung", lambda: self.names_in(halted))
        self.assertFalse(self.senders.taken - set(self.names_in(healthy)))


if __name__ == "__main__":
    unittest.main()
