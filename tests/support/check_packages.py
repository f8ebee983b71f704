#!/usr/bin/env python3
"""The npm locks name no registry, pin exact versions that run on Node 18, and agree on socket.io.

check_packages.py ROOT | --self-test
"""
import json
import pathlib
import re
import sys

FOLDERS = ("chat/client", "tests", "tests/bench/peers")
EXACT = re.compile(r"^(?:npm:[a-z0-9@./-]+@)?(\d+\.\d+\.\d+)$")  # an older one beside, under an alias


def lower_bounds(range_text):
    """The least major version that each alternative of an `engines` range allows."""
    for part in range_text.split("||"):
        number = re.search(r"\d+", part)
        yield int(number.group(0)) if number else 0


def findings(manifest, lock):
    wanted = {**manifest.get("dependencies", {}), **manifest.get("devDependencies", {})}
    for name, version in wanted.items():
        exact = EXACT.match(version)
        if not exact:
            yield f"{name}: {version} is not one exact version"
        elif lock["packages"].get(f"node_modules/{name}", {}).get("version") != exact.group(1):
            yield f"{name}: {version} is not what the lock has"
    for path, package in lock["packages"].items():
        if "resolved" in package:
            yield f"{path}: the lock names where it came from ({package['resolved']})"
        if path and "integrity" not in package:
            yield f"{path}: the lock has no hash"
        node = package.get("engines", {}).get("node", "*") if path else "*"
        if min(lower_bounds(node)) > 18:
            yield f"{path}: needs Node {node}"


def self_test():
    def found(version="1.0.0", **package):
        package = {"version": "1.0.0", "integrity": "x", **package}
        lock = {"packages": {"": {}, "node_modules/a": package}}
        return list(findings({"dependencies": {"a": version}}, lock))

    assert not found()
    assert not found(engines={"node": "^18.1 || >=20"})
    assert not found(version="npm:b@1.0.0")
    assert found(version="^1.0.0")
    assert found(version="npm:b@^1.0.0")
    assert found(version="1.0.1")
    assert found(resolved="https://registry.example/a.tgz")
    assert found(engines={"node": "^20 || >=22"})


def main():
    self_test()
    if sys.argv[1] == "--self-test":
        return 0
    root = pathlib.Path(sys.argv[1])
    problems, versions = [], set()
    for folder in FOLDERS:
        manifest = json.loads((root / folder / "package.json").read_text())
        lock = json.loads((root / folder / "package-lock.json").read_text())
        problems += [f"{folder}: {why}" for why in findings(manifest, lock)]
        versions.add(lock["packages"]["node_modules/socket.io"]["version"])
    if len(versions) > 1:
        problems.append(f"the client served and the one tested differ: {sorted(versions)}")
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
