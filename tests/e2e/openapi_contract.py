"""An OpenAPI 3.0 document as a tool takes it: requests made up from it, answers held against it.

The schema keywords that the documents use are known here, and no others: one that is not would go
unchecked, so it is refused.
"""

import copy
import datetime
import json
import re
import urllib.parse
import uuid

METHODS = ("get", "put", "post", "patch", "delete")
ANNOTATIONS = {"description", "example", "default", "title", "deprecated"}
CHECKED = {"type", "nullable", "enum", "format", "pattern", "minLength", "maxLength", "minimum",
           "maximum", "exclusiveMinimum", "exclusiveMaximum", "required", "properties",
           "additionalProperties", "items", "minItems", "maxItems", "uniqueItems", "allOf",
           "anyOf", "oneOf", "minProperties", "maxProperties"}
TYPES = {"string": str, "boolean": bool, "array": list, "object": dict}
ODD_TEXTS = ("", " ", "0", "null", "../..", "a\x00b", "\n", "é", "𝒳" * 3, "%", "'; --", "x" * 5_000,
             "{}", "ord_", "00000000-0000-0000-0000-000000000000")
WRONG_VALUES = (None, True, 0, -1, 1.5, 10**30, "", "x", "9" * 400, [], [[]], {}, {"a": None})


class Document:
    def __init__(self, document):
        self.document = document
        if not document["openapi"].startswith("3.0."):
            raise AssertionError(f"{document['openapi']}: the rules here are those of 3.0")

    def resolve(self, node):
        while "$ref" in node:
            target = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def operations(self):
        """(method, path, operation) of all."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    shared = item.get("parameters", [])
                    operation = {**item[method],
                                 "parameters": shared + item[method].get("parameters", [])}
                    yield method.upper(), path, operation

    def methods(self, path):
        return [method.upper() for method in METHODS if method in self.document["paths"][path]]

    # --- Answers ---

    def breaches(self, operation, answer):
        """What the document does not have of an answer, one text for each fault."""
        if answer.status >= 500:
            return [f"{answer.status}: something is wrong inside"]
        response = operation["responses"].get(str(answer.status))
        if response is None:
            return [f"{answer.status} is not documented"]
        content = self.resolve(response).get("content", {})
        if answer.media_type not in content:
            return [f"{answer.media_type!r} is not documented for {answer.status}"]
        try:
            body = json.loads(answer.body)
        except ValueError as error:
            return [f"the body is no JSON: {error}"]
        return list(self.misfits(body, content[answer.media_type]["schema"]))

    def misfits(self, value, schema, path="$"):
        """What of `value` does not fit the schema."""
        schema = self.resolve(schema)
        unknown = set(schema) - ANNOTATIONS - CHECKED
        if unknown:
            raise AssertionError(f"{path}: nothing here checks {sorted(unknown)}")
        if value is None and schema.get("nullable"):
            return
        if "type" in schema and not has_type(value, schema["type"]):
            yield f"{path}: {value!r:.80} is no {schema['type']}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{path}: {value!r:.80} is not one of {schema['enum']}"
        yield from scalar_misfits(value, schema, path)
        if isinstance(value, list):
            yield from size_misfits(len(value), schema, "Items", path)
            if schema.get("uniqueItems") and len({json.dumps(item) for item in value}) < len(value):
                yield f"{path}: not unique"
            for index, item in enumerate(value):
                yield from self.misfits(item, schema.get("items", {}), f"{path}[{index}]")
        if isinstance(value, dict):
            yield from self.object_misfits(value, schema, path)
        yield from self.combined_misfits(value, schema, path)

    def object_misfits(self, value, schema, path):
        yield from size_misfits(len(value), schema, "Properties", path)
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{path}.{name} is missing"
        others = schema.get("additionalProperties", True)
        for name, member in value.items():
            known = schema.get("properties", {}).get(name)
            if known is not None:
                yield from self.misfits(member, known, f"{path}.{name}")
            elif others is False:
                yield f"{path}.{name} is not in the schema"
            elif others is not True:
                yield from self.misfits(member, others, f"{path}.{name}")

    def combined_misfits(self, value, schema, path):
        for part in schema.get("allOf", ()):
            yield from self.misfits(value, part, path)
        for keyword, good in (("anyOf", lambda n: n >= 1), ("oneOf", lambda n: n == 1)):
            if keyword in schema:
                fitting = sum(not list(self.misfits(value, part, path)) for part in schema[keyword])
                if not good(fitting):
                    yield f"{path}: fits {fitting} of its {keyword}"

    # --- Requests ---

    def sample(self, schema, rng, depth=0):
        """A value that fits the schema; at its bounds now and then."""
        schema = self.resolve(schema)
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if schema.get("nullable") and rng.random() < 0.2:
            return None
        for keyword in ("oneOf", "anyOf", "allOf"):
            if keyword in schema:
                return self.sample(rng.choice(schema[keyword]), rng, depth)
        kind = schema.get("type")
        if kind == "object":
            required = schema.get("required", ())
            return {name: self.sample(member, rng, depth + 1)
                    for name, member in schema.get("properties", {}).items()
                    if name in required or (depth < 4 and rng.random() < 0.6)}
        if kind == "array":
            fewest = schema.get("minItems", 0)
            count = rng.randint(fewest, max(fewest, min(schema.get("maxItems", 3), 3)))
            return [self.sample(schema.get("items", {}), rng, depth + 1) for _ in range(count)]
        return sample_scalar(schema, rng)

    def body_of(self, operation):
        """(schema, examples) of what it takes as application/json; None if it takes nothing."""
        body = self.resolve(operation.get("requestBody", {})).get("content", {})
        shape = body.get("application/json")
        if shape is None:
            return None
        examples = [shape["example"]] if "example" in shape else []
        examples += [self.resolve(one)["value"] for one in shape.get("examples", {}).values()]
        return shape["schema"], examples

    def parameters(self, operation, place):
        found = map(self.resolve, operation["parameters"])
        return [parameter for parameter in found if parameter["in"] == place]


def has_type(value, kind):
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


def size_misfits(size, schema, noun, path):
    if size < schema.get("min" + noun, 0) or size > schema.get("max" + noun, size):
        yield f"{path}: {size} {noun.lower()}"


def scalar_misfits(value, schema, path):
    if isinstance(value, str):
        yield from size_misfits(len(value), schema, "Length", path)
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: {value!r:.80} does not match {schema['pattern']}"
        if not fits_format(value, schema.get("format")):
            yield f"{path}: {value!r:.80} is no {schema['format']}"
    if has_type(value, "number"):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        if value < low or value > high or (schema.get("exclusiveMinimum") and value == low) \
                or (schema.get("exclusiveMaximum") and value == high):
            yield f"{path}: {value} is out of its bounds"


def fits_format(text, kind):
    if kind is None:
        return True
    try:
        if kind == "uuid":
            return str(uuid.UUID(text)) == text
        if kind == "date-time":
            return bool(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo)
        if kind == "date":
            return bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False
    if kind in ("uri", "email", "password"):
        return True
    raise AssertionError(f"nothing here checks the format {kind}")


def sample_scalar(schema, rng):
    kind = schema.get("type")
    if kind == "boolean":
        return rng.random() < 0.5
    if kind in ("integer", "number"):
        low, high = schema.get("minimum", -10), schema.get("maximum", 1_000_000)
        return rng.choice((low, high, rng.randint(int(low), int(high))))
    if kind != "string":
        return rng.choice(("text", 7, True, None, [], {}))
    if "example" in schema and rng.random() < 0.5:
        return schema["example"]
    if schema.get("format") == "uuid":
        return str(uuid.UUID(int=rng.getrandbits(128)))
    if schema.get("format") == "date-time":
        month, day, millis = rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 999)
        return f"2026-{month:02}-{day:02}T12:00:00.{millis:03}Z"
    if "pattern" in schema:
        guesses = ("EUR", "12.50", "7", "0", "-3.125", "abc", "A-1")
        fitting = [text for text in guesses if re.search(schema["pattern"], text)]
        if fitting:
            return rng.choice(fitting)
    length = rng.choice((max(1, schema.get("minLength", 1)), min(schema.get("maxLength", 12), 300)))
    return "".join(rng.choice("abcdefghij") for _ in range(length))


class Cases:
    """Requests for the operations of a document, drawn from a seed."""

    def __init__(self, document, rng, names):
        """`names`: by a path's parameter, texts that name something. It may grow."""
        self.document, self.rng, self.names = document, rng, names

    def target(self, path, operation, odd):
        for parameter in self.document.parameters(operation, "path"):
            known = self.names.get(parameter["name"], [])
            nobody = str(uuid.UUID(int=self.rng.getrandbits(128)))
            value = self.rng.choice(ODD_TEXTS[1:]) if odd \
                else self.rng.choice(known) if known and self.rng.random() < 0.8 else nobody
            quoted = urllib.parse.quote(value[:2_000], safe="")
            path = path.replace("{%s}" % parameter["name"], quoted)
        return path

    def query(self, operation, odd):
        pairs = []
        for parameter in self.document.parameters(operation, "query"):
            if self.rng.random() < 0.5 or parameter.get("required"):
                value = self.rng.choice(ODD_TEXTS + ("-1", "101", "9" * 30, "1e3")) if odd \
                    else self.document.sample(parameter["schema"], self.rng)
                times = 2 if odd and self.rng.random() < 0.1 else 1
                pairs += [(parameter["name"], value)] * times
        if self.rng.random() < 0.1:
            pairs.append(("unknown", "1"))
        text = urllib.parse.urlencode(pairs)
        return text + "&limit=%ff%zz" if odd and self.rng.random() < 0.1 else text

    def headers(self, operation, odd):
        headers = {}
        for parameter in self.document.parameters(operation, "header"):
            if odd and self.rng.random() < 0.3:
                headers[parameter["name"]] = self.rng.choice(("a b", "x" * 300, "\t", "k", "t=1"))
            elif parameter["name"] == "Idempotency-Key" and self.rng.random() < 0.3:
                headers[parameter["name"]] = f"key-{self.rng.getrandbits(64):x}"
        return headers

    def mutated(self, value):
        """`value` with one thing changed, somewhere in it."""
        rng = self.rng
        value = copy.deepcopy(value)
        places = list(self.places(value))
        if not places:
            return rng.choice(WRONG_VALUES)
        container, key = rng.choice(places)
        change = rng.randrange(4)
        if change == 0:
            del container[key]
        elif change == 1 and isinstance(container, dict):
            container["member_that_is_not_there"] = rng.choice(WRONG_VALUES)
        elif change == 2 and isinstance(container[key], str):
            container[key] = rng.choice(ODD_TEXTS)
        else:
            container[key] = rng.choice(WRONG_VALUES)
        return value

    def places(self, value):
        keys = value if isinstance(value, dict) else range(len(value)) \
            if isinstance(value, list) else ()
        for key in list(keys):
            yield value, key
            if isinstance(value[key], (dict, list)):
                yield from self.places(value[key])

    def body(self, operation, odd):
        """(bytes or None, its Content-Type)."""
        shape = self.document.body_of(operation)
        if shape is None:
            return (b'{"a": 1', "application/json") if odd and self.rng.random() < 0.2 \
                else (None, None)
        schema, examples = shape
        value = self.rng.choice(examples) if examples and self.rng.random() < 0.5 \
            else self.document.sample(schema, self.rng)
        if not odd:
            return self.encoded(self.unlike_the_last(value)), "application/json"
        way = self.rng.random()
        if way < 0.1:
            return self.encoded(value), "text/plain"
        if way < 0.3:
            text = self.encoded(value)
            return self.rng.choice((b"", b"null", b"[]", b"{", text[:-1], text + b"}", b"\xff\xfe",
                                    b'{"a":1,"a":2}', b"[" * 5_000, b"1e999")), "application/json"
        return self.encoded(self.mutated(value)), "application/json"

    def unlike_the_last(self, value):
        """An example as it is would be what is there already, from the second time on."""
        if isinstance(value, list):
            return [self.unlike_the_last(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {name: f"{self.rng.getrandbits(48):x}" if name == "external_id" and member
                else self.unlike_the_last(member) for name, member in value.items()}

    @staticmethod
    def encoded(value):
        return json.dumps(value).encode()

    def draw(self, method, path, operation, odd):
        """(method, target, headers, body) of one request."""
        wrong = [self.rng.random() < 0.5 for _ in range(4)] if odd else [False] * 4
        if odd and not any(wrong):
            wrong[3] = True
        target = self.target(path, operation, wrong[0])
        query = self.query(operation, wrong[1])
        body, media_type = self.body(operation, wrong[3])
        headers = self.headers(operation, wrong[2])
        if media_type:
            headers["Content-Type"] = media_type
        return method, target + ("?" + query if query else ""), headers, body
