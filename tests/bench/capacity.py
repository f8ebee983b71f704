#!/usr/bin/env python3
"""Fits the capacity model of docs/scaling.md and checks it against points that it was not fitted on.

  capacity.py BUILD

Memory: bytes a client = slope between 2 000 and 8 000 idle ones; checked at 5 000 and 15 000.
CPU: a broadcast to N = N times the cost of a delivery, between 500 and 4 000; checked at 1 000 and 8 000.
"""
import json
import pathlib
import re
import subprocess
import sys
import time

from machine import Server, end_in_order, sioload, sioload_command, sound
from servers import ours


def slab_bytes():
    return int(re.search(r"^Slab:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)[1]) * 1024


def idle(build, clients):
    """(RSS of the server, kernel memory of one side), both in bytes, more than before the clients came"""
    before = slab_bytes()
    with Server(ours(build).command()) as server:
        command = sioload_command(build, "idle", [server], ["--clients", clients, "--duration", 3, "--settle", 1])
        load = subprocess.Popen(command, stdout=subprocess.PIPE)
        time.sleep(3)
        kernel = (slab_bytes() - before) / 2  # the other half is the load generator's
        result = sound(json.loads(load.communicate()[0]))
    return result["rss_per_conn_bytes"] * clients, kernel


def broadcast_us(build, clients):
    with Server(ours(build).command()) as server:
        result = sound(sioload(build, "bcast", [server],
                               ["--clients", clients, "--window", 1, "--duration", 2, "--warmup", 0.5]))
    return result["server"]["cpu_us_per_delivery"] * clients


def fit(name, unit, few, many, measure, checks):
    low, high = measure(few), measure(many)
    slope = (high - low) / (many - few)
    base = low - slope * few
    print(f"{name}: {slope:.4g} {unit} a client, and {base:.4g} {unit} once")
    for clients in checks:
        predicted, found = base + slope * clients, measure(clients)
        print(f"    {clients}: predicted {predicted:.4g}, found {found:.4g} {unit} ({(found / predicted - 1) * 100:+.0f} %)")


def main():
    end_in_order()
    build = sys.argv[1]
    fit("memory of the server", "bytes", 2000, 8000, lambda n: idle(build, n)[0], (5000, 15000))
    fit("memory of the kernel", "bytes", 2000, 8000, lambda n: idle(build, n)[1], (5000, 15000))
    fit("CPU of a broadcast", "us", 500, 4000, lambda n: broadcast_us(build, n), (1000, 8000))


main()
