"""Turns measurements into the table that is printed and the file that is kept."""

import json
import os
import statistics
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What is compared: (title, bare measurement, the hub's, the figure, its unit, target of design §9).
ROWS = [("ingest", "bare_ingest", "hub_ingest", "orders_per_second", "orders/s", 0.65),
        ("end to end", "bare_end_to_end", "hub_end_to_end", "webhooks_per_second", "webhooks/s",
         0.60)]
# More left over than this share of what was received is a queue that grows.
LEFT_OVER_MAX = 0.05
# A machine that does more than this beside the bench is told of.
BUSY_MAX = 0.05


def machine():
    return {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count(),
            "busy_before": busy_share(1.0), "commit": commit()}


def busy_share(seconds):
    """How much of the cores others use now. The load average would still tell of the build."""
    def ticks():
        with open("/proc/stat", encoding="ascii") as file:
            values = [int(word) for word in file.readline().split()[1:9]]
        return sum(values), values[3] + values[4]  # All, and those idle or waiting for the disk.

    all_before, idle_before = ticks()
    time.sleep(seconds)
    all_after, idle_after = ticks()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)


def is_busy(machine_):
    return machine_["busy_before"] > BUSY_MAX


def commit():
    try:
        answer = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT,
                                capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def describe(machine_):
    return f"{machine_['cores']} cores, {machine_['busy_before']:.0%} busy with something else"


def one_line(name, found):
    webhooks = (f"  {found['webhooks_per_second']:>8,.0f} webhooks/s, {found['left_over']:,} left "
                f"over, drained in {found['drain_seconds']:.2f} s"
                if "webhooks_per_second" in found else "")
    return (f"{name.replace('_', ' '):<16}{found['orders_per_second']:>8,.0f} orders/s  "
            f"p50 {found['p50_ms']:.1f} ms  p99 {found['p99_ms']:.1f} ms{webhooks}")


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def compare(results):
    """One row of the table each. A ratio is of one round: both sides of it ran within a minute."""
    rows = []
    for title, bare, hub, figure, unit, target in ROWS:
        bare_values = [found[figure] for found in results[bare]]
        hub_values = [found[figure] for found in results[hub]]
        rows.append({
            "title": title, "unit": unit, "target": target,
            "bare": summary(bare_values), "hub": summary(hub_values),
            "ratio": summary([ours / limit for ours, limit in zip(hub_values, bare_values)])})
    return rows


def spread(values, form):
    return (f"{values['median']:{form}} [{values['min']:{form}}–{values['max']:{form}}]")


def throughput_lines(results):
    for row in compare(results):
        ratio = row["ratio"]
        yield line(f"{row['title']}, {row['unit']}",
                   f"{spread(row['hub'], ',.0f')} of bare {spread(row['bare'], ',.0f')}: "
                   f"{spread(ratio, '.2f')}",
                   f"≥ {row['target']:.2f} of bare", ratio["median"] >= row["target"],
                   ratio["median"] / row["target"])


def rendering_lines(found):
    for dialect, values in found.items():
        delivery, body = (summary([ns / 1000 for ns in values[kind]])
                          for kind in ("delivery", "body"))
        yield line(f"rendering for {dialect}, µs a delivery",
                   f"{spread(delivery, '.2f')}, and {spread(body, '.2f')} once an event",
                   "≤ 4.00", delivery["median"] <= 4, 4 / delivery["median"])


def fan_out_lines(found):
    yield at_least("fan-out to 1,000 endpoints, deliveries/s", found["deliveries_per_second"],
                   12_000)
    one, six = ([each[name] for each in found["rounds"]] for name in ("one_dialect",
                                                                      "six_dialects"))
    slower = summary([one_ / six_ for one_, six_ in zip(one, six)])
    yield line("fan-out in six dialects, deliveries/s",
               f"{spread(summary(six), ',.0f')}, and {spread(summary(one), ',.0f')} in one: "
               f"{spread(slower, '.2f')} × the time",
               "≤ 1.25 × the time", slower["median"] <= 1.25, 1.25 / slower["median"])


def latency_lines(found):
    where = f"post to webhook at {found['rate']} orders/s, "
    yield at_most(where + "p50 in ms", found["received_p50_ms"], 3, ".2f")
    yield at_most(where + "p99 in ms", found["received_p99_ms"], 15, ".2f")


def memory_lines(found):
    yield at_most("memory idle, MiB", found["idle_mib"], 40)
    yield at_most(f"memory with {found['waiting']:,} waiting in retry, MiB", found["waiting_mib"],
                  200)


def slow_endpoint_lines(found):
    for which, what in (("slow", "30 s slow"), ("dead", "dead")):
        yield at_most(f"p99 of 99 endpoints beside one {what}, × alone", found[f"{which}_ratio"],
                      1.5, ".2f")


def growth_lines(found):
    for name, what, higher_is_better in (("ingest_per_second", "ingest", True),
                                         ("claim_per_second", "claim", True),
                                         ("listing_ms", "listing", False),
                                         ("metrics_ms", "/metrics", False)):
        few, many = (statistics.median(found["figures"][name][which]) for which in ("few", "many"))
        cost = few / many if higher_is_better else many / few
        yield at_most(f"{what} with {found['stored']:,} stored, × the cost with 10,000", cost, 1.3,
                      ".2f")


def postgres_lines(found):
    hub, bare, crowd = ([each["orders_per_second"] for each in found[name]]
                        for name in ("hub", "pgbench_writers", "pgbench_clients"))
    ratio = statistics.median(hub) / statistics.median(bare)
    yield line("on PostgreSQL, orders/s",
               f"{spread(summary(hub), ',.0f')} of pgbench {spread(summary(bare), ',.0f')}: "
               f"{ratio:.2f}; of pgbench with 64 connections "
               f"{spread(summary(crowd), ',.0f')}: "
               f"{statistics.median(hub) / statistics.median(crowd):.2f}",
               "≥ 1.00 of pgbench", ratio >= 1, ratio)


def nodes_lines(found):
    yield line("two nodes over one, receivers that take 4 s",
               f"{spread(summary(found['two']), ',.0f')} of "
               f"{spread(summary(found['one']), ',.0f')} deliveries/s: {found['ratio']:.2f}",
               "≥ 1.50", found["ratio"] >= 1.5, found["ratio"] / 1.5)
    flood = found["flood"]
    yield at_most(f"10 deliveries beside {flood['due']:,} due in another workspace, ms "
                  f"(alone {statistics.median(flood['alone_ms']):,.0f})",
                  statistics.median(flood["beside_ms"]), 1000)


def sales_lines(found):
    """Ratios are of one round."""
    figures = {name: found[name]["orders_per_second"] for name in found if name != "finding"}

    def share(ours, theirs):
        return summary([one / other for one, other in zip(figures[ours], figures[theirs])])

    ratio, log, keys = share("hub", "bare"), share("without_log", "hub"), share("hub", "many_keys")
    yield line("a shop's signed orders with their payment, orders/s",
               f"{spread(summary(figures['hub']), ',.0f')} of bare "
               f"{spread(summary(figures['bare']), ',.0f')}: {spread(ratio, '.2f')}",
               "≥ 0.50 of bare", ratio["median"] >= 0.5, ratio["median"] / 0.5)
    yield line("the same without the request log, × as many", spread(log, ".2f"), "≤ 1.10",
               log["median"] <= 1.1, 1.1 / log["median"])
    yield line("the same with 100,000 keys remembered, × the time", spread(keys, ".2f"), "≤ 1.10",
               keys["median"] <= 1.1, 1.1 / keys["median"])
    finding = found["finding"]
    yield at_most(f"finding a shop's key among 1,000, ms more than the "
                  f"{finding['known_ms']:.2f} of a site that was seen before",
                  finding["unknown_ms"] - finding["known_ms"], 2, ".2f")


def receipt_lines(found):
    """Ratios are of one round."""
    figures = {name: found[name]["messages_per_second"] for name in found["at_rate"]}

    def times(theirs):
        return summary([ours / other for ours, other in zip(figures["hub"], theirs)])

    ratio = times(figures["bare"])
    yield line("receipt of signed messages, messages/s",
               f"{spread(summary(figures['hub']), ',.0f')} of bare "
               f"{spread(summary(figures['bare']), ',.0f')}: {spread(ratio, '.2f')}",
               "≥ 0.60 of bare", ratio["median"] >= 0.6, ratio["median"] / 0.6)
    faster = times([max(pair) for pair in zip(figures["express"], figures["fastapi"])])
    samples = ", ".join(f"{title} {statistics.median(figures[name]):,.0f}"
                        for name, title in (("express", "Express"), ("fastapi", "FastAPI"),
                                            ("fastify", "Fastify")))
    yield line("the same, × the faster of Express and FastAPI with SQLite",
               f"{spread(faster, '.1f')}; messages/s: {samples}", "≥ 5.0", faster["median"] >= 5,
               faster["median"] / 5)
    p99 = {name: statistics.median(values["p99_ms"])
           for name, values in found["at_rate"].items()}
    yield line(f"receipt at {found['rate']:,} messages/s, p99 in ms",
               f"{p99['hub']:.2f}; bare {p99['bare']:.2f}, Express {p99['express']:,.2f}, FastAPI "
               f"{p99['fastapi']:,.2f}, Fastify {p99['fastify']:,.2f}",
               "≤ 20.00", p99["hub"] <= 20, 20 / max(p99["hub"], 1e-9))


LINES = {"throughput": throughput_lines, "rendering": rendering_lines, "fan-out": fan_out_lines,
         "latency": latency_lines, "memory": memory_lines, "slow-endpoint": slow_endpoint_lines,
         "growth": growth_lines, "postgres": postgres_lines, "nodes": nodes_lines,
         "sales": sales_lines, "receipt": receipt_lines}


def lines_of(name, found):
    """What the table says of a row of LINES."""
    return list(LINES[name](found))


def line(title, figure, target, met, share):
    """`share`: of the target, 1 and more is met."""
    return {"title": title, "figure": figure, "target": target, "met": met, "share": share}


def at_least(title, value, target, form=",.0f"):
    return line(title, f"{value:{form}}", f"≥ {target:{form}}", value >= target, value / target)


def at_most(title, value, target, form=",.0f"):
    return line(title, f"{value:{form}}", f"≤ {target:{form}}", value <= target,
                target / max(value, 1e-9))


def table(lines):
    return columns([("", "measured", "target", ""),
                    *((each["title"], each["figure"], each["target"],
                       "met" if each["met"] else "NOT MET") for each in lines)])


def columns(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip()
                     for row in rows)


def throughput_details(results):
    rows = [("", "bare", "hub")]
    for title, bare, hub, *_ in ROWS:
        for which in ("p50_ms", "p99_ms"):
            rows.append((f"{title}, post {which[:3]} in ms",
                         *(spread(summary([found[which] for found in results[name]]), ".1f")
                           for name in (bare, hub))))
    _, bare, hub, *_ = ROWS[1]
    for what, figure, form in (("orders/s", "orders_per_second", ",.0f"),
                               ("left over", "left_over", ",.0f"),
                               ("drained in s", "drain_seconds", ".2f")):
        rows.append((f"end to end, {what}",
                     *(spread(summary([found[figure] for found in results[name]]), form)
                       for name in (bare, hub))))
    return "\n".join([columns(rows), *notes(results)])


def notes(results):
    found = []
    for name in ("bare_end_to_end", "hub_end_to_end"):
        worst = max(results[name], key=lambda each: each["left_over"])
        if worst["left_over"] > LEFT_OVER_MAX * (worst["acknowledged"] - worst["left_over"]):
            found.append(f"{name.replace('_', ' ')}: {worst['left_over']:,} webhooks were left "
                         f"over of {worst['acknowledged']:,}: orders come in faster than webhooks "
                         "go out, and pile up")
    return ["", *found] if found else []


def save(path, content):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    os.replace(path + ".new", path)
