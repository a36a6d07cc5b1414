#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Two people pair two machines over a code; and a man in the middle, who has one guess.
import json
import os
import subprocess
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import netlab
import tap

MITM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mitm.py")
PYTHON = "/usr/bin/python3"  # Debian's own: dissononce is installed for no other
CODE = r"\n    (\d{3}) (\d{3})\n"
QUESTION = r"confirm: "
GUESSES = 10
PORT = 34567


def lab_of(*names):
    lab = netlab.Lab(*names)
    for machine in lab.machines:
        machine.dsoftbus("init", "--id", machine.name)
    return lab


def open_for_pairing(machine):
    lines = machine.log().count("open for pairing")
    terminal = machine.terminal("dsoftbus", "pair")
    netlab.wait_for(lambda: machine.log().count("open for pairing") > lines, "it is open")
    return terminal


def code(terminal):
    match = terminal.see(CODE)
    terminal.see(QUESTION)
    return match[1] + match[2]


def pinned(machine):
    return [p["id"] for p in machine.dsoftbus("peers", "--json").json()["peers"] if p["state"] == "pinned"]


def find(one, other):
    netlab.wait_for(lambda: other in one.dsoftbus("peers", "--found").out, f"{other} is found", 25)


def pair(caller, callee, caller_says="yes\n", callee_says="yes\n"):
    """The two codes and exit codes, with what their users say."""
    terminals = open_for_pairing(callee), caller.terminal("dsoftbus", "pair", callee.name)
    codes = [code(t) for t in reversed(terminals)]
    assert pinned(caller) == pinned(callee) == [], "pinned before anybody has confirmed"
    terminals[1].type(caller_says)
    terminals[0].type(callee_says)
    return codes, [t.end() for t in reversed(terminals)]


def test_two_users_pair():
    with lab_of("alice", "bob") as lab:
        alice, bob = lab.machines
        alice.start()
        bob.start()
        find(alice, "bob")
        codes, ends = pair(alice, bob)
        assert codes[0] == codes[1] and ends == [0, 0], (codes, ends)
        for one, other in ((alice, bob), (bob, alice)):
            assert pinned(one) == [other.name]
            key = one.peer(other.name)["key"]
            assert key == other.dsoftbus("id", "--json").json()["key"]
        assert "2 answered" in alice.dsoftbus("ping", "bob", "--count", "2", "--interval", "0.1").out
        assert "2 answered" in bob.dsoftbus("ping", "alice", "--count", "2", "--interval", "0.1").out


def test_each_side_pins_at_its_own_users_word():
    with lab_of("alice", "bob") as lab:
        alice, bob = lab.machines
        alice.start()
        bob.start()
        find(alice, "bob")
        for caller_says, callee_says, ends in (("no\n", "no\n", [8, 8]), ("\n", "Yes\n", [8, 8]), ("no\n", "yes\n", [8, 0])):
            codes, ended = pair(alice, bob, caller_says, callee_says)
            assert codes[0] == codes[1] and ended == ends, (codes, ended)
        assert pinned(alice) == [] and pinned(bob) == ["alice"]


def test_what_was_typed_before_the_code_confirms_nothing():
    with lab_of("alice", "bob") as lab:
        alice, bob = lab.machines
        alice.start()
        bob.start()
        find(alice, "bob")
        callee = open_for_pairing(bob)
        callee.type("yes\nyes\nyes\n")
        caller = alice.terminal("dsoftbus", "pair", "bob")
        code(caller), code(callee)
        assert not callee.more(1.0) and callee.process.poll() is None and pinned(bob) == []
        for terminal in (caller, callee):
            terminal.type("no\n")
            assert terminal.end() == 8


def test_by_card_and_address():
    with lab_of("alice", "bob") as lab:
        alice, bob = lab.machines
        alice.start()
        bob.start()
        with open(os.path.join(alice.home, "bob.card"), "w", encoding="ascii") as f:
            f.write(bob.dsoftbus("id", "--card").out)
        callee = open_for_pairing(bob)
        caller = alice.terminal("dsoftbus", "pair", "--card", "bob.card", "--address", f"{bob.address}:{PORT}")
        assert code(caller) == code(callee)
        for terminal in (caller, callee):
            terminal.type("yes\n")
            assert terminal.end() == 0
        assert pinned(alice) == ["bob"] and pinned(bob) == ["alice"]


def says(machine, arguments, exit_code, text):
    terminal = machine.terminal("dsoftbus", "pair", *arguments)
    ended = terminal.end(70)
    assert ended == exit_code and text in terminal.shown, (ended, terminal.shown)


def test_refusals_have_clear_texts():
    with lab_of("alice", "bob", "carol") as lab:
        alice, bob, carol = lab.machines
        says(alice, [], 3, "dsoftbusd does not run")
        for machine in lab.machines:
            machine.start()
        find(alice, "bob")
        says(alice, ["bob"], 8, "the other side is not open for pairing")
        says(alice, ["nobody"], 5, "has not been found")
        says(alice, ["--card", "x"], 2, "--card and --address belong together")
        assert "needs a terminal" in alice.dsoftbus("pair", code=2).err
        first = open_for_pairing(bob)
        says(bob, [], 1, "another `dsoftbus pair` is under way")
        first.process.terminate()  # the user gives up: the node is no longer open
        first.end()
        netlab.wait_for(lambda: "called off" in bob.log(), "it is called off")
        says(alice, ["bob"], 8, "the other side is not open for pairing")
        # One attempt: a stranger who comes first has used it up.
        first = open_for_pairing(bob)
        carol.dsoftbus("trust", "--card", "-", "--address", f"{bob.address}:{PORT}",
                       stdin=bob.dsoftbus("id", "--card").out)
        carol.dsoftbus("ping", "bob", "--count", "1", "--timeout", "2", code=7)
        assert first.end() == 8, first.shown
        says(alice, ["bob"], 8, "the other side is not open for pairing")


def test_nobody_comes_for_a_minute():
    with lab_of("alice") as lab:
        alice = lab["alice"]
        alice.start()
        says(alice, [], 7, "nobody came within 60 seconds")


class Mitm:
    """mallory, who sits between alice and bob."""

    def __init__(self, lab, strategies):
        alice, mallory, bob = lab.machines
        plan = {"caller": "alice", "caller_host": alice.address, "callee": "bob", "callee_host": bob.address,
                "callee_key": bob.dsoftbus("id", "--json").json()["key"], "port": PORT, "strategies": strategies}
        self.process = subprocess.Popen(mallory.inside([PYTHON, MITM]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.process.stdin.write(json.dumps(plan))
        self.process.stdin.close()

    def outcome(self):
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def between():
    """alice and bob see mallory only."""
    lab = netlab.Lab("alice", "mallory", "bob")
    lab.part("alice", "bob")
    for name in ("alice", "bob"):
        lab[name].dsoftbus("init", "--id", name)
        lab[name].start()
    return lab


def attacked(lab, mitm, strategy):
    """One attempt under attack: the codes that the two users see, None for one that sees none."""
    callee = open_for_pairing(lab["bob"])
    caller = lab["alice"].terminal("dsoftbus", "pair", "bob")
    known = mitm.outcome()
    assert known["strategy"] == strategy, known
    caller_code = code(caller)
    assert known["caller_code"] == int(caller_code)
    if known["callee_code"] is None:
        said = "has gone in the middle" if strategy == "leave" else "SOMEBODY IS TRYING"
        assert callee.end() == 8 and said in callee.shown, callee.shown
        callee_code = None
    else:
        callee_code = code(callee)
        assert known["callee_code"] == int(callee_code)
        callee.type("no\n")
        assert callee.end() == 8
    caller.type("no\n")
    assert caller.end() == 8 and "somebody stands between" in caller.shown.replace("\n", " "), caller.shown
    return caller_code, callee_code


def test_a_man_in_the_middle_has_one_guess_and_few_attempts():
    strategies = ["relay", "caller", "callee", "grind"] + ["relay", "leave", "callee"] * 2
    assert len(strategies) == GUESSES
    with between() as lab:
        alice, bob = lab["alice"], lab["bob"]
        mitm = Mitm(lab, strategies + ["relay"])
        try:
            find(alice, "bob")
            shown = [attacked(lab, mitm, strategy) for strategy in strategies]
            # Equal by chance: once in 100,000 runs of this test.
            assert all(a != b for a, b in shown), shown
            says(alice, ["bob"], 8, "are enough")
            says(bob, [], 8, "The next is possible in")
            print(f"# {len(shown)} attempts, then refused by both")
        finally:
            mitm.stop()
        assert pinned(alice) == pinned(bob) == []
        assert alice.show()["established"] == bob.show()["established"] == 0


if __name__ == "__main__":
    netlab.enter()
    if subprocess.run([PYTHON, "-c", "import dissononce"], check=False).returncode != 0:
        sys.exit("python3-dissononce is missing (scripts/deps.sh test)")
    tap.main(sys.modules[__name__])
