#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The link between two machines, and what can go wrong on it: each machine's frames come and go by a unix datagram socket.
"""usage: hostile.py DIR [--seed N] [--drop P] [--repeat P] [--reorder P] [--damage P] [--delay P] [--only WAY]

QEMU's ends are DIR/a and DIR/b (`-netdev dgram`), the program's are DIR/to-a and DIR/to-b. P is a share, such as 0.2. The n-th
frame of each direction meets the same fate for the same seed. --only multicast, broadcast or unicast lets announces pass that
are sent in this way, and no others. Prints `ready`, and when it is terminated one JSON object with what it did."""
import argparse
import json
import os
import select
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fate

ANNOUNCE_PORT = b"\x90\x9c"  # 37020
FRAME_BYTES_MAX = 2048
WAYS = {"multicast": lambda mac: mac[0] & 1 and mac != b"\xff" * 6, "broadcast": lambda mac: mac == b"\xff" * 6,
        "unicast": lambda mac: not mac[0] & 1}


def is_announce(frame):
    """A UDP datagram over IPv4 (without options) to the announces' port."""
    return frame[12:14] == b"\x08\x00" and frame[14:15] == b"\x45" and frame[23:24] == b"\x11" and frame[36:38] == ANNOUNCE_PORT


def passes(frame, only):
    return only is None or not is_announce(frame) or bool(WAYS[only](frame[:6]))


class Port:
    """Where one of QEMU's machines is plugged in."""

    def __init__(self, directory, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(directory, f"to-{name}"))
        self.socket.setblocking(False)
        self.peer = os.path.join(directory, name)

    def fileno(self):
        return self.socket.fileno()

    def receive(self):
        return self.socket.recv(FRAME_BYTES_MAX)

    def send(self, frame):
        self.socket.sendto(frame, self.peer)


class Link:
    """Both directions between two ports. An injector may see each frame that arrives, and send frames of its own; `passes`
    says of each that arrives whether it goes on at all."""

    def __init__(self, ports, seed, rates, passes=None, injector=None):
        self.passes, self.injector = passes or (lambda frame: True), injector
        self.filtered = 0
        self.ports = dict(zip("ab", ports))
        self.directions = {here: fate.Direction(seed, f"{here}->{there}", rates) for here, there in ("ab", "ba")}

    def send(self, to, frames):
        for frame in frames:
            try:
                self.ports[to].send(frame)
            except OSError:
                pass  # the machine is off, or its queue is full: a link loses such frames

    def _take(self, here, now_s):
        there = "b" if here == "a" else "a"
        for _ in range(64):
            try:
                frame = self.ports[here].receive()
            except OSError:
                return
            if self.injector is not None:
                for to, forged in self.injector.saw(here, frame):
                    self.send(to, [forged])
            if self.passes(frame):
                self.send(there, self.directions[here].arrive(frame, now_s))
            else:
                self.filtered += 1

    def turn(self, wait_s):
        """Waits for frames, no longer than wait_s, and deals with all that has come or is due."""
        now_s = time.monotonic()
        times = [t for t in (d.next_due() for d in self.directions.values()) if t is not None]
        wait_s = max(0.0, min([wait_s] + [t - now_s for t in times]))
        ready = select.select(list(self.ports.values()), [], [], wait_s)[0]
        now_s = time.monotonic()
        for here, there in (("a", "b"), ("b", "a")):
            if self.ports[here] in ready:
                self._take(here, now_s)
            self.send(there, self.directions[here].due(now_s))

    def counts(self):
        return {d.name: d.counts for d in self.directions.values()} | {"filtered": self.filtered}

    def run(self):
        """Says that it is ready, and when it is terminated what it did."""
        over = []
        signal.signal(signal.SIGTERM, lambda *_: over.append(True))
        print("ready", flush=True)
        while not over:
            self.turn(0.2)
        print(json.dumps(self.counts()), flush=True)


def parser(usage):
    p = argparse.ArgumentParser(description=usage)
    p.add_argument("--seed", default="0")
    for name in ("drop", "repeat", "reorder", "damage", "delay"):
        p.add_argument(f"--{name}", type=float, default=0.0)
    return p


def rates(a, **more):
    return fate.Rates(a.drop, a.repeat, a.reorder, a.damage, a.delay, **more)


def main():
    p = parser(__doc__)
    p.add_argument("directory")
    p.add_argument("--only", choices=sorted(WAYS))
    a = p.parse_args()
    Link([Port(a.directory, name) for name in "ab"], a.seed, rates(a), lambda frame: passes(frame, a.only)).run()


if __name__ == "__main__":
    main()
