#!/usr/bin/python3
"""A Redis 7 and a RabbitMQ 3 of our own: temporary, on loopback, never the system's.

    with RedisServer(password="secret") as server: …server.url()…
    with RabbitServer() as server: …server.url()…

By hand, and for ctest:

    broker_server.py start FOLDER [--until-parent-ends]   leaves both running: FOLDER/urls
    broker_server.py stop FOLDER

The servers end with the process that made them, however that ends. Only processes started here are
ended. Both write what they acknowledge to the disk first: Redis with appendfsync always, RabbitMQ
with durable queues.
"""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "servers"))

from own_server import (  # noqa: E402  The path is set above.
    OwnServer, ServerFailed, free_port, run_by_hand, write_whole)

RABBIT_USER, RABBIT_PASSWORD = "waybill", "rabbit-secret"


class Broker(OwnServer):
    """What both have in common."""

    prefix = "waybill-broker-"
    wait_seconds = 240  # RabbitMQ takes seconds, and on a busy machine many of them.

    def stop(self):
        """SIGTERM, and it closes what is open."""
        if self.is_running():
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(self.wait_seconds)

    def hang(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


class RedisServer(Broker):
    """appendfsync always: what is acknowledged survives a kill, and a crash of the machine."""

    def __init__(self, password=None):
        super().__init__()
        self.password = password
        try:
            self.start()
        except BaseException:
            self.remove()
            raise

    def url(self):
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}"

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
                   self.folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        if self.password:
            command += ["--requirepass", self.password]
        self.process = self.launch(command)
        self.wait_ready()

    def takes_connections(self):
        with contextlib.suppress(ServerFailed):
            return self.ask("PING") == "PONG"
        return False

    def ask(self, *words):
        """What redis-cli prints."""
        command = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), "--raw", *words]
        environment = {"PATH": os.environ.get("PATH", os.defpath)}
        if self.password:
            environment["REDISCLI_AUTH"] = self.password
        done = subprocess.run(command, capture_output=True, text=True, timeout=self.wait_seconds,
                              check=False, env=environment)
        if done.returncode != 0:
            raise ServerFailed(done.stdout + done.stderr)
        return done.stdout.strip()


class RabbitServer(Broker):
    """A node of its own, with an epmd of its own, which other nodes of this machine do not see."""

    def __init__(self):
        super().__init__()
        self.epmd_port, self.dist_port, self.epmd = free_port(), free_port(), None
        try:
            self.configure()
            self.epmd = self.launch(["epmd", "-port", str(self.epmd_port),
                                     "-address", "127.0.0.1"])
            self.start()
        except BaseException:
            self.remove()
            raise

    def url(self):
        return f"amqp://{RABBIT_USER}:{RABBIT_PASSWORD}@127.0.0.1:{self.port}/"

    def configure(self):
        for name, text in (("rabbitmq.conf", f"""
                listeners.tcp.default = 127.0.0.1:{self.port}
                default_user = {RABBIT_USER}
                default_pass = {RABBIT_PASSWORD}
                loopback_users = none
                log.file = false
                log.console = true
                log.console.level = warning
                disk_free_limit.absolute = 50MB
                """), ("enabled_plugins", "[].\n")):
            path = os.path.join(self.folder, name)
            write_whole(path, "\n".join(line.strip() for line in text.splitlines()) + "\n")
            self.give_away(path)

    def start(self):
        self.process = self.launch(
            ["/usr/lib/rabbitmq/bin/rabbitmq-server", "-noinput"], {
                "RABBITMQ_ALLOW_INPUT": "1",  # Not a shell that starts it, but the server itself.
                "RABBITMQ_NODENAME": f"waybill{self.port}@localhost",
                "RABBITMQ_CONFIG_FILE": os.path.join(self.folder, "rabbitmq.conf"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": os.path.join(self.folder, "enabled_plugins"),
                "RABBITMQ_MNESIA_BASE": os.path.join(self.folder, "mnesia"),
                "RABBITMQ_LOG_BASE": os.path.join(self.folder, "logs"),
                "RABBITMQ_CONF_ENV_FILE": "/nonexistent",
                "RABBITMQ_DIST_PORT": str(self.dist_port),
                "ERL_EPMD_PORT": str(self.epmd_port),
                "ERL_EPMD_ADDRESS": "127.0.0.1",
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                    "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}"})
        self.wait_ready()

    def takes_connections(self):
        """Its first words, which it says once it has started."""
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as made:
                made.settimeout(5)
                made.sendall(b"AMQP\0\0\x09\x01")
                return made.recv(1) == b"\x01"
        return False

    def remove(self):
        try:
            super().remove()
        finally:
            if self.epmd and self.epmd.poll() is None:
                self.epmd.kill()
                self.epmd.wait(self.wait_seconds)


if __name__ == "__main__":
    run_by_hand(__file__, __doc__, "urls",
                [lambda: RedisServer(password="redis-secret"), RabbitServer], Broker.wait_seconds)
