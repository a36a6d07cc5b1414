#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The production image on fresh keys: through its echo service from outside, and two of it with each other. TAP.
"""usage: production_test.py IMAGE WORK_DIR

Keys are made by scripts/provision.sh for this run, entropy comes from virtio-rng. What an ephemeral was is not known here, so
of a production machine the captures and logs are searched for the static keys; the sessions' own keys are searched for with
seeded images (the two-machine and the foreign run)."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../scripts")]
import bringup
import foreign_run
import machine
import pair

ROOT = os.path.join(HERE, "../..")
CLIENT = ["/usr/bin/python3", os.path.join(ROOT, "tests/interop/foreign_echo.py")]
BYTES = 512 << 10
BOOT_S, CLIENT_S, PAIR_S = 20, 60, 30
GUEST_PORT = 34567
NO_SUCH_SERVICE = 3
PAIR_PHASES = ("boot", "discovery", "session")


def provision(work):
    out = f"{work}/provision"
    subprocess.run([f"{ROOT}/scripts/provision.sh", "--out", out, "--a", "node-a", "--b", "node-b"], check=True,
                   stdout=subprocess.DEVNULL)
    return out


def static_key(directory):
    with open(f"{directory}/dsoftbusd", encoding="ascii") as f:
        return next(line.split()[1] for line in f if line.startswith("static "))


def shown_key(keys, paths):
    """The first file that shows one of the keys (hex), raw or in hex; or None."""
    for path in paths:
        with open(path, "rb") as f:
            raw = f.read()
        for key in keys:
            if bytes.fromhex(key) in raw or key.encode() in raw.lower():
                return f"a static key is in {path}"
    return None


def call(port, keys, **changed):
    plan = {"port": port, "id": "node-b", "static": keys["node-b"], "responder_id": "node-a",
            "responder": bringup.x25519_public(bytes.fromhex(keys["node-a"])).hex(), "service": "echo", "bytes": BYTES} | changed
    done = subprocess.run(CLIENT, input=json.dumps(plan), stdout=subprocess.PIPE, text=True, timeout=CLIENT_S, check=True)
    return json.loads(done.stdout)


def judge_echo(result):
    if result["outcome"] != "echoed" or result["received"] != result["sent"]:
        return f"not what was sent: {result}"
    return None if 0 < result["credit"] < BYTES else f"credit of {result['credit']} bytes never ran out"


def calls(port, keys):
    """(name, what is wrong or None) of each conversation."""
    yield f"{BYTES >> 10} KiB through echo come back", judge_echo(call(port, keys))
    outcome = call(port, keys, service="nobody")["outcome"]
    yield "a service that nobody offers is refused", None if outcome == f"refused {NO_SUCH_SERVICE}" else outcome
    stranger = call(port, keys, static=os.urandom(32).hex())["outcome"]
    yield "another key under node-b's id is refused", None if stranger == "error: Refused()" else stranger
    yield "and node-b is served as before", judge_echo(call(port, keys))


def from_outside(image, work):
    os.makedirs(work)
    directory = provision(work)
    keys = {node: static_key(f"{directory}/{node}") for node in ("node-a", "node-b")}
    port, log, pcap = foreign_run.free_port(), f"{work}/uart.log", f"{work}/net.pcap"
    argv = machine.command(image, f"{directory}/node-a", f"file:{log}", pcap=pcap, forward=[(port, GUEST_PORT)],
                           deterministic=False)
    text = bytearray()
    with machine.Machine(argv, log) as m:
        up = m.watch(text.extend, lambda: b"init: ready\n" in text, BOOT_S)
        yield "it boots", None if up and b"init: ready\n" in text else f"not up after {BOOT_S} s; {log}"
        yield from calls(port, keys)
    yield "no static key in log and capture", shown_key(keys.values(), (log, pcap))
    with open(f"{work}/planted", "wb") as f:
        f.write(b"x" + bytes.fromhex(keys["node-b"]))
    yield "control: a planted one is found", None if shown_key(keys.values(), [f"{work}/planted"]) else "not found"


def pairwise(image, work):
    """What is wrong, or None."""
    os.makedirs(work)
    directory = provision(work)
    order = [phase for phase in pair.phases(f"{ROOT}/services/two-machine.manifest") if phase.name in PAIR_PHASES]
    with tempfile.TemporaryDirectory(prefix="dsoftbus-") as link:
        ends = pair.stream_link(link)
        nodes = [pair.Node(letter, image, work, ends[letter], order) for letter in pair.IDS]
        with pair.Pair(*nodes) as both:
            in_time = both.watch(PAIR_S)
    found = pair.faults(nodes, not in_time)
    if found:
        return " | ".join(f"phase {phase.name} on {node.id}: {why}" for phase, node, why in found)
    keys = [static_key(node.provision) for node in nodes]
    return shown_key(keys, [path for node in nodes for path in (node.log_path, node.pcap)])


def results(image, work):
    yield from from_outside(image, f"{work}/outside")
    yield "two of them find each other and hold a proven session", pairwise(image, f"{work}/pair")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    image, work = sys.argv[1], os.path.abspath(sys.argv[2])
    shutil.rmtree(work, ignore_errors=True)
    failed = number = 0
    for number, (name, wrong) in enumerate(results(image, work), 1):
        failed += wrong is not None
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}" + (f"\n# {wrong}" if wrong else ""), flush=True)
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
