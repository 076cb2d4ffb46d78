"""The Debian package is built, unpacked into an empty root, and what is in it is run.

Its scripts make a user and start a service, so they are only read here, not run.
"""

import configparser
import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest
from unittest import mock

import harness
from harness import Hub, Workspace, an_order

PACKAGING = os.path.join(harness.ROOT, "packaging")


def run(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Package(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="waybill-e2e-deb-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.deb = run(os.path.join(PACKAGING, "build_deb"), "--binary", harness.BINARY, "--out",
                      cls.folder).strip()
        cls.root = os.path.join(cls.folder, "root")
        run("dpkg-deb", "--extract", cls.deb, cls.root)
        run("dpkg-deb", "--control", cls.deb, os.path.join(cls.folder, "control"))
        cls.binary = os.path.join(cls.root, "usr", "bin", "waybill")
        cls.config = os.path.join(cls.root, "etc", "waybill", "waybill.toml")

    def control(self, name):
        with open(os.path.join(self.folder, "control", name), encoding="utf-8") as file:
            return file.read()

    def unit(self):
        unit = configparser.RawConfigParser(strict=False, interpolation=None)
        unit.optionxform = str
        unit.read(os.path.join(self.root, "lib", "systemd", "system", "waybill.service"))
        return unit

    def test_it_holds_these_files_which_belong_to_root(self):
        found = {}
        for line in run("dpkg-deb", "--contents", self.deb).splitlines():
            mode, owner, _, _, _, name = line.split(None, 5)
            self.assertEqual(owner, "root/root", line)
            if not mode.startswith("d"):
                found[name] = mode
        self.assertEqual(found, {
            "./usr/bin/waybill": "-rwxr-xr-x",
            "./lib/systemd/system/waybill.service": "-rw-r--r--",
            "./etc/waybill/waybill.toml": "-rw-r-----",
            "./usr/share/doc/waybill/changelog.gz": "-rw-r--r--",
            "./usr/share/doc/waybill/configuration.md": "-rw-r--r--",
            "./usr/share/doc/waybill/copyright": "-rw-r--r--",
            "./usr/share/doc/waybill/operating.md": "-rw-r--r--",
            "./usr/share/man/man8/waybill.8.gz": "-rw-r--r--"})
        self.assertEqual(self.control("conffiles"), "/etc/waybill/waybill.toml\n")
        for line in self.control("md5sums").splitlines():
            digest, name = line.split("  ")
            self.assertEqual(run("md5sum", os.path.join(self.root, name)).split()[0], digest)

    def test_dpkg_takes_it(self):
        """Into a root that has nothing: as far as that goes without running its scripts."""
        root = os.path.join(self.folder, "empty")
        for folder in ("info", "updates", "triggers"):
            os.makedirs(os.path.join(root, "var", "lib", "dpkg", folder))
        open(os.path.join(root, "var", "lib", "dpkg", "status"), "w", encoding="ascii").close()
        os.makedirs(os.path.join(root, "var", "log"))
        run("dpkg", f"--root={root}", "--force-not-root", "--force-depends", "--unpack", self.deb)
        state = run("dpkg-query", f"--root={root}", "-W", "-f", "${Status} ${Version}", "waybill")
        self.assertEqual(state, f"install ok unpacked {run(self.binary, 'version').split()[1]}")
        self.assertTrue(os.path.exists(os.path.join(root, "usr/bin/waybill")))

    def test_it_depends_on_the_libraries_of_its_binary(self):
        fields = dict(line.split(": ", 1) for line in self.control("control").splitlines()
                      if re.match(r"[A-Z][A-Za-z-]+: ", line))
        depends = {part.split()[0] for part in fields["Depends"].split(", ")}
        self.assertLessEqual({"libc6", "libssl3", "libsqlite3-0", "libfmt9", "adduser",
                              "ca-certificates"}, depends)
        self.assertNotIn("@", self.control("control").replace("<maintainers@waybill.example>", ""))
        self.assertEqual(fields["Version"], run(self.binary, "version").split()[1])

    def test_its_hub_takes_an_order_with_the_configuration_that_comes_with_it(self):
        with mock.patch.object(harness, "BINARY", self.binary):
            hub = Hub("--config", self.config)
            self.addCleanup(hub.remove)
            self.addCleanup(hub.stop)
            answer = Workspace(hub, "acme").post_order(an_order())
            self.assertEqual(answer.status, 201)
            self.assertEqual(hub.cli("doctor").returncode, 0)
            self.assertEqual(hub.stop(), 0)

    def test_its_configuration_names_the_folder_of_the_service(self):
        with open(self.config, encoding="utf-8") as file:
            lines = [line for line in file.read().splitlines() if line and line[0] != "#"]
        self.assertEqual(lines, ['data = "/var/lib/waybill"'])
        service = self.unit()["Service"]
        self.assertEqual("/var/lib/" + service["StateDirectory"], "/var/lib/waybill")
        self.assertEqual(shlex.split(service["ExecStart"]),
                         ["/usr/bin/waybill", "serve", "--config", "/etc/waybill/waybill.toml"])

    def test_systemd_finds_no_fault_in_its_unit(self):
        unit = os.path.join(self.folder, "waybill.service")
        with open(os.path.join(self.root, "lib/systemd/system/waybill.service"),
                  encoding="utf-8") as file:
            text = file.read()
        with open(unit, "w", encoding="utf-8") as file:
            file.write(text.replace("/usr/bin/waybill", self.binary))
        verified = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                                  capture_output=True, text=True, timeout=60, check=False)
        about_it = [line for line in verified.stderr.splitlines() if "waybill" in line]
        self.assertEqual((verified.returncode, about_it), (0, []), verified)
        # 0 is shut off from everything, 10 from nothing: in tenths.
        run("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", unit)

    def test_its_unit_waits_longer_than_the_hub_takes_to_stop(self):
        service = self.unit()["Service"]
        with open(os.path.join(harness.ROOT, "src/app/settings.h"), encoding="utf-8") as file:
            timeout = int(re.search(r"stop_timeout\{std::chrono::seconds\((\d+)\)", file.read())[1])
        # A locked database may take some seconds more (docs/decisions).
        self.assertGreaterEqual(int(service["TimeoutStopSec"].removesuffix("s")), timeout + 15)
        self.assertEqual(service["Type"], "notify")  # test_backup: the hub does tell.

    def test_its_scripts_can_be_read_and_remove_nothing_that_is_kept(self):
        for name in ("postinst", "prerm", "postrm"):
            run("sh", "-n", os.path.join(self.folder, "control", name))
            self.assertTrue(os.access(os.path.join(self.folder, "control", name), os.X_OK))
            self.assertNotRegex(self.control(name), r"\brm\b|deluser|userdel")

    def test_its_manual_page_can_be_read(self):
        with gzip.open(os.path.join(self.root, "usr/share/man/man8/waybill.8.gz"), "rt") as file:
            page = file.read()
        self.assertIn(run(self.binary, "version").split()[1], page)


class Container(unittest.TestCase):
    """There is no container engine where the tests run: what the file says is done by hand."""

    def setUp(self):
        with open(os.path.join(PACKAGING, "Containerfile"), encoding="utf-8") as file:
            text = re.sub(r"\\\n", " ", file.read())
        self.lines = [line.split(None, 1) for line in text.splitlines()
                      if line and not line.startswith("#")]

    def values(self, instruction):
        return [rest for word, rest in self.lines if word == instruction]

    def test_its_files_are_there(self):
        for script in ("tools/setup", "tools/build", "packaging/build_deb"):
            self.assertTrue(any(script in line for line in self.values("RUN")), script)
            self.assertTrue(os.access(os.path.join(harness.ROOT, script), os.X_OK), script)
        self.assertEqual([image.split()[0] for image in self.values("FROM")],
                         ["debian:12", "debian:12-slim"])
        self.assertEqual(self.values("USER"), ["waybill"])

    def test_its_command_and_its_health_check_work(self):
        environment = dict(pair.split("=", 1) for pair in self.values("ENV")[0].split())
        known = {row["variable"] for row in
                 json.loads(run(harness.BINARY, "configuration", "--json"))["rows"]}
        self.assertLessEqual(set(environment), known)
        self.assertEqual([environment["WAYBILL_DATA"]], self.values("VOLUME"))
        health = json.loads(self.values("HEALTHCHECK")[0].split("CMD", 1)[1])
        self.assertEqual(
            (json.loads(self.values("ENTRYPOINT")[0]), health[0],
             json.loads(self.values("CMD")[0])),
            (["tini", "--", "waybill"], "waybill", ["serve"]))
        hub = Hub()
        self.addCleanup(hub.remove)
        self.assertEqual(hub.cli(*health[1:]).returncode, 0)
        hub.stop()
        self.assertEqual(hub.cli(*health[1:]).returncode, 1)


if __name__ == "__main__":
    unittest.main()
