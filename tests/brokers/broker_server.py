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

import argparse
import contextlib
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "postgres"))

from postgres_server import (  # noqa: E402  The path is set above.
    LIBC, PR_SET_PDEATHSIG, PostgresFailed, free_port, is_alive, mark_of, read_text, started_at,
    unprivileged, wait_for, write_whole)

PREFIX = "waybill-broker-"
WAIT_SECONDS = 240  # RabbitMQ takes seconds, and on a busy machine many of them.
RABBIT_USER, RABBIT_PASSWORD = "waybill", "rabbit-secret"


__all__ = ["BrokerFailed", "RabbitServer", "RedisServer", "started_at", "wait_for"]


class BrokerFailed(Exception):
    """A server did not do what it was asked."""


def sweep(parent):
    """Removes what servers have left whose makers were killed."""
    for name in os.listdir(parent):
        folder = os.path.join(parent, name)
        mark = read_text(os.path.join(folder, "owner")) if name.startswith(PREFIX) else ""
        if mark and not is_alive(mark):
            shutil.rmtree(folder, ignore_errors=True)


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """What both have in common: a folder, a port, a process, a life."""

    def __init__(self):
        parent = tempfile.gettempdir()
        sweep(parent)
        self.user = unprivileged()
        self.folder = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
        write_whole(os.path.join(self.folder, "owner"), mark_of(os.getpid()))
        self.give_away(self.folder)
        self.log_path = os.path.join(self.folder, "log")
        self.port, self.process = free_port(), None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def give_away(self, path):
        if self.user:
            os.chown(path, self.user["user"], self.user["group"])

    def launch(self, command, environment=None):
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(
                command, **self.user, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, preexec_fn=end_with_parent,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": self.folder,
                     "LC_ALL": "C.UTF-8", **(environment or {})})

    def log(self):
        return read_text(self.log_path)[-4000:]

    def is_ready(self):
        raise NotImplementedError

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise BrokerFailed(f"it ended with {self.process.returncode}:\n{self.log()}")
            return self.is_ready()
        try:
            wait_for(ready, lambda: f"the server is ready\n{self.log()}", WAIT_SECONDS)
        except PostgresFailed as failure:
            raise BrokerFailed(str(failure)) from None

    def stop(self):
        """SIGTERM, and it closes what is open."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(WAIT_SECONDS)

    def kill(self):
        """SIGKILL: it has no time for anything."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(WAIT_SECONDS)

    def hang(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class RedisServer(Server):
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

    def is_ready(self):
        with contextlib.suppress(BrokerFailed):
            return self.ask("PING") == "PONG"
        return False

    def ask(self, *words):
        """What redis-cli prints."""
        command = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), "--raw", *words]
        environment = {"PATH": os.environ.get("PATH", os.defpath)}
        if self.password:
            environment["REDISCLI_AUTH"] = self.password
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS,
                              check=False, env=environment)
        if done.returncode != 0:
            raise BrokerFailed(done.stdout + done.stderr)
        return done.stdout.strip()


class RabbitServer(Server):
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

    def is_ready(self):
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
                self.epmd.wait(WAIT_SECONDS)


# --- By hand, and for ctest -----------------------------------------------------------------------

def keep(folder, parent_pid):
    """Holds both servers until it is told to stop, or until `parent_pid` is gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parent = os.pidfd_open(parent_pid) if parent_pid else None
    write_whole(os.path.join(folder, "keeper"), mark_of(os.getpid()))
    with RedisServer(password="redis-secret") as redis, RabbitServer() as rabbit:
        try:
            write_whole(os.path.join(folder, "urls"), f"{redis.url()}\n{rabbit.url()}\n")
            select.select([os.pidfd_open(redis.process.pid), os.pidfd_open(rabbit.process.pid)]
                          + ([parent] if parent else []), [], [])
        finally:
            for name in ("urls", "keeper"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(folder, name))


def start(folder, until_parent_ends):
    os.makedirs(folder, exist_ok=True)
    stop(folder)
    parent = str(os.getppid() if until_parent_ends else 0)
    log_path, urls_path = os.path.join(folder, "log"), os.path.join(folder, "urls")
    with contextlib.suppress(FileNotFoundError):
        os.remove(urls_path)  # Of a keeper that was killed.
    with open(log_path, "wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-B", os.path.abspath(__file__), "keep", folder, parent], stdout=log,
            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 2 * WAIT_SECONDS
    while not os.path.exists(urls_path):
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise BrokerFailed(f"no servers were started:\n{read_text(log_path)}")
        time.sleep(0.05)  # tidy: poll
    print(read_text(urls_path).strip())


def stop(folder):
    mark = read_text(os.path.join(folder, "keeper"))
    if is_alive(mark):
        os.kill(int(mark.split()[0]), signal.SIGTERM)
        wait_for(lambda: not is_alive(mark), "the servers end", WAIT_SECONDS)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.
                                      RawDescriptionHelpFormatter)
    options.add_argument("what", choices=["start", "stop", "keep"], help="keep: used by start")
    options.add_argument("folder", help="where the file `urls` is, while the servers run")
    options.add_argument("parent", nargs="?", type=int, default=0, help=argparse.SUPPRESS)
    options.add_argument("--until-parent-ends", action="store_true",
                         help="end when the process that called this one has ended")
    chosen = options.parse_args()
    folder = os.path.abspath(chosen.folder)
    try:
        if chosen.what == "start":
            start(folder, chosen.until_parent_ends)
        elif chosen.what == "stop":
            stop(folder)
        else:
            keep(folder, chosen.parent)
    except (BrokerFailed, PostgresFailed) as failure:
        sys.exit(f"broker_server: {failure}")


if __name__ == "__main__":
    main()
