"""Receipt: a platform's signed webhooks, each new, through a source whose one handler is paused.

Beside the bare receipt, and beside what is written by hand for the same job: Express, Fastify and
FastAPI with SQLite (samples/). All are sent the same bytes, verify them, and answer once the
message and the work that it makes are on disk. Then each is sent so many a second, for the
latencies.
"""

import hashlib
import hmac
import http.client
import json
import os
import shutil
import subprocess

import wrk
from programs import BIN, BenchFailed, Hub, Program, child_options, end

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, "samples")
SCRIPT = os.path.join(HERE, "receipt.lua")
ROUNDS, SECONDS = 3, 6
QUICK_ROUNDS, QUICK_SECONDS = 1, 2
RATE = 2_000
LATENCY_SECONDS, QUICK_LATENCY_SECONDS = 10, 2
# More than any machine at hand takes.
MESSAGES_PER_SECOND_MAX = 60_000
SECRET = "bench-secret-0123456789abcdef"
NOBODY = "http://127.0.0.1:9/handle"
PATH = "/webhooks/procureiq"
DIGITS = "000000000"
BODY = json.dumps({
    "id": f"evt_01JGFJJZ00FC90000{DIGITS}", "type": "order.created", "version": "1.0",
    "created": 1781256600,
    "data": {"orderId": f"ord_01JGFJJZ00FC90000{DIGITS}",
             "userId": "usr_01JGFJJZ00FC90000000000005", "totalAmount": 249.9, "currency": "EUR",
             "itemCount": 3},
    "metadata": {"procureiqVersion": "1.0.0", "environment": "production"}}, separators=(",", ":"))


def sign_messages(path, count):
    """What receipt.lua and the sender read. The platform signs no time, so it may be of any age."""
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{BODY}\n")
        for number in range(1, count + 1):
            digits = f"{number:09d}"
            body = BODY.replace(DIGITS, digits).encode()
            file.write(f"{digits} {hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}\n")


# --- The programs ---------------------------------------------------------------------------------

class Bare(Program):
    path, tables = PATH, ("messages", "events", "deliveries")

    def __init__(self, folder):
        super().__init__("waybill_bench_bare_receipt", folder, "--data", folder,
                         "--secret", SECRET)
        self.database = os.path.join(folder, "bare.sqlite")


class Sample(Program):
    path, tables = PATH, ("messages", "jobs")

    def __init__(self, folder, name, interpreter, source):
        self.database = os.path.join(folder, "sample.sqlite")
        super().__init__(name, folder, self.database, SECRET,
                         command=[interpreter, os.path.join(SAMPLES, source)])


class Door(Hub):
    """A hub with a source, and one handler of it that is paused."""

    tables = ("messages", "deliveries")

    def set_up(self):
        super().set_up()
        source = self.post("sources", {
            "dialect": "procureiq", "name": "shop", "secrets": [SECRET],
            "handlers": [{"channel": "http", "url": NOBODY, "state": "paused"}]})
        self.path = source["path"]


PROGRAMS = {
    "bare": Bare,
    "hub": Door,
    "express": lambda folder: Sample(folder, "express", "node", "express.js"),
    "fastify": lambda folder: Sample(folder, "fastify", "node", "fastify.js"),
    "fastapi": lambda folder: Sample(folder, "fastapi", "/usr/bin/python3", "fastapi_sample.py"),
}


def check_refusal(program):
    """One that does not verify is no competitor."""
    connection = http.client.HTTPConnection(program.url.removeprefix("http://"), timeout=30)
    connection.request("POST", program.path, BODY, {
        "Content-Type": "application/json", "x-procureiq-signature": f"sha256={'0' * 64}"})
    status = connection.getresponse().status
    connection.close()
    if status != 401:
        raise BenchFailed(f"{program.name} has answered {status} to a forged message, not 401")


def check_stored(program, acknowledged, under_way):
    """Each table has a row for each message that was acknowledged, and no other."""
    for table in program.tables:
        stored = program.query(f"SELECT count(*) FROM {table}")
        if not acknowledged <= stored <= acknowledged + under_way:
            raise BenchFailed(f"{program.name} has acknowledged {acknowledged} messages, and has "
                              f"{stored} {table}")


# --- The two measurements -------------------------------------------------------------------------

def take_all(name, folder, messages, seconds):
    with PROGRAMS[name](folder) as program:
        check_refusal(program)
        load = wrk.post(program.url + program.path, SCRIPT, [messages], seconds)
        stop(program)
        check_stored(program, load.acknowledged, wrk.CONNECTIONS)
    return {"messages_per_second": load.per_second, "p50_ms": load.p50_ms, "p99_ms": load.p99_ms}


def take_at_rate(name, folder, messages, seconds):
    with PROGRAMS[name](folder) as program:
        report = send(program, messages, seconds)
        stop(program)
        check_stored(program, report["answered"], 0)
    return {figure: report[figure] for figure in ("p50_ms", "p99_ms", "max_ms")}


def send(program, messages, seconds):
    process = subprocess.Popen(
        [os.path.join(BIN, "waybill_bench_sender"), "--port", program.url.rpartition(":")[2],
         "--path", program.path, "--messages", messages, "--rate", str(RATE),
         "--seconds", str(seconds)], stdout=subprocess.PIPE, text=True, **child_options())
    try:
        output, _ = process.communicate(timeout=seconds + 120)
    except subprocess.TimeoutExpired as late:
        raise BenchFailed("the sender does not come to an end") from late
    finally:
        end(process)
    if process.returncode != 0:
        raise BenchFailed(f"the sender ended with status {process.returncode}")
    report = json.loads(output)
    if report["refused"] or report["broken"] or report["answered"] != RATE * seconds:
        raise BenchFailed(f"{program.name} has not taken every message: {output}")
    return report


def stop(program):
    """The hub says how it ended; the others are killed, as they are made to be."""
    if isinstance(program, Hub):
        program.stop()
    else:
        program.check_running()
        end(program.process)


# --- The row --------------------------------------------------------------------------------------

def measure(folder, quick):
    """{name: {figure: [of each round]}}, and "at_rate" for what was sent so many a second."""
    seconds = QUICK_SECONDS if quick else SECONDS
    latency_seconds = QUICK_LATENCY_SECONDS if quick else LATENCY_SECONDS
    os.makedirs(folder, exist_ok=True)
    messages = os.path.join(folder, "messages.txt")
    sign_messages(messages, MESSAGES_PER_SECOND_MAX * seconds)
    found = {name: {"messages_per_second": [], "p50_ms": [], "p99_ms": []} for name in PROGRAMS}
    at_rate = {name: {"p50_ms": [], "p99_ms": [], "max_ms": []} for name in PROGRAMS}
    for number in range(QUICK_ROUNDS if quick else ROUNDS):
        # Every other round the other way round, so that no side always comes first.
        for name in PROGRAMS if number % 2 == 0 else reversed(PROGRAMS):
            for measure_one, kept, length in ((take_all, found, seconds),
                                              (take_at_rate, at_rate, latency_seconds)):
                place = os.path.join(folder, f"{number}-{name}")
                os.makedirs(place)
                os.sync()
                for figure, value in measure_one(name, place, messages, length).items():
                    kept[name][figure].append(value)
                shutil.rmtree(place)
            print(f"  {name}: {found[name]['messages_per_second'][-1]:,.0f} messages/s, p99 "
                  f"{found[name]['p99_ms'][-1]:.1f} ms; at {RATE:,} a second p99 "
                  f"{at_rate[name]['p99_ms'][-1]:.1f} ms", flush=True)
    return {"rate": RATE, **found, "at_rate": at_rate}
