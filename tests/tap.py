# SPDX-License-Identifier: Apache-2.0
# Runs the test_* functions of a Python test program and writes TAP.
import sys
import traceback


class Skip(Exception):
    pass


def skip(reason):
    """Ends the running test as skipped."""
    raise Skip(reason)


def main(module):
    """Runs all test_* functions of the module, or those named on the command line, in order of definition."""
    tests = [(n, f) for n, f in vars(module).items() if n.startswith("test_") and callable(f)]
    if sys.argv[1:]:
        tests = [(n, f) for n, f in tests if n in sys.argv[1:]]
    print(f"1..{len(tests)}")
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {name}")
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
    sys.exit(1 if failed or not tests else 0)
