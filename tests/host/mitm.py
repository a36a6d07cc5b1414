#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A man in the middle of a pairing: the callee to the one side, the caller to the other, with keys of his own.
"""usage: mitm.py < PLAN

PLAN     {"caller": its id, "caller_host", "callee": its id, "callee_host", "callee_key": hex, "port": TCP port,
          "strategies": [one for each attempt...]}
Announces itself to the caller as the callee, and takes one connection for each attempt. His strategies:
  relay     hands the callee's nonce on to the caller
  caller    ends with the caller first, so that he knows its code; then he has to commit towards the callee
  callee    the other way round
  leave     as caller, then breaks off because the callee would not show the caller's code
  grind     as caller, then looks for a nonce that makes the callee's code the caller's, and opens with it instead
Prints for each attempt {"strategy", "caller_code", "callee_code": what he knows that each side shows, null: nothing}."""
import hashlib
import json
import os
import secrets
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
from foreign_dissononce import (CAPABILITIES, DEVICE_ID, RECORD_MAX, STREAMS_MAX, CipherState, ChaChaPolyCipher, Blake2sHash,
                                HandshakeState, PrivateKey, Refused, SymmetricState, X25519DH, XKHandshakePattern,
                                handshake, open_record, parse_record, parse_tlvs, receive, receive_frame, record, send_frame)

COMMIT, NONCE, OPEN = 11, 12, 13
ANNOUNCE_PORT, TIMEOUT_S = 37020, 20


def blake2s(*parts):
    return hashlib.blake2s(b"".join(parts)).digest()


def code_of(handshake_hash, initiator_nonce, responder_nonce):
    return int.from_bytes(blake2s(b"DSB code", handshake_hash, initiator_nonce, responder_nonce)[:8], "big") % 1000000


class Side:
    """A session with one of the two, up to where pairing begins."""

    def __init__(self, connection, ciphers, handshake_hash):
        self.connection, self.hash = connection, bytes(handshake_hash)
        self.sending, self.receiving = ciphers
        self.nonce = secrets.token_bytes(32)

    def send(self, kind, body):
        send_frame(self.connection, self.sending.encrypt_with_ad(b"", record(kind, body)))

    def read(self, kind):
        frame = receive_frame(self.connection, 17, 65535)
        return parse_record(open_record(self.receiving, frame, str(kind)), kind, str(kind))


def as_callee(connection, plan, own):
    """Answers the caller's handshake under the callee's id."""
    name = plan["callee"].encode()
    state = HandshakeState(SymmetricState(CipherState(ChaChaPolyCipher()), Blake2sHash()), X25519DH())
    state.initialize(XKHandshakePattern(), False, b"DSB\x01" + bytes([len(name)]) + name, s=own)
    assert receive(connection, 4) == b"DSB\x01"
    state.read_message(receive_frame(connection, 48, 48), bytearray())
    answer, payload = bytearray(), bytearray()
    state.write_message(b"", answer)
    send_frame(connection, answer)
    ciphers = state.read_message(receive_frame(connection, 64, 320), payload)
    tlvs = parse_tlvs(bytes(payload), {CAPABILITIES: 4, RECORD_MAX: 2, STREAMS_MAX: 2, DEVICE_ID: len(plan["caller"])})
    assert tlvs[DEVICE_ID] == plan["caller"].encode()
    return Side(connection, (ciphers[1], ciphers[0]), state.symmetricstate.get_handshake_hash())


def as_caller(connection, plan):
    """Calls the callee under the caller's id."""
    session = {"static": secrets.token_bytes(32).hex(), "responder_id": plan["callee"], "responder": plan["callee_key"],
               "id": plan["caller"]}
    result = {"messages": []}
    ciphers = handshake(connection, session, result)
    return Side(connection, ciphers, bytes.fromhex(result["hash"]))


def finish_with_caller(side, nonce=None):
    """The code that the caller shows; the commitment has been read."""
    side.send(NONCE, nonce or side.nonce)
    return code_of(side.hash, side.read(OPEN), nonce or side.nonce)


def finish_with_callee(side, callee_nonce):
    side.send(OPEN, side.nonce)
    return code_of(side.hash, side.nonce, callee_nonce)


def commit_to_callee(side):
    side.send(COMMIT, blake2s(b"DSB pair", side.hash, side.nonce))
    return side.read(NONCE)


def ground(side, callee_nonce, wanted):
    """A nonce that gives the wanted code; some seconds of work, since nothing but the commitment stands against it."""
    while True:
        nonce = secrets.token_bytes(32)
        if code_of(side.hash, nonce, callee_nonce) == wanted:
            return nonce


def attempt(strategy, caller, callee):
    caller.read(COMMIT)
    if strategy == "relay":
        nonce = commit_to_callee(callee)
        caller_code = finish_with_caller(caller, nonce)
        return caller_code, finish_with_callee(callee, nonce)
    if strategy == "callee":
        callee_code = finish_with_callee(callee, commit_to_callee(callee))
        return finish_with_caller(caller), callee_code
    caller_code = finish_with_caller(caller)
    nonce = commit_to_callee(callee)
    if strategy == "leave":
        assert code_of(callee.hash, callee.nonce, nonce) != caller_code
        callee.connection.shutdown(socket.SHUT_RDWR)
        return caller_code, None
    if strategy == "caller":
        return caller_code, finish_with_callee(callee, nonce)
    callee.nonce = ground(callee, nonce, caller_code)
    assert finish_with_callee(callee, nonce) == caller_code
    return caller_code, None


def drain(connection):
    try:
        while connection.recv(4096):
            pass
    except OSError:
        pass


def announce(plan, own):
    name = plan["callee"].encode()
    packet = b"NXSB\x01" + bytes([len(name)]) + name + struct.pack(">H", plan["port"]) + bytes(own.public.data) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        while True:
            s.sendto(packet, (plan["caller_host"], ANNOUNCE_PORT))
            time.sleep(0.5)


def main():
    plan = json.load(sys.stdin)
    own = X25519DH().generate_keypair(PrivateKey(secrets.token_bytes(32)))
    listener = socket.create_server(("", plan["port"]))
    threading.Thread(target=announce, args=(plan, own), daemon=True).start()
    for strategy in plan["strategies"]:
        with listener.accept()[0] as one:
            one.settimeout(TIMEOUT_S)
            with socket.create_connection((plan["callee_host"], plan["port"]), TIMEOUT_S) as other:
                try:
                    codes = attempt(strategy, as_callee(one, plan, own), as_caller(other, plan))
                except Refused:
                    codes = None, None
                print(json.dumps({"strategy": strategy, "caller_code": codes[0], "callee_code": codes[1]}), flush=True)
                drain(one)
                drain(other)


if __name__ == "__main__":
    main()
