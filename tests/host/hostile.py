#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# What a trusted peer may do that our own programs do not, by a node that shares no code with ours.
import importlib.util
import os
import secrets
import socket
import struct
import sys
import tempfile

sys.path[:0] = [os.path.join(os.path.dirname(__file__), d) for d in (".", "..", "../interop")]
PYTHON = "/usr/bin/python3"  # Debian's own: dissononce is installed for no other
if sys.executable != PYTHON:
    os.execv(PYTHON, [PYTHON, *sys.argv])
if importlib.util.find_spec("dissononce") is None:
    sys.exit("python3-dissononce is missing (scripts/deps.sh test)")
import tap
from foreign_dissononce import PrivateKey, READY, X25519DH, handshake, open_record, parse_record, receive_frame, send_frame
from loopback import Node, wait_for

OPEN, OPENED, DATA, CLOSE, BYE = 4, 5, 6, 8, 9
END = 1
CREDIT = struct.pack(">I", 1 << 16)


class Peer:
    """Trusted by the node, and has a session with it."""

    def __init__(self, node):
        key = secrets.token_bytes(32)
        public = bytes(X25519DH().generate_keypair(PrivateKey(key)).public.data)
        node_key = node.dsoftbus("id", "--card").split()[1].decode()
        node.dsoftbus("trust", "--card", "-", data=f"mallory {public.hex()}\n".encode())
        node.start()
        self.connection = socket.create_connection(("127.0.0.1", node.port), 20)
        self.sending, self.receiving = handshake(self.connection, {
            "static": key.hex(), "responder_id": node.name, "responder": node_key, "id": "mallory"}, {"messages": []})
        parse_record(self.read(), READY, "READY")

    def read(self):
        return open_record(self.receiving, receive_frame(self.connection, 17, 65535), "a record")

    def send(self, *records):
        """(type, stream, body, flags) each, all in one segment."""
        sealed = [self.sending.encrypt_with_ad(b"", struct.pack(">BBH", kind, flags, stream) + body)
                  for kind, stream, body, flags in records]
        self.connection.sendall(b"".join(struct.pack(">H", len(s)) + s for s in sealed))


class Host:
    """A node, and a peer that it trusts."""

    def __init__(self, settings):
        self.node = Node("host", settings)
        self.peer = Peer(self.node)
        self.control = self.node.control()

    def status(self, name):
        return self.control.call(op="status")["result"][name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.connection.close()
        self.node.close()


def test_a_stream_that_is_withdrawn_at_once_is_forgotten():
    with Host("[echo]\nallow = mallory\n") as h:
        for stream in range(1, 201, 2):
            h.peer.send((OPEN, stream, CREDIT + b"echo", 0), (CLOSE, stream, b"\0", 0))
        h.peer.send((OPEN, 201, CREDIT + b"echo", 0))
        while h.peer.read()[:4] != struct.pack(">BBH", OPENED, 0, 201):
            pass
        assert h.status("streams") == 1, h.status("streams")
        h.peer.send((OPEN, 203, CREDIT + b"echo", 0), (BYE, 0, b"\0", 0))  # and with it the session
        wait_for(lambda: h.status("sessions") == 0, "the end of the session")
        assert h.status("streams") == 0, h.status("streams")


def test_a_stream_that_ends_before_it_is_accepted():
    with tempfile.TemporaryDirectory(prefix="dsoftbus-test-") as inbox:
        with Host(f"[echo]\nallow = mallory\n[file]\ndirectory = {inbox}\nallow = mallory\n") as h:
            for stream, service in ((1, b"echo"), (3, b"file")):
                h.peer.send((OPEN, stream, CREDIT + service, 0), (DATA, stream, b"", END))
                assert h.peer.read()[:4] == struct.pack(">BBH", OPENED, 0, stream)
                answer = h.peer.read()
                assert answer == struct.pack(">BBH", DATA, END, stream), (service, answer)
            wait_for(lambda: h.status("streams") == 0, "no stream is left")


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
