"""Fills a stopped hub's database with a past: orders, events, deliveries and attempts.

They are copies of what the hub itself has written about one order, spread evenly over the last
thirty days, each with ids of its own time. Of the idempotency rows there are as many as a hub
keeps: those of the last day.
"""

import itertools
import os
import sqlite3
import time

DAYS = 30
DAY_MILLIS = 24 * 3600 * 1000
TABLES = ("orders", "events", "deliveries", "attempts")


def uuid7(millis, number, kind):
    """Sorted by time; `number` and `kind` make it unique among those of one millisecond."""
    return (millis.to_bytes(6, "big") + (0x7000 | kind).to_bytes(2, "big")
            + (0x8000000000000000 | number).to_bytes(8, "big"))


def rows_of(database, table):
    """The column names, and the one row that is there."""
    cursor = database.execute(f"SELECT * FROM {table} LIMIT 1")
    row = cursor.fetchone()
    return [column[0] for column in cursor.description], row


def copies(names, row, changes, times):
    """`changes`: for each column that differs, a function of number and time."""
    places = [(names.index(name), make) for name, make in changes.items()]
    for number, millis in enumerate(times):
        copy = list(row)
        for place, make in places:
            copy[place] = make(number, millis)
        yield copy


CHANGES = {
    "orders": {"id": lambda n, t: uuid7(t, n, 1), "number": lambda n, t: f"OLD-{n:09d}",
               "created_at": lambda n, t: t},
    "events": {"id": lambda n, t: uuid7(t, n, 2), "occurred_at": lambda n, t: t},
    "deliveries": {"id": lambda n, t: uuid7(t, n, 3), "event_id": lambda n, t: uuid7(t, n, 2),
                   "created_at": lambda n, t: t, "finished_at": lambda n, t: t + 5},
    "attempts": {"delivery_id": lambda n, t: uuid7(t, n, 3), "started_at": lambda n, t: t},
    "idempotency": {"key_hash": lambda n, t: os.urandom(32), "created_at": lambda n, t: t,
                    "expires_at": lambda n, t: t + DAY_MILLIS},
}


def insert(database, table, times):
    names, row = rows_of(database, table)
    marks = ",".join("?" * len(names))
    rows = copies(names, row, CHANGES[table], times)
    while batch := list(itertools.islice(rows, 200_000)):
        with database:
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", batch)


def fill(path, count):
    """Requires: the hub has stopped, and one order of its was delivered."""
    now = int(time.time() * 1000)
    begin, step = now - DAYS * DAY_MILLIS, DAYS * DAY_MILLIS / count
    database = sqlite3.connect(path)
    # Durability is the hub's business; a fill that is cut off is thrown away.
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; "
                           "PRAGMA cache_size=-1048576;")
    try:
        for table in TABLES:
            insert(database, table, (begin + int(number * step) for number in range(count)))
        recent = count // DAYS
        insert(database, "idempotency",
               (now - DAY_MILLIS + int(number * step) for number in range(recent)))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        database.close()
