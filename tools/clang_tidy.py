#!/usr/bin/python3
"""Runs clang-tidy over every file that the build compiles, and remembers what was clean.

A file is looked at again when it, a header of ours that it includes, its compile command or
.clang-tidy has changed. The findings of an unclean file are never remembered.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time

CLANG_TIDY = "clang-tidy-19"
CLANG = "clang++-19"
CLANG_HEADERS = "/usr/lib/llvm-19/include"
PLUGIN = "tools/own_code_plugin.cc"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
FINDING = re.compile(r"^(?P<file>[^\s:]+):(?P<rest>\d+:\d+: (?:error|warning): .*)$", re.MULTILINE)
OUR_FOLDERS = ("src", "tests", "bench")


class Headers:
    """The text of a file and of every header of ours under it, each read once."""

    def __init__(self, root):
        self._search = [os.path.join(root, "src"), root]
        self._digests = {}
        self._included = {}

    def digest(self, source):
        seen, todo = set(), [source]
        while todo:
            path = todo.pop()
            if path in seen:
                continue
            seen.add(path)
            todo += self._read(path)
        return "".join(f"{path} {self._digests[path]}\n" for path in sorted(seen))

    def _read(self, path):
        if path not in self._included:
            with open(path, "rb") as file:
                content = file.read()
            self._digests[path] = hashlib.sha256(content).hexdigest()
            self._included[path] = [
                found
                for name in INCLUDE.findall(content.decode("utf-8", "replace"))
                for found in [self._find(name, os.path.dirname(path))] if found]
        return self._included[path]

    def _find(self, name, beside):
        for folder in [beside, *self._search]:
            path = os.path.normpath(os.path.join(folder, name))
            if os.path.isfile(path):
                return path
        return None


def make_plugin(root, cache):
    """The path of own_code_plugin.cc, compiled: again only when it or clang has changed."""
    source = os.path.join(root, PLUGIN)
    with open(source, "rb") as file:
        content = file.read()
    key = hashlib.sha256(content + version_of(CLANG).encode()).hexdigest()
    plugin = os.path.join(cache, f"own_code_{key[:16]}.so")
    if not os.path.exists(plugin):
        made = f"{plugin}.{os.getpid()}"
        run([CLANG, "-std=c++17", "-O1", "-fPIC", "-fno-rtti", "-shared",
             "-isystem", CLANG_HEADERS, "-o", made, source])
        os.rename(made, plugin)
    return plugin


def run(command):
    answer = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if answer.returncode != 0:
        print(answer.stdout + answer.stderr, end="")
        sys.exit(f"clang_tidy.py: this failed: {shlex.join(command)}")


def version_of(tool):
    return subprocess.run([tool, "--version"], capture_output=True, text=True).stdout


def without_ccache(arguments):
    return arguments[1:] if arguments[0].endswith("ccache") else arguments


def load_commands(build, root):
    """{source: arguments} of what we wrote ourselves."""
    path = os.path.join(build, "compile_commands.json")
    try:
        with open(path, encoding="utf-8") as file:
            entries = json.load(file)
    except OSError:
        sys.exit(f"clang_tidy.py: {path} is missing; make it with: tools/build dev")
    commands = {}
    for entry in entries:
        source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        ours = any(source.startswith(os.path.join(root, name) + os.sep) for name in OUR_FOLDERS)
        if ours and os.path.isfile(source) and source not in commands:
            arguments = entry.get("arguments") or shlex.split(entry["command"])
            commands[source] = (entry["directory"], without_ccache(arguments))
    return commands


def write_database(folder, commands):
    os.makedirs(folder, exist_ok=True)
    entries = [{"directory": directory, "file": source, "arguments": arguments}
               for source, (directory, arguments) in sorted(commands.items())]
    with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as file:
        json.dump(entries, file)


def check(source, database, plugin):
    """The findings in one file, or None if it is clean."""
    answer = subprocess.run(
        [CLANG_TIDY, "--quiet", f"--load={plugin}", "-p", database, source],
        capture_output=True, text=True, errors="replace")
    return None if answer.returncode == 0 else (answer.stdout.strip() or answer.stderr.strip())


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--build", default=os.path.join(root, "build", "dev"),
                         help="a configured build folder (default: build/dev)")
    options.add_argument("--root", default=root)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("parts", nargs="*", help="only files with one of these in their path")
    options = options.parse_args()

    began = time.monotonic()
    root, build = os.path.realpath(options.root), os.path.realpath(options.build)
    cache = os.path.join(build, "clang-tidy-cache")
    commands = load_commands(build, root)
    if not commands:
        sys.exit(f"clang_tidy.py: {build} compiles no file under {root}")
    write_database(cache, commands)

    with open(os.path.join(root, ".clang-tidy"), encoding="utf-8") as file:
        rules = file.read()
    plugin = make_plugin(root, cache)
    # The build may be older than the header, or never have run.
    run(["cmake", "--build", build, "--target", "waybill_precompiled"])
    tool = version_of(CLANG_TIDY) + os.path.basename(plugin)
    headers, todo, clean = Headers(root), [], 0
    precompiled = headers.digest(os.path.join(root, "src", "precompiled.h"))
    for source, (_, arguments) in sorted(commands.items()):
        if options.parts and not any(part in source for part in options.parts):
            continue
        key = hashlib.sha256("\0".join(
            [rules, tool, precompiled, *arguments, headers.digest(source)]).encode()).hexdigest()
        stamp = os.path.join(cache, key)
        if os.path.exists(stamp):
            os.utime(stamp)
            clean += 1
        else:
            todo.append((source, stamp))

    findings = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(check, source, cache, plugin): (source, stamp)
                   for source, stamp in todo}
        for number, future in enumerate(concurrent.futures.as_completed(running), 1):
            source, stamp = running[future]
            found = future.result()
            print(f"[{number}/{len(todo)}] {os.path.relpath(source, root)}", flush=True)
            if found is None:
                open(stamp, "w", encoding="utf-8").close()
                clean += 1
            else:
                findings[source] = found
    forget_old_stamps(cache)

    # A finding in a header comes with every file that includes it, and is said once.
    said = set()
    for source in sorted(findings):
        heads = [match.group(0) for match in FINDING.finditer(findings[source])]
        if heads and all(head in said for head in heads):
            continue
        said.update(heads)
        print("\n" + findings[source].replace(root + os.sep, ""))
    print(f"{clean} files are clean, {len(findings)} are not; looked at {len(todo)} "
          f"in {time.monotonic() - began:.0f} s")
    sys.exit(1 if findings else 0)


def forget_old_stamps(cache, keep_days=30):
    for name in os.listdir(cache):
        path = os.path.join(cache, name)
        if len(name) == 64 and time.time() - os.path.getmtime(path) > keep_days * 86400:
            os.unlink(path)


if __name__ == "__main__":
    main()
