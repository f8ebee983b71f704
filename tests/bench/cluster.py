#!/usr/bin/env python3
"""Several workers, and two servers on one Redis, beside Node with the same adapters: ./dev bench cluster

  cluster.py --build DIR [--rounds N] [--duration S] [--clients N] [--window A,B] [--only TEXT]

1 000 clients, in turn on each server; one of them lets the server tell all. What is read: CPU time of all servers for
each delivery; that of Redis for each broadcast; and the deliveries a second that the busiest thread has the time for,
which is what more cores than these would give. README.md. What the servers say is in DIR/cluster.log.
"""
import argparse
import contextlib
import json
import os
import statistics
import sys

from machine import Redis, Server, end_in_order, sioload, sound, wait_quiet
from servers import node, ours

ADAPTERS = {"classic": "redis", "sharded": "redis-sharded", "streams": "redis-streams"}


class SetUp:
    def __init__(self, name, peer, servers=1, words="", adapter=None, cpu=0):
        self.name, self.peer, self.servers, self.words = name, peer, servers, words
        self.adapter, self.cpu = adapter, cpu

    def command(self, redis):
        words = [self.peer.command(), self.words]
        if self.adapter:
            words.append(f"--redis {redis.url} --adapter {ADAPTERS[self.adapter]}")
        return " ".join(words)


def set_ups(build):
    found = [SetUp("ours", ours(build)), SetUp("ours, 2 workers", ours(build), words="--workers 2", cpu="0,1"),
             SetUp("Node", node(build))]
    for adapter in ADAPTERS:
        found += [SetUp(f"{who}, 2 servers, {adapter}", peer(build), servers=2, adapter=adapter)
                  for who, peer in (("ours", ours), ("Node", node))]
    return found


def measure(a, set_up, window):
    wait_quiet(0.15, a.quiet_wait)
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(Redis()) if set_up.adapter else None
        log = stack.enter_context(open(os.path.join(a.build, "cluster.log"), "a"))
        servers = [stack.enter_context(Server(set_up.command(redis), set_up.cpu, log=log)) for _ in range(set_up.servers)]
        warmup = 2 if set_up.name.startswith("Node") else 0.8
        return sound(sioload(a.build, "bcast", servers,
                             ["--clients", a.clients, "--window", window, "--warmup", warmup, "--duration", a.duration,
                              "--hold", 1, "--deadline", 60],
                             cpu="0,1" if set_up.cpu == "0,1" else 1, beside=[redis] if redis else ()))


def figures(result, clients):
    server = result["server"]
    return {
        "deliveries a second": result["deliveries_per_s"],
        "CPU-us a delivery": server["cpu_us_per_delivery"],
        "busiest thread: deliveries a second of its time": 1e6 * result["deliveries"] / result["busiest_thread_us"],
        "servers' load of a core": server["cpu_util"],
        "generator's load of a core": result["load_util"],
        "Redis: CPU-us a broadcast": result["beside_us"] * clients / result["deliveries"] or None,
    }


def medians(rounds):
    return {name: None if rounds[0][name] is None else statistics.median(r[name] for r in rounds) for name in rounds[0]}


def show(value):
    return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def print_table(window, found):
    names = list(next(iter(found.values()))) + ["Node's CPU a delivery, of ours"]
    print(f"\n### Broadcasts, {window} under way\n\n| | {' | '.join(names)} |\n|---|{'---:|' * len(names)}")
    for name, row in found.items():
        beside = found.get(name.replace("ours", "Node")) if name.startswith("ours") else None
        ratio = f"{beside['CPU-us a delivery'] / row['CPU-us a delivery']:.1f} x" if beside else "-"
        print(f"| {name} | {' | '.join(show(value) for value in row.values())} | {ratio} |")
    if "ours" in found and "ours, 2 workers" in found:
        key = "busiest thread: deliveries a second of its time"
        gain = found["ours, 2 workers"][key] / found["ours"][key]
        print(f"\n2 workers: {gain:.2f} x the deliveries of 1, by the time of the busiest worker; "
              f"seen, with the load generator on the same cores: "
              f"{found['ours, 2 workers']['deliveries a second'] / found['ours']['deliveries a second']:.2f} x")


def main():
    end_in_order()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--duration", type=float, default=2)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--window", default="1,16", help="broadcasts under way, one table each")
    parser.add_argument("--only", default="", help="set-ups whose name holds this")
    parser.add_argument("--quiet-wait", type=float, default=2)
    a = parser.parse_args()
    for window in a.window.split(","):
        chosen = [s for s in set_ups(a.build) if a.only in s.name]
        rounds = {s.name: [] for s in chosen}
        for number in range(a.rounds):
            for set_up in chosen[number % len(chosen):] + chosen[:number % len(chosen)]:  # another order each round
                row = figures(measure(a, set_up, window), a.clients)
                rounds[set_up.name].append(row)
                print(json.dumps({"window": window, "round": number, "set_up": set_up.name, **row}),
                      file=sys.stderr, flush=True)
        print_table(window, {name: medians(rows) for name, rows in rounds.items()})


main()
