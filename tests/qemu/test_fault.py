#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The judges of the fault test: what is right passes, and each thing that is wrong is told.
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import fault_test as test
import tap

POINTS = [("netstackd", "tcp_input", 1), ("netstackd", "stack_start", 1), ("keystored", "store_serve", 1)]
STOPPED = "neuron: process {} stopped: instruction page fault at 0xdead000, pc 0xdead000"
ROUND_1 = ["init: up netstackd", STOPPED.format("keystored"), "init: up keystored", "SELFTEST: fault round 1: no answer",
           "SELFTEST: fault round 1 survived"]
ROUND_2 = [STOPPED.format("netstackd"), "init: start netstackd", STOPPED.format("netstackd"), "init: up netstackd",
           STOPPED.format("keystored"), "init: up keystored", "SELFTEST: fault round 2: announce not sent",
           "SELFTEST: fault round 2 survived"]


def judge(round_2, reached=3, points=POINTS):
    return test.judge(2, points, reached, ROUND_1 + round_2)


def test_a_survived_round_passes():
    assert judge(ROUND_2) is None
    assert test.judge(1, [("keystored", "store_serve", 1)], 1, ROUND_1) is None


def test_a_point_that_is_not_reached_is_told():
    assert judge(ROUND_2, reached=1) == "stack_start of netstackd is not reached for the 1. time"
    assert judge(ROUND_2, reached=0) == "tcp_input of netstackd is not reached for the 1. time"


def test_each_missing_line_is_told():
    for number, line in enumerate(ROUND_2):
        if not line.startswith(("SELFTEST: fault round 2:", "init: start")):
            assert judge(ROUND_2[:number] + ROUND_2[number + 1:]), f"without '{line}'"


def test_another_fault_does_not_count():
    elsewhere = [line.replace("0xdead000, pc", "0x10, pc") for line in ROUND_2]
    assert judge(elsewhere).startswith("netstackd stopped 0 times") or judge(elsewhere).startswith("keystored stopped 0 times")
    assert judge(ROUND_2[:1] + ROUND_2[:1] + ROUND_2[1:]) == "netstackd stopped 3 times and came up 1 times"


def test_an_error_must_be_seen_by_somebody():
    silent = [line.replace("announce not sent", "not noticed") for line in ROUND_2]
    assert judge(silent) == "no caller got an error"
    assert judge([line for line in silent if "netstackd stopped" not in line] + silent[-1:], reached=1,
                 points=[("keystored", "x25519_ladder", 3)]) is None


def waits(*ms):
    return [f"init: echo will be started again in {n} ms" for n in ms]


GIVEN_UP = (["init: up dsoftbusd"] + ["init: start echo"] * 9 + waits(100, 200, 400, 800, 1600, 3200, 6400, 12800)
            + ["init: echo given up after 8 restarts", "init: not all services are up"])


def test_giving_up_is_judged():
    assert test.judge_giving_up(GIVEN_UP) is None
    for number, line in enumerate(GIVEN_UP):
        assert test.judge_giving_up(GIVEN_UP[:number] + GIVEN_UP[number + 1:]), f"without '{line}'"
        assert test.judge_giving_up(GIVEN_UP[:number] + [line] + GIVEN_UP[number:]), f"twice '{line}'"


def test_every_round_is_a_round():
    for rounds in test.BOOTS:
        for points in rounds:
            assert points and all(times >= 1 and process in ("keystored", "netstackd", "dsoftbusd")
                                  for process, _, times in points)
    first = {points[0] for rounds in test.BOOTS for points in rounds}
    assert test.UNNOTICED <= first
    assert len({process for process, _, _ in first}) == 3


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
