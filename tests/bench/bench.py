#!/usr/bin/env python3
"""Runs sioload against several servers, side by side, and prints tables.

  bench.py run --build DIR --out FILE [--suite quick|core|full] [--scenario A,B] [--rounds N]
               [--server 'NAME=COMMAND {port}']...
  bench.py table FILE...      tables from result files of earlier runs

Standard library only. What is measured, and how to read it: README.md.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics as st
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# name -> (sioload arguments, tags). Tags choose suites and which servers join.
S = {}


def scen(name, args, *tags):
    S[name] = (args.split(), set(tags))


scen("connect-2k", "connect --clients 2000 --concurrency 64 --settle 1", "core", "connect")
scen("churn-4k", "connect --churn --clients 4000 --concurrency 64", "connect")
scen("echo-1", "echo --clients 1 --window 1", "core")
scen("echo-100-w8", "echo --clients 100 --window 8", "core", "uv")
scen("echo-1k", "echo --clients 1000 --window 1", "core")
scen("echo-10k", "echo --clients 10000 --window 1", "big")
scen("echo-100-w8-1K", "echo --clients 100 --window 8 --size 1024", "core")
scen("echo-20-w2-64K", "echo --clients 20 --window 2 --size 65536", "core")
scen("ack-100-w8", "echo --ack --clients 100 --window 8", "core")
scen("object-100-w8-1K", "echo --kind object --clients 100 --window 8 --size 1024", "core")
scen("binary-100-w8-1K", "echo --kind binary --clients 100 --window 8 --size 1024", "core")
scen("bcast-1", "bcast --clients 1 --window 1")
scen("bcast-100", "bcast --clients 100 --window 1", "core")
scen("bcast-1k", "bcast --clients 1000 --window 1", "core", "uv")
scen("bcast-10k", "bcast --clients 10000 --window 1", "big", "core")
scen("bcast-100-w16", "bcast --clients 100 --window 16")
scen("bcast-1k-w16", "bcast --clients 1000 --window 16", "core", "uv")
scen("bcast-1k-1K", "bcast --clients 1000 --window 1 --size 1024", "core")
scen("bcast-1k-64K", "bcast --clients 1000 --window 1 --size 65536", "core", "uv")
scen("bcast-1k-20hz", "bcast --clients 1000 --rate 20", "core")
scen("rooms-1k", "rooms --clients 1000 --window 1 --room-size 10", "core", "uv")
scen("polling-100", "polling --clients 100 --window 1", "core", "polling")
scen("polling-100-w8", "polling --clients 100 --window 8", "polling")
scen("idle-1k", "idle --clients 1000 --first --duration 1 --settle 1", "core", "idle")
scen("idle-10k", "idle --clients 10000 --first --duration 1 --settle 1", "idle", "big")

QUICK = ["connect-2k", "echo-100-w8", "bcast-1k", "bcast-1k-w16", "rooms-1k", "idle-1k"]


def builtins(build, peers):
    """name -> command, of what is there."""
    modules = os.path.join(peers, "node_modules")
    found = {}
    ours = os.path.join(build, "tests", "testbed")
    if os.path.exists(ours):
        found["ours"] = f"{ours} --contract load --port {{port}}"
    if shutil.which("node") and os.path.isdir(os.path.join(modules, "socket.io")):
        found["node"] = f"node {os.path.join(peers, 'node.mjs')} {{port}}"
    for name in ("bun-linux-x64", "bun-linux-x64-baseline", "bun-linux-aarch64"):
        bun = os.path.join(modules, "@oven", name, "bin", "bun")
        if os.path.exists(bun):
            found["bun"] = f"{bun} {os.path.join(peers, 'bun.mjs')} {{port}}"
            break
    for name, program, options in (("limit", "limit", ""), ("limit-batch", "limit", " --batch"),
                                   ("limit-uv", "limit_uv", ""), ("limit-uv-batch", "limit_uv", " --batch")):
        path = os.path.join(build, "tests", "bench", program)
        if os.path.exists(path):
            found[name] = f"{path} {{port}}{options}"
    return found


def joins(server, tags):
    """Whether a server takes part in a scenario."""
    if "polling" in tags and server.startswith("limit"):
        return False
    if server.startswith("limit-uv"):
        return "uv" in tags or ("idle" in tags or "connect" in tags) and server == "limit-uv"
    if server == "limit-batch":
        return "idle" not in tags and "connect" not in tags
    return True


def children(pid):
    out = [pid]
    for p in list(out):
        try:
            for t in os.listdir(f"/proc/{p}/task"):
                with open(f"/proc/{p}/task/{t}/children") as f:
                    for c in f.read().split():
                        out += children(int(c))
        except OSError:
            pass
    return out


def cpu_times():
    r = {}
    with open("/proc/stat") as f:
        for l in f:
            m = re.match(r"cpu(\d+) (.*)", l)
            if m:
                v = list(map(int, m[2].split()))
                r[int(m[1])] = (sum(v[:8]), v[3] + v[4], v[7])
    return r


def busy(seconds):
    a = cpu_times()
    time.sleep(seconds)
    b = cpu_times()
    return max(1 - (b[c][1] - a[c][1]) / max(1, b[c][0] - a[c][0]) for c in a)


def wait_quiet(limit, max_wait):
    end = time.time() + max_wait
    while True:
        x = busy(0.15)
        if x <= limit or time.time() >= end:
            return x


next_port = [20000 + os.getpid() % 5000]


class Server:
    def __init__(self, cmd, cpu, nice, log):
        next_port[0] += 1
        self.port = next_port[0]
        argv = cmd.replace("{port}", str(self.port)).split()
        pre = ["taskset", "-c", str(cpu)] if cpu >= 0 else []
        if nice:
            pre = ["nice", "-n", str(nice)] + pre
        self.p = subprocess.Popen(pre + argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.time() + 15
        while time.time() < end:
            if self.p.poll() is not None:
                raise RuntimeError(f"the server ended at once: {cmd}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                time.sleep(0.3)
                return
            except OSError:
                time.sleep(0.03)
        self.stop()
        raise RuntimeError(f"the server does not listen: {cmd}")

    def stop(self):
        for sig in (signal.SIGTERM, signal.SIGKILL):
            if self.p.poll() is None:
                try:
                    os.killpg(self.p.pid, sig) # its own session: only what it started
                except OSError:
                    pass
                try:
                    self.p.wait(3)
                except subprocess.TimeoutExpired:
                    pass


def one(name, cmd, sc, a, log):
    args, tags = S[sc]
    quiet = wait_quiet(a.quiet, a.quiet_wait)
    srv = Server(cmd, a.server_cpu, a.nice, log)
    try:
        argv = [os.path.join(a.build, "tests", "bench", "sioload"), args[0], "--port", str(srv.port), "--pid", ",".join(map(str, children(srv.p.pid))),
                "--cpu", str(a.server_cpu), "--warmup", str(a.js_warmup if re.match("node|bun", name) else a.warmup), "--duration", str(a.duration), "--deadline", "60", "--label", name]
        argv += args[1:]
        pre = ["taskset", "-c", str(a.load_cpu)] if a.load_cpu >= 0 else []
        if a.nice:
            pre = ["nice", "-n", str(a.nice)] + pre
        out = subprocess.run(pre + argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, timeout=180)
        d = json.loads(out.stdout)
    finally:
        srv.stop()
    s = d["server"]
    wall = d.get("wall_s", d.get("idle_s", 0)) or 1
    d["foreign"] = max(0.0, (s["cpu_busy_ms"] * 1e3 - s["cpu_us"] - s["ksoftirqd_us"]) / 1e6 / wall)
    d["steal"] = s["steal_ms"] / 1e3 / wall
    d["pre_busy"] = quiet
    d["scenario"], d["server_name"] = sc, name
    return d


def run(a):
    servers = builtins(a.build, os.path.join(HERE, "peers"))
    if a.only:
        servers = {k: v for k, v in servers.items() if k in a.only.split(",")}
    else:
        servers = {k: v for k, v in servers.items() if not k.startswith("limit-uv")}
    extra = {}
    for x in a.server or []:
        n, _, c = x.partition("=")
        if "{port}" not in c:
            sys.exit(f"--server needs NAME=COMMAND with {{port}}: {x}")
        extra[n] = c
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
            who = [n for n in servers if n in extra or joins(n, S[sc][1])]
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


def load(files):
    rows = []
    for i, p in enumerate(files):
        with open(p) as f:
            for l in f:
                if l.strip():
                    d = json.loads(l)
                    d["round"] = (i, d.get("round"))
                    rows.append(d)
    return rows


def medians(rows):
    """(scenario, server) -> median of CPU-us per delivery, or per connection."""
    values = {}
    for row in rows:
        key = row["scenario"], row["server_name"]
        values.setdefault(key, []).append(row["server"]["cpu_us_per_delivery"])
    return {key: st.median(found) for key, found in values.items()}


def fmt(x):
    if x is None:
        return "-"
    if abs(x) >= 100:
        return f"{x:,.0f}"
    if abs(x) >= 10:
        return f"{x:.1f}"
    return f"{x:.2f}"


def table(files, a):
    rows = load(files)
    order, scs, by = [], [], {}
    for d in rows:
        n, sc = d["server_name"], d["scenario"]
        if n not in order and (not getattr(a, "columns", None) or n in a.columns.split(",")):
            order.append(n)
        if sc not in scs:
            scs.append(sc)
        by.setdefault((sc, n), []).append(d)
    scs.sort(key=lambda x: list(S).index(x) if x in S else 99)
    keep = getattr(a, "keep_foreign", None)

    def pick(sc, n):
        l = by.get((sc, n), [])
        if keep is not None:
            q = [d for d in l if d["foreign"] + d["steal"] <= keep]
            l = q or sorted(l, key=lambda d: d["foreign"])[:1]
        return l

    def med(l, fn):
        v = [fn(d) for d in l]
        v = [x for x in v if x is not None]
        return st.median(v) if v else None

    def spread(l, fn):
        v = [fn(d) for d in l]
        m = st.median(v) if v else 0
        return (max(v) - min(v)) / m * 100 if len(v) > 1 and m else 0

    cpu = lambda d: d["server"]["cpu_us_per_delivery"]
    thr = lambda d: d.get("deliveries_per_s", d.get("conn_per_s"))
    problems = [d for d in rows if d["errors"] or d["bad"] or d.get("undelivered_broadcasts")]

    def grid(title, names, fn, ratio=None):
        if not names:
            return
        print(f"\n### {title}\n\n| scenario | " + " | ".join(order) + " |\n|---|" + "---:|" * len(order))
        for sc in names:
            cells = []
            base = {d.get("round"): fn(d) for d in pick(sc, ratio)} if ratio else {}
            for n in order:
                l = pick(sc, n)
                c = fmt(med(l, fn))
                # The ratio is taken inside each round, so that slow minutes cancel out.
                q = [fn(d) / base[d.get("round")] for d in l if base.get(d.get("round"))]
                if q:
                    c += f" ({st.median(q):.2g}x)"
                cells.append(c)
            print(f"| {sc} | " + " | ".join(cells) + " |")

    msg = [s for s in scs if s.split("-")[0] not in ("idle", "connect", "churn")]
    con = [s for s in scs if s.split("-")[0] in ("connect", "churn")]
    idle = [s for s in scs if s.startswith("idle")]
    base = getattr(a, "base", None) or ("limit" if "limit" in order else order[0])
    grid(f"Server CPU-us per delivery (median; ratio to {base})", msg, cpu, base)
    grid("Deliveries a second (median)", msg, thr)
    grid("Latency p50, us (median)", msg, lambda d: d["latency_us"]["p50"])
    grid("Latency p99, us (median)", msg, lambda d: d["latency_us"]["p99"])
    grid("Server CPU-us per connection (median)", con, cpu, base)
    grid("Connections a second (median)", con, thr)
    grid("RSS per idle connection, bytes", idle, lambda d: d["rss_per_conn_bytes"])
    grid("RSS per connection after its first message, bytes", idle, lambda d: d["rss_per_conn_after_first_bytes"])
    grid("RSS before any connection, KiB", idle, lambda d: d["mem_before"]["rss_kb"])
    grid("RSS with all idle, KiB", idle, lambda d: d["mem_idle"]["rss_kb"])
    grid("RSS after all closed, KiB", idle, lambda d: d["mem_closed"]["rss_kb"])
    print("\n### Noise\n\n| scenario | " + " | ".join(order) + " |\n|---|" + "---:|" * len(order))
    for sc in msg + con:
        cells = []
        for n in order:
            l = pick(sc, n)
            cells.append(f"{len(l)}: {spread(l, cpu):.0f}% / {med(l, lambda d: d['foreign'] + d['steal']) * 100:.0f}%" if l else "-")
        print(f"| {sc} | " + " | ".join(cells) + " |")
    print("\nEach cell: runs counted: spread of CPU-us per delivery over the rounds, (max-min)/median / share of the server's cpu that other processes took.")
    if problems:
        print("\nRuns with errors:")
        for d in problems[:40]:
            print(f"- {d['scenario']} {d['server_name']} round {d.get('round')}: errors {d['errors']}, bad {d['bad']}, "
                  f"undelivered {d.get('undelivered_broadcasts', 0)}")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server under way is ended too
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
