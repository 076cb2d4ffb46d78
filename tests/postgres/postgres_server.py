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

import argparse
import contextlib
import ctypes
import os
import pwd
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid

PROGRAMS = "/usr/lib/postgresql/15/bin"  # Where Debian's package puts them.
VERSION = "15."
ROLE = "waybill"  # What hubs are: an ordinary role, which owns the databases made here.
ADMINISTRATOR = "postgres"
PREFIX = "waybill-postgres-"
WAIT_SECONDS = 30
# The keeper ends once the data of all tests is removed, for which a busy disk takes its time.
REMOVAL_SECONDS = 120
PORT_TRIES = 20
SOCKET_PATH_MAX = 60  # A Unix socket's path has 107 characters.
IPC_RMID = 0
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1

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


class PostgresFailed(Exception):
    """The server or its programs did not do what they were asked."""


def program(name):
    """The path of one of PostgreSQL 15's programs."""
    for path in (os.path.join(PROGRAMS, name), shutil.which(name)):
        if path and os.path.exists(path):
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
            if f" {VERSION}" in said.stdout:
                return path
    raise PostgresFailed(f"{name} of PostgreSQL 15 is not in {PROGRAMS} and not on PATH: "
                         "apt-get install postgresql-15, or tools/setup test")


def wait_for(condition, what, seconds=WAIT_SECONDS):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise PostgresFailed(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)  # tidy: poll
    return value


def unprivileged():
    """As whom the server runs: it refuses to be root."""
    if os.geteuid() != 0:
        return {}
    for name in (ADMINISTRATOR, "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise PostgresFailed("there is neither a user postgres nor nobody to run the server as")


def free_port():
    """Below the ports that the kernel gives to clients: while the server restarts, none of its
    clients can get its port as their own."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first_of_clients = int(file.read().split()[0])
    chance = random.SystemRandom()
    for _ in range(PORT_TRIES):
        port = chance.randrange(10240, max(first_of_clients, 20480))
        with socket.socket() as probe:
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise PostgresFailed("no port is free")


def started_at(pid):
    """When a process began, in ticks, by which its number can be trusted; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


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


def write_whole(path, text):
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".part", path)


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:  # It is not there, or another user's.
        return ""


def is_alive(mark):
    """`mark` is "PID STARTED_AT", as a file here has it."""
    pid, _, began = mark.strip().partition(" ")
    return bool(pid) and started_at(pid) == began


def mark_of(pid):
    return f"{pid} {started_at(pid)}"


def free_shared_memory(data):
    """A server that was killed leaves a few bytes of it, which would stay until the next boot."""
    lines = read_text(os.path.join(data, "postmaster.pid")).split("\n")
    if len(lines) > 6 and len(numbers := lines[6].split()) == 2:
        LIBC.shmctl(int(numbers[1]), IPC_RMID, None)


def sweep(parent):
    """Removes what servers have left whose makers were killed."""
    for name in os.listdir(parent):
        folder = os.path.join(parent, name)
        mark = read_text(os.path.join(folder, "owner")) if name.startswith(PREFIX) else ""
        if mark and not is_alive(mark):
            data = os.path.join(folder, "data")
            pid = read_text(os.path.join(data, "postmaster.pid")).partition("\n")[0]
            if pid and started_at(pid):
                continue  # It is about to end.
            free_shared_memory(data)
            shutil.rmtree(folder, ignore_errors=True)


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
            raise PostgresFailed(f"{sql[:500]}: {done.stderr.strip()}")
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


class PostgresServer(Postgres):
    """A server made here, with all that belongs to it in one temporary folder.

    `settings` go into postgresql.conf, over SETTINGS. With a `password`, the role is asked for it.
    Make it on a thread that lives as long as the server is needed: it ends with that thread.
    """

    def __init__(self, settings=None, password=None, parent=None, primary=None):
        self.parent = parent or tempfile.gettempdir()
        if len(self.parent) > SOCKET_PATH_MAX:
            self.parent = "/tmp"
        sweep(self.parent)
        self.user = unprivileged()
        self.folder = tempfile.mkdtemp(prefix=PREFIX, dir=self.parent)
        write_whole(os.path.join(self.folder, "owner"), mark_of(os.getpid()))
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "log")
        self.port, self.process = free_port(), None
        login = ROLE + (f":{password}" if password else "")
        super().__init__(f"postgres://{login}@127.0.0.1:{self.port}/{ROLE}")
        try:
            self.give_away(self.folder)
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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def give_away(self, path):
        if self.user:
            os.chown(path, self.user["user"], self.user["group"])

    def run(self, name, *arguments):
        """One of PostgreSQL's programs, as the user that the server is."""
        done = subprocess.run([program(name), *arguments], **self.user, cwd=self.folder,
                              env=client_environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise PostgresFailed(f"{name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")

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
        self.launch()
        wait_for(self.takes_connections, lambda: f"PostgreSQL starts\n{self.log()}", seconds)

    def launch(self):
        def end_with_parent():  # SIGQUIT: at once, and no shared memory is left.
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)

        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [program("postgres"), "-D", self.data, "-c", f"port={self.port}",
                 "-c", "listen_addresses=127.0.0.1", "-c",
                 f"unix_socket_directories={self.folder}"],
                **self.user, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
                start_new_session=True, preexec_fn=end_with_parent)

    def takes_connections(self):
        if self.process.poll() is not None:
            raise PostgresFailed(f"postgres ended with {self.process.returncode}:\n{self.log()}")
        return subprocess.run(
            [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            env=client_environment(), timeout=WAIT_SECONDS, check=False).returncode == 0

    def log(self):
        return read_text(self.log_path)[-4000:]

    def stop(self, mode="fast"):
        """"smart" waits for clients, "fast" rolls them back, "immediate" is as a crash."""
        signals = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        if self.process and self.process.poll() is None:
            self.process.send_signal(signals[mode])
            try:
                self.process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise PostgresFailed(f"PostgreSQL did not stop:\n{self.log()}") from None

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def kill(self):
        """SIGKILL to the whole server, as if its machine were gone."""
        if not self.process or self.process.poll() is not None:
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
            raise PostgresFailed(f"the replica was not promoted:\n{self.log()}")


# --- By hand, and for ctest -----------------------------------------------------------------------

def keep(folder, parent_pid):
    """Holds a server until it is told to stop, or until `parent_pid` is gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parent = os.pidfd_open(parent_pid) if parent_pid else None
    write_whole(os.path.join(folder, "keeper"), mark_of(os.getpid()))
    with PostgresServer() as server:
        try:
            write_whole(os.path.join(folder, "url"), server.url() + "\n")
            ending = os.pidfd_open(server.process.pid)
            select.select([ending] + ([parent] if parent else []), [], [])
        finally:
            for name in ("url", "keeper"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(folder, name))


def start(folder, until_parent_ends):
    os.makedirs(folder, exist_ok=True)
    stop(folder)
    parent = str(os.getppid() if until_parent_ends else 0)
    log_path, url_path = os.path.join(folder, "log"), os.path.join(folder, "url")
    with contextlib.suppress(FileNotFoundError):
        os.remove(url_path)  # Of a keeper that was killed.
    with open(log_path, "wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-B", os.path.abspath(__file__), "keep", folder, parent], stdout=log,
            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def is_there():
        if keeper.poll() is not None:
            raise PostgresFailed(f"no server was started:\n{read_text(log_path)}")
        return os.path.exists(url_path)
    wait_for(is_there, lambda: f"a server\n{read_text(log_path)}", 2 * WAIT_SECONDS)
    print(read_text(url_path).strip())


def stop(folder):
    mark = read_text(os.path.join(folder, "keeper"))
    if is_alive(mark):
        os.kill(int(mark.split()[0]), signal.SIGTERM)
        wait_for(lambda: not is_alive(mark), "the server ends, and its data", REMOVAL_SECONDS)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.
                                      RawDescriptionHelpFormatter)
    options.add_argument("what", choices=["start", "stop", "keep"], help="keep: used by start")
    options.add_argument("folder", help="where the file `url` is, while the server runs")
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
    except PostgresFailed as failure:
        sys.exit(f"postgres_server: {failure}")


if __name__ == "__main__":
    main()
