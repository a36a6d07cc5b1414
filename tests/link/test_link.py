#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The bad link: the same seed gives the same fate, each kind of damage is done and as often as asked, and nothing else is.
import os
import socket
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import fate
import hostile
import tap

COUNT = 20000
FRAMES = [b"frame %06d" % i for i in range(COUNT)]


def run(rates, seed="7", name="a->b", frames=FRAMES, step_s=0.001):
    direction, out = fate.Direction(seed, name, rates), []
    for i, frame in enumerate(frames):
        out += direction.arrive(frame, i * step_s)
    return out + direction.due(1e9), direction


def test_a_clean_link_changes_nothing():
    out, direction = run(fate.Rates())
    assert out == FRAMES
    assert direction.counts == {"frames": COUNT, "dropped": 0, "repeated": 0, "reordered": 0, "damaged": 0, "delayed": 0}


def test_each_kind_happens_as_often_as_asked_and_alone():
    for kind, count in (("drop", "dropped"), ("repeat", "repeated"), ("reorder", "reordered"), ("damage", "damaged"),
                        ("delay", "delayed")):
        _, direction = run(fate.Rates(**{kind: 0.2}))
        assert 0.19 < direction.counts[count] / COUNT < 0.21, (kind, direction.counts)
        assert sum(direction.counts.values()) == COUNT + direction.counts[count], kind


def test_each_kind_does_what_it_says():
    out, direction = run(fate.Rates(drop=0.2))
    assert len(out) == COUNT - direction.counts["dropped"] and out == sorted(out) and set(out) < set(FRAMES)
    out, direction = run(fate.Rates(repeat=0.2))
    assert len(out) == COUNT + direction.counts["repeated"] and sorted(set(out)) == FRAMES
    for rates in (fate.Rates(reorder=0.2), fate.Rates(delay=0.2)):
        out, _ = run(rates)
        assert out != FRAMES and sorted(out) == FRAMES
    out, direction = run(fate.Rates(damage=0.2))
    different = [(x, y) for x, y in zip(out, FRAMES) if x != y]
    assert len(different) == direction.counts["damaged"]
    for x, y in different:
        assert len(x) == len(y) and sum((p ^ q).bit_count() for p, q in zip(x, y)) == 1


def test_a_frame_is_overtaken_by_few():
    out, _ = run(fate.Rates(reorder=0.25))
    place = {frame: i for i, frame in enumerate(out)}
    late = [place[frame] - i for i, frame in enumerate(FRAMES)]
    assert 1 <= max(late) <= 30 and min(late) < 0


def test_a_held_frame_goes_when_nothing_follows():
    direction = fate.Direction("7", "a->b", fate.Rates(reorder=1.0))
    assert direction.arrive(b"x", 0.0) == [] and direction.next_due() == fate.HOLD_S
    assert direction.due(fate.HOLD_S / 2) == [] and direction.due(fate.HOLD_S) == [b"x"]
    assert direction.next_due() is None


ALL = dict(drop=0.2, repeat=0.05, reorder=0.25, damage=0.01, delay=0.1)


def fates(seed, name, count=3000):
    return [vars(fate.Fate(seed, name, n, fate.Rates(**ALL))) for n in range(count)]


def test_the_same_seed_gives_the_same_fate():
    assert fates("7", "a->b") == fates("7", "a->b")
    assert run(fate.Rates(**ALL))[0] == run(fate.Rates(**ALL))[0]


def test_another_seed_or_direction_gives_another():
    assert fates("7", "a->b") != fates("8", "a->b")
    assert fates("7", "a->b") != fates("7", "b->a")


def test_fate_depends_on_the_number_alone():
    other = [frame[::-1] * 3 for frame in FRAMES]
    for step_s in (0.0, 0.01, 3.0):
        assert run(fate.Rates(**ALL), step_s=step_s)[1].counts == run(fate.Rates(**ALL), frames=other)[1].counts


def test_a_share_that_is_none_is_refused():
    for value in (-0.1, 1.1):
        try:
            fate.Rates(drop=value)
        except ValueError:
            continue
        raise AssertionError(value)


# ---- The program --------------------------------------------------------------------------------------------------

def announce(mac):
    return mac + bytes(6) + b"\x08\x00\x45" + bytes(8) + b"\x11" + bytes(12) + hostile.ANNOUNCE_PORT + bytes(20)


MACS = {"multicast": bytes.fromhex("01005e2a0001"), "broadcast": b"\xff" * 6, "unicast": bytes.fromhex("52540012340b")}


def test_only_one_way_of_announcing_passes():
    for only in MACS:
        assert [way for way, mac in MACS.items() if hostile.passes(announce(mac), only)] == [only]
    for mac in MACS.values():
        assert hostile.passes(announce(mac), None)
        arp = mac + bytes(6) + b"\x08\x06" + bytes(40)
        other = announce(mac).replace(hostile.ANNOUNCE_PORT, b"\x90\x9d")
        assert all(hostile.passes(frame, only) for frame in (arp, other, b"") for only in MACS)


class Ends:
    """A link with both machines' ends in this process."""

    def __init__(self, **kwargs):
        self.directory = tempfile.TemporaryDirectory(prefix="link-")
        self.link = hostile.Link([hostile.Port(self.directory.name, name) for name in "ab"], "7", **kwargs)
        self.ends = {}
        for name in "ab":
            self.ends[name] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.ends[name].bind(os.path.join(self.directory.name, name))
            self.ends[name].setblocking(False)

    def send(self, name, frame):
        self.ends[name].sendto(frame, os.path.join(self.directory.name, f"to-{name}"))
        self.link.turn(0.01)

    def received(self, name):
        out = []
        while True:
            try:
                out.append(self.ends[name].recv(2048))
            except BlockingIOError:
                return out


def test_frames_cross_both_ways():
    ends = Ends(rates=fate.Rates())
    ends.send("a", b"to b")
    ends.send("b", b"to a")
    assert ends.received("b") == [b"to b"] and ends.received("a") == [b"to a"]


def test_a_machine_that_is_off_is_no_error():
    ends = Ends(rates=fate.Rates())
    os.remove(os.path.join(ends.directory.name, "b"))
    ends.send("a", b"lost")
    assert ends.received("b") == []


def test_dropped_frames_do_not_arrive():
    ends = Ends(rates=fate.Rates(drop=1.0))
    ends.send("a", b"x")
    assert ends.received("b") == [] and ends.link.counts()["a->b"]["dropped"] == 1


def test_an_injector_sees_and_sends():
    class Echo:
        def saw(self, here, frame):
            return [(here, b"forged " + frame)]

    ends = Ends(rates=fate.Rates(drop=1.0), injector=Echo())
    ends.send("a", b"x")
    assert ends.received("a") == [b"forged x"] and ends.received("b") == []
    ends = Ends(rates=fate.Rates(), injector=Echo(), passes=lambda frame: frame != b"to him")
    ends.send("a", b"x")
    assert ends.received("a") == [b"forged x"] and ends.received("b") == [b"x"]
    ends.send("a", b"to him")
    assert ends.received("a") == [b"forged to him"] and ends.received("b") == [] and ends.link.filtered == 1


def test_it_is_fast_enough():
    count, ends = 7000, Ends(rates=fate.Rates(**ALL))  # 10 MiB in full frames
    begin = time.monotonic()
    for _ in range(count):
        ends.send("a", bytes(1514))
        ends.received("b")
    assert time.monotonic() - begin < 30, "slower than 0.3 MiB/s"


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
