# SPDX-License-Identifier: Apache-2.0
# The keys of a run once more, by the specifications alone: RFC 7693 and 8439, Noise 34, WIRE section 3. For tests, which
# plant what they know to be a key; it shares no code with what is tested.
import hashlib
import hmac
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))
import bringup

PROTOCOL = b"Noise_XK_25519_ChaChaPoly_BLAKE2s"


def blake2s(data):
    return hashlib.blake2s(data).digest()


def hkdf(chaining_key, material):
    """Noise 4.3, two outputs."""
    temporary = hmac.new(chaining_key, material, hashlib.blake2s).digest()
    first = hmac.new(temporary, b"\1", hashlib.blake2s).digest()
    return first, hmac.new(temporary, first + b"\2", hashlib.blake2s).digest()


def chacha20_block(key, counter, nonce):
    """RFC 8439 2.3"""
    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
    s = start[:]

    def quarter(a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = s[x] + s[y] & 0xFFFFFFFF
            s[z] ^= s[x]
            s[z] = (s[z] << turn | s[z] >> 32 - turn) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start)))


def poly1305(key, data):
    """RFC 8439 2.5"""
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at:at + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def seal(key, number, associated, plaintext):
    """RFC 8439 2.8 with the nonce of Noise 12.3"""
    nonce = bytes(4) + struct.pack("<Q", number)
    stream = b"".join(chacha20_block(key, 1 + i, nonce) for i in range((len(plaintext) + 63) // 64))
    sealed = bytes(a ^ b for a, b in zip(plaintext, stream))
    padded = [part + bytes(-len(part) % 16) for part in (associated, sealed)]
    lengths = struct.pack("<QQ", len(associated), len(sealed))
    return sealed + poly1305(chacha20_block(key, 0, nonce)[:32], b"".join(padded) + lengths)


def rekey(key):
    """Noise 4.2"""
    return seal(key, 2**64 - 1, b"", bytes(32))[:32]


def process_seed(root_seed, process, start=1, boot=0):
    return blake2s(root_seed + process.encode() + struct.pack(">II", start, boot))


def draws(seed, count):
    """[(state before, 32 bytes given)] of a generator: noise/rng.h."""
    units, state = [], seed
    for _ in range(count):
        block = chacha20_block(state, 0, bytes(12))
        units.append((state, block[32:]))
        state = block[:32]
    return units


class Handshake:
    """Keys of one handshake, and what it looks like on the wire. Secrets of both ends; the payload of message 3."""

    def __init__(self, initiator, initiator_e, responder, responder_e, responder_id=b"node-a", payload=b""):
        public = bringup.x25519_public
        self.dh = {"es": bringup.x25519(initiator_e, public(responder)),
                   "ee": bringup.x25519(initiator_e, public(responder_e)),
                   "se": bringup.x25519(initiator, public(responder_e))}
        self.chaining, self.cipher, chaining = {}, {}, blake2s(PROTOCOL)
        for token, shared in self.dh.items():
            chaining, self.cipher[token] = hkdf(chaining, shared)
            self.chaining[token] = chaining
        self.i2r, self.r2i = hkdf(chaining, b"")
        self._hash = blake2s(PROTOCOL)
        for text in (b"DSB\1" + bytes([len(responder_id)]) + responder_id, public(responder)):
            self._mix(text)
        self.messages = [self._mix(public(initiator_e)) + self._seal("es", 0, b""),
                         self._mix(public(responder_e)) + self._seal("ee", 0, b""),
                         self._seal("ee", 1, public(initiator)) + self._seal("se", 0, payload)]
        self.hash = self._hash

    def _mix(self, text):
        self._hash = blake2s(self._hash + text)
        return text

    def _seal(self, token, number, plaintext):
        return self._mix(seal(self.cipher[token], number, self._hash, plaintext))
