#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Two machines with an attacker on the link between them: what he forges, replays and inserts gets him nowhere. TAP.
"""usage: attack_test.py IMAGE WORK_DIR      IMAGE is the lab image"""
import os
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../link")]
import fate
import hostile
import inject
import link_test
import pair

ATTACK_S = 15
QUIET_S = 4  # long enough for several dials, if a forged announce could cause any
AUTH, PROVEN = "dsoftbusd: auth ok", "dsoftbusd: cross-vm session ok node-a"
IGNORED = "dsoftbusd: announce ignored: id and key are not those of one peer"


class Scene:
    """Both machines, and the link with the attacker on it, in one loop."""

    def __init__(self, image, work):
        self.directory = tempfile.TemporaryDirectory(prefix="dsoftbus-")
        self.attacker = inject.Injector()
        ports = [hostile.Port(self.directory.name, name) for name in "ab"]
        self.link = hostile.Link(ports, "0", fate.Rates(), self.attacker.passes, self.attacker)
        self.nodes = link_test.nodes(image, work, self, link_test.PHASES)

    def netdev(self, letter):
        path = self.directory.name
        return f"dgram,id=net0,local.type=unix,local.path={path}/{letter},remote.type=unix,remote.path={path}/to-{letter}"

    def log(self, letter):
        with open(self.nodes["ab".index(letter)].log_path, encoding="ascii", errors="replace") as f:
            return f.read().splitlines()

    def count(self, letter, beginning):
        return sum(line.startswith(beginning) for line in self.log(letter))

    def until(self, done, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.link.turn(0.02)
            if done():
                return True
        return False

    def send(self, frames):
        for machine, frame in frames:
            self.link.send(machine, [frame])

    def ready(self):
        for node in self.nodes:
            node.poll()
        return all(node.missing is None for node in self.nodes)


def forged_announces(scene):
    dials = scene.count("a", "dsoftbusd: session connect")
    scene.send(scene.attacker.forge_announces() * 5)
    if not scene.until(lambda: scene.count("a", IGNORED) > 0, ATTACK_S):
        return "the wrong key is not noticed"
    scene.until(lambda: False, QUIET_S)
    if scene.count("a", "dsoftbusd: session connect") != dials or scene.count("a", "dsoftbusd: session lost"):
        return "a forged announce has caused a dial, or the end of a session"
    return None


def replayed_handshake(scene):
    accepted, connections = scene.count("b", AUTH), set()
    for port in (60001, 60002):
        scene.send(scene.attacker.replay_handshake(port))
        if not scene.until(lambda: scene.attacker.replay["closed"], ATTACK_S):
            return "a replayed handshake is not ended"
        if scene.attacker.replay["turns"]:
            return "the replay did not come to message 3"
        connections.add(scene.attacker.replay["answer"][:50])
    if scene.count("b", AUTH) != accepted:
        return "a replayed handshake is accepted"
    rejected = [line for line in scene.log("b") if line.startswith(f"dsoftbusd: rejected from={inject.ADDRESS['x']}")]
    if len(rejected) != 2 or not all(line.endswith(": handshake auth") for line in rejected):
        return f"refused in another way: {rejected}"
    # The control: message 1 is genuine and is answered, each time with a fresh ephemeral; message 3 cannot fit it.
    return None if len(connections) == 2 and all(len(c) == 50 for c in connections) else "message 1 has not been answered"


def inserted_bytes(scene):
    lost, proven = scene.count("b", "dsoftbusd: session lost peer=node-a"), scene.count("b", PROVEN)
    scene.send(scene.attacker.insert_bytes(b"\0\x1d" + bytes(29)))  # a well-formed frame, of a PING's length
    if not scene.until(lambda: scene.count("b", "dsoftbusd: session lost peer=node-a: record auth") > lost, ATTACK_S):
        return "bytes in a session do not end it"
    if not scene.until(lambda: scene.count("b", PROVEN) > proven, 4 * ATTACK_S):
        return "there is no session afterwards"
    return None


ATTACKS = [("forged announces change nothing and cause no dial", forged_announces),
           ("a recorded handshake is refused, twice", replayed_handshake),
           ("bytes put into a session end it, and the next one is good", inserted_bytes)]


def results(image, work):
    """Each row's name and what is wrong, or None."""
    scene = Scene(image, work)
    with pair.Pair(*scene.nodes):
        if not scene.until(scene.ready, 2 * ATTACK_S):
            sys.exit(f"Bail out! The machines have no session; {work}")
        for name, attack in ATTACKS:
            yield name, attack(scene)
    yield "no key of either node in the logs and captures", link_test.shown_key(scene.nodes)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    image, work = sys.argv[1], os.path.abspath(sys.argv[2])
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    link_test.provision(work)
    failed = number = 0
    for number, (name, wrong) in enumerate(results(image, work), 1):
        failed += wrong is not None
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}" + (f"\n# {wrong}" if wrong else ""), flush=True)
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
