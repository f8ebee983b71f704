#!/usr/bin/env python3
"""Draws medians of bench.py's results: chart.py FILE... > chart.svg. Standard library only."""
import html
import sys

from tables import load, medians

SERVERS = [("ours", "socketio-c", "#1b7f4d"), ("bun", "Bun", "#c9a063"), ("node", "Node (ws)", "#8a8f98"),
           ("floor", "least the kernel allows", "#d5d8dc")]
SCENARIOS = [("bcast-1k", "broadcast to 1 000, one at a time"), ("bcast-1k-w16", "broadcasts to 1 000, 16 under way"),
             ("rooms-1k", "100 rooms of 10"), ("echo-100-w8", "echo, 100 clients, 8 under way each"),
             ("ack-100-w8", "acknowledgements, the same"), ("object-100-w8-1K", "echo of 1 KB objects, the same"),
             ("binary-100-w8-1K", "echo of 1 KB binary, the same"), ("polling-100-w8", "echo over HTTP polling"),
             ("connect-2k", "connecting, namespace joined")]
LEFT, WIDTH, BAR, GAP, TOP = 260, 900, 13, 16, 64


def text(x, y, words, size=13, anchor="start", colour="#24292f"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">'
            f"{html.escape(words)}</text>")


def legend():
    x = LEFT
    for _, name, colour in SERVERS:
        yield f'<rect x="{x}" y="36" width="12" height="12" fill="{colour}"/>' + text(x + 17, 46, name)
        x += 32 + 8 * len(name)


def bars(median, scale):
    """Each scenario's bars, and at last where they end."""
    y = TOP
    for scenario, title in SCENARIOS:
        values = {server: median.get((scenario, server)) for server, _, _ in SERVERS}
        floor = [median[key] for key in ((scenario, "limit"), (scenario, "limit-batch")) if key in median]
        values["floor"] = min(floor, default=None)
        shown = [(values[server], colour) for server, _, colour in SERVERS if values[server]]
        if not shown:
            continue
        yield text(LEFT - 10, y + len(shown) * BAR / 2 + 4, title, anchor="end")
        for value, colour in shown:
            # Against the longest bar of its own scenario: what counts is how many times longer it is.
            length = value / max(v for v, _ in shown) * scale
            yield f'<rect x="{LEFT}" y="{y}" width="{max(length, 1):.1f}" height="{BAR - 2}" fill="{colour}"/>'
            yield text(LEFT + length + 6, y + BAR - 4, f"{value:.3g} µs", 11, colour="#57606a")
            y += BAR
        y += GAP
    yield y


def main():
    median = medians(load(sys.argv[1:]))
    *drawn, height = bars(median, WIDTH - LEFT - 80)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">')
    print(f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>')
    print(text(LEFT, 22, "CPU time of the server for each message delivered (less is better)", 15))
    print("\n".join([*legend(), *drawn]) + "\n</svg>")


main()
