#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Two machines send each other streams over links that lose, reorder, repeat and damage frames, and through a power cut. TAP.
"""usage: link_stream_test.py IMAGE WORK_DIR [worst]

With `worst` also through the worst link, which takes minutes.

IMAGE is the test image: its selftest-client sends a pattern to the other machine's, which compares every byte and says when
256 KiB, 1 MiB and 10 MiB of it have come (services/selftest-client/remote.c). The sender prints what the far end has said.
The machines run at the same time and wait more than they work. Each run's captures are searched for its keys."""
import concurrent.futures
import os
import re
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import link_test
import machine
import pair

PHASES = link_test.PHASES + ("ping", "stream", "end")
POWER_CUT_AT = 256 << 10
PCAP_HEADER = 24
PATTERN = 0x9E3779B97F4A7C15  # remote.c: the n-th word of eight bytes is n times this, from 1 on
LOST, ANEW = "dsoftbusd: session lost peer=node-b", "dsoftbusd: cross-vm session ok node-b"
# What is sent each way, over which link, in how many seconds.
RUNS = [("1 MiB each way at 5 % loss", 1 << 20, ["--drop", "0.05", "--seed", "1"], 120),
        ("256 KiB each way at 20 % loss, 25 % reordered, 5 % repeated, 1 % damaged", 256 << 10,
         link_test.BAD + ["--seed", "1"], 900)]


def said(node, text):
    """How many lines of the node's console begin with it."""
    with open(node.log_path, encoding="ascii", errors="replace") as f:
        return sum(line.startswith(text) for line in f)


def compared(node, count):
    return said(node, f"SELFTEST: remote stream {count} bytes ok\n")


def watch(both, done, seconds):
    """None, or what is wrong when `done` does not come true."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        ended = [node.poll() for node in both.nodes]
        if done():
            return None
        for node, over in zip(both.nodes, ended):
            if node.failures or over:
                return f"{node.id}: {node.failures[0] if node.failures else 'ended'}"
        time.sleep(machine.TICK_S)
    return f"not within {seconds} s"


def pattern(at):
    """16 bytes of what is sent, from place `at`, a multiple of 8."""
    return b"".join(((at // 8 + i) * PATTERN % 2**64).to_bytes(8, "little") for i in (1, 2))


def shows_plaintext(raw):
    """Whether a piece of the pattern is in it; one of 16 bytes in each 512 that are sent is looked for."""
    return any(pattern(at) in raw for at in range(0, POWER_CUT_AT, 512))


def search(nodes):
    """What of keys and plaintext is in the logs and captures of these boots, or None."""
    for node in nodes:
        with open(node.pcap, "rb") as f:
            raw = f.read()
        if shows_plaintext(raw):
            return f"plaintext in {node.pcap}"
        if not shows_plaintext(raw + pattern(1 << 14)):
            return "control: planted plaintext is not found"
    return link_test.shown_key(nodes)


def stream(image, work, count, options, seconds):
    """(seconds it took, what is wrong or None)"""
    os.makedirs(work)
    link_test.provision(work)
    with link_test.Link(options) as link:
        made = link_test.nodes(image, work, link, PHASES)
        with pair.Pair(*made) as both:
            wrong = watch(both, lambda: all(compared(node, count) for node in made), seconds)
            took = time.monotonic() - both.begin
    return took, f"{wrong}; link {link.counts}" if wrong else search(made)


def next_boot(directory):
    """Makes DIRECTORY-again: the same with the next boot number, so that no seed is used twice."""
    shutil.copytree(directory, f"{directory}-again")
    for name in os.listdir(directory):
        with open(f"{directory}/{name}", encoding="ascii") as f:
            text = f.read()
        with open(f"{directory}-again/{name}", "w", encoding="ascii") as f:
            f.write(re.sub(r"^boot 0$", "boot 1", text, flags=re.M))


def append_capture(begin, path):
    """Puts what was captured before in front, in which the connections begin that the other end still sends on."""
    with open(begin, "rb") as f:
        raw = f.read()
    with open(path, "rb") as f:
        raw += f.read()[PCAP_HEADER:]
    with open(path, "wb") as f:
        f.write(raw)


def power_cut(image, work):
    """node-b goes off while both streams run, and on again: all of them comes in the next session, from the first byte."""
    os.makedirs(work)
    link_test.provision(work)
    with link_test.Link(["--seed", "1"]) as link:
        a, b = link_test.nodes(image, work, link, PHASES)
        with pair.Pair(a, b) as both:
            wrong = watch(both, lambda: compared(a, POWER_CUT_AT), link_test.HANDSHAKE_S)
            if wrong or said(a, "SELFTEST: remote stream ok"):
                return f"no stream to cut: {wrong}"
            b.machine.process.kill()  # no BYE, no FIN
            b.machine.process.wait()
            next_boot(b.provision)
            os.remove(os.path.join(link.directory.name, "b"))
            # node-a notices first and dials: all may be over before it announces itself again, so node-b need not hear that.
            order = [phase for phase, _ in b.matchers if phase.name != "discovery"]
            again = pair.Node("b", image, work, link.netdev("b"), order)
            again.log_path, again.pcap = f"{work}/node-b-again.log", f"{work}/node-b-again.pcap"
            again.provision = f"{b.provision}-again"
            both.nodes = (a, again)
            again.start()
            both.begin = time.monotonic()
            if not both.watch(link_test.BACK_S):
                return f"no end within {link_test.BACK_S} s of the power cut"
            found = pair.faults(both.nodes, False)
    if found:
        return " | ".join(f"phase {phase.name} on {node.id}: {why}" for phase, node, why in found)
    if not said(a, LOST) or said(a, ANEW) != 2:
        return "node-a has not lost the session and had another"
    append_capture(b.pcap, again.pcap)
    return search((a, b, again))


def results(image, work, runs):
    with concurrent.futures.ThreadPoolExecutor(len(runs) + 1) as pool:
        cut = pool.submit(power_cut, image, f"{work}/power-cut")
        jobs = [pool.submit(stream, image, f"{work}/stream-{number}", *run[1:]) for number, run in enumerate(runs, 1)]
        for (name, *_), job in zip(runs, jobs):
            took, wrong = job.result()
            yield f"{name}: {took:.0f} s", wrong
        yield "a power cut during the streams", cut.result()


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[3:] not in ([], ["worst"]):
        sys.exit(__doc__)
    image, work = sys.argv[1], os.path.abspath(sys.argv[2])
    runs = RUNS if sys.argv[3:] else RUNS[:1]
    shutil.rmtree(work, ignore_errors=True)
    failed = number = 0
    for number, (name, wrong) in enumerate(results(image, work, runs), 1):
        failed += wrong is not None
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}" + (f"\n# {wrong}" if wrong else ""), flush=True)
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
