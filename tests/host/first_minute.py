#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The commands of the README and of the manual's first minute, as they stand there, on two machines.
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import netlab
import tap

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
COMMAND = re.compile(r"^    (.*?) {2,}on (alice|bob|both)$", re.M)


def commands(document, section):
    with open(os.path.join(TOP, document), encoding="utf-8") as manual:
        return COMMAND.findall(manual.read().split(f"\n## {section}\n")[1].split("\n## ")[0])


def manual():
    return commands("docs/LINUX.md", "The first minute")


def readme():
    """The commands that build, and those on the two machines."""
    found = commands("README.md", "On Linux")
    return [c for c, where in found if where == "both"], [f for f in found if f[1] != "both"]


def test_the_documents_have_the_commands():
    for found in (manual(), readme()[1]):
        words = [command.split()[:2] for command, _ in found]
        for wanted in (["dsoftbus", "init"], ["dsoftbusd", "&"], ["dsoftbus", "trust"], ["dsoftbus", "ping"]):
            assert wanted in words, wanted
    assert readme()[0] == ["make host-programs", "export PATH=$PWD/build/host/bin:$PATH"], readme()[0]


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


def first_minute(steps, programs=netlab.PROGRAMS):
    started = time.monotonic()
    with netlab.Lab("alice", "bob", programs=programs) as lab:
        for command, name in steps:
            shown = perform(lab[name], command)
            carry_cards(lab)
        assert re.search(r"answer from bob \(10\.77\.0\.2:34567\): number=1 time=[0-9.]+ ms", shown), shown
        assert lab["alice"].peer("bob")["outbound"]
    print(f"# {time.monotonic() - started:.1f} s")


def test_two_machines_as_the_manual_says():
    first_minute(manual())


def test_a_fresh_tree_as_the_readme_says():
    """What a clone would bring, without any build; then the README's commands and nothing else."""
    build, steps = readme()
    with tempfile.TemporaryDirectory() as tree:
        files = netlab.run("git", "-c", "safe.directory=*", "-C", TOP, "ls-files", "-z").split("\0")
        for name in filter(None, files):
            os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
            shutil.copy2(os.path.join(TOP, name), os.path.join(tree, name), follow_symlinks=False)
        started = time.monotonic()
        environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "HOST_PROGRAMS")}
        shell = subprocess.run(["sh", "-ec", "\n".join(build) + "\ncommand -v dsoftbusd"], cwd=tree, env=environment,
                               check=True, capture_output=True, text=True)
        print(f"# built in {time.monotonic() - started:.1f} s")
        programs = os.path.dirname(shell.stdout.split()[-1])
        assert os.path.realpath(programs).startswith(os.path.realpath(tree)), programs
        first_minute(steps, programs)


def test_three_machines_and_a_wrong_fingerprint():
    with netlab.Lab("alice", "bob", "carol") as lab:
        alice, bob, carol = lab.machines
        for machine in lab.machines:
            machine.dsoftbus("init", "--id", machine.name)
            machine.start()
        fingerprints = {m: m.dsoftbus("id", "--json").json()["fingerprint"] for m in lab.machines}
        for a, b in ((alice, bob), (bob, carol), (carol, alice)):
            for one, other in ((a, b), (b, a)):
                netlab.wait_for(lambda: other.name in one.dsoftbus("peers", "--found").out, f"{other.name} is found", 25)
                wrong = one.dsoftbus("trust", other.name, "--fingerprint", fingerprints[one], code=6)
                assert fingerprints[other] in wrong.err, wrong.err
                one.dsoftbus("trust", other.name, "--fingerprint", fingerprints[other])
        for one in lab.machines:
            for other in lab.machines:
                if other is not one:
                    answered = one.dsoftbus("ping", other.name, "--count", "2", "--interval", "0.1").out
                    assert "2 sent, 2 answered" in answered, answered


def test_a_stranger_gets_no_answer():
    with netlab.Lab("alice", "bob", "carol") as lab:
        netlab.pair(lab)
        carol = lab["carol"]
        carol.dsoftbus("init", "--id", "carol")
        carol.start()
        carol.dsoftbus("trust", "--card", "-", "--address", f"{lab['bob'].address}:34567",
                       stdin=lab["bob"].dsoftbus("id", "--card").out)
        carol.dsoftbus("ping", "bob", "--count", "1", "--timeout", "3", code=7)
        assert "is carol, which is not known here: refused" in lab["bob"].log()
        lab["alice"].dsoftbus("ping", "bob", "--count", "1")


BAD_LINK = ("--drop", "0.05", "--repeat", "0.05", "--delay", "0.75", "--delay-ms", "80", "--reorder", "0.25", "--damage", "0.01")
DONE = {"dropped": 0.02, "repeated": 0.02, "delayed": 0.5, "reordered": 0.02, "damaged": 0.001}  # shares, with room for chance


def test_over_a_bad_link():
    """A session, pings and a file, whole."""
    content = os.urandom(1 << 20)
    with netlab.Lab("alice", "bob") as lab:
        alice, bob = lab.machines
        inbox, config = os.path.join(bob.home, "in"), os.path.join(bob.home, "config.ini")
        os.makedirs(inbox)
        with open(config, "w", encoding="ascii") as file:
            file.write(f"[file]\ndirectory = {inbox}\nallow = alice\n")
        with open(os.path.join(alice.home, "content"), "wb") as file:
            file.write(content)
        lab.worsen("alice", "--seed", "1", *BAD_LINK)
        for machine, options in ((alice, ()), (bob, ("--config", config))):
            machine.dsoftbus("init", "--id", machine.name)
            machine.start(*options)
        netlab.trust_each_other(alice, bob)
        netlab.wait_for(lambda: alice.run("dsoftbus", "ping", "bob", "--count", "1").code == 0, "a session", 60)
        answered = alice.dsoftbus("ping", "bob", "--count", "5", "--interval", "0.2", "--timeout", "20").out
        assert "5 sent, 5 answered" in answered, answered
        started = time.monotonic()
        sent = alice.run("dsoftbus", "send", "bob", "content", timeout=240)
        assert sent.code == 0, sent.out + sent.err
        print(f"# {len(content) >> 10} KiB in {time.monotonic() - started:.1f} s")
        with open(os.path.join(inbox, "content"), "rb") as file:
            assert file.read() == content
        counts = alice.cut_off()
        for kind, share in DONE.items():
            assert sum(counts[kind]) >= share * sum(counts["frames"]), counts


def test_more_interface_news_than_the_kernel_keeps():
    """Such as containers make while the daemon was not run: the news are lost, but not the daemon's ear for the next."""
    with netlab.Lab("alice") as lab:
        alice = lab["alice"]
        alice.dsoftbus("init", "--id", "alice")
        alice.start()
        alice.daemon.send_signal(signal.SIGSTOP)
        flicker = "".join(f"addr {word} 10.78.0.1/24 dev eth0\n" for _ in range(2000) for word in ("add", "del"))
        subprocess.run(["ip", "-n", "alice", "-batch", "-"], input=flicker, text=True, check=True)
        alice.daemon.send_signal(signal.SIGCONT)
        alice.dsoftbus("show")
        netlab.run("ip", "-n", "alice", "link", "add", "late", "type", "bridge")
        netlab.run("ip", "-n", "alice", "addr", "add", "10.79.0.1/24", "dev", "late")
        netlab.run("ip", "-n", "alice", "link", "set", "late", "up")
        netlab.wait_for(lambda: "late" in alice.show()["interfaces"], "the new interface is seen")


if __name__ == "__main__":
    netlab.enter()
    tap.main(sys.modules[__name__])
