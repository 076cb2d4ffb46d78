#!/usr/bin/python3
"""For each rule of tidy.py: a tree that it accepts, and one that it does not."""

import os
import tempfile
import unittest

import tidy
import tree

HEADER = "// What this is for.\n\n#pragma once\n"


def look(rule, files):
    """What `rule` says about a tree with these {path: text}, as "path:line: message"."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
        found = sorted(set(rule(tidy.Tree(root))))
    return [f"{path}:{line}: {message}" for path, line, message in found]


class Rules(unittest.TestCase):
    def accepts(self, rule, files):
        self.assertEqual(look(rule, files), [])

    def refuses(self, rule, files, *starts):
        """Exactly these findings, each given by how it starts."""
        found = look(rule, files)
        self.assertEqual(len(found), len(starts), found)
        for said, start in zip(found, starts):
            self.assertTrue(said.startswith(start), f"{said!r} does not start with {start!r}")


class Size(Rules):
    def test_a_file_has_a_limit_unless_it_is_a_test_or_has_a_reason(self):
        rule = tidy.rule_file_length
        self.accepts(rule, {"src/a/x.h": "\n" * 250, "src/a/x.cc": "\n" * 500,
                            "src/a/x_test.cc": "\n" * 900, "tests/e2e/long.py": "\n" * 900})
        self.refuses(rule, {"src/a/x.h": "\n" * 251, "src/a/x.cc": "\n" * 501},
                     "src/a/x.cc:501: 501 lines", "src/a/x.h:251: 251 lines")
        tidy.LONG_FILES["src/a/x.h"] = (300, "a table")
        self.addCleanup(tidy.LONG_FILES.clear)
        self.accepts(rule, {"src/a/x.h": "\n" * 300})
        self.refuses(rule, {"src/a/x.h": "\n" * 301}, "src/a/x.h:301: ")

    def test_a_line_has_a_limit_in_characters(self):
        rule = tidy.rule_line_length
        self.accepts(rule, {"a.cc": "ä " * 50})
        self.refuses(rule, {"a.cc": "\n" + "a " * 51}, "a.cc:2: 102 columns")

    def test_a_raw_string_and_one_long_word_may_be_wider(self):
        rule = tidy.rule_line_length
        self.accepts(rule, {"a.cc": 'auto s = R"sql(\n' + "a " * 60 + '\n)sql";\n',
                            "b.h": "// https://example.com/" + "a" * 90})
        self.refuses(rule, {"a.cc": 'auto s = R"(x)";\n' + "a " * 60}, "a.cc:2: ")


class BannedCalls(Rules):
    rule = staticmethod(tidy.rule_banned_calls)

    def refuses_line(self, line, instead, path="src/net/a.cc"):
        found = look(self.rule, {path: "\n" + line + "\n"})
        self.assertEqual(len(found), 1, (line, found))
        self.assertIn(f"{path}:2: ", found[0])
        self.assertIn(instead, found[0])

    def test_the_message_names_the_replacement(self):
        for line, instead in [
                ("auto t = std::chrono::system_clock::now();", "Clock"),
                ("auto t = std::chrono::steady_clock::now();", "Stopwatch"),
                ("asio::co_spawn(context, f(), asio::detached);", "TaskGroup"),
                ("worker.detach();", "join"),
                ("int i = rand();", "Rng"),
                ("std::random_device d;", "crypto::random_bytes"),
                ("std::mt19937_64 e;", "Rng"),
                ("RAND_bytes(p, n);", "crypto::random_bytes"),
                ("std::this_thread::sleep_for(1s);", "deadline"),
                ("usleep(5);", "deadline"),
                ("  sleep(5);", "deadline"),
                ("std::thread t(f);", "one thread"),
                ("std::vector<std::jthread> t;", "one thread")]:
            with self.subTest(line):
                self.refuses_line(line, instead)

    def test_each_has_its_one_place(self):
        self.accepts(self.rule, {
            "src/base/clock.cc": "std::chrono::system_clock::now();",
            "src/base/task.cc": "asio::detached",
            "src/base/rng.h": "std::mt19937_64 engine_;",
            "src/crypto/random.cc": "RAND_bytes(a, b);",
            "src/store/executor.h": "std::thread writer_;",
            "src/app/hub.cc": "std::thread thread;",
            "src/net/a_test.cc": "asio::detached; std::thread t;"})

    def test_tests_do_not_sleep_either(self):
        self.refuses_line("std::this_thread::sleep_for(1s);", "ManualClock", "src/net/a_test.cc")
        self.refuses_line("auto t = std::chrono::system_clock::now();", "Clock",
                          "tests/conformance/a.cc")

    def test_comments_strings_and_other_names_are_not_calls(self):
        self.accepts(self.rule, {"src/net/a.cc": "\n".join([
            "// never asio::detached", "/* rand()", "sleep(5) */", '"asio::detached rand("',
            'R"x(usleep(1)', 'std::thread)x"', "operand(1); clock.sleep(1); brand(2);",
            "std::this_thread::get_id(); std::thread::hardware_concurrency(); 1'000'000;"])})

    def test_code_after_a_string_is_seen(self):
        self.refuses_line("""f("//", '"', 1'000, R"(")"); rand();""", "Rng")

    def test_a_sleep_of_python_is_marked_as_polling(self):
        rule = tidy.rule_python_sleep
        self.accepts(rule, {"tests/e2e/a.py": "time.sleep(0.05)  # tidy: poll\n",
                            "examples/a.py": "time.sleep(1)\n"})
        self.refuses(rule, {"tests/e2e/a.py": "\ntime.sleep(1)\n"}, "tests/e2e/a.py:2: ")


class Layers(Rules):
    BASE = {"src/base/CMakeLists.txt": "waybill_library(base\n  SOURCES a.cc)\n",
            "src/net/CMakeLists.txt": "waybill_library(net\n  SOURCES n.cc\n"
                                      "  PUBLIC waybill::base  # waybill::store\n"
                                      "  TESTS n_test.cc)\n"}

    def test_an_include_is_named_in_the_library_call(self):
        rule = tidy.rule_layers
        self.accepts(rule, {**self.BASE, "src/net/n.cc": '#include "base/a.h"\n'
                                                         '#include "net/n.h"\n'
                                                         '#include "generated/x.h"\n'
                                                         '#include <store/a.h>\n'})
        self.refuses(rule, {**self.BASE, "src/net/n.cc": '\n#include "crypto/digest.h"\n'},
                     "src/net/n.cc:2: src/net/CMakeLists.txt does not name waybill::crypto")
        self.refuses(rule, {**self.BASE, "src/net/n.h": '#include "store/database.h"\n'},
                     "src/net/n.h:1: src/net/CMakeLists.txt does not name waybill::store")

    def test_test_libraries_are_for_tests(self):
        files = {"src/model/CMakeLists.txt":
                 "waybill_library(model SOURCES m.cc TESTS m_test.cc\n"
                 "  TEST_LIBRARIES waybill::crypto)\n"}
        include = '#include "crypto/digest.h"\n'
        self.accepts(tidy.rule_layers, {**files, "src/model/m_test.cc": include})
        self.refuses(tidy.rule_layers, {**files, "src/model/m.cc": include}, "src/model/m.cc:1: ")

    def test_a_subfolder_belongs_to_its_parent_unless_it_is_a_library(self):
        rule = tidy.rule_layers
        store = {"src/store/CMakeLists.txt": "waybill_library(store PUBLIC waybill::base)\n"}
        driver = {"src/store/sqlite/CMakeLists.txt":
                  "waybill_library(store_sqlite PUBLIC waybill::store)\n"}
        uses_parent = {"src/store/sqlite/s.cc": '#include "store/database.h"\n'}
        self.accepts(rule, {**store, **uses_parent})
        self.accepts(rule, {**store, **driver, **uses_parent})
        self.refuses(rule, {**store, **driver,
                            "src/store/database.cc": '#include "store/sqlite/s.h"\n'},
                     "src/store/database.cc:1: src/store/CMakeLists.txt does not name "
                     "waybill::store_sqlite")

    def test_two_libraries_of_one_folder_are_told_apart_by_their_files(self):
        files = {"src/store/CMakeLists.txt":
                 "waybill_library(store SOURCES a.cc)\n"
                 "waybill_library(store_memory SOURCES b.cc PRIVATE waybill::model)\n"}
        include = '#include "model/order.h"\n'
        self.accepts(tidy.rule_layers, {**files, "src/store/b.cc": include})
        self.refuses(tidy.rule_layers, {**files, "src/store/a.cc": include}, "src/store/a.cc:1: ")

    def test_a_folder_without_a_library_cannot_include(self):
        self.refuses(tidy.rule_layers, {"src/net/n.cc": '#include "base/a.h"\n'},
                     "src/net/n.cc:1: this folder has no waybill_library call")

    def test_a_folder_uses_only_folders_before_it(self):
        rule = tidy.rule_order_of_folders
        self.accepts(rule, self.BASE)
        self.refuses(rule, {"src/net/CMakeLists.txt":
                            "\nwaybill_library(net PRIVATE waybill::store)\n"},
                     "src/net/CMakeLists.txt:2: waybill::net uses waybill::store, but net comes")
        self.refuses(rule, {"src/model/CMakeLists.txt":
                            "waybill_library(model PUBLIC waybill::store_sqlite)\n",
                            "src/store/sqlite/CMakeLists.txt":
                            "waybill_library(store_sqlite)\n"},
                     "src/model/CMakeLists.txt:1: ")

    def test_a_new_folder_needs_a_place(self):
        self.refuses(tidy.rule_order_of_folders,
                     {"src/extra/CMakeLists.txt": "waybill_library(extra)\n"},
                     "src/extra/CMakeLists.txt:1: src/extra has no place")

    def test_every_source_is_in_a_list(self):
        rule = tidy.rule_every_source_is_built
        cmake = {"src/net/CMakeLists.txt": "waybill_library(net SOURCES n.cc sub/s.cc)\n"}
        self.accepts(rule, {**cmake, "src/net/n.cc": "", "src/net/sub/s.cc": "",
                            "tests/fixtures.txt": ""})
        self.refuses(rule, {**cmake, "src/net/n_test.cc": ""},
                     "src/net/n_test.cc:1: src/net/CMakeLists.txt does not name n_test.cc")
        self.refuses(rule, {**cmake, "src/net/s.cc": ""}, "src/net/s.cc:1: ")


class Precompiled(Rules):
    def test_a_file_includes_what_it_uses_of_the_precompiled_header(self):
        rule = tidy.rule_precompiled
        self.accepts(rule, {"src/a/a.cc": '#include "a/a.h"\nauto t = fmt::format("std::map");\n',
                            "src/a/a.h": '#include "b.h"\nstd::map<int, int> m;\n',
                            "src/a/b.h": "#include <fmt/format.h>\n#include <map>\n"})
        self.refuses(rule, {"src/a/a.cc": "#include <fmt/format.h>\n\nstd::map<int, int> m;\n"},
                     "src/a/a.cc:3: include <map>: ")

    def test_what_the_precompiled_header_includes_has_a_line(self):
        rule = tidy.rule_precompiled
        self.accepts(rule, {"src/precompiled.h": "#include <map>\n"})
        self.refuses(rule, {"src/precompiled.h": "#include <boost/beast.hpp>\n"},
                     "src/precompiled.h:1: give <boost/beast.hpp> a line")


class Words(Rules):
    def test_every_folder_has_a_readme(self):
        rule = tidy.rule_readme
        self.accepts(rule, {"src/net/a.cc": "", "src/net/README.md": "", "src/precompiled.h": "",
                            "tests/README.md": "", "tests/e2e/README.md": "",
                            "tests/e2e/receivers/a.js": "", "LICENSE": "", ".ci/run": ""})
        self.refuses(rule, {"src/net/sub/a.cc": "", "docs/decisions/0001-a.md": "",
                            "tests/e2e/a.py": "", "examples/orders/a.json": "", "bench/a.cc": ""},
                     "bench/README.md:1: ", "docs/README.md:1: ", "docs/decisions/README.md:1: ",
                     "examples/README.md:1: ", "examples/orders/README.md:1: ",
                     "src/net/README.md:1: ", "src/net/sub/README.md:1: ",
                     "tests/README.md:1: ", "tests/e2e/README.md:1: ")

    def test_a_header_says_what_it_is_for(self):
        rule = tidy.rule_headers
        self.accepts(rule, {"src/a/a.h": HEADER})
        self.refuses(rule, {"src/a/a.h": "#pragma once\n"}, "src/a/a.h:1: a header begins")
        self.refuses(rule, {"src/a/a.h": "// What.\n"}, "src/a/a.h:1: a header has #pragma once")

    def test_an_open_end_has_an_issue(self):
        rule = tidy.rule_todo
        self.accepts(rule, {"a.cc": "// TODO(#12): later", "README.md": "TODO", "b.py": "TODOS"})
        self.refuses(rule, {"a.cc": "// TODO: later\n// FIXME\n", "b.py": "# TODO(me)\n"},
                     "a.cc:1: ", "a.cc:2: ", "b.py:1: ")

    def test_a_folder_has_a_telling_name(self):
        rule = tidy.rule_folder_names
        self.accepts(rule, {"src/base/utils.h": ""})
        self.refuses(rule, {"src/utils/a.h": "", "src/utils/b.h": ""}, "src/utils/a.h:1: ")

    def test_no_path_or_registry_of_one_machine(self):
        rule = tidy.rule_no_machine_in_the_tree
        self.accepts(rule, {"a.md": "src/home/a /var/lib/waybill https://a.example/home/ "
                                    "${ROOT}/home/x ./home/ /homes/ ~/home/"})
        for line in ["cd /home/me", '"/home/me/x"', "=/root/.cache"]:
            with self.subTest(line):
                self.refuses(rule, {"a.md": "\n" + line}, "a.md:2: ")
        self.refuses(rule, {"package-lock.json": '"resolved": "https://a.example/a.tgz"'},
                     "package-lock.json:1: ")
        self.accepts(rule, {"logo.png": b"\x89PNG\0 /home/ "})

    def test_decisions_are_numbered_without_a_gap(self):
        rule = tidy.rule_decisions
        at = "docs/decisions/"
        self.accepts(rule, {at + "0001-a.md": "", at + "0002-b-c.md": "", at + "README.md": ""})
        self.refuses(rule, {at + "0001-a.md": "", at + "0003-b.md": ""},
                     at + "0003-b.md:1: decision 0002 is missing")
        self.refuses(rule, {at + "0001-a.md": "", at + "0001-b.md": ""},
                     at + "0001-b.md:1: there are two")
        self.refuses(rule, {at + "1-a.md": ""}, at + "1-a.md:1: a decision is called")


class Everything(Rules):
    def test_a_rule_that_exists_is_run(self):
        self.assertEqual(len(tidy.RULES), 14)

    def test_without_git_what_the_build_makes_is_not_ours(self):
        with tempfile.TemporaryDirectory() as root:
            for path in ["src/a.cc", "build/dev/b.cc", "tests/node_modules/c.js"]:
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                open(os.path.join(root, path), "w", encoding="utf-8").close()
            self.assertEqual(tree.our_files(root), ["src/a.cc"])


if __name__ == "__main__":
    unittest.main()
