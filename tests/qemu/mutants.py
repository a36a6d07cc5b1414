#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Shows that each marker can fail: breaks the act behind it, leaves the print, and expects the run to turn red there.
"""usage: mutants.py [NAME...]

For each marker with a mutant in services/markers.manifest or services/two-machine.manifest there is
tests/qemu/mutants/<mutant>.patch. Each is applied to a copy of the tree under build/mutants, built and run; it is killed when the harness names its marker as the first
that is missing. A patch that does not apply, touches a print, or does not build is a failure, and so is one that no
marker asks for. Without names all are run, in TAP; the last line is `mutants: killed N/N`."""
import concurrent.futures
import contextlib
import fcntl
import os
import queue
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

MANIFEST, PAIR_MANIFEST = "services/markers.manifest", "services/two-machine.manifest"
PATCHES = os.path.join(ROOT, "tests", "qemu", "mutants")
WORKPLACE = os.path.join(ROOT, "build", "mutants")
IMAGE = "build/os/test/neuron.elf"
WORKERS = 2
PRODUCT = ("services/", "dsoftbus/", "noise/", "kernel/")
PAIR_BASELINE = "baseline-pair"
PRINTS = re.compile(r"log_line|MARKER_|console_|# *if")  # and nothing hides behind the preprocessor
TIMEOUT_MIN_S, TIMEOUT_FACTOR = 5, 8  # a mutant may leave the machine idle: it gets a multiple of what a good run takes
BUILD_TIMEOUT_S = 300
PAIR_TIMEOUT_S = 40


class Broken(Exception):
    """The mutant proves nothing, for this reason."""


def environment():
    """Without the outer make's flags, and with git taking each copy for a plain directory."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")}
    return env | {"GIT_CEILING_DIRECTORIES": WORKPLACE, "PYTHONDONTWRITEBYTECODE": "1"}


def read(path):
    with open(path, "rb") as f:
        return f.read()


def tree_files():
    listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                             check=True, capture_output=True, text=True)
    return [path for path in listing.stdout.split("\0") if os.path.isfile(os.path.join(ROOT, path))]


def wanted(form, manifest):
    """(mutants in the order of the manifest, markers without one)"""
    rows = [line.split("\t")[-3:] if form == "lines" else line.split("\t")[-2:] for line in subprocess.run(
        [sys.executable, os.path.join(ROOT, "scripts", "markers.py"), form, os.path.join(ROOT, manifest)],
        check=True, capture_output=True, text=True).stdout.splitlines()]
    return [row[-2] for row in rows if row[-2] != "-"], [row[-1] for row in rows if row[-2] == "-"]


def touched(patch):
    """(paths that a patch changes, the lines taken out and put in); Broken when it changes more than the product."""
    lines = patch.decode("utf-8").splitlines()
    paths = [line[6:].split("\t")[0] for line in lines if line.startswith("+++ b/")]
    changes = [line[1:] for line in lines if re.match(r"[-+](?!--|\+\+)", line)]
    if not paths or not changes:
        raise Broken("not a patch")
    if any(not path.startswith(PRODUCT) or path == MANIFEST for path in paths):
        raise Broken("changes more than the product")
    return paths, changes


def lock_workplace():
    """The copies are used by one program at a time; the lock lasts as long as the file that is returned."""
    os.makedirs(WORKPLACE, exist_ok=True)
    lock = open(os.path.join(WORKPLACE, ".lock"), "wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Broken("another run uses the copies in build/mutants") from None
    return lock


class Copy:
    """A copy of the tree, with its own build."""

    def __init__(self, number, pair_names):
        self.root = os.path.join(WORKPLACE, str(number))
        self.pair_names = pair_names

    def sync(self, files):
        """Writes what differs and nothing else, so that make builds what differs and nothing else."""
        for path in files:
            source, target = os.path.join(ROOT, path), os.path.join(self.root, path)
            if not os.path.isfile(target) or read(source) != read(target):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy(source, target)
        for folder in PRODUCT:
            self._forget(folder, {path for path in files if path.startswith(folder)})
        if not os.path.isdir(os.path.join(self.root, ".deps")) and os.path.isdir(os.path.join(ROOT, ".deps")):
            shutil.copytree(os.path.join(ROOT, ".deps"), os.path.join(self.root, ".deps"), symlinks=True)

    def _forget(self, folder, files):
        for directory, _, names in os.walk(os.path.join(self.root, folder)):
            for name in names:
                path = os.path.join(directory, name)
                if os.path.relpath(path, self.root) not in files:
                    os.remove(path)

    def build(self, jobs):
        try:
            made = subprocess.run(["make", "--no-print-directory", f"-j{jobs}", IMAGE], cwd=self.root, env=environment(),
                                  timeout=BUILD_TIMEOUT_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except subprocess.TimeoutExpired:
            raise Broken("the build does not end") from None
        if made.returncode != 0:
            errors = re.findall(r".*error.*", made.stdout) or made.stdout.splitlines()[-1:]
            raise Broken(f"does not build: {errors[0] if errors else 'no message'}")

    def run(self, name, timeout_s):
        """(passed, the harness's verdict)"""
        command = [sys.executable, "tests/qemu/run.py", "--name", name, "--timeout", f"{timeout_s}s",
                   "--log", f"build/{name}.log", "--pcap", f"build/{name}.pcap"]
        if name in self.pair_names:
            timeout_s = PAIR_TIMEOUT_S
            command = [sys.executable, "tests/qemu/os2vm.py", "--name", name, "--timeout", f"{timeout_s}s",
                       "--work", "build/os2vm"]
        ran = subprocess.run(command, cwd=self.root, env=environment(), timeout=timeout_s + 30,
                             stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return ran.returncode == 0, (ran.stdout.splitlines() or [ran.stderr.strip()])[-1]

    def provision(self):
        for folder, arguments in (("build/provision/test", ["--bringup"]),
                                  ("build/os2vm/provision", ["--a", "node-a", "--b", "node-b", "--seed"])):
            shutil.rmtree(os.path.join(self.root, folder), ignore_errors=True)
            subprocess.run(["scripts/provision.sh", *arguments, "--out", folder], cwd=self.root, env=environment(),
                           check=True, stdout=subprocess.DEVNULL)

    @contextlib.contextmanager
    def patched(self, patch):
        """The image built with the patch; afterwards the copy is as before. Broken when that does not work."""
        if not os.path.isfile(patch):
            raise Broken("there is no such patch")
        paths = [os.path.join(self.root, path) for path in touched(read(patch))[0]]
        if not all(os.path.isfile(path) for path in paths):
            raise Broken("does not apply: it is for a file that is not there")
        before = {path: read(path) for path in paths}
        try:
            applied = subprocess.run(["git", "apply", "-p1", patch], cwd=self.root, env=environment(), capture_output=True,
                                     text=True)
            if applied.returncode != 0:
                raise Broken(f"does not apply: {applied.stderr.strip().splitlines()[0]}")
            self.build(1)
            yield
        finally:
            for path, content in before.items():
                with open(path, "wb") as f:
                    f.write(content)

    def try_mutant(self, name, timeout_s):
        """Why it was not killed, or None."""
        patch = os.path.join(PATCHES, name + ".patch")
        if os.path.isfile(patch) and any(PRINTS.search(line) for line in touched(read(patch))[1]):
            raise Broken("touches a print")
        with self.patched(patch):
            passed, verdict = self.run(name, timeout_s)
        # A pair's verdict has a marker for each node, and what one node does early the other may not have come to yet.
        missing = re.findall(r"missing marker (\S+): ", verdict)
        return None if not passed and name in missing else verdict


def prepare(workers, pair_names=frozenset()):
    """The copies, and how long a mutant may run. Nothing means anything before the tree itself is green."""
    files = tree_files()
    copies = [Copy(number, pair_names | {PAIR_BASELINE}) for number in range(workers)]
    first = copies[0]
    first.sync(files)
    first.build(os.cpu_count() or 1)
    for copy in copies[1:]:
        if not os.path.isdir(copy.root):
            shutil.copytree(first.root, copy.root, symlinks=True)
    slowest = 0
    for copy in copies:
        copy.sync(files)
        copy.build(os.cpu_count() or 1)
        copy.provision()
        begin = time.monotonic()
        passed, verdict = copy.run("baseline", 90)
        slowest = max(slowest, time.monotonic() - begin)
        if not passed:
            raise Broken(f"the tree itself: {verdict}")
    if pair_names:
        passed, verdict = first.run(PAIR_BASELINE, 0)
        if not passed:
            raise Broken(f"the tree itself, on two machines: {verdict}")
    return copies, max(TIMEOUT_MIN_S, round(slowest * TIMEOUT_FACTOR))


def run_all(names, copies, timeout_s):
    """Yields (name, why not killed or None) in the order of the names, as soon as it can."""
    free = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def one(name):
        copy = free.get()
        try:
            return name, copy.try_mutant(name, timeout_s)
        except Broken as why:
            return name, str(why)
        finally:
            free.put(copy)

    with concurrent.futures.ThreadPoolExecutor(len(copies)) as pool:
        yield from pool.map(one, names)


def main():
    names, exempt = wanted("lines", MANIFEST)
    pair_names, _ = wanted("phases", PAIR_MANIFEST)  # a line without one announces, or stands in the other manifest
    names += pair_names
    unasked = {name[:-6] for name in os.listdir(PATCHES) if name.endswith(".patch")} - set(names)
    if unasked or len(set(names)) != len(names):
        sys.exit(f"mutants: no marker, or two, for {' '.join(sorted(unasked)) or 'one of the names'}")
    if any(argument.startswith("-") for argument in sys.argv[1:]) or set(sys.argv[1:]) - set(names):
        sys.exit(__doc__)
    names = [name for name in names if name in sys.argv[1:]] or names
    begin = time.monotonic()
    try:
        lock = lock_workplace()
        copies, timeout_s = prepare(WORKERS, set(pair_names) & set(names))
    except Broken as why:
        sys.exit(f"mutants: {why}")
    print(f"TAP version 13\n1..{len(names)}", flush=True)
    killed = 0
    for number, (name, why) in enumerate(run_all(names, copies, timeout_s), 1):
        killed += why is None
        print(f"{'ok' if why is None else 'not ok'} {number} - {name}{'' if why is None else ': ' + why}", flush=True)
    for line in exempt:
        print(f"# exempt, as it only announces: {line}")
    print(f"# {time.monotonic() - begin:.0f} s\nmutants: killed {killed}/{len(names)}")
    lock.close()
    sys.exit(0 if killed == len(names) else 1)


if __name__ == "__main__":
    main()
