# SPDX-License-Identifier: Apache-2.0
# What the captures of the two-machine run must hold: how the nodes found each other, and that they spoke.
#
# CaptureError says what is wrong.
import ipaddress
import struct

from foreign_capture import PREAMBLE, conversations, need, packets

ANNOUNCE_PORT = 37020
MAGIC = b"NXSB"
GROUP, BROADCAST = "239.42.0.1", "255.255.255.255"
PROTOCOL_IGMP, PROTOCOL_TCP, PROTOCOL_UDP = 2, 6, 17
IGMP_REPORT = 0x16  # RFC 2236 2.1: version 2 membership report


def datagram(frame):
    """(protocol, source, destination, payload) of a whole IPv4 packet that is not TCP's; else None."""
    if len(frame) < 34 or frame[12:14] != b"\x08\x00" or frame[23] == PROTOCOL_TCP:
        return None
    begin, end = 14 + (frame[14] & 15) * 4, 14 + struct.unpack(">H", frame[16:18])[0]
    return frame[23], str(ipaddress.ip_address(frame[26:30])), str(ipaddress.ip_address(frame[30:34])), frame[begin:end]


def multicast_mac(group):
    """RFC 1112 6.4: the low 23 bits."""
    return bytes([1, 0, 0x5E]) + (int(ipaddress.ip_address(group)) & 0x7FFFFF).to_bytes(3, "big")


def joined(frames, source):
    """Whether `source` has reported that it is in the group, to the group (RFC 2236 3)."""
    for frame in frames:
        packet = datagram(frame)
        if packet and packet[:3] == (PROTOCOL_IGMP, source, GROUP) and frame[:6] == multicast_mac(GROUP):
            if packet[3][:1] == bytes([IGMP_REPORT]) and packet[3][4:8] == ipaddress.ip_address(GROUP).packed:
                return True
    return False


def announces(frames, source):
    """Where `source` has sent announces to."""
    found = set()
    for packet in filter(None, map(datagram, frames)):
        protocol, sender, destination, payload = packet
        if protocol == PROTOCOL_UDP and sender == source and payload[2:4] == struct.pack(">H", ANNOUNCE_PORT):
            if payload[8:12] == MAGIC:
                found.add(destination)
    return found


def check_discovery(raw, addresses, ways=(GROUP, BROADCAST)):
    """Each of the nodes has joined the group and has announced itself in each of the ways."""
    frames = list(packets(raw))
    for address in addresses:
        need(joined(frames, address), f"{address} has not joined {GROUP}")
        sent = announces(frames, address)
        for way in ways:
            need(way in sent, f"{address} has not announced itself to {way}")


def check_session(raw, port):
    """At least one connection to the port has got as far as records, both ways."""
    talks = conversations(raw, port)
    need(any(out.startswith(PREAMBLE) and len(out) > 54 + 66 and len(back) > 50 for out, back in talks),
         "no connection carries a session")
