#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A bus node that shares no code with ours: WIRE sections 1 to 3 over python3-dissononce, as initiator.
"""Reads a plan on stdin and holds its sessions one after the other; prints one JSON object per session.

plan     {"port": TCP port on the loopback, "sessions": [session...]}
session  {"name", "id": own device id, "static": own private key, "responder_id", "responder": its public key,
          "control": "" or "other-token" (expect a PONG that cannot come) or "damaged-ready" (flip a bit of READY)}
result   {"name", "source_port", "ephemeral": private key, "prologue", "messages": the handshake messages that passed,
          "hash": handshake hash or "", "token": of the PING or "", "outcome": "pong", "refused" (closed before
          READY), or "error: ..."}
Byte strings are in hex."""
import json
import secrets
import socket
import struct
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

TIMEOUT_S = 5
VERSION = 1
READY, PING, PONG, BYE = 1, 2, 3, 9
CAPABILITIES, RECORD_MAX, STREAMS_MAX, DEVICE_ID = 1, 2, 3, 4


class Refused(Exception):
    """The responder closed the connection at a frame's boundary."""


def need(condition, what):
    if not condition:
        raise ValueError(what)


def receive(connection, length):
    data = b""
    while len(data) < length:
        try:
            piece = connection.recv(length - len(data))
        except ConnectionResetError:
            piece = b""
        if not piece:
            need(not data, "the connection ended inside a frame")
            raise Refused
        data += piece
    return data


def receive_frame(connection, low, high):
    length, = struct.unpack(">H", receive(connection, 2))
    need(low <= length <= high, f"a frame of {length} bytes")
    try:
        return receive(connection, length)
    except Refused:
        raise ValueError("the connection ended inside a frame") from None


def send_frame(connection, body):
    connection.sendall(struct.pack(">H", len(body)) + body)


def tlv(kind, value):
    return bytes([kind, len(value)]) + value


def parse_tlvs(data, known):
    """{type: value}; known gives the length of each type that must be there."""
    found = {}
    while data:
        need(len(data) >= 2 and len(data) >= 2 + data[1], "truncated TLV")
        kind, value, data = data[0], data[2:2 + data[1]], data[2 + data[1]:]
        need(kind not in found, f"TLV {kind} twice")
        need(kind in known or kind <= 127, f"unknown TLV {kind}")
        need(kind not in known or len(value) == known[kind], f"TLV {kind} has {len(value)} bytes")
        found[kind] = value
    need(set(known) <= set(found), "a required TLV is missing")
    return found


def record(kind, body):
    return struct.pack(">BBH", kind, 0, 0) + body


def parse_record(data, kind, name):
    need(len(data) >= 4, "a record without its header")
    got, flags, stream = struct.unpack(">BBH", data[:4])
    need(got == kind, f"record of type {got} where {name} belongs")
    need(flags == 0 and stream == 0, f"{name} with a flag or a stream")
    return data[4:]


def check_ready(data):
    values = parse_tlvs(parse_record(data, READY, "READY"), {CAPABILITIES: 4, RECORD_MAX: 2, STREAMS_MAX: 2})
    need(values[CAPABILITIES] == bytes(4), "capabilities in version 1")
    need(512 <= int.from_bytes(values[RECORD_MAX], "big") <= 65519, "largest record out of range")


def check_pong(data, token):
    need(parse_record(data, PONG, "PONG") == token, "PONG carries another token")


def open_record(cipher, sealed, name):
    try:
        return cipher.decrypt_with_ad(b"", sealed)
    except Exception as e:  # the library lets its cipher's own exception through
        raise ValueError(f"{name} does not authenticate") from e


def handshake(connection, session, result):
    """Runs the three messages; returns the ciphers of both directions."""
    own = X25519DH().generate_keypair(PrivateKey(bytes.fromhex(session["static"])))
    responder_id = session["responder_id"].encode()
    prologue = b"DSB" + bytes([VERSION, len(responder_id)]) + responder_id
    state = HandshakeState(SymmetricState(CipherState(ChaChaPolyCipher()), Blake2sHash()), X25519DH())
    state.initialize(XKHandshakePattern(), True, prologue, s=own, rs=PublicKey(bytes.fromhex(session["responder"])))
    result["prologue"] = prologue.hex()

    message = bytearray()
    state.write_message(b"", message)
    result["ephemeral"] = bytes(state.e.private.data).hex()
    result["messages"].append(message.hex())
    connection.sendall(b"DSB" + bytes([VERSION]))
    send_frame(connection, message)

    answer, payload = receive_frame(connection, 48, 48), bytearray()
    result["messages"].append(answer.hex())
    state.read_message(answer, payload)
    need(not payload, "message 2 with a payload")

    payload = (tlv(CAPABILITIES, bytes(4)) + tlv(RECORD_MAX, struct.pack(">H", 65519)) +
               tlv(STREAMS_MAX, struct.pack(">H", 16)) + tlv(DEVICE_ID, session["id"].encode()))
    message = bytearray()
    ciphers = state.write_message(payload, message)
    result["messages"].append(message.hex())
    result["hash"] = bytes(state.symmetricstate.get_handshake_hash()).hex()
    send_frame(connection, message)
    return ciphers


def converse(connection, session, result):
    sending, receiving = handshake(connection, session, result)
    sealed = bytearray(receive_frame(connection, 17, 65535))
    if session["control"] == "damaged-ready":
        sealed[secrets.randbelow(len(sealed))] ^= 1
    check_ready(open_record(receiving, bytes(sealed), "READY"))

    token = secrets.token_bytes(8)
    result["token"] = token.hex()
    send_frame(connection, sending.encrypt_with_ad(b"", record(PING, token)))
    try:
        answer = receive_frame(connection, 17, 65535)
        expected = token if session["control"] != "other-token" else bytes([token[0] ^ 1]) + token[1:]
        check_pong(open_record(receiving, answer, "PONG"), expected)
        send_frame(connection, sending.encrypt_with_ad(b"", record(BYE, b"\0")))
    except Refused:
        raise ValueError("closed after READY") from None
    try:
        receive(connection, 1)
    except Refused:
        return
    raise ValueError("bytes after BYE")


def hold(port, session):
    result = {"name": session["name"], "source_port": 0, "ephemeral": "", "prologue": "", "messages": [], "hash": "",
              "token": "", "outcome": "pong"}
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            result["source_port"] = connection.getsockname()[1]
            converse(connection, session, result)
    except Refused:
        result["outcome"] = "refused"
    except Exception as e:
        result["outcome"] = f"error: {e}"
    return result


def main():
    plan = json.load(sys.stdin)
    for session in plan["sessions"]:
        print(json.dumps(hold(plan["port"], session)), flush=True)


if __name__ == "__main__":
    main()
