"""What servers of our own have in common: temporary, on loopback, never the system's.

A server ends with the process that made it, however that ends, and what it leaves in the temporary
folder is removed by the next one. Only processes started here are ended.
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

WAIT_SECONDS = 30
# The keeper ends once the data of all tests is removed, for which a busy disk takes its time.
REMOVAL_SECONDS = 120
PORT_TRIES = 20
PATH_MAX = 60  # A Unix socket's path has 107 characters.
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class ServerFailed(Exception):
    """A server or its programs did not do what they were asked."""


def wait_for(condition, what, seconds=WAIT_SECONDS):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise ServerFailed(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)  # tidy: poll
    return value


def unprivileged():
    """As whom a server runs: PostgreSQL refuses to be root, and the others need not be."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise ServerFailed("there is neither a user postgres nor nobody to run the server as")


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
    raise ServerFailed("no port is free")


# --- Processes and files --------------------------------------------------------------------------

def started_at(pid):
    """When a process began, in ticks, by which its number can be trusted; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def mark_of(pid):
    return f"{pid} {started_at(pid)}"


def is_alive(mark):
    """`mark` is "PID STARTED_AT", as a file here has it."""
    pid, _, began = mark.strip().partition(" ")
    return bool(pid) and started_at(pid) == began


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


# --- A server -------------------------------------------------------------------------------------

class OwnServer:
    """A folder, a port, a process, a life. Make it on a thread that lives as long as the server is
    needed: it ends with that thread.

    A kind of server sets `prefix`, has takes_connections(), and starts itself by launch().
    """

    prefix = None  # What its folders begin with.
    wait_seconds = WAIT_SECONDS  # For as long it may start.
    end_with_parent = signal.SIGKILL

    def __init__(self, parent=None):
        self.parent = parent or tempfile.gettempdir()
        if len(self.parent) > PATH_MAX:
            self.parent = "/tmp"
        self.sweep()
        self.user = unprivileged()
        self.folder = tempfile.mkdtemp(prefix=self.prefix, dir=self.parent)
        write_whole(os.path.join(self.folder, "owner"), mark_of(os.getpid()))
        self.give_away(self.folder)
        self.log_path = os.path.join(self.folder, "log")
        self.port, self.process = free_port(), None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def sweep(self):
        """Removes what servers of this kind have left whose makers were killed."""
        for name in os.listdir(self.parent):
            folder = os.path.join(self.parent, name)
            mark = read_text(os.path.join(folder, "owner")) if name.startswith(self.prefix) else ""
            if mark and not is_alive(mark) and self.may_remove(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def may_remove(self, _folder):
        return True

    def give_away(self, path):
        if self.user:
            os.chown(path, self.user["user"], self.user["group"])

    def launch(self, command, environment=None):
        """A process as the user that the server is, which ends when this thread does."""
        def end_with_parent():
            LIBC.prctl(PR_SET_PDEATHSIG, self.end_with_parent)

        with open(self.log_path, "ab") as log:
            return subprocess.Popen(
                command, **self.user, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, preexec_fn=end_with_parent,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": self.folder,
                     "LC_ALL": "C.UTF-8", **(environment or {})})

    def log(self):
        return read_text(self.log_path)[-4000:]

    def takes_connections(self):
        raise NotImplementedError

    def wait_ready(self, seconds=None):
        def ready():
            if self.process.poll() is not None:
                raise ServerFailed(f"it ended with {self.process.returncode}:\n{self.log()}")
            return self.takes_connections()
        wait_for(ready, lambda: f"{type(self).__name__} starts\n{self.log()}",
                 seconds or self.wait_seconds)

    def is_running(self):
        return bool(self.process) and self.process.poll() is None

    def kill(self):
        """SIGKILL: it has no time for anything."""
        if self.is_running():
            self.process.kill()
            self.process.wait(self.wait_seconds)

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


# --- By hand, and for ctest -----------------------------------------------------------------------

def run_by_hand(script, description, file_name, makers, seconds=WAIT_SECONDS):
    """The main program of a script that keeps servers: start FOLDER, stop FOLDER. `makers` make one
    each, within `seconds`; while they run, FOLDER/`file_name` has their URLs, a line each."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.
                                      RawDescriptionHelpFormatter)
    options.add_argument("what", choices=["start", "stop", "keep"], help="keep: used by start")
    options.add_argument("folder", help=f"where the file `{file_name}` is, while it runs")
    options.add_argument("parent", nargs="?", type=int, default=0, help=argparse.SUPPRESS)
    options.add_argument("--until-parent-ends", action="store_true",
                         help="end when the process that called this one has ended")
    chosen = options.parse_args()
    folder = os.path.abspath(chosen.folder)
    try:
        if chosen.what == "start":
            parent = os.getppid() if chosen.until_parent_ends else 0
            start_keeper(script, folder, file_name, parent, 2 * seconds)
        elif chosen.what == "stop":
            stop_keeper(folder)
        else:
            keep(folder, file_name, chosen.parent, makers)
    except ServerFailed as failure:
        sys.exit(f"{os.path.basename(script).removesuffix('.py')}: {failure}")


def keep(folder, file_name, parent_pid, makers):
    """Holds the servers until it is told to stop, or until `parent_pid` is gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parent = [os.pidfd_open(parent_pid)] if parent_pid else []
    write_whole(os.path.join(folder, "keeper"), mark_of(os.getpid()))
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(make()) for make in makers]
        try:
            write_whole(os.path.join(folder, file_name),
                        "".join(server.url() + "\n" for server in servers))
            endings = [os.pidfd_open(server.process.pid) for server in servers]
            select.select(endings + parent, [], [])
        finally:
            for name in (file_name, "keeper"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(folder, name))


def start_keeper(script, folder, file_name, parent_pid, seconds):
    os.makedirs(folder, exist_ok=True)
    stop_keeper(folder)
    log_path, urls_path = os.path.join(folder, "log"), os.path.join(folder, file_name)
    with contextlib.suppress(FileNotFoundError):
        os.remove(urls_path)  # Of a keeper that was killed.
    with open(log_path, "wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-B", os.path.abspath(script), "keep", folder, str(parent_pid)],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    def is_there():
        if keeper.poll() is not None:
            raise ServerFailed(f"no server was started:\n{read_text(log_path)}")
        return os.path.exists(urls_path)
    wait_for(is_there, lambda: f"a server\n{read_text(log_path)}", seconds)
    print(read_text(urls_path).strip())


def stop_keeper(folder):
    mark = read_text(os.path.join(folder, "keeper"))
    if is_alive(mark):
        os.kill(int(mark.split()[0]), signal.SIGTERM)
        wait_for(lambda: not is_alive(mark), "the server ends, and its data", REMOVAL_SECONDS)
