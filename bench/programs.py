"""Starts and ends the programs that are measured, each in a folder of its own."""

import ctypes
import json
import os
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request

BIN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "release",
                   "bin")
START_SECONDS = 30
STOP_SECONDS = 20
WORKSPACE, SUPPLIER = "bench", "Acme Paper Ltd"
SECRET = "bench-secret-0123456789abcdef"
# Any number of endpoints, any event type.
DIALECT_WITHOUT_LIMIT = "standard-webhooks"

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def ledger_binary():
    return os.path.join(BIN, "waybill_bench_ledger")


class BenchFailed(Exception):
    """What the user is told."""


def end_with_parent():
    """Even a killed bench leaves nothing behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def child_options():
    """A session of its own: Ctrl-C is for the bench, which then ends what it has started."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("WAYBILL_")}
    return {"stdin": subprocess.DEVNULL, "env": environment, "start_new_session": True,
            "preexec_fn": end_with_parent}


def end(process):
    """Asks, then insists."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def fetch(url, token="", body=None):
    """The JSON that is there; a POST if there is a body."""
    try:
        return json.loads(fetch_text(url, token, body))
    except ValueError as error:
        raise BenchFailed(f"{url}: {error}") from error


def fetch_text(url, token="", body=None, **headers):
    headers = {"Content-Type": "application/json", **headers}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers),
                                    timeout=30) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        what = error.read().decode(errors="replace")
        raise BenchFailed(f"{url} answered {error.code}: {what}") from error
    except OSError as error:
        raise BenchFailed(f"{url}: {error}") from error


class Program:
    """One process. `with` ends it, whatever happens."""

    def __init__(self, name, folder, *options, command=None, environment=None):
        """`command`: what runs it, if not the program itself."""
        self.name = name
        started = child_options()
        started["env"].update(environment or {})
        os.makedirs(folder, exist_ok=True)
        self.log_path = os.path.join(folder, f"{name}.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*(command or [os.path.join(BIN, name)]), *options], stdout=subprocess.PIPE,
                stderr=log, **started)
        try:
            self.url = self.wait_until_ready()
        except BaseException:
            end(self.process)
            raise

    def wait_until_ready(self):
        """A bare program says where it serves as soon as it does."""
        line = self.process.stdout.readline()
        if not line:
            raise self.failure("did not start")
        return f"http://127.0.0.1:{json.loads(line)['port']}"

    def failure(self, what):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            tail = "".join(f"  {line}" for line in log.readlines()[-8:])
        return BenchFailed(f"{self.name} {what}\n{tail}".rstrip())

    def check_running(self):
        if self.process.poll() is not None:
            raise self.failure(f"has ended with status {self.process.returncode}")

    def query(self, sql):
        """The one number that `sql` asks of the database, whether the hub runs or not."""
        database = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        try:
            return database.execute(sql).fetchone()[0]
        finally:
            database.close()

    def stop(self):
        self.check_running()
        end(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)
        self.process.stdout.close()


class BareIngest(Program):
    def __init__(self, folder, *options):
        super().__init__("waybill_bench_bare_ingest", folder, "--data", folder, *options)
        self.orders_url, self.key = f"{self.url}/orders", "plk_nobody_looks_at_it"
        self.database = os.path.join(folder, "bare.sqlite")


class BareEndToEnd(Program):
    def __init__(self, folder, receiver):
        super().__init__("waybill_bench_bare_end_to_end", folder, "--data", folder,
                         "--receiver-port", receiver.url.rpartition(":")[2])
        self.orders_url, self.key = f"{self.url}/orders", "plk_nobody_looks_at_it"
        self.database = os.path.join(folder, "bare.sqlite")


class Receiver(Program):
    """Takes the webhooks of the bare program and of the hub, and counts them."""

    def __init__(self, folder, delay_seconds=0):
        """`delay_seconds`: how long it takes to answer."""
        super().__init__("waybill_bench_bare_receiver", folder, "--delay-ms",
                         str(int(delay_seconds * 1000)))

    def received(self):
        return fetch(self.url)["received"]


class Hub(Program):
    """A hub as it is started by default, with a workspace, a supplier and a key."""

    def __init__(self, folder, command=None, existing=False, environment=None):
        """`existing`: the folder is that of a hub which has been stopped."""
        self.folder = folder
        super().__init__("waybill", folder, "serve", "--data", folder, "--listen", "127.0.0.1:0",
                         "--allow-private-networks", command=command, environment=environment)
        try:
            self.find_out()
            if not existing:
                self.set_up()
            self.key = self.read("bench.key")
        except BaseException:
            end(self.process)
            raise

    def wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise self.failure("did not start")
            try:
                url = self.read("hub.url")
                with urllib.request.urlopen(url + "/health/ready", timeout=5):
                    return url
            except (OSError, ValueError):
                time.sleep(0.02)
        raise self.failure(f"was not ready within {START_SECONDS} s")

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read().strip()

    def find_out(self):
        self.token = self.read("admin.token")
        self.orders_url = f"{self.url}/api/ingress/{WORKSPACE}/orders"
        self.database = os.path.join(self.folder, "waybill.sqlite")

    def set_up(self):
        fetch(f"{self.url}/hub/v1/workspaces", self.token, {"slug": WORKSPACE})
        self.post("suppliers", {"name": SUPPLIER})
        key = self.post("keys", {"platform": "proculink", "name": "bench"})["key"]
        with open(os.path.join(self.folder, "bench.key"), "w", encoding="utf-8") as file:
            file.write(key)

    def post(self, path, body):
        return fetch(f"{self.url}/hub/v1/workspaces/{WORKSPACE}/{path}", self.token, body)

    def publish(self, event_type, data):
        return self.post("events", {"type": event_type, "data": data})

    def list_deliveries(self, query):
        return fetch(f"{self.url}/hub/v1/workspaces/{WORKSPACE}/deliveries?{query}", self.token)

    def add_endpoint(self, url, in_flight_max, paused=False, event_type="order.created"):
        endpoint = self.post("endpoints", {
            "dialect": "proculink", "url": url, "event_types": [event_type],
            "secret": SECRET, "in_flight_max": in_flight_max})
        if paused:
            self.post(f"endpoints/{endpoint['id']}/pause", {})
        return endpoint["id"]

    def stop(self):
        super().stop()
        if self.process.returncode != 0:
            raise self.failure(f"stopped with status {self.process.returncode}")
