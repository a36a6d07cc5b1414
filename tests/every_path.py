#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Runs a test program that writes TAP once for each path of tests/cpu_paths.c, with the library limited to it. TAP.
"""usage: every_path.py PROGRAM"""
import os
import re
import subprocess
import sys

TESTS = os.path.dirname(os.path.abspath(__file__))
LACKS = 2  # the exit status of tests/cpu_env.c


def paths():
    with open(f"{TESTS}/cpu_paths.c", encoding="utf-8") as f:
        names = re.findall(r'^    \{"([a-z0-9,]+)", ', f.read(), re.M)
    if "portable" not in names:
        sys.exit("every_path: tests/cpu_paths.c lists no paths")
    return names


def run_on(path, *argv, **options):
    """The finished process, or None when the machine does not have the path."""
    env = dict(os.environ, NOISE_CPU=path, CMOCKA_MESSAGE_OUTPUT="tap")
    done = subprocess.run(argv, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    return None if done.returncode == LACKS and "NOISE_CPU:" in done.stderr else done


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    number, failed, ran = 0, 0, 0
    for path in paths():
        done = run_on(path, sys.argv[1], timeout=600)
        if done is None:
            number += 1
            print(f"ok {number} - {path} # SKIP this processor lacks a feature of {path}")
            continue
        ran += 1
        results = re.findall(r"^(ok|not ok) [0-9]+ - (.*)$", done.stdout, re.M)
        plan = re.search(r"^1\.\.([0-9]+)$", done.stdout, re.M)
        if done.returncode != 0 or not plan or int(plan[1]) != len(results):
            results.append(("not ok", f"exit status {done.returncode}, {len(results)} of {plan and plan[1]} tests"))
        for verdict, name in results:
            number += 1
            failed += verdict != "ok"
            print(f"{verdict} {number} - {path}: {name}")
        if failed:
            print("".join(f"# {line}\n" for line in (done.stdout + done.stderr).splitlines()), end="")
    print(f"1..{number}")
    sys.exit(1 if failed or not ran else 0)


if __name__ == "__main__":
    main()
