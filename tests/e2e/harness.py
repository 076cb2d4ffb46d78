"""What the end-to-end tests share: the real hub, a client that checks every answer, and receivers.

The program under test is $WAYBILL_BINARY. With WAYBILL_TEST_DATABASE=postgres each hub has a
database of its own on the server that $WAYBILL_TEST_POSTGRES_FILE names, or on one made here.

Nothing here sleeps but `wait_for`, which polls for a condition and has a deadline; servers listen
on free ports; only processes started here are ended.
"""

import atexit
import concurrent.futures
import ctypes
import functools
import http.client
import http.server
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "postgres"))

import postgres_server  # noqa: E402  The path is set above.

BINARY = os.path.abspath(os.environ.get("WAYBILL_BINARY")
                         or os.path.join(ROOT, "build", "release", "bin", "waybill"))
ON_POSTGRES = os.environ.get("WAYBILL_TEST_DATABASE") == "postgres"
WAIT_SECONDS = 20
KEPT_SECONDS = 3  # Node closes what was idle for five.
RECEIVERS_ARE_HERE = ("--allow-private-networks",)
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def wait_for(condition, what, seconds=WAIT_SECONDS):
    """Polls until `condition()` is true, and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.02)  # tidy: poll


def end_with_parent():
    """Even a killed test leaves nothing behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def at_once(count, function):
    """Calls function(0) … function(count - 1) from as many threads, all released together."""
    barrier = threading.Barrier(count)

    def call(number):
        barrier.wait(WAIT_SECONDS)
        return function(number)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


# --- The contract -----------------------------------------------------------------------------

class OpenApi:
    """openapi.json, by which every answer of /hub/v1 in these tests is judged."""

    def __init__(self):
        path = os.path.join(ROOT, "src", "surfaces", "native", "openapi.json")
        with open(path, encoding="utf-8") as file:
            self.document = json.load(file)
        self.paths = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template) + r"\Z"), template)
                      for template in self.document["paths"]]
        # A literal path before one with a parameter in its place.
        self.paths.sort(key=lambda entry: entry[1].count("{"))

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    @functools.lru_cache(maxsize=None)
    def validator(self, template, method, status):
        """(validator or None, media type) of an answer; fails for one that is not documented."""
        operation = self.document["paths"].get(template, {}).get(method.lower())
        if operation is None:
            # Not one of ours: 404 or 405, or refused before the route was known.
            content = {"application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"}}}
        else:
            response = operation["responses"].get(str(status))
            if response is None:
                raise AssertionError(f"{method} {template}: {status} is not in openapi.json")
            content = self.resolve(response).get("content", {})
        if not content:
            return None, ""
        (media_type, shape), = content.items()
        if "schema" not in shape:
            return None, media_type
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            resolver = jsonschema.RefResolver("", self.document)
        return jsonschema.Draft202012Validator(shape["schema"], resolver=resolver), media_type

    def check(self, method, path, answer):
        template = next((template for pattern, template in self.paths
                         if pattern.match(path)), "")
        validator, media_type = self.validator(template, method, answer.status)
        what = f"{method} {path} → {answer.status} {answer.body[:300]}"
        if media_type and answer.media_type != media_type:
            raise AssertionError(f"{what}: {answer.media_type}, not {media_type}")
        if validator is None:
            return
        faults = [f"{fault.json_path}: {fault.message}"
                  for fault in validator.iter_errors(answer.json)]
        if faults:
            raise AssertionError(f"{what} does not fit openapi.json: {faults}")


@functools.lru_cache(maxsize=None)
def open_api():
    return OpenApi()


# --- HTTP ----------------------------------------------------------------------------------------

class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def media_type(self):
        return self.headers.get("Content-Type", "").split(";")[0].strip()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:500]!r}>"


class Http:
    """Requests over kept connections, one for each thread. A request is sent once, never again."""

    def __init__(self, url, tls=None):
        """`tls`: the ssl.SSLContext of an https:// address."""
        self.address, self.tls = urllib.parse.urlsplit(url), tls
        self.local = threading.local()
        self.all = []

    def connection(self):
        now = time.monotonic()
        if now - getattr(self.local, "used", now) > KEPT_SECONDS:
            self.local.connection.close()  # The next request opens it again.
        self.local.used = now
        if not hasattr(self.local, "connection"):
            address = (self.address.hostname, self.address.port)
            self.local.connection = (
                http.client.HTTPSConnection(*address, timeout=60, context=self.tls)
                if self.address.scheme == "https" else
                http.client.HTTPConnection(*address, timeout=60))
            self.all.append(self.local.connection)
        return self.local.connection

    def request(self, method, path, body=None, headers=None):
        connection = self.connection()
        try:
            connection.request(method, path, body, headers or {})
        except (BrokenPipeError, ConnectionResetError):
            pass  # Refused before all was sent; the answer is there to be read.
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def close(self):
        for connection in self.all:
            connection.close()


# --- The hub --------------------------------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def shared_postgres():
    """The server on which each hub has a database: that of this run of ctest, or one made now."""
    path = os.environ.get("WAYBILL_TEST_POSTGRES_FILE")
    if path:
        with open(path, encoding="utf-8") as file:
            return postgres_server.Postgres(file.read().strip())
    server = postgres_server.PostgresServer()
    atexit.register(server.remove)
    return server


class Hub:
    """`waybill serve` in a data directory of its own, which is there until remove().

    On PostgreSQL with a database of its own, too, unless `WAYBILL_DATABASE` is given.
    """

    def __init__(self, *options, tls=None, like=None, **environment):
        """`like`: another node of the same hub, whose secrets this one is to have."""
        self.tls = tls
        self.data = tempfile.mkdtemp(prefix="waybill-e2e-")
        for name in ("master.key", "admin.token") if like else ():
            shutil.copy(os.path.join(like.data, name), self.data)
        self.options = options or RECEIVERS_ARE_HERE
        self.listen = "127.0.0.1:0"
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith("WAYBILL_")}
        self.environment["WAYBILL_DATA"] = self.data
        self.environment.update(environment)
        self.database = None  # On PostgreSQL, when it is this hub's alone.
        if ON_POSTGRES and "WAYBILL_DATABASE" not in environment:
            self.database = shared_postgres().create_database()
            self.environment["WAYBILL_DATABASE"] = self.database
        self.process = self.http = None
        self.start()

    def start(self):
        self.launch()
        self.wait_until_ready()

    def launch(self):
        self.log_path = os.path.join(self.data, "hub.log")
        self.url_path = os.path.join(self.data, "hub.url")
        if os.path.exists(self.url_path):
            os.remove(self.url_path)  # A killed hub could not.
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--data", self.data, "--listen", self.listen, *self.options],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=log, start_new_session=True, preexec_fn=end_with_parent)

    def wait_until_ready(self):
        def read_url():
            if self.process.poll() is not None:
                raise AssertionError(f"the hub ended with {self.process.returncode}:\n{self.log()}")
            if not os.path.exists(self.url_path):
                return None
            with open(self.url_path, encoding="utf-8") as file:
                return file.read().strip()

        self.url = wait_for(read_url, lambda: f"hub.url\n{self.log()}")
        self.http = Http(self.url, self.tls)
        with open(os.path.join(self.data, "admin.token"), encoding="utf-8") as file:
            self.token = file.read().strip()
        self.api = Api(self.http, self.token)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()[-4000:]

    def kill(self):
        """As a power failure would: SIGKILL."""
        self.http.close()
        self.process.kill()
        self.process.wait(WAIT_SECONDS)

    def stop(self):
        """Ends it in an orderly way; returns its exit status."""
        if self.http:
            self.http.close()
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait()

    def wait(self):
        """Waits for the end it was asked for; returns its exit status."""
        try:
            return self.process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the hub did not stop:\n{self.log()}") from None

    def remove(self):
        shutil.rmtree(self.data, ignore_errors=True)
        if self.database:
            shared_postgres().drop_database(self.database)

    def cli(self, *words, stdin=None, **environment):
        """`waybill WORDS`, as an operator on this machine would call it."""
        return subprocess.run([BINARY, *words], env={**self.environment, **environment},
                              input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              capture_output=True, text=True, timeout=60, check=False)


class Api:
    """/hub/v1 with one token. Every answer is checked against openapi.json."""

    def __init__(self, http_, token):
        self.http, self.token = http_, token

    def with_token(self, token):
        return Api(self.http, token)

    def send(self, method, path, body=None, headers=None):
        """`path` is below /hub/v1; `body` is JSON, or bytes as they are."""
        headers = dict(headers or {})
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        full = "/hub/v1" + path
        answer = self.http.request(method, full, body, headers)
        open_api().check(method, full.split("?")[0], answer)
        return answer

    def ask(self, method, path, body=None, status=200, headers=None):
        """The answer's JSON; fails if its status is another one."""
        answer = self.send(method, path, body, headers)
        if answer.status != status:
            raise AssertionError(f"{method} {path}: {answer}, not {status}")
        return answer.json

    def rows(self, path):
        """All rows of a list, page by page."""
        rows, cursor = [], None
        while True:
            query = {"limit": "200", **({"cursor": cursor} if cursor else {})}
            page = self.ask("GET", path + ("&" if "?" in path else "?")
                            + urllib.parse.urlencode(query))
            rows += page["rows"]
            cursor = page["next_cursor"]
            if cursor is None:
                return rows


def order_data(**more):
    """What every dialect is promised of an order, as a publisher writes it."""
    return {"order_id": "01941f29-7c00-7aaa-8000-000000000001",
            "supplier_id": "01941f29-7c00-7bbb-8000-000000000002",
            "supplier_name": "Acme Paper Ltd", "status": "needs_review", "line_count": 1,
            "lines": [{"quantity": 1}], **more}


def an_order(number="PO-1", supplier="Acme Paper Ltd", **changes):
    """An order as ProcuLink's documentation shows one."""
    return {"orderNumber": number, "orderDate": "2026-11-20", "currency": "EUR",
            "supplierId": supplier,
            "lines": [{"buyerItemCode": "PAP-A4-80", "description": "Copy paper A4",
                       "quantity": 10, "unit": "BOX", "unitPrice": 24.9}], **changes}


class Workspace:
    """One tenant with a supplier and a ProcuLink key."""

    def __init__(self, hub, slug):
        self.hub, self.slug, self.api = hub, slug, hub.api
        self.path = f"/workspaces/{slug}"
        hub.api.ask("POST", "/workspaces", {"slug": slug}, 201)
        self.supplier = hub.api.ask("POST", self.path + "/suppliers",
                                    {"name": "Acme Paper Ltd"}, 201)
        self.key = self.new_key("proculink")["key"]

    def new_key(self, platform, scopes=None, **more):
        body = {"platform": platform, "name": f"test {platform}", **more}
        if scopes:
            body["scopes"] = scopes
        return self.ask("POST", "/keys", body, 201)

    def ask(self, method, path, body=None, status=200, headers=None):
        return self.hub.api.ask(method, self.path + path, body, status, headers)

    def rows(self, path):
        """But for the event of the supplier that the workspace begins with."""
        rows = self.hub.api.rows(self.path + path)
        if not path.startswith("/events"):
            return rows
        return [row for row in rows if row["subject"] != self.supplier["id"]]

    def ingress(self, method, path, body=None, key=None, headers=None, slug=None):
        """A request to ProcuLink's door. `body` is JSON, or bytes as they are."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        headers.setdefault("X-ProcuLink-Key", key or self.key)
        headers = {name: value for name, value in headers.items() if value is not None}
        return self.hub.http.request(method, f"/api/ingress/{slug or self.slug}{path}", body,
                                     headers)

    def post_order(self, order, idempotency_key=None, **more):
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self.ingress("POST", "/orders", order, headers=headers, **more)

    def publish(self, data=None, type_="order.created", status=201, headers=None, **more):
        data = order_data(**data or {}) if type_ == "order.created" else data or {}
        return self.ask("POST", "/events", {"type": type_, "data": data, **more}, status, headers)

    def endpoint(self, dialect, receiver, path, secret=None, verify_with=None, **more):
        """Subscribes a receiver's path, and gives the receiver what to verify with."""
        body = {"dialect": dialect, "url": receiver.url + path, **more}
        if secret:
            body["secret"] = secret
        made = self.ask("POST", "/endpoints", body, 201)
        if made["secret"]:
            receiver.learn(path, verify_with or made["secret"])
        return made

    def endpoint_now(self, endpoint):
        return self.ask("GET", f"/endpoints/{endpoint['id']}")

    def deliveries(self, endpoint, state=None):
        return self.rows(f"/deliveries?endpoint={endpoint['id']}"
                         + (f"&state={state}" if state else ""))

    def wait_for_states(self, endpoint, *states, seconds=WAIT_SECONDS):
        """Until the endpoint's deliveries are in exactly these states, in whatever order."""
        def now():
            return sorted(row["state"] for row in self.deliveries(endpoint))
        wait_for(lambda: now() == sorted(states),
                 lambda: f"deliveries {sorted(states)}; they are {now()}", seconds)

    def wait_for_endpoint(self, endpoint, **members):
        def differing():
            found = self.endpoint_now(endpoint)
            return {name: found[name] for name, value in members.items() if found[name] != value}
        wait_for(lambda: not differing(), lambda: f"endpoint {members}; it has {differing()}")


# --- Receivers ----------------------------------------------------------------------------------

class Receiver:
    """A process of receivers/. `program` is one of the files there."""

    def __init__(self, program):
        folder = os.path.join(HERE, "receivers")
        if program.endswith(".js") and not os.path.isdir(os.path.join(folder, "node_modules")):
            raise AssertionError("npm ci in tests/e2e/receivers installs what the receivers need")
        command = ["node"] if program.endswith(".js") else ["/usr/bin/python3", "-B"]
        self.process = subprocess.Popen(
            [*command, os.path.join(folder, program)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, start_new_session=True, preexec_fn=end_with_parent)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{program} did not start: {self.process.wait()}")
        self.url = f"http://127.0.0.1:{json.loads(line)['port']}"
        self.http = Http(self.url)

    def control(self, what, body):
        answer = self.http.request("POST", "/control/" + what, json.dumps(body),
                                   {"Content-Type": "application/json"})
        if answer.status != 200:
            raise AssertionError(f"the receiver refused {what}: {answer}")
        return answer.json

    def learn(self, path, secret):
        self.control("secrets", {path: secret})

    def behave(self, path, status=200, times=1, headers=None, hold=False):
        self.control("behave", {"path": path, "status": status, "times": times,
                                "headers": headers or {}, "hold": hold})

    def release(self, path):
        return self.control("release", {"path": path})["released"]

    def received(self, path=None):
        rows = self.http.request("GET", "/received").json["requests"]
        return [row for row in rows if path in (None, row["path"])]

    def wait_for(self, path, count, seconds=WAIT_SECONDS):
        """Until `count` webhooks came to `path`. More than that is a failure."""
        rows = wait_for(lambda: (found := self.received(path)) and len(found) >= count and found,
                        lambda: f"{count} webhooks at {path}; {len(self.received(path))} came",
                        seconds)
        if len(rows) != count:
            raise AssertionError(f"{len(rows)} webhooks at {path}, of {count} expected")
        return rows

    def stop(self):
        self.http.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Recorder:
    """A receiver in the test itself that takes everything, and keeps it as it came."""

    def __init__(self):
        self.requests = {}  # By path: (headers, body).
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                recorder.requests.setdefault(self.path, []).append((dict(self.headers), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def wait_for(self, path, count):
        """What came to `path`, as (headers, body), once `count` requests have."""
        return wait_for(lambda: len(self.requests.get(path, [])) >= count and self.requests[path],
                        lambda: f"{count} webhooks at {path}: {self.requests.get(path)}")


def flipped(text, at, bit):
    """`text` with one bit of the byte at `at` changed."""
    return text[:at] + bytes([text[at] ^ 1 << bit]) + text[at + 1:]


# --- Tests --------------------------------------------------------------------------------------

class HubTest(unittest.TestCase):
    """One hub and its receivers for all tests of a class; a workspace of its own for each test."""

    hub_options = RECEIVERS_ARE_HERE
    receivers = ()  # Names of programs in receivers/: "express_receiver.js" is self.express.
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.numbers = itertools.count(1)
        for program in cls.receivers:
            receiver = Receiver(program)
            cls.addClassCleanup(receiver.stop)
            setattr(cls, program.split("_")[0], receiver)
        cls.hub = Hub(*cls.hub_options)
        cls.addClassCleanup(cls.hub.remove)
        cls.addClassCleanup(cls.stop_hub)

    @classmethod
    def stop_hub(cls):
        status = cls.hub.stop()
        if status != 0:
            raise AssertionError(f"the hub ended with {status}:\n{cls.hub.log()}")

    def new_workspace(self):
        return Workspace(self.hub, f"test-{next(self.numbers)}")

    def setUp(self):
        self.workspace = self.new_workspace()
        # Paths of receivers are each test's own, too.
        self.name = self.workspace.slug

    def assert_all_valid(self, webhooks):
        for webhook in webhooks:
            self.assertTrue(webhook["valid"], f"{webhook['path']}: {webhook['why']}: {webhook}")
