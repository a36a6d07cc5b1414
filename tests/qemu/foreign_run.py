#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Boots the lab image and lets bus nodes of other make talk to it from outside; TAP.
"""usage: foreign_run.py IMAGE WORK_DIR NAME=CLIENT...      WORK_DIR/provision holds the daemon's file

Leaves in WORK_DIR: uart.log, net.pcap, and sessions.json, from which every session can be reconstructed. That is a JSON
array with one session per line, all fields present and in this order, byte strings in hex:
    client, name, id, static (private key), responder_id, responder (public key), control, source_port (as the guest
    sees it), ephemeral (private key), prologue, messages [1, 2, 3 as far as it came], hash (handshake hash, "" without
    message 3), token (of the PING, "" if none was sent), outcome ("pong", "refused" or "error: ...")
CLIENT is a program that keeps to the form described in tests/interop/foreign_dissononce.py."""
import json
import os
import secrets
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../scripts")]
import bringup
import foreign_capture
import machine
from matcher import Matcher

KEYSCAN = os.path.join(HERE, "../../build/host/keyscan")
BOOT_S, CLIENT_S, LOG_S, SCAN_S = 10, 10, 10, 60
GUEST_PORT = 34567
LINES_READY = [(line, line) for line in ("dsoftbusd: ready", "init: ready")]
GATEWAY = "10.0.2.2"

# name, own id, own key, responder's key, control; then what must come of it: outcome, handshake messages, lines on the
# console. "{...}" is filled from the session. Each refusal and each control is followed by a good session.
GOOD = ("node-b", "node-b", "node-a", "", "pong", 3,
        ["dsoftbusd: identity bound peer=node-b", "dsoftbusd: auth ok",
         "dsoftbusd: session peer=node-b role=responder hash={short_hash}", "dsoftbusd: os session ok",
         "dsoftbusd: session lost peer=node-b: peer said bye (normal)"])
DISCONNECTED = GOOD[6][:3] + ["dsoftbusd: session lost peer=node-b: disconnected"]
CASES = [
    ("a good session",) + GOOD,
    ("a wrong key under node-b's id", "node-b", "attacker", "node-a", "", "refused", 3,
     ["dsoftbusd: identity mismatch peer=node-b"]),
    ("a good session after a wrong key",) + GOOD,
    ("node-b's key under another id", "node-x", "node-b", "node-a", "", "refused", 3,
     ["dsoftbusd: identity mismatch peer=node-x"]),
    ("an unknown key and id", "stranger", "attacker", "node-a", "", "refused", 3,
     ["dsoftbusd: unknown peer=stranger"]),
    ("a wrong key for node-a", "node-b", "node-b", "attacker", "", "refused", 1,
     ["dsoftbusd: rejected from={gateway}:{source_port}: handshake auth"]),
    ("control: another PONG is expected, and fails", "node-b", "node-b", "node-a", "other-token",
     "error: PONG carries another token", 3, GOOD[6][:4] + DISCONNECTED[3:]),
    ("control: a damaged READY fails", "node-b", "node-b", "node-a", "damaged-ready",
     "error: READY does not authenticate", 3, DISCONNECTED),
    ("a good session after all that",) + GOOD,
]


# SECURITY: bring-up test keys, NOT production custody
def keys():
    """name: (private, public) in hex."""
    made = {"node-a": bringup.derive_test_secret(*bringup.NODE_A),
            "node-b": bringup.derive_test_secret(*bringup.NODE_B),
            "attacker": secrets.token_bytes(32)}
    return {name: (secret.hex(), bringup.x25519_public(secret).hex()) for name, secret in made.items()}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def planned():
    known = keys()
    return [{"name": name, "id": own_id, "static": known[own][0], "responder_id": "node-a",
             "responder": known[responder][1], "control": control}
            for name, own_id, own, responder, control, *_ in CASES]


def run_client(name, argv, port):
    """All cases with one client; the sessions as far as it got."""
    plan = planned()
    text = json.dumps({"port": port, "sessions": plan})
    try:
        done = subprocess.run(argv, input=text, stdout=subprocess.PIPE, text=True, timeout=CLIENT_S, check=False)
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as e:
        output, status = (e.stdout or b"").decode(), f"time-out of {CLIENT_S} s"
    results = [json.loads(line) for line in output.splitlines()]
    if status != 0 or len(results) != len(plan):
        print(f"# client {name}: status {status}, {len(results)} of {len(plan)} sessions")
    return [{"client": name, **session, **result} for session, result in zip(plan, results)]


def expected_lines(session, case):
    values = {"gateway": GATEWAY, "source_port": session["source_port"], "short_hash": session["hash"][:16]}
    return [(f"{session['client']}, {session['name']}", line.format(**values)) for line in case[7]]


def judge_session(session, case):
    """What is wrong with the session, or None."""
    if session["outcome"] != case[5]:
        return f"outcome '{session['outcome']}' where '{case[5]}' is expected"
    if len(session["messages"]) != case[6]:
        return f"{len(session['messages'])} handshake messages where {case[6]} are expected"
    return None


def judge_log(matcher, log, sessions_up):
    lines = log.decode("utf-8", "backslashreplace").splitlines()
    if matcher.failures:
        return f"line '{matcher.failures[0]}'"
    if not matcher.complete:
        return f"missing for {matcher.missing[0]}: '{matcher.missing[1]}'"
    if lines.count("dsoftbusd: auth ok") != sessions_up:
        return f"{lines.count('dsoftbusd: auth ok')} sessions accepted where {sessions_up} are expected"
    return None


def judge_capture(check, *arguments):
    try:
        check(*arguments)
    except foreign_capture.CaptureError as e:
        return str(e)
    return None


def judge_ephemerals(sessions):
    """sessions.json is what a key scan goes by: its ephemerals must be those of the handshakes."""
    for s in sessions:
        if not s["messages"] or bringup.x25519_public(bytes.fromhex(s["ephemeral"])).hex() != s["messages"][0][:64]:
            return f"{s['client']}, {s['name']}: not the ephemeral of message 1"
    return None if sessions else "no sessions"


def judge_keys(keyscan, work):
    """No key of these sessions in log or capture, and each session reconstructed from what was written down."""
    try:
        done = subprocess.run([keyscan, "foreign", work], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=SCAN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        return str(e)
    print("".join(f"# {line}\n" for line in done.stdout.splitlines()), end="")
    return None if done.returncode == 0 else f"keyscan ends with {done.returncode}"


def write_sessions(path, sessions):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
        f.write("[\n" + ",\n".join(map(json.dumps, sessions)) + "\n]\n")


def boot_and_talk(image, work, clients):
    """The sessions, the console's log and its matcher; None when the machine did not get ready."""
    port = free_port()
    argv = machine.command(image, f"{work}/provision", f"file:{work}/uart.log", pcap=f"{work}/net.pcap",
                           forward=[(port, GUEST_PORT)], deterministic=False)
    log, ready, sessions, lines = bytearray(), Matcher(LINES_READY), [], list(LINES_READY)
    with machine.Machine(argv, f"{work}/uart.log") as m:
        m.watch(lambda data: (log.extend(data), ready.feed(data)), lambda: ready.complete, BOOT_S)
        if not ready.complete:
            return None
        for name, client in clients:
            sessions += run_client(name, client, port)
        write_sessions(f"{work}/sessions.json", sessions)
        for number, session in enumerate(sessions):
            lines += expected_lines(session, CASES[number % len(CASES)])
        matcher = Matcher(lines)
        matcher.feed(bytes(log))
        deadline = LOG_S + machine.time.monotonic() - m.started
        m.watch(lambda data: (log.extend(data), matcher.feed(data)), lambda: matcher.complete, deadline)
    matcher.end()
    return sessions, bytes(log), matcher


def rows(work, clients, sessions, log, matcher):
    """(name, what is wrong or None) of every check."""
    by_name = {(s["client"], s["name"]): s for s in sessions}
    for client, _ in clients:
        for case in CASES:
            session = by_name.get((client, case[0]))
            yield f"{client}: {case[0]}", judge_session(session, case) if session else "was not held"
    accepted = len(clients) * sum(case[7][1:2] == ["dsoftbusd: auth ok"] for case in CASES)
    yield "the daemon's lines, in order", judge_log(matcher, log, accepted)
    with open(f"{work}/net.pcap", "rb") as f:
        raw = f.read()
    yield "the capture holds each handshake", judge_capture(foreign_capture.check_handshakes, raw, sessions, GUEST_PORT)
    yield "the ephemerals noted are those used", judge_ephemerals(sessions)
    yield "no token in plain", judge_capture(foreign_capture.check_no_tokens, raw, sessions, GUEST_PORT, log)
    yield "no key anywhere", judge_keys(KEYSCAN, work)


def main():
    if len(sys.argv) < 4 or not all("=" in word for word in sys.argv[3:]):
        sys.exit(__doc__)
    image, work = sys.argv[1:3]
    clients = [(name, command.split()) for name, command in (word.split("=", 1) for word in sys.argv[3:])]
    ran = boot_and_talk(image, work, clients)
    if ran is None:
        print(f"Bail out! The machine did not get ready; {work}/uart.log")
        sys.exit(1)
    failed = number = 0
    for number, (name, wrong) in enumerate(rows(work, clients, *ran), 1):
        failed += wrong is not None
        print(f"{'ok' if wrong is None else 'not ok'} {number} - {name}" + ("" if wrong is None else f"\n# {wrong}"))
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
