#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The published test data, complete, through one program, which takes each path that its processor has; or an image for a
# bare rv64 machine, or a program for the emulated processor of tests/emulator. Then once for each kind with one wrong expectation, which has to be found. TAP.
"""usage: published_test.py VECTORS WORK PROGRAM"""
import os
import re
import subprocess
import sys

sys.path[:0] = [os.path.join(os.path.dirname(__file__), part) for part in ("..", "../emulator")]
import run_emulator
import tap

VECTORS, WORK, PROGRAM = sys.argv[1:4]
del sys.argv[1:]
GENERATOR = os.path.join(os.path.dirname(__file__), "published.py")
ITERATIONS = int(os.environ.get("ITERATIONS", "1000"))
TIMEOUT_S = 3600 if ITERATIONS > 1000 else 120
# How many cases there are. The AEAD has nine more, with a nonce of another length: no call takes them.
CASES = {"x25519": 518, "aead": 325 - 9, "blake2s": 256, "noise": 1, "iterated": 1}
DAMAGES = {"x25519": "x25519", "low-order": "x25519", "aead": "aead", "forgery": "aead", "blake2s": "blake2s", "noise": "noise",
           "iterated": "iterated"}
# The emulated processor is slow.
EMULATED = PROGRAM.endswith(".program")
if EMULATED:
    ITERATIONS = 1
    DAMAGES = {"forgery": "aead"}
QEMU = ["qemu-system-riscv64", "-M", "virt", "-m", "64M", "-bios", "none", "-display", "none", "-monitor", "none", "-serial",
        "stdio", "-cpu", "rv64,f=off,d=off,h=off,zba=off,zbb=off,zbc=off,zbs=off,sstc=off,Zihintpause=off"]


def data(name, *options):
    if not os.path.isdir(VECTORS):
        tap.skip(f"published test data not found at {VECTORS}")
    os.makedirs(WORK, exist_ok=True)
    path = f"{WORK}/{os.getpid()}-{name}.bin"
    subprocess.run([sys.executable, GENERATOR, VECTORS, path, *options], check=True, capture_output=True)
    return path


def execute(path):
    """Exit status, {path through the library: {kind: (cases, failed)}}, those that the machine lacks, and all that was said."""
    argv = [PROGRAM, path]
    if PROGRAM.endswith(".elf"):
        argv = [*QEMU, "-kernel", PROGRAM, "-device", f"loader,file={path},addr=0x82000000,force-raw=on"]
    if EMULATED:
        ended, out, log = run_emulator.run(PROGRAM.replace(".program", ".boot"), PROGRAM, f"{WORK}/emulator", path)
        status = 0 if ended and "FAIL" not in out else 1
        out += "" if ended else f"the program did not end; see {log}"
    else:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
        status, out = done.returncode, done.stdout + done.stderr
    results = {}
    for part in re.split(r"^path ", out, flags=re.M)[1:]:
        rows = re.findall(r"^(\w+) ([0-9]+) cases, ([0-9]+) failed$", part, re.M)
        results[part.split()[0]] = {kind: (int(cases), int(failed)) for kind, cases, failed in rows}
    return status, results, re.findall(r"^lacks (\S+)$", out, re.M), out


def test_all_cases():
    path = data("all", "--iterations", str(ITERATIONS))
    status, results, lacking, out = execute(path)
    os.remove(path)
    assert status == 0 and (EMULATED or "portable" in results) and not (EMULATED and lacking), out
    for name, result in results.items():
        expected = {kind: (cases, 0) for kind, cases in CASES.items()}
        if EMULATED and "ifma" not in name:  # see tests/emulator/published.c
            expected["x25519"] = (0, 0)
        assert result == expected, f"{name}: {result}"
        print(f"# {name}: " + ", ".join(f"{kind} {cases}" for kind, (cases, _) in result.items()))
    for name in lacking:
        print(f"# not run: this processor or build lacks {name}")


def test_a_wrong_expectation_is_found():
    for what, kind in DAMAGES.items():
        path = data(what, "--iterations", "1", "--damage", what, *(("--only", kind) if EMULATED else ()))
        status, results, _, out = execute(path)
        os.remove(path)
        assert status == 1 and results, out
        assert re.findall(r"^FAIL (\w+)", out, re.M) == [kind] * len(results), f"{what}: {out}"
        for result in results.values():
            assert {k: n[1] for k, n in result.items()} == {k: int(k == kind) for k in CASES}, f"{what}: {out}"
            assert result[kind][0] == CASES[kind], out


def test_a_short_file_is_no_pass():
    if EMULATED:
        return  # the same code as on the host
    path = data("short")
    with open(path, "r+b") as f:
        whole = f.read()
        for content in (whole[:-1], whole[:20], b"", whole[:40] + b"\x09" + whole[41:], b"X" + whole[1:]):
            f.seek(0)
            f.truncate()
            f.write(content)
            f.flush()
            status, _, _, out = execute(path)
            assert status != 0 and "FAIL" in out, out
    os.remove(path)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
