"""Starts the ledger tool and tells it what to do. README.md beside this says what it answers."""

import ctypes
import json
import signal
import subprocess
import time
import urllib.error
import urllib.request

SECRET = "bench-secret-0123456789abcdef"
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class LedgerFailed(Exception):
    """What the user is told."""


def end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Ledger:
    """One process. `with` ends it, whatever happens."""

    def __init__(self, binary, *endpoints, journal=None):
        command = [binary, "--secret", SECRET]
        for endpoint in endpoints:
            command += ["--endpoint", endpoint]
        if journal:
            command += ["--journal", journal]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True,
            preexec_fn=end_with_parent)
        line = self.process.stdout.readline()
        if not line:
            raise LedgerFailed(f"{binary} did not start: {self.process.wait()}")
        self.url = f"http://127.0.0.1:{json.loads(line)['port']}"

    def hook(self, endpoint, member=None):
        """Where an endpoint receives."""
        return f"{self.url}/hook/{endpoint}" + ("" if member is None else f".{member}")

    def load(self, name, **plan):
        """Begins to post; the members are those of /control/load."""
        self.ask("/control/load", {"name": name, **plan})

    def stop_load(self, name):
        self.ask("/control/stop", {"load": name})

    def behave(self, endpoint, behaviour):
        self.ask("/control/behave", {"endpoint": endpoint, "behaviour": behaviour})

    def state(self):
        return self.ask("/state")

    def report(self):
        return self.ask("/report")

    def wait_for(self, condition, what, seconds):
        """Polls until `condition(state)`, and returns the state."""
        deadline = time.monotonic() + seconds
        while True:
            state = self.state()
            if condition(state):
                return state
            if time.monotonic() > deadline:
                raise LedgerFailed(f"not within {seconds} s: {what}; the ledger has {state}")
            time.sleep(0.01)

    def wait_until_posted(self, name, seconds):
        """Until the load has ended, each of its orders answered."""
        return self.wait_for(lambda state: name not in state["running"], f"load {name} ends",
                             seconds)

    def wait_until_complete(self, seconds):
        """Until no load runs and all that is owed has come."""
        return self.wait_for(lambda state: state["complete"], "everything has come", seconds)

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data),
                                        timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise LedgerFailed(f"{path}: {error.read().decode(errors='replace')}") from error
        except OSError as error:
            raise LedgerFailed(f"{path}: {error}; the ledger's status is {self.process.poll()}"
                               ) from error

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
