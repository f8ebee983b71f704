#!/usr/bin/env python3
"""Logins, messages in a room and pages of history, on Redis: ./dev bench chat [--original DIR]

  chat.py --build DIR --chatd PROGRAM [--original DIR] [--rounds N] [--duration S] [--clients N]

`chatd demo`, and with --original the Node server of the Redis chat demo: DIR is its checkout, with its packages
installed. Each gets a Redis of its own. A login is one bcrypt of cost 10; a message is checked, kept in the room's
sorted set, published to other servers and told to everybody in the room; a page of history is 16 messages.
"""
import argparse
import http.client
import json
import pathlib
import statistics
import tempfile
import threading
import time

from machine import Redis, Server, cpu_us, end_in_order, sioload, sound, wait_quiet

USERS = 8
LOGINS_AT_ONCE = 4
SERVERS = {"chatd": "chatd demo", "node": "the Node original"}


class Person:
    """A browser that somebody logs in with: one connection that is kept, one cookie."""

    def __init__(self, port, number):
        self.name, self.cookie = f"bench{number}", None
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, method, path, body=None):
        headers = {"Content-Type": "application/json"} if body else {}
        if self.cookie:
            headers["Cookie"] = self.cookie
        self.connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]}")
        cookie = answer.getheader("Set-Cookie")
        if cookie:
            self.cookie = cookie.split(";")[0]
        return text

    def log_in(self):
        self.ask("POST", "/login", {"username": self.name, "password": "password123"})


def repeat(work, seconds):
    """How often it was done."""
    end, count = time.time() + seconds, 0
    while time.time() < end:
        work()
        count += 1
    return count


def timed(server, redis, work):
    """Of a function that returns how much it has done: per second, and CPU time each, the server's and Redis'."""
    watched = (server.pids(), redis.pids())
    before, start = [cpu_us(pids) for pids in watched], time.time()
    done = work()
    seconds, after = time.time() - start, [cpu_us(pids) for pids in watched]
    return {"a second": done / seconds, "us": (after[0] - before[0]) / done, "redis_us": (after[1] - before[1]) / done}


def many_logins(people, seconds):
    counts, threads = [], []
    for person in people[:LOGINS_AT_ONCE]:
        work = lambda person=person: counts.append(repeat(person.log_in, seconds))
        threads.append(threading.Thread(target=work))
        threads[-1].start()
    for thread in threads:
        thread.join()
    if len(counts) < len(threads):
        raise RuntimeError("a login failed")
    return sum(counts)


def messages(a, server, redis, people):
    with tempfile.NamedTemporaryFile("w") as cookies:
        cookies.write("\n".join(person.cookie for person in people) + "\n")
        cookies.flush()
        d = sound(sioload(a.build, "demo", [server],
                          ["--clients", a.clients, "--window", 4, "--size", 64, "--cookies", cookies.name,
                           "--warmup", 2, "--duration", a.duration, "--deadline", 60], beside=[redis]))
    sent = d["deliveries"] / a.clients
    row = {"a second": sent / d["wall_s"], "us": d["server"]["cpu_us"] / sent, "redis_us": d["beside_us"] / sent}
    return row, {"a second": d["deliveries_per_s"], "us": d["server"]["cpu_us_per_delivery"], "redis_us": None}


def measure(a, start):
    wait_quiet(0.15, a.quiet_wait)
    with Redis() as redis, start(redis) as server:
        people = [Person(server.port, number) for number in range(USERS)]
        for person in people:
            person.log_in()
        rows = {"login": timed(server, redis, lambda: many_logins(people, a.duration))}
        rows["message in a room"], rows["its delivery to a member"] = messages(a, server, redis, people)
        people[0].connection.close()  # idle for long: the server may have closed it
        page = lambda: people[0].ask("GET", "/room/0/messages?offset=0&size=15")
        if len(json.loads(page())) != 16:
            raise RuntimeError("the history is not what was told")
        rows["page of history"] = timed(server, redis, lambda: repeat(page, a.duration))
        return rows


def starters(a):
    def chatd(redis):
        return Server(f"{a.chatd} demo --port {{port}} --host 127.0.0.1 --redis {redis.url} --rate 1000000 --burst 5000 "
                      f"--log-level warn")

    def original(redis):
        return Server("node server/index.js {port}", cwd=a.original,
                      env={"REDIS_ENDPOINT_URL": f"127.0.0.1:{redis.port}", "PORT": ""})

    return {"chatd": chatd, **({"node": original} if a.original else {})}


def median(rows, what, key):
    values = [row[what][key] for row in rows]
    return None if values[0] is None else statistics.median(values)


def show(value):
    return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def print_table(a, found):
    print(f"\n### The chat of {a.clients} members of one room\n")
    columns = [f"{SERVERS[name]}: {what}" for name in found for what in ("a second", "CPU-us each", "Redis' CPU-us each")]
    print(f"| | {' | '.join(columns)} | CPU: Node of ours |\n|---|{'---:|' * (len(columns) + 1)}")
    for what in next(iter(found.values()))[0]:
        cells = [show(median(rows, what, key)) for rows in found.values() for key in ("a second", "us", "redis_us")]
        ratio = f"{median(found['node'], what, 'us') / median(found['chatd'], what, 'us'):.1f} x" if "node" in found else "-"
        print(f"| {what} | {' | '.join(cells)} | {ratio} |")
    if "node" not in found:
        print("\nThe Node original was not measured: --original DIR names its checkout.")


def main():
    end_in_order()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--chatd", required=True)
    parser.add_argument("--original", type=lambda text: pathlib.Path(text).resolve(strict=True))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--duration", type=float, default=4)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--quiet-wait", type=float, default=2)
    a = parser.parse_args()
    found = {}
    for _ in range(a.rounds):
        for name, start in starters(a).items():
            found.setdefault(name, []).append(measure(a, start))
    print_table(a, found)


main()
