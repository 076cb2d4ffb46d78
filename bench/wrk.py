"""Runs the load generator wrk, and reads what it prints."""

import os
import re
import subprocess

from programs import BenchFailed, child_options, end

CONNECTIONS = 64
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "orders.lua")
# What is answered later than this counts as an error.
TIMEOUT_SECONDS = 10

MILLIS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0, "h": 3_600_000.0}


class Load:
    """What one run of wrk has seen."""

    def __init__(self, acknowledged, seconds, p50_ms, p99_ms):
        self.acknowledged, self.seconds = acknowledged, seconds
        self.p50_ms, self.p99_ms = p50_ms, p99_ms

    @property
    def per_second(self):
        return self.acknowledged / self.seconds


def read_millis(text):
    """ "812.00us", "2.31ms", "1.02s" as milliseconds."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-z]+)", text).groups()
    return float(number) * MILLIS[unit]


def parse(output):
    """The Load that wrk's output tells of. Fails if one request did, or if there was none."""
    def find(pattern):
        found = re.search(pattern, output, re.MULTILINE)
        if not found:
            raise BenchFailed(f"cannot read what wrk has printed:\n{output}")
        return found.groups()

    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    if refused:
        raise BenchFailed(f"{refused.group(1)} orders were refused:\n{output}")
    broken = re.search(r"Socket errors: .*", output)
    if broken:
        raise BenchFailed(f"connections broke: {broken.group(0)}")
    requests, duration = find(r"^ *(\d+) requests in ([0-9.]+[a-z]+),")
    if int(requests) == 0:
        raise BenchFailed("no order was answered")
    return Load(int(requests), read_millis(duration) / 1000,
                read_millis(find(r"^ +50% +(\S+)")[0]), read_millis(find(r"^ +99% +(\S+)")[0]))


def post_orders(url, key, supplier, seconds, last=0):
    """Posts new orders over CONNECTIONS connections, each as soon as the last is answered.

    Their numbers begin after `last`."""
    return post(url, SCRIPT, [key, supplier, str(last)], seconds)


def post(url, script, arguments, seconds):
    """The same, with what the Lua program `script` makes of `arguments`."""
    process = subprocess.Popen(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"--timeout={TIMEOUT_SECONDS}s",
         "--latency", "-s", script, url, "--", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **child_options())
    try:
        output, _ = process.communicate(timeout=seconds + 60)
    except subprocess.TimeoutExpired as late:
        raise BenchFailed("wrk does not come to an end") from late
    finally:
        end(process)
    if process.returncode != 0:
        raise BenchFailed(f"wrk failed:\n{output}")
    return parse(output)
