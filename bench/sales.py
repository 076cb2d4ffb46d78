"""Sales: a shop's signed, idempotent orders with their payment, through the integration API.

Beside the bare ingest, which is sent the same bytes and checks none of them; beside the hub without
its request log; and beside a hub that remembers 100,000 Idempotency-Keys already.

And WooCommerce: how long it takes to find the key that a shop's webhook was signed with.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import shutil
import sqlite3
import statistics
import time

import wrk
from programs import BareIngest, BenchFailed, Hub

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sales.lua")
ROUNDS, SECONDS = 3, 6
QUICK_ROUNDS, QUICK_SECONDS = 1, 3
KEYS_REMEMBERED = 100_000
DAY_MILLIS = 24 * 3600 * 1000
# More than any machine at hand takes.
ORDERS_PER_SECOND_MAX = 40_000
NOBODY = "http://127.0.0.1:9/hook"
WITHOUT_LOG = {"WAYBILL_REQUEST_LOG": "false"}
DIGITS = "000000000"
# The bare program looks for "orderNumber"; the hub ignores members it does not know.
BODY = json.dumps({
    "orderNumber": DIGITS, "external_id": f"shop-{DIGITS}", "placed_at": "2026-06-12T09:30:00Z",
    "currency": "EUR",
    "client": {"external_id": "customer-311", "email": "lab@example.com",
               "name": "Sample Research Lab"},
    "items": [{"sku": f"A4-COPY-50{number}", "name": "Copy paper A4", "quantity": 10,
               "unit_price": "24.90"} for number in range(2)],
    "shipping_total": "4.90", "total": "502.90",
    "payment": {"external_id": f"pay-{DIGITS}", "method": "card", "amount": "502.90",
                "reference": f"ch_{DIGITS}"}}, separators=(",", ":"))


def sign_orders(path, secret, first, count):
    """What sales.lua reads. The time that is signed is now: it is good for five minutes."""
    at = str(int(time.time()))
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{BODY}\n{at}\n")
        for number in range(first, first + count):
            digits = f"{number:09d}"
            message = f"{at}.{BODY.replace(DIGITS, digits)}".encode()
            file.write(f"{digits} {hmac.new(secret, message, hashlib.sha256).hexdigest()}\n")


class Shop(Hub):
    """A hub with a store, a key of the integration API for it, and one endpoint that is paused."""

    def set_up(self):
        super().set_up()
        self.post("stores", {"name": "Shop", "currency": "EUR"})
        made = self.post("keys", {"platform": "peptideclients", "kind": "integration",
                                  "store": "Shop", "require_signature": True})
        self.write("shop.key", made["key"])
        self.write("shop.secret", made["signing_secret"])
        self.add_endpoint(NOBODY, 64, paused=True)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def post_orders(self, seconds, first=1):
        return post_orders(f"{self.url}/integrations/v1/orders", self.read("shop.key"),
                           self.read("shop.secret").encode(), self.folder, seconds, first)


def post_orders(url, key, secret, folder, seconds, first=1):
    path = os.path.join(folder, "orders.txt")
    sign_orders(path, secret, first, ORDERS_PER_SECOND_MAX * seconds)
    return wrk.post(url, SCRIPT, [key, path], seconds)


def check(program, load, before, tables):
    """Each of `tables` has a row for each order that was acknowledged."""
    for table in tables:
        stored = program.query(f"SELECT count(*) FROM {table}") - before
        if not load.acknowledged <= stored <= load.acknowledged + wrk.CONNECTIONS:
            raise BenchFailed(f"{program.name} has acknowledged {load.acknowledged} orders, and "
                              f"has {stored} {table}")


def remember_keys(folder, count):
    """As if the hub, which is stopped, had been given so many Idempotency-Keys today."""
    database = sqlite3.connect(os.path.join(folder, "waybill.sqlite"))
    with database:
        row = database.execute(
            "SELECT workspace_id, scope, fingerprint, status, response FROM idempotency "
            "WHERE status = 201 AND scope <> 'native' LIMIT 1").fetchone()
        now = int(time.time() * 1000)
        database.executemany(
            "INSERT INTO idempotency (workspace_id, scope, key_hash, fingerprint, status, "
            "response, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((row[0], row[1], os.urandom(32), *row[2:], now, now + DAY_MILLIS)
             for _ in range(count)))
    database.close()


def bare(folder, seconds):
    with BareIngest(folder, "--payments", "yes") as program:
        load = post_orders(program.orders_url, program.key, b"nobody looks", folder, seconds)
        program.stop()
        check(program, load, 0, ["orders", "payments", "deliveries"])
    return load


def hub(folder, seconds, environment=None, remembered=0):
    before = 0
    if remembered:
        with Shop(folder) as shop:
            shop.post_orders(1)
            shop.stop()
            before = shop.query("SELECT count(*) FROM sales_orders")
        remember_keys(folder, remembered)
    with Shop(folder, existing=bool(remembered), environment=environment) as shop:
        load = shop.post_orders(seconds, first=before + 1)
        shop.stop()
        check(shop, load, before, ["sales_orders", "payments", "deliveries"])
    return load


# --- WooCommerce's keys ---------------------------------------------------------------------------

SHOPS = 1_000
BODY_BYTES = 3_000
# So many searches a second are one other end's (surfaces/peptideclients/woocommerce_keys.h).
SEARCHES_AT_ONCE, SEARCH_PAUSE_SECONDS = 15, 1.2
SEARCH_ROUNDS, QUICK_SEARCH_ROUNDS = 6, 2


def shop_message(number):
    """A topic that is noted and changes nothing: what is left is the search."""
    return json.dumps({"id": number, "padding": "x" * BODY_BYTES}).encode()[:BODY_BYTES - 2] + b'"}'


def tell(connection, number, secret, site):
    """Seconds from the first byte to the answer."""
    body = shop_message(number)
    signature = base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()
    began = time.perf_counter()
    connection.request("POST", "/integrations/v1/webhook/woocommerce", body, {
        "Content-Type": "application/json", "X-WC-Webhook-Topic": "product.updated",
        "X-WC-Webhook-Resource": "product", "X-WC-Webhook-Event": "updated",
        "X-WC-Webhook-Source": site, "X-WC-Webhook-Signature": signature})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise BenchFailed(f"WooCommerce's message was answered {answer.status}: {text.decode()}")
    return time.perf_counter() - began


def find_keys(folder, quick):
    """Milliseconds for a site that was seen before, and for one that was not: the last key fits."""
    known, unknown = [], []
    with Shop(folder) as shop:
        for number in range(SHOPS):
            made = shop.post("keys", {"platform": "peptideclients", "kind": "integration",
                                      "store": "Shop", "payload_format": "woocommerce",
                                      "name": f"shop {number}"})
        secret = made["signing_secret"].encode()
        connection = http.client.HTTPConnection(shop.url.removeprefix("http://"), timeout=30)
        tell(connection, 0, secret, "https://known.example/")
        for turn in range(QUICK_SEARCH_ROUNDS if quick else SEARCH_ROUNDS):
            time.sleep(SEARCH_PAUSE_SECONDS)
            for number in range(SEARCHES_AT_ONCE):
                site = f"https://{turn}-{number}.example/"
                unknown.append(1000 * tell(connection, number, secret, site))
                known.append(1000 * tell(connection, number, secret, "https://known.example/"))
        connection.close()
        shop.stop()
    return {"known_ms": statistics.median(known), "unknown_ms": statistics.median(unknown)}


# --- The row --------------------------------------------------------------------------------------

MEASUREMENTS = {
    "bare": bare, "hub": hub,
    "without_log": lambda folder, seconds: hub(folder, seconds, WITHOUT_LOG),
    "many_keys": lambda folder, seconds: hub(folder, seconds, remembered=KEYS_REMEMBERED),
}


def measure(folder, quick):
    """{name: {"orders_per_second": [of each round], "p99_ms": […]}}"""
    found = {name: {"orders_per_second": [], "p50_ms": [], "p99_ms": []} for name in MEASUREMENTS}
    seconds = QUICK_SECONDS if quick else SECONDS
    for number in range(QUICK_ROUNDS if quick else ROUNDS):
        # Every other round the other way round, so that neither side always comes first.
        for name in MEASUREMENTS if number % 2 == 0 else reversed(MEASUREMENTS):
            place = os.path.join(folder, f"{number}-{name}")
            os.makedirs(place)
            os.sync()
            load = MEASUREMENTS[name](place, seconds)
            shutil.rmtree(place)
            found[name]["orders_per_second"].append(load.per_second)
            found[name]["p50_ms"].append(load.p50_ms)
            found[name]["p99_ms"].append(load.p99_ms)
    place = os.path.join(folder, "keys")
    os.makedirs(place)
    found["finding"] = find_keys(place, quick)
    return found
