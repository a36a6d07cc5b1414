# SPDX-License-Identifier: Apache-2.0
# What a capture must and must not hold: each session's handshake, byte for byte, and no token in plain.
#
# CaptureError says what is wrong. Sessions are those of tests/interop/foreign_dissononce.py (plan and result).
import struct

PREAMBLE = b"DSB\x01"
PCAP_MAGIC = 0xA1B2C3D4
LINK_ETHERNET = 1
FIN, SYN, RST, ACK = 1, 2, 4, 16
TAG = 16
PING_BYTES, BYE_BYTES, READY_BYTES_MIN = 4 + 8 + TAG, 4 + 1 + TAG, 4 + 6 + 4 + 4 + TAG


class CaptureError(Exception):
    pass


def need(condition, what):
    if not condition:
        raise CaptureError(what)


class Direction:
    """The bytes that one end sent."""

    def __init__(self):
        self.first = None  # sequence number of the first byte
        self.segments = []

    def stream(self):
        out = bytearray()
        for offset, data in sorted(self.segments):
            need(offset <= len(out), "the capture lacks a segment")
            out[offset:offset + len(data)] = data
        return bytes(out)


def packets(raw):
    """The Ethernet frames of a pcap file."""
    need(len(raw) >= 24, "the capture is empty")
    magic, _, _, _, _, _, link = struct.unpack("<IHHiIII", raw[:24])
    need(magic == PCAP_MAGIC and link == LINK_ETHERNET, "not a capture of Ethernet frames")
    at = 24
    while at < len(raw):
        need(at + 16 <= len(raw), "the capture ends inside a header")
        length, original = struct.unpack("<8xII", raw[at:at + 16])
        at += 16
        need(length == original and at + length <= len(raw), "the capture holds a cut frame")
        yield raw[at:at + length]
        at += length


def segment(frame):
    """(source, destination, sequence number, flags, data) of a TCP segment over IPv4; else None."""
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    need(struct.unpack(">H", frame[20:22])[0] & 0x3FFF == 0, "the capture holds an IP fragment")
    ip, end = 14 + (frame[14] & 15) * 4, 14 + struct.unpack(">H", frame[16:18])[0]
    sport, dport, sequence = struct.unpack(">HHI", frame[ip:ip + 8])
    data = frame[ip + (frame[ip + 12] >> 4) * 4:end]
    return (frame[26:30], sport), (frame[30:34], dport), sequence, frame[ip + 13], data


def conversations(raw, port):
    """[(bytes to the port, bytes from it)] of every TCP connection that was opened to the port."""
    found, current = [], {}
    for source, destination, sequence, flags, data in filter(None, map(segment, packets(raw))):
        if port not in (source[1], destination[1]):
            continue
        inbound = source[1] == port
        key = (destination, source) if inbound else (source, destination)
        if flags & SYN and not inbound and (key not in current or current[key][0].first != sequence + 1):
            current[key] = (Direction(), Direction())
            found.append(current[key])
        need(key in current, "a connection without a beginning")
        direction = current[key][1 if inbound else 0]
        if flags & SYN:
            direction.first = sequence + 1
        if data:
            need(direction.first is not None, "data before its connection")
            direction.segments.append(((sequence - direction.first) & 0xFFFFFFFF, data))
    return [(out.stream(), back.stream()) for out, back in found]


def frame(body):
    return struct.pack(">H", len(body)) + body


def frame_lengths(data):
    """Lengths of the frames of which data is made."""
    lengths = []
    while data:
        need(len(data) >= 2, "a cut frame")
        length = struct.unpack(">H", data[:2])[0]
        need(len(data) >= 2 + length, "a cut frame")
        lengths.append(length)
        data = data[2 + length:]
    return lengths


def check_session(session, talks):
    """The handshake is there byte for byte; behind it are the records that belong, by their lengths."""
    messages = [bytes.fromhex(m) for m in session["messages"]]
    need(messages, "no message was sent")
    begin = PREAMBLE + frame(messages[0])
    mine = [(out, back) for out, back in talks if out.startswith(begin)]
    need(len(mine) == 1, f"message 1 is in {len(mine)} connections")
    out, back = mine[0]
    begin += b"".join(map(frame, messages[2:]))
    answer = b"".join(map(frame, messages[1:2]))
    need(out.startswith(begin), "message 3 is not in the capture")
    need(back.startswith(answer), "message 2 is not in the capture")
    sent, received = frame_lengths(out[len(begin):]), frame_lengths(back[len(answer):])
    if session["outcome"] == "pong":
        need(sent == [PING_BYTES, BYE_BYTES], f"records sent: {sent}")
        need(len(received) == 2 and received[0] >= READY_BYTES_MIN and received[1] == PING_BYTES,
             f"records received: {received}")
    if session["outcome"] == "refused":
        need(not sent and not received, f"records in a refused session: {sent}, {received}")


def check_handshakes(raw, sessions, port):
    talks = conversations(raw, port)
    need(len(talks) == len(sessions), f"{len(talks)} connections in the capture for {len(sessions)} sessions")
    for session in sessions:
        try:
            check_session(session, talks)
        except CaptureError as e:
            raise CaptureError(f"{session['client']}, {session['name']}: {e}") from None


def check_no_tokens(raw, sessions, port, log=b""):
    """No token in any frame or stream of the capture, or in the log: neither raw nor in hex."""
    tokens = [bytes.fromhex(session["token"]) for session in sessions if session["token"]]
    need(tokens and all(len(token) == 8 for token in tokens), "no tokens to look for")
    places = [raw, log] + [stream for talk in conversations(raw, port) for stream in talk]
    for token in tokens:
        for form in (token, token.hex().encode(), token.hex().upper().encode()):
            need(not any(form in place for place in places), f"the token {token.hex()} is in plain")
