#!/usr/bin/python3
"""Whether Waybill's Schema says what JSON Schema says, with Python's jsonschema as the judge.

    python3 tests/conformance/schema_oracle_test.py PATH_TO_WAYBILL_SCHEMA_CHECK

Thousands of schemas and values go through both: every schema and example of the built-in dialects
with something changed, and small random schemas. They are random from a seed (WAYBILL_SEED,
WAYBILL_CASES). What does not fit has to be at a place where the judge has a fault, too.
"""

import copy
import glob
import json
import os
import random
import subprocess
import sys
import tomllib
import unittest

import jsonschema

TOOL = ""
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SEED = int(os.environ.get("WAYBILL_SEED", "1"))
CASES = int(os.environ.get("WAYBILL_CASES", "6000"))

# The formats that the judge checks without further libraries, and as strictly as RFC 3339.
JUDGED = ["date", "uuid"]
JUDGED_FORMATS = jsonschema.FormatChecker(formats=JUDGED)

SCALARS = [
    None, True, False, 0, 1, -1, 1.0, 1.5, 0.1, -0.5, 5, 100, 2**53, 2**53 + 1, 2**63 - 1, -2**63,
    2**64 - 1, 1e300, -1e300, 1e20, "", "a", "ab", "abc", "é€", "😀", "1", " ", "A1", "ord_1",
    "2026-02-28", "2026-02-30", "2026-2-3", "01941f29-7c00-7aaa-8000-000000000001",
    "01941f29-7c00-7aaa-8000-00000000000",
]
NAMES = ["a", "b", "order_id", "lines", "a b", "é"]
PATTERNS = ["^a", "b$", "^[0-9]+$", "^.{2}$", "[A-Z]", "^(ab|c)+$", "€", r"\d"]
TYPES = ["null", "boolean", "object", "array", "number", "string", "integer"]


def only_judged(schema):
    """The schema without what the judge would let pass."""
    if isinstance(schema, list):
        return [only_judged(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: only_judged(value) for key, value in schema.items()
            if key != "format" or value in JUDGED}


def catalogue():
    """(schema, canonical data) of each event. A template that moves it makes it fit less."""
    for path in sorted(glob.glob(os.path.join(ROOT, "dialects", "*.toml"))):
        with open(path, "rb") as file:
            events = tomllib.load(file).get("events", {})
        for event in events.values():
            yield only_judged(json.loads(event["schema"])), json.loads(event["example"])


def a_value(rng, depth=0):
    kind = rng.random()
    if depth < 3 and kind < 0.15:
        return [a_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if depth < 3 and kind < 0.35:
        return {rng.choice(NAMES): a_value(rng, depth + 1) for _ in range(rng.randrange(4))}
    return rng.choice(SCALARS)


def a_schema(rng, depth=0):
    if depth and rng.random() < 0.05:
        return rng.random() < 0.7
    schema = {}
    kind = rng.choice(TYPES)
    if rng.random() < 0.6:
        schema["type"] = kind if rng.random() < 0.7 else rng.sample(TYPES, 2) + [kind]
        schema["type"] = schema["type"] if isinstance(schema["type"], str) else sorted(
            set(schema["type"]))
    numbers = [0, 1, 1.5, -1, 5, 2**53, 1e20, 2**63 - 1]
    keywords = {
        "object": {"properties": lambda: {name: a_schema(rng, depth + 1)
                                          for name in rng.sample(NAMES, 2)} if depth < 3 else {},
                   "required": lambda: rng.sample(NAMES, rng.randrange(3)),
                   "additionalProperties": lambda: a_schema(rng, depth + 1) if depth < 3 else True},
        "array": {"items": lambda: a_schema(rng, depth + 1) if depth < 3 else True,
                  "minItems": lambda: rng.randrange(3), "maxItems": lambda: rng.randrange(4)},
        "number": {"minimum": lambda: rng.choice(numbers), "maximum": lambda: rng.choice(numbers),
                   "exclusiveMinimum": lambda: rng.choice(numbers),
                   "exclusiveMaximum": lambda: rng.choice(numbers)},
        "string": {"minLength": lambda: rng.randrange(3), "maxLength": lambda: rng.randrange(4),
                   "pattern": lambda: rng.choice(PATTERNS),
                   "format": lambda: rng.choice(JUDGED)},
        "integer": {"minimum": lambda: rng.choice(numbers)},
    }.get(kind, {})
    for name, made in keywords.items():
        if rng.random() < 0.5:
            schema[name] = made()
    if rng.random() < 0.1:
        schema["const"] = a_value(rng, 2)
    if rng.random() < 0.1:
        schema["enum"] = [a_value(rng, 2) for _ in range(1 + rng.randrange(3))]
    return schema


def changed(rng, value):
    """`value` with one thing in it taken away, added or replaced."""
    value = copy.deepcopy(value)
    place = value
    while True:
        inner = [key for key in (place if isinstance(place, dict) else range(len(place)))
                 if isinstance(place[key], (dict, list)) and place[key]]
        if not inner or rng.random() < 0.3:
            break
        place = place[rng.choice(inner)]
    keys = list(place if isinstance(place, dict) else range(len(place)))
    if not keys:
        return value
    key, how = rng.choice(keys), rng.random()
    if how < 0.3:
        del place[key]
    elif how < 0.4 and isinstance(place, dict):
        place["something_new"] = a_value(rng)
    else:
        place[key] = a_value(rng)
    return value


def places(schema, data):
    """Where the judge has a fault; of a missing member: where it should be."""
    found = set()
    validator = jsonschema.Draft202012Validator(schema, format_checker=JUDGED_FORMATS)
    for fault in validator.iter_errors(data):
        at = list(fault.absolute_path)
        if fault.validator == "required":
            found.update(json.dumps(at + [name]) for name in fault.validator_value
                         if name not in fault.instance)
        elif fault.validator == "additionalProperties":
            known = fault.schema.get("properties", {})
            found.update(json.dumps(at + [name]) for name in fault.instance if name not in known)
        elif fault.validator in (None, "items"):
            # Of a schema that is false the judge tells the place above.
            found.add(json.dumps(at))
            found.update(json.dumps(at + [key]) for key in keys_at(data, at))
        else:
            found.add(json.dumps(at))
    return found


def keys_at(data, at):
    """The members or elements of what is at this place."""
    for key in at:
        data = data[key]
    if isinstance(data, list):
        return range(len(data))
    return data if isinstance(data, dict) else []


class SchemaOracleTest(unittest.TestCase):

    def compare(self, cases):
        questions = "".join(json.dumps({"schema": schema, "data": data}) + "\n"
                            for schema, data in cases)
        done = subprocess.run([TOOL], input=questions, capture_output=True, text=True, timeout=100,
                              check=True)
        answers = done.stdout.splitlines()
        self.assertEqual(len(answers), len(cases))
        refused = 0
        fit = 0
        for (schema, data), answer in zip(cases, answers):
            case = f"seed {SEED}: {json.dumps({'schema': schema, 'data': data})}\n{answer}"
            if answer.startswith("!"):
                self.assertIn("means nothing beside its type", answer, case)
                refused += 1
                continue
            expected = places(schema, data)
            if answer == "fits":
                fit += 1
                self.assertEqual(expected, set(), case)
            else:
                self.assertIn(json.dumps(json.loads(answer)), expected, case)
        return fit, len(cases) - fit - refused, refused

    def test_catalogues_with_something_changed(self):
        rng = random.Random(SEED)
        events = list(catalogue())
        cases = []
        for _ in range(CASES):
            schema, example = rng.choice(events)
            cases.append((schema, changed(rng, example)))
        fit, unfit, refused = self.compare(cases)
        self.assertEqual(refused, 0)
        self.assertGreater(min(fit, unfit), CASES // 10)

    def test_random_schemas(self):
        rng = random.Random(SEED)
        cases = [(a_schema(rng), a_value(rng)) for _ in range(CASES)]
        fit, unfit, _ = self.compare(cases)
        self.assertGreater(min(fit, unfit), CASES // 10)


if __name__ == "__main__":
    TOOL = sys.argv.pop(1)
    unittest.main()
