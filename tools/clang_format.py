#!/usr/bin/python3
"""Checks that every C++ file of ours is formatted as .clang-format says; --fix makes it so."""

import argparse
import os
import subprocess
import sys

import tree

CLANG_FORMAT = "clang-format-19"


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--fix", action="store_true", help="rewrite the files")
    options.add_argument("--root", default=root)
    options = options.parse_args()

    files = [path for path in tree.our_files(options.root) if path.endswith((".h", ".cc"))]
    if not files:
        sys.exit(f"clang_format.py: no C++ file under {options.root}")
    how = ["-i"] if options.fix else ["--dry-run", "-Werror"]
    answer = subprocess.run([CLANG_FORMAT, "--style=file", *how, *files], cwd=options.root)
    if answer.returncode != 0:
        sys.exit("clang_format.py: format them with: tools/clang_format.py --fix")
    print(f"{len(files)} files {'formatted' if options.fix else 'are well formatted'}")


if __name__ == "__main__":
    main()
