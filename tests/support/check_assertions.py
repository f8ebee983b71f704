#!/usr/bin/env python3
"""Each row of the tables in tests/interop names tests that are there, or says why there is none.

A row is `| label | what | by |`. Where labels are numbers, or end in one as 1.7-3 does, none is left out.

check_assertions.py ROOT | --self-test
"""
import pathlib
import re
import sys

TABLES = "interop/*.md"  # below tests/
ROW = re.compile(r"^\| ([^|]*\w[^|]*) \| .+? \| (.+) \|$")
CODE = re.compile(r"(`+)(.+?)\1(?!`)")
REASON = "cannot be seen: "
LABEL = re.compile(r"^((?:\d+(?:\.\d+)*[.-])?)(\d+)$")


def rows(text):
    """The label of each row, and who asserts it."""
    for line in text.splitlines():
        row = ROW.match(line.replace(r"\|", "\0"))
        if row:
            yield row[1], row[2].replace("\0", "|")


def gaps(labels):
    """The numbers that are left out, up to the largest one behind the same beginning."""
    series = {}
    for label in labels:
        if match := LABEL.match(label):
            series.setdefault(match[1], set()).add(int(match[2]))
    for beginning, numbers in sorted(series.items()):
        for number in range(1, max(numbers) + 1):
            if number not in numbers:
                yield f"{beginning}{number}"


def is_test(title, path, source):
    name = re.escape(title)
    if path.endswith(".c"):
        return f"static void {title}(" in source and re.search(rf"\(\s*{name}\b[^*]", source)
    is_call = re.search(rf"\b(?:test|describe)\(\s*(['\"`]){name}\1", source)
    return is_call or re.search(rf"^ +'{name}': ", source, re.M)  # or of a table of tests


def part_findings(part, read):
    path, *titles = [match[2].strip() for match in CODE.finditer(part)] or [""]
    source = read(path)
    if source is None:
        yield f"{part}: no such file, and no reason"
    elif path.startswith("fuzz/"):  # a target is one test
        if f"'{pathlib.Path(path).stem.removeprefix('fuzz_')}'" not in (read("fuzz/meson.build") or ""):
            yield f"{part}: no target of fuzz/meson.build"
    elif not titles:
        yield f"{part}: names no test"
    else:
        for title in titles:
            if not is_test(title, path, source):
                yield f"{path} has no test: {title}"


def findings(text, read):
    """read: gives the source of a file below tests/, or None."""
    found = list(rows(text))
    if not found:
        yield "no rows"
    for number in gaps(label for label, _ in found):
        yield f"{number}: no row"
    for label, cell in found:
        for part in cell.split("; "):
            if not part.startswith(REASON):
                for finding in part_findings(part, read):
                    yield f"{label}: {finding}"


def self_test():
    sources = {
        "a.mjs": "test('plain', x);\n  test(\n    `of ${a || b}`, x);\n const t = {\n  'in a table': [1],\n};",
        "a.c": "static void listed(void **state)\nstatic void idle(void **state)\n  TEST(listed),",
    }
    sources |= {"fuzz/fuzz_x.c": "", "fuzz/fuzz_y.c": "", "fuzz/meson.build": "  'x',"}

    def found(cell, label="1"):
        return list(findings(f"| {label} | what | {cell} |\n", sources.get))

    assert not found("`a.mjs`: `plain`, ``of ${a \\|\\| b}``; `a.c`: `listed`; cannot be seen: no")
    assert not found("`a.mjs`: `in a table`")
    assert found("`a.mjs`: `plai`")
    assert found("`a.mjs`: `x`, `plain`")
    assert found("`a.mjs`")
    assert found("`b.mjs`: `plain`")
    assert found("nobody")
    assert found("`a.c`: `idle`")
    assert found("`a.mjs`: `plain`", "2")
    assert found("`a.mjs`: `plain`", "1.7-2")
    assert not found("`a.mjs`: `plain`", "1.1")
    assert not found("`a.mjs`: `plain`", "CVE-1")
    assert not found("`fuzz/fuzz_x.c`")
    assert found("`fuzz/fuzz_y.c`")
    assert list(findings("| | what | by |\n| --- | --- | --- |\n", sources.get))


def main():
    self_test()
    if sys.argv[1] == "--self-test":
        return 0
    tests = pathlib.Path(sys.argv[1]) / "tests"

    def read(path):
        file = tests / path
        return file.read_text() if path and file.is_file() else None

    problems = [
        f"{table.relative_to(tests)}: {finding}"
        for table in sorted(tests.glob(TABLES))
        for finding in findings(table.read_text(), read)
    ]
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
