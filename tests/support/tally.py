#!/usr/bin/env python3
"""Turns the output of a test run into one line: N passed, N failed.

tally.py meson TESTLOG.json     what `meson test` left: TAP cases count one by one
tally.py tap FILE               output of node --test --test-reporter=tap
tally.py --self-test
"""
import json
import re
import sys

CASE = re.compile(r"^\s*(not )?ok \d+\b(.*)$", re.M)
SUMMARY = re.compile(r"^# (pass|fail|cancelled) (\d+)\s*$", re.M)


def count_cases(text):
    passed = failed = 0
    for bad, rest in CASE.findall(text):
        if bad:
            failed += 1
        elif not re.search(r"# skip", rest, re.I):
            passed += 1
    return passed, failed


def count_meson(lines):
    passed = failed = 0
    for line in lines:
        test = json.loads(line)
        good, bad = count_cases(test.get("stdout") or "")
        if good + bad == 0:
            good, bad = (1, 0) if test["result"] == "OK" else (0, 1)
        elif test["result"] not in ("OK", "FAIL") or (test["result"] == "FAIL" and bad == 0):
            bad += 1  # a sanitizer, a crash or a time-out after good cases
        passed, failed = passed + good, failed + bad
    return passed, failed


def count_tap(text):
    summary = SUMMARY.findall(text)
    if not summary:  # it was ended before its end
        passed, failed = count_cases(text)
        return passed, failed + 1
    sums = {"pass": 0, "fail": 0, "cancelled": 0}
    for name, number in summary:
        sums[name] += int(number)
    return sums["pass"], sums["fail"] + sums["cancelled"]


def self_test():
    assert count_cases("1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP\n") == (1, 1)
    ok = '{"name": "a", "result": "OK", "stdout": "ok 1 - a\\nok 2 - b\\n"}'
    plain = '{"name": "a", "result": "OK", "stdout": "fine"}'
    crash = '{"name": "a", "result": "FAIL", "stdout": "ok 1 - a\\n"}'
    timeout = '{"name": "a", "result": "TIMEOUT", "stdout": ""}'
    assert count_meson([ok, plain, crash, timeout]) == (4, 2)
    assert count_tap("# tests 3\n# pass 2\n# fail 1\n# cancelled 0\n") == (2, 1)
    assert count_tap("ok 1 - a\n    not ok 1 - b\n") == (1, 2)
    assert count_tap("nothing ran") == (0, 1)


def main():
    self_test()
    if sys.argv[1] == "--self-test":
        return 0
    with open(sys.argv[2], encoding="utf-8", errors="replace") as source:
        if sys.argv[1] == "meson":
            passed, failed = count_meson(line for line in source if line.strip())
        else:
            passed, failed = count_tap(source.read())
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
