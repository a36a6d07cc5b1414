#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Boots two machines on one link and judges both by services/two-machine.manifest and by their captures.
"""usage: os2vm.py [options]; the last line is the verdict, and says what failed: the phase, the node, the marker. Exit
status 0, that of the phase (see the manifest), 1 when the machines could not be started, 20 when a capture lacks
something. WORK/provision/<id> holds the daemon's file of each node."""
import argparse
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import foreign_capture
import machine
import pair
import pair_capture

STATUS_START, STATUS_CAPTURE = 1, 20
TAIL_LINES = 12


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--image", default="build/os/test/neuron.elf")
    p.add_argument("--work", default="build/os2vm")
    p.add_argument("--manifest", default="services/two-machine.manifest")
    p.add_argument("--timeout", default="180s", type=machine.seconds)
    p.add_argument("--name", default="os2vm", help="the word that starts the verdict")
    return p.parse_args()


def print_tail(path):
    with open(path, "rb") as f:
        lines = f.read().decode("utf-8", "backslashreplace").splitlines()
    print(f"--- the last lines of {path}:", *lines[-TAIL_LINES:], "---", sep="\n")


def check_captures(nodes):
    """What is wrong with the first capture that lacks something, or None."""
    for node in nodes:
        try:
            with open(node.pcap, "rb") as f:
                raw = f.read()
            pair_capture.check_discovery(raw, pair.ADDRESSES.values())
            pair_capture.check_session(raw, pair.PORTS["b"])
        except (OSError, foreign_capture.CaptureError) as e:
            return f"{node.id}: {e}"
    return None


def judge(nodes, timed_out):
    """(exit status, text)"""
    found = pair.faults(nodes, timed_out)
    if found:
        texts = [f"phase {phase.name} on {node.id}: {why}" for phase, node, why in found]
        return found[0][0].status, " | ".join(texts)
    wrong = check_captures(nodes)
    if wrong:
        return STATUS_CAPTURE, f"phase capture on {wrong}"
    ends = ["exit status 0" if node.must_end else "stopped at the last marker" for node in nodes]
    return 0, ", ".join(f"{node.id} {node.count()}, {end}" for node, end in zip(nodes, ends))


def main():
    a = arguments()
    order = pair.phases(a.manifest)
    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="dsoftbus-") as link:  # short enough for a socket's name
            ends = pair.stream_link(link)
            nodes = [pair.Node(letter, a.image, a.work, ends[letter], order) for letter in pair.IDS]
            with pair.Pair(*nodes) as both:
                in_time = both.watch(a.timeout)
    except (OSError, RuntimeError) as e:
        print(f"{a.name}: FAIL phase start: {e}")
        sys.exit(STATUS_START)
    status, text = judge(nodes, not in_time)
    if status != 0:
        for node in nodes:
            print_tail(node.log_path)
    print(f"{a.name}: {'FAIL' if status else 'PASS'} {text}, {time.monotonic() - begin:.1f} s")
    sys.exit(status)


if __name__ == "__main__":
    main()
