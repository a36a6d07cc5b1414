#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A bad link between two network interfaces, each the near end of a cable (veth): what comes in at one goes out at the other.
"""usage: bad_link.py INTERFACE INTERFACE [--seed N] [--drop P] [--repeat P] [--reorder P] [--damage P] [--delay P]
                                        [--delay-ms MS] [--longest BYTES]

P is a share, such as 0.2. Delayed frames take up to MS milliseconds. IPv4 packets of more than BYTES are lost, and nobody is
told. Prints `ready`, and when it is terminated one JSON object with what it did."""
import os
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "link"))
import hostile

ETH_P_ALL = 3
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
FRAME_BYTES_MAX = 65550  # also one that the sender's kernel should have cut: it must not be shortened unseen


class Port:
    """A network interface, of which all frames are taken."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.setblocking(False)

    def fileno(self):
        return self.socket.fileno()

    def receive(self):
        return self.socket.recv(FRAME_BYTES_MAX)

    def send(self, frame):
        self.socket.send(frame)


def fits(frame, longest):
    """Whether this is not an IPv4 packet (without a VLAN tag) of more than `longest` bytes."""
    return frame[12:14] != b"\x08\x00" or struct.unpack("!H", frame[16:18])[0] <= longest


def main():
    p = hostile.parser(__doc__)
    p.add_argument("interfaces", nargs=2)
    p.add_argument("--delay-ms", type=float, default=20.0)
    p.add_argument("--longest", type=int, default=65535)
    a = p.parse_args()
    rates = hostile.rates(a, delay_s=a.delay_ms / 1000)
    hostile.Link([Port(name) for name in a.interfaces], a.seed, rates, lambda frame: fits(frame, a.longest)).run()


if __name__ == "__main__":
    main()
