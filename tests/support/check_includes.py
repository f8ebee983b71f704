#!/usr/bin/env python3
"""Arrows point down only: chat -> socketio -> engineio, and sessions -> websocket -> http -> net.

Reads every #include. A lower layer never names a header of a higher one; examples and the testbed
use what is installed and nothing else; a .c file includes its own header first.
check_includes.py ROOT | --list-public | --self-test
"""
import pathlib
import re
import sys

# The higher the number, the higher the layer. The longest prefix counts.
LAYERS = {
    "engineio/error": 0,
    "engineio/limits": 0,
    "engineio/buffer": 1,
    "engineio/net/": 2,
    "engineio/stream": 2,
    "engineio/http/": 3,
    "engineio/http.h": 3,
    "engineio/websocket/": 4,
    "engineio/websocket.h": 4,
    "engineio/": 5,
    "socketio/": 6,
    "chat/": 7,
}
PUBLIC = {
    "engineio": "buffer.h engineio.h error.h http.h stream.h websocket.h".split(),
    "socketio": "adapter.h args.h metrics.h redis.h socketio.h workers.h".split(),
}
OUTSIDERS = ("examples/", "tests/testbed")
SOURCES = ("engineio", "socketio", "chat", "tests", "examples")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.M)


def layer_of(path):
    prefixes = [prefix for prefix in LAYERS if path.startswith(prefix)]
    return LAYERS[max(prefixes, key=len)] if prefixes else None


def is_private(included):
    folder, _, name = included.partition("/")
    if folder == "chat":
        return True
    return folder in PUBLIC and name not in PUBLIC[folder]


def findings(path, text, exists):
    includes = INCLUDE.findall(text)
    for included in includes:
        here, there = layer_of(path), layer_of(included)
        if here is not None and there is not None and there > here:
            yield f"includes {included}: the arrow points up"
        if path.startswith(OUTSIDERS) and is_private(included):
            yield f"includes {included}: only public headers here"
        if path.startswith("chat/") and is_private(included) and not included.startswith("chat/"):
            yield f"includes {included}: private to its library"
        if included.startswith("tests/") and not path.startswith("tests/"):
            yield f"includes {included}: tests stay in tests/"
    own = path[:-2] + ".h"
    if here_is_module(path) and exists(own) and (not includes or includes[0] != own):
        yield f"does not include {own} first"


def here_is_module(path):
    return path.endswith(".c") and layer_of(path) is not None


def self_test():
    def found(path, text, own=False):
        return list(findings(path, text, lambda _: own))

    assert found("engineio/net/a.c", '#include "engineio/http/b.h"')
    assert found("engineio/http/a.c", '#include "engineio/websocket.h"')
    assert found("engineio/session.c", "#include <socketio/socketio.h>")
    assert found("socketio/a.c", '  # include "chat/b.h"')
    assert found("examples/a.c", '#include "engineio/net/loop.h"')
    assert found("tests/testbed.c", '#include "socketio/packet.h"')
    assert found("chat/main.c", '#include "socketio/packet.h"')
    assert found("chat/main.c", '#include "tests/a.h"')
    assert found("socketio/a.c", '#include <stdio.h>\n#include "socketio/a.h"', own=True)
    assert not found("socketio/a.c", '#include "socketio/a.h"\n#include <uv.h>', own=True)
    assert not found("engineio/http/a.c", '#include "engineio/net/loop.h"')
    assert not found("engineio/net/a.c", '#include "engineio/stream.h"')
    assert not found("socketio/a.c", '#include "engineio/net/loop.h"')
    assert not found("chat/rooms/a.c", '#include "chat/store/b.h"\n#include "socketio/redis.h"')
    assert not found("examples/a.c", '#include <socketio/socketio.h>\n#include <uv.h>')


def main():
    self_test()
    if sys.argv[1] == "--self-test":
        return 0
    if sys.argv[1] == "--list-public":
        for folder, names in PUBLIC.items():
            print("\n".join(f"{folder}/{name}" for name in names))
        return 0
    root = pathlib.Path(sys.argv[1])
    count = 0
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*.[ch]")):
            if "node_modules" in path.parts:
                continue
            name = path.relative_to(root).as_posix()
            for why in findings(name, path.read_text(), lambda own: (root / own).exists()):
                print(f"{name}: {why}")
                count += 1
    return 1 if count else 0


sys.exit(main())
