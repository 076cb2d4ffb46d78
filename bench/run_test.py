#!/usr/bin/python3
"""What of bench/run can be tested without measuring: its options, and how it reads and reports."""

import hashlib
import hmac
import json
import os
import subprocess
import tempfile
import tomllib
import unittest
import xml.etree.ElementTree

import fan_out
import fill
import measure
import picture
import postgres
import receipt
import rendering
import report
import wrk
from programs import BenchFailed

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run")

OUTPUT = """Running 3s test @ http://127.0.0.1:37779/orders
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     8.68ms    4.96ms  42.84ms   66.26%
    Req/Sec     7.52k     3.32k   17.81k    83.33%
  Latency Distribution
     50%    7.95ms
     75%   11.28ms
     90%   15.77ms
     99%   24.15ms
  22543 requests in 3.02s, 2.99MB read
Requests/sec:   7469.51
Transfer/sec:      0.99MB
"""


def run(*options):
    return subprocess.run([RUN, *options], capture_output=True, text=True, timeout=30, check=False)


class Options(unittest.TestCase):
    def test_help_names_every_option(self):
        done = run("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in ("--quick", "--rounds N", "--seconds N", "--no-build", "--publish"):
            self.assertIn(option, done.stdout)
        self.assertNotIn("set -euo", done.stdout)

    def test_a_mistyped_option_starts_nothing_and_names_the_right_ones(self):
        done = run("--quik")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn('there is no option "--quik"; there are --quick,', done.stderr)

    def test_a_mistyped_row_starts_nothing_and_names_the_right_ones(self):
        done = run("fanout")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn('there is no row "fanout"; there are throughput rendering', done.stderr)

    def test_every_row_has_a_name_and_lines(self):
        done = run("--help")
        self.assertEqual(["throughput", *measure.ROWS], list(report.LINES))
        for name in report.LINES:
            self.assertIn(name, done.stdout)

    def test_a_number_is_a_number(self):
        for words in (("--rounds",), ("--rounds", "0"), ("--seconds", "8s"), ("--rounds", "-1")):
            done = run(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(f"{words[0]} needs a number from 1 to 999", done.stderr)


class Wrk(unittest.TestCase):
    def test_counts_and_times_are_read(self):
        load = wrk.parse(OUTPUT)
        self.assertEqual((load.acknowledged, load.seconds), (22543, 3.02))
        self.assertEqual((load.p50_ms, load.p99_ms), (7.95, 24.15))
        self.assertAlmostEqual(load.per_second, 22543 / 3.02)

    def test_every_unit_of_time_is_read(self):
        for text, millis in (("812.00us", 0.812), ("2.31ms", 2.31), ("1.02s", 1020.0),
                             ("1.50m", 90_000.0)):
            self.assertAlmostEqual(wrk.read_millis(text), millis, msg=text)

    def test_a_refused_order_is_no_measurement(self):
        with self.assertRaisesRegex(BenchFailed, "17 orders were refused"):
            wrk.parse(OUTPUT + "  Non-2xx or 3xx responses: 17\n")

    def test_a_broken_connection_is_no_measurement(self):
        with self.assertRaisesRegex(BenchFailed, "read 2, write 0, timeout 1"):
            wrk.parse(OUTPUT + "  Socket errors: connect 0, read 2, write 0, timeout 1\n")

    def test_no_answer_at_all_is_no_measurement(self):
        with self.assertRaisesRegex(BenchFailed, "no order was answered"):
            wrk.parse(OUTPUT.replace("22543 requests", "0 requests"))

    def test_what_is_not_wrks_is_shown(self):
        with self.assertRaisesRegex(BenchFailed, "unable to connect"):
            wrk.parse("unable to connect to 127.0.0.1:1 Connection refused\n")


PGBENCH = """transaction type: order.sql
scaling factor: 1
query mode: prepared
number of clients: 3
number of threads: 1
duration: 3 s
number of transactions actually processed: 8042
number of failed transactions: 0 (0.000%)
latency average = 1.119 ms
initial connection time = 4.817 ms
tps = 2681.523109 (without initial connection time)
"""


class Pgbench(unittest.TestCase):
    def test_counts_are_read(self):
        self.assertEqual(postgres.parse(PGBENCH), (8042, 2681.523109))

    def test_a_failed_transaction_is_no_measurement(self):
        for wrong in (PGBENCH.replace("transactions: 0 ", "transactions: 1 "),
                      PGBENCH.replace("processed: 8042", "processed: 0"), "pgbench: error: x"):
            with self.assertRaisesRegex(BenchFailed, "pgbench failed"):
                postgres.parse(wrong)

    def test_no_part_of_a_stored_text_is_read_as_a_variable(self):
        self.assertEqual(postgres.literal("{\"a\":1,'\\x'}"),
                         "E'{\"a\"\\x3A1,\\'\\\\x\\'}'")


def google(run_name, nanoseconds, **more):
    return {"name": run_name, "run_name": run_name, "run_type": "iteration", "time_unit": "ns",
            "cpu_time": nanoseconds, "real_time": 9e9, **more}


class Rendering(unittest.TestCase):
    RUNS = [google("body/acme", 900.0), google("delivery/acme", 2000.0),
            google("delivery/acme", 2500.0),
            google("delivery/acme", 2250.0, run_type="aggregate", aggregate_name="mean")]

    def parse(self, *runs):
        return rendering.parse(json.dumps({"context": {}, "benchmarks": runs}))

    def test_every_repetition_is_read_and_no_mean_of_them(self):
        self.assertEqual(self.parse(*self.RUNS),
                         {"acme": {"body": [900.0], "delivery": [2000.0, 2500.0]}})

    def test_the_dialects_are_in_order_in_whichever_they_were_measured(self):
        runs = [google(f"{kind}/{dialect}", 1.0) for kind in ("delivery", "body")
                for dialect in ("b", "c", "a")]
        self.assertEqual(list(self.parse(*runs)), ["a", "b", "c"])

    def test_a_measurement_that_failed_is_none(self):
        with self.assertRaisesRegex(BenchFailed, "body/acme: no such event"):
            self.parse({"name": "body/acme", "run_name": "body/acme", "run_type": "iteration",
                        "error_occurred": True, "error_message": "no such event"})

    def test_half_a_measurement_is_none(self):
        for runs in ((), self.RUNS[:1], self.RUNS[1:]):
            with self.assertRaisesRegex(BenchFailed, "has not measured every dialect's"):
                self.parse(*runs)
        with self.assertRaisesRegex(BenchFailed, "measures in us"):
            self.parse(google("body/acme", 0.9, time_unit="us"))

    def test_what_is_no_measurement_is_told_of(self):
        for output in ("", "[]", "{}", '{"benchmarks": [{"name": "body/acme"}]}'):
            with self.assertRaisesRegex(BenchFailed, "printed what is no measurement", msg=output):
                rendering.parse(output)

    def test_a_program_that_fails_is_told_of_with_its_words(self):
        with self.assertRaisesRegex(BenchFailed, "ended with status 3\n  no such dialect"):
            rendering.run(["sh", "-c", "echo '{}'; echo no such dialect >&2; exit 3"])


class FanOut(unittest.TestCase):
    def test_the_limits_of_a_workspace_are_lifted_and_all_else_stays(self):
        with tempfile.TemporaryDirectory() as parent:
            folder = os.path.join(parent, "dialects")
            fan_out.write_dialects(folder)
            self.assertEqual(len(os.listdir(folder)), 6)
            for name in os.listdir(folder):
                written, builtin = (self.load(os.path.join(where, name))
                                    for where in (folder, fan_out.DIALECTS_FOLDER))
                self.assertNotIn("endpoints_max", written["endpoint"])
                for key in ("endpoints_max", "endpoints_max_counts"):
                    builtin["endpoint"].pop(key, None)
                self.assertEqual(written, builtin)

    @staticmethod
    def load(path):
        with open(path, "rb") as file:
            return tomllib.load(file)

    def test_each_of_six_dialects_has_the_word_that_its_endpoints_subscribe_to(self):
        for dialect, word in fan_out.DIALECTS.items():
            events = self.load(os.path.join(fan_out.DIALECTS_FOLDER, f"{dialect}.toml"))["events"]
            self.assertEqual(events[word].get("canonical", word), "order.created", dialect)

    def test_no_two_orders_are_about_the_same_document(self):
        ids = [fan_out.order_created(number)[1]["document_id"] for number in range(3)]
        self.assertEqual(len(set(ids)), 3)


class Stored:
    """A program that has been measured, and what its tables hold."""

    name, tables = "sample", ("messages", "jobs")

    def __init__(self, messages, jobs):
        self.counts = {"messages": messages, "jobs": jobs}

    def query(self, sql):
        return self.counts[sql.split()[-1]]


class Receipt(unittest.TestCase):
    def test_each_message_is_another_one_and_signed_over_its_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "messages.txt")
            receipt.sign_messages(path, 3)
            with open(path, encoding="ascii") as file:
                body, *lines = file.read().splitlines()
        self.assertEqual(len(lines), 3)
        ids = set()
        for line in lines:
            digits, signature = line.split(" ")
            sent = body.replace("000000000", digits)
            ids.add(json.loads(sent)["id"])
            self.assertEqual(signature, hmac.new(receipt.SECRET.encode(), sent.encode(),
                                                 hashlib.sha256).hexdigest())
        self.assertEqual(len(ids), 3)

    def test_what_was_acknowledged_and_is_not_stored_is_no_measurement(self):
        receipt.check_stored(Stored(100, 103), 100, 64)
        for stored in (Stored(99, 100), Stored(100, 99), Stored(165, 165)):
            with self.assertRaisesRegex(BenchFailed, "has acknowledged 100 messages, and has"):
                receipt.check_stored(stored, 100, 64)


def received(**per_second):
    def at(values, p99):
        return {"messages_per_second": values, "p50_ms": [1.0], "p99_ms": [p99]}
    found = {name: at(values, 10.0) for name, values in per_second.items()}
    return {"rate": 2000, **found, "at_rate": {name: at([], 19.0) for name in found}}


def ingest(per_second):
    return {"orders_per_second": per_second, "acknowledged": 8 * per_second, "p50_ms": 2.3,
            "p99_ms": 16.0}


def end_to_end(per_second, left_over=0):
    return {**ingest(per_second), "webhooks_per_second": per_second, "left_over": left_over,
            "drain_seconds": 0.05}


class Report(unittest.TestCase):
    RESULTS = {"bare_ingest": [ingest(20_000), ingest(10_000), ingest(22_000)],
               "hub_ingest": [ingest(14_000), ingest(8_000), ingest(11_000)],
               "bare_end_to_end": [end_to_end(15_000)] * 3,
               "hub_end_to_end": [end_to_end(6_000)] * 3}

    def test_a_ratio_is_of_one_round_and_the_row_shows_the_middle_one(self):
        row = report.compare(self.RESULTS)[0]
        self.assertEqual(row["ratio"], {"median": 0.7, "min": 0.5, "max": 0.8})
        self.assertEqual(row["bare"], {"median": 20_000, "min": 10_000, "max": 22_000})

    def test_the_table_says_which_target_is_met(self):
        text = report.table(report.lines_of("throughput", self.RESULTS))
        self.assertRegex(text, r"ingest, orders/s +11,000 \[8,000–14,000\] of bare 20,000 "
                               r"\[10,000–22,000\]: 0\.70 \[0\.50–0\.80\] +≥ 0\.65 of bare +met\n")
        self.assertRegex(text, r"end to end, webhooks/s .* ≥ 0\.60 of bare +NOT MET")
        self.assertNotIn("pile up", report.throughput_details(self.RESULTS))

    def test_a_queue_that_grows_is_told_of(self):
        results = {**self.RESULTS, "hub_end_to_end": [end_to_end(6_000, left_over=20_000)]}
        self.assertRegex(report.throughput_details(results),
                         "hub end to end: 20,000 webhooks were left over of 48,000: .* pile up")

    def test_growth_is_a_cost_whichever_way_the_figure_goes(self):
        few_many = {"few": [9, 10, 11], "many": [4, 5, 6]}
        lines = report.lines_of("growth", {"stored": 200_000, "figures": {
            "ingest_per_second": few_many, "claim_per_second": {"few": [10], "many": [9]},
            "listing_ms": few_many, "metrics_ms": {"few": [1.0], "many": [1.4]}}})
        self.assertEqual([line["figure"] for line in lines], ["2.00", "1.11", "0.50", "1.40"])
        self.assertEqual([line["met"] for line in lines], [False, True, True, False])

    def test_a_dialect_is_judged_by_the_middle_of_its_repetitions(self):
        rows = report.lines_of("rendering", {
            "quick": {"delivery": [1000.0, 2000.0, 90_000.0], "body": [1500.0]},
            "slow": {"delivery": [100.0, 5000.0, 5000.0], "body": [1500.0]}})
        self.assertEqual([row["met"] for row in rows], [True, False])
        self.assertEqual([row["share"] for row in rows], [2, 0.8])
        self.assertEqual(rows[0]["title"], "rendering for quick, µs a delivery")
        self.assertEqual(rows[0]["figure"],
                         "2.00 [1.00–90.00], and 1.50 [1.50–1.50] once an event")

    def test_six_dialects_are_compared_with_one_within_a_round(self):
        def rows(*pairs):
            return report.lines_of("fan-out", {"deliveries_per_second": 13_000.0, "rounds": [
                {"one_dialect": one, "six_dialects": six} for one, six in pairs]})
        alone, mixed = rows((12_000, 10_000), (6_000, 3_000), (11_000, 11_000))
        self.assertEqual((alone["figure"], alone["met"]), ("13,000", True))
        self.assertEqual(mixed["figure"], "10,000 [3,000–11,000], and 11,000 [6,000–12,000] in "
                                          "one: 1.20 [1.00–2.00] × the time")
        self.assertEqual((mixed["target"], mixed["met"]), ("≤ 1.25 × the time", True))
        self.assertFalse(rows((13_000, 10_000))[1]["met"])

    def test_postgres_is_a_ratio_of_medians(self):
        def rounds(*values):
            return [{"orders_per_second": value} for value in values]
        row, = report.lines_of("postgres", {"hub": rounds(5000, 6000, 1000),
                                            "pgbench_writers": rounds(4000, 4000, 9000),
                                            "pgbench_clients": rounds(10_000)})
        self.assertEqual((row["met"], row["share"]), (True, 1.25))
        self.assertIn("with 64 connections 10,000 [10,000–10,000]: 0.50", row["figure"])

    def test_receipt_is_compared_with_the_faster_sample_of_each_round(self):
        bare, samples, p99 = report.lines_of("receipt", received(
            bare=[20_000, 10_000, 30_000], hub=[14_000, 5_000, 15_000],
            express=[2_000, 1_000, 2_000], fastapi=[1_000, 2_000, 1_500],
            fastify=[9_000, 9_000, 9_000]))
        self.assertIn("14,000 [5,000–15,000] of bare 20,000 [10,000–30,000]: 0.50 [0.50–0.70]",
                      bare["figure"])
        self.assertFalse(bare["met"])
        self.assertIn("7.0 [2.5–7.5]; messages/s: Express 2,000, FastAPI 1,500, Fastify 9,000",
                      samples["figure"])
        self.assertEqual((samples["met"], p99["met"]), (True, True))
        self.assertIn("at 2,000 messages/s", p99["title"])

    def test_two_nodes_that_are_no_faster_do_not_meet_their_target(self):
        rows = report.lines_of("nodes", {"one": [1000], "two": [1010], "ratio": 1.01, "flood": {
            "due": 100_000, "alone_ms": [10, 11, 12], "beside_ms": [20, 900, 2000]}})
        self.assertEqual([row["met"] for row in rows], [False, True])
        self.assertIn("100,000 due in another workspace, ms (alone 11)", rows[1]["title"])

    def test_the_picture_shows_every_line(self):
        lines = report.lines_of("throughput", self.RESULTS)
        svg = picture.draw({"lines": lines, "machine": {"cores": 2, "at": "2026-11-21T00:00:00Z",
                                                        "commit": "abc"}})
        xml.etree.ElementTree.fromstring(svg)
        for line in lines:
            self.assertIn(line["title"], svg)


class Fill(unittest.TestCase):
    def test_ids_are_sorted_by_time_and_never_twice_the_same(self):
        ids = [fill.uuid7(1_700_000_000_000 + number // 5, number, 3) for number in range(1000)]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertEqual({len(each) for each in ids}, {16})
        self.assertEqual({each[6] >> 4 for each in ids}, {7})


if __name__ == "__main__":
    unittest.main()
