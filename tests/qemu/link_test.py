#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Two machines with a bad link between them find each other, authenticate, and come back after a power cut. TAP.
"""usage: link_test.py IMAGE WORK_DIR [HANDSHAKES [MAY_FAIL]]

IMAGE is the lab image. HANDSHAKES pairs (10) are booted, each with a seed of its own for the link, which loses 20 % of the
frames, reorders 25 %, repeats 5 % and damages 1 %; all but MAY_FAIL (0) must have a proven session within 30 s of their
boot. The machines run in real time, so guest time is not longer than the time that passes here. Logs and captures of each
pair are searched for its keys (build/host/keyscan)."""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import machine
import pair

ROOT = os.path.join(HERE, "../..")
HOSTILE = os.path.join(ROOT, "tests", "link", "hostile.py")
BAD = ["--drop", "0.2", "--repeat", "0.05", "--reorder", "0.25", "--damage", "0.01"]
HANDSHAKE_S = 30
BACK_S = 90  # a lost session is noticed after 45 s of silence at the latest
PAIRS_AT_ONCE = 2
PHASES = ("boot", "discovery", "session")  # what there is without a selftest


def provision(work, addresses=False):
    """Fresh keys; addresses: each knows where the other is, and so announces itself to it directly."""
    subprocess.run([f"{ROOT}/scripts/provision.sh", "--out", f"{work}/provision", "--a", "node-a", "--b", "node-b", "--seed"],
                   check=True, stdout=subprocess.DEVNULL)
    for letter in pair.IDS if addresses else ():
        other = pair.other(letter)
        path = f"{work}/provision/{pair.IDS[letter]}/dsoftbusd"
        with open(path, encoding="ascii") as f:
            text = f.read()
        where = f"{pair.ADDRESSES[other]}:{pair.PORTS[other]}"
        with open(path, "w", encoding="ascii") as f:
            f.write(re.sub(r"^(peer \S+ [0-9a-f]{64})", rf"\1 {where}", text, flags=re.M))


class Link:
    """hostile.py as a process of its own, and the two machines' ends of it."""

    def __init__(self, options):
        self.directory = tempfile.TemporaryDirectory(prefix="dsoftbus-")
        self.process = subprocess.Popen([sys.executable, HOSTILE, self.directory.name, *options], stdout=subprocess.PIPE,
                                        text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the link does not come up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.counts = self.process.communicate(timeout=10)[0].strip()
        self.directory.cleanup()

    def netdev(self, letter):
        return (f"dgram,id=net0,local.type=unix,local.path={self.directory.name}/{letter},"
                f"remote.type=unix,remote.path={self.directory.name}/to-{letter}")


def nodes(image, work, link, phases):
    order = [phase for phase in pair.phases(f"{ROOT}/services/two-machine.manifest") if phase.name in phases]
    return [pair.Node(letter, image, work, link.netdev(letter), order) for letter in pair.IDS]


def shown_key(nodes):
    """What the key scan finds in the logs and captures of these boots, or None."""
    argv = [f"{ROOT}/build/host/keyscan", "nodes"]
    for node in nodes:
        argv += [node.provision, node.log_path, node.pcap]
    scan = subprocess.run(argv, capture_output=True, text=True)
    return None if scan.returncode == 0 else f"key scan: {(scan.stdout + scan.stderr).strip().splitlines()[-1]}"


def run(image, work, options, phases=PHASES, addresses=False):
    """(seconds until all markers of the phases were there, what is wrong or None)"""
    os.makedirs(work)
    provision(work, addresses)
    with Link(options) as link:
        made = nodes(image, work, link, phases)
        with pair.Pair(*made) as both:
            in_time = both.watch(HANDSHAKE_S)
            took = time.monotonic() - both.begin
    found = pair.faults(made, not in_time)
    wrong = " | ".join(f"phase {phase.name} on {node.id}: {why}" for phase, node, why in found)
    if wrong:
        return took, f"{wrong}; link {link.counts}"
    return took, shown_key(made) if "session" in phases else None


def power_cycle(image, work):
    """node-b is switched off without a word, and on again: a session with it is proven once more."""
    os.makedirs(work)
    provision(work)
    proven = "dsoftbusd: cross-vm session ok node-b\n"
    with Link(["--seed", "1"]) as link:
        a, b = nodes(image, work, link, PHASES)
        with pair.Pair(a, b) as both:
            if not both.watch(HANDSHAKE_S) or a.missing or b.missing:
                return "no session before the power cut"
            b.machine.process.kill()  # no BYE, no FIN
            b.machine.process.wait()
            again = pair.Node("b", image, work, link.netdev("b"), [phase for phase, _ in b.matchers])
            again.log_path, again.pcap = f"{work}/node-b-again.log", f"{work}/node-b-again.pcap"
            os.remove(os.path.join(link.directory.name, "b"))
            both.nodes = (a, again)
            again.start()
            begin = time.monotonic()
            while time.monotonic() - begin < BACK_S:
                a.poll()
                again.poll()
                with open(a.log_path, encoding="ascii", errors="replace") as f:
                    if f.read().count(proven) >= 2 and again.missing is None:
                        return None
                time.sleep(machine.TICK_S)
    return f"no session within {BACK_S} s of the power cut"


def handshakes(image, work, count):
    """(seconds, what is wrong or None) of each."""
    with concurrent.futures.ThreadPoolExecutor(PAIRS_AT_ONCE) as pool:
        jobs = [pool.submit(run, image, f"{work}/handshake-{seed}", BAD + ["--seed", str(seed)])
                for seed in range(1, count + 1)]
        for job in jobs:
            yield job.result()


def results(image, work, count, may_fail):
    failed, times = [], []
    for seed, (took, wrong) in enumerate(handshakes(image, work, count), 1):
        times.append(took)
        if wrong:
            failed.append(f"seed {seed}: {wrong}")
    for text in failed:
        print(f"# {text}")
    slowest = max(times)
    yield (f"{count - len(failed)} of {count} handshakes through the bad link, the slowest after {slowest:.1f} s",
           None if len(failed) <= may_fail else f"{len(failed)} failed")
    for way in ("multicast", "broadcast", "unicast"):
        yield f"found by {way} alone", run(image, f"{work}/{way}", ["--only", way], ("boot", "discovery"), way == "unicast")[1]
    # The control: without any announce nobody is found. Unicast announces go to known addresses only, and there are none.
    wrong = run(image, f"{work}/silence", ["--only", "unicast"], ("boot", "discovery"))[1]
    yield "control: without announces nobody is found", None if wrong and "phase discovery" in wrong else "somebody was found"
    yield "a session again after a power cut", power_cycle(image, f"{work}/power")


def main():
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    image, work = sys.argv[1:3]
    count, may_fail = (int(word) for word in (sys.argv[3:] + ["10", "0"][len(sys.argv) - 3:]))
    shutil.rmtree(work, ignore_errors=True)
    failed = number = 0
    for number, (name, wrong) in enumerate(results(image, os.path.abspath(work), count, may_fail), 1):
        failed += wrong is not None
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}" + (f"\n# {wrong}" if wrong else ""), flush=True)
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
