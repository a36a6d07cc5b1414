# SPDX-License-Identifier: Apache-2.0
# Two machines on one link, node-a and node-b, and the judgement of what they print.
import os
import subprocess
import sys
import time

import machine
from matcher import Matcher

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MACS = {"a": 0x0A, "b": 0x0B}
IDS = {"a": "node-a", "b": "node-b"}
ADDRESSES = {letter: f"10.42.0.{mac}" for letter, mac in MACS.items()}
PORTS = {"a": 34567, "b": 34568}
SOCKET_S = 10
END = "SELFTEST: end"


def other(letter):
    return "b" if letter == "a" else "a"


class Phase:
    """A part of the run: the markers of each node are in order within it."""

    def __init__(self, name, status):
        self.name, self.status = name, status
        self.markers = {letter: [] for letter in IDS}  # (id, line)


def phases(manifest):
    """The phases in order; the id of a marker without a mutant of its own is its constant."""
    script = os.path.join(ROOT, "scripts", "markers.py")
    text = subprocess.run([sys.executable, script, "phases", manifest], check=True, capture_output=True, text=True).stdout
    order = []
    for name, status, letters, constant, mutant, line in (row.split("\t") for row in text.splitlines()):
        if not order or order[-1].name != name:
            order.append(Phase(name, int(status)))
        for letter in letters:
            text = line.replace("{peer}", IDS[other(letter)]).replace("{address}", ADDRESSES[letter])
            order[-1].markers[letter].append((constant if mutant == "-" else mutant, text))
    return order


def stream_link(directory):
    """The two ends of a unix stream: node-a's QEMU listens, node-b's connects."""
    path = os.path.join(directory, "link")
    end = f"addr.type=unix,addr.path={path}"
    return {"a": f"stream,id=net0,server=on,{end}", "b": f"stream,id=net0,server=off,{end}"}


class Node:
    """One machine of the two: WORK/<id>.log and WORK/<id>.pcap, provisioned from WORK/provision/<id>."""

    def __init__(self, letter, image, work, netdev, order):
        self.letter, self.id, self.image, self.netdev = letter, IDS[letter], image, netdev
        self.log_path, self.pcap = f"{work}/{self.id}.log", f"{work}/{self.id}.pcap"
        self.provision = f"{work}/provision/{self.id}"
        self.matchers = [(phase, Matcher(phase.markers[letter])) for phase in order if phase.markers[letter]]
        self.must_end = any(line == END for phase in order for _, line in phase.markers[letter])
        self.machine = None
        self.exit_status = None  # as the machine itself ended

    def start(self):
        argv = machine.command(self.image, self.provision, f"file:{self.log_path}", pcap=self.pcap, deterministic=False,
                               mac=MACS[self.letter], netdev=self.netdev)
        self.machine = machine.Machine(argv, self.log_path)

    def stop(self):
        if self.machine is not None:
            self.machine.stop()

    def poll(self):
        """Takes in what the console has printed; True when the machine has ended."""
        data, ended = self.machine.read()
        for _, matcher in self.matchers:
            matcher.feed(data)
        if ended:
            self.exit_status = self.machine.exit_status
        return ended

    @property
    def failures(self):
        return self.matchers[0][1].failures

    @property
    def missing(self):
        """(phase, (id, line)) of the first marker that has not been seen, or None."""
        return next(((phase, matcher.missing) for phase, matcher in self.matchers if not matcher.complete), None)

    @property
    def done(self):
        return self.missing is None and (not self.must_end or self.exit_status is not None)

    def count(self):
        seen = sum(matcher.matched for _, matcher in self.matchers)
        return f"{seen}/{sum(len(matcher.markers) for _, matcher in self.matchers)} markers"


class Pair:
    """Both machines, started and, whatever happens, stopped."""

    def __init__(self, a, b):
        self.nodes = (a, b)
        self.begin = time.monotonic()

    def __enter__(self):
        a, b = self.nodes
        try:
            a.start()
            wait_for_socket(a)
            b.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.stop()

    def watch(self, timeout_s, done=None):
        """Until every node is done (or done() says so), one has failed, or time is up: False."""
        while time.monotonic() - self.begin < timeout_s:
            ended = [node.poll() for node in self.nodes]
            if done() if done else all(node.done for node in self.nodes):
                return True
            if any(node.failures for node in self.nodes):
                return True
            if any(over and not node.done for over, node in zip(ended, self.nodes)):
                return True
            time.sleep(machine.TICK_S)
        return False


def wait_for_socket(node):
    """Until node-a's end of a stream link is there: QEMU's client does not try twice."""
    if "server=on" not in node.netdev:
        return
    path = node.netdev.rsplit("addr.path=", 1)[1]
    deadline = time.monotonic() + SOCKET_S
    while not os.path.exists(path):
        if node.machine.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"QEMU of {node.id} does not offer the link {path}")
        time.sleep(machine.TICK_S)


def faults(nodes, timed_out):
    """(phase, node, why) of each node that failed, the earliest phase first."""
    found = []
    for node in nodes:
        why = []
        phase = node.missing[0] if node.missing else node.matchers[-1][0]
        if node.failures:
            why.append(f"line '{node.failures[0]}'")
        if node.missing:
            why.append("missing marker {}: '{}'".format(*node.missing[1]))
        if node.exit_status is not None and (node.exit_status != 0 or not node.must_end):
            why.append(f"exit status {node.exit_status}")
        if timed_out and not node.done:
            why.append("time-out")
        if why:
            found.append((phase, node, "; ".join(why)))
    return sorted(found, key=lambda fault: fault[0].status)
