#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Shows that the key scan finds what it is there for: plants keys in copies of a run's log and capture, runs programs
# that leak, and takes away what sessions are reconstructed from. TAP.
"""usage: leaks.py WORK_DIR [NAME...]      NAMEs are those of patches under tests/qemu/leaks; without, everything is done"""
import base64
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import made_capture
import mutants
import xk_oracle as xk

ROOT = os.path.dirname(os.path.dirname(HERE))
KEYSCAN = os.path.join(ROOT, "build/host/keyscan")
PATCHES = os.path.join(HERE, "leaks")
FOUND = re.compile(r"keyscan: FOUND (.*), (raw|hex|hex in pieces|base64), (\d+) of 32 bytes, "
                   r"in (.*?) (?:line|at byte) (\d+)")
SCAN_S = 60
HOST, GUEST = (b"\x0a\0\2\2", 40000), (b"\x0a\0\2\x0f", 34567)

# What each leaking program must be failed for.
LEAKS = {
    "keystored-static": "static key of node-a, hex, 16 of 32 bytes, in {log} ",
    "dsoftbusd-seed": "process seed 1 of node-a, hex in pieces, 12 of 32 bytes, in {log} ",
    "session-key": "transport key i2r after 0 rekeys of node-a -> node-b, hex in pieces, 32 of 32 bytes, in {log} ",
    "announce-state": "generator state 1 of node-a, raw, 8 of 32 bytes, in {pcap} ",
}


class Wrong(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Wrong(what)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def scan(*arguments):
    """(exit status, what keyscan printed)"""
    done = subprocess.run([KEYSCAN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SCAN_S,
                          check=False)
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace")


def expect(status, text, *arguments):
    got, output = scan(*arguments)
    need(got == status, f"exit status {got} where {status} is expected: {output.strip().splitlines()[-1:]}")
    need(text in output, f"'{text}' is not in: {output.strip()[-300:]}")


# ---- The keys of the run --------------------------------------------------------------------------------------------

# SECURITY: bring-up test keys, NOT production custody
def secret(tag, port=34567):
    return xk.bringup.derive_test_secret(tag, port)


# SECURITY: bring-up test keys, NOT production custody
def known_keys():
    """{what keyscan calls it: key}, of every kind. The first session of a run is that of the first ephemeral keys."""
    daemon = xk.process_seed(secret(0x5A), "dsoftbusd")
    client = xk.process_seed(secret(0x5B), "selftest-client")
    netstackd = xk.process_seed(secret(0x5A), "netstackd")
    a, b = xk.draws(daemon, 20), xk.draws(client, 20)
    first = xk.Handshake(secret(0xA0), a[2][1], secret(0xB0), b[0][1])
    refused = xk.Handshake(secret(0xF1, 34568), b[9][1], secret(0xA0), a[9][1])  # an unknown peer's, at any draws
    to_mitm = xk.Handshake(secret(0xA0), a[5][1], secret(0xF0), b[5][1])
    keys = {"static key of node-a": secret(0xA0), "static key of node-b": secret(0xB0),
            "root seed of node-a": secret(0x5A), "root seed of node-b": secret(0x5B),
            "process seed 1 of node-a": daemon, "process seed 1 of node-b": client,
            "process seed 1 of netstackd": netstackd,
            "generator state 17 of node-a": a[17][0], "generator state 1 of node-b": b[1][0],
            "generator state 40 of netstackd": xk.draws(netstackd, 41)[40][0],
            "ephemeral key 2 of node-a": a[2][1], "ephemeral key 19 of node-b": b[19][1],
            "transport key i2r after 0 rekeys of node-a -> node-b": first.i2r,
            "transport key r2i after 0 rekeys of node-a -> node-b": first.r2i,
            "transport key i2r after 1 rekeys of node-a -> node-b": xk.rekey(first.i2r),
            "transport key r2i after 2 rekeys of node-a -> node-b": xk.rekey(xk.rekey(first.r2i)),
            "chaining key se of node-b -> node-a": refused.chaining["se"],
            "cipher key ee of node-a -> node-b": to_mitm.cipher["ee"]}
    for token in ("es", "ee", "se"):
        keys[f"Diffie-Hellman result {token} of node-a -> node-b"] = first.dh[token]
        keys[f"chaining key {token} of node-a -> node-b"] = first.chaining[token]
        keys.setdefault(f"cipher key {token} of node-a -> node-b", first.cipher[token])
    return keys


def base64_forms(key):
    """At the three alignments, and in the alphabet for addresses; without padding."""
    return [base64.b64encode(b"\xff" * n + key).rstrip(b"=") for n in range(3)] + \
        [base64.urlsafe_b64encode(key).rstrip(b"=")]


def forms(key):
    """[(how it is read, lines)] in which a key may stand in a log."""
    text = key.hex().encode()
    return [("raw", [key]), ("hex", [b"key=" + text]), ("hex", [text.upper()]), ("hex", [b"0x" + text[:31], text[31:]]),
            ("hex in pieces", [b" ".join(text[i:i + 2] for i in range(0, 64, 2))]),
            ("hex in pieces", [text[i:i + 8] for i in range(0, 64, 8)])] + [("base64", [b]) for b in base64_forms(key)]


# ---- Planted --------------------------------------------------------------------------------------------------------

def judge_plants(output, plants, name):
    """plants: [(place, first, last, how)]. Each must be found where it is, under its name, and nothing else anywhere."""
    found = [(m[1], m[2], m[4], int(m[5])) for m in map(FOUND.match, output.splitlines()) if m]
    for place, first, last, how in plants:
        need(any(f[1:3] == (how, place) and first <= f[3] <= last for f in found),
             f"{how} in {place} {first} is not found")
    for what, how, place, at in found:
        need(what == name, f"'{what}' is found, where '{name}' was planted")
        need(any(place == p[0] and p[1] <= at <= p[2] for p in plants),
             f"{how} is found in {place} {at}, where nothing was planted")


def judge_silence(output, key):
    """No form of the key is in what keyscan printed."""
    plain = output.encode()
    for form in [key, key.hex().encode(), key.hex().upper().encode()] + base64_forms(key):
        need(not any(form[i:i + 16] in plain for i in range(len(form) - 15)), "the report shows the key")


def plant_in_log(run, name, key):
    log, plants = read(run.log), []
    lines = log.split(b"\n")
    at = len(lines) // 2
    planted = lines[:at]
    for how, texts in forms(key):
        first = b"\n".join(planted).count(b"\n") + 2
        planted += [b"dsoftbusd: debug " + text for text in texts]
        plants.append((run.copy, first, first + len(texts) - 1 + key.count(b"\n"), how))
    write(run.copy, b"\n".join(planted + lines[at:]))
    status, output = scan("run", run.provision, run.copy, run.pcap)
    need(status == 1, f"exit status {status}")
    judge_plants(output, plants, name)
    judge_silence(output, key)


def plant_in_capture(run, name, key):
    """In a datagram; and in streams, so cut into segments that none holds enough of it."""
    raw = read(run.pcap)
    frame = b"\xff" * 12 + b"\x88\xb5" + bytes(20) + key
    packets, plants = [frame], [(run.copy, len(raw), len(raw) + 100, "raw")]
    text = key.hex().encode()
    for number, (how, out, back) in enumerate((("raw", b"....." + key, b""), ("hex", b"", b"k=" + text.upper()),
                                               ("base64", base64_forms(key)[1], b"")), 1):
        source = (HOST[0], HOST[1] + number)
        talk = made_capture.connection(out, back, source, GUEST, step=5)
        packets += talk[:2] + talk[:1:-1]  # the segments in reverse
        plants.append((f"{run.copy}, connection {number} {'forth' if out else 'back'}", 0, 100, how))
    write(run.copy, raw + made_capture.records(packets))
    status, output = scan("run", run.provision, run.log, run.copy)
    need(status == 1, f"exit status {status}")
    judge_plants(output, plants, name)
    judge_silence(output, key)


# ---- Taken away -----------------------------------------------------------------------------------------------------

class Run:
    """The files of a good run, and room for altered ones."""

    def __init__(self, work):
        self.work = work
        self.provision, self.log, self.pcap = (os.path.join(work, name) for name in ("provision", "uart.log", "net.pcap"))
        self.copy, self.altered = os.path.join(work, "copy"), os.path.join(work, "altered")

    def make(self):
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)
        subprocess.run([os.path.join(ROOT, "scripts/provision.sh"), "--bringup", "--out", self.provision], check=True,
                       stdout=subprocess.DEVNULL)
        ran = subprocess.run([sys.executable, os.path.join(HERE, "run.py"), "--provision", self.provision,
                              "--log", self.log, "--pcap", self.pcap], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                             check=False)
        need(ran.returncode == 0, f"the run: {ran.stdout.strip().splitlines()[-1]}")

    def with_provision(self, process, change):
        """A copy of the provisioning in which one file is changed."""
        shutil.rmtree(self.altered, ignore_errors=True)
        shutil.copytree(self.provision, self.altered)
        path = os.path.join(self.altered, process)
        os.chmod(path, 0o600)
        write(path, change(read(path)))
        return self.altered

    def with_copy(self, data):
        write(self.copy, data)
        return self.copy


def without_seed(text):
    return re.sub(rb"seed .*\n", b"", text)


def other_seed(text):
    return re.sub(rb"seed (.)", lambda m: b"seed " + (b"0" if m[1] != b"0" else b"1"), text)


def controls(run):
    """(name, expected exit status, expected text, arguments)"""
    log, pcap = read(run.log), read(run.pcap)
    session = re.search(rb"dsoftbusd: session peer=.*hash=(.*)\n", log)
    count = log.count(b"dsoftbusd: session peer=")
    rest = [run.log, run.pcap]
    for process in ("dsoftbusd", "selftest-client"):
        for what, change in (("without its seed", without_seed), ("with another seed", other_seed)):
            yield (f"{process} {what}: no session can be reconstructed", 1, f"{count} not reconstructed",
                   lambda p=process, c=change: ["run", run.with_provision(p, c)] + rest)
    yield ("another static key: no session can be reconstructed", 1, f"{count} not reconstructed",
           lambda: ["run", run.with_provision("dsoftbusd", lambda t: t.replace(b"static a0", b"static a8"))] + rest)
    yield ("a hash that is nobody's is named", 1, "session peer=node-b role=initiator hash=00000000",
           lambda: ["run", run.provision, run.with_copy(log.replace(session[1], b"0" * 16)), run.pcap])
    yield ("a session's line is lost", 2, "are not as many",
           lambda: ["run", run.provision, run.with_copy(re.sub(rb"dsoftbusd: auth ok\n", b"", log, count=1)), run.pcap])
    yield ("a session's line is damaged", 2, "a session's line is damaged",
           lambda: ["run", run.provision, run.with_copy(log.replace(session[1], session[1][1:])), run.pcap])
    yield ("an empty log proves nothing", 1, "0 sessions", lambda: ["run", run.provision, run.with_copy(b""), run.pcap])
    yield ("a short capture", 2, "the file ends inside",
           lambda: ["run", run.provision, run.log, run.with_copy(pcap[:-1])])
    yield ("no capture", 2, "not a pcap file", lambda: ["run", run.provision, run.log, run.log])
    yield ("a file that is not there", 2, "No such file", lambda: ["run", run.provision, run.log, run.work + "/none"])
    yield ("a damaged provisioning file", 2, "static: malformed",
           lambda: ["run", run.with_provision("dsoftbusd", lambda t: t.replace(b"static a", b"static x"))] + rest)
    yield "no arguments", 2, "usage:", lambda: []
    yield "too few arguments", 2, "usage:", lambda: ["nodes", "--unseeded", run.provision, run.log]
    yield "help", 0, "usage:", lambda: ["--help"]


# ---- Sessions on the wire -------------------------------------------------------------------------------------------

class Wire:
    """A session with a foreign node-b in a capture of one's own, for the forms `nodes` and `foreign`."""

    # SECURITY: bring-up test keys, NOT production custody
    def __init__(self, run):
        self.dir = os.path.join(run.work, "wire")
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.copytree(run.provision, os.path.join(self.dir, "provision"))
        os.remove(os.path.join(self.dir, "provision", "selftest-client"))
        self.ephemeral = bytes(range(100, 132))
        payload = bytes([1, 4, 0, 0, 0, 0, 2, 2, 16, 0, 3, 2, 0, 0, 4, 6]) + b"node-b"
        own = xk.draws(xk.process_seed(secret(0x5A), "dsoftbusd"), 4)[3][1]
        self.handshake = xk.Handshake(secret(0xB0), self.ephemeral, secret(0xA0), own, payload=payload)
        self.messages, self.drop, self.answer = list(self.handshake.messages), None, b""
        self.hash = self.log_hash = self.handshake.hash

    def sessions(self):
        public = xk.bringup.x25519_public
        session = {"client": "c", "name": "n", "id": "node-b", "static": secret(0xB0).hex(), "responder_id": "node-a",
                   "responder": public(secret(0xA0)).hex(), "control": "", "source_port": HOST[1],
                   "ephemeral": self.ephemeral.hex(), "prologue": b"DSB\1\6node-a".hex(),
                   "messages": [m.hex() for m in self.messages], "hash": self.hash.hex(), "token": "",
                   "outcome": "pong"}
        return "[\n" + json.dumps(session) + "\n]\n"

    def arguments(self, form="foreign", planted=b"", unseeded=False):
        frames = [len(m).to_bytes(2, "big") + m for m in self.messages]
        packets = made_capture.connection(b"DSB\1" + frames[0] + frames[2], frames[1] + self.answer, HOST, GUEST)
        packets = [p for number, p in enumerate(packets) if number != self.drop] + [bytes(14) + planted]
        log = "init: start dsoftbusd\ndsoftbusd: auth ok\n" \
            f"dsoftbusd: session peer=node-b role=responder hash={self.log_hash.hex()[:16]}\n"
        write(f"{self.dir}/net.pcap", made_capture.pcap(packets))
        write(f"{self.dir}/uart.log", log.encode())
        write(f"{self.dir}/sessions.json", self.sessions().encode())
        if form == "foreign":
            return ["foreign", self.dir]
        files = [f"{self.dir}/{name}" for name in ("provision", "uart.log", "net.pcap")]
        return ["nodes"] + ["--unseeded"] * unseeded + files

    def unseeded(self):
        path = f"{self.dir}/provision/dsoftbusd"
        os.chmod(path, 0o600)
        write(path, without_seed(read(path)))
        return self

    def changed(self, **changes):
        for name, value in changes.items():
            setattr(self, name, value)
        return self

    def with_message(self, number, change):
        self.messages[number] = change(self.messages[number])
        return self


def flipped(message):
    return message[:-1] + bytes([message[-1] ^ 1])


# SECURITY: bring-up test keys, NOT production custody
def wire_controls(run):
    """The same as controls(), for sessions that are in a capture."""
    good, other = "1 sessions reconstructed, 0 handshakes broken off, 0 not reconstructed", bytes(32)
    model = Wire(run)
    yield "a session in the capture", 0, good, lambda: Wire(run).arguments()
    yield "the same, with the node's keys alone", 0, good, lambda: Wire(run).arguments("nodes")
    yield ("without the seed, the foreign node's keys are enough", 0, good, lambda: Wire(run).unseeded().arguments())
    yield ("without either nobody knows it", 1, "ephemeral keys of message 2 are nobody's",
           lambda: Wire(run).unseeded().arguments("nodes"))
    yield ("an unseeded node is counted as such", 0, "2 of unseeded nodes known by their static keys only",
           lambda: Wire(run).unseeded().arguments("nodes", unseeded=True))
    yield ("and its static key is found all the same", 1, "FOUND static key of node-a, raw",
           lambda: Wire(run).unseeded().arguments("nodes", secret(0xA0), True))
    yield ("as are the keys that follow from it", 1, "FOUND cipher key es of a stranger -> node-a, raw",
           lambda: Wire(run).unseeded().arguments("nodes", model.handshake.cipher["es"], True))
    yield ("a key of the session, in the capture", 1, "FOUND transport key r2i after 4 rekeys of node-b -> node-a, raw",
           lambda: Wire(run).arguments(planted=xk.rekey(xk.rekey(xk.rekey(xk.rekey(model.handshake.r2i))))))
    yield ("the foreign node's ephemeral key", 1, "FOUND ephemeral key 0 of c, n, raw",
           lambda: Wire(run).arguments(planted=model.ephemeral))
    for number in range(3):
        yield (f"message {number + 1} altered", 1, f"message {number + 1} authenticates under no key that is known",
               lambda n=number: Wire(run).changed(answer=b"\0\x14" + bytes(20)).with_message(n, flipped).arguments("nodes"))
    yield ("message 3 altered and not answered is no session, and the log's is missed", 1, "uart.log line 3: session peer=node-b",
           lambda: Wire(run).with_message(2, flipped).arguments("nodes"))
    for number in range(2, 9):
        yield (f"segment {number - 1} is lost", 1, "NOT RECONSTRUCTED",
               lambda n=number: Wire(run).changed(drop=n).arguments())
    yield ("a hash in the log that is not its own", 1, "uart.log line 3: session peer=node-b",
           lambda: Wire(run).changed(log_hash=other).arguments("nodes"))
    yield ("a hash in sessions.json that is not its own", 1, "c, n: not in the capture",
           lambda: Wire(run).changed(hash=other).arguments())
    yield ("a session that the foreign node did not note", 1, "c, n: not in the capture",
           lambda: unnoted(Wire(run)))
    yield ("a sessions.json that is none", 2, "sessions.json line 1", lambda: no_sessions(Wire(run)))


def unnoted(wire):
    arguments = wire.arguments()
    wire.messages = [m[::-1] for m in wire.messages]
    write(f"{wire.dir}/sessions.json", wire.sessions().encode())
    return arguments


def no_sessions(wire):
    arguments = wire.arguments()
    write(f"{wire.dir}/sessions.json", b"[]\n")
    return arguments


# ---- Programs that leak ---------------------------------------------------------------------------------------------

def try_leak(copy, name, timeout_s):
    """The run itself is good in all its markers, and the scan fails it."""
    with copy.patched(os.path.join(PATCHES, name + ".patch")):
        passed, verdict = copy.run(name, timeout_s)
    need(passed, f"the run fails by itself: {verdict}")
    log, pcap = (os.path.join(copy.root, "build", name + end) for end in (".log", ".pcap"))
    provision = os.path.join(copy.root, "build/provision/test")
    expect(1, "FOUND " + LEAKS[name].format(log=log, pcap=pcap), "run", provision, log, pcap)


def leaks(names):
    """(name, check) of each leaking program; they share the copies of the mutants."""
    lock = mutants.lock_workplace()
    (copy,), timeout_s = mutants.prepare(1)
    for name in names:
        yield f"a run of {name} is failed", lambda n=name: try_leak(copy, n, timeout_s)
    lock.close()


def checks(work, names):
    run = Run(work)
    if not names:
        run.make()
        yield "the run itself is clean", lambda: expect(0, "PASS", "run", run.provision, run.log, run.pcap)
        for name, key in known_keys().items():
            yield f"{name}, planted in the log", lambda n=name, k=key: plant_in_log(run, n, k)
            yield f"{name}, planted in the capture", lambda n=name, k=key: plant_in_capture(run, n, k)
        for name, status, text, arguments in list(controls(run)) + list(wire_controls(run)):
            yield name, lambda s=status, t=text, a=arguments: expect(s, t, *a())
    yield from leaks(names or LEAKS)


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-") or set(sys.argv[2:]) - set(LEAKS):
        sys.exit(__doc__)
    unknown = {name[:-6] for name in os.listdir(PATCHES)} ^ set(LEAKS)
    number = failed = 0
    try:
        need(not unknown, f"a patch without an expectation, or the reverse: {unknown}")
        for number, (name, check) in enumerate(checks(sys.argv[1], sys.argv[2:]), 1):
            try:
                check()
                print(f"ok {number} - {name}", flush=True)
            except (Wrong, mutants.Broken, subprocess.TimeoutExpired) as e:
                failed += 1
                print(f"not ok {number} - {name}\n# {e}", flush=True)
    except (Wrong, mutants.Broken) as e:
        print(f"Bail out! {e}")
        sys.exit(1)
    print(f"1..{number}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
