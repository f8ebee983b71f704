#!/usr/bin/env python3
"""Fails on a function over 80 lines, a file over 600, a line over 120 columns.

Relies on the form that clang-format gives: a function's braces stand alone in the first column.
check_size.py ROOT | --self-test
"""
import pathlib
import sys

LAB = "tests/bench/lab"  # small programs of one file each, that measure and are never shipped
FOLDERS = ("engineio", "socketio", "chat", "tests", "examples")
MOST_FUNCTION_LINES = 80
MOST_FILE_LINES = 600
MOST_COLUMNS = 120


def findings(text):
    lines = text.split("\n")
    if len(lines) - 1 > MOST_FILE_LINES:
        yield 1, f"file of {len(lines) - 1} lines, at most {MOST_FILE_LINES}"
    start = None
    for number, line in enumerate(lines, 1):
        if len(line) > MOST_COLUMNS:
            yield number, f"{len(line)} columns, at most {MOST_COLUMNS}"
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start - 1 > MOST_FUNCTION_LINES:
                yield start, f"function of {number - start - 1} lines, at most {MOST_FUNCTION_LINES}"
            start = None


def self_test():
    def function(lines):
        return "int f(void)\n{\n" + "    g();\n" * lines + "}\n"

    assert list(findings(function(MOST_FUNCTION_LINES + 1)))
    assert not list(findings(function(MOST_FUNCTION_LINES)))
    assert list(findings("\n" * (MOST_FILE_LINES + 1)))
    assert not list(findings("\n" * MOST_FILE_LINES))
    assert list(findings("x" * (MOST_COLUMNS + 1)))
    assert not list(findings("ä" * MOST_COLUMNS))


def main():
    self_test()
    if sys.argv[1] == "--self-test":
        return 0
    root = pathlib.Path(sys.argv[1])
    count = 0
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.[ch]")):
            if "node_modules" in path.parts or path.is_relative_to(root / LAB):
                continue
            for number, why in findings(path.read_text()):
                print(f"{path.relative_to(root)}:{number}: {why}")
                count += 1
    return 1 if count else 0


sys.exit(main())
