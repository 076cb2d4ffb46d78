#!/usr/bin/python3
"""A receiver of ProcuLink's webhooks, written as its documentation tells: FastAPI and hmac.

/raw/… verifies X-ProcuLink-Signature over the raw body. It is told what to do, and tells what it
got, as receiver.js does.
"""

import asyncio
import hashlib
import hmac
import json
import socket
import time

import uvicorn
from fastapi import FastAPI, Request, Response

app = FastAPI()
secrets = {}
behaviours = {}  # Path -> answers to give, first first.
received = []
held = {}  # Path -> events that let its answers go.


@app.post("/control/secrets")
async def take_secrets(request: Request):
    secrets.update(await request.json())
    return {}


@app.post("/control/behave")
async def behave(request: Request):
    wanted = {"status": 200, "times": 1, "headers": {}, "hold": False, **await request.json()}
    behaviours.setdefault(wanted["path"], []).extend([wanted] * wanted["times"])
    return {}


@app.post("/control/release")
async def release(request: Request):
    events = held.pop((await request.json())["path"], [])
    for event in events:
        event.set()
    return {"released": len(events)}


@app.get("/received")
async def get_received():
    return {"requests": received}


def refusal(path, body, header):
    """Why the signature is not taken; empty if it is."""
    if path not in secrets:
        return "this receiver was given no secret"
    if header is None:
        return "there is no signature"
    digest = hmac.new(secrets[path].encode(), body, hashlib.sha256).hexdigest()
    return "" if hmac.compare_digest("sha256=" + digest, header) else "another signature"


@app.post("/raw/{name}")
async def webhook(request: Request):
    body = await request.body()
    path = request.url.path
    why = refusal(path, body, request.headers.get("X-ProcuLink-Signature"))
    waiting = behaviours.get(path)
    behaviour = waiting.pop(0) if waiting else {"status": 200, "headers": {}, "hold": False}
    received.append({"path": path, "headers": dict(request.headers), "body": body.decode(),
                     "valid": not why, "why": why, "status": behaviour["status"],
                     "at": time.time()})
    if behaviour["hold"]:
        event = asyncio.Event()
        held.setdefault(path, []).append(event)
        await event.wait()
    return Response(json.dumps({"received": True}), behaviour["status"], behaviour["headers"],
                    "application/json")


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
