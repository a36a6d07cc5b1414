#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# doctor: for each step that can fail, a machine where it does, and what is said.
import os
import subprocess
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import netlab
import tap

NO_ANSWER, REFUSED = 7, 8


def says(machine, code, *words):
    shown = machine.dsoftbus("doctor", "bob", code=code).out
    last = shown.splitlines()[-1]
    assert last.startswith("BAD" if code else "good"), shown
    for word in words:
        assert word in last, (word, shown)


def at(lab, address):
    """Alice, who takes Bob to be at that address. There is no daemon on Bob's machine."""
    alice, bob = lab.machines
    for machine in (alice, bob):
        machine.dsoftbus("init", "--id", machine.name)
    alice.start()
    alice.dsoftbus("trust", "--card", "-", "--address", address, stdin=bob.dsoftbus("id", "--card").out)
    return alice, bob


def test_no_address():
    with netlab.Lab("alice", "bob") as lab:
        alice, bob = lab.machines
        for machine in (alice, bob):
            machine.dsoftbus("init", "--id", machine.name)
        alice.start()
        alice.dsoftbus("trust", "--card", "-", stdin=bob.dsoftbus("id", "--card").out)
        says(alice, NO_ANSWER, "address", "no address is known")


def test_no_route():
    with netlab.Lab("alice", "bob") as lab:
        alice, _ = at(lab, "10.99.0.1:34567")
        says(alice, NO_ANSWER, "TCP", "no route")


def test_port_closed():
    with netlab.Lab("alice", "bob") as lab:
        alice, bob = at(lab, "10.77.0.2:34567")
        assert bob.daemon is None
        says(alice, NO_ANSWER, "TCP", "port closed")


def answering(bob, answer):
    """A program on Bob's port that says this to whoever calls, and then nothing."""
    code = ("import socket\n"
            "s = socket.create_server(('0.0.0.0', 34567))\n"
            "print('ready', flush=True)\n"
            "while True:\n"
            "    c = s.accept()[0]\n"
            "    c.recv(52)\n"
            f"    c.sendall({answer!r})\n"
            "    c.close()\n")
    server = subprocess.Popen(bob.inside([sys.executable, "-c", code]), stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline() == "ready\n"
    return server


def test_not_our_protocol():
    with netlab.Lab("alice", "bob") as lab:
        alice, bob = at(lab, "10.77.0.2:34567")
        server = answering(bob, b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(60))
        says(alice, REFUSED, "protocol", "it is not DSoftBus")
        server.kill()
        server.wait()


def test_another_version():
    with netlab.Lab("alice", "bob") as lab:
        alice, bob = at(lab, "10.77.0.2:34567")
        server = answering(bob, b"DSB\x02")
        says(alice, REFUSED, "version", "version 2")
        server.kill()
        server.wait()


def test_another_key():
    with netlab.Lab("alice", "bob") as lab:
        alice, bob = at(lab, "10.77.0.2:34567")
        netlab.run("rm", "-r", bob.state)
        bob.dsoftbus("init", "--id", "bob")
        bob.start()
        shown = alice.dsoftbus("doctor", "bob", code=REFUSED).out
        assert "has another key than we think" in shown, shown  # Bob closes first: message 1 is not for his key


def test_not_trusted_there():
    with netlab.Lab("alice", "bob") as lab:
        alice, bob = at(lab, "10.77.0.2:34567")
        bob.start()
        says(alice, REFUSED, "trust there", "does not know this node")
        bob.dsoftbus("trust", "--card", "-", "--pending", stdin=alice.dsoftbus("id", "--card").out)
        says(alice, REFUSED, "trust there", "does not trust it")
        bob.dsoftbus("trust", "--card", "-", stdin=alice.dsoftbus("id", "--card").out)
        says(alice, 0, "MTU", "full segments get there: 1448 bytes, in packets of up to 1500")


def test_a_link_that_swallows_large_packets():
    """Nobody says so: what is asked for helps, and without it the next small packets still get there."""
    with netlab.Lab("alice", "bob") as lab:
        lab.worsen("alice", "--longest", "1000")
        alice, bob = netlab.pair(lab)
        netlab.wait_for(lambda: "bob" in alice.dsoftbus("peers", "--found").out, "bob is found")
        says(alice, NO_ANSWER, "MTU", "segments of 1448 bytes vanish", "ip link set eth0 mtu", "clamp the MSS")
        answered = alice.dsoftbus("ping", "bob", "--count", "2", "--interval", "0.1").out
        assert "2 sent, 2 answered" in answered, answered
        for machine in (alice, bob):
            netlab.run("ip", "-n", machine.name, "link", "set", "eth0", "mtu", "1000")
        says(alice, 0, "MTU", "full segments get there: 948 bytes, in packets of up to 1000")


def test_a_path_that_the_kernel_knows():
    with netlab.Lab("alice", "bob") as lab:
        alice, bob = netlab.pair(lab)
        netlab.run("ip", "-n", "alice", "route", "add", bob.address, "dev", "eth0", "mtu", "1200")
        netlab.wait_for(lambda: "bob" in alice.dsoftbus("peers", "--found").out, "bob is found")
        says(alice, 0, "MTU", "packets of 1200 bytes get there", "eth0 takes 1500")


if __name__ == "__main__":
    netlab.enter()
    tap.main(sys.modules[__name__])
