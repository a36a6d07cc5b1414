#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Removes each wipe of noise/ in turn: a test must notice. TAP.
"""usage: mutants.py BUILD COMPILER FLAG...      (make wipe-mutants)

A mutant is noticed
  - by check-wipe's program, on some path of the machine; or
  - by a unit test; or, when a wipe of dead frames comes after it and covers it,
  - by the first program without those (NOISE_TEST_KEEP_FRAMES): more bytes that depend on secrets remain than before.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import every_path

CALL = re.compile(r"^\s*(ct_wipe\w*\([^;]*\));")
# In ct.c: what the wipers consist of.
INSIDE = re.compile(r'^\s*(wipe_vectors\(\)|WIPE_INTEGERS|wipe_registers\(\)|zero\(dead[^;]*\)|__asm__ volatile\((EACH_\w+|"vzeroall").*\));')
WINDOW = 8  # bytes: fewer may come from another layout of a frame
UNIT_TESTS = ("test_noise_xk", "test_xk_transport", "test_blake2s", "test_rng")
# (file, part of the statement): why no test can notice that it is gone.
EXEMPT = {
    ("noise/ct.c", "EACH_0_TO_7 "): "no compiler here keeps a secret in a mask",
    ("noise/ct.c", "EACH_0_TO_15 "): "for processors without AVX",
    ("noise/x25519_comb.c", "ct_wipe(k,"): "the frames of what is called next lie over it",
    ("noise/x25519_x86.c", "ct_wipe(bytes,"): "the frames of what is called next lie over it",
    ("noise/x25519_lanes.h", "ct_wipe(double_q,"): "what is in it last is made of the lowest bits of clamped scalars, which are 0",
}

# What of a machine must have for a statement to run at all.
NEEDS = {"EACH_0_TO_7 ": "avx512", "EACH_16_TO_31 ": "avx512", '"vzeroall"': "avx2"}


def lacking(statement, paths):
    return next((need for part, need in NEEDS.items() if part in statement and not any(need in path for path in paths)), None)


def exempt(path, statement):
    return next((why for (file, part), why in EXEMPT.items() if file == path and part in statement), None)


def sites():
    """(file, line number, statement) of everything that wipes."""
    for path in sorted(glob.glob("noise/*.[ch]")):
        pattern = INSIDE if path == "noise/ct.c" else CALL
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                # A macro's line ends in a backslash, and a declaration is none of a statement.
                match = pattern.match(line) if path != "noise/ct.h" else None
                if match:
                    yield path, number, match[1]


class Bench:
    """The library's objects as they are, and a copy of the source in which one line is gone."""

    def __init__(self, build, compiler):
        self.build, self.compiler = build, compiler
        self.at = f"{build}/wipe-mutants"
        shutil.rmtree(self.at, ignore_errors=True)
        shutil.copytree("noise", f"{self.at}/noise", ignore=shutil.ignore_patterns("package"))
        self.paths = [path for path in every_path.paths() if every_path.run_on(path, self.program(""))]
        self.kept = {path: self.remains(self.program("-keep"), path) for path in self.paths}

    def program(self, variant):
        return f"{self.build}/wipe{variant}/test_wipe"

    def compile(self, path, variant, flags):
        """Objects in which `path` has changed: name to file."""
        changed = {}
        for source in sorted(glob.glob("noise/*.c")):
            name = os.path.basename(source)[:-2]
            with open(f"{self.build}/wipe/{name}.d", encoding="utf-8") as f:
                if path not in f.read().split():
                    continue
            changed[name] = f"{self.at}/{name}{variant}.o"
            subprocess.run([self.compiler[0], f"-I{self.at}", *self.compiler[1:], "-w", "-ffreestanding", *flags, "-MF", os.devnull,
                            "-c", "-o", changed[name], f"{self.at}/{source}"], check=True)
        return changed

    def link(self, changed, variant, program, tests, libraries=()):
        objects = [f"{self.build}/wipe{variant}/{os.path.basename(source)[:-2]}.o" for source in sorted(glob.glob("noise/*.c"))]
        objects = [changed.get(os.path.basename(o)[:-2], o) for o in objects]
        subprocess.run([self.compiler[0], "-Wl,-z,now", "-o", program, *tests, *objects, *libraries], check=True)

    @staticmethod
    def remains(program, path):
        done = every_path.run_on(path, program, timeout=120)
        match = re.search(r"^# remains: (\d+) bytes$", done.stdout, re.M)
        return int(match[1]) if match else None

    def noticed(self, path):
        """Who notices what has been done to `path` in the copy, or None."""
        tests = [f"{self.build}/tests/wipe/{name}.o" for name in ("main", "scan", "script", "leaky", "call_x86_64")]
        tests.append(f"{self.build}/tests/cpu_env.o")
        mutant = f"{self.at}/mutant"
        changed = self.compile(path, "", [])
        self.link(changed, "", mutant, tests)
        for cpu in self.paths:
            if every_path.run_on(cpu, mutant, timeout=120).returncode != 0:
                return f"check-wipe on {cpu}"
        for name in UNIT_TESTS:
            self.link(changed, "", mutant, [f"{self.build}/tests/unit/{name}.o", f"{self.build}/tests/cpu_env.o"], ["-lcmocka"])
            if subprocess.run([mutant], capture_output=True, check=False).returncode != 0:
                return name
        self.link(self.compile(path, "-keep", ["-DNOISE_TEST_KEEP_FRAMES"]), "-keep", mutant, tests)
        for cpu in self.paths:
            remains = self.remains(mutant, cpu)
            if remains is None or remains >= self.kept[cpu] + WINDOW:
                return f"without wiped frames on {cpu}, {remains} bytes instead of {self.kept[cpu]}"
        return None

    def try_without(self, path, number, statement):
        copy = f"{self.at}/{path}"
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines(keepends=True)
        assert statement + ";" in lines[number - 1]
        lines[number - 1] = lines[number - 1].replace(statement + ";", "(void)0;")
        with open(copy, "w", encoding="utf-8") as f:
            f.write("".join(lines))
        try:
            return self.noticed(path)
        finally:
            shutil.copy(path, copy)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    only = os.environ.get("MUTANT")  # a file, or file:line
    bench = Bench(sys.argv[1], sys.argv[2:])
    failed, count = 0, 0
    for path, number, statement in sites():
        if only and only not in (path, f"{path}:{number}"):
            continue
        count += 1
        by = bench.try_without(path, number, statement)
        if by is None and lacking(statement, bench.paths):
            print(f"ok {count} - {path}:{number}: {statement} # SKIP this processor lacks {lacking(statement, bench.paths)}")
            continue
        reason = exempt(path, statement)
        good = (by is None) == (reason is not None)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {count} - {path}:{number}: {statement}: {by or reason or 'nobody notices'}", flush=True)
    print(f"1..{count}")
    sys.exit(1 if failed or not count else 0)


if __name__ == "__main__":
    main()
