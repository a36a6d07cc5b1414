#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Command and daemon killed at random moments: the file of known peers is the old or the new one, and all goes on.
import hashlib
import os
import random
import signal
import subprocess
import sys
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import netlab
import pairing
import tap

KILLS, PAIRING_KILLS = 180, 20
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
KEY_BYTES = 32


def contents(machine):
    """{id: (key, state)}, read from the file itself: each line whole."""
    with open(os.path.join(machine.state, "node", "peers"), encoding="ascii") as f:
        text = f.read()
    assert text == "" or text.endswith("\n"), text[-80:]
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    assert all(len(words) >= 4 and len(words[1]) == 2 * KEY_BYTES for words in lines), lines
    return {words[0]: (words[1], words[2]) for words in lines}


def leftovers(machine):
    return set(os.listdir(os.path.join(machine.state, "node"))) - {"identity", "peers", ".peers.next"}


def key_of(name):
    return hashlib.blake2s(name.encode()).hexdigest()


class Changes:
    """A change to the known peers, and what the file is after it."""

    def __init__(self, machine, generator):
        self.machine, self.generator = machine, generator

    def next(self, now):
        kind = self.generator.choice(["trust", "trust", "revoke", "forget"])
        name = f"peer-{self.generator.randrange(12)}"
        if kind == "trust" or name not in now:
            return ["trust", "--card", "-"], f"{name} {key_of(name)}\n", {**now, name: (key_of(name), "pinned")}
        if kind == "revoke":
            return ["revoke", name], "", {**now, name: (key_of(name), "revoked")}
        return ["revoke", "--forget", name], "", {k: v for k, v in now.items() if k != name}


def run_and_kill(machine, arguments, text, delay_s):
    """The command gets SIGKILL after the delay; whether it was still running."""
    process = subprocess.Popen(machine.inside(["dsoftbus", *arguments]), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=machine.environment(), cwd=machine.home)
    process.stdin.write(text.encode())
    process.stdin.close()
    time.sleep(delay_s)
    hit = process.poll() is None
    process.kill()
    process.wait()
    return hit


def kill_daemon(machine):
    machine.daemon.kill()
    machine.daemon.wait()
    machine.daemon = None


def usual_time(machine):
    """How long a change takes: the kill is to fall into it."""
    started = time.monotonic()
    for number in range(5):
        machine.dsoftbus("trust", "--card", "-", stdin=f"peer-{number} {key_of(f'peer-{number}')}\n")
    return (time.monotonic() - started) / 5


def test_while_trusting_and_revoking():
    generator = random.Random(SEED)
    print(f"# SEED={SEED}")
    with netlab.Lab("alice") as lab:
        alice = lab["alice"]
        alice.dsoftbus("init", "--id", "alice")
        alice.start()
        usual = usual_time(alice)
        changes, hits, old, new = Changes(alice, generator), 0, 0, 0
        for number in range(KILLS):
            before = contents(alice)
            arguments, text, after = changes.next(before)
            hits += run_and_kill(alice, arguments, text, generator.uniform(0, usual))
            now = contents(alice)
            assert now in (before, after), (arguments, before, now, after)
            old, new = old + (now == before), new + (now != before)
            if number % 3 == 0:
                kill_daemon(alice)
                alice.start()
            assert not leftovers(alice), leftovers(alice)
            arguments, text, after = changes.next(now)
            alice.dsoftbus(*arguments, stdin=text)
            assert contents(alice) == after
        known = {p["id"]: p["state"] for p in alice.show()["known"] if p["id"] in contents(alice)}
        assert known == {name: state for name, (_, state) in contents(alice).items()}, known
        print(f"# {KILLS} kills, {hits} of them before the command had ended; the old file {old} times, the new {new} times")
        assert hits > KILLS / 4 and old > KILLS / 20 and new > KILLS / 20, "the kills do not fall into the change"


def test_the_daemon_while_it_reads():
    """The daemon is killed at any moment of its start and of a reload; its state is read only, and it starts again."""
    generator = random.Random(SEED)
    with netlab.Lab("alice") as lab:
        alice = lab["alice"]
        alice.dsoftbus("init", "--id", "alice")
        usual_time(alice)
        before = contents(alice)
        started = time.monotonic()
        alice.start()
        start_s = time.monotonic() - started
        kill_daemon(alice)
        for _ in range(20):
            with open(alice.log_path, "ab") as log:
                process = subprocess.Popen(alice.inside(["dsoftbusd"]), stderr=log, env=alice.environment(), cwd=alice.home)
            time.sleep(generator.uniform(0, 2 * start_s))
            process.send_signal(generator.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            process.wait()
        alice.start()
        for _ in range(20):
            alice.daemon.send_signal(signal.SIGHUP)
            time.sleep(generator.uniform(0, 0.005))
            kill_daemon(alice)
            alice.start()
        assert contents(alice) == before and not leftovers(alice)


def test_while_pairing():
    generator = random.Random(SEED)
    with pairing.lab_of("alice", "bob") as lab:
        alice, bob = lab.machines
        bob.start()
        card = os.path.join(alice.home, "bob.card")
        with open(card, "w", encoding="ascii") as f:
            f.write(bob.dsoftbus("id", "--card").out)
        pinned = 0
        for number in range(PAIRING_KILLS):
            if number % 8 == 0 and number > 0:  # so many attempts as are possible
                kill_daemon(bob)
                bob.start()
            alice.start()
            callee = pairing.open_for_pairing(bob)
            caller = alice.terminal("dsoftbus", "pair", "--card", "bob.card", "--address", f"{bob.address}:{pairing.PORT}")
            assert pairing.code(caller) == pairing.code(callee)
            caller.type("yes\n")
            time.sleep(generator.uniform(0, 0.015))
            caller.process.kill()
            kill_daemon(alice)
            caller.end()
            callee.type("no\n")
            callee.end()
            now = contents(alice) if os.path.exists(os.path.join(alice.state, "node", "peers")) else {}
            key = bob.dsoftbus("id", "--json").json()["key"]
            assert now in ({}, {"bob": (key, "pinned")}), now
            pinned += now != {}
            if now:
                alice.dsoftbus("revoke", "--forget", "bob")
        print(f"# {PAIRING_KILLS} kills, pinned {pinned} times")
        alice.start()
        assert pairing.pinned(bob) == []


if __name__ == "__main__":
    netlab.enter()
    tap.main(sys.modules[__name__])
