#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The file service: send, receive, and what a sender may try.
import hashlib
import json
import os
import pty
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import tap
from loopback import Nodes, wait_for

MIB = 1 << 20
KILLS = int(os.environ.get("KILLS", "10"))
GO_ON, THERE, BAD_REQUEST, BAD_NAME, EXISTS, TOO_LARGE, NO_SPACE, BUSY, WRONG_HASH = range(9)


class Files:
    """Two nodes, of which b receives from a."""

    def __init__(self, allow="a", size="64M"):
        self.place = tempfile.TemporaryDirectory(prefix="dsoftbus-test-")
        self.inbox, self.outbox = (os.path.join(self.place.name, d) for d in ("in", "out"))
        os.mkdir(self.inbox)
        os.mkdir(self.outbox)
        self.nodes = Nodes(a="", b=f"[file]\ndirectory = {self.inbox}\nmax-size = {size}\nallow = {allow}\n")
        self.a, self.b = self.nodes.nodes

    def make(self, name, content):
        path = os.path.join(self.outbox, name)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def received(self, name):
        try:
            with open(os.path.join(self.inbox, name), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def parts(self):
        return [f for f in os.listdir(self.inbox) if f.startswith(".dsoftbus-")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.nodes.__exit__()
        self.place.cleanup()


def header(name, content, size=None, digest=None, version=1):
    return (b"DSBF" + struct.pack(">BBQ", version, len(name), len(content) if size is None else size) +
            (digest or hashlib.blake2s(content).digest()) + name)


class Stream:
    """A stream of the file service, with nothing in between."""

    def __init__(self, files):
        self.control = files.a.control()
        self.socket = self.control.open("b", "file")

    def answer(self):
        data = b""
        while len(data) < 9:
            piece = self.socket.recv(9 - len(data))
            assert piece, "no answer"
            data += piece
        return struct.unpack(">BQ", data)

    def ask(self, *arguments, **options):
        self.socket.sendall(header(*arguments, **options))
        return self.answer()


def test_send():
    with Files() as f:
        contents = {"one": os.urandom(3 * MIB + 5), "empty": b"", "n\u00e4me with blanks": os.urandom(70000)}
        shown = f.a.dsoftbus("send", "b", *[f.make(name, content) for name, content in contents.items()]).decode()
        assert "one: 3145733 bytes, verified" in shown, shown
        for name, content in contents.items():
            assert f.received(name) == content, name
        assert os.stat(os.path.join(f.inbox, "one")).st_mode & 0o777 == 0o600
        listed = f.b.dsoftbus("receive").decode()
        assert f"files go to {f.inbox}" in listed and " 3145733  one\n" in listed and "from: a\n" in listed, listed
        assert [e["name"] for e in json.loads(f.b.dsoftbus("receive", "--json"))["files"]] == sorted(contents)
        assert f.parts() == []


def test_already_there():
    with Files() as f:
        path = f.make("x", b"content" * 1000)
        f.a.dsoftbus("send", "b", path)
        assert f.a.dsoftbus("send", "b", path) == b"x: already there\n"


def test_nothing_is_overwritten():
    with Files() as f:
        f.a.dsoftbus("send", "b", f.make("x", b"first"))
        assert b"none is overwritten" in f.a.run("send", "b", f.make("x", b"other")).stderr
        f.a.dsoftbus("send", "b", f.make("x", b"other"), code=8)
        assert f.received("x") == b"first"
        os.symlink("/etc/hostname", os.path.join(f.inbox, "link"))
        os.mkdir(os.path.join(f.inbox, "directory"))
        for name in ("link", "directory"):
            f.a.dsoftbus("send", "b", f.make(name, b"other"), code=8)
        assert os.path.islink(os.path.join(f.inbox, "link"))
        assert f.parts() == []


def test_denied_by_default():
    with Files(allow="none") as f:
        done = f.a.run("send", "b", f.make("x", b"x"))
        assert done.returncode == 8 and b"not permitted" in done.stderr, done
        assert f.received("x") is None


def test_names():
    bad = [b"a/b", b"/x", b"..", b".", b".hidden", b"a\nb", b"a\0b", b"a\x7fb", b"a\xc2\x85b", b"\xff", b"../x", b"x\x1b[2J"]
    good = [b"x" * 255, "\u00fc \u65e5\u672c".encode(), b"a.b", b"-rf", b"a\\b"]
    with Files() as f:
        for name in bad:
            assert Stream(f).ask(name, b"") == (BAD_NAME, 0), name
        assert os.listdir(f.inbox) == []
        for name in good:
            stream = Stream(f)
            assert stream.ask(name, b"") == (GO_ON, 0), name
            assert stream.answer() == (GO_ON, 0), name
        assert sorted(os.listdir(os.fsencode(f.inbox))) == sorted(good)
        for path in (f.make(".hidden", b""), f.outbox, os.path.join(f.outbox, "missing")):
            assert f.a.run("send", "b", path).returncode in (1, 2), path


def test_names_that_deceive():
    """A file may have one, but what it does to a terminal is not shown."""
    turning = [0x61c, 0x200e, 0x200f, 0x2028, 0x2029, *range(0x202a, 0x202f), *range(0x2066, 0x206a)]
    harmless = ["\u00fc \u65e5\u672c", "\u0627\u200c\u0628", "\u2026", "\u0639\u2030", "x\u2065"]
    with Files() as f:
        for name in [f"x{chr(c)}gpj.exe" for c in turning] + harmless:
            assert Stream(f).ask(name.encode(), b"") == (GO_ON, 0), name
            wait_for(lambda: f.received(name) is not None, "it is stored")
        shown = f.b.dsoftbus("receive").decode()
        for c in turning:
            escaped = "".join(f"\\x{byte:02x}" for byte in chr(c).encode())
            assert chr(c) not in shown and f"x{escaped}gpj.exe" in shown, (hex(c), shown)
        for name in harmless:
            assert f"  {name}\n" in shown, (name, shown)


def test_refusals_do_not_fill_the_log():
    with Files() as f:
        stored = Stream(f)
        started = time.monotonic()
        for _ in range(60):
            assert Stream(f).ask(b"big", b"", size=1 << 40)[0] == TOO_LARGE
        assert stored.ask(b"good", b"") == (GO_ON, 0)
        seconds = 2 + int(time.monotonic() - started)
        wait_for(lambda: "good from a, 0 bytes: stored" in f.b.log(), "what is stored is told")
        told = f.b.log().count("big from a,")
        assert 5 <= told <= 10 * seconds, (told, seconds)
        if told < 60:
            assert "refusals among the next ones are not told" in f.b.log()


def test_bad_requests():
    with Files(size="1K") as f:
        assert Stream(f).ask(b"x", b"", version=2)[0] == BAD_REQUEST
        assert Stream(f).ask(b"", b"")[0] == BAD_REQUEST
        assert Stream(f).ask(b"x", b"", size=1 << 63)[0] == BAD_REQUEST
        assert Stream(f).ask(b"x", b"", size=1025)[0] == TOO_LARGE
        f.a.dsoftbus("send", "b", f.make("big", bytes(1025)), code=8)
        f.a.dsoftbus("send", "b", f.make("fits", bytes(1024)))
        assert os.listdir(f.inbox) == ["fits"]


def test_wrong_hash():
    with Files() as f:
        stream = Stream(f)
        assert stream.ask(b"x", b"announced") == (GO_ON, 0)
        stream.socket.sendall(b"different")
        assert stream.answer()[0] == WRONG_HASH
        assert os.listdir(f.inbox) == []


def test_more_than_announced():
    with Files() as f:
        stream = Stream(f)
        assert stream.ask(b"x", b"1234") == (GO_ON, 0)
        stream.socket.sendall(b"1234567890")
        assert stream.answer()[0] == GO_ON
        assert f.received("x") == b"1234"


def test_resume():
    content = os.urandom(5 * MIB)
    with Files() as f:
        stream = Stream(f)
        assert stream.ask(b"x", content) == (GO_ON, 0)
        stream.socket.sendall(content[:2 * MIB])
        stream.socket.close()
        wait_for(lambda: "what is there is kept" in f.b.log(), "the end of the first attempt")
        assert f.received("x") is None and len(f.parts()) == 1
        f.a.dsoftbus("send", "b", f.make("x", content[::-1]))  # another file of this name does not go on with it
        os.remove(os.path.join(f.inbox, "x"))
        entry = json.loads(f.a.dsoftbus("send", "--json", "b", f.make("x", content)))[0]
        assert entry["resumed_at"] == 2 * MIB and entry["sent"] == 3 * MIB and entry["verified"], entry
        assert f.received("x") == content and f.parts() == []


def test_two_senders_of_one_file():
    content = os.urandom(MIB)
    with Files() as f:
        stream = Stream(f)
        assert stream.ask(b"x", content) == (GO_ON, 0)
        assert Stream(f).ask(b"x", content)[0] == BUSY
        stream.socket.sendall(content)
        assert stream.answer()[0] == GO_ON
        assert f.received("x") == content


def test_9_files_at_once_are_one_too_many():
    """Of one peer: the 16 places are for others too."""
    with Files() as f:
        streams = [Stream(f) for _ in range(8)]
        assert f.a.control().refusal("b", "file")["text"] == "the peer refuses file: limit"
        streams.pop().socket.close()
        wait_for(lambda: f.a.control().call(op="open", peer="b", service="file")["ok"], "a place is free again")


def filed_of(node):
    return next(pid for pid in children(node.daemon.pid)
                if "dsoftbus-filed" in open(f"/proc/{pid}/comm", encoding="utf-8").read())


def busy(filed):
    """Processes that receive a file."""
    states = [open(f"/proc/{pid}/stat", encoding="utf-8").read().rsplit(")", 1)[1].split()[0] for pid in children(filed)]
    return len(states) - states.count("Z")


def test_a_sender_that_leaves_gets_no_more_processes():
    """Each works for a while on what is there already, after its stream has gone."""
    with Files() as f:
        with open(os.path.join(f.inbox, "x"), "wb") as there:
            there.truncate(60 * MIB)
        filed = filed_of(f.b)
        most = refused = 0
        end = time.monotonic() + 60
        while refused == 0 and time.monotonic() < end:
            stream = Stream(f)
            try:
                stream.socket.sendall(header(b"x", b"", size=60 * MIB))
            except BrokenPipeError:
                pass
            stream.socket.close()
            stream.control.close()
            most = max(most, busy(filed))
            refused = f.b.log().count("no process for a file")
        assert refused > 0 and most <= 32, (refused, most)
        wait_for(lambda: busy(filed) == 0, "they end", 60)
        assert Stream(f).ask(b"y", b"content") == (GO_ON, 0)


def test_a_part_that_is_no_file():
    with Files() as f:
        content = b"content"
        name = hashlib.blake2s(b"\1a" + header(b"x", content)).hexdigest()[:32]
        os.mkfifo(os.path.join(f.inbox, f".dsoftbus-{name}.part"))
        assert Stream(f).ask(b"x", content)[0] == BUSY


def test_a_receiver_that_dies():
    """While it reads what is there already, so that the sender waits for the first answer."""
    size = 256 * MIB
    with Files(size="512M") as f:
        with open(os.path.join(f.inbox, "x"), "wb") as there:
            there.truncate(size)
        path = f.make("x", b"x")
        os.truncate(path, size)
        filed = filed_of(f.b)
        sender = f.a.spawn("send", "b", path, stderr=subprocess.PIPE)
        pid = wait_for(lambda: children(filed), "a process for the file", 20)[0]
        time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)
        said = sender.communicate(timeout=20)[1]
        assert sender.returncode == 9, (sender.returncode, said)


def test_no_space():
    """With the inbox on a file system of one megabyte, which only a name space of mounts can have."""
    inside = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
    if subprocess.run([*inside, "true"], capture_output=True, check=False).returncode != 0:
        tap.skip("no name spaces here")
    with Files() as f:
        f.b.stop()
        f.b.prefix = [*inside, "sh", "-c", f'mount -t tmpfs -o size=1m tmpfs {f.inbox} && exec "$@"', "sh"]
        f.b.start()
        done = f.a.run("send", "b", f.make("big", os.urandom(4 * MIB)))
        assert done.returncode == 8 and b"there is no space for it" in done.stderr, done
        f.a.dsoftbus("send", "b", f.make("small", os.urandom(MIB // 2)))
        seen = os.listdir(f"/proc/{f.b.daemon.pid}/root{f.inbox}")
        assert seen == ["small"], seen


def test_old_parts_go():
    with Files() as f:
        f.b.stop()
        for name, age in ((".dsoftbus-old.part", 8), (".dsoftbus-new.part", 6), (".other", 8), ("old", 8)):
            path = os.path.join(f.inbox, name)
            with open(path, "wb"):
                pass
            os.utime(path, (time.time() - age * 86400,) * 2)
        f.b.start()
        assert sorted(os.listdir(f.inbox)) == [".dsoftbus-new.part", ".other", "old"]


def test_a_directory_that_is_none():
    with Files() as f:
        f.nodes.nodes[1].stop()
        f.b.configure("[file]\ndirectory = /dev/full\nallow = a\n")
        done = subprocess.run([os.path.join(os.path.dirname(f.b.command()[0]), "dsoftbusd"), "--state", f.b.state,
                               "--config", f.b.config], capture_output=True, timeout=20, check=False)
        assert done.returncode == 2 and b"[file] directory = /dev/full: Not a directory" in done.stderr, done


def test_a_progress_bar_on_a_terminal():
    with Files() as f:
        master, slave = pty.openpty()
        process = f.a.spawn("send", "b", f.make("movie", bytes(8 * MIB)), stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        shown = b""
        while select.select([master], [], [], 20)[0]:
            try:
                shown += os.read(master, 4096)
            except OSError:
                break
        assert process.wait(20) == 0
        assert b"movie" in shown and b"sending" in shown and b"[##############################] 100%" in shown, shown


def test_receive_waits():
    with Files() as f:
        waiting = f.b.spawn("receive", "--wait", "--timeout", "20", stdout=subprocess.PIPE)
        time.sleep(0.3)
        f.a.dsoftbus("send", "b", f.make("x", b"x"))
        assert waiting.communicate(timeout=20)[0].decode() == os.path.join(f.inbox, "x") + "\n"
        f.b.dsoftbus("receive", "--wait", "--timeout", "0.1", code=7)
        waiting = f.b.spawn("receive", "--wait", "--timeout", "1", stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while waiting.poll() is None and time.monotonic() < end:  # what is no file does not prolong it
            f.make(".part", b"")
            os.rename(os.path.join(f.outbox, ".part"), os.path.join(f.inbox, ".part"))
            time.sleep(0.2)
        assert waiting.wait(20) == 7 and time.monotonic() < end
        f.a.dsoftbus("receive", code=2)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
        return [int(child) for child in f.read().split()]


def kill_all(node):
    """The daemon, its processes and theirs, as a crash of the machine's user session would."""
    family = [node.daemon.pid]
    for pid in family:
        family += children(pid)
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    node.stop(signal.SIGKILL)


def test_the_file_process_dies():
    with Files() as f:
        os.kill(filed_of(f.b), signal.SIGKILL)
        wait_for(lambda: "the file process has ended" in f.b.log(), "the daemon notices")
        assert f.a.control().refusal("b", "file")["text"] == "the peer refuses file: no such service"


def test_killed_at_random_moments():
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"# seed {seed}, {KILLS} kills")
    dice = random.Random(seed)
    whole = absent = resumed = 0
    with Files() as f:
        for i in range(KILLS):
            name, content = f"file-{i}", dice.randbytes(4 * MIB)
            path = f.make(name, content)
            sender = f.a.spawn("send", "b", path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(dice.uniform(0, 0.08))
            kill_all(f.b)
            sender.wait(20)
            found = f.received(name)
            assert found is None or found == content, f"kill {i}: {len(found)} bytes"
            whole, absent = whole + (found is not None), absent + (found is None)
            f.b.start()
            entry = json.loads(f.a.dsoftbus("send", "--json", "b", path))[0]
            resumed += entry["resumed_at"] > 0
            assert f.received(name) == content, f"kill {i}, second attempt"
        assert f.parts() == [], f.parts()
    print(f"# whole {whole}, absent {absent}, gone on later {resumed}")
    assert absent > 0, "no kill was early enough"


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
