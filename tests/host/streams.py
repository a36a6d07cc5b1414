#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Streams and services of the daemon, over its control socket.
import hashlib
import os
import signal
import socket
import sys
import threading
import time

sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import tap
from loopback import Control, Nodes, free_port, wait_for

ECHO = "[echo]\nallow = a\n"


def send_all(stream, data):
    stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)


def read_all(stream):
    pieces = []
    while piece := stream.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def through(stream, data):
    writer = threading.Thread(target=send_all, args=(stream, data))
    writer.start()
    back = read_all(stream)
    writer.join()
    return back


class Server:
    """A TCP server; `serve` is run with each connection in a thread."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.serve = serve
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()  # else it might go on with the next listener that has this descriptor's number
        self.listener.close()


def test_10_mib_through_echo():
    data = os.urandom(10 << 20)
    with Nodes(a="", b=ECHO) as (a, _):
        control = a.control()
        back = through(control.open("b", "echo"), data)
        assert hashlib.sha256(back).digest() == hashlib.sha256(data).digest()
        event = control.line()
        assert event["event"] == "closed" and event["clean"], event
        assert (event["bytes_in"], event["bytes_out"]) == (len(data), len(data)), event


def test_many_streams_at_once():
    with Nodes(a="", b=ECHO) as (a, _):
        control = a.control()
        streams = [control.open("b", "echo") for _ in range(100)]
        blobs = [os.urandom(50000 + 1000 * i) for i in range(100)]
        results = [None] * 100

        def work(i):
            results[i] = through(streams[i], blobs[i]) == blobs[i]

        threads = [threading.Thread(target=work, args=(i,)) for i in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(results), results
        assert all(control.line()["clean"] for _ in range(100))
        wait_for(lambda: control.call(op="status")["result"]["streams"] == 0, "no stream is left")


def test_denied_by_default():
    port = free_port()
    settings = f"[tcp nobody]\naddress = 127.0.0.1:{port}\n[tcp other]\naddress = 127.0.0.1:{port}\nallow = c\n"
    with Nodes(a="", b=settings) as (a, b):
        control = a.control()
        assert control.refusal("b", "echo") == {"code": "refused", "text": "the peer refuses echo: no such service"}
        assert control.refusal("b", "file")["text"] == "the peer refuses file: no such service"
        assert control.refusal("b", "nobody")["text"] == "the peer refuses nobody: not permitted"
        assert control.refusal("b", "other")["text"] == "the peer refuses other: not permitted"
        assert control.refusal("x", "echo")["code"] == "no-peer"
        assert control.call(op="status")["result"]["streams"] == 0
        assert "a wants service nobody: refused, not permitted" in b.log()


def test_nothing_listens_behind_the_service():
    with Nodes(a="", b=f"[tcp gone]\naddress = 127.0.0.1:{free_port()}\nallow = *\n") as (a, _):
        assert a.control().refusal("b", "gone")["text"] == "the peer refuses gone: no such service"


def test_half_close_both_ways():
    def serve(connection):
        connection.sendall(b"first word")
        connection.shutdown(socket.SHUT_WR)
        done.append(read_all(connection))

    done = []
    server = Server(serve)
    with Nodes(a="", b=f"[tcp words]\naddress = 127.0.0.1:{server.port}\nallow = a\n") as (a, _):
        control = a.control()
        stream = control.open("b", "words")
        assert read_all(stream) == b"first word"
        send_all(stream, b"last word")
        assert control.line()["clean"]
        wait_for(lambda: done == [b"last word"], "the server has read the end")
    server.close()


def test_a_stalled_reader_beside_a_busy_stream():
    def stall(connection):
        stalled.append(connection)

    stalled = []
    server = Server(stall)
    data = os.urandom(8 << 20)
    with Nodes(a="", b=f"{ECHO}[tcp stall]\naddress = 127.0.0.1:{server.port}\nallow = a\n") as (a, b):
        control = a.control()
        slow = control.open("b", "stall")
        slow.setblocking(False)
        sent, quiet = 0, time.monotonic()
        while time.monotonic() - quiet < 0.5: # until nothing is taken any more
            try:
                sent += slow.send(bytes(65536))
                quiet = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        before = a.memory() + b.memory()
        assert through(control.open("b", "echo"), data) == data
        grown = a.memory() + b.memory() - before
        assert grown < 4 << 20, grown
        assert sent < 16 << 20, sent # kernel buffers and one window
        stalled[0].settimeout(20)
        got = 0
        while got < sent: # and now it goes on
            got += len(stalled[0].recv(1 << 20))
    server.close()


def test_a_peer_that_dies_is_no_end_of_file():
    with Nodes(a="", b=ECHO) as (a, b):
        control = a.control()
        stream = control.open("b", "echo")
        stream.sendall(b"x" * 1000)
        assert len(stream.recv(1000)) > 0
        b.stop(signal.SIGKILL)
        while stream.recv(65536):
            pass
        event = control.line()
        assert event["event"] == "closed" and not event["clean"], event
        assert event["reason"] == "the session is lost", event


def test_an_end_that_cannot_be_sent_is_no_end_in_order():
    """The peer has finished, and its daemon dies just before our program finishes too."""
    server = Server(lambda connection: connection.shutdown(socket.SHUT_WR))
    with Nodes(a="", b=f"[tcp brief]\naddress = 127.0.0.1:{server.port}\nallow = a\n") as (a, b):
        control = a.control()
        stream = control.open("b", "brief")
        assert stream.recv(1) == b""
        a.daemon.send_signal(signal.SIGSTOP)
        b.stop(signal.SIGKILL)
        stream.shutdown(socket.SHUT_WR)
        a.daemon.send_signal(signal.SIGCONT)
        event = control.line()
        assert not event["clean"] and event["reason"] == "the session is lost", event
    server.close()


def test_a_local_program_that_dies_is_no_end_of_file():
    ends = []

    def serve(connection):
        try:
            read_all(connection)
            ends.append("end of file")
        except ConnectionResetError:
            ends.append("reset")

    server = Server(serve)
    with Nodes(a="", b=f"[tcp sink]\naddress = 127.0.0.1:{server.port}\nallow = a\n") as (a, _):
        child = os.fork()
        if child == 0:
            control = Control(a)
            control.open("b", "sink").sendall(b"a beginning")
            signal.pause()
        time.sleep(0.5)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        wait_for(lambda: ends, "the server notices")
        assert ends == ["reset"], ends
    server.close()


def test_a_server_that_resets_is_no_end_of_file():
    def serve(connection):
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    server = Server(serve)
    with Nodes(a="", b=f"[tcp rude]\naddress = 127.0.0.1:{server.port}\nallow = a\n") as (a, _):
        control = a.control()
        stream = control.open("b", "rude")
        stream.sendall(b"x")
        assert stream.recv(1) == b""
        event = control.line()
        assert not event["clean"] and event["reason"] == "closed by the peer: internal", event
    server.close()


def test_reload_keeps_sessions():
    with Nodes(a="", b=ECHO) as (a, b):
        control = a.control()
        stream = control.open("b", "echo")
        b.reload("[echo]\nallow = c\n")
        assert control.refusal("b", "echo")["text"] == "the peer refuses echo: not permitted"
        b.reload("")
        assert control.refusal("b", "echo")["text"] == "the peer refuses echo: no such service"
        b.reload("[echo]\nallow = a\nloud = yes\n")
        assert "line 8: [echo] loud is unknown" in b.log(), b.log()
        b.reload(ECHO)
        assert through(control.open("b", "echo"), b"again") == b"again"
        assert through(stream, b"still") == b"still"
        assert b.log().count("established") == 1, b.log()


def test_the_daemon_stops_with_words():
    with Nodes(a="", b=ECHO) as (a, b):
        control = a.control()
        stream = control.open("b", "echo")
        b.stop(signal.SIGTERM)
        assert stream.recv(1) == b""
        assert control.line()["reason"] == "closed by the peer: shutting down"


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
