#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The judges of the foreign-peer run: what is right passes, and each thing that is wrong is found.
import itertools
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
import foreign_capture as capture
import foreign_run as run
import made_capture
import tap
from made_capture import packet, pcap
from matcher import Matcher

PORT = 34567
HOST, GUEST = (b"\x0a\0\2\2", 50000), (b"\x0a\0\2\x0f", PORT)
ACK = capture.ACK
M1, M2, M3 = b"\x11" * 48, b"\x22" * 48, b"\x33" * 80
TOKEN = bytes.fromhex("a1b2c3d4e5f60718")
PING, BYE, READY, PONG = b"\x44" * 28, b"\x55" * 21, b"\x66" * 34, b"\x77" * 28


def connection(out, back, source=HOST, first=0xFFFFFFF0, step=30):
    return made_capture.connection(out, back, source, GUEST, first, step)


def frames(*bodies):
    return b"".join(map(capture.frame, bodies))


def good(**changes):
    session = {"client": "c", "name": "n", "messages": [M1.hex(), M2.hex(), M3.hex()], "token": TOKEN.hex(),
               "outcome": "pong"}
    return {**session, **changes}


GOOD_OUT = capture.PREAMBLE + frames(M1, M3, PING, BYE)
GOOD_BACK = frames(M2, READY, PONG)
GOOD_PACKETS = connection(GOOD_OUT, GOOD_BACK)


def refuses(wanted, check, *arguments):
    try:
        check(*arguments)
    except capture.CaptureError as e:
        assert wanted in str(e), f"'{e}' where '{wanted}' is expected"
        return
    raise AssertionError(f"passed, where '{wanted}' is expected")


def handshakes(packets, *sessions):
    capture.check_handshakes(pcap(packets), list(sessions), PORT)


def test_a_good_capture_passes():
    handshakes(GOOD_PACKETS, good())
    capture.check_no_tokens(pcap(GOOD_PACKETS), [good()], PORT)


def test_repeated_and_disordered_segments_pass():
    handshakes(GOOD_PACKETS[:2] + GOOD_PACKETS[:1] + GOOD_PACKETS[:1:-1] + GOOD_PACKETS[3:6], good())


def test_a_source_port_used_again_passes():
    refused = good(messages=[M1[::-1].replace(b"\x11", b"\x12").hex()], token="", outcome="refused")
    again = connection(capture.PREAMBLE + frames(b"\x12" * 48), b"", first=77)
    handshakes(GOOD_PACKETS + again, good(), refused)


def test_other_traffic_is_no_matter():
    handshakes([b"\xff" * 60, packet(HOST, (GUEST[0], 80), 5, ACK, b"x")] + GOOD_PACKETS, good())


def test_each_altered_handshake_message_is_found():
    for number, wanted in enumerate(("message 1", "message 2", "message 3")):
        messages = [bytearray(m) for m in (M1, M2, M3)]
        messages[number][-1] ^= 1
        refuses(wanted, handshakes, GOOD_PACKETS, good(messages=[m.hex() for m in messages]))


def test_a_missing_segment_is_found():
    for number in range(2, len(GOOD_PACKETS) - 1):
        refuses("", handshakes, GOOD_PACKETS[:number] + GOOD_PACKETS[number + 1:], good())


def test_missing_and_extra_connections_are_found():
    refuses("0 connections in the capture for 1", handshakes, [], good())
    other = connection(capture.PREAMBLE + frames(b"\x99" * 48), b"", (HOST[0], 50001))
    refuses("2 connections in the capture for 1", handshakes, GOOD_PACKETS + other, good())
    refuses("without a beginning", handshakes, GOOD_PACKETS[1:], good())


def test_records_that_do_not_belong_are_found():
    for out, back, wanted in (
            (frames(PING), frames(READY, PONG), "records sent: [28]"),
            (frames(PING, BYE, BYE), frames(READY, PONG), "records sent"),
            (frames(PING, BYE), frames(READY), "records received: [34]"),
            (frames(PING, BYE), frames(PONG, READY), "records received"),
            (frames(PING, BYE)[:-1], frames(READY, PONG), "a cut frame")):
        packets = connection(capture.PREAMBLE + frames(M1, M3) + out, frames(M2) + back)
        refuses(wanted, handshakes, packets, good())


def test_a_record_after_a_refusal_is_found():
    session = good(outcome="refused", token="")
    handshakes(connection(capture.PREAMBLE + frames(M1, M3), frames(M2)), session)
    ready = connection(capture.PREAMBLE + frames(M1, M3), frames(M2, READY))
    refuses("in a refused session", handshakes, ready, session)


def test_a_planted_token_is_found():
    for form in (TOKEN, TOKEN.hex().encode(), TOKEN.hex().upper().encode()):
        for step in (3, 1400):  # in pieces, and in one segment
            planted = connection(GOOD_OUT, GOOD_BACK + b"....." + form, step=step)
            refuses("in plain", capture.check_no_tokens, pcap(planted), [good()], PORT)
        refuses("in plain", capture.check_no_tokens, pcap(GOOD_PACKETS + [bytes(60) + form]), [good()], PORT)
        refuses("in plain", capture.check_no_tokens, pcap(GOOD_PACKETS), [good()], PORT, b"line " + form)


def test_without_tokens_nothing_would_be_proved():
    refuses("no tokens", capture.check_no_tokens, pcap(GOOD_PACKETS), [good(token="")], PORT)
    refuses("no tokens", capture.check_no_tokens, pcap(GOOD_PACKETS), [good(), good(token="00")], PORT)


def test_a_broken_file_is_an_error():
    raw = pcap(GOOD_PACKETS)
    for broken, wanted in ((b"", "empty"), (b"\0" * 24, "not a capture"), (raw[:-1], "cut frame"),
                           (raw + b"\0", "inside a header")):
        refuses(wanted, capture.check_handshakes, broken, [good()], PORT)


def test_the_outcome_of_a_session_is_judged():
    case = run.CASES[0]
    assert run.judge_session(good(), case) is None
    for outcome in ("refused", "error: PONG carries another token", "error: timed out"):
        assert run.judge_session(good(outcome=outcome), case)
    assert run.judge_session(good(messages=[M1.hex()]), case)
    wrong_key = next(c for c in run.CASES if c[5] == "refused")
    assert run.judge_session(good(), wrong_key), "a wrong key that is let in"


def test_a_wrong_ephemeral_is_found():
    secret = bytes(range(32))
    session = good(ephemeral=secret.hex(), messages=[run.bringup.x25519_public(secret).hex() + "00" * 16])
    assert run.judge_ephemerals([session]) is None
    for changes in ({"ephemeral": "01" * 32}, {"messages": [M1.hex()]}, {"messages": []}):
        assert run.judge_ephemerals([session, {**session, **changes}])
    assert run.judge_ephemerals([])


def test_the_log_is_judged():
    session = good(source_port=1, hash="ab" * 32)
    lines = [line for _, line in run.expected_lines(session, run.CASES[0])]
    assert "dsoftbusd: session peer=node-b role=responder hash=abababababababab" in lines

    def judge(printed):
        matcher, log = Matcher(run.expected_lines(session, run.CASES[0])), "".join(l + "\n" for l in printed).encode()
        matcher.feed(log)
        return run.judge_log(matcher, log, 1)

    assert judge(lines) is None
    for number in range(len(lines)):
        assert judge(lines[:number] + lines[number + 1:]), f"without '{lines[number]}'"
    assert judge(lines[::-1]) and judge(lines + ["dsoftbusd: auth ok"]) and judge(lines + ["SELFTEST: x FAIL"])


def test_a_session_that_was_not_held_is_a_failure():
    judged = run.rows(HERE, [("c", [])], [], b"", None)
    assert [wrong for _, wrong in itertools.islice(judged, len(run.CASES))] == ["was not held"] * len(run.CASES)


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
