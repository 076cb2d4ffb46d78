#!/usr/bin/python3
"""The house rules that no compiler checks. Prints `file:line: what to do instead`, one per line.

Each rule is one function below, named `rule_…`, which yields (path, line, message); tidy_test.py
shows for each what it accepts and what not. The rules and their reasons are in CONTRIBUTING.md.
"""

import argparse
import os
import posixpath
import re
import sys

import tree

# Each folder of src/ uses only folders that come before it here.
FOLDERS = ["base", "crypto", "net", "model", "dialect", "store", "routing", "intake", "delivery",
           "surfaces", "console", "app"]

LINE_MAX = 100
HEADER_LINES_MAX = 250
SOURCE_LINES_MAX = 500

# Files that are longer than the limit and better for it: path -> (lines, why).
LONG_FILES = {}

# These files name what they forbid.
RULE_FILES = {"tools/tidy.py", "tools/tidy_test.py"}

VAGUE_FOLDERS = {"util", "utils", "common", "helper", "helpers", "misc"}


class Tree:
    """The files of one source tree, read once."""

    def __init__(self, root):
        self.root = root
        self.files = tree.our_files(root)
        self.known = frozenset(self.files)
        self._texts, self._codes = {}, {}

    def text(self, path):
        if path not in self._texts:
            self._texts[path] = tree.read_text(self.root, path)
        return self._texts[path] or ""

    def code(self, path):
        """C++ with comments and the insides of strings blanked, line for line."""
        if path not in self._codes:
            self._codes[path] = blank(self.text(path))
        return self._codes[path]

    def having(self, *endings, under=""):
        return [path for path in self.files if path.endswith(endings) and path.startswith(under)]


def is_test(path):
    return path.endswith("_test.cc") or path.startswith("tests/")


TOKEN = re.compile(
    r'//(?:[^\n\\]|\\.|\\\n)*'                                     # a comment
    r'|/\*.*?\*/'
    r'|\b(?:u8|[uUL])?R"(?P<end>[^()\\ ]{0,16})\(.*?\)(?P=end)"'   # a raw string
    r'|"(?:[^"\\\n]|\\.)*"'                                        # a string
    r"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+'",                       # a character, not 1'000
    re.DOTALL)


def blank(text):
    return TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), text)


def numbered(text):
    return enumerate(text.split("\n"), 1)


# --- Size -------------------------------------------------------------------------------------

def rule_file_length(tree_):
    """Tests are exempt: a table of cases may be as long as it likes."""
    for path in tree_.having(".h", ".cc", ".py"):
        if is_test(path) or path.endswith("_test.py"):
            continue
        limit = HEADER_LINES_MAX if path.endswith(".h") else SOURCE_LINES_MAX
        limit, why = LONG_FILES.get(path, (limit, ""))
        lines = tree_.text(path).count("\n")
        if lines > limit:
            yield path, lines, (f"{lines} lines, of at most {limit}: divide it by ideas, or give "
                                f"the reason in LONG_FILES of tools/tidy.py {why}".rstrip())


def rule_line_length(tree_):
    """The inside of a raw string (SQL, JSON, a page) and a single long word are exempt."""
    for path in tree_.having(".h", ".cc", ".py", ".cmake", "CMakeLists.txt", ".sh"):
        inside = set()
        if path.endswith((".h", ".cc")):
            text = tree_.text(path)
            for match in TOKEN.finditer(text):
                if match.group("end") is not None:
                    first = text.count("\n", 0, match.start()) + 1
                    inside.update(range(first, first + match.group(0).count("\n") + 1))
        for number, line in numbered(tree_.text(path)):
            if len(line) > LINE_MAX and number not in inside and " " in line.strip(" /#*"):
                yield path, number, f"{len(line)} columns, of at most {LINE_MAX}"


# --- Calls with a replacement -------------------------------------------------------------------

def in_base(path):
    return path.startswith("src/base/")


# (pattern in C++ code, where it is allowed, what to do instead)
BANNED = [
    (r"\b(?:system|steady|high_resolution|utc)_clock::now\b|\b(?:gettimeofday|clock_gettime)\s*\("
     r"|\bstd::time\s*\(",
     in_base,
     "time comes from Clock (base/clock.h), a duration from Stopwatch"),
    (r"\basio::detached\b",
     lambda path: path == "src/base/task.cc" or path.endswith("_test.cc"),
     "nothing is detached: TaskGroup::spawn (base/task.h)"),
    (r"\.detach\s*\(\s*\)",
     # getaddrinfo() cannot be ended: who waits for a thread that is in it waits as long.
     lambda path: path == "src/delivery/channels/broker_line.cc",
     "nothing is detached: keep the thread and join it"),
    (r"(?<![\w.>])s?rand\s*\(|\bstd::random_device\b|\bmt19937(?:_64)?\b",
     lambda path: path == "src/base/rng.h" or path.startswith("src/crypto/"),
     "chance comes from Rng (base/rng.h), secrets from crypto::random_bytes"),
    (r"\bRAND_(?:priv_)?bytes\b",
     lambda path: path.startswith("src/crypto/"),
     "secrets come from crypto::random_bytes"),
    (r"\b(?:sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<![\w.>])sleep\s*\(",
     lambda path: False,
     "nothing sleeps: wait for what you wait for, with a deadline; in tests, ManualClock"),
    (r"\bstd::j?thread\b(?!::(?:id|hardware_concurrency)\b)",
     lambda path: path.startswith(("src/store/", "src/app/", "src/delivery/channels/broker_",
                                   "bench/")) or is_test(path),
     "the logic has one thread: blocking work goes to the store's, or to a pool that app owns"),
]


def rule_banned_calls(tree_):
    for path in tree_.having(".h", ".cc"):
        for number, line in numbered(tree_.code(path)):
            for pattern, allowed, instead in BANNED:
                found = re.search(pattern, line)
                if found and not allowed(path):
                    yield path, number, f"`{found.group(0).rstrip(' (')}`: {instead}"


def rule_python_sleep(tree_):
    """A polling helper with a deadline says so: `time.sleep(0.05)  # tidy: poll`."""
    for path in tree_.having(".py"):
        if path in RULE_FILES or not path.startswith("tests/"):
            continue
        for number, line in numbered(tree_.text(path)):
            if re.search(r"\b(?:time|asyncio)\.sleep\(", line) and "# tidy: poll" not in line:
                yield path, number, ("tests do not sleep: wait for the condition through the "
                                     "polling helper, whose own sleep is marked `# tidy: poll`")


# --- Layers -------------------------------------------------------------------------------------

class Library:
    """One waybill_library(name …) of a CMakeLists.txt."""

    def __init__(self, name, folder, line, arguments):
        self.name, self.folder, self.line = name, folder, line
        self.lists = {}
        into = []
        for word in arguments:
            if word in ("SOURCES", "PUBLIC", "PRIVATE", "TESTS", "TEST_LIBRARIES"):
                into = self.lists.setdefault(word, [])
            else:
                into.append(word)

    def uses(self, in_test):
        words = self.lists.get("PUBLIC", []) + self.lists.get("PRIVATE", [])
        if in_test:
            words = words + self.lists.get("TEST_LIBRARIES", [])
        return {word.removeprefix("waybill::") for word in words if word.startswith("waybill::")}

    def lists_file(self, path):
        name = posixpath.relpath(path, self.folder)
        return name in self.lists.get("SOURCES", []) + self.lists.get("TESTS", [])


CALL = re.compile(r"^[ \t]*waybill_library\s*\(\s*([\w-]+)([^)]*)\)", re.MULTILINE)


def libraries(tree_):
    """{folder: [Library]} for the folders of src/ that have any."""
    found = {}
    for path in tree_.having("CMakeLists.txt", under="src/"):
        text = re.sub(r"#[^\n]*", "", tree_.text(path))
        folder = posixpath.dirname(path)
        for call in CALL.finditer(text):
            line = text.count("\n", 0, call.start()) + 1
            words = call.group(2).split()
            found.setdefault(folder, []).append(Library(call.group(1), folder, line, words))
    return found


def owner(folder, folders_with_libraries):
    """The nearest folder upwards that is a library; None above src/x."""
    while folder and folder != "src":
        if folder in folders_with_libraries:
            return folder
        folder = posixpath.dirname(folder)
    return None


INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def rule_layers(tree_):
    """An include of another folder needs that folder in this one's waybill_library call."""
    known = libraries(tree_)
    for path in tree_.having(".h", ".cc", under="src/"):
        if path.count("/") < 2:
            continue  # src/precompiled.h
        home = owner(posixpath.dirname(path), known)
        ours = known.get(home, [])
        ours = [library for library in ours if library.lists_file(path)] or ours
        uses = {name for library in ours for name in library.uses(path.endswith("_test.cc"))}
        for number, line in numbered(tree_.text(path)):
            found = INCLUDE.match(line)
            if not found or "/" not in found.group(1):
                continue
            folder = posixpath.join("src", posixpath.dirname(found.group(1)))
            if folder.split("/")[1] not in FOLDERS:
                continue  # Generated, or a third party's in quotation marks.
            if home is None:
                yield path, number, "this folder has no waybill_library call to name what it uses"
                break
            other = owner(folder, known) or "/".join(folder.split("/")[:2])
            if other == home:
                continue
            names = ({library.name for library in known.get(other, [])}
                     or {other.removeprefix("src/").replace("/", "_")})
            if not names & uses:
                yield path, number, (f"{posixpath.join(home, 'CMakeLists.txt')} does not name "
                                     f"waybill::{sorted(names)[0]}, so its files may not include "
                                     f"\"{found.group(1)}\"")


def rule_order_of_folders(tree_):
    """Upwards only: the list of folders at the top of this file is the architecture."""
    known = libraries(tree_)
    by_name = {lib.name: lib for libs in known.values() for lib in libs}
    for folder, libs in sorted(known.items()):
        top = folder.split("/")[1]
        cmake = posixpath.join(folder, "CMakeLists.txt")
        if top not in FOLDERS:
            yield cmake, libs[0].line, (f"src/{top} has no place in the architecture: give it one "
                                        "in docs/architecture.md and FOLDERS of tools/tidy.py")
            continue
        for library in libs:
            for used in sorted(library.uses(in_test=True)):
                other = by_name[used].folder.split("/")[1] if used in by_name else used
                if other in FOLDERS and FOLDERS.index(other) > FOLDERS.index(top):
                    yield cmake, library.line, (
                        f"waybill::{library.name} uses waybill::{used}, but {top} comes before "
                        f"{other}: {' → '.join(FOLDERS)}")


# What is known by the precompiled header even to a file that does not include it: the header, and
# what shows that a file uses it.
PRECOMPILED = {
    "chrono": r"std::chrono::",
    "cstdint": r"std::u?int\d+_t\b",
    "expected": r"std::(un)?expected\b",
    "functional": r"std::function\b",
    "map": r"std::map\b",
    "memory": r"std::(unique_ptr|make_unique|shared_ptr|make_shared)\b",
    "optional": r"std::(optional|nullopt)\b",
    "span": r"std::span\b",
    "string": r"std::string\b",
    "string_view": r"std::string_view\b",
    "unordered_map": r"std::unordered_map\b",
    "vector": r"std::vector\b",
    "boost/asio/as_tuple.hpp": r"\basio::as_tuple\b",
    "boost/asio/awaitable.hpp": r"\basio::awaitable\b",
    "boost/asio/co_spawn.hpp": r"\basio::co_spawn\b",
    "boost/asio/io_context.hpp": r"\basio::io_context\b",
    "boost/asio/steady_timer.hpp": r"\basio::steady_timer\b",
    "boost/asio/use_awaitable.hpp": r"\basio::use_awaitable\b",
    "boost/json.hpp": r"\bboost::json::",
    "fmt/format.h": r"\bfmt::",
}
PRECOMPILED_HEADER = "src/precompiled.h"
ANY_INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def included(tree_, path, seen):
    """The <headers> that a file includes, itself or by a header of ours."""
    for mark, name in ANY_INCLUDE.findall(tree_.text(path)):
        if mark == "<":
            yield name
            continue
        for folder in (posixpath.dirname(path), "src", "tests", ""):
            found = posixpath.normpath(posixpath.join(folder, name))
            if found in tree_.known:
                if found not in seen:
                    seen.add(found)
                    yield from included(tree_, found, seen)
                break


def rule_precompiled(tree_):
    """A source that compiles only because of the precompiled header lacks an include."""
    if PRECOMPILED_HEADER in tree_.known:
        for name in sorted(set(included(tree_, PRECOMPILED_HEADER, set())) - set(PRECOMPILED)):
            yield PRECOMPILED_HEADER, 1, f"give <{name}> a line in PRECOMPILED of tools/tidy.py"
    for path in tree_.having(".h", ".cc"):
        has = set(included(tree_, path, {path}))
        for name, use in PRECOMPILED.items():
            # <boost/json/object.hpp> is a part of <boost/json.hpp>.
            part = name.removesuffix(".hpp") + "/"
            found = re.search(use, tree_.code(path))
            if found and name not in has and not any(other.startswith(part) for other in has):
                line = tree_.code(path).count("\n", 0, found.start()) + 1
                yield path, line, f"include <{name}>: the precompiled header may not be relied upon"


def rule_every_source_is_built(tree_):
    """A file that no CMakeLists.txt names is never compiled, and a test in it never runs."""
    lists = {posixpath.dirname(path): tree_.text(path) for path in tree_.having("CMakeLists.txt")}
    for path in tree_.having(".cc"):
        folder = posixpath.dirname(path)
        if not folder or not path.startswith(("src/", "tests/", "bench/")):
            continue
        while folder and folder not in lists:
            folder = posixpath.dirname(folder)
        name = posixpath.relpath(path, folder or ".")
        if not re.search(rf"(?<![\w/]){re.escape(name)}\b", lists.get(folder, "")):
            where = posixpath.join(folder, "CMakeLists.txt")
            yield path, 1, f"{where} does not name {name}: it is never compiled"


# --- Words ----------------------------------------------------------------------------------------

def rule_readme(tree_):
    """Every folder says what it is for."""
    wanted = {}
    for path in tree_.files:
        parts = path.split("/")[:-1]
        if not parts:
            continue
        if parts[0] == "src":
            depths = range(2, len(parts) + 1)
        elif parts[0] in ("tests", "docs", "examples"):
            depths = range(1, min(len(parts), 2) + 1)
        elif parts[0] in ("dialects", "bench", "tools", "cmake", "web", "packaging"):
            depths = [1]
        else:
            depths = []
        for depth in depths:
            wanted.setdefault("/".join(parts[:depth]), path)
    files = set(tree_.files)
    for folder in sorted(wanted):
        readme = f"{folder}/README.md"
        if readme not in files:
            yield readme, 1, "write it: what the folder is for, what it promises, what it does not"


def rule_headers(tree_):
    for path in tree_.having(".h"):
        text = tree_.text(path)
        if "#pragma once" not in text:
            yield path, 1, "a header has #pragma once"
        if not text.lstrip().startswith("//"):
            yield path, 1, "a header begins with a comment: what this is for and what it promises"


CODE = (".h", ".cc", ".py", ".cmake", "CMakeLists.txt", ".sh", ".js", ".mjs", ".ts", ".tsx",
        ".toml", ".sql")


def rule_todo(tree_):
    for path in tree_.having(*CODE):
        if path in RULE_FILES:
            continue
        for number, line in numbered(tree_.text(path)):
            if re.search(r"\bTODO\b(?!\(#\d+\))|\bFIXME\b|\bXXX\b", line):
                yield path, number, "an open end has an issue: TODO(#123)"


def rule_folder_names(tree_):
    seen = set()
    for path in tree_.files:
        parts = path.split("/")[:-1]
        for depth, name in enumerate(parts, 1):
            folder = "/".join(parts[:depth])
            if name in VAGUE_FOLDERS and folder not in seen:
                seen.add(folder)
                yield path, 1, f"a folder called `{name}` says nothing: name it after its idea"


HOME_PATH = re.compile(r"(?<![\w.\-}*~])/(?:home|root|Users)/")
# A lock file names a package and its digest, never where it was fetched from.
LOCK_ADDRESS = re.compile(r'"resolved"\s*:\s*"(https?://[^/"]*)')


def rule_no_machine_in_the_tree(tree_):
    for path in tree_.files:
        if path in RULE_FILES:
            continue
        for number, line in numbered(tree_.text(path)):
            if found := HOME_PATH.search(line):
                yield path, number, (f"`{found.group(0).strip()}` is a path of one machine: "
                                     "make it relative, or an option")
            if found := LOCK_ADDRESS.search(line):
                yield path, number, (f"`{found.group(1)}`: which registry is used is the "
                                     "machine's business")


def rule_decisions(tree_):
    numbers = {}
    for path in tree_.having(".md", under="docs/decisions/"):
        name = posixpath.basename(path)
        if name == "README.md":
            continue
        found = re.fullmatch(r"(\d{4})-[a-z0-9-]+\.md", name)
        if not found:
            yield path, 1, "a decision is called NNNN-what-was-decided.md"
            continue
        numbers.setdefault(int(found.group(1)), []).append(path)
    for place, number in enumerate(sorted(numbers), 1):
        for extra in numbers[number][1:]:
            yield extra, 1, f"there are two decisions {number:04}"
        if number != place:
            yield numbers[number][0], 1, f"decision {place:04} is missing before this one"
            break


RULES = [rule for name, rule in sorted(globals().items()) if name.startswith("rule_")]


def findings(root):
    tree_ = Tree(root)
    return sorted({finding for rule in RULES for finding in rule(tree_)}), len(tree_.files)


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--root", default=root)
    found, files = findings(options.parse_args().root)
    for path, line, message in found:
        print(f"{path}:{line}: {message}")
    if not files:
        sys.exit("tidy.py: there are no files here")
    if found:
        sys.exit(1)
    print(f"{files} files are tidy")


if __name__ == "__main__":
    main()
