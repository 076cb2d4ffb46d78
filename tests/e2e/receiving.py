"""What the tests of receiving share: a source as its platform knows it, and its handlers' files."""

import hashlib
import hmac
import json
import os
import stat
import subprocess
import time

from harness import HERE, WAIT_SECONDS, wait_for


class Source:
    """A source of a workspace."""

    def __init__(self, workspace, dialect, *handlers, **more):
        self.workspace, self.hub = workspace, workspace.hub
        self.made = workspace.ask("POST", "/sources", {
            "dialect": dialect, "handlers": list(handlers), **more}, 201)
        self.id, self.path = self.made["id"], self.made["path"]
        self.handlers = self.made["handlers"]

    def post(self, body, headers=None, path=None):
        """`body`: bytes. Returns the answer."""
        return self.hub.http.request("POST", path or self.path, body,
                                     {"Content-Type": "application/json", **(headers or {})})

    def now(self):
        return self.workspace.ask("GET", f"/sources/{self.id}")

    def messages(self):
        """Oldest first."""
        return self.workspace.rows(f"/messages?source={self.id}")[::-1]

    def add_handler(self, channel, settings=None, **more):
        return self.workspace.ask("POST", f"/sources/{self.id}/handlers", {
            "channel": channel, "settings": settings or {}, **more}, 201)


class ProcureIq(Source):
    """A source of ProcureIQ's, and the platform that sends to it."""

    def __init__(self, workspace, *handlers, **more):
        super().__init__(workspace, "procureiq", *handlers, **more)
        self.secret = self.made["secret"]

    def send(self, number, type_="order.created", data=None, secret=None, path=None, **changes):
        body = procureiq_body(number, type_, data, **changes)
        return self.post(body, procureiq_signature(body, secret or self.secret), path)


def procureiq_body(number, type_="order.created", data=None, environment="production", **changes):
    return json.dumps({
        "id": procureiq_id(number), "type": type_, "version": "1.0", "created": 1781256600,
        "data": data or {"orderId": f"ord_01JGFJJZ00FC9000{number:010d}", "totalAmount": 24.9,
                         "currency": "EUR", "itemCount": number},
        "metadata": {"procureiqVersion": "1.0.0", "environment": environment}, **changes},
                      separators=(",", ":")).encode()


def procureiq_id(number):
    return f"evt_01JGFJJZ00FC9000{number:010d}"


def procureiq_signature(body, secret):
    return {"x-procureiq-signature":
            "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def sign(messages):
    """The headers that the platforms' own libraries make for each of `messages` (sign.js)."""
    for message in messages:
        message.setdefault("at", int(time.time()))
    done = subprocess.run(["node", os.path.join(HERE, "receivers", "senders", "sign.js")],
                          input=json.dumps(messages), capture_output=True, text=True, check=False,
                          timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"sign.js ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


# --- Handlers -------------------------------------------------------------------------------------

def read_lines(path):
    """What a file handler, or a program of these tests, has written: a JSON value in each line."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        # A line that is being written is none yet.
        return [json.loads(line) for line in file.read().splitlines(keepends=True)
                if line.endswith("\n")]


def wait_for_lines(path, count, seconds=WAIT_SECONDS):
    """The lines, once there are `count`. More than that is a failure."""
    rows = wait_for(lambda: len(found := read_lines(path)) >= count and found,
                    lambda: f"{count} lines in {path}: {len(read_lines(path))}", seconds)
    if len(rows) != count:
        raise AssertionError(f"{len(rows)} lines in {path}, of {count} expected: {rows}")
    return rows


def write_program(folder, name, source):
    """A program that a command handler may run. Returns its path."""
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(source)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return path
