#!/usr/bin/env python3
"""Fails when a delivery takes more instructions, or an idle client more memory, than what is committed.

  guard.py BUILD              against figures.json beside this file
  guard.py BUILD --print      what it is now, for figures.json

Nothing here depends on time: instructions are counted by valgrind (callgrind), bytes by malloc itself.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# Other compilers and C libraries differ by some per cent; what is worth a guard is more than that.
TOLERANCE = 0.08
LEAST_TOLERANCE = 8


# Without malloc's own caches, whose bytes would count as in use.
NO_CACHES = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"}


def run(program, *arguments, wrapper=(), environment={}):
    command = [*wrapper, str(program), *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, **environment})
    return json.loads(done.stdout)


def counted(program, mode, clients, rounds):
    """(instructions inside uv_run, deliveries)"""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        wrapper = ["valgrind", "-q", "--tool=callgrind", "--toggle-collect=uv_run", f"--callgrind-out-file={out}"]
        result = run(program, mode, clients, rounds, wrapper=wrapper)
        return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M)[1]), result["deliveries"]


def per_delivery(program, mode, clients):
    """Of two runs of different length, so that starting and connecting do not count."""
    short, long = (counted(program, mode, clients, rounds) for rounds in (5, 55))
    return round((long[0] - short[0]) / (long[1] - short[1]))


def measure(build):
    program = pathlib.Path(build) / "tests" / "bench" / "guard"
    idle = run(program, "idle", 900, environment=NO_CACHES)
    return {
        "heap bytes per idle client": round(idle["heap_per_client"]),
        "heap bytes per client that stay when all have left": round(idle["heap_kept_per_client"]),
        "instructions per delivery, broadcast to 200": per_delivery(program, "bcast", 200),
        "instructions per delivery, echo of 20 clients with 4 under way": per_delivery(program, "echo", 20),
    }


def main():
    found = measure(sys.argv[1])
    if "--print" in sys.argv:
        print(json.dumps(found, indent=2))
        return 0
    committed = json.loads((HERE / "figures.json").read_text())
    failed = 0
    for name, figure in found.items():
        most = committed[name] + max(committed[name] * TOLERANCE, LEAST_TOLERANCE)
        verdict = "ok" if figure <= most else "TOO MUCH"
        failed += figure > most
        print(f"{name}: {figure}, committed {committed[name]}, at most {most:.0f}: {verdict}")
    print(f"{len(found) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
