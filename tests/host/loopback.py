# SPDX-License-Identifier: Apache-2.0
# Nodes for tests on the loopback interface: the real daemon and command, each with a state directory and a port.
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

PROGRAMS = os.path.abspath(os.environ.get("HOST_PROGRAMS", "build/host/bin"))


def wait_for(condition, what, seconds=10.0):
    """The first true value of condition()."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Control:
    """A connection to the control socket."""

    def __init__(self, node):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(os.path.join(node.state, "run", "control"))
        self.text, self.sockets = b"", []

    def line(self):
        while b"\n" not in self.text:
            data, fds, _, _ = socket.recv_fds(self.socket, 65536, 8)
            self.sockets += [socket.socket(fileno=fd) for fd in fds]
            if not data:
                return None
            self.text += data
        line, _, self.text = self.text.partition(b"\n")
        return json.loads(line)

    def send(self, **request):
        self.socket.sendall(json.dumps({"v": 1, "id": 1, **request}).encode() + b"\n")

    def call(self, **request):
        self.send(**request)
        return self.line()

    def open(self, peer, service):
        """The stream's socket."""
        reply = self.call(op="open", peer=peer, service=service)
        assert reply["ok"], reply
        stream = self.sockets.pop(0)
        stream.settimeout(20)
        return stream

    def refusal(self, peer, service):
        reply = self.call(op="open", peer=peer, service=service)
        assert not reply["ok"], reply
        return reply["error"]

    def close(self):
        self.socket.close()


class Node:
    def __init__(self, name, settings="", port=None):
        self.name, self.port = name, port or free_port()
        self.directory = tempfile.mkdtemp(prefix="dsoftbus-test-")
        self.state = os.path.join(self.directory, "state")
        self.config = os.path.join(self.directory, "dsoftbusd.ini")
        self.log_path = os.path.join(self.directory, "log")
        self.daemon = None
        self.prefix = []  # of the daemon's command
        self.dsoftbus("init", "--id", name)
        self.configure(settings)

    def configure(self, settings):
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f"[node]\nport = {self.port}\nlisten = 127.0.0.1\n[discovery]\nenabled = no\n{settings}\n")

    def command(self, *arguments):
        return [os.path.join(PROGRAMS, "dsoftbus"), "--state", self.state, *arguments]

    def run(self, *arguments, data=b"", timeout=60):
        return subprocess.run(self.command(*arguments), input=data, capture_output=True, timeout=timeout, check=False)

    def dsoftbus(self, *arguments, data=b"", code=0):
        """Runs the command, checks its exit code, and gives its output."""
        done = self.run(*arguments, data=data)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}: {done.stdout!r} {done.stderr!r}"
        return done.stdout

    def spawn(self, *arguments, **options):
        return subprocess.Popen(self.command(*arguments), **options)

    def trust(self, other):
        self.dsoftbus("trust", "--card", "-", "--address", f"127.0.0.1:{other.port}", data=other.dsoftbus("id", "--card"))

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def start(self):
        with open(self.log_path, "ab") as log:
            start = log.tell()
            self.daemon = subprocess.Popen([*self.prefix, os.path.join(PROGRAMS, "dsoftbusd"), "--state", self.state,
                                            "--config", self.config], stderr=log, stdin=subprocess.DEVNULL)
        wait_for(lambda: "ready on port" in self.log()[start:] or self.daemon.poll() is not None, "the daemon is ready")
        assert self.daemon.poll() is None, self.log()[start:]
        return self

    def stop(self, signal=15):
        if self.daemon is not None:
            self.daemon.send_signal(signal)
            self.daemon.wait(10)
            self.daemon = None

    def reload(self, settings):
        lines = self.log().count("\n")
        self.configure(settings)
        self.daemon.send_signal(1)
        wait_for(lambda: any("services" in line for line in self.log().splitlines()[lines:]), "the reload")

    def control(self):
        return Control(self)

    def memory(self):
        """Resident bytes of the daemon."""
        with open(f"/proc/{self.daemon.pid}/statm", encoding="utf-8") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def close(self):
        self.stop(9)
        shutil.rmtree(self.directory)


class Nodes:
    """Nodes that trust each other, and run."""

    def __init__(self, **settings):
        self.nodes = [Node(name, text) for name, text in settings.items()]
        for one in self.nodes:
            for other in self.nodes:
                if one is not other:
                    one.trust(other)
        for node in self.nodes:
            node.start()

    def __enter__(self):
        return self.nodes

    def __exit__(self, *_):
        for node in self.nodes:
            node.close()
