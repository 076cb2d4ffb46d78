"""`./run --exit` with the program that is already built: what a newcomer sees first."""

import os
import subprocess
import unittest

from harness import BINARY, ROOT


class Demo(unittest.TestCase):
    def test_the_demo_works_and_says_so(self):
        done = subprocess.run(
            ["/usr/bin/python3", "-B", os.path.join(ROOT, "examples", "demo", "demo.py"),
             "--program", BINARY, "--exit"],
            cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
            check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("orders accepted    5 of 5", done.stdout)
        self.assertIn("repeats            2 of 2", done.stdout)
        self.assertIn("signatures valid   10 of 10", done.stdout)
        self.assertIn("lost               0", done.stdout)


if __name__ == "__main__":
    unittest.main()
