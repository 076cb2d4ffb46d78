#!/usr/bin/python3
"""Whether Waybill's JSON is JavaScript's, with Node as the judge.

    python3 tests/conformance/json_stringify_test.py PATH_TO_WAYBILL_JSON_ECHO

Some receivers sign JSON.stringify(JSON.parse(body)) instead of the bytes they were sent, so every
body that leaves the hub has to come out of that unchanged. Thousands of texts go through the tool
and through one Node process; the texts are random from a seed (WAYBILL_SEED, WAYBILL_CASES).
"""

import json
import math
import os
import random
import struct
import subprocess
import sys
import unittest

TOOL = ""
SEED = int(os.environ.get("WAYBILL_SEED", "1"))
CASES = int(os.environ.get("WAYBILL_CASES", "8000"))

# For each line of [input, output]: what JavaScript makes of both, null where it refuses one.
ORACLE = r"""
const lines = require("fs").readFileSync(0, "utf8").split("\n").filter((line) => line);
const again = (text) => {
  try { return JSON.stringify(JSON.parse(text)); } catch { return null; }
};
for (const line of lines) console.log(JSON.stringify(JSON.parse(line).map(again)));
"""

NUMBERS = """
0 -0 0.0 -0.0 0e0 0E+5 0e-7 0e400 -0e-400 1 -1 10 1.0 1.50 100e-2 1E3 1e+3 742.5 7.425E2 0.1 0.2
0.30000000000000004 1e20 1e21 1e22 -1e21 123456789012345680000 999999999999999900000
999999999999999999999 1e-6 1e-7 0.000001 0.0000012 0.0000001 0.00000123 1.5e-7 -1.5e-10 1e100
9007199254740991 9007199254740992 9007199254740993 9007199254740994 9007199254740995
-9007199254740991 -9007199254740992 -9007199254740993 -9007199254740994 9007199254740993.0
9223372036854775807 9223372036854775808 9223372036854775809 -9223372036854775808
-9223372036854775809 18446744073709551615 18446744073709551616 18446744073709551617
1844674407370955161 18446744073709551609 99999999999999999999 4294967295 4294967296 2147483648
5e-324 4.9e-324 3e-324 2.4703282292062328e-324 2.4703282292062327e-324 2e-324 1e-323 1e-400
-1e-400 1e-999999999 2.2250738585072014e-308 2.2250738585072011e-308 2.225073858507201e-308
1.7976931348623157e308 -1.7976931348623157e308 1.7976931348623158e308 17976931348623157e292
0.1e309 0.000001e314 1e308 1e23 9.5e22 8.41e21 9.109383e-31 5.0e-1 123e-20 1e0 1e-0 12345678.9
0.1234567890123456789 179769313486231570000000000000000 0.3e1 2.5 3.5 1.005 99.995 19.99
""".split() + [
    "1" * 400 + "e-300", "0." + "0" * 400 + "1e401", "9007199254740993." + "0" * 500 + "1",
    "1" + "0" * 308, "1.7976931348623158079372897140530341507993413271003782693617377898044e308",
    "0." + "0" * 323 + "4940656458412465441765687928682213723651",
]

# Where Waybill refuses what JavaScript takes, or both refuse. The path is part of the promise.
REFUSED = [
    # Ours alone: JavaScript takes the last of two, makes Infinity of 1e999, and nests on.
    (b'{"a":1,"a":2}', "duplicate_member", "$.a"),
    (b'{"a":1,"\\u0061":2}', "duplicate_member", "$.a"),
    (b'{"l":[{},{"a b":{"x":1,"y":2,"x":3}}]}', "duplicate_member", '$.l[1]["a b"].x'),
    (b'{"__proto__":1,"__proto__":2}', "duplicate_member", "$.__proto__"),
    (b"[0,1e999]", "number_out_of_range", "$[1]"),
    (b'{"a":-1e309}', "number_out_of_range", "$.a"),
    (b"1.7976931348623159e308", "number_out_of_range", "$"),
    (b"1" + b"0" * 309, "number_out_of_range", "$"),
    (b"[1e99999999999]", "number_out_of_range", "$[0]"),
    (b"[" * 65 + b"]" * 65, "too_deep", "$" + "[0]" * 64),
    (b'{"a":' * 65 + b"1" + b"}" * 65, "too_deep", "$" + ".a" * 64),
    (b'["\\ud800"]', "invalid_utf8", "$[0]"),
    (b'{"a":"\\udc00 and more of it"}', "invalid_utf8", "$.a"),
    (b'{"a":"\\ud83d\\ud83d\\ude00"}', "invalid_utf8", "$.a"),
    (b'["\\ud83dx"]', "invalid_utf8", "$[0]"),
    (b'["\\uDBFF\\n"]', "invalid_utf8", "$[0]"),
    # Not UTF-8: overlong, a surrogate, beyond U+10FFFF, cut off, a lone continuation, Latin-1.
    (b'"\xc0\x80"', "invalid_utf8", "$"),
    (b'"\xe0\x9f\xbf"', "invalid_utf8", "$"),
    (b'"\xed\xa0\x80"', "invalid_utf8", "$"),
    (b'"\xf4\x90\x80\x80"', "invalid_utf8", "$"),
    (b'"\xf0\x9f\x98"', "invalid_utf8", "$"),
    (b'{"a":"\x80"}', "invalid_utf8", "$.a"),
    (b'"caf\xe9"', "invalid_utf8", "$"),
]
MALFORMED = [
    b"", b" ", b"{", b"}", b"[", b"]", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1 2]", b'{"a"}',
    b'{"a":}', b'{"a":1,}', b'{a:1}', b"{'a':1}", b'{"a":1 "b":2}', b'{"a":1}}', b"1 2", b"[]]",
    b"tru", b"True", b"nul", b"undefined", b"NaN", b"Infinity", b"-Infinity", b"-", b"+1", b"01",
    b"-01", b"1.", b".5", b"-.5", b"1.e5", b"1e", b"1e+", b"0x10", b"1_000", b"1,5", b'"', b'"a',
    b'"\\"', b'"\\x41"', b'"\\u12"', b'"\\u12g4"', b'"\\U0041"', b'"\\', b'"\t"', b'"\x00"',
    b'"\x1f"', b"\x0b1", b"\x0c1", b"\xc2\xa01", b"\xef\xbb\xbf1", b"// comment\r1", b"/* c */1",
    b"[1]//", b'"a"b', b'{1:2}', b'{"a":1,,"b":2}', b'{"a"::1}', b'{"a":1:2}', b'["a":1]',
    b'{"a","b"}', b"[1}", b'{"a":1]', b"--1", b"1-", b"1e5.5", b"\x001", b"1\x00",
]

NAMES = [
    "", "a", "A", "id", "__proto__", "constructor", "toString", "length", "hasOwnProperty", "a b",
    "é", "0", "1", "2", "10", "9", "007", "00", "01", "-0", "-1", "+1", "1.5", "1e3", "0x1", " 1",
    "1 ", "4294967293", "4294967294", "4294967295", "4294967296", "9007199254740991",
    "9007199254740993", "2147483647", "2147483648", "99999999999999999999", "1a", "٣", "\u0000",
    "\n", '"', "\\", "/", "\u2028", "\ufeff", "😀", "\U0010ffff", "\x7f", "\x80", "a.b", "$", "_",
    "$ref",
]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def space(self):
        return self.random.choice(["", "", "", "", " ", "\t", "\r", "  \t "])

    def code_point(self):
        low, high = self.random.choice([
            (0, 0x1F), (0x20, 0x7E), (0x20, 0x7E), (0x20, 0x7E), (0x7F, 0xFF), (0x100, 0x7FF),
            (0x800, 0xD7FF), (0xE000, 0xFFFF), (0x2028, 0x2029), (0x10000, 0x1FFFF),
            (0x20000, 0x10FFFF), (0xFFFE, 0xFFFF), (0x22, 0x22), (0x5C, 0x5C), (0x2F, 0x2F),
        ])
        return self.random.randint(low, high)

    def quoted(self, text):
        """`text` as a JSON string, each character in one of the ways it may be written."""
        short = {8: "b", 12: "f", 10: "n", 13: "r", 9: "t", 0x22: '"', 0x5C: "\\", 0x2F: "/"}
        out = []
        for character in text:
            code = ord(character)
            must = code < 0x20 or code in (0x22, 0x5C)
            if code in short and self.random.random() < 0.5:
                out.append("\\" + short[code])
            elif must or self.random.random() < 0.15:
                units = struct.unpack(f">{len(character.encode('utf-16-be')) // 2}H",
                                      character.encode("utf-16-be"))
                form = self.random.choice(["\\u%04x", "\\u%04X"])
                out.append("".join(form % unit for unit in units))
            else:
                out.append(character)
        return '"' + "".join(out) + '"'

    def text(self):
        if self.random.random() < 0.1:
            return self.random.choice(NAMES)
        length = self.random.choice([0, 1, 2, 5, 14, 15, 16, 40, self.random.randint(0, 3000)
                                     if self.random.random() < 0.05 else 8])
        return "".join(chr(self.code_point()) for _ in range(length))

    def name(self):
        choice = self.random.random()
        if choice < 0.5:
            return self.random.choice(NAMES)
        if choice < 0.7:
            return str(self.random.randint(0, 30))
        if choice < 0.8:
            return str(self.random.randint(0, 2**33))
        return self.text()

    def number(self):
        kind = self.random.randrange(9)
        if kind == 0:
            return self.random.choice(NUMBERS)
        if kind == 1:
            return str(self.random.randint(-100000, 100000))
        if kind == 2:
            return "%.2f" % self.random.uniform(-100000, 100000)
        if kind == 3:  # Any double there is, in 17 digits or in the shortest form.
            while True:
                value = struct.unpack("<d", self.random.randbytes(8))[0]
                if math.isfinite(value):
                    return self.random.choice(["%.17g", "%r", "%.16e", "%.20g"]) % value
        if kind == 4:  # A denormal.
            value = struct.unpack("<d", struct.pack("<Q", self.random.getrandbits(52)))[0]
            return "%.17g" % value
        if kind == 5:  # Around a power of two, where integers stop being exact.
            return str(self.random.choice([-1, 1]) * (2 ** self.random.randint(50, 70)
                                                      + self.random.randint(-3, 3)))
        if kind == 6:  # Halfway between two doubles, and a little off.
            value = self.random.randint(2**53, 2**56) * 2 + 1
            return str(value) + self.random.choice(["", ".0", "." + "0" * 30 + "1", "e0", "e-3"])
        if kind == 7:  # Digits at random, with a point and an exponent that stays in range.
            digits = "".join(self.random.choice("0123456789")
                             for _ in range(self.random.randint(1, 25)))
            exponent = self.random.randint(-330, 280)
            return (self.random.choice(["", "-"]) + str(self.random.randint(0, 9)) + "." + digits
                    + self.random.choice(["e", "E"]) + self.random.choice(["%d", "%+d", "%+04d"])
                    % exponent)
        return "%de%d" % (self.random.randint(-999, 999), self.random.randint(-30, 30))

    def value(self, depth):
        kind = self.random.randrange(10 if depth > 0 else 6)
        if kind < 2:
            return self.number()
        if kind < 4:
            return self.quoted(self.text())
        if kind < 6:
            return self.random.choice(["true", "false", "null", "{}", "[]", '""'])
        pad = self.space
        count = self.random.choice([0, 1, 2, 3, 5, 8, 25])
        if kind < 8:
            items = [pad() + self.value(depth - 1) + pad() for _ in range(min(count, 8))]
            return "[" + (",".join(items) or pad()) + "]"
        names = list(dict.fromkeys(self.name() for _ in range(count)))
        items = [pad() + self.quoted(name) + pad() + ":" + pad() + self.value(depth - 1) + pad()
                 for name in names]
        return "{" + (",".join(items) or pad()) + "}"

    def document(self):
        return self.space() + self.value(self.random.randint(0, 4)) + self.space()


def echo(texts):
    """The tool's answer to each text."""
    answer = subprocess.run([TOOL], input=b"".join(text + b"\n" for text in texts),
                            stdout=subprocess.PIPE, check=True, timeout=100).stdout
    lines = answer.split(b"\n")
    assert lines.pop() == b"" and len(lines) == len(texts), "one line of answer for each text"
    return [line.decode("utf-8") for line in lines]


def ask_node(pairs):
    """JSON.stringify(JSON.parse(text)) of every text, None for what JavaScript refuses."""
    lines = "".join(json.dumps(pair) + "\n" for pair in pairs)
    answer = subprocess.run(["node", "-e", ORACLE], input=lines.encode(), stdout=subprocess.PIPE,
                            check=True, timeout=100).stdout
    results = [json.loads(line) for line in answer.decode().split("\n") if line]
    assert len(results) == len(pairs), "one answer for each pair"
    return results


class JsonStringify(unittest.TestCase):
    def check_same(self, texts):
        outputs = echo([text.encode("utf-8") for text in texts])
        for text, output, (wanted, again) in zip(
                texts, outputs, ask_node(list(zip(texts, outputs)))):
            about = f"seed {SEED}, input {text!r}"
            self.assertIsNotNone(wanted, f"the test's own text is not JSON: {about}")
            self.assertEqual(output, wanted, about)
            self.assertEqual(output, again, f"not a fixed point: {about}")

    def test_random_documents_come_out_as_javascript_writes_them(self):
        generator = Generator(SEED)
        self.check_same([generator.document() for _ in range(CASES)])

    def test_numbers_come_out_as_javascript_writes_them(self):
        generator = Generator(SEED + 1)
        self.check_same(NUMBERS + [generator.number() for _ in range(4 * CASES)])

    def test_integer_like_names_move_to_the_front_as_in_javascript(self):
        generator = Generator(SEED + 2)
        texts = []
        for _ in range(CASES // 4):
            names = generator.random.sample(NAMES, generator.random.randint(1, len(NAMES)))
            texts.append(json.dumps({name: place for place, name in enumerate(names)}))
        self.check_same(texts)

    def test_every_character_comes_out_as_javascript_writes_it(self):
        codes = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
        raw = ["".join(map(chr, codes[i:i + 256])) for i in range(0, len(codes), 256)]
        texts = [json.dumps(text, ensure_ascii=False) for text in raw]
        texts += [json.dumps(text) for text in raw[:600]]  # Escaped, with pairs of surrogates.
        self.check_same(texts)

    def test_surrogate_escapes_are_read_wherever_they_fall_in_a_long_string(self):
        # Boost's parser unescapes through a buffer, with a path of its own near the buffer's end.
        self.check_same(['"' + "a" * n + "\\n" + "b" * m + '\\ud83d\\ude00\\u00e9"'
                         for n in (0, 1) for m in range(0, 4200, 7)])

    def test_refuses_what_its_own_rules_forbid_and_says_where(self):
        answers = echo([text for text, _, _ in REFUSED])
        for (text, reason, path), answer in zip(REFUSED, answers):
            self.assertEqual(answer, f"!{reason} {path}", repr(text))

    def test_refuses_what_is_not_json_as_javascript_does(self):
        answers = echo(MALFORMED)
        judged = ask_node([(text.decode("utf-8"),) for text in MALFORMED])
        for text, answer, (wanted,) in zip(MALFORMED, answers, judged):
            self.assertIsNone(wanted, f"JavaScript takes {text!r}")
            self.assertTrue(answer.startswith("!malformed_json $"), f"{text!r}: {answer}")

    def test_takes_exactly_the_damaged_texts_that_javascript_takes(self):
        # One byte changed, removed or doubled. Where the two disagree it is by a rule of ours.
        generator = Generator(SEED + 3)
        texts = []
        while len(texts) < CASES:
            text = generator.document()
            if not 0 < len(text) < 400:
                continue
            at = generator.random.randrange(len(text))
            new = generator.random.choice(["", text[at] * 2, chr(generator.random.randint(32, 126)),
                                           generator.random.choice('{}[]",:\\0eE+-.')])
            text = text[:at] + new + text[at + 1:]
            if "\n" not in text:
                texts.append(text)
        outputs = echo([text.encode("utf-8") for text in texts])
        judged = ask_node([(text,) for text in texts])
        ours = ("!duplicate_member ", "!number_out_of_range ", "!too_deep ", "!invalid_utf8 ")
        for text, output, (wanted,) in zip(texts, outputs, judged):
            about = f"seed {SEED}, input {text!r}"
            if wanted is None:
                self.assertTrue(output.startswith("!"), about)
            elif not output.startswith(ours):
                self.assertEqual(output, wanted, about)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    TOOL = sys.argv.pop(1)
    unittest.main()
