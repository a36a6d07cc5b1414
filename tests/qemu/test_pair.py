#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The judges of the two-machine run: a clean run passes, and everything else is told with its phase, node and marker.
import os
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import foreign_capture
import os2vm
import pair
import pair_capture as capture
import tap

MANIFEST = """phase boot 10
UP - ab one: up {address}
PHASE two ab two: up {version=1}
phase session 12
DIAL - a three: dial {peer}
BOUND bound ab three: bound {peer}
"""
WITH_END = MANIFEST + "phase end 15\nEND - ab SELFTEST: end\n"
LOGS = {"a": ["one: up 10.42.0.10", "two: up 1", "three: dial node-b", "three: bound node-b"],
        "b": ["one: up 10.42.0.11", "two: up 1", "three: bound node-a"]}


def phases(text):
    with tempfile.NamedTemporaryFile("w", suffix=".manifest") as f:
        f.write(text)
        f.flush()
        return pair.phases(f.name)


def nodes(logs, manifest=MANIFEST, statuses=(None, None)):
    order, made = phases(manifest), []
    for letter, status in zip("ab", statuses):
        node = pair.Node(letter, "image", "work", "netdev", order)
        for _, matcher in node.matchers:
            matcher.feed("".join(line + "\n" for line in logs[letter]).encode())
        node.exit_status = status
        made.append(node)
    return made


def verdict(logs, timed_out=True, **kwargs):
    found = pair.faults(nodes(logs, **kwargs), timed_out)
    return [(phase.status, node.id, why) for phase, node, why in found]


def test_a_clean_run_passes():
    assert verdict(LOGS) == []
    assert all(node.done for node in nodes(LOGS))
    assert [node.count() for node in nodes(LOGS)] == ["4/4 markers", "3/3 markers"]


def test_each_missing_line_is_told_with_phase_node_and_marker():
    names = {"a": ["UP", "PHASE", "DIAL", "bound"], "b": ["UP", "PHASE", "bound"]}
    names = {letter: ["two" if n == "PHASE" else n for n in row] for letter, row in names.items()}
    for letter, lines in LOGS.items():
        for number, line in enumerate(lines):
            less = {**LOGS, letter: lines[:number] + lines[number + 1:]}
            status = 10 if number < 2 else 12
            assert verdict(less) == [(status, f"node-{letter}", f"missing marker {names[letter][number]}: '{line}'; time-out")]


def test_lines_are_in_order_within_a_phase_only():
    a = LOGS["a"]
    assert verdict({**LOGS, "a": a[2:] + a[:2]}) == []
    assert verdict({**LOGS, "a": [a[1], a[0]] + a[2:]})[0][0] == 10


def test_the_other_nodes_lines_do_not_count():
    assert verdict({"a": LOGS["b"], "b": LOGS["a"]})[0][:2] == (10, "node-a")


def test_the_earliest_phase_decides():
    found = verdict({"a": LOGS["a"][:2], "b": LOGS["b"][:1]})
    assert [(status, node) for status, node, _ in found] == [(10, "node-b"), (12, "node-a")]


def test_a_failure_line_is_red():
    assert verdict({**LOGS, "b": LOGS["b"] + ["SELFTEST: x FAIL"]})[0][1:] == ("node-b", "line 'SELFTEST: x FAIL'")


def test_a_machine_that_ends_of_itself_is_red_before_it_should():
    for status in (0, 1, 254, -11):
        assert f"exit status {status}" in verdict(LOGS, statuses=(status, None))[0][2]


def test_with_an_end_both_exit_statuses_decide():
    ended = {letter: lines + ["SELFTEST: end"] for letter, lines in LOGS.items()}
    assert verdict(ended, manifest=WITH_END, statuses=(0, 0)) == []
    for statuses, node in (((1, 0), "node-a"), ((0, 1), "node-b"), ((None, 0), "node-a")):
        found = verdict(ended, manifest=WITH_END, statuses=statuses)
        assert [(status, name) for status, name, _ in found] == [(15, node)], found
    assert verdict(LOGS, manifest=WITH_END, statuses=(0, 0))[0][0] == 15


def test_a_manifest_that_proves_nothing_is_refused():
    for text in ("UP - ab line\n", "phase x\nUP - ab line\n", "phase x 10\nUP - c line\n", "phase x 10\nUP ab line\n"):
        try:
            phases(text)
        except Exception:
            continue
        raise AssertionError(f"accepted: {text!r}")


# ---- Captures -------------------------------------------------------------------------------------------------

A, B = "10.42.0.10", "10.42.0.11"


def ip_bytes(text):
    return bytes(map(int, text.split(".")))


def packet(source, destination, protocol, payload, mac=None):
    mac = mac or (capture.multicast_mac(destination) if destination == capture.GROUP else b"\xff" * 6)
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 1, protocol, 0, ip_bytes(source),
                       ip_bytes(destination))
    return mac + bytes(6) + b"\x08\x00" + head + payload


def report(source, kind=capture.IGMP_REPORT, group=capture.GROUP, **kwargs):
    return packet(source, capture.GROUP, capture.PROTOCOL_IGMP, bytes([kind, 0, 0, 0]) + ip_bytes(group), **kwargs)


def announce(source, destination, port=capture.ANNOUNCE_PORT, magic=capture.MAGIC):
    return packet(source, destination, capture.PROTOCOL_UDP, struct.pack(">HHHH", 40000, port, 20, 0) + magic + bytes(8))


def pcap(frames):
    head = struct.pack("<IHHiIII", foreign_capture.PCAP_MAGIC, 2, 4, 0, 0, 65536, foreign_capture.LINK_ETHERNET)
    return head + b"".join(struct.pack("<IIII", 0, 0, len(f), len(f)) + f for f in frames)


GOOD = [make(node) for node in (A, B) for make in
        (report, lambda n: announce(n, capture.GROUP), lambda n: announce(n, capture.BROADCAST))]


def refuses(wanted, frames):
    try:
        capture.check_discovery(pcap(frames), (A, B))
    except foreign_capture.CaptureError as e:
        assert wanted in str(e), f"'{e}' where '{wanted}' is expected"
        return
    raise AssertionError(f"passed, where '{wanted}' is expected")


def test_a_good_capture_passes():
    capture.check_discovery(pcap(GOOD), (A, B))
    assert capture.multicast_mac("239.42.0.1") == bytes.fromhex("01005e2a0001")


def test_each_missing_frame_is_found():
    for number in range(len(GOOD)):
        node, what = (A, B)[number // 3], ("has not joined", "to 239.42.0.1", "to 255.255.255.255")[number % 3]
        refuses(f"{node}", GOOD[:number] + GOOD[number + 1:])
        refuses(what, GOOD[:number] + GOOD[number + 1:])


def test_what_only_looks_like_it_does_not_count():
    rest = GOOD[1:]
    for instead in (report(A, kind=0x17), report(A, group="239.42.0.2"), report(A, mac=b"\xff" * 6), b"\0" * 60):
        refuses("10.42.0.10 has not joined", [instead] + rest)
    rest = GOOD[:1] + GOOD[2:]
    for instead in (announce(A, capture.GROUP, port=37021), announce(A, capture.GROUP, magic=b"NXSA"),
                    announce(A, "239.42.0.2")):
        refuses("10.42.0.10 has not announced itself to 239.42.0.1", rest + [instead])


def test_a_session_is_looked_for():
    for raw in (pcap([]), pcap(GOOD)):
        try:
            capture.check_session(raw, 34568)
        except foreign_capture.CaptureError:
            continue
        raise AssertionError("a session that is not there")


def test_a_capture_that_is_not_there_is_told():
    assert os2vm.check_captures(nodes(LOGS)).startswith("node-a: ")


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
