#!/usr/bin/env python3
"""Every public symbol has a comment: `/** … */` above its declaration, or `/**< … */` behind it.

check_docs.py ROOT | --self-test
"""
import pathlib
import re
import sys

DECLARATION = re.compile(r"^[ES]IO_API\b")
NAME = re.compile(r"\b((?:eio|sio)_\w+)\s*\(")


def findings(text):
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if not DECLARATION.match(line):
            continue
        end = index
        while end < len(lines) - 1 and ";" not in lines[end]:
            end += 1
        above = lines[index - 1].rstrip() if index else ""
        if above.endswith("*/") and not above.lstrip().startswith("/**<") and "/**<" not in above:
            continue
        if "/**<" in lines[end]:
            continue
        name = NAME.search(" ".join(lines[index : end + 1]))
        yield index + 1, f"{name.group(1) if name else line} has no comment"


def self_test():
    assert not list(findings("/** Does. */\nEIO_API int eio_a(void);"))
    assert not list(findings("/**\n * Does.\n */\nEIO_API int eio_a(int b,\n    int c);"))
    assert not list(findings("EIO_API int eio_a(int b,\n    int c); /**< does */"))
    assert list(findings("/** Does. */\n\nEIO_API int eio_a(void);"))
    assert list(findings("EIO_API int eio_a(void);"))
    assert list(findings("EIO_API int eio_a(void); /**< does */\nEIO_API int eio_b(void);"))


def main():
    self_test()
    if sys.argv[1] == "--self-test":
        return 0
    root = pathlib.Path(sys.argv[1])
    count = 0
    for library in ("engineio", "socketio"):
        for path in sorted((root / library).glob("*.h")):
            for number, why in findings(path.read_text()):
                print(f"{path.relative_to(root)}:{number}: {why}")
                count += 1
    return 1 if count else 0


sys.exit(main())
