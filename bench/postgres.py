"""On PostgreSQL: durable orders/s of the hub beside the bare statements of an order, by pgbench.

Both on one server, each in a fresh database with the hub's own tables, in turn. pgbench runs one
order to a transaction: the row of its Idempotency-Key, the order, its event and its delivery, with
values that a hub has stored. It has as many connections as the hub has that write, and once more
as many as there are clients.
"""

import os
import re
import shutil
import subprocess
import sys

import throughput
import wrk
from programs import SUPPLIER, BenchFailed, Hub, child_options, fetch_text

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "postgres"))

import postgres_server  # noqa: E402  The path is set above.
from postgres_server import PostgresServer, database_of  # noqa: E402

ROUNDS = 3
SECONDS, QUICK_SECONDS = 8, 3
WRITERS = 2  # PostgresOptions::writers.
SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "max_connections": "150",
            "checkpoint_timeout": "15min"}
ORDER = {"orderNumber": "PO-000000000", "orderDate": "2026-06-12", "currency": "EUR",
         "supplierId": SUPPLIER, "lines": [
             {"buyerItemCode": f"A4-COPY-50{number}", "description": "Copy paper A4",
              "quantity": 10, "unit": "box", "unitPrice": 24.9} for number in range(2)]}
# Sorted by time and then random, as the hub's are; the same in all statements of a transaction.
NEW_ID = "int8send((extract(epoch FROM now()) * 1000000)::bigint) || int8send(:{})"
# What is another value in each order. The tables in the order in which they are written.
FRESH = {
    "idempotency": {"key_hash": "sha256(int8send(:a))"},
    "orders": {"id": NEW_ID.format("a"), "number": "'PO-' || (:a)::bigint"},
    "events": {"id": NEW_ID.format("b")},
    "deliveries": {"id": NEW_ID.format("c"), "event_id": NEW_ID.format("b")},
}
CONFLICT = {"idempotency": " ON CONFLICT (workspace_id, scope, key_hash) DO NOTHING"}


class PostgresHub(Hub):
    """A hub on a database of `server`; another node of `like`, if that is given."""

    def __init__(self, folder, server, url, like=None):
        self.server, self.url_of_database = server, url
        if like:
            os.makedirs(folder)
            for name in ("master.key", "admin.token", "bench.key"):
                shutil.copy(os.path.join(like.folder, name), folder)
        super().__init__(folder, existing=like is not None, environment={"WAYBILL_DATABASE": url})

    def query(self, sql):
        return int(self.server.psql(sql, database_of(self.url_of_database)))


def start_server():
    server = PostgresServer(settings=SETTINGS)
    kind = subprocess.run(["stat", "--file-system", "--format=%T", server.folder],
                          capture_output=True, text=True, check=True).stdout.strip()
    if kind in ("tmpfs", "ramfs"):
        server.remove()
        raise BenchFailed(f"{server.parent} is in memory, where a sync costs nothing: "
                          "set TMPDIR to a folder on a disk")
    return server


# --- pgbench --------------------------------------------------------------------------------------

def literal(text):
    """As pgbench may read it: a colon would begin a variable."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace(":", "\\x3A")
    return f"E'{escaped}'"


def insert(server, database, table):
    """The statement that stores again what the hub has stored in `table`, but for FRESH."""
    columns = server.psql(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        f"WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum", database).splitlines()
    names, values = [], []
    for column, type_ in (line.split("|") for line in columns):
        names.append(column)
        stored = server.psql(f"SELECT coalesce({column}::text, '(null)') FROM {table} LIMIT 1",
                             database)
        values.append(FRESH[table].get(column) or (
            "NULL" if stored == "(null)" else f"CAST({literal(stored)} AS {type_})"))
    return (f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(values)})"
            f"{CONFLICT.get(table, '')};")


def prepare(folder, server):
    """A database with the tables of a hub and one order. Returns its name and pgbench's script."""
    url = server.create_database("bench_template")
    with PostgresHub(os.path.join(folder, "template"), server, url) as hub:
        hub.add_endpoint(throughput.NOBODY, throughput.IN_FLIGHT_MAX, paused=True)
        fetch_text(hub.orders_url, body=ORDER, **{"X-ProcuLink-Key": hub.key,
                                                  "Idempotency-Key": "bench"})
        hub.stop()
    database = database_of(url)
    server.psql("DELETE FROM events WHERE type <> 'order.created'", database)  # Its supplier's.
    numbers = "".join(f"\\set {name} random(1, 9000000000000000000)\n" for name in "abc")
    inserts = "".join(insert(server, database, table) + "\n" for table in FRESH)
    script = os.path.join(folder, "order.sql")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"{numbers}BEGIN;\n{inserts}COMMIT;\n")
    return database, script


def parse(output):
    """(transactions, of them a second) as pgbench says; fails if one of them did."""
    done = re.search(r"^number of transactions actually processed: (\d+)", output, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: (\d+)", output, re.MULTILINE)
    rate = re.search(r"^tps = ([0-9.]+) \(without", output, re.MULTILINE)
    if not (done and failed and rate) or int(failed.group(1)) or not int(done.group(1)):
        raise BenchFailed(f"pgbench failed, or cannot be read:\n{output}")
    return int(done.group(1)), float(rate.group(1))


def bare_orders(server, template, script, connections, seconds):
    database = f"bench_bare_{connections}"
    server.administer(f"CREATE DATABASE {database} TEMPLATE {template} OWNER "
                      f"{postgres_server.ROLE}")
    done = subprocess.run(
        [postgres_server.program("pgbench"), "--no-vacuum", "--protocol=prepared",
         f"--client={connections}", "--jobs=1", f"--time={seconds}", f"--file={script}",
         server.url(database)], capture_output=True, text=True, timeout=seconds + 60, check=False,
        **{**child_options(), "env": postgres_server.client_environment()})
    transactions, per_second = parse(done.stdout + done.stderr)
    for table in FRESH:
        stored = int(server.psql(f"SELECT count(*) FROM {table}", database)) - 1
        if stored != transactions:
            raise BenchFailed(f"{transactions} transactions, but {stored} rows in {table}")
    server.drop_database(server.url(database))
    return {"orders_per_second": per_second}


# --- The row --------------------------------------------------------------------------------------

def hub_orders(folder, server, seconds):
    url = server.create_database()
    with PostgresHub(folder, server, url) as hub:
        hub.add_endpoint(throughput.NOBODY, throughput.IN_FLIGHT_MAX, paused=True)
        found = throughput.measure_ingest(hub, seconds)
    server.drop_database(url)
    return found


def measure(folder, quick):
    """{name: [measurement of each round]}"""
    seconds = QUICK_SECONDS if quick else SECONDS
    results = {"hub": [], "pgbench_writers": [], "pgbench_clients": []}
    os.makedirs(folder, exist_ok=True)
    with start_server() as server:
        template, script = prepare(folder, server)
        for number in range(1 if quick else ROUNDS):
            turns = [
                ("pgbench_writers",
                 lambda: bare_orders(server, template, script, WRITERS, seconds)),
                ("hub", lambda home=os.path.join(folder, str(number)):
                    hub_orders(home, server, seconds)),
                ("pgbench_clients",
                 lambda: bare_orders(server, template, script, wrk.CONNECTIONS, seconds))]
            for name, run in turns if number % 2 else reversed(turns):
                server.administer("CHECKPOINT")
                os.sync()
                results[name].append(run())
                print(f"postgres, round {number + 1}: {name.replace('_', ' of the ')} "
                      f"{results[name][-1]['orders_per_second']:,.0f} orders/s", flush=True)
    return results
