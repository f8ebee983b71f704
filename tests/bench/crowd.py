#!/usr/bin/env python3
"""As many clients as one process may have, on one server: ./dev bench crowd

  crowd.py --build DIR [--clients N] [--duration S] [--hold S] [--only ours|node]

Held: all of them stay for longer than a ping's interval, then hear broadcasts of 32 bytes, one at a time.
Worst echo: while large broadcasts to all follow each other, another client's echoes, one at a time; that client is a
process of its own, which goes first on the cpu that it shares with the crowd.
"""
import argparse
import json
import os
import pathlib
import resource
import subprocess
import time

from machine import Server, end_in_order, sioload, sioload_command, sound
from servers import builtins

PROBE_NICE = -10
WARMUP = 1


def dropped():
    """Packets that the loopback device had no room for; TCP sends them again, a fifth of a second later or more."""
    lines = pathlib.Path("/proc/net/softnet_stat").read_text().split("\n")
    return sum(int(line.split()[1], 16) for line in lines if line)


def crowd_arguments(a, size, duration, hold):
    return ["--clients", a.clients, "--window", 1, "--size", size, "--concurrency", 128, "--hold", hold,
            "--warmup", WARMUP, "--duration", duration, "--deadline", 120]


def held(a, peer):
    with Server(peer.command()) as server:
        return sioload(a.build, "bcast", [server], crowd_arguments(a, 32, a.duration, a.hold), timeout=400)


def wait_for_crowd(server, clients):
    end = time.time() + 150
    while len(os.listdir(f"/proc/{server.p.pid}/fd")) < clients:
        if time.time() > end or server.p.poll() is not None:
            raise RuntimeError("the clients do not come")
        time.sleep(0.2)


def worst_echo(a, peer, size):
    """(what the crowd saw, what the probe saw, packets dropped)"""
    with Server(peer.command()) as server:
        command = sioload_command(a.build, "bcast", [server], crowd_arguments(a, size, a.duration + 2, 3))
        crowd = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            wait_for_crowd(server, a.clients)
            before = dropped()
            probe = sioload(a.build, "echo", [server],
                            ["--clients", 1, "--hold", 3 + WARMUP, "--warmup", 0.5, "--duration", a.duration],
                            nice=PROBE_NICE)
            lost = dropped() - before
            return json.loads(crowd.communicate(timeout=300)[0]), sound(probe), lost
        finally:
            crowd.kill()
            crowd.wait()


def quiet_echo(a, peer):
    with Server(peer.command()) as server:
        return sound(sioload(a.build, "echo", [server], ["--clients", 1, "--duration", a.duration], nice=PROBE_NICE))


def print_held(rows):
    print("\n### Held\n\n| server | clients | pings answered | lost | bytes each, RSS | broadcast to all, s: mean | worst | "
          "CPU-us a delivery |\n|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, d in rows.items():
        each = (d["mem_connected"]["rss_kb"] - d["mem_before"]["rss_kb"]) * 1024 / d["connected"]
        print(f"| {name} | {d['connected']:,} | {d['pings']:,} | {d['errors'] + d['bad']} | {each:,.0f} | "
              f"{d['broadcast_ms'] / 1e3:.3f} | {d['broadcast_max_ms'] / 1e3:.3f} | "
              f"{d['server']['cpu_us_per_delivery']:.2f} |")


def print_echoes(rows):
    print("\n### Another client's echo, ms\n\n| server | broadcasts to all | of them a second | half of the echoes within | "
          "99 % | 99.9 % | worst | packets dropped | clients lost |\n|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, what, crowd, probe, lost in rows:
        times = " | ".join(f"{probe['latency_us'][key] / 1e3:.1f}" for key in ("p50", "p99", "p999", "max"))
        rate = f"{crowd['broadcasts'] / crowd['wall_s']:.2f} | " if crowd else "- | "
        print(f"| {name} | {what} | {rate}{times} | {lost} | {crowd['errors'] if crowd else '-'} |")


def main():
    end_in_order()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--clients", type=int, default=19900)
    parser.add_argument("--duration", type=float, default=8)
    parser.add_argument("--hold", type=float, default=30)
    parser.add_argument("--only", default="ours,node")
    a = parser.parse_args()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    a.clients = min(a.clients, files - 64)
    peers = {name: peer for name, peer in builtins(a.build).items() if name in a.only.split(",")}
    print_held({name: held(a, peer) for name, peer in peers.items()})
    rows = []
    for name, peer in peers.items():
        rows.append((name, "none", None, quiet_echo(a, peer), 0))
        for size, what in ((8192, "8 KiB"), (65536, "64 KiB")):
            rows.append((name, what, *worst_echo(a, peer, size)))
    print_echoes(rows)


main()
