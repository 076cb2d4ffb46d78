#!/usr/bin/python3
"""Runs one fuzz target over its corpus and then over inputs made from it.

    tests/fuzz/run.py json --runs 20000        what ./test does: the same inputs every time
    WAYBILL_TEST_FULL=1 tests/fuzz/run.py json a minute, from a seed that is printed
    tests/fuzz/run.py json --seconds 600       ten minutes of it
    tests/fuzz/run.py json --keep              what reaches new code goes into the corpus

The source tree is not written to but with --keep. An input that breaks a promise is kept in the
build folder, and the command that tries it again is printed.
"""

import argparse
import hashlib
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "dev"

INPUT_BYTES_MAX = 4096
INPUT_SECONDS_MAX = 10
MEMORY_MIB_MAX = 2048
FULL_SECONDS = 60


def arguments():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("name", help="of the target: a folder of corpus/")
    options.add_argument("--runs", type=int, default=20000, help="inputs to try after the corpus")
    options.add_argument("--seconds", type=int, help="go on this long instead, from a random seed")
    options.add_argument("--seed", type=int, help="the seed of an earlier run")
    options.add_argument("--keep", action="store_true",
                         help="add what reaches new code to the corpus")
    options.add_argument("--program", type=pathlib.Path)
    options.add_argument("--crashes", type=pathlib.Path, default=BUILD / "fuzz-crashes")
    chosen = options.parse_args()
    chosen.program = chosen.program or BUILD / "tests" / "fuzz" / f"waybill_fuzz_{chosen.name}"
    if chosen.seconds is None and os.environ.get("WAYBILL_TEST_FULL") == "1":
        chosen.seconds = FULL_SECONDS
    if chosen.seed is None:
        chosen.seed = random.randrange(1, 2**31) if chosen.seconds else 1
    return chosen


def limits(chosen):
    dictionary = HERE / "dictionaries" / f"{chosen.name}.dict"
    return [f"-max_len={INPUT_BYTES_MAX}", f"-timeout={INPUT_SECONDS_MAX}",
            f"-rss_limit_mb={MEMORY_MIB_MAX}", f"-seed={chosen.seed}", f"-dict={dictionary}",
            f"-artifact_prefix={chosen.crashes}/{chosen.name}-", "-print_final_stats=1",
            "-reload=0", "-verbosity=1"]


def amount(chosen, corpus):
    if chosen.seconds:
        return [f"-max_total_time={chosen.seconds}"]
    return [f"-runs={chosen.runs + len(list(corpus.iterdir()))}"]


def tell_crash(chosen, output):
    for path in re.findall(r"Test unit written to (\S+)", output):
        shown = os.path.relpath(path, ROOT)
        program = os.path.relpath(chosen.program, ROOT)
        print(f"\nThe input that did it: {shown}\nTo try it again:       {program} {shown}")


def keep(chosen, corpus, found):
    """Adds the fewest of the inputs in `found` that reach every edge that the corpus does not."""
    known = {path.read_bytes() for path in corpus.iterdir()}
    with tempfile.TemporaryDirectory() as merged:
        shutil.copytree(corpus, merged, dirs_exist_ok=True)
        subprocess.run([chosen.program, "-set_cover_merge=1", "-use_counters=0", *limits(chosen),
                        merged, found], check=True, capture_output=True)
        new = {path.read_bytes() for path in pathlib.Path(merged).iterdir()} - known
    for content in new:
        (corpus / hashlib.sha256(content).hexdigest()[:12]).write_bytes(content)
    print(f"{len(new)} inputs added to {corpus}")


def main():
    chosen = arguments()
    corpus = HERE / "corpus" / chosen.name
    if not chosen.program.is_file() or not any(corpus.iterdir()):
        sys.exit(f"there is no {chosen.program}, or nothing in {corpus}")
    chosen.crashes.mkdir(parents=True, exist_ok=True)
    print(f"seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory() as found:
        run = subprocess.run(
            [chosen.program, *limits(chosen), *amount(chosen, corpus), found, corpus],
            text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode != 0:
            print(run.stdout[-20000:])
            tell_crash(chosen, run.stdout)
            sys.exit(1)
        tried = int(re.search(r"stat::number_of_executed_units: (\d+)", run.stdout).group(1))
        covered = re.findall(r"cov: (\d+)", run.stdout)
        if not covered or (not chosen.seconds and tried < chosen.runs):
            sys.exit(f"{run.stdout[-4000:]}\n{tried} inputs of {chosen.runs} were tried")
        print(f"{tried} inputs tried, {covered[-1]} edges reached")
        if chosen.keep:
            keep(chosen, corpus, pathlib.Path(found))


if __name__ == "__main__":
    main()
