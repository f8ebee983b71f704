#!/usr/bin/env python3
"""What a library exports is what its headers declare and its .map lists: nothing more, nothing less.

check_symbols.py ROOT BUILD_DIR | --self-test
"""
import fnmatch
import pathlib
import re
import subprocess
import sys

LIBRARIES = ("engineio", "socketio")
COMMENTS = re.compile(r"/\*.*?\*/", re.S)
DECLARED = re.compile(r"^(?:[ES]IO_API|[ES]IO_PRIVATE)\b([^;{]*?)[;{]", re.M | re.S)
NAME = re.compile(r"\b((?:eio|sio)_\w+)\s*[(\[]")
VARIABLE = re.compile(r"\b((?:eio|sio)_\w+)\s*$")


def declared_in(text):
    """Names behind EIO_API, EIO_PRIVATE and their like."""
    for match in DECLARED.finditer(COMMENTS.sub(" ", text)):
        found = NAME.search(match.group(1)) or VARIABLE.search(match.group(1))
        if found:
            yield found.group(1)


def listed_in(map_text):
    """The global patterns of a version script."""
    patterns, is_global = [], False
    for word in re.findall(r"[^\s;{}]+:?", COMMENTS.sub(" ", map_text)):
        if word in ("global:", "local:"):
            is_global = word == "global:"
        elif is_global:
            patterns.append(word)
    return patterns


def exported_by(library):
    run = subprocess.run(
        ["nm", "-D", "--defined-only", "--format=posix", library],
        check=True, capture_output=True, text=True,
    )
    for line in run.stdout.splitlines():
        name, kind = line.split()[:2]
        if kind != "A":  # the version's own name
            yield name.split("@")[0]


def findings(exported, declared, patterns):
    for name in sorted(exported - declared):
        yield f"{name} is exported, but no header declares it EIO_API, EIO_PRIVATE or SIO_…"
    for name in sorted(declared - exported):
        yield f"{name} is declared in a header, but not exported"
    for name in sorted(exported):
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            yield f"{name} is exported, but the .map does not list it"
    for pattern in patterns:
        if not fnmatch.filter(exported, pattern):
            yield f"{pattern} is in the .map, but nothing is exported for it"


def self_test():
    header = "EIO_API int eio_a(int b);\n/* EIO_API int eio_no(void); */\nEIO_PRIVATE eio_b *\neio_c(void);"
    assert set(declared_in(header)) == {"eio_a", "eio_c"}
    assert listed_in("X_0 {\nglobal:\n  eio_*;\n  sio_a;\nlocal:\n  *;\n};") == ["eio_*", "sio_a"]
    assert not list(findings({"eio_a"}, {"eio_a"}, ["eio_*"]))
    assert list(findings({"eio_a", "eio_b"}, {"eio_a"}, ["eio_*"]))
    assert list(findings({"eio_a"}, {"eio_a", "eio_b"}, ["eio_*"]))
    assert list(findings({"eio_a"}, {"eio_a"}, []))
    assert list(findings({"eio_a"}, {"eio_a"}, ["eio_a", "eio_b"]))


def main():
    self_test()
    if sys.argv[1] == "--self-test":
        return 0
    root, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    count = 0
    for library in LIBRARIES:
        shared = build / library / f"lib{library}.so"
        if not shared.exists():
            print(f"{shared} is not there: build it first")
            count += 1
            continue
        declared = set()
        for header in (root / library).rglob("*.h"):
            declared.update(declared_in(header.read_text()))
        patterns = listed_in((root / library / f"{library}.map").read_text())
        for why in findings(set(exported_by(shared)), declared, patterns):
            print(f"lib{library}.so: {why}")
            count += 1
    return 1 if count else 0


sys.exit(main())
