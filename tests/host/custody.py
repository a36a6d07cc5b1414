#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Where the static key is and where it is not; files that others can read; a device that comes with another key.
import base64
import os
import re
import shutil
import subprocess
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import netlab
import tap

PORT = 34567
NOBODY = 65534


# ---- The static key ----

def forms(key):
    """The key as it may be written down."""
    return {"raw": key, "reversed": key[::-1], "hex": key.hex().encode(), "HEX": key.hex().upper().encode(),
            "base64": base64.b64encode(key).rstrip(b"="), "base32": base64.b32encode(key).rstrip(b"="),
            "words": b"".join(key[i:i + 4][::-1] for i in range(0, 32, 4)),
            "half": key[:16], "other half": key[16:]}


def found(key, data):
    return sorted(name for name, form in forms(key).items() if form in data)


def memory(pid):
    """All that the process can read of its own memory, as a core dump would hold it and more."""
    pieces = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            first, last = (int(n, 16) for n in line.split()[0].split("-"))
            if "r" not in line.split()[1] or line.rstrip().endswith(("[vvar]", "[vsyscall]")):
                continue
            while first < last:  # untouched pages of the big tables are skipped
                mem.seek(first)
                try:
                    piece = mem.read(min(last - first, 1 << 24))
                except OSError:
                    break
                pieces.append(piece)
                first += len(piece)
                if not piece:
                    break
    return b"".join(pieces)


def key_process(daemon):
    children = f"/proc/{daemon.pid}/task/{daemon.pid}/children"
    with open(children, encoding="ascii") as f:
        pids = f.read().split()
    assert len(pids) == 1, pids
    return int(pids[0])


def static_key(machine):
    with open(os.path.join(machine.state, "secret", "key"), encoding="ascii") as f:
        return bytes.fromhex(f.read().strip())


def busy_pair(lab):
    """Two machines that have had sessions in both directions, refusals, reloads, and every command."""
    alice, bob = netlab.pair(lab)
    for one, other in ((alice, bob), (bob, alice)):
        one.dsoftbus("trust", other.name, "--address", f"{other.address}:{PORT}", "--dial")
        netlab.wait_for(lambda: one.peer(other.name)["outbound"], "a session")
        one.dsoftbus("ping", other.name, "--count", "3", "--interval", "0.05")
    alice.run("python3", "-c",
              f"import socket; s = socket.create_connection(('127.0.0.1', {PORT})); s.send(b'DSB\\1' + b'x' * 60)")
    return alice, bob


def shown(machine):
    """Everything that the command prints, with the daemon running."""
    return "".join(r.out + r.err for r in (machine.run("dsoftbus", *words.split()) for words in (
        "id", "id --json", "id --card", "id --qr", "peers", "peers --found", "show", "show --json", "doctor", "doctor bob",
        "metrics", "config show", "version", "fingerprint /dev/null", "init", "init --if-missing", "trust bob")))


def test_the_scanner_finds_a_key():
    key = bytes(range(7, 39))
    for name, form in forms(key).items():
        assert name in found(key, b"...." + form + b"....")
    assert found(key, b"...." + key[:15] + b"." * 20 + key[17:]) == []


def test_the_static_key_is_in_the_key_process_only():
    with netlab.Lab("alice", "bob") as lab:
        alice, bob = busy_pair(lab)
        for machine in (alice, bob):
            key = static_key(machine)
            daemon, keyd = machine.daemon.pid, key_process(machine.daemon)
            assert "raw" in found(key, memory(keyd)), "the scan does not find it where it is"
            network = memory(daemon)
            assert bytes.fromhex(machine.dsoftbus("id", "--json").json()["key"]) in network, "not the daemon's memory"
            assert found(key, network) == []
            print(f"# {machine.name}: {len(network) >> 20} MiB of the network process scanned")
            for pid in (daemon, keyd):
                for name in ("cmdline", "environ"):
                    with open(f"/proc/{pid}/{name}", "rb") as f:
                        assert found(key, f.read()) == [], (pid, name)
        texts = shown(alice)
        assert found(static_key(alice), texts.encode()) == []
        for machine in (alice, bob):
            assert machine.stop() == 0
            for other in (alice, bob):
                assert found(static_key(other), machine.log().encode()) == []
            for directory, _, names in os.walk(machine.home):  # and in no file but its own
                for name in names:
                    path = os.path.join(directory, name)
                    if path != os.path.join(machine.state, "secret", "key"):
                        with open(path, "rb") as f:
                            assert found(static_key(machine), f.read()) == [], path


def test_no_core_dump():
    with netlab.Lab("alice") as lab:
        alice = lab["alice"]
        alice.dsoftbus("init", "--id", "alice")
        alice.start()
        for pid in (alice.daemon.pid, key_process(alice.daemon)):
            with open(f"/proc/{pid}/limits", encoding="ascii") as f:
                assert re.search(r"^Max core file size +0 +0 ", f.read(), re.M)
            assert os.stat(f"/proc/{pid}/mem").st_uid == 0
        alice.daemon.send_signal(6)
        status = alice.daemon.wait(10)
        assert status == -6, status
        alice.daemon = None
        assert not [f for f in os.listdir(alice.home) if "core" in f]


def test_other_processes_of_the_user_cannot_read_the_memory():
    netlab.need_other_users()
    with netlab.Lab("alice") as lab:
        alice = lab["alice"]
        for directory in (lab.directory, alice.home):
            os.chmod(directory, 0o755)
        os.makedirs(alice.state, 0o700)
        for path in (os.path.dirname(alice.state), alice.state):
            os.chown(path, NOBODY, NOBODY)
        inside = alice.inside
        alice.inside = lambda c: inside(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *c])
        alice.dsoftbus("init", "--id", "alice")
        alice.start()
        reader = "import sys; open(f'/proc/{sys.argv[1]}/mem', 'rb').read(1)"
        for pid in (alice.daemon.pid, key_process(alice.daemon)):
            result = alice.run("python3", "-c", reader, str(pid))
            assert "PermissionError" in result.err, result.err
        sleeper = subprocess.Popen(alice.inside(["sleep", "60"]))  # the reader can read what is not protected
        try:
            netlab.wait_for(lambda: os.readlink(f"/proc/{sleeper.pid}/exe").endswith("sleep"), "it runs")
            reader = "import sys; open(f'/proc/{sys.argv[1]}/mem', 'rb'); print('open')"
            result = alice.run("python3", "-c", reader, str(sleeper.pid))
            assert result.out == "open\n", result.err
        finally:
            sleeper.kill()
            sleeper.wait()


# ---- Files ----

def refuses_to_start(machine, *texts):
    result = machine.run("dsoftbusd", timeout=10)
    assert result.code == 4, (result.code, result.err)
    for text in texts:
        assert text in result.err, result.err


def test_a_key_that_others_can_read_is_refused():
    with netlab.Lab("alice") as lab:
        alice = lab["alice"]
        alice.dsoftbus("init", "--id", "alice")
        key = os.path.join(alice.state, "secret", "key")
        secret = os.path.dirname(key)
        assert os.stat(key).st_mode & 0o777 == 0o600 and os.stat(secret).st_mode & 0o777 == 0o700
        for mode in (0o604, 0o640, 0o602, 0o620, 0o644, 0o660):
            os.chmod(key, mode)
            refuses_to_start(alice, "others")
        os.chmod(key, 0o600)
        os.chmod(secret, 0o777)
        refuses_to_start(alice)
        os.chmod(secret, 0o700)
        shutil.move(key, key + ".elsewhere")
        os.symlink(key + ".elsewhere", key)
        refuses_to_start(alice)
        os.unlink(key)
        refuses_to_start(alice)
        shutil.move(key + ".elsewhere", key)
        alice.start()


def test_a_key_of_another_identity_is_refused():
    with netlab.Lab("alice") as lab:
        alice = lab["alice"]
        alice.dsoftbus("init", "--id", "alice")
        with open(os.path.join(alice.state, "secret", "key"), "w", encoding="ascii") as f:
            f.write(alice.dsoftbus("genkey").out)
        refuses_to_start(alice, "do not belong together")


def test_a_damaged_peers_file_is_told_and_a_reload_keeps_the_old():
    with netlab.Lab("alice", "bob") as lab:
        alice, _ = netlab.pair(lab)
        path = os.path.join(alice.state, "node", "peers")
        with open(path, "a", encoding="ascii") as f:
            f.write("carol 11 pinned\n")
        alice.daemon.send_signal(1)
        netlab.wait_for(lambda: "the known peers stay as they were: node/peers line 3: " in alice.log(), "the text")
        assert alice.peer("bob")["state"] == "pinned"
        assert "line 3" in alice.dsoftbus("peers", code=4).err
        assert alice.stop() == 0
        refuses_to_start(alice, "node/peers line 3: ")


# ---- Another key ----

def test_a_changed_key_is_a_hard_stop():
    with netlab.Lab("alice", "bob") as lab:
        alice, bob = netlab.pair(lab)
        alice.dsoftbus("trust", "bob", "--address", f"{bob.address}:{PORT}")
        bob.dsoftbus("trust", "alice", "--address", f"{alice.address}:{PORT}")
        alice.dsoftbus("ping", "bob", "--count", "1")
        with open(os.path.join(alice.state, "node", "peers"), "rb") as f:
            before = f.read()
        old = bob.dsoftbus("id", "--json").json()["fingerprint"]
        assert bob.stop() == 0
        bob.dsoftbus("init", "--new-key")
        new = bob.dsoftbus("id", "--json").json()["fingerprint"]
        bob.start()
        netlab.wait_for(lambda: "announces bob with a key that is not the known one" in alice.log(), "the warning", 25)

        card = bob.dsoftbus("id", "--card").out
        told = alice.dsoftbus("trust", "--card", "-", stdin=card, code=6).err
        for text in ("THE KEY OF bob HAS CHANGED", old, new, "revoke --forget bob", "Nothing has changed here"):
            assert text in told, told
        alice.dsoftbus("trust", "bob", "--fingerprint", new, code=6)
        alice.dsoftbus("ping", "bob", "--count", "1", "--timeout", "3", code=7)
        with open(os.path.join(alice.home, "bob.card"), "w", encoding="ascii") as f:
            f.write(card)
        terminal = alice.terminal("dsoftbus", "pair", "--card", "bob.card", "--address", f"{bob.address}:{PORT}")
        assert terminal.end() != 0 and "is known with another key" in terminal.shown, terminal.shown
        assert not alice.peer("bob")["outbound"] and not alice.peer("bob")["inbound"]
        bob.dsoftbus("ping", "alice", "--count", "1", "--timeout", "3", code=7)
        assert "claims to be bob, but id and key are not those of one known peer: refused" in alice.log()
        with open(os.path.join(alice.state, "node", "peers"), "rb") as f:
            assert f.read() == before

        alice.dsoftbus("revoke", "--forget", "bob")  # what the text has said
        alice.run("dsoftbus", "trust", "--card", "-", stdin=card)
        assert alice.stop() == 0
        alice.start()
        alice.dsoftbus("trust", "bob", "--address", f"{bob.address}:{PORT}")
        alice.dsoftbus("ping", "bob", "--count", "1")


if __name__ == "__main__":
    netlab.enter()
    tap.main(sys.modules[__name__])
