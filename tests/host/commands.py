#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The commands that move data: pipe, forward, services.
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import tap
from loopback import Nodes, free_port
from streams import ECHO, Server, read_all, through

MIB = 1 << 20


def tcp(name, port):
    return f"[tcp {name}]\naddress = 127.0.0.1:{port}\nallow = a\n"


def test_pipe_through_echo():
    data = os.urandom(10 * MIB)
    with Nodes(a="", b=ECHO) as (a, _):
        assert a.dsoftbus("pipe", "b", "echo", data=data) == data


def test_pipe_there():
    got = []
    server = Server(lambda connection: (got.append(read_all(connection)), connection.close()))
    data = os.urandom(10 * MIB)
    with Nodes(a="", b=tcp("sink", server.port)) as (a, _):
        assert a.dsoftbus("pipe", "b", "sink", data=data) == b""
        deadline = time.monotonic() + 5
        while not got and time.monotonic() < deadline:
            time.sleep(0.01)
        assert got == [data]
    server.close()


def test_pipe_back():
    data = os.urandom(10 * MIB)
    server = Server(lambda connection: (connection.sendall(data), connection.close()))
    with Nodes(a="", b=tcp("source", server.port)) as (a, _):
        assert a.dsoftbus("pipe", "b", "source") == data
    server.close()


def test_pipe_says_why_not():
    with Nodes(a="", b=tcp("gone", free_port())) as (a, b):
        assert b"no such service" in a.run("pipe", "b", "echo").stderr
        a.dsoftbus("pipe", "b", "echo", code=8)
        a.dsoftbus("pipe", "b", "gone", code=8)
        a.dsoftbus("pipe", "x", "echo", code=5)
        a.dsoftbus("pipe", "b", code=2)
        a.dsoftbus("pipe", "b", "no/service", code=1)
        b.stop()
        a.dsoftbus("pipe", "--timeout", "1", "b", "echo", code=7)
        a.stop()
        a.dsoftbus("pipe", "b", "echo", code=3)


def test_pipe_to_a_peer_that_dies():
    with Nodes(a="", b=ECHO) as (a, b):
        pipe = a.spawn("pipe", "b", "echo", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        pipe.stdin.write(b"hello")
        pipe.stdin.flush()
        assert os.read(pipe.stdout.fileno(), 5) == b"hello"
        b.stop(signal.SIGKILL)
        assert pipe.wait(10) == 9
        assert b"the session is lost" in pipe.stderr.read()


def test_pipe_whose_reader_leaves():
    with Nodes(a="", b=ECHO) as (a, _):
        line = " ".join(a.command("pipe", "b", "echo"))
        done = subprocess.run(["sh", "-c", f"head -c 50000000 /dev/zero | {line} | head -c 10"], capture_output=True,
                              timeout=20, check=False)
        assert done.stdout == bytes(10)
        control = a.control()
        deadline = time.monotonic() + 5
        while control.call(op="status")["result"]["streams"] > 0:
            assert time.monotonic() < deadline, "the stream is still there"
            time.sleep(0.01)


class Forward:
    def __init__(self, node, peer, service):
        self.process = node.spawn("forward", "localhost:0", peer, service, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.process.stdout.readline().decode()
        self.port = int(re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)[1])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def mirror(connection):
    while piece := connection.recv(65536):
        connection.sendall(piece)
    connection.close()


def test_forward_20_connections_at_once():
    server = Server(mirror)
    with Nodes(a="", b=tcp("mirror", server.port)) as (a, _):
        forward = Forward(a, "b", "mirror")
        blobs = [os.urandom(MIB + 997 * i) for i in range(20)]
        connections = [forward.connect() for _ in range(20)]
        back = [None] * 20

        def work(i):
            back[i] = through(connections[i], blobs[i])

        threads = [threading.Thread(target=work, args=(i,)) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        forward.stop()
        lengths = [(len(b or b""), len(blob)) for b, blob in zip(back, blobs)]
        assert back == blobs, (lengths, forward.process.stderr.read(), a.log())
    server.close()


def test_forward_resets_what_breaks_off():
    with Nodes(a="", b=ECHO) as (a, b):
        forward = Forward(a, "b", "echo")
        connection = forward.connect()
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
        b.stop(signal.SIGKILL)
        try:
            raise AssertionError(f"an end in order: {connection.recv(1)!r}")
        except ConnectionResetError:
            pass
        forward.stop()


def test_forward_resets_what_is_refused():
    with Nodes(a="", b="") as (a, _):
        forward = Forward(a, "b", "echo")
        try:
            raise AssertionError(f"an end in order: {forward.connect().recv(1)!r}")
        except ConnectionResetError:
            pass
        forward.stop()
        assert b"no such service" in forward.process.stderr.read()


def test_services():
    with Nodes(a="", b=f"{ECHO}[tcp web]\naddress = 127.0.0.1:80\n") as (a, b):
        own = b.dsoftbus("services").decode()
        assert re.search(r"^echo +echo +- +a$", own, re.M), own
        assert re.search(r"^web +tcp +127\.0\.0\.1:80 +nobody$", own, re.M), own
        assert b'"allow"' in b.dsoftbus("services", "--json")
        assert b"not known" in a.dsoftbus("services", "b")
        a.dsoftbus("services", "x", code=5)


def test_doctor_on_a_loopback():
    with Nodes(a="", b="") as (a, _):
        assert b"segments of 9000 bytes get there; larger ones, which lo takes, were not tried" in a.dsoftbus("doctor", "b")


def test_full_packets_that_arrive_without_an_answer():
    """The daemon stands still, its kernel takes them: that is no fault of the path, and costs no session."""
    with Nodes(a="", b="") as (a, b):
        a.dsoftbus("ping", "b", "--count", "1")
        b.daemon.send_signal(signal.SIGSTOP)
        result = a.control().call(op="path", peer="b", timeout_ms=500)["result"]
        assert not result["through"] and result["tried"] == 9000 and result["unanswered"] == 0, result
        b.daemon.send_signal(signal.SIGCONT)
        a.dsoftbus("ping", "b", "--count", "1")
        assert next(p for p in json.loads(a.dsoftbus("show", "--json"))["known"] if p["id"] == "b")["sessions"] == 1


def test_trust_says_when_it_cannot_reach_the_daemon():
    """That it does not run is no error. Anything else is: it may still keep the sessions of who is revoked here."""
    with Nodes(a="", b="") as (a, _):
        a.stop()
        control = os.path.join(a.state, "run", "control")
        done = a.run("revoke", "b")
        assert done.returncode == 0 and b"dsoftbusd does not run" in done.stderr, done
        os.symlink("control", control)
        done = a.run("revoke", "b")
        assert done.returncode == 3 and b"the file is written" in done.stderr, done
        assert b"cannot reach dsoftbusd" in done.stderr and b"symbolic links" in done.stderr, done


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
