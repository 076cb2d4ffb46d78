#!/usr/bin/python3
"""Whether every body that leaves the hub is JavaScript's, with Node as the judge.

    python3 tests/conformance/dialect_bodies_test.py PATH_TO_WAYBILL_DIALECT_ECHO

For every event of every dialect in dialects/: data is made up at random around the event's example
(WAYBILL_SEED, WAYBILL_CASES), the dialect makes a body of it, and Node is asked whether
JSON.stringify(JSON.parse(body)) is that body again and whether the data is in it where the
dialect's templates put it.
"""

import glob
import json
import os
import re
import subprocess
import sys
import tomllib
import unittest

from json_stringify_test import NAMES, NUMBERS, SEED, Generator

TOOL = ""
CASES = int(os.environ.get("WAYBILL_CASES", "8000")) // 4
DIALECTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "dialects")
WHOLE = re.compile(r"\{event\.data\.([a-z_]+)\??\}\Z")  # One member, of whatever type it is.
NAMED = re.compile(r"\{event\.data\.([a-z_]+)")
AS_NUMBER = re.compile(r"\{event\.data\.[a-z_]+\??\|number\}\Z")

# For each line of [data, body, [[path in the body, member of the data], …]]: an empty text, or
# what is wrong with the body.
ORACLE = r"""
const judge = (dataText, body, places) => {
  const [data, sent] = [JSON.parse(dataText), JSON.parse(body)];
  if (JSON.stringify(sent) !== body) return "not a fixed point: " + JSON.stringify(sent);
  for (const [path, member] of places) {
    const wanted = JSON.stringify(member === null ? data : data[member]);
    const found = JSON.stringify(path.reduce((value, name) => value[name], sent));
    if (found !== wanted) return `${path.join(".")}: ${found}, not ${wanted}`;
  }
  return "";
};
const lines = require("fs").readFileSync(0, "utf8").split("\n").filter((line) => line);
for (const line of lines) {
  let answer;
  try { answer = judge(...JSON.parse(line)); } catch (error) { answer = String(error); }
  console.log(JSON.stringify(answer));
}
"""


def strings(template, path=()):
    """(path, text) of each string in a JSON template."""
    if isinstance(template, str):
        yield list(path), template
    elif isinstance(template, (dict, list)):
        members = template.items() if isinstance(template, dict) else enumerate(template)
        for name, value in members:
            yield from strings(value, (*path, name))


class Event:
    """One event of a dialect's file: what its data may be, and where that will stand."""

    def __init__(self, dialect, name, envelope, table):
        self.dialect, self.name = dialect, name
        self.canonical = table.get("canonical", name)
        self.example = json.loads(table["example"])
        outer = list(strings(json.loads(table["envelope"]) if "envelope" in table else envelope))
        data_path = next(path for path, text in outer if text == "{data}")
        if "data" in table:
            inner = [(data_path + path, text)
                     for path, text in strings(json.loads(table["data"]))]
            self.places = []
        else:
            inner, self.places = [], [[data_path, None]]
        named = outer + inner
        # What a filter or the text around it makes something else of keeps its example's value.
        self.kept = {name for _, text in named if not WHOLE.match(text)
                     for name in NAMED.findall(text)}
        self.numbers = {name for _, text in named if AS_NUMBER.match(text)
                        for name in NAMED.findall(text)}
        self.places += [[path, WHOLE.match(text)[1]] for path, text in named if WHOLE.match(text)]


def all_events():
    events = []
    for path in sorted(glob.glob(os.path.join(DIALECTS, "*.toml"))):
        with open(path, "rb") as file:
            tables = tomllib.load(file)
        if "envelope" not in tables:
            continue  # It is received only.
        dialect, envelope = os.path.basename(path)[:-5], json.loads(tables["envelope"])
        events += [Event(dialect, name, envelope, table)
                   for name, table in tables["events"].items()]
        if tables.get("open_catalogue"):
            table = {"example": '{"a": 1}'}
            events.append(Event(dialect, "shop.thing_happened", envelope, table))
    return events


def data_text(generator, event):
    """(the event's data, as somebody might write it; whether the dialect may find it unfit)."""
    chance, may_refuse = generator.random, False
    members = []
    for name, value in event.example.items():
        text = json.dumps(value)
        if name not in event.kept and chance.random() < 0.6:
            text = generator.value(3)
        elif name in event.numbers and chance.random() < 0.5:
            text, may_refuse = chance.choice([generator.number(), chance.choice(NUMBERS)]), True
            if chance.random() < 0.3:
                text = f'"{text}"'
        members.append((name, text))
    taken = set(event.example)
    for _ in range(chance.choice([0, 1, 3, 10])):
        name = chance.choice([generator.name(), chance.choice(NAMES)])
        if name not in taken:
            taken.add(name)
            members.append((name, generator.value(3)))
    chance.shuffle(members)
    pad = generator.space
    body = ",".join(pad() + generator.quoted(name) + pad() + ":" + pad() + text
                    for name, text in members)
    return "{" + body + "}", may_refuse


def render(cases):
    """The tool's answer to each (event, data)."""
    lines = "".join(f"{event.dialect}\t{event.canonical}\t{data}\n" for event, data in cases)
    answer = subprocess.run([TOOL], input=lines.encode(), stdout=subprocess.PIPE, check=True,
                            timeout=100).stdout.decode().split("\n")
    assert answer.pop() == "" and len(answer) == len(cases), "one line of answer for each"
    return answer


def ask_node(triples):
    lines = "".join(json.dumps(triple) + "\n" for triple in triples)
    answer = subprocess.run(["node", "-e", ORACLE], input=lines.encode(), stdout=subprocess.PIPE,
                            check=True, timeout=100).stdout
    results = [json.loads(line) for line in answer.decode().split("\n") if line]
    assert len(results) == len(triples), "one answer for each"
    return results


class DialectBodies(unittest.TestCase):
    def check(self, cases, may_refuse):
        """Returns how many bodies there were."""
        bodies = render(cases)
        sent = []
        for (event, data), body, free in zip(cases, bodies, may_refuse):
            if body.startswith("!"):
                about = f"seed {SEED}: {event.dialect} {event.name}, data {data!r}: {body}"
                self.assertTrue(free and body.startswith("!event_data_unfit "), about)
            else:
                sent.append((event, data, body))
        faults = ask_node([(data, body, event.places) for event, data, body in sent])
        for (event, data, body), fault in zip(sent, faults):
            self.assertEqual(fault, "", f"seed {SEED}: {event.dialect} {event.name}, data {data!r}")
        return len(sent)

    def test_every_event_has_a_body_that_javascript_writes_alike(self):
        generator = Generator(SEED + 10)
        events = all_events()
        self.assertEqual(len({event.dialect for event in events}), 7)
        self.assertEqual(sum(event.dialect not in ("precoro", "standard-webhooks", "waybill")
                             for event in events), 69)
        cases, may_refuse = [], []
        for number in range(max(CASES, len(events))):
            event = events[number % len(events)]
            text, free = data_text(generator, event)
            cases.append((event, text))
            may_refuse.append(free)

        sent = self.check(cases, may_refuse)

        self.assertGreaterEqual(sent, len(cases) - sum(may_refuse))
        self.assertGreater(sent, len(cases) * 0.9)

    def test_every_character_and_every_number_passes_through_every_dialect(self):
        codes = [code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
        # All of the first plane's scripts and signs, and samples of what is beyond.
        codes = codes[:0x3100] + codes[0x3100::97]
        texts = ["".join(map(chr, codes[at:at + 512])) for at in range(0, len(codes), 512)]
        values = [json.dumps(text) for text in texts[::2]]
        values += [json.dumps(text, ensure_ascii=False) for text in texts[1::2]]
        values.append("[" + ",".join(NUMBERS) + "]")
        wholes = {}  # One event for each dialect that has a member for any value.
        for event in all_events():
            free = [name for _, name in event.places if name is None or name not in event.kept]
            if free:
                wholes.setdefault(event.dialect, (event, free[0]))
        self.assertEqual(sorted(wholes), ["peptideclients", "proculink", "procureiq", "proign",
                                          "standard-webhooks", "waybill"],
                         "Precoro's data is numbers alone")
        cases = []
        for event, name in wholes.values():
            kept = {member: json.dumps(value) for member, value in event.example.items()}
            for value in values:
                members = {**kept, name or "anything": value}
                cases.append((event, "{" + ",".join(f'"{member}":{text}' for member, text
                                                    in members.items()) + "}"))

        self.assertEqual(self.check(cases, [False] * len(cases)), len(cases))

    def test_names_like_array_indices_move_to_the_front_as_in_javascript(self):
        event = next(event for event in all_events()
                     if (event.dialect, event.name) == ("proign", "order.picked"))
        rest = ",".join(f"{json.dumps(name)}:{json.dumps(value)}"
                        for name, value in event.example.items())
        data = '{"b":1,"10":2,"9":{"1":0,"0":1},"-1":3,"01":4,"4294967295":5,"4294967294":6,' + \
            rest + "}"

        body, = render([(event, data)])

        self.assertIn('"data":{"9":{"0":1,"1":0},"10":2,"4294967294":6,"b":1,"-1":3,"01":4,'
                      '"4294967295":5,', body)
        self.check([(event, data)], [False])

    def test_what_has_no_bytes_is_refused_before_it_is_an_event(self):
        event = next(event for event in all_events() if event.dialect == "standard-webhooks")
        for data, answer in (('{"a":"\\ud800"}', "!invalid_utf8 $.a"),
                             ('{"a":{"\\udc00":1}}', "!invalid_utf8 $.a"),
                             ('{"a":["\\ude00\\ud83d"]}', "!invalid_utf8 $.a[0]"),
                             ('{"a":1e999}', "!number_out_of_range $.a"),
                             ('{"7":1,"\\u0037":2}', '!duplicate_member $["7"]')):
            self.assertEqual(render([(event, data)]), [answer], data)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    TOOL = sys.argv.pop(1)
    unittest.main()
