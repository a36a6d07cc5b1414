# SPDX-License-Identifier: Apache-2.0
# Captures made by hand, for tests of what reads captures.
import struct

PCAP_MAGIC, LINK_ETHERNET = 0xA1B2C3D4, 1
SYN, ACK = 2, 16


def checksum(data):
    """RFC 1071"""
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packet(source, destination, sequence, flags, data=b""):
    """An Ethernet frame with a TCP segment; source and destination are (address, port)."""
    ends = source[0] + destination[0]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0) + ends
    tcp = struct.pack(">HHIIBBHHH", source[1], destination[1], sequence & 0xFFFFFFFF, 0, 0x50, flags, 0, 0, 0) + data
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    tcp = tcp[:16] + struct.pack(">H", checksum(ends + struct.pack(">HH", 6, len(tcp)) + tcp)) + tcp[18:]
    return bytes(12) + b"\x08\x00" + ip + tcp


def records(packets):
    """What follows the header of a pcap file."""
    return b"".join(struct.pack("<IIII", 0, 0, len(p), len(p)) + p for p in packets)


def pcap(packets):
    return struct.pack("<IHHiIII", PCAP_MAGIC, 2, 4, 0, 0, 65536, LINK_ETHERNET) + records(packets)


def connection(out, back, source, destination, first=0xFFFFFFF0, step=30):
    """Packets of one connection; the sequence numbers pass 2^32, and segments are small."""
    packets = [packet(source, destination, first - 1, SYN), packet(destination, source, first + 999, SYN | ACK)]
    for a, b, data, isn in ((source, destination, out, first), (destination, source, back, first + 1000)):
        packets += [packet(a, b, isn + at, ACK, data[at:at + step]) for at in range(0, len(data), step)]
    return packets
