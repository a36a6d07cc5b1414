#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Boots one image on the deterministic machine and judges its console by the marker manifest.
"""usage: run.py [options]; prints a verdict as its last line and exits 0 only when all markers appeared in
order, no line ended in FAIL, and the machine itself ended with status 0."""
import argparse
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machine
from matcher import Matcher, verdict

TFTP_TEXT = "dsoftbus tftp check\n"
TAIL_LINES = 20


def markers(manifest):
    """(id, line) of every marker; the id of one without a mutant is its constant."""
    script = os.path.join(ROOT, "scripts", "markers.py")
    text = subprocess.run([sys.executable, script, "lines", manifest], check=True, capture_output=True, text=True)
    rows = [line.split("\t", 2) for line in text.stdout.splitlines()]
    return [(name if mutant == "-" else mutant, line) for name, mutant, line in rows]


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--image", default="build/os/test/neuron.elf")
    p.add_argument("--provision", default="build/provision/test")
    p.add_argument("--manifest", default="services/markers.manifest")
    p.add_argument("--log", default="build/uart.log")
    p.add_argument("--pcap", default="build/net.pcap")
    p.add_argument("--timeout", default="90s", type=machine.seconds)
    p.add_argument("--until-marker", action="store_true", help="stop as soon as the last marker has appeared")
    p.add_argument("--name", default="qemu-test", help="the word that starts the verdict")
    return p.parse_args()


def print_tail(path):
    with open(path, "rb") as f:
        lines = f.read().decode("utf-8", "backslashreplace").splitlines()
    print(f"--- the last lines of {path}:")
    print("\n".join(lines[-TAIL_LINES:]))
    print("---")


def main():
    a = arguments()
    for path in (a.image, a.provision):
        if not os.path.exists(path):
            sys.exit(f"{a.name}: FAIL {path} does not exist")
    matcher = Matcher(markers(a.manifest))
    with tempfile.TemporaryDirectory(prefix="dsoftbus-tftp-") as tftp:
        with open(os.path.join(tftp, "selftest.txt"), "w", encoding="ascii") as f:
            f.write(TFTP_TEXT)
        argv = machine.command(a.image, a.provision, f"file:{a.log}", pcap=a.pcap, tftp=tftp)
        begin = time.monotonic()
        with machine.Machine(argv, a.log) as m:
            in_time = m.watch(matcher.feed, lambda: a.until_marker and matcher.complete, a.timeout)
            exit_status = m.exit_status
        elapsed = time.monotonic() - begin
    matcher.end()
    stopped = a.until_marker and matcher.complete and exit_status is None
    passed, why = verdict(matcher, exit_status, not in_time, stopped)
    if not passed:
        print_tail(a.log)
    print(f"{a.name}: {'PASS' if passed else 'FAIL'} {matcher.count()}, {why}, {elapsed:.1f} s")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
