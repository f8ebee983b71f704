"""The servers that are measured side by side, as commands with `{port}`."""
import os
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")


class Peer:
    """`plain` is its command; `flavours` are words more for scenarios with such a tag."""

    def __init__(self, plain, **flavours):
        self.plain, self.flavours = plain, flavours

    def can(self, tags):
        return all(tag in self.flavours for tag in ("tls", "deflate") if tag in tags)

    def command(self, tags=()):
        return " ".join([self.plain, *(self.flavours[tag] for tag in ("tls", "deflate") if tag in tags)])


def ours(build):
    tests = os.path.join(build, "tests")
    return Peer(f"{tests}/testbed --contract load --port {{port}}", deflate="--deflate",
                tls=f"--tls-cert {tests}/server.pem --tls-key {tests}/server.key")


def node(build):
    tests = os.path.join(build, "tests")
    return Peer(f"node {PEERS}/node.mjs {{port}}", deflate="--deflate",
                tls=f"--tls-cert {tests}/server.pem --tls-key {tests}/server.key")


def builtins(build):
    """name -> Peer, of what is there."""
    modules = os.path.join(PEERS, "node_modules")
    found = {}
    if os.path.exists(os.path.join(build, "tests", "testbed")):
        found["ours"] = ours(build)
    if shutil.which("node") and os.path.isdir(os.path.join(modules, "socket.io")):
        found["node"] = node(build)
    for name in ("bun-linux-x64", "bun-linux-x64-baseline", "bun-linux-aarch64"):
        bun = os.path.join(modules, "@oven", name, "bin", "bun")
        if os.path.exists(bun):
            found["bun"] = Peer(f"{bun} {os.path.join(PEERS, 'bun.mjs')} {{port}}")
            break
    for name, program, options in (("limit", "limit", ""), ("limit-batch", "limit", " --batch"),
                                   ("limit-uv", "limit_uv", ""), ("limit-uv-batch", "limit_uv", " --batch")):
        path = os.path.join(build, "tests", "bench", program)
        if os.path.exists(path):
            found[name] = Peer(f"{path} {{port}}{options}")
    return found


def joins(server, tags):
    """Whether a built-in server takes part in a scenario that it can do."""
    if "polling" in tags and server.startswith("limit"):
        return False
    if server.startswith("limit-uv"):
        return "uv" in tags or ("idle" in tags or "connect" in tags) and server == "limit-uv"
    if server == "limit-batch":
        return "idle" not in tags and "connect" not in tags
    return True
