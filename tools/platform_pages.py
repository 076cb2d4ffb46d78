#!/usr/bin/python3
"""Writes docs/platforms/NAME-events.md: what each platform's webhooks look like, from its dialect.

    python3 tools/platform_pages.py           makes all pages anew
    python3 tools/platform_pages.py --check   says which of them are not as they would be made
    python3 tools/platform_pages.py FILE      prints the page of one dialect file, of your own too

What a page shows as sent is rendered here, by the few rules of dialects/README.md; a test
(tests/e2e/test_catalogue.py) compares it with what the hub sends.
"""

import datetime
import glob
import json
import os
import re
import sys
import tomllib
import uuid

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PAGES = os.path.join("docs", "platforms")

# What the samples are told with.
SAMPLE = {
    "event.id": "01941f29-7c00-7000-8000-000000000001",
    "event.occurred_at": "2026-11-21T04:30:00.000Z",
    "event.subject": "01941f29-7c00-7000-8000-000000000002",
    "workspace.slug": "acme",
    "workspace.environment": "production",
}
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
MISSING = object()


# Templates, as dialects/README.md has them.

def find_in(value, steps):
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


def unix_seconds(time):
    return int(datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp())


def filtered(value, name):
    if name == "iso":
        return value
    if name == "iso_seconds":
        return re.sub(r"\.\d+Z$", "Z", value)
    if name == "unix":
        return unix_seconds(value)
    if name == "unix_ms":
        return unix_seconds(value) * 1000
    if name == "string":
        return value if isinstance(value, str) else json.dumps(value)
    if name == "number":
        return json.loads(value) if isinstance(value, str) else value
    if name.startswith("prefixed:"):
        number, digits = uuid.UUID(value).int, ""
        for _ in range(26):
            number, digits = number >> 5, CROCKFORD[number & 31] + digits
        return f"{name.removeprefix('prefixed:')}_{digits}"
    raise ValueError(f"the filter {name} is not known")


def evaluated(placeholder, scope):
    name, *filters = placeholder.split("|")
    optional = name.endswith("?")
    name = name.removesuffix("?")
    known = max((key for key in scope if name == key or name.startswith(key + ".")), key=len)
    steps = name[len(known) + 1:].split(".") if name != known else []
    value = find_in(scope[known], steps)
    if value is MISSING:
        if optional:
            return MISSING
        raise ValueError(f"{{{placeholder}}} is missing")
    for filter_ in filters:
        value = filtered(value, filter_)
    return value


def rendered(template, scope):
    if isinstance(template, dict):
        made = {name: rendered(inner, scope) for name, inner in template.items()}
        return {name: value for name, value in made.items() if value is not MISSING}
    if isinstance(template, list):
        return [value for value in (rendered(inner, scope) for inner in template)
                if value is not MISSING]
    if not isinstance(template, str):
        return template
    alone = PLACEHOLDER.fullmatch(template)
    if alone and alone.group(1) is not None:
        return evaluated(alone.group(1), scope)

    def piece(match):
        if match.group(1) is None:
            return match.group(0)[0]
        value = evaluated(match.group(1), scope)
        return "" if value in (MISSING, None) else filtered(value, "string")
    return PLACEHOLDER.sub(piece, template)


def body_of(dialect, name, event, about=None):
    """What is sent for the event's example."""
    scope = {**SAMPLE, "type": name, "event.type": event.get("canonical", name),
             "event.data": json.loads(event["example"]), **(about or {})}
    data = scope["event.data"]
    if "data" in event:
        data = rendered(json.loads(event["data"]), scope)
    return rendered(json.loads(dialect["envelope"]), {**scope, "data": data})


# The page.

def code(text):
    return "`" + str(text).replace("|", "\\|") + "`"


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def block(language, text):
    return f"```{language}\n{text}\n```"


def pretty(value):
    return json.dumps(value, indent=2, ensure_ascii=False)


def listed(items):
    items = list(items)
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def rule_texts(schema):
    """What a schema says of one value, but for its type."""
    texts = []
    if "const" in schema:
        texts.append("always " + code(json.dumps(schema["const"], ensure_ascii=False)))
    if "enum" in schema:
        texts.append("one of " + ", ".join(code(json.dumps(one, ensure_ascii=False))
                                           for one in schema["enum"]))
    for keyword, words in (("minimum", "at least"), ("maximum", "at most"),
                           ("exclusiveMinimum", "above"), ("exclusiveMaximum", "below")):
        if keyword in schema:
            texts.append(f"{words} {schema[keyword]}")
    for keyword, words, what in (("minLength", "at least", "characters"),
                                 ("maxLength", "at most", "characters"),
                                 ("minItems", "at least", "elements"),
                                 ("maxItems", "at most", "elements")):
        if keyword in schema:
            texts.append(f"{words} {schema[keyword]} {what}")
    if "pattern" in schema:
        texts.append("matches " + code(schema["pattern"]))
    if schema.get("additionalProperties") is False:
        texts.append("nothing else in it")
    if "examples" in schema:
        texts.append("such as " + ", ".join(code(json.dumps(one, ensure_ascii=False))
                                            for one in schema["examples"]))
    return texts


def members(schema, path=""):
    """(path, type, required, meaning) of everything in an object of this schema."""
    for name, inner in schema.get("properties", {}).items():
        types = inner.get("type", "any")
        types = types if isinstance(types, str) else " or ".join(types)
        if "format" in inner:
            types += f" ({inner['format']})"
        where = f"{path}.{name}" if path else name
        meaning = [inner["description"].rstrip(".")] if "description" in inner else []
        yield (code(where), types, "yes" if name in schema.get("required", []) else "",
               cell("; ".join(meaning + rule_texts(inner))))
        yield from members(inner, where)
        if isinstance(inner.get("items"), dict):
            yield from members(inner["items"], where + "[]")


def request_part(dialect):
    rows = [(code("Content-Type"), code(dialect.get("content_type", "application/json")), "")]
    for name, value in dialect.get("headers", {}).items():
        only = isinstance(value, dict) and value.get("retries_only")
        template = value["value"] if isinstance(value, dict) else value
        rows.append((code(name), code(template), "at retries only" if only else ""))
    signature = dialect.get("signature")
    if signature:
        rows.append((code(signature["header"]), code(signature.get("value", "{signatures}")),
                     "the signature, below"))
    if "User-Agent" not in dialect.get("headers", {}):
        rows.append((code("User-Agent"), "`Waybill/` and its version", ""))
    return "\n\n".join([
        "## The request", "A POST with these headers:", table(("header", "value", "when"), rows),
        "The body, around the data of the event:",
        block("json", pretty(json.loads(dialect["envelope"]))),
        "What stands in braces is explained in [dialects/README.md](../../dialects/README.md). "
        "Bodies are written as JavaScript's `JSON.stringify` would."])


def signature_part(dialect):
    signature = dialect.get("signature")
    if not signature:
        return "## The signature\n\nThese webhooks are not signed."
    rows = [("signed bytes", code(signature["signed"]))]
    for scheme in signature["schemes"]:
        algorithm = {"hmac-sha256": "HMAC-SHA256", "ed25519": "Ed25519"}[
            scheme.get("algorithm", "hmac-sha256")]
        key = {"text": "the secret", "base64": "the secret in base64",
               "html-text": "the secret, its HTML entities decoded"}[scheme.get("key", "text")]
        if "secret_prefix" in scheme:
            key += f" after {code(scheme['secret_prefix'])}"
        if "public_prefix" in scheme:
            key += f"; receivers verify with the public key, {code(scheme['public_prefix'] + '…')}"
        rows.append(("one signature", f"{code(scheme['text'])}, {algorithm}; the key is {key}"))
    if "tolerance" in signature:
        rows.append(("time", f"signed; receivers refuse what is more than {signature['tolerance']} "
                             "off"))
    else:
        rows.append(("time", "not signed"))
    if "separator" in signature:
        rows.append(("while a secret is changed", "both sign, the newest first, with "
                     f"{code(signature['separator'])} between them"))
    elif "rotation_header" in signature:
        rows.append(("while a secret is changed", "the former secret signs here, the new one in "
                     + code(signature["rotation_header"])))
    for key, what in (("timestamp_header", "the signed time"), ("id_header", "the signed id")):
        if key in signature:
            rows.append((f"{what} stands in", code(signature[key])))
    return "\n\n".join([f"## The signature\n\nIn {code(signature['header'])}:",
                        table(("", ""), rows)])


def answer_text(answer):
    text = str(answer.get("status", 200))
    if answer.get("body"):
        text += f", {code(answer['body'])}"
        text += f" as {answer['content_type']}" if "content_type" in answer else ""
    return text


def ping_text(ping):
    wants = []
    if "content_type" in ping:
        wants.append(f"the content type is {code(ping['content_type'])}")
    if "pattern" in ping:
        wants.append(f"the body fits {code(ping['pattern'])}")
    if "when" in ping:
        wants.append(f"{code(ping['when'])} is {code(ping['equals'])}")
    return " and ".join(wants)


def receipt_part(dialect):
    receipt = dialect.get("receipt")
    if receipt is None:
        return "## Receiving\n\nNo source can have this dialect."
    told = "the platform does not tell"
    key = receipt.get("key", receipt.get("id"))
    bytes_of = "the type and the body's SHA-256"
    same = code(key) if key else bytes_of
    if "key" not in receipt and "?}" in receipt.get("id", ""):
        same += f", or without one {bytes_of}"
    if "window" in receipt:
        same += f", within {receipt['window']}"
    rows = [("the message's id", code(receipt["id"]) if "id" in receipt else told),
            ("its type", code(receipt["type"]) if "type" in receipt else told),
            ("two are the same if they share", same)]
    if "environment" in receipt:
        names = receipt["environments"]
        rows.append(("its environment", code(receipt["environment"]) + ": " + "; ".join(
            f"{one} is {listed(map(code, names[one]))}" for one in ("production", "sandbox")
            if names.get(one))))
    rows.append(("the answer", answer_text(receipt.get("answer", {}))))
    for ping in receipt.get("pings", []):
        signed = "signed" if ping.get("signed", "signature" in dialect) else "unsigned"
        rows.append(("a ping", f"{signed}, if {ping_text(ping)}; it is not kept, and answered "
                               + answer_text(ping.get("answer", {}))))
    keys = "../../dialects/README.md#receipt-what-a-message-says-of-itself"
    parts = ["## Receiving\n\nWhat a source reads of a message. What stands in braces is explained "
             f"in [dialects/README.md]({keys}).", table(("", ""), rows)]
    types = receipt.get("types", {})
    if types:
        parts += ["What it calls its events, and what they are called here:",
                  table(("told", "type"), [(code(a), code(b)) for a, b in types.items()])]
    fetch = receipt.get("fetch")
    if fetch:
        limits = [f"{fetch.get('per_second', 1)} a second"]
        limits += [f"{fetch[key]} {name}" for key, name in (("per_hour", "an hour"),
                                                            ("per_day", "a day")) if fetch.get(key)]
        limits.append(f"the same not again within {fetch.get('same_after', '1m')}")
        headers = ", ".join(code(f"{a}: {b}") for a, b in fetch.get("headers", {}).items())
        parts += ["A handler can fetch what a message names: " + ", ".join(limits) + "."
                  + (f" With these headers: {headers}." if headers else ""),
                  table(("of the type", "path"),
                        [(code(a), code(b)) for a, b in fetch["paths"].items()])]
    return "\n\n".join(parts)


def delivery_part(dialect):
    delivery, endpoint = dialect["delivery"], dialect.get("endpoint", {})
    retry = delivery["retry"]
    attempts = delivery.get("attempts_max", len(retry) + 1)
    rows = [("an answer that counts as success",
             listed(code(one) for one in delivery.get("success", ["2xx"]))),
            ("an answer has to come within", delivery.get("timeout", "30s")),
            ("tries", str(attempts)),
            ("waits between them", ", ".join(retry[:attempts - 1]) or "there are none")]
    if delivery.get("jitter_percent"):
        rows.append(("chance", f"a wait may be up to {delivery['jitter_percent']} % shorter or "
                               "longer"))
    rows.append(("after the last try", "the delivery is dropped" + (
        ", and its endpoint deactivated" if delivery.get("exhausted") == "deactivated" else "")))
    after = endpoint.get("deactivate_after", 0)
    rows.append(("an endpoint is switched off",
                 (f"after {after} failed tries in a row, and " if after else "")
                 + "by an answer of 410"))
    coalescing = dialect.get("coalescing")
    if coalescing:
        which = "last" if coalescing.get("edge") == "trailing" else "first"
        rows.append(("repeats", f"of one event about {code(coalescing['key'])} within "
                     f"{coalescing['window']}: the {which} alone is sent"))
    return "\n\n".join(["## Delivery", table(("", ""), rows)])


def endpoint_part(dialect):
    endpoint = dialect.get("endpoint", {})
    signs = "signature" in dialect
    secret = {"none": "none",
              "optional": "the subscriber may set one, else nothing is signed",
              "generated": "the hub makes one unless the subscriber brings one",
              "required": "the subscriber brings one"}[
                  endpoint.get("secret", "generated" if signs else "none")]
    most = endpoint.get("endpoints_max", 0)
    counted = " active ones" if endpoint.get("endpoints_max_counts") == "active" else ""
    rows = [("secret", secret),
            ("address", ("`https://` only" if endpoint.get("https_required")
                         else "`https://` or `http://`")
             + (", each once in a workspace" if endpoint.get("url_unique") else "")),
            ("how many in a workspace", f"{most}{counted}" if most else "any number"),
            ("change", "URL and events can be changed" if endpoint.get("editable", True)
             else "not possible: delete it and make another")]
    return "\n\n".join(["## Endpoints", table(("", ""), rows)])


def event_part(dialect, name, event):
    canonical = event.get("canonical", name)
    parts = [f"### {name}", event["description"]]
    made = f"Published as {code(canonical)}."
    if "module" in event:
        made += f" Module: {event['module']}."
    parts.append(made)
    rows = list(members(json.loads(event["schema"])))
    parts.append(table(("member of `data`", "type", "required", "meaning"), rows) if rows
                 else "Its data has no members that are promised.")
    if "data" in event:
        parts += ["Made from the published data by this template:",
                  block("json", pretty(json.loads(event["data"])))]
    parts += ["The body of a sample:", block("json", pretty(body_of(dialect, name, event)))]
    return "\n\n".join(parts)


def page(path):
    with open(path, "rb") as file:
        dialect = tomllib.load(file)
    name = os.path.basename(path).removesuffix(".toml")
    events = dialect.get("events", {})
    about = f"{len(events)} event{'s' if len(events) != 1 else ''}."
    if dialect.get("open_catalogue"):
        about += (" Whatever else is published is sent too, under its own name and with its own "
                  "data.")
    test = dialect.get("test_event")
    tested = test in events and events[test].get("canonical", test) != "webhook.test"
    if tested:
        about += f" A test of an endpoint sends the sample of {code(test)}."
    parts = [
        f"<!-- Made from dialects/{name}.toml: python3 tools/platform_pages.py -->",
        f"# {dialect['title']}: its webhooks",
        dialect["description"]
        + (f" The platform's own words: <{dialect['documentation']}>."
           if "documentation" in dialect else "")
        + (f" How each requirement is met: [{name}.md]({name}.md)."
           if os.path.exists(os.path.join(ROOT, PAGES, name + ".md")) else "")]
    if "envelope" not in dialect:
        return "\n\n".join([*parts, signature_part(dialect), receipt_part(dialect)]) + "\n"
    parts += [request_part(dialect), signature_part(dialect), receipt_part(dialect),
              delivery_part(dialect), endpoint_part(dialect), "## Events", about]
    if events:
        parts.append(table(("event", "published as", "what happened"), [
            (code(one), code(event.get("canonical", one)), cell(event["description"]))
            for one, event in events.items()]))
    parts += [event_part(dialect, one, event) for one, event in events.items()]
    return "\n\n".join(parts) + "\n"


def pages():
    for path in sorted(glob.glob(os.path.join(ROOT, "dialects", "*.toml"))):
        name = os.path.basename(path).removesuffix(".toml")
        yield os.path.join(PAGES, name + "-events.md"), page(path)


def main(words):
    if words and words[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    if words and words != ["--check"]:
        print(page(words[0]), end="")
        return 0
    stale = 0
    for name, text in pages():
        path = os.path.join(ROOT, name)
        if words:
            there = open(path, encoding="utf-8").read() if os.path.exists(path) else ""
            if there != text:
                print(f"{name} is not what its dialect says: python3 tools/platform_pages.py")
                stale += 1
            continue
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
