#!/usr/bin/python3
"""The same as express.js, with FastAPI.

    fastapi_sample.py DATABASE SECRET
"""

import hashlib
import hmac
import json
import socket
import sqlite3
import sys
import time

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

DATABASE, SECRET = sys.argv[1], sys.argv[2].encode()
app = FastAPI()
database = sqlite3.connect(DATABASE, isolation_level=None, check_same_thread=False)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = FULL")
database.executescript("""
    CREATE TABLE messages (id TEXT PRIMARY KEY, type TEXT NOT NULL, body BLOB NOT NULL,
      received_at INTEGER NOT NULL);
    CREATE TABLE jobs (id INTEGER PRIMARY KEY, message_id TEXT NOT NULL, state TEXT NOT NULL,
      due_at INTEGER NOT NULL);
    CREATE INDEX jobs_due ON jobs (due_at) WHERE state = 'pending';
""")


def is_signed(body, header):
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, header or "")


def store(body):
    """The message and the work that it makes, on disk when this returns."""
    message = json.loads(body)
    now = int(time.time() * 1000)
    database.execute("BEGIN IMMEDIATE")
    try:
        if database.execute(
                "INSERT INTO messages VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                (message["id"], message["type"], body, now)).rowcount == 1:
            database.execute("INSERT INTO jobs VALUES (NULL, ?, 'pending', ?)",
                             (message["id"], now))
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


@app.post("/webhooks/procureiq")
async def receive(request: Request):
    body = await request.body()
    if not is_signed(body, request.headers.get("x-procureiq-signature")):
        return JSONResponse({"error": "unauthorized"}, 401)
    # A thread for it would cost more than the writing does, which is one at a time anyway.
    store(body)
    return JSONResponse({"status": "ok"})


def main():
    # asyncio sets TCP_NODELAY only where the protocol is named: else every answer takes 40 ms more.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
