#!/usr/bin/env python3
"""Fails on words that style.md bans. check_banned.py ROOT | --self-test"""
import pathlib
import re
import sys

LAB = "tests/bench/lab"  # small programs of one file each, that measure and are never shipped
FOLDERS = ("engineio", "socketio", "chat", "tests", "examples")
CALLS = "strcpy strcat sprintf vsprintf gets strncpy strtok atoi atol strtol rand alloca"
BANNED = [
    (re.compile(r"\b(" + "|".join(CALLS.split()) + r")\s*\("), "banned function"),
    (re.compile(r"//"), "comments are /* */"),
]
NOTES = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
LITERALS = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/', re.S)


def blank(match):
    """Literals and comments may name anything; their line ends stay, for the line numbers."""
    return '""' + "\n" * match.group(0).count("\n")


def findings(text):
    for number, line in enumerate(text.split("\n"), 1):
        if NOTES.search(line):
            yield number, "a note for later: do it or leave it out"
    for number, line in enumerate(LITERALS.sub(blank, text).split("\n"), 1):
        for pattern, why in BANNED:
            found = pattern.search(line)
            if found:
                yield number, f"{why}: {found.group(0).strip()}"


def self_test():
    bad = [
        "strcpy(a, b);",
        "n = atoi (s);",
        "int a; // note",
        "/* TODO */",
        "/* a\nb */ sprintf(x, y);",
    ]
    good = [
        'puts("http://x");',
        "/* strcpy( */",
        "snprintf(a, n, b);",
        "c = '\"'; /* \" */",
        "operand(1);",
        "random_fill(b);",
    ]
    assert all(list(findings(text)) for text in bad), "a banned word went through"
    assert not any(list(findings(text)) for text in good), "an innocent line was stopped"


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
