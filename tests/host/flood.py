#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# 10,000 connections that say nothing and 50 malformed datagrams a millisecond; good peers do not notice much.
import json
import os
import subprocess
import sys
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import netlab
import tap

FLOOD = os.path.abspath(os.environ.get("FLOOD", "build/host/tests/host/flood"))
SECONDS = int(os.environ.get("FLOOD_SECONDS", "10"))
CONNECTIONS, DATAGRAMS_PER_MS, SOURCES = 10000, 50, 2000
PORT, ANNOUNCE_PORT = 34567, 37020
SESSION_S, GROWTH_KIB = 2.0, 512


def resident_kib(process):
    with open(f"/proc/{daemon_pid(process)}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def daemon_pid(process):
    """`ip netns exec` becomes the program."""
    return process.pid


def give_addresses(mallory, target):
    """10.78.0.0/16 is mallory's, all of it."""
    netlab.run("ip", "-n", mallory.name, "route", "add", "local", "10.78.0.0/16", "dev", "lo")
    netlab.run("ip", "-n", target.name, "route", "add", "10.78.0.0/16", "via", mallory.address)


def start_flood(mallory, target, connections=CONNECTIONS, seconds=SECONDS):
    words = [FLOOD, target.address, PORT, ANNOUNCE_PORT, "10.78.0.1", SOURCES, connections, DATAGRAMS_PER_MS, seconds]
    return subprocess.Popen(mallory.inside([str(w) for w in words]), stdout=subprocess.PIPE, text=True)


def known_to_each_other(alice, other, *options):
    other.dsoftbus("trust", "--card", "-", "--address", f"{alice.address}:{PORT}", stdin=alice.dsoftbus("id", "--card").out)
    alice.dsoftbus("trust", "--card", "-", *options, stdin=other.dsoftbus("id", "--card").out)


def new_session(machine):
    """Seconds from the wish to the answer."""
    machine.start()
    started = time.monotonic()
    machine.dsoftbus("ping", "alice", "--count", "1", "--timeout", "20")
    elapsed = time.monotonic() - started
    assert machine.stop() == 0
    return elapsed


def test_good_peers_get_their_sessions():
    with netlab.Lab("alice", "mallory", "bob", "carol") as lab:
        alice, mallory, bob, carol = lab.machines
        for machine in (alice, bob, carol):
            machine.dsoftbus("init", "--id", machine.name)
        alice.start()
        give_addresses(mallory, alice)
        known_to_each_other(alice, bob)
        known_to_each_other(alice, carol)
        quiet = new_session(bob)  # from now on alice knows bob's address
        flood = start_flood(mallory, alice)
        try:
            times, resident = [], []
            while flood.poll() is None:
                times.append(new_session(carol if len(times) % 3 == 1 else bob))  # carol's first is from nowhere known
                resident.append(resident_kib(alice.daemon))
                time.sleep(0.3)
            outcome = json.loads(flood.stdout.read())
        finally:
            flood.kill()
            flood.wait()
            flood.stdout.close()
        counts = {name: int(value) for name, value in
                  (line.rsplit(" ", 1) for line in alice.dsoftbus("metrics").out.splitlines() if line[0] != "#")}
        print(f"# {outcome}")
        print(f"# {len(times)} sessions, slowest {max(times):.3f} s, before the flood {quiet:.3f} s")
        print(f"# resident {resident[0]} to {max(resident)} KiB")
        print(f"# evicted {counts['dsoftbus_evicted_total']}; datagrams seen {counts['dsoftbus_announces_bad_total']}")
        assert outcome["connections"] == CONNECTIONS and outcome["datagrams"] == DATAGRAMS_PER_MS * 1000 * SECONDS
        assert outcome["reached"] > CONNECTIONS * 0.9 and counts["dsoftbus_evicted_total"] > 1000
        assert counts["dsoftbus_announces_bad_total"] > 1000
        assert len(times) >= 5 and max(times) <= SESSION_S, times
        middle = resident[len(resident) // 2:]
        assert max(middle) - resident[len(resident) // 2] <= GROWTH_KIB, resident
        assert alice.log().count("\n") < 100 + 40 * SECONDS, "the log has grown with the attack"
        netlab.wait_for(lambda: alice.show()["half_open"] == 0, "the silent ones are gone", 20)
        alice.dsoftbus("show")
        assert alice.stop() == 0


if __name__ == "__main__":
    netlab.enter()
    tap.main(sys.modules[__name__])
