#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The commands of the manual's first minute, as they stand there, on two machines.
import os
import re
import shutil
import sys
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import netlab
import tap

MANUAL = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "LINUX.md")
COMMAND = re.compile(r"^    (dsoftbus.*?) {2,}on (alice|bob)$", re.M)


def commands():
    with open(MANUAL, encoding="utf-8") as manual:
        section = manual.read().split("## The first minute")[1].split("\n## ")[0]
    return COMMAND.findall(section)


def test_the_manual_has_the_commands():
    words = [command.split()[:2] for command, _ in commands()]
    for wanted in (["dsoftbus", "init"], ["dsoftbusd", "&"], ["dsoftbus", "trust"], ["dsoftbus", "ping"]):
        assert wanted in words, wanted


def carry_cards(lab):
    """What a person does with a file on one machine that is wanted on the other."""
    cards = [os.path.join(m.home, f) for m in lab.machines for f in os.listdir(m.home) if f.endswith(".card")]
    for card in cards:
        for machine in lab.machines:
            if os.path.dirname(card) != machine.home:
                shutil.copy(card, machine.home)


def perform(machine, command):
    if command == "dsoftbusd &":
        machine.start()
        return ""
    if command == "dsoftbus trust bob":
        netlab.wait_for(lambda: "bob" in machine.dsoftbus("peers", "--found").out, "bob is found")
        code, shown = machine.on_terminal(command.split(), "yes\n")
        assert code == 0, shown
        fingerprint = machine.lab["bob"].dsoftbus("id", "--json").json()["fingerprint"]
        assert fingerprint in shown, shown
        return shown
    result = machine.run("sh", "-c", command)
    assert result.code == 0, f"{command}: {result.err}"
    return result.out


def test_two_machines_as_the_manual_says():
    started = time.monotonic()
    with netlab.Lab("alice", "bob") as lab:
        for command, name in commands():
            shown = perform(lab[name], command)
            carry_cards(lab)
        assert re.search(r"answer from bob \(10\.77\.0\.2:34567\): number=1 time=[0-9.]+ ms", shown), shown
        assert lab["alice"].peer("bob")["outbound"]
    print(f"# {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    netlab.enter()
    tap.main(sys.modules[__name__])
