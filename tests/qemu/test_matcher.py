#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The judge of the console log must fail on everything but a complete, ordered, clean run.
import os
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import tap
from matcher import Matcher, verdict

MARKERS = [("a", "one: up"), ("b", "two: up"), ("c", "one: up"), ("d", "SELFTEST: end")]
GOOD = "noise\none: up\r\nchatter\ntwo: up\none: up\nSELFTEST: end\n"


def judge(log, exit_status=0, timed_out=False, stopped=False, piece=None):
    matcher = Matcher(MARKERS)
    data = log if isinstance(log, bytes) else log.encode()
    for at in range(0, len(data), piece or len(data) or 1):
        matcher.feed(data[at:at + (piece or len(data))])
    matcher.end()
    return verdict(matcher, exit_status, timed_out, stopped) + (matcher,)


def expect_red(log, missing=None, **kwargs):
    passed, why, matcher = judge(log, **kwargs)
    assert not passed, why
    found = matcher.missing[0] if matcher.missing else None
    assert found == missing, f"missing {found}, expected {missing}"


def test_good_log_passes():
    assert judge(GOOD)[:2] == (True, "exit status 0")


def test_pieces_of_any_size_give_the_same_verdict():
    for piece in range(1, len(GOOD)):
        assert judge(GOOD, piece=piece)[0], piece


def test_stop_at_last_marker_passes_without_exit_status():
    assert judge(GOOD, exit_status=None, stopped=True)[:2] == (True, "stopped at the last marker")


def test_each_missing_line_is_red_and_named():
    lines = GOOD.splitlines(True)
    for index, missing in ((3, "b"), (4, "c"), (5, "d")):
        expect_red("".join(lines[:index] + lines[index + 1:]), missing)


def test_a_repeated_line_needs_as_many_occurrences():
    expect_red("two: up\none: up\nSELFTEST: end\n", "b")


def test_reordered_is_red():
    expect_red("two: up\none: up\none: up\nSELFTEST: end\n", "b")
    expect_red("SELFTEST: end\none: up\ntwo: up\none: up\n", "d")


def test_substring_and_prefix_are_red():
    expect_red(GOOD.replace("two: up", "xtwo: up"), "b")
    expect_red(GOOD.replace("two: up", " two: up"), "b")


def test_trailing_garbage_is_red():
    for tail in (" ", "!", "\t", " ok", "\r\r"):
        expect_red(GOOD.replace("two: up", "two: up" + tail), "b")


def test_last_line_without_newline_is_red():
    expect_red(GOOD[:-1], "d")


def test_changed_case_is_red():
    expect_red(GOOD.replace("two: up", "Two: up"), "b")


def test_extra_fail_is_red_wherever_it_stands():
    expect_red("SELFTEST: net ping: timed out FAIL\n" + GOOD)
    expect_red(GOOD.replace("chatter", "chatter FAIL"))
    expect_red(GOOD.replace("chatter", "chatter FAIL \r"))
    expect_red(GOOD + "late FAIL\n")
    expect_red(GOOD + "late FAIL")


def test_fail_inside_a_line_is_not_a_verdict():
    assert judge(GOOD.replace("chatter", "FAILOVER ready"))[0]


def test_exit_status_counts():
    expect_red(GOOD, exit_status=1)
    expect_red(GOOD, exit_status=-9)
    expect_red(GOOD, exit_status=None)


def test_timeout_is_red_even_when_complete():
    expect_red(GOOD, exit_status=None, timed_out=True)


def test_empty_log_is_red():
    expect_red("", "a")


def test_binary_noise_is_survived():
    assert judge(b"\xff\xfe\x00\n" + GOOD.encode())[0]


def test_no_markers_is_an_error():
    try:
        Matcher([])
    except ValueError:
        return
    raise AssertionError("an empty list of markers was accepted")


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
