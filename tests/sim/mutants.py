#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Shows that each invariant of the simulator can be violated: breaks the product and expects to be told which one it was.
"""usage: mutants.py [NAME...]

tests/sim/mutants/<invariant>.<what>.patch breaks dsoftbus/ or noise/. Each is applied to a copy of the tree under
build/sim-mutants, the simulator is built there and run, one seed after the other; the mutant is killed when the first
violation is of that invariant. A patch that does not apply, does not build or touches anything else is a failure, and so
is an invariant without a patch. Without names all are run, in TAP; the last line is `sim-mutants: killed N/N`."""
import collections
import concurrent.futures
import fcntl
import os
import queue
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATCHES = os.path.join(ROOT, "tests", "sim", "mutants")
WORKPLACE = os.path.join(ROOT, "build", "sim-mutants")
PRODUCT = ("dsoftbus/", "noise/")
NEEDED = ("dsoftbus/", "noise/", "tests/", "kernel/", "services/", "host/", "scripts/", "Makefile")
PROGRAM = "build/host/sim"
SEEDS, WORKERS = 2000, 2
BUILD_TIMEOUT_S, RUN_TIMEOUT_S = 300, 300
OWN_MISTAKES = {"harness"}  # what the simulator says about itself
VIOLATION = re.compile(r"^# violation of '([a-z]+)', seed (\d+): (.*)$", re.MULTILINE)


class Broken(Exception):
    """The mutant proves nothing, for this reason."""


def environment():
    """Without the outer make's flags, and with git taking each copy for a plain directory."""
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "SEED", "SEEDS")}
    return env | {"GIT_CEILING_DIRECTORIES": WORKPLACE}


def read(path):
    with open(path, "rb") as f:
        return f.read()


def tree_files():
    listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                             capture_output=True, text=True)
    return [path for path in listing.stdout.split("\0") if path.startswith(NEEDED) and os.path.isfile(os.path.join(ROOT, path))]


def invariants():
    text = read(os.path.join(ROOT, "tests", "sim", "sim.h")).decode()
    names = re.findall(r'X\([A-Z]+, "([a-z]+)", "', text)
    if not names:
        sys.exit("sim-mutants: no invariants in tests/sim/sim.h")
    return [name for name in names if name not in OWN_MISTAKES]


class Copy:
    """A copy of the tree, with its own build."""

    def __init__(self, number):
        self.root = os.path.join(WORKPLACE, str(number))

    def sync(self, files):
        """Writes what differs and nothing else, so that make builds what differs and nothing else."""
        for path in files:
            source, target = os.path.join(ROOT, path), os.path.join(self.root, path)
            if not os.path.isfile(target) or read(source) != read(target):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy(source, target)
        for folder in (*PRODUCT, "tests/sim/"):
            for name in os.listdir(os.path.join(self.root, folder)):
                path = os.path.join(self.root, folder, name)
                if os.path.isfile(path) and folder + name not in files:
                    os.remove(path)

    def build(self):
        try:
            made = subprocess.run(["make", "--no-print-directory", PROGRAM], cwd=self.root, env=environment(),
                                  timeout=BUILD_TIMEOUT_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except subprocess.TimeoutExpired:
            raise Broken("the build does not end") from None
        if made.returncode != 0:
            errors = re.findall(r".*error.*", made.stdout) or made.stdout.splitlines()[-1:]
            raise Broken(f"does not build: {errors[0] if errors else 'no message'}")

    def run(self, seeds):
        """(invariant, seed, why) of the first violation, or None."""
        try:
            ran = subprocess.run([PROGRAM, "--seeds", str(seeds), "--jobs", "1"], cwd=self.root, env=environment(),
                                 timeout=RUN_TIMEOUT_S, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        except subprocess.TimeoutExpired:
            raise Broken("the run does not end") from None
        found = VIOLATION.search(ran.stdout)
        if found is None and ran.returncode != 0:
            raise Broken(f"the run failed: {ran.stdout.splitlines()[-1:] or ran.stderr}")
        return found and found.groups()

    def try_mutant(self, name):
        """(why it was not killed or None, what was found)."""
        patch = os.path.join(PATCHES, name + ".patch")
        paths = re.findall(r"^\+\+\+ b/(\S+)", read(patch).decode(), re.MULTILINE)
        if not paths or any(not path.startswith(PRODUCT) for path in paths):
            raise Broken("changes more than the product, or nothing")
        before = {path: read(os.path.join(self.root, path)) for path in paths}
        try:
            applied = subprocess.run(["git", "apply", "-p1", patch], cwd=self.root, env=environment(), capture_output=True,
                                     text=True)
            if applied.returncode != 0:
                raise Broken(f"does not apply: {applied.stderr.strip().splitlines()[0]}")
            self.build()
            found = self.run(SEEDS)
        finally:
            for path, content in before.items():
                with open(os.path.join(self.root, path), "wb") as f:
                    f.write(content)
        if found is None:
            return f"no violation in {SEEDS} seeds", ""
        wanted = name.split(".")[0]
        note = f"seed {found[1]}, {found[2]}"
        return (None, note) if found[0] == wanted else (f"it is '{found[0]}' that was violated: {note}", note)


def prepare():
    """The copies. Nothing means anything before the tree itself is without violation."""
    files = tree_files()
    copies = [Copy(number) for number in range(WORKERS)]
    for copy in copies:
        copy.sync(files)
        copy.build()
    found = copies[0].run(200)
    if found is not None:
        raise Broken(f"the tree itself violates '{found[0]}': seed {found[1]}, {found[2]}")
    return copies


def run_all(names, copies):
    free = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def one(name):
        copy = free.get()
        try:
            return name, *copy.try_mutant(name)
        except Broken as why:
            return name, str(why), ""
        finally:
            free.put(copy)

    with concurrent.futures.ThreadPoolExecutor(len(copies)) as pool:
        yield from pool.map(one, names)


def main():
    names = sorted(name[:-6] for name in os.listdir(PATCHES) if name.endswith(".patch"))
    chosen = sys.argv[1:]
    if any(argument.startswith("-") for argument in chosen) or set(chosen) - set(names):
        sys.exit(__doc__)
    missing = [] if chosen else sorted(set(invariants()) - {name.split(".")[0] for name in names})
    names = [name for name in names if name in chosen] or names
    begin = time.monotonic()
    os.makedirs(WORKPLACE, exist_ok=True)
    with open(os.path.join(WORKPLACE, ".lock"), "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            copies = prepare()
        except Broken as why:
            sys.exit(f"sim-mutants: {why}")
        print(f"TAP version 13\n1..{len(names) + len(missing)}", flush=True)
        killed = collections.Counter()
        for number, (name, why, note) in enumerate(run_all(names, copies), 1):
            killed[name.split(".")[0]] += why is None
            print(f"{'ok' if why is None else 'not ok'} {number} - {name}: {why or note}", flush=True)
    for number, name in enumerate(missing, len(names) + 1):
        print(f"not ok {number} - {name}: no mutant violates it")
    print("# killed by invariant:", ", ".join(f"{name} {count}" for name, count in sorted(killed.items())))
    total = sum(killed.values())
    print(f"# {time.monotonic() - begin:.0f} s\nsim-mutants: killed {total}/{len(names)}")
    sys.exit(0 if total == len(names) and not missing else 1)


if __name__ == "__main__":
    main()
