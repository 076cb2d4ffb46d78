#!/usr/bin/python3
"""That clang-tidy, as clang_tidy.py runs it, finds what is ours and looks at nothing else."""

import os
import shutil
import tempfile
import unittest

import clang_tidy

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

MOVED = """#include <string>
#include <utility>
inline std::string {name}(std::string text) {{
  std::string taken = std::move(text);
  return taken + text;
}}
"""


class OwnCode(unittest.TestCase):
    def setUp(self):
        # The rules heed what is under src alone, and clang-tidy looks for them upwards.
        self.root = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(os.path.join(ROOT, ".clang-tidy"), self.root)

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def findings(self, source):
        system = os.path.join(self.root, "system")
        arguments = [clang_tidy.CLANG, "-std=c++2b", "-isystem", system, "-c", source]
        clang_tidy.write_database(self.root, {source: (self.root, arguments)})
        plugin = clang_tidy.make_plugin(ROOT, self.root)
        return clang_tidy.check(source, self.root, plugin)

    def test_finds_what_is_wrong_in_a_source_and_in_a_header_of_ours(self):
        self.write("src/own.h", "#pragma once\n" + MOVED.format(name="in_header"))
        found = self.findings(self.write(
            "src/own.cc", '#include "own.h"\nnamespace {\n' + MOVED.format(name="in_source") + "}"))
        self.assertIn("src/own.cc:7:18: error: 'text' used after it was moved", found)
        self.assertIn("src/own.h:6:18: error: 'text' used after it was moved", found)

    def test_looks_at_nothing_that_is_not_ours(self):
        self.write("system/theirs.h", "#pragma once\n" + MOVED.format(name="theirs"))
        self.assertIsNone(self.findings(self.write("src/own.cc", "#include <theirs.h>\n")))


class CompileCommand(unittest.TestCase):
    def test_clang_tidy_is_not_given_ccache(self):
        self.assertEqual(clang_tidy.without_ccache(["/usr/bin/ccache", "clang++-19", "-c", "a.cc"]),
                         ["clang++-19", "-c", "a.cc"])
        self.assertEqual(clang_tidy.without_ccache(["clang++-19", "-c", "a.cc"]),
                         ["clang++-19", "-c", "a.cc"])


if __name__ == "__main__":
    unittest.main()
