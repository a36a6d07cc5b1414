# SPDX-License-Identifier: Apache-2.0
# An attacker on the link who sees every frame and sends frames of his own. No I/O: frames in, frames out.
#
# Each attack is started by a call and told by what it then has seen or sent. Frames out are (machine, frame) pairs.
import ipaddress
import struct

MAC = {"a": bytes.fromhex("52540012340a"), "b": bytes.fromhex("52540012340b"), "x": bytes.fromhex("525400123442")}
ADDRESS = {"a": "10.42.0.10", "b": "10.42.0.11", "x": "10.42.0.66"}
ANNOUNCE_PORT, SESSION_PORT = 37020, 34568
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
FIRST_BYTES, ANSWER_BYTES = 4 + 2 + 48, 2 + 48  # preamble and message 1; message 2


def packed(address):
    return ipaddress.ip_address(address).packed


def checksum(data):
    """RFC 1071"""
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_frame(mac_from, mac_to, source, destination, protocol, payload):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, packed(source), packed(destination))
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return mac_to + mac_from + b"\x08\x00" + head + payload


def transport(source, destination, protocol, segment, at):
    """The segment with its checksum, which stands at offset `at`."""
    pseudo = packed(source) + packed(destination) + struct.pack(">BBH", 0, protocol, len(segment))
    return segment[:at] + struct.pack(">H", checksum(pseudo + segment)) + segment[at + 2:]


def tcp_frame(mac_from, mac_to, source, destination, ports, seq, ack, flags, data=b""):
    segment = struct.pack(">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 8192, 0, 0) + data
    return ip_frame(mac_from, mac_to, source, destination, 6, transport(source, destination, 6, segment, 16))


def udp_frame(mac_from, mac_to, source, destination, ports, data):
    segment = struct.pack(">HHHH", *ports, 8 + len(data), 0) + data
    return ip_frame(mac_from, mac_to, source, destination, 17, transport(source, destination, 17, segment, 6))


class Tcp:
    """A TCP segment over IPv4 that was seen; None for anything else."""

    def __init__(self, frame):
        ip = 14 + (frame[14] & 15) * 4
        self.ports = struct.unpack(">HH", frame[ip:ip + 4])
        self.seq, self.ack = struct.unpack(">II", frame[ip + 4:ip + 12])
        self.flags = frame[ip + 13]
        self.data = frame[ip + (frame[ip + 12] >> 4) * 4:14 + struct.unpack(">H", frame[16:18])[0]]
        self.source, self.destination = (str(ipaddress.ip_address(frame[i:i + 4])) for i in (26, 30))

    @classmethod
    def seen(cls, frame):
        return cls(frame) if len(frame) >= 54 and frame[12:14] == b"\x08\x00" and frame[23] == 6 else None


class Injector:
    """`saw` takes every frame and gives what the attacker answers at once; the attacks give what he begins with."""

    def __init__(self):
        self.announce = None  # node-b's last one
        self.sent = {}        # (source port): {seq: data} of what node-a sent to node-b's session port
        self.running = None   # the last data segment of node-a's in a session
        self.replay = None    # state of the replayed connection

    @staticmethod
    def passes(frame):
        """What is for him alone goes to nobody else, as behind a switch."""
        return frame[:6] != MAC["x"]

    def saw(self, here, frame):
        if here == "b" and frame[12:14] == b"\x08\x00" and frame[23:24] == b"\x11" and frame[42:46] == b"NXSB":
            self.announce = frame[42:14 + struct.unpack(">H", frame[16:18])[0]]
        if here == "b" and frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\x01" and frame[38:42] == packed(ADDRESS["x"]):
            return [("b", self._arp_answer(frame))]
        tcp = Tcp.seen(frame)
        if tcp is None:
            return []
        if here == "a" and tcp.ports[1] == SESSION_PORT and tcp.data:
            self.sent.setdefault(tcp.ports[0], {})[tcp.seq] = tcp.data
            self.running = tcp
        if here == "b" and tcp.destination == ADDRESS["x"]:
            return self._replay_goes_on(tcp)
        return []

    def _arp_answer(self, question):
        return (question[6:12] + MAC["x"] + b"\x08\x06" + question[14:20] + b"\0\x02" + MAC["x"] + packed(ADDRESS["x"])
                + question[22:32])

    def forge_announces(self):
        """To node-a: node-b's id with another key, and node-b's id and key from another address."""
        length = self.announce[5]
        key_at = 6 + length + 2
        other_key = self.announce[:key_at] + bytes(32 * [0x42]) + self.announce[key_at + 32:]
        return [("a", udp_frame(MAC["x"], b"\xff" * 6, ADDRESS["x"], "255.255.255.255", (ANNOUNCE_PORT,) * 2, data))
                for data in (other_key, self.announce)]

    def insert_bytes(self, data):
        """Into node-a's side of the session that runs: the next bytes that node-b expects."""
        tcp = self.running
        return [("b", tcp_frame(MAC["a"], MAC["b"], tcp.source, tcp.destination, tcp.ports, tcp.seq + len(tcp.data), tcp.ack,
                                ACK | PSH, data))]

    def recorded(self):
        """What node-a sent first in its last session: preamble, message 1, message 3 and what follows."""
        segments = self.sent[self.running.ports[0]]
        stream, at = b"", min(segments)
        while at in segments:
            stream += segments[at]
            at += len(segments[at])
        return stream

    def replay_handshake(self, port):
        """From an address of the attacker's own, byte for byte what node-a once sent, each part in its turn."""
        data = self.recorded()
        self.replay = {"port": port, "seq": 1000, "turns": [data[:FIRST_BYTES], data[FIRST_BYTES:]], "answer": b"", "closed": False}
        return [self._segment(SYN, 0)]

    def _segment(self, flags, ack, data=b""):
        r = self.replay
        return "b", tcp_frame(MAC["x"], MAC["b"], ADDRESS["x"], ADDRESS["b"], (r["port"], SESSION_PORT), r["seq"], ack, flags, data)

    def _replay_goes_on(self, tcp):
        r = self.replay
        if r is None or tcp.ports != (SESSION_PORT, r["port"]):
            return []
        r["answer"] += tcp.data
        r["closed"] = r["closed"] or bool(tcp.flags & (FIN | RST))
        if tcp.flags & RST:
            return []
        ack = tcp.seq + len(tcp.data) + bool(tcp.flags & (SYN | FIN))
        if tcp.flags & SYN:
            r["seq"] += 1
            return [self._segment(ACK, ack), self._next_turn(ack)]
        if len(r["turns"]) == 1 and len(r["answer"]) >= ANSWER_BYTES:
            return [self._segment(ACK, ack), self._next_turn(ack)]
        return [self._segment(ACK, ack)] if tcp.data or tcp.flags & FIN else []

    def _next_turn(self, ack):
        data = self.replay["turns"].pop(0)
        segment = self._segment(ACK | PSH, ack, data)
        self.replay["seq"] += len(data)
        return segment
