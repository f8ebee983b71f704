#!/usr/bin/env python3
"""docs/operations.md has the options that `chatd PROFILE --help` shows, and the limits of engineio/limits.h.

check_operations.py ROOT BUILD | --self-test
"""
import pathlib
import re
import subprocess
import sys

OPTION = re.compile(r"^  (--[\w-]+(?: [A-Z]+)?|[A-Z][A-Z_]+) ", re.M)
PROFILE = re.compile(r"^  ([a-z]+) ", re.M)
LIMIT = re.compile(r"^    (EIO_\w+) = ([\d *]+),", re.M)
ROW = re.compile(r"^\| `(--[^`]+|(?!EIO_)[A-Z][A-Z_]+)` \| `?(\w*)`? *\| ?(\w*) \|", re.M)


def options_of_help(text):
    """{option: (variable, default)}: a default that is no single word counts as none."""
    found = {}
    text = text.split("\nExamples:")[0]
    starts = list(OPTION.finditer(text))
    for match, end in zip(starts, [*(after.start() for after in starts[1:]), len(text)]):
        entry = text[match.end() : end].rstrip()
        variable = re.search(r"\[(\w+)\]$", entry)
        default = re.search(r" \(default: (\w+)\) \[\w+\]$", entry)
        name = match.group(1)
        own = "" if name.startswith("--") else name  # of the environment alone: it is its own variable
        found[name] = (variable.group(1) if variable else own, default.group(1) if default else "")
    return found


def product(text):
    value = 1
    for factor in text.split("*"):
        value *= int(factor)
    return value


def options_of_all(help_of):
    """The options of every profile; a default of several profiles counts as the first one has it."""
    found = {}
    for profile in PROFILE.findall(help_of().split("\nOptions")[0]):
        found = {**options_of_help(help_of(profile)), **found}
    return found


def differences(what, wanted, written):
    for name in sorted(wanted.keys() | written.keys()):
        if wanted.get(name) != written.get(name):
            yield f"{what} {name}: it is {wanted.get(name)}, the text has {written.get(name)}"


def findings(document, options, header):
    written = {name: (variable, default) for name, variable, default in ROW.findall(document)}
    yield from differences("option", options, written)
    limits = {name: int(value) for name, value in re.findall(r"^\| `(EIO_\w+)` \| (\d+) \|", document, re.M)}
    yield from differences("limit", {name: product(value) for name, value in LIMIT.findall(header)}, limits)


def self_test():
    help_text = "  --port N     port\n    (default: 3000) [PORT]\n  --a          b\n".replace("port\n   ", "port")
    both = {(): "  a   x\n  b   y\n\nOptions:\n  c z\n", ("a",): help_text, ("b",): help_text.replace("3000", "1")}
    options = options_of_all(lambda *words: both[words])
    header = "    EIO_A = 2 * 1024,\n"
    good = "| `--port N` | `PORT` | 3000 | x |\n| `--a` | | | y |\n| `EIO_A` | 2048 | z |\n"
    assert not list(findings(good, options, header))
    for wrong in (good.replace("3000", "3001"), good.replace("`PORT`", "`P`"), good.replace("2048", "2"),
                  good.replace("--a", "--b"), good.replace("| `EIO_A` | 2048 | z |\n", "")):
        assert list(findings(wrong, options, header)), wrong


def main():
    self_test()
    if sys.argv[1] == "--self-test":
        return 0
    root, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])

    def help_of(*words):
        command = [build / "chat/chatd", *words, "--help"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    found = list(findings((root / "docs/operations.md").read_text(), options_of_all(help_of),
                          (root / "engineio/limits.h").read_text()))
    print("\n".join(found))
    return 1 if found else 0


sys.exit(main())
