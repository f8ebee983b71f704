#!/usr/bin/env python3
"""Each assertion of tests/interop/README.md names tests that are there, or says why there is none.

check_assertions.py ROOT | --self-test
"""
import pathlib
import re
import sys

LIST = "tests/interop/README.md"
LAST = 26
ROW = re.compile(r"^\| (\d+) \| .+? \| (.+) \|$")
CODE = re.compile(r"(`+)(.+?)\1(?!`)")
REASON = "cannot be seen: "


def rows(text):
    """The number of each row, and who asserts it."""
    for line in text.splitlines():
        row = ROW.match(line.replace(r"\|", "\0"))
        if row:
            yield int(row[1]), row[2].replace("\0", "|")


def is_test(title, path, source):
    name = re.escape(title)
    if path.endswith(".c"):
        return f"static void {title}(" in source and re.search(rf"\(\s*{name}\b[^*]", source)
    is_call = re.search(rf"\b(?:test|describe)\(\s*(['\"`]){name}\1", source)
    return is_call or re.search(rf"^ +'{name}': ", source, re.M)  # or of a table of tests


def findings(text, read):
    """read: gives the source of a file below tests/, or None."""
    found = list(rows(text))
    for number in sorted(set(range(1, LAST + 1)) - {number for number, _ in found}):
        yield f"{number}: no row"
    for number, cell in found:
        for part in cell.split("; "):
            if part.startswith(REASON):
                continue
            path, *titles = [match[2] for match in CODE.finditer(part)] or [""]
            source = read(path)
            if source is None:
                yield f"{number}: {part}: no such file, and no reason"
            elif not titles:
                yield f"{number}: {part}: names no test"
            for title in titles:
                if source is not None and not is_test(title, path, source):
                    yield f"{number}: {path} has no test: {title}"


def self_test():
    sources = {
        "a.mjs": "test('plain', x);\n  test(\n    `of ${a || b}`, x);\n const t = {\n  'in a table': [1],\n};",
        "a.c": "static void listed(void **state)\nstatic void idle(void **state)\n  TEST(listed),",
    }
    whole = "".join(f"| {n} | what | {REASON}so it is |\n" for n in range(1, LAST + 1))

    def found(cell, text=whole):
        return list(findings(f"{text}| 1 | what | {cell} |\n", sources.get))

    assert not found("`a.mjs`: `plain`, ``of ${a \\|\\| b}``; `a.c`: `listed`; cannot be seen: no")
    assert not found("`a.mjs`: `in a table`")
    assert found("`a.mjs`: `plai`")
    assert found("`a.mjs`: `x`, `plain`")
    assert found("`a.mjs`")
    assert found("`b.mjs`: `plain`")
    assert found("nobody")
    assert found("`a.c`: `idle`")
    assert found("`a.mjs`: `plain`", whole.replace("| 7 |", "| 8 |"))


def main():
    self_test()
    if sys.argv[1] == "--self-test":
        return 0
    tests = pathlib.Path(sys.argv[1]) / "tests"

    def read(path):
        file = tests / path
        return file.read_text() if path and file.is_file() else None

    problems = list(findings((tests.parent / LIST).read_text(), read))
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
