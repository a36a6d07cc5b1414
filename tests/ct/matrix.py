#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Constant time for each compiler, optimisation level and path: valgrind with the secrets undefined, and the list of
# instructions; compilers differ in what they turn into a branch. The list of instructions also for rv64. TAP.
"""usage: matrix.py BUILD      (make check-ct-matrix)"""
import concurrent.futures
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import every_path
import instructions

COMPILERS = ("gcc", "clang")
LEVELS = ("-O1", "-O2", "-O3", "-Os")
RV_OBJDUMP = os.environ.get("RV_PREFIX", "riscv64-unknown-elf-") + "objdump"
VALGRIND = ("valgrind", "--quiet", "--error-limit=no", "--log-file=/dev/null")
AT_ONCE = 2


def paths():
    """Those of tests/cpu_paths.c; valgrind's processor has no ADX, which by itself chooses nothing."""
    return list(dict.fromkeys(name.replace("adx,", "") for name in every_path.paths()))


def tainted(program, path):
    """(what is wrong or None, how many rows), or None when valgrind's processor does not have the path."""
    done = every_path.run_on(path, *VALGRIND, program, timeout=300)
    if done is None:
        return None
    plan = re.search(r"^1\.\.(\d+)$", done.stdout, re.M)
    good = len(re.findall(r"^ok ", done.stdout, re.M))
    if done.returncode == 0 and plan and int(plan[1]) == good:
        return None, good
    return f"exit status {done.returncode}\n{done.stdout}{done.stderr}", good


def listed(objdump, objects, control):
    """What is wrong with the instructions, or None; the control has to be refused."""
    results = [instructions.refused(objdump, path) for path in objects]
    found = sorted(set().union(*(bad for bad, _ in results)))
    if not objects or sum(count for _, count in results) < 1000:
        return "nothing was disassembled"
    if not any(re.match("div|rem", name) for _, name in instructions.refused(objdump, control)[0]):
        return "the control's division is not refused"
    return "; ".join(f"{name} in {function}" for function, name in found) or None


def host_rows(build, compiler, level):
    """(name, what is wrong or None, comment) for one way to compile."""
    suffix = ("" if compiler == "gcc" else f"-{compiler}") + ("" if level == "-O2" else level)
    at = f"{build}/host{suffix}"
    name = f"{compiler} {level}"
    make = subprocess.run(["make", "-s", f"HOST_CC={compiler}", f"OPT={level}", "SAN=", "check-ct-build"], capture_output=True, text=True,
                          check=False)
    if make.returncode != 0:
        return [(f"{name}: builds", make.stdout + make.stderr, "")]
    rows = [(f"{name}: instructions", listed("objdump", sorted(glob.glob(f"{at}/ct/*.o")), f"{at}/tests/ct/division.o"), "")]
    for path in paths():
        result = tainted(f"{at}/ct/ct_noise", path)
        if result is None:
            rows.append((f"{name}: {path}", None, " # SKIP valgrind's processor does not have it"))
        else:
            rows.append((f"{name}: {path}, {result[1]} rows", result[0], ""))
    return rows


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = sys.argv[1]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        parts = list(pool.map(lambda of: host_rows(build, *of), [(c, level) for level in LEVELS for c in COMPILERS]))
    rows = [row for part in parts for row in part]
    rows.append(("rv64: instructions", listed(RV_OBJDUMP, sorted(glob.glob(f"{build}/os/noise/*.o")), f"{build}/os/tests/ct/division.o"), ""))
    for number, (name, wrong, comment) in enumerate(rows, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}{comment}")
        print("".join(f"# {line}\n" for line in (wrong or "").splitlines()), end="")
    print(f"1..{len(rows)}")
    ran = sum(not comment for _, _, comment in rows)
    sys.exit(1 if any(wrong for _, wrong, _ in rows) or ran < len(LEVELS) * len(COMPILERS) * 3 else 0)


if __name__ == "__main__":
    main()
