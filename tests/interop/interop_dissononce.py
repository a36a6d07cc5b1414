# SPDX-License-Identifier: Apache-2.0
# Live handshakes between noise/ (tests/interop/peer.c) and python3-dissononce, in both roles. Writes TAP.
#
# ROUNDS: how many handshakes; PEER: the program. Random keys, prologues and payload lengths; every 16th
# handshake uses the largest payloads. After each one, transport messages both ways, before and after a rekey.
import os
import secrets
import struct
import subprocess
import sys

from dissononce.cipher.chachapoly import ChaChaPolyCipher
from dissononce.dh.x25519.private import PrivateKey
from dissononce.dh.x25519.public import PublicKey
from dissononce.dh.x25519.x25519 import X25519DH
from dissononce.hash.blake2s import Blake2sHash
from dissononce.processing.handshakepatterns.interactive.XK import XKHandshakePattern
from dissononce.processing.impl.cipherstate import CipherState
from dissononce.processing.impl.handshakestate import HandshakeState
from dissononce.processing.impl.symmetricstate import SymmetricState

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import tap

ROUNDS = int(os.environ.get("ROUNDS", "1000"))
PROGRAM = os.environ.get("PEER", "build/host/interop/peer")
PAYLOAD_MAX = (65487, 65487, 65471)
TRANSPORT_MAX = 65519
AUTH = 8  # NOISE_ERR_AUTH of noise/noise_error.h


class Peer:
    """The other end: one process, used for all rounds."""

    def __init__(self):
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def call(self, op, body=b""):
        self.process.stdin.write(struct.pack(">IB", len(body) + 1, ord(op)) + body)
        self.process.stdin.flush()
        length, error = struct.unpack(">IB", self.process.stdout.read(5))
        return error, self.process.stdout.read(length - 1)

    def ok(self, op, body=b""):
        error, answer = self.call(op, body)
        assert error == 0, f"{op} answered error {error}"
        return answer

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0


class Oracle:
    """dissononce's end."""

    def __init__(self, initiator, prologue, own, remote_public):
        self.state = HandshakeState(SymmetricState(CipherState(ChaChaPolyCipher()), Blake2sHash()), X25519DH())
        self.initiator = initiator
        remote = PublicKey(remote_public) if initiator else None
        self.state.initialize(XKHandshakePattern(), initiator, prologue, s=own, rs=remote)
        self.ciphers = None

    def write(self, payload):
        out = bytearray()
        self.ciphers = self.state.write_message(payload, out) or self.ciphers
        return bytes(out)

    def read(self, message):
        out = bytearray()
        self.ciphers = self.state.read_message(message, out) or self.ciphers
        return bytes(out)

    def sending(self):
        return self.ciphers[0 if self.initiator else 1]

    def receiving(self):
        return self.ciphers[1 if self.initiator else 0]


def payload_length(number, message):
    if number % 16 == 0:
        return PAYLOAD_MAX[message]
    return secrets.randbelow((1, 65, 1025, 4097)[number % 4])


def rekey(cipher_state):
    """REKEY by the library's own function; its CipherState.rekey keeps the tag in the key and resets the nonce, which
    Noise 4.2 and 11.3 do not."""
    cipher_state._key = cipher_state._cipher.rekey(cipher_state._key)[:32]


def transport(peer, oracle, lengths):
    for length in lengths:
        text = secrets.token_bytes(length)
        assert peer.ok("D", oracle.sending().encrypt_with_ad(b"", text)) == text
        text = secrets.token_bytes(length)
        assert oracle.receiving().decrypt_with_ad(b"", peer.ok("E", text)) == text


def one_round(peer, number, initiator):
    """initiator: whether dissononce is."""
    dh = X25519DH()
    own = dh.generate_keypair()
    peer_private = secrets.token_bytes(32)
    peer_public = dh.generate_keypair(PrivateKey(peer_private)).public.data
    prologue = secrets.token_bytes(secrets.randbelow(200) if number % 5 else 0)

    external = bytes([number // 2 % 2])
    remote = bytes(32) if initiator else own.public.data
    peer.ok("I", bytes([1 if initiator else 0]) + external + peer_private + remote + prologue)
    oracle = Oracle(initiator, prologue, own, peer_public)
    for message in range(3):
        payload = secrets.token_bytes(payload_length(number, message))
        if initiator == (message != 1):
            assert peer.ok("R", oracle.write(payload)) == payload
        else:
            assert oracle.read(peer.ok("W", payload)) == payload
    answer = peer.ok("S")
    assert answer[:32] == bytes(oracle.state.symmetricstate.get_handshake_hash())
    assert answer[32:] == own.public.data

    transport(peer, oracle, (0, 1 + secrets.randbelow(2000)) + ((TRANSPORT_MAX,) if number % 16 == 0 else ()))
    rekey(oracle.sending())
    peer.ok("L")
    rekey(oracle.receiving())
    peer.ok("K")
    transport(peer, oracle, (0, 33))
    error, _ = peer.call("D", oracle.sending().encrypt_with_ad(b"", b"x")[:-1] + b"\0\0")
    assert error == AUTH


def handshakes(initiator):
    peer = Peer()
    for number in range(ROUNDS):
        one_round(peer, number, initiator)
    peer.close()


def test_we_respond():
    handshakes(True)


def test_we_initiate():
    handshakes(False)


def test_wrong_prologue_is_refused():
    peer = Peer()
    dh = X25519DH()
    own, peer_private = dh.generate_keypair(), secrets.token_bytes(32)
    peer.ok("I", b"\1\0" + peer_private + bytes(32) + b"one")
    oracle = Oracle(True, b"two", own, dh.generate_keypair(PrivateKey(peer_private)).public.data)
    error, _ = peer.call("R", oracle.write(b""))
    assert error == AUTH
    peer.close()


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
