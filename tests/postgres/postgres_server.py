#!/usr/bin/python3
"""A PostgreSQL 15 server of our own: temporary, on loopback, never the system's.

    with PostgresServer() as server:
        url = server.create_database()

By hand, and for ctest:

    postgres_server.py start FOLDER [--until-parent-ends]   leaves it running; FOLDER/url says where
    postgres_server.py stop FOLDER

The server ends with the process that made it, however that ends, and what it leaves in the
temporary folder is removed by the next one. Only processes started here are ended.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import urllib.parse
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "servers"))

from own_server import (  # noqa: E402  The path is set above.
    LIBC, WAIT_SECONDS, OwnServer, ServerFailed, read_text, run_by_hand, started_at, wait_for)

PROGRAMS = "/usr/lib/postgresql/15/bin"  # Where Debian's package puts them.
VERSION = "15."
ROLE = "waybill"  # What hubs are: an ordinary role, which owns the databases made here.
ADMINISTRATOR = "postgres"
IPC_RMID = 0

# For a small machine, and as durable as PostgreSQL is by itself.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "max_wal_senders": "4",
    "wal_level": "replica",
    "hot_standby": "on",
    "wal_keep_size": "64MB",
    "log_min_messages": "warning",
    "log_line_prefix": "'%m [%p] %a '",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}


def program(name):
    """The path of one of PostgreSQL 15's programs."""
    for path in (os.path.join(PROGRAMS, name), shutil.which(name)):
        if path and os.path.exists(path):
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
            if f" {VERSION}" in said.stdout:
                return path
    raise ServerFailed(f"{name} of PostgreSQL 15 is not in {PROGRAMS} and not on PATH: "
                         "apt-get install postgresql-15, or tools/setup test")


def children(pid):
    """The processes that `pid` started and that are not gone."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
            if fields[1] == str(pid) and fields[0] != "Z":
                found.append(int(name))
    return found


def free_shared_memory(data):
    """A server that was killed leaves a few bytes of it, which would stay until the next boot."""
    lines = read_text(os.path.join(data, "postmaster.pid")).split("\n")
    if len(lines) > 6 and len(numbers := lines[6].split()) == 2:
        LIBC.shmctl(int(numbers[1]), IPC_RMID, None)


class Postgres:
    """A server that runs: what there is to ask of it, whoever started it."""

    def __init__(self, url):
        """`url` is that of any of its databases."""
        self.parts = urllib.parse.urlsplit(url)

    def url(self, database=ROLE, role=ROLE):
        password = f":{self.parts.password}" if self.parts.password else ""
        return f"postgres://{role}{password}@{self.address()}/{database}"

    def address(self):
        return self.parts.netloc.rpartition("@")[2]

    def psql(self, sql, database="postgres", role=ROLE, seconds=WAIT_SECONDS):
        """What a script prints: columns divided by "|", a row a line."""
        done = subprocess.run(
            [program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url(database, role)],
            env=client_environment(), input=sql, capture_output=True, text=True, timeout=seconds,
            check=False)
        if done.returncode != 0:
            raise ServerFailed(f"{sql[:500]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def create_database(self, name=None):
        """A fresh, empty database of the role; returns its URL."""
        name = name or "test_" + uuid.uuid4().hex[:16]
        self.psql(f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING \'UTF8\''
                  " LOCALE 'C.UTF-8'")
        return self.url(name)

    def drop_database(self, url):
        """Ends who is connected to it, too."""
        name = database_of(url)
        self.psql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def client_environment():
    return {"PATH": os.environ.get("PATH", os.defpath), "PGCONNECT_TIMEOUT": "10",
            "LC_ALL": "C.UTF-8", "PGPASSFILE": "/nonexistent"}


def database_of(url):
    return urllib.parse.urlsplit(url).path.strip("/")


def several(database, *servers):
    """One URL of several servers, of which clients use the one that takes writes."""
    hosts = ",".join(server.address() for server in servers)
    return servers[0].url(database).replace(servers[0].address(), hosts)


class PostgresServer(Postgres, OwnServer):
    """A server made here, with all that belongs to it in one temporary folder.

    `settings` go into postgresql.conf, over SETTINGS. With a `password`, the role is asked for it.
    """

    prefix = "waybill-postgres-"
    end_with_parent = signal.SIGQUIT  # At once, and no shared memory is left.

    def __init__(self, settings=None, password=None, parent=None, primary=None):
        OwnServer.__init__(self, parent)
        self.data = os.path.join(self.folder, "data")
        login = ROLE + (f":{password}" if password else "")
        Postgres.__init__(self, f"postgres://{login}@127.0.0.1:{self.port}/{ROLE}")
        try:
            if primary:
                self.copy_from(primary)
            else:
                self.initialise({**SETTINGS, **(settings or {})}, password)
            self.start()
            if not primary:
                self.make_role(password)
        except BaseException:
            self.remove()
            raise

    def may_remove(self, folder):
        data = os.path.join(folder, "data")
        pid = read_text(os.path.join(data, "postmaster.pid")).partition("\n")[0]
        if pid and started_at(pid):
            return False  # It is about to end.
        free_shared_memory(data)
        return True

    def run(self, name, *arguments):
        """One of PostgreSQL's programs, as the user that the server is."""
        done = subprocess.run([program(name), *arguments], **self.user, cwd=self.folder,
                              env=client_environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise ServerFailed(f"{name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def initialise(self, settings, password):
        # --no-sync: a new cluster need not survive a power failure, what is written later must.
        self.run("initdb", "--no-sync", "--auth=trust", f"--username={ADMINISTRATOR}",
                 "--encoding=UTF8", "--locale=C.UTF-8", "-D", self.data)
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        if password:
            path = os.path.join(self.data, "pg_hba.conf")
            rules = read_text(path)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"host all {ROLE} 127.0.0.1/32 scram-sha-256\n{rules}")

    def make_role(self, password):
        secret = f" PASSWORD '{password}'" if password else ""
        self.administer(f"CREATE ROLE {ROLE} LOGIN CREATEDB{secret}")
        self.administer(f"CREATE DATABASE {ROLE} OWNER {ROLE}")
        # So that it can drop a database that is just being vacuumed.
        self.administer(f"GRANT pg_signal_backend TO {ROLE}")

    def administer(self, sql, database="postgres"):
        """psql() as the superuser, who gets in where others do not."""
        return self.psql(sql, database, role=ADMINISTRATOR)

    # --- Life ------------------------------------------------------------------------------------

    def start(self, seconds=WAIT_SECONDS):
        """Returns when it takes connections."""
        self.process = self.launch(
            [program("postgres"), "-D", self.data, "-c", f"port={self.port}",
             "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}"])
        self.wait_ready(seconds)

    def takes_connections(self):
        return subprocess.run(
            [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            env=client_environment(), timeout=WAIT_SECONDS, check=False).returncode == 0

    def stop(self, mode="fast"):
        """"smart" waits for clients, "fast" rolls them back, "immediate" is as a crash."""
        signals = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        if self.is_running():
            self.process.send_signal(signals[mode])
            try:
                self.process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise ServerFailed(f"PostgreSQL did not stop:\n{self.log()}") from None

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def kill(self):
        """SIGKILL to the whole server, as if its machine were gone."""
        if not self.is_running():
            return
        self.process.send_signal(signal.SIGSTOP)  # So that it starts no more of them.
        backends = children(self.process.pid)
        self.process.kill()
        self.process.wait(WAIT_SECONDS)
        for pid in backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(map(started_at, backends)), "the backends end")

    def remove(self):
        try:
            self.stop("immediate")
        finally:
            free_shared_memory(self.data)
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- Replicas --------------------------------------------------------------------------------

    def copy_from(self, primary):
        self.run("pg_basebackup", "--no-sync", "--checkpoint=fast", "--wal-method=stream",
                 "--write-recovery-conf", "-D", self.data, "-d",
                 f"host={primary.folder} port={primary.port} user={ADMINISTRATOR} "
                 f"application_name={ROLE}_replica")

    def replica(self, synchronous=True):
        """A streaming replica; synchronous: what is committed from now on is on both disks."""
        made = PostgresServer(parent=self.parent, password=self.parts.password, primary=self)
        try:
            if synchronous:
                self.administer(f"ALTER SYSTEM SET synchronous_standby_names = '{ROLE}_replica'")
                self.administer("SELECT pg_reload_conf()")
            wanted = "sync" if synchronous else "async"
            wait_for(lambda: self.administer(
                "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'") == wanted,
                lambda: f"the replica streams\n{made.log()}")
        except BaseException:
            made.remove()
            raise
        return made

    def promote(self):
        """Makes a replica the primary; returns when it takes writes."""
        if self.administer(f"SELECT pg_promote(true, {WAIT_SECONDS})") != "t":
            raise ServerFailed(f"the replica was not promoted:\n{self.log()}")


if __name__ == "__main__":
    run_by_hand(__file__, __doc__, "url", [PostgresServer])
