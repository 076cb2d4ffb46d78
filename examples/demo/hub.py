"""Starts a hub in a directory of its own, and runs commands of `waybill` against it."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

START_SECONDS = 30
STOP_SECONDS = 20
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class HubFailed(Exception):
    """What the user is told."""


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def end_with_parent():
    """Even a killed demo leaves no hub behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Hub:
    def __init__(self, program, data, port):
        self.program, self.data = program, data
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("WAYBILL_")}
        self.environment["WAYBILL_DATA"] = data
        self.log_path = os.path.join(data, "hub.log")
        with open(self.log_path, "wb") as log:
            # A session of its own: Ctrl-C is for the demo, which then stops the hub.
            self.process = subprocess.Popen(
                [program, "serve", "--listen", f"127.0.0.1:{port}", "--allow-private-networks"],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=log, start_new_session=True, preexec_fn=end_with_parent)
        self.url = self.wait_until_ready()

    def wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise HubFailed(f"the hub did not start:\n{self.log_tail()}")
            try:
                with open(os.path.join(self.data, "hub.url"), encoding="utf-8") as file:
                    url = file.read().strip()
                with urllib.request.urlopen(url + "/health/ready", timeout=5):
                    return url
            except (OSError, ValueError, urllib.error.URLError):
                time.sleep(0.02)
        raise HubFailed(f"the hub was not ready within {START_SECONDS} s:\n{self.log_tail()}")

    def log_tail(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(f"  {line}" for line in log.readlines()[-8:])

    def run(self, *words):
        """Runs `waybill WORDS --json` and returns its answer."""
        done = subprocess.run([self.program, *words, "--json"], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=30,
                              check=False)
        if done.returncode != 0:
            what = done.stderr.decode(errors="replace").strip()
            raise HubFailed(f"waybill {' '.join(words)}: {what}\n{self.log_tail()}")
        return json.loads(done.stdout)

    def stop(self):
        """True if it ended by itself and cleanly."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS) == 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
