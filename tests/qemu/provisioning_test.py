#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Boots images with good and bad provisioning: each fault names itself, nothing is served without an identity or a
# seed, and no key is printed. TAP.
"""usage: provisioning_test.py IMAGES_DIR WORK_DIR      build/os and a directory for provisioning and logs"""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import machine

TIMEOUT_S = 20
DONE = ("init: ready", "init: not all services are up")
NOT_STARTED = "init: dsoftbusd not started: it has no identity or no seed"
UP = "init: up dsoftbusd"


def replaced(old, new):
    return lambda text: text.replace(old, new)


def without(field):
    return lambda text: "".join(line for line in text.splitlines(True) if not line.startswith(field + " "))


def twice(field):
    return lambda text: text + next(line for line in text.splitlines(True) if line.startswith(field + " "))


# name, image, what is done to the daemon's text, machine options to drop, lines that must appear, lines that must not
CASES = [
    ("as it should be", "lab", lambda t: t, (), [UP], ["keystored: unprovisioned"]),
    ("no seed line: the seed is that of virtio-rng", "lab", without("seed"), (), [UP], ["keystored: unseeded"]),
    ("production takes its seed from virtio-rng", "production", without("seed"), (), [UP], ["keystored: un"]),
    ("production refuses the seed line", "production", lambda t: t, (),
     ["keystored: dsoftbusd line 7: unknown", "keystored: unprovisioned unknown", NOT_STARTED], [UP]),
    ("production without an entropy device", "production", without("seed"), ("virtio-rng-device",),
     ["keystored: unseeded", "init: netstackd not started: it has no identity or no seed"], [UP]),
    ("no file", "production", lambda t: None, (), ["keystored: unprovisioned file", NOT_STARTED], [UP]),
    ("an empty file", "lab", lambda t: "", (), ["keystored: unprovisioned id", NOT_STARTED], [UP]),
    ("id malformed", "lab", replaced("id node-a", "id node a"), (), ["keystored: unprovisioned id"], [UP]),
    ("port 0", "lab", replaced("port 34567", "port 0"), (), ["keystored: unprovisioned port"], [UP]),
    ("static too short", "lab", replaced("7e7f\nboot", "7e\nboot"), (), ["keystored: unprovisioned static"], [UP]),
    ("peer key not hex", "lab", replaced("peer node-b c", "peer node-b g"), (), ["keystored: unprovisioned peer"], [UP]),
    ("peer line too long", "lab", replaced(" dial", " dial" + 200 * " "), (),
     ["keystored: dsoftbusd line 6: too long", "keystored: unprovisioned peer"], [UP]),
    ("seed malformed", "lab", replaced("seed 5a", "seed zz"), (), ["keystored: unprovisioned seed"], [UP]),
    ("itself as a peer", "lab", replaced("peer node-b", "peer node-a"), (), ["keystored: unprovisioned peer"], [UP]),
    ("a key on a line of its own", "lab", replaced("static ", ""), (), ["keystored: unprovisioned unknown"], [UP]),
] + [(f"{field} missing", "lab", without(field), (), [f"keystored: unprovisioned {field}", NOT_STARTED], [UP])
     for field in ("id", "port", "static", "boot")
     ] + [(f"{field} twice", "lab", twice(field), (), [f"keystored: unprovisioned {field}", NOT_STARTED], [UP])
          for field in ("id", "port", "static", "boot", "peer", "seed")]


def without_devices(argv, names):
    """The command line without the -device options whose value begins with one of the names."""
    out = []
    for word in argv:
        if any(word.startswith(name) for name in names) and out and out[-1] == "-device":
            out.pop()
        else:
            out.append(word)
    return out


def boot(images, directory, image, text, dropped, log):
    if text is not None:
        os.makedirs(directory)
        with open(os.path.join(directory, "dsoftbusd"), "w", encoding="ascii") as f:
            f.write(text)
    argv = machine.command(os.path.join(images, image, "neuron.elf"), directory if text is not None else None,
                           f"file:{log}")
    seen = bytearray()
    with machine.Machine(without_devices(argv, dropped), log) as m:
        if not m.watch(seen.extend, lambda: any(d.encode() in seen for d in DONE), TIMEOUT_S):
            raise AssertionError("the machine did not get ready or say that it is not")
    return seen.decode("ascii", "backslashreplace")


def check(case, good, images, work):
    name, image, change, dropped, wanted, unwanted = case
    directory = os.path.join(work, name.replace(" ", "-"))
    text = change(good)
    log = boot(images, directory, image, text, dropped, directory + ".log")
    lines = log.splitlines()
    for line in wanted:
        assert line in lines, f"line '{line}' is missing"
    for line in unwanted:
        assert not any(l.startswith(line) for l in lines), f"line '{line}' should not be there"
    assert "keystored: ready" in lines and not any("panic" in line for line in lines)
    secrets = [line.split()[1] for line in good.splitlines() if line.split()[0] in ("static", "seed")]
    assert len(secrets) == 2 and not any(secret[8:40] in log for secret in secrets), "a key is in the log"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    images, work = sys.argv[1:]
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    script = os.path.join(HERE, "../../scripts/provision.sh")
    subprocess.run([script, "--bringup", "--out", f"{work}/good"], check=True, stdout=subprocess.DEVNULL)
    with open(f"{work}/good/dsoftbusd", encoding="ascii") as f:
        good = f.read()
    print(f"1..{len(CASES)}")
    failed = 0
    for number, case in enumerate(CASES, 1):
        try:
            check(case, good, images, work)
            print(f"ok {number} - {case[0]}", flush=True)
        except (AssertionError, OSError) as e:
            failed += 1
            print(f"not ok {number} - {case[0]}\n# {e}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
