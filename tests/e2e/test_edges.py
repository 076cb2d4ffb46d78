"""The edges of a hub: TLS in both directions, where it may send, and how much it takes."""

import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from harness import BINARY, RECEIVERS_ARE_HERE, Http, Hub, HubTest, Workspace, wait_for


class Certificates:
    """A folder with an authority, and what it has issued."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="waybill-tls-")
        self.authority = self.path("authority.pem")
        self.openssl("req", "-x509", *self.new_key("authority.key"), "-out", self.authority,
                     "-days", "2", "-subj", "/CN=Test authority")

    def path(self, name):
        return os.path.join(self.folder, name)

    def new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                self.path(name))

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def issue(self, name, alternatives):
        """(certificate, key) for these subjectAltNames."""
        certificate, key = self.path(name + ".pem"), self.path(name + ".key")
        request, extensions = self.path(name + ".csr"), self.path(name + ".ext")
        with open(extensions, "w", encoding="utf-8") as file:
            file.write(f"subjectAltName={alternatives}\n")
        self.openssl("req", "-new", *self.new_key(name + ".key"), "-out", request, "-subj",
                     f"/CN={name}")
        self.openssl("x509", "-req", "-in", request, "-CA", self.authority, "-CAkey",
                     self.path("authority.key"), "-CAcreateserial", "-out", certificate, "-days",
                     "2", "-extfile", extensions)
        return certificate, key

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class TlsReceiver:
    """Answers every webhook with 200, over TLS."""

    def __init__(self, certificate, key):
        received = self.received = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass

        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def copy(files, to):
    """Whole at once, as a tool that renews certificates does."""
    for source, target in zip(files, to):
        shutil.copy(source, target + ".new")
        os.replace(target + ".new", target)


class ServesTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.addClassCleanup(cls.certificates.remove)
        cls.first = cls.certificates.issue("first", "IP:127.0.0.1")
        # For another name than the one by which the hub of this machine is found.
        cls.second = cls.certificates.issue("second", "DNS:hub.example")
        cls.served = (cls.certificates.path("served.pem"), cls.certificates.path("served.key"))

    def setUp(self):
        copy(self.first, self.served)
        trusting = ssl.create_default_context(cafile=self.certificates.authority)
        self.hub = Hub(*RECEIVERS_ARE_HERE, "--tls-certificate", self.served[0], "--tls-key",
                       self.served[1], tls=trusting)
        self.addCleanup(self.hub.remove)
        self.addCleanup(self.hub.stop)

    def shown(self):
        """The certificate that a new connection is shown, in PEM."""
        return ssl.get_server_certificate(("127.0.0.1", self.hub.http.address.port)).strip()

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read().strip()

    def test_orders_and_the_command_line_work_over_https(self):
        self.assertTrue(self.hub.url.startswith("https://127.0.0.1:"))
        workspace = Workspace(self.hub, "acme")
        answer = workspace.ingress("GET", "/ping")
        self.assertEqual(answer.status, 200, answer)
        done = self.hub.cli("workspace", "list", "--json")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(json.loads(done.stdout)["rows"][0]["slug"], "acme")

    def test_another_machines_command_line_must_be_told_whom_to_trust(self):
        words = ("workspace", "list", "--url", self.hub.url, "--token", self.hub.token)
        done = self.hub.cli(*words)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("--ca-file", done.stderr)
        for trusted in (self.hub.cli(*words, "--ca-file", self.certificates.authority),
                        self.hub.cli(*words, WAYBILL_CA_FILE=self.certificates.authority)):
            self.assertEqual(trusted.returncode, 0, trusted)

    def test_a_new_certificate_is_taken_on_sighup_and_a_broken_one_is_not(self):
        old = Http(self.hub.url, self.hub.tls)
        self.addCleanup(old.close)
        self.assertEqual(old.request("GET", "/health/live").status, 200)
        self.assertEqual(self.shown(), self.read(self.first[0]))

        copy((self.second[0], self.first[1]), self.served)
        os.kill(self.hub.process.pid, signal.SIGHUP)
        wait_for(lambda: "certificate_kept" in self.hub.log(), self.hub.log)
        self.assertEqual(self.shown(), self.read(self.first[0]))

        copy(self.second, self.served)
        os.kill(self.hub.process.pid, signal.SIGHUP)
        wait_for(lambda: self.shown() == self.read(self.second[0]), "the second certificate")
        self.assertEqual(old.request("GET", "/health/live").status, 200)
        done = self.hub.cli("status")
        self.assertEqual(done.returncode, 0, done)

    def test_a_pair_that_does_not_fit_stops_the_start(self):
        folder = tempfile.mkdtemp(prefix="waybill-e2e-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for options, named in (
                ((self.first[0], self.second[1]), self.second[1]),
                ((self.certificates.path("not-there"), self.first[1]), "not-there"),
                ((self.first[1], self.first[1]), self.first[1])):
            done = subprocess.run(
                [BINARY, "serve", "--data", folder, "--listen", "127.0.0.1:0",
                 "--tls-certificate", options[0], "--tls-key", options[1]],
                capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(named, done.stderr)


class SendsTls(unittest.TestCase):
    def test_receivers_are_verified_and_an_authority_of_the_operators_own_is_trusted(self):
        certificates = Certificates()
        self.addCleanup(certificates.remove)
        good = TlsReceiver(*certificates.issue("good", "IP:127.0.0.1"))
        self.addCleanup(good.stop)
        other_name = TlsReceiver(*certificates.issue("other", "DNS:other.example"))
        self.addCleanup(other_name.stop)
        for trusted in (True, False):
            hub = Hub(*RECEIVERS_ARE_HERE,
                      *(("--ca-file", certificates.authority) if trusted else ()))
            self.addCleanup(hub.remove)
            self.addCleanup(hub.stop)
            workspace = Workspace(hub, "acme")
            endpoints = {url: workspace.ask("POST", "/endpoints", {
                "dialect": "standard-webhooks", "url": url}, 201)
                for url in (good.url, other_name.url)}
            workspace.publish()
            for url, endpoint in endpoints.items():
                state = "succeeded" if trusted and url == good.url else "retrying"
                workspace.wait_for_states(endpoint, state)
                if state == "succeeded":
                    continue
                delivery, = workspace.deliveries(endpoint)
                attempt, = workspace.ask("GET", f"/deliveries/{delivery['id']}")["attempts"]
                self.assertIn("certificate verify failed", attempt["error"])
        self.assertEqual(len(good.received), 1)
        self.assertEqual(other_name.received, [])

    def test_a_file_that_holds_no_certificate_stops_the_start(self):
        folder = tempfile.mkdtemp(prefix="waybill-e2e-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for file in ("/etc/hostname", "/not/there"):
            done = subprocess.run([BINARY, "serve", "--data", folder, "--ca-file", file],
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(file, done.stderr)


class AllowedNetworks(HubTest):
    hub_options = ("--allow-networks", "127.0.0.1")
    receivers = ("fastapi_receiver.py",)

    def refuse(self, method, path, url):
        body = {"url": url, **({"dialect": "standard-webhooks"} if method == "POST" else {})}
        problem = self.workspace.ask(method, path, body, 400)
        self.assertEqual((problem["code"], problem["path"]), ("address_blocked", "$.url"))
        return problem["detail"]

    def test_are_sent_to_and_no_others(self):
        path = f"/raw/{self.name}"
        endpoint = self.workspace.endpoint("proculink", self.fastapi, path, "secret")
        self.workspace.publish()
        self.assert_all_valid(self.fastapi.wait_for(path, 1))

        for url in ("http://127.0.0.2/", "http://10.0.0.1/", "http://169.254.169.254/latest",
                    "http://[::1]/", "http://[::ffff:10.0.0.1]/"):
            with self.subTest(url):
                refused = self.refuse("POST", "/endpoints", url)
                self.assertIn("--allow-networks", refused)
                self.assertIn("--allow-private-networks", refused)
                self.refuse("PATCH", f"/endpoints/{endpoint['id']}", url)

    def test_a_test_delivery_is_guarded_like_any_other(self):
        # Forms of 127.0.0.2 that are names to us, and to the resolver addresses.
        endpoint = self.workspace.ask("POST", "/endpoints", {
            "dialect": "standard-webhooks", "url": "http://2130706434:9/"}, 201)
        self.workspace.ask("POST", f"/endpoints/{endpoint['id']}/test", {}, 202)
        self.workspace.publish()
        self.workspace.wait_for_states(endpoint, "retrying", "retrying")
        for delivery in self.workspace.deliveries(endpoint):
            attempts = self.workspace.ask("GET", f"/deliveries/{delivery['id']}")["attempts"]
            self.assertEqual(attempts[0]["outcome"], "blocked")
            self.assertIn("127.0.0.2", attempts[0]["error"])


class Limits(HubTest):
    hub_options = (*RECEIVERS_ARE_HERE, "--rate-limit", "5", "--connections-max", "20")

    def test_one_keys_flood_is_told_to_come_again_and_leaves_another_alone(self):
        quiet = self.workspace.new_key("proculink")["key"]
        answers = [self.workspace.ingress("GET", "/ping") for _ in range(50)]
        told = [answer for answer in answers if answer.status == 429]
        self.assertGreater(len(told), 0)
        self.assertGreaterEqual(len(answers) - len(told), 5)
        for answer in told:
            self.assertEqual(answer.headers["Retry-After"], "1")
            self.assertEqual(answer.json["code"], "rate_limited")
        self.assertEqual(self.workspace.ingress("GET", "/ping", key=quiet).status, 200)

    def test_a_connection_too_many_is_told_so(self):
        held = []
        self.addCleanup(lambda: [each.close() for each in held])

        def too_many():
            each = socket.create_connection(("127.0.0.1", self.hub.http.address.port), 20)
            held.append(each)
            each.settimeout(0.5)
            try:
                return each.recv(4096)
            except TimeoutError:
                return b""
        answer = wait_for(too_many, "a refusal")
        self.assertLess(len(held), 25)
        self.assertIn(b"HTTP/1.1 503 ", answer)
        self.assertIn(b"Retry-After: 1", answer)
        self.assertIn(b"connections_max_reached", answer)


class LargeAnswers(HubTest):
    def test_the_command_line_shows_an_event_of_900_kib(self):
        text = "x" * 900 * 1024
        event = self.workspace.publish({"text": text})
        done = self.hub.cli("event", "show", event["id"], "--workspace", self.workspace.slug,
                            "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["data"]["text"], text)


if __name__ == "__main__":
    unittest.main()
