"""Rendering: what a delivery costs beside sending it, in each dialect."""

import json
import os
import subprocess

from programs import BIN, BenchFailed, child_options

PROGRAM = "waybill_bench_rendering"
REPETITIONS, QUICK_REPETITIONS = 15, 3
REPETITION_SECONDS = 0.1
TIMEOUT_SECONDS = 300
KINDS = {"body", "delivery"}


def measure(_, quick):
    """{dialect: {"body": [ns], "delivery": [ns]}}, a figure for each repetition."""
    repetitions = QUICK_REPETITIONS if quick else REPETITIONS
    return parse(run([
        os.path.join(BIN, PROGRAM), "--benchmark_format=json",
        f"--benchmark_repetitions={repetitions}", f"--benchmark_min_time={REPETITION_SECONDS}",
        # A moment in which the machine is busy is not all one dialect's.
        "--benchmark_enable_random_interleaving=true"]))


def run(command):
    """What it prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
                              check=False, **child_options())
    except subprocess.TimeoutExpired as error:
        raise BenchFailed(f"{PROGRAM} was not done within {TIMEOUT_SECONDS} s") from error
    if done.returncode != 0:
        tail = "".join(f"\n  {line}" for line in done.stderr.splitlines()[-8:])
        raise BenchFailed(f"{PROGRAM} ended with status {done.returncode}{tail}")
    return done.stdout


def parse(output):
    found = {}
    try:
        for each in json.loads(output)["benchmarks"]:
            if each.get("error_occurred"):
                raise BenchFailed(f"{PROGRAM}: {each['name']}: {each['error_message']}")
            if each["run_type"] != "iteration":
                continue  # Its own means and medians.
            if each["time_unit"] != "ns":
                raise BenchFailed(f"{PROGRAM} measures in {each['time_unit']}")
            kind, _, dialect = each["run_name"].partition("/")
            found.setdefault(dialect, {}).setdefault(kind, []).append(each["cpu_time"])
    except (ValueError, KeyError, TypeError) as error:
        raise BenchFailed(f"{PROGRAM} printed what is no measurement: {error!r}") from error
    if not found or any(set(kinds) != KINDS for kinds in found.values()):
        raise BenchFailed(f"{PROGRAM} has not measured every dialect's {' and '.join(KINDS)}")
    # Interleaved at random, they come in another order each time.
    return dict(sorted(found.items()))
