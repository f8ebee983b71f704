#!/usr/bin/env python3
"""Runs sioload against several servers, side by side, and prints tables.

  bench.py run --build DIR --out FILE [--suite quick|core|full] [--scenario A,B] [--rounds N]
               [--server 'NAME=COMMAND {port}']...
  bench.py table FILE...      tables from result files of earlier runs

Standard library only. What is measured, and how to read it: README.md.
"""
import argparse
import json
import re
import subprocess
import sys
import time

from machine import Server, end_in_order, sioload, wait_quiet
from scenarios import QUICK, S
from servers import Peer, builtins, joins
from tables import table


def one(name, peer, sc, a, log):
    args, tags = S[sc]
    quiet = wait_quiet(a.quiet, a.quiet_wait)
    with Server(peer.command(tags), a.server_cpu, a.nice, log) as srv:
        warmup = a.js_warmup if re.match("node|bun", name) else a.warmup
        d = sioload(a.build, args[0], [srv],
                    ["--warmup", warmup, "--duration", a.duration, "--deadline", 60, "--label", name, *args[1:]],
                    log, cpu=a.load_cpu, nice=a.nice, server_cpu=a.server_cpu)
    s = d["server"]
    wall = d.get("wall_s", d.get("idle_s", 0)) or 1
    d["foreign"] = max(0.0, (s["cpu_busy_ms"] * 1e3 - s["cpu_us"] - s["ksoftirqd_us"]) / 1e6 / wall)
    d["steal"] = s["steal_ms"] / 1e3 / wall
    d["pre_busy"] = quiet
    d["scenario"], d["server_name"] = sc, name
    return d


def run(a):
    servers = builtins(a.build)
    if a.only:
        servers = {k: v for k, v in servers.items() if k in a.only.split(",")}
    else:
        servers = {k: v for k, v in servers.items() if not k.startswith("limit-uv")}
    extra = {}
    for x in a.server or []:
        n, _, c = x.partition("=")
        if "{port}" not in c:
            sys.exit(f"--server needs NAME=COMMAND with {{port}}: {x}")
        extra[n] = Peer(c)
    servers.update(extra)
    if a.scenario:
        names = [n for n in S if any(re.fullmatch(p, n) for p in a.scenario.split(","))]
    elif a.suite == "quick":
        names = QUICK
    elif a.suite == "core":
        names = [n for n in S if "core" in S[n][1]]
    else:
        names = list(S)
    plan = []
    for r in range(a.rounds):
        for sc in names:
            who = [n for n in servers if servers[n].can(S[sc][1]) and (n in extra or joins(n, S[sc][1]))]
            if who:
                k = r * 3 % len(who)
                plan += [(r, sc, n) for n in who[k:] + who[:k]]  # another order each round
    print(f"{len(plan)} runs: {len(names)} scenarios, {len(servers)} servers, {a.rounds} rounds -> {a.out}", file=sys.stderr)
    t0 = time.time()
    with open(a.out, "a") as f, open(a.out + ".log", "a") as log:
        for i, (r, sc, n) in enumerate(plan):
            best = None
            for attempt in range(1 + a.retries):
                try:
                    d = one(n, servers[n], sc, a, log)
                except (RuntimeError, OSError, ValueError, subprocess.TimeoutExpired) as e:
                    print(f"!! {sc} {n}: {e}", file=sys.stderr)
                    continue
                if best is None or d["foreign"] + d["steal"] < best["foreign"] + best["steal"]:
                    best = d
                if best["foreign"] + best["steal"] <= a.foreign:
                    break
            if not best:
                continue
            best["round"] = r
            f.write(json.dumps(best) + "\n")
            f.flush()
            s = best["server"]
            print(f"[{i + 1}/{len(plan)} {time.time() - t0:.0f}s] r{r} {sc:18} {n:16} {s['cpu_us_per_delivery']:9.3f} us/d "
                  f"{best.get('deliveries_per_s', best.get('conn_per_s', 0)):10.0f}/s p50 {best.get('latency_us', {}).get('p50', 0):8.0f} "
                  f"util {s['cpu_util']:.2f} load {best.get('load_util', 0):.2f} foreign {best['foreign']:.2f} err {best['errors']} bad {best['bad']}",
                  file=sys.stderr, flush=True)
    table([a.out], a)


def main():
    end_in_order()
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="cmd", required=True)
    r = sub.add_parser("run")
    r.add_argument("--suite", default="quick", choices=["quick", "core", "full"])
    r.add_argument("--scenario", help="comma-separated names or regular expressions, in place of a suite")
    r.add_argument("--rounds", type=int, default=3)
    r.add_argument("--server", action="append", help="NAME=COMMAND with {port}")
    r.add_argument("--only", help="built-in servers to run, comma-separated")
    r.add_argument("--build", required=True, help="build folder of this project")
    r.add_argument("--out", required=True, help="results are appended to this file, one JSON object a run")
    r.add_argument("--warmup", type=float, default=0.8, help="seconds before measuring")
    r.add_argument("--js-warmup", type=float, default=2, help="the same, of servers whose name begins with node or bun")
    r.add_argument("--duration", type=float, default=2)
    r.add_argument("--server-cpu", type=int, default=0)
    r.add_argument("--load-cpu", type=int, default=1)
    r.add_argument("--nice", type=int, default=0)
    r.add_argument("--quiet", type=float, default=0.15, help="start a run once both cpus are less busy than this")
    r.add_argument("--quiet-wait", type=float, default=2, help="but wait at most so many seconds")
    r.add_argument("--foreign", type=float, default=0.25, help="run again when other processes took more than this share")
    r.add_argument("--retries", type=int, default=1)
    r.add_argument("--base", help="server that ratios refer to")
    r.add_argument("--keep-foreign", type=float)
    t = sub.add_parser("table")
    t.add_argument("files", nargs="+")
    t.add_argument("--base")
    t.add_argument("--columns", help="servers to show, comma-separated")
    t.add_argument("--keep-foreign", type=float, help="count only runs below this share, or the quietest one")
    a = ap.parse_args()
    if a.cmd == "run":
        run(a)
    else:
        table(a.files, a)


if __name__ == "__main__":
    main()
