# SPDX-License-Identifier: Apache-2.0
# Machines for tests: network namespaces with the real daemon and command inside, gone without a trace at the end.
import array
import fcntl
import json
import os
import pty
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import tap
from loopback import PROGRAMS, wait_for

SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
BAD_LINK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bad_link.py")


def enter():
    """Runs the test again in name spaces of its own: network, mounts, processes, and users where it is not root."""
    if os.environ.get("NETLAB") == "inside":
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        return
    users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    spaces = ["unshare", *users, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*spaces, "true"], check=False, capture_output=True).returncode != 0:
        print("1..1\nok 1 - everything # SKIP this machine gives no network namespaces")
        sys.exit(0)
    arguments = [*spaces, sys.executable, *sys.argv]
    os.environ["NETLAB"] = "inside"
    os.execvp(arguments[0], arguments)


def need_other_users():
    """In a name space that an ordinary user made there is one user."""
    with open("/proc/self/uid_map", encoding="ascii") as f:
        if sum(int(line.split()[2]) for line in f) < 65536:
            tap.skip("other users are root's to become")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)


class Machine:
    """A network namespace with a home directory."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.home = os.path.join(lab.directory, name)
        self.state = os.path.join(self.home, "state", "dsoftbus")
        self.log_path = os.path.join(self.home, "daemon.log")
        self.daemon = None
        self.bad_link = None
        os.makedirs(self.home)
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")

    def plugged(self):
        """Its eth0 is new."""
        run("ip", "-n", self.name, "addr", "add", f"{self.address}/24", "brd", "+", "dev", "eth0")
        run("ip", "-n", self.name, "link", "set", "eth0", "up")

    def cut_off(self):
        """Ends the bad link and with it the machine's only one; what it did to the frames of either direction."""
        counts = self.bad_link.end()
        self.bad_link = None
        return counts

    def environment(self):
        return {"PATH": f"{self.lab.programs}:{os.environ['PATH']}", "HOME": self.home, "LANG": "C",
                "XDG_STATE_HOME": os.path.join(self.home, "state"),
                "XDG_CONFIG_HOME": os.path.join(self.home, "config"),
                **{k: v for k, v in os.environ.items() if k == "ASAN_OPTIONS"}}

    def inside(self, command):
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command, stdin="", timeout=60):
        done = subprocess.run(self.inside(command), input=stdin, capture_output=True, text=True, timeout=timeout,
                              env=self.environment(), cwd=self.home, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def dsoftbus(self, *arguments, stdin="", code=0):
        """Runs the command and checks its exit code."""
        result = self.run("dsoftbus", *arguments, stdin=stdin)
        assert result.code == code, f"dsoftbus {' '.join(arguments)}: exit {result.code}: {result.out}{result.err}"
        return result

    def on_terminal(self, command, answer):
        """Runs a command that asks on a terminal and gives it the answer; its exit code and what the terminal showed."""
        master, slave = pty.openpty()
        process = subprocess.Popen(self.inside(command), stdin=slave, stdout=slave, stderr=slave, cwd=self.home,
                                   env=self.environment(), start_new_session=True)
        os.close(slave)
        os.write(master, answer.encode())
        shown = b""
        while select.select([master], [], [], 20)[0]:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            shown += piece
        os.close(master)
        return process.wait(20), shown.decode()

    def terminal(self, *command):
        return Terminal(self, command)

    def start(self, *arguments):
        """Starts the daemon and waits until it is ready."""
        with open(self.log_path, "ab") as log:
            start = log.tell()
            self.daemon = subprocess.Popen(self.inside(["dsoftbusd", *arguments]), stderr=log, stdin=subprocess.DEVNULL,
                                           env=self.environment(), cwd=self.home)
        wait_for(lambda: "ready on port" in self.log()[start:] or self.daemon.poll() is not None, f"{self.name} is ready")
        assert self.daemon.poll() is None, self.log()[start:]

    def stop(self, signal=15):
        """Ends the daemon; its exit code."""
        self.daemon.send_signal(signal)
        code = self.daemon.wait(10)
        self.daemon = None
        return code

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def show(self):
        return self.dsoftbus("show", "--json").json()

    def peer(self, name):
        return next(p for p in self.show()["known"] if p["id"] == name)


class Terminal:
    """A command on a terminal, to which a person types."""

    def __init__(self, machine, command):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(machine.inside(command), stdin=slave, stdout=slave, stderr=slave, cwd=machine.home,
                                        env=machine.environment(), start_new_session=True)
        os.close(slave)
        self.shown = ""

    def see(self, pattern, seconds=20.0):
        """The first match in all that was shown, as soon as it is there."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.shown)
            if match:
                return match
            if not self.more(end - time.monotonic()):
                raise AssertionError(f"not shown: {pattern}: {self.shown!r}")

    def more(self, seconds):
        if not select.select([self.master], [], [], max(seconds, 0))[0]:
            return False
        try:
            piece = os.read(self.master, 4096)
        except OSError:
            piece = b""
        self.shown += piece.decode("utf-8", "replace").replace("\r\n", "\n")
        return piece != b""

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self, seconds=20):
        """The exit code, when it ends by itself."""
        while self.more(seconds):
            pass
        os.close(self.master)
        return self.process.wait(seconds)


def no_offload(interface):
    """Frames leave it as they would on a cable: cut to its MTU, and with their checksums (ETHTOOL_STXCSUM; cutting follows)."""
    value = array.array("B", struct.pack("=II", ETHTOOL_STXCSUM, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sP", interface.encode(), value.buffer_info()[0]))


class BadLink:
    """A bad link between a machine and the switch, instead of the good one (options: see bad_link.py)."""

    def __init__(self, name, *options):
        self.near = f"n-{name}"
        run("ip", "link", "del", f"p-{name}")
        for end, other in ((f"e-{name}", self.near), (f"p-{name}", f"f-{name}")):
            run("ip", "link", "add", end, "type", "veth", "peer", "name", other)
            no_offload(end)
            run("ip", "link", "set", other, "up")
        run("ip", "link", "set", f"p-{name}", "master", "switch", "up")
        run("ip", "link", "set", f"e-{name}", "netns", name, "name", "eth0")
        command = [sys.executable, BAD_LINK, self.near, f"f-{name}", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def end(self):
        """The machine is cut off; what the link did to it before, of both directions."""
        self.process.terminate()
        directions = [c for c in json.loads(self.process.communicate(timeout=10)[0]).values() if isinstance(c, dict)]
        run("ip", "link", "del", self.near)
        return {kind: [counts[kind] for counts in directions] for kind in directions[0]}


class Lab:
    """Machines on one switch, 10.77.0.1 and up."""

    def __init__(self, *names, programs=PROGRAMS):
        self.programs = programs
        self.directory = tempfile.mkdtemp(prefix="netlab-")
        self.machines = []
        run("ip", "link", "add", "switch", "type", "bridge")
        run("ip", "link", "set", "switch", "up")
        for name in names:
            self.add(name)

    def add(self, name):
        machine = Machine(self, name)
        port = f"p-{name}"
        run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", port, "master", "switch", "up")
        self.machines.append(machine)
        machine.address = f"10.77.0.{len(self.machines)}"
        machine.plugged()
        return machine

    def worsen(self, name, *options):
        """Makes the machine's link a bad one (options: see bad_link.py)."""
        self[name].bad_link = BadLink(name, *options)
        self[name].plugged()

    def part(self, *names):
        """These machines reach the others, but not one another."""
        for name in names:
            run("ip", "link", "set", f"p-{name}", "type", "bridge_slave", "isolated", "on")

    def __getitem__(self, name):
        return next(m for m in self.machines if m.name == name)

    def close(self):
        for machine in self.machines:
            if machine.daemon is not None and machine.daemon.poll() is None:
                machine.stop(9)
            if machine.bad_link is not None:
                machine.cut_off()
            run("ip", "link", "del", f"p-{machine.name}")  # at once; with its name space it would go some time later
            run("ip", "netns", "del", machine.name)
        run("ip", "link", "del", "switch")
        shutil.rmtree(self.directory)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def trust_each_other(a, b):
    for one, other in ((a, b), (b, a)):
        one.dsoftbus("trust", "--card", "-", stdin=other.dsoftbus("id", "--card").out)


def pair(lab):
    """The two machines of a lab, with identities, daemons and mutual trust."""
    for machine in lab.machines[:2]:
        machine.dsoftbus("init", "--id", machine.name)
        machine.start()
    trust_each_other(*lab.machines[:2])
    return lab.machines[:2]
