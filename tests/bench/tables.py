"""Tables from the results of bench.py."""
import json
import statistics as st

from scenarios import S, kind


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

    msg, con, idle = ([s for s in scs if kind(s) == wanted] for wanted in ("messages", "connect", "idle"))
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
