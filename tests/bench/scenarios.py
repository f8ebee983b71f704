"""What ./dev bench measures side by side: name -> (arguments of sioload, tags).

Tags choose suites and which servers join: `core`, `big`, `polling`, `idle`, `connect`, `uv`; and how a server is
started: `tls`, `deflate`.
"""

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
scen("tls-echo-100-w8", "echo --tls --clients 100 --window 8", "tls")
scen("tls-bcast-1k", "bcast --tls --clients 1000 --window 1", "tls")
scen("tls-idle-1k", "idle --tls --clients 1000 --first --duration 1 --settle 1", "idle", "tls")
scen("deflate-bcast-1k-1K", "bcast --deflate --clients 1000 --window 1 --size 1024", "deflate")

QUICK = ["connect-2k", "echo-100-w8", "bcast-1k", "bcast-1k-w16", "rooms-1k", "idle-1k"]


def kind(name):
    """How its figures are shown: of messages, of connecting, or of memory."""
    tags = S[name][1] if name in S else set()
    return "idle" if "idle" in tags else "connect" if "connect" in tags else "messages"
