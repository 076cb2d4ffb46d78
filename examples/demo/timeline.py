"""Prints what happens as it happens, a line each, with the time since the beginning."""

import os
import sys
import threading
import time


class Timeline:
    """Any thread may add to it."""

    def __init__(self):
        self.began = time.monotonic()
        self.lock = threading.Lock()
        colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.green, self.red, self.dim, self.plain = (
            ("\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m") if colours else ("",) * 4)

    def add(self, text, at=None):
        seconds = (time.monotonic() if at is None else at) - self.began
        self.say(f"{self.dim}{seconds:8.3f} s{self.plain}  {text}")

    def say(self, text=""):
        with self.lock:
            print(text, flush=True)

    def good(self, text):
        return f"{self.green}{text}{self.plain}"

    def bad(self, text):
        return f"{self.red}{text}{self.plain}"
