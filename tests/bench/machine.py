"""Processes on a machine that others may use too: servers that are started and ended, loads that are put on them."""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


def end_in_order():
    """Let SIGTERM, too, end the servers under way: by the ordinary way out."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def children(pid):
    """The process and all below it."""
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


def cpu_us(pids):
    """CPU time of all their threads so far."""
    total = 0
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
                total += int(f.read().split()[0])
    return total / 1e3


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


def pinned(cpu, nice=0):
    """What goes before a command to run it there; cpu "" or -1: anywhere."""
    pre = ["nice", "-n", str(nice)] if nice else []
    return pre + (["taskset", "-c", str(cpu)] if cpu not in ("", -1) else [])


def free_port():
    """One that nobody has, below those that the kernel gives to clients: a crowd takes most of these."""
    while True:
        port = random.randrange(20000, 30000)
        try:
            with socket.create_server(("", port)):
                return port
        except OSError:
            pass


class Server:
    """A server under measurement: `{port}` in its command becomes a free one."""

    def __init__(self, cmd, cpu=0, nice=0, log=None, cwd=None, env=None):
        self.port = free_port()
        argv = cmd.replace("{port}", str(self.port)).split()
        self.p = subprocess.Popen(pinned(cpu, nice) + argv, stdin=subprocess.DEVNULL, stdout=log or subprocess.DEVNULL,
                                  stderr=log, start_new_session=True, cwd=cwd, env={**os.environ, **(env or {})})
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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def pids(self):
        return children(self.p.pid)

    def stop(self):
        for sig in (signal.SIGTERM, signal.SIGKILL):
            if self.p.poll() is None:
                try:
                    os.killpg(self.p.pid, sig)  # its own session: only what it started
                except OSError:
                    pass
                try:
                    self.p.wait(3)
                except subprocess.TimeoutExpired:
                    pass


class Redis(Server):
    """A redis-server that keeps nothing, on loopback."""

    def __init__(self, cpu=1):
        self.folder = tempfile.mkdtemp()
        super().__init__(f"redis-server --port {{port}} --bind 127.0.0.1 --save  --appendonly no --dir {self.folder}", cpu)
        self.url = f"redis://127.0.0.1:{self.port}"

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def ints(values):
    return ",".join(map(str, values))


def sioload_command(build, mode, servers, args, cpu=1, nice=0, server_cpu=0, beside=()):
    return pinned(cpu, nice) + [
        os.path.join(build, "tests", "bench", "sioload"), mode, "--port", ints(s.port for s in servers),
        "--pid", ints(pid for s in servers for pid in s.pids()), "--cpu", str(server_cpu), *map(str, args),
        *(["--beside", ints(pid for s in beside for pid in s.pids())] if beside else [])]


def sioload(build, mode, servers, args, log=None, timeout=180, **place):
    """Put a load on them, and what it says of it."""
    out = subprocess.run(sioload_command(build, mode, servers, args, **place), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=log, timeout=timeout)
    return json.loads(out.stdout)


def sound(result):
    """Nothing was lost or refused."""
    problems = {name: result[name] for name in ("errors", "bad", "undelivered_broadcasts") if result.get(name)}
    if problems:
        raise RuntimeError(f"a run with errors: {problems}")
    return result
