#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A bus node that shares no code with ours and opens a stream: WIRE section 2 over python3-dissononce, as initiator.
"""Reads {"port", "id", "static", "responder_id", "responder", "service", "bytes"} on stdin (keys in hex) and sends that many
random bytes to the service, in records as large as the responder takes, as its credit allows; ends the stream, and reads what
comes back to its end. Prints {"sent", "received": SHA-256 of each way in hex, "credit": the largest that was granted,
"outcome": "echoed", "refused REASON" (the number in CLOSE), or "error: ..."}."""
import hashlib
import json
import random
import secrets
import socket
import struct
import sys

from foreign_dissononce import (BYE, CAPABILITIES, READY, RECORD_MAX, STREAMS_MAX, TIMEOUT_S, check_ready, handshake, need,
                                open_record, parse_record, parse_tlvs, receive_frame, send_frame)

OPEN, OPENED, DATA, WINDOW, CLOSE = 4, 5, 6, 7, 8
STREAM, END = 1, 1  # the initiator's first stream; the flag
WINDOW_BYTES = 1 << 16


class Closed(Exception):
    """CLOSE, with its reason."""


class Bus:
    """An established session with one stream."""

    def __init__(self, connection, plan):
        self.connection = connection
        self.sending, self.receiving = handshake(connection, plan, {"messages": []})
        ready = self.open("READY")
        check_ready(ready)
        values = parse_tlvs(parse_record(ready, READY, "READY"), {CAPABILITIES: 4, RECORD_MAX: 2, STREAMS_MAX: 2})
        self.body_max = int.from_bytes(values[RECORD_MAX], "big") - 4
        self.credit = self.credit_max = self.unread = 0
        self.received, self.ended = hashlib.sha256(), False

    def open(self, name):
        return open_record(self.receiving, receive_frame(self.connection, 17, 65535), name)

    def send(self, kind, stream, body, flags=0):
        send_frame(self.connection, self.sending.encrypt_with_ad(b"", struct.pack(">BBH", kind, flags, stream) + body))

    def take(self):
        """One record of the stream."""
        record = self.open("a record")
        kind, flags, stream = struct.unpack(">BBH", record[:4])
        body = record[4:]
        need(stream == STREAM, f"a record of type {kind} on stream {stream}")
        if kind == CLOSE:
            raise Closed(str(body[0]))
        if kind in (OPENED, WINDOW):
            self.credit += struct.unpack(">I", body)[0]
            self.credit_max = max(self.credit_max, self.credit)
            return
        need(kind == DATA and not self.ended, f"a record of type {kind}")
        self.received.update(body)
        self.unread += len(body)
        need(self.unread <= WINDOW_BYTES, "more than our credit")
        self.ended = flags == END
        if self.unread >= WINDOW_BYTES // 2 and not self.ended:
            self.send(WINDOW, STREAM, struct.pack(">I", self.unread))
            self.unread = 0

    def echo(self, service, data):
        self.send(OPEN, STREAM, struct.pack(">I", WINDOW_BYTES) + service.encode())
        at = 0
        while at < len(data):
            while self.credit == 0:
                self.take()
            piece = data[at:at + min(self.credit, self.body_max)]
            at += len(piece)
            self.credit -= len(piece)
            self.send(DATA, STREAM, piece, END if at == len(data) else 0)
        while not self.ended:
            self.take()
        self.send(CLOSE, STREAM, b"\0")
        self.send(BYE, 0, b"\0")


def hold(plan):
    data = random.Random(secrets.token_bytes(16)).randbytes(plan["bytes"])
    result = {"sent": hashlib.sha256(data).hexdigest(), "received": "", "credit": 0, "outcome": "echoed"}
    bus = None
    try:
        with socket.create_connection(("127.0.0.1", plan["port"]), TIMEOUT_S) as connection:
            bus = Bus(connection, plan)
            bus.echo(plan["service"], data)
    except Closed as e:
        result["outcome"] = f"refused {e}"
    except Exception as e:
        result["outcome"] = f"error: {e!r}"
    if bus is not None:
        result.update(received=bus.received.hexdigest(), credit=bus.credit_max)
    return result


if __name__ == "__main__":
    print(json.dumps(hold(json.load(sys.stdin))))
