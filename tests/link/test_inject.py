#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The attacker's frames are what he means them to be: well-formed, from whom he says, and in the right place of a stream.
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import inject
import tap
from inject import ACK, ADDRESS, FIN, MAC, PSH, SESSION_PORT, SYN

ANNOUNCE = bytes.fromhex("4e58534201066e6f64652d628708") + bytes(range(32)) + b"\0"


def good_sum(frame):
    """The transport's checksum over its pseudo header is right."""
    segment = frame[34:14 + struct.unpack(">H", frame[16:18])[0]]
    return inject.checksum(frame[26:34] + struct.pack(">BBH", 0, frame[23], len(segment)) + segment) == 0


def from_a(seq, data=b"", flags=ACK, port=50000):
    return inject.tcp_frame(MAC["a"], MAC["b"], ADDRESS["a"], ADDRESS["b"], (port, SESSION_PORT), seq, 77, flags, data)


def watching(*segments):
    attacker = inject.Injector()
    for seq, data in segments:
        assert attacker.saw("a", from_a(seq, data)) == []
    return attacker


def test_checksums():
    assert inject.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # RFC 1071 3: the sum is ddf2
    for data in (b"", b"x", b"xy"):
        frame = from_a(1, data)
        assert inject.checksum(frame[14:34]) == 0 and good_sum(frame)
        assert not good_sum(frame[:-1] + bytes([frame[-1] ^ 1])), "the control"


def test_a_segment_is_read_as_it_was_made():
    tcp = inject.Tcp.seen(from_a(0xFFFFFFFF, b"data", ACK | PSH))
    assert (tcp.ports, tcp.seq, tcp.ack, tcp.flags, tcp.data) == ((50000, SESSION_PORT), 0xFFFFFFFF, 77, ACK | PSH, b"data")
    assert (tcp.source, tcp.destination) == (ADDRESS["a"], ADDRESS["b"])
    assert inject.Tcp.seen(b"\0" * 60) is None and inject.Tcp.seen(b"") is None


def test_bytes_are_put_where_the_next_ones_are_expected():
    attacker = watching((100, b"abcd"), (104, b"ef"))
    (machine, frame), = attacker.insert_bytes(b"!!")
    tcp = inject.Tcp.seen(frame)
    assert machine == "b" and good_sum(frame) and (tcp.seq, tcp.data, tcp.source) == (106, b"!!", ADDRESS["a"])


def test_a_recording_is_whole_and_without_repetitions():
    attacker = watching((100, b"abcd"), (104, b"ef"), (100, b"abcd"), (106, b"g"))
    assert attacker.recorded() == b"abcdefg"


def test_forged_announces_differ_in_one_thing():
    attacker = inject.Injector()
    attacker.saw("b", inject.udp_frame(MAC["b"], b"\xff" * 6, ADDRESS["b"], "255.255.255.255", (1, 37020), ANNOUNCE))
    (_, other_key), (_, other_address) = attacker.forge_announces()
    assert other_address[42:] == ANNOUNCE and other_key[42:56] == ANNOUNCE[:14] and other_key[56:88] == b"\x42" * 32
    assert all(frame[26:30] == inject.packed(ADDRESS["x"]) and good_sum(frame) for frame in (other_key, other_address))


def test_a_replay_plays_its_part_of_tcp():
    first, rest = bytes(range(inject.FIRST_BYTES)), b"message 3 and so on"
    attacker = watching((100, first + rest))
    (_, syn), = attacker.replay_handshake(60001)
    assert inject.Tcp.seen(syn).flags == SYN and good_sum(syn)

    def from_b(seq, flags, data=b""):
        return [inject.Tcp.seen(f) for _, f in attacker.saw("b", inject.tcp_frame(
            MAC["b"], MAC["x"], ADDRESS["b"], ADDRESS["x"], (SESSION_PORT, 60001), seq, 1001, flags, data))]

    acknowledged, told = from_b(500, SYN | ACK)
    assert (acknowledged.seq, acknowledged.ack, told.data, told.seq) == (1001, 501, first, 1001)
    assert len(from_b(501, ACK, bytes(49))) == 1, "message 3 before message 2 is whole"
    _, told = from_b(550, ACK, b"!")
    assert (told.data, told.seq, told.ack) == (rest, 1001 + len(first), 551)
    assert attacker.replay["answer"] == bytes(49) + b"!" and not attacker.replay["closed"]
    assert from_b(551, FIN | ACK)[0].ack == 552 and attacker.replay["closed"]


def test_only_the_attackers_address_is_answered_for():
    def question(target):
        return (b"\xff" * 6 + MAC["b"] + b"\x08\x06\0\x01\x08\0\x06\x04\0\x01" + MAC["b"] + inject.packed(ADDRESS["b"]) + bytes(6)
                + inject.packed(target))

    (machine, answer), = inject.Injector().saw("b", question(ADDRESS["x"]))
    assert machine == "b" and answer[:6] == MAC["b"] and answer[20:32] == b"\0\x02" + MAC["x"] + inject.packed(ADDRESS["x"])
    assert answer[32:42] == MAC["b"] + inject.packed(ADDRESS["b"])
    assert inject.Injector().saw("b", question(ADDRESS["a"])) == []


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
