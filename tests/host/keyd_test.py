#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The key process by itself: up to eight results in one answer, each as RFC 7748 has it, and no answer to what is malformed. TAP.
"""HOST_PROGRAMS names the directory of the programs."""
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

KEYD = os.path.join(os.environ["HOST_PROGRAMS"], "dsoftbus-keyd")
IDENTITY, DH, DH_MAX, SOCKET_FD = 1, 2, 8, 3
P = 2**255 - 19
BASE = (9).to_bytes(32, "little")


def x25519(scalar, point):
    """RFC 7748 5."""
    k = int.from_bytes(scalar, "little") & ((1 << 254) - 8) | 1 << 254
    x1 = int.from_bytes(point, "little") % 2**255 % P
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        x3, z3 = (da + cb)**2 % P, x1 * (da - cb)**2 % P
        x2, z2 = aa * bb % P, (aa - bb) * (aa + 121665 * (aa - bb)) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


class Keyd:
    """A running key process and our end of its socket."""

    def __init__(self, key):
        self.directory = tempfile.TemporaryDirectory()
        path = os.path.join(self.directory.name, "key")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write(key.hex() + "\n")
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The shell puts the socket where the program looks for it, whatever its number was.
        command = ["sh", "-c", f'exec "$0" "$1" {SOCKET_FD}<&{theirs.fileno()}', KEYD, self.directory.name]
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
        theirs.close()
        self.socket.settimeout(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.wait(20)
        self.process.stderr.close()
        self.directory.cleanup()

    def ask(self, op, keys, count=None):
        """(ids, failed, results), or None when the process has ended in place of an answer."""
        count = len(keys) if count is None else count
        ids = [random.getrandbits(64) for _ in range(DH_MAX)]
        padded = (keys + [bytes(32)] * DH_MAX)[:DH_MAX]
        self.socket.send(struct.pack("=II8Q", op, count, *ids) + b"".join(padded))
        reply = self.socket.recv(1024)
        if not reply:
            return None
        got_op, got_count, failed, _, *got_ids = struct.unpack("=IIII8Q", reply[:80])
        assert (got_op, got_count) == (op, count)
        results = [reply[80 + 32 * i:112 + 32 * i] for i in range(DH_MAX)]
        assert op == IDENTITY or got_ids == ids[:count] + [0] * (DH_MAX - count)
        return failed, results


def test_up_to_eight_results():
    key = random.randbytes(32)
    with Keyd(key) as keyd:
        for count in range(1, DH_MAX + 1):
            points = [random.randbytes(32) for _ in range(count)]
            failed, results = keyd.ask(DH, points)
            assert failed == 0
            assert results[:count] == [x25519(key, point) for point in points], count
            assert all(r == bytes(32) for r in results[count:]), "what was not asked for is zero"


def test_one_of_low_order_fails_alone():
    key = random.randbytes(32)
    with Keyd(key) as keyd:
        for bad in range(DH_MAX):
            points = [random.randbytes(32) for _ in range(DH_MAX)]
            points[bad] = bytes(32)
            failed, results = keyd.ask(DH, points)
            assert failed == 1 << bad
            assert results == [x25519(key, point) for point in points]


def test_identity():
    key = random.randbytes(32)
    with Keyd(key) as keyd:
        failed, results = keyd.ask(IDENTITY, [bytes(32)])
        assert failed == 0 and results[0] == x25519(key, BASE)


def test_no_answer_to_what_is_malformed():
    for op, count in ((DH, 0), (DH, DH_MAX + 1), (0, 1), (3, 1), (IDENTITY, 2)):
        with Keyd(random.randbytes(32)) as keyd:
            assert keyd.ask(op, [BASE], count) is None, (op, count)
            assert keyd.process.wait(20) != 0


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
