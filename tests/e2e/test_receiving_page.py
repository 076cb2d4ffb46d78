"""docs/receiving.md: its consumers run, and so does every command of it, in the page's sequence."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
from harness import BINARY, HERE, HubTest, end_with_parent, wait_for
from receiving import procureiq_body, procureiq_id, procureiq_signature

PAGE = os.path.join(harness.ROOT, "docs", "receiving.md")
SECRET, NEXT_SECRET = "page-secret-0123456789abcdef", "page-secret-that-comes-next-01234"
LISTENS = "app.listen(3000);"
# On a free port, which it tells.
LISTENS_HERE = """const server = app.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});"""
# The page leaves serving it to uvicorn's command line, which cannot tell its port.
SERVES = """

import json, socket, uvicorn
with socket.socket(proto=socket.IPPROTO_TCP) as listener:
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run([listener])
"""


def blocks(language):
    with open(PAGE, encoding="utf-8") as file:
        return re.findall(rf"^```{language}\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)


class Consumer:
    """A program of the page. What it prints is kept."""

    def __init__(self, folder, name, source, *command, **environment):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(source)
        self.output = path + ".out"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [*command, path], stdin=subprocess.DEVNULL, stdout=output,
                env={**os.environ, **environment}, preexec_fn=end_with_parent)
        self.port = json.loads(wait_for(self.lines, f"{name} tells its port")[0])["port"]

    def lines(self):
        with open(self.output, encoding="utf-8") as file:
            return file.read().splitlines()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Page(HubTest):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="waybill-e2e-page-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.symlink(BINARY, os.path.join(self.folder, "waybill"))

    def consumers(self):
        javascript, = blocks("js")
        self.assertIn(LISTENS, javascript)
        node_modules = os.path.join(HERE, "receivers", "node_modules")
        python, = blocks("python")
        for consumer in (
                Consumer(self.folder, "orders.js", javascript.replace(LISTENS, LISTENS_HERE),
                         "node", NODE_PATH=node_modules),
                Consumer(self.folder, "orders.py", python + SERVES, "/usr/bin/python3", "-B")):
            self.addCleanup(consumer.stop)
            yield consumer

    def run_block(self, block, workspace, port):
        text = block.replace("127.0.0.1:3000", f"127.0.0.1:{port}")
        text = re.sub(r"\bacme\b", workspace, text).replace("shop.jsonl", f"{workspace}.jsonl")
        done = subprocess.run(
            ["bash", "-euc", text], capture_output=True, text=True, check=False, timeout=60,
            stdin=subprocess.DEVNULL, env={
                **self.hub.environment, "PATH": f"{self.folder}:{os.environ['PATH']}",
                "WEBHOOK_SECRET": f"{SECRET}-{workspace}",
                "NEXT_SECRET": f"{NEXT_SECRET}-{workspace}"})
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def send(self, path, secret, number):
        body = procureiq_body(number)
        answer = self.hub.http.request("POST", path, body, {
            "Content-Type": "application/json", **procureiq_signature(body, secret)})
        self.assertEqual(answer.status, 200, answer)

    def test_the_commands_of_the_page_run_and_its_consumers_do_the_work(self):
        commands = blocks("sh")
        self.assertGreaterEqual(len(commands), 7)
        for number, consumer in enumerate(self.consumers()):
            workspace = f"page-{number}"
            first, second, *others = commands
            self.run_block(first, workspace, consumer.port)
            shown = self.run_block(second, workspace, consumer.port)
            path = re.search(r"/in/[\w-]+", shown).group()
            secret = f"{SECRET}-{workspace}"
            self.send(path, secret, 1)
            self.send(path, secret, 1)
            self.send(path, secret, 2)
            line, *_ = wait_for(lambda one=consumer: len(found := one.lines()[1:]) == 2 and
                                sorted(found, key=lambda text: text[-1]), consumer.lines)
            self.assertRegex(line, r"^msg_\S+ order\.created ord_\S+1$")
            for block in others:
                self.run_block(block, workspace, consumer.port)
            # The page has rotated the secret: both verify for a day.
            for each in (secret, f"{NEXT_SECRET}-{workspace}"):
                self.send(path, each, 3)
            rows = self.hub.api.rows(f"/workspaces/{workspace}/messages")
            self.assertEqual([row["external_id"] for row in rows],
                             [procureiq_id(3), procureiq_id(2), procureiq_id(1)])


if __name__ == "__main__":
    unittest.main()
