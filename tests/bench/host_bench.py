#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Measures the daemon on the loopback interface, each figure beside that of something else in the same run:
#
#     bulk       one stream, beside TLS 1.3 with ChaCha20-Poly1305 (openssl s_server, s_time); bulk_cpu is the same by the
#                processor time of all processes: on a machine where others run, more processes get more of the clock
#     ping       the round trip, beside a TCP echo through libuv
#     idle       all resident memory of a daemon with 1,000 sessions, by their number
#     busy       the same with every tenth moving data: no error, and what comes back is what was sent
#     rate       new sessions per second of the time that daemon and key process have on their one core, which others may use
#                as well, beside noise-bench's single handshake
#
# usage: host_bench.py FILE.json [NAME ...]        SECONDS and ROUNDS: how long, how often
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path[:0] = [os.path.join(os.path.dirname(__file__), "..", "host")]
from loopback import Node, Nodes, free_port, wait_for

TOOLS = os.path.abspath(os.environ.get("HOST_TOOLS", "build/host"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "2"))
IDLE_SESSIONS = int(os.environ.get("SESSIONS", "1000"))
MIB = 1 << 20
SWARM_PEERS = 500
required = {"bulk": (0.8, "at least"), "ping": (2.5, "below"), "idle": (24 * 1024, "below"),
            "busy": (1 << 20, "below"), "rate": (0.5, "above")}


# ---- Bulk ------------------------------------------------------------------------------------------------

def forked(work):
    """Runs work() in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(f"host_bench: {error!r}", file=sys.stderr)
        os._exit(1)
    return child


def joined(child):
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("host_bench: a helper has failed")


def sink(listener):
    """Reads one connection to its end."""
    connection, _ = listener.accept()
    room = bytearray(MIB)
    while connection.recv_into(room, MIB, socket.MSG_TRUNC):  # looks at nothing, as s_time does
        pass
    connection.close()


def processor_seconds(pids):
    """Of these, of this process and of all that it has waited for."""
    return cpu_seconds(pids) + sum(os.times()[:4])


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            ticks += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def with_processor(pids, measure):
    """MB per second by the clock, and by the time of the processors."""
    used, started = processor_seconds(pids), time.monotonic()
    mbps = measure()
    passed = time.monotonic() - started
    return mbps, mbps * passed / (processor_seconds(pids) - used)


def bus_mbps(node, listener):
    """Until so much has arrived as one stream carries in about SECONDS."""
    control = node.control()
    stream = control.open("b", "sink")
    reader = forked(lambda: sink(listener))
    piece, sent, started = os.urandom(MIB), 0, time.monotonic()
    while time.monotonic() - started < SECONDS:
        stream.sendall(piece)
        sent += len(piece)
    stream.shutdown(socket.SHUT_WR)
    joined(reader)
    passed = time.monotonic() - started
    event = control.line()
    assert event["clean"] and event["bytes_out"] == sent, event
    return sent / passed / 1e6


class Tls:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="dsoftbus-bench-")
        self.port = free_port()
        key, cert = (os.path.join(self.directory, name) for name in ("key.pem", "cert.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", "/CN=bench", "-keyout", key, "-out", cert], check=True, capture_output=True)
        with open(os.path.join(self.directory, "file"), "wb") as f:
            f.write(os.urandom(256 * MIB))
        self.server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-cert", cert, "-key",
                                        key, "-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256", "-WWW", "-quiet"],
                                       cwd=self.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.listens, "openssl s_server listens")

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def mbps(self):
        started = time.monotonic()
        shown = subprocess.run(["openssl", "s_time", "-connect", f"127.0.0.1:{self.port}", "-tls1_3", "-ciphersuites",
                                "TLS_CHACHA20_POLY1305_SHA256", "-new", "-www", "/file", "-time", str(int(SECONDS) or 1)],
                               capture_output=True, text=True, check=True).stdout
        # By our own clock: s_time knows whole seconds.
        match = re.search(r"(\d+) connections in \d+ real seconds, (\d+) bytes read per connection", shown)
        assert match and int(match[2]) >= 256 * MIB, shown
        return int(match[1]) * int(match[2]) / (time.monotonic() - started) / 1e6

    def close(self):
        self.server.kill()
        self.server.wait()
        shutil.rmtree(self.directory)


def bulk():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    tls = Tls()
    with Nodes(a="", b=f"[tcp sink]\naddress = 127.0.0.1:{port}\nallow = a\n") as (a, b):
        daemons = [a.daemon.pid, b.daemon.pid]
        bus_mbps(a, listener)
        tls.mbps()
        pairs = [(with_processor(daemons, lambda: bus_mbps(a, listener)), with_processor([tls.server.pid], tls.mbps))
                 for _ in range(ROUNDS)]
    tls.close()
    listener.close()
    return {"bulk": statistics.median(bus[0] / other[0] for bus, other in pairs),
            "bulk_cpu": statistics.median(bus[1] / other[1] for bus, other in pairs),
            "bulk_mbps": statistics.median(bus[0] for bus, _ in pairs),
            "bulk_tls_mbps": statistics.median(other[0] for _, other in pairs)}


# ---- Ping ------------------------------------------------------------------------------------------------

def ping_us(control, count):
    return statistics.median(control.call(op="ping", peer="b")["result"]["rtt_us"] for _ in range(count))


def ping():
    count = int(1000 * SECONDS)
    server = subprocess.Popen([os.path.join(TOOLS, "host_echo"), "serve"], stdout=subprocess.PIPE, text=True)
    ask = [os.path.join(TOOLS, "host_echo"), "ask", server.stdout.readline().strip(), str(count)]
    with Nodes(a="", b="") as (a, _):
        control = a.control()
        ping_us(control, 200)
        pairs = [(ping_us(control, count), float(subprocess.run(ask, capture_output=True, text=True, check=True).stdout))
                 for _ in range(ROUNDS)]
    server.kill()
    server.wait()
    return {"ping": statistics.median(bus / other for bus, other in pairs),
            "ping_us": statistics.median(bus for bus, _ in pairs),
            "ping_tcp_us": statistics.median(other for _, other in pairs)}


# ---- Sessions --------------------------------------------------------------------------------------------

class Swarm:
    """A node that trusts the peers of host_swarm."""

    def __init__(self, count, settings=""):
        self.program, self.count = os.path.join(TOOLS, "host_swarm"), count
        self.node = Node("hub", settings)
        lines = subprocess.run([self.program, "peers", str(count)], capture_output=True, check=True).stdout
        path = os.path.join(self.node.state, "node", "peers")
        with open(path, "wb", opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
            f.write(lines)
        self.key = json.loads(self.node.dsoftbus("id", "--json"))["key"]
        self.node.start()

    def arguments(self, mode, *more):
        return [self.program, mode, str(self.node.port), "hub", self.key, str(self.count), *more]

    def status(self):
        return self.node.control().call(op="status")["result"]

    def sessions(self):
        return self.status()["sessions"]

    def established(self):
        return self.status()["established"]


def many(settings=""):
    return Swarm(IDLE_SESSIONS, f"[node]\nmax-sessions = {IDLE_SESSIONS + 100}\nmax-peers = {IDLE_SESSIONS + 100}\n" + settings)


def idle():
    swarm = many()
    before = swarm.node.memory()
    process = subprocess.Popen(swarm.arguments("idle"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert int(process.stdout.readline()) == IDLE_SESSIONS
    wait_for(lambda: swarm.sessions() == IDLE_SESSIONS, "all sessions are up")
    time.sleep(0.5)
    whole = swarm.node.memory()
    process.stdin.close()
    process.wait()
    swarm.node.close()
    return {"idle": whole / IDLE_SESSIONS, "idle_without_sessions": before / IDLE_SESSIONS, "idle_sessions": IDLE_SESSIONS}


def busy():
    swarm = many("[echo]\nallow = *\n")
    done = subprocess.run(swarm.arguments("busy", str(SECONDS)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"host_bench: busy: {done.stderr}")
    status, whole = swarm.status(), swarm.node.memory()
    assert status["established"] == IDLE_SESSIONS and status["rejected"] == 0, status
    swarm.node.close()
    return {"busy": whole / IDLE_SESSIONS, "busy_echo_mbps": float(done.stdout)}


def single_handshake():
    """Of noise-bench, both sides: per second."""
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run([os.path.join(TOOLS, "noise-bench"), "--rounds", "9", "--slice", "5", "--json", f.name],
                       stdout=subprocess.DEVNULL, check=True)
        return 1e9 / json.load(f)["ns_handshake_single"]


def pin(core, pids):
    for pid in pids:
        os.sched_setaffinity(pid, {core})


def rate():
    swarm = Swarm(SWARM_PEERS)
    with open(f"/proc/{swarm.node.daemon.pid}/task/{swarm.node.daemon.pid}/children", encoding="utf-8") as f:
        family = [swarm.node.daemon.pid] + [int(pid) for pid in f.read().split()]
    cores = sorted(os.sched_getaffinity(0))
    pin(cores[0], family)
    pairs, by_clock = [], []
    for _ in range(ROUNDS):
        sessions, used = swarm.established(), cpu_seconds(family)
        done = subprocess.run(swarm.arguments("rate", str(SECONDS)), capture_output=True, text=True, check=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, {cores[-1]}))
        sessions, used = swarm.established() - sessions, cpu_seconds(family) - used
        pairs.append((sessions / used, single_handshake()))
        by_clock.append(float(done.stdout))
    swarm.node.close()
    return {"rate": statistics.median(bus / other for bus, other in pairs),
            "rate_per_second": statistics.median(bus for bus, _ in pairs),
            "rate_by_clock_per_second": statistics.median(by_clock),
            "rate_noise_bench_per_second": statistics.median(other for _, other in pairs)}


def main():
    figures, failed = {}, 0
    for measure in (bulk, ping, idle, busy, rate):
        if sys.argv[2:] and measure.__name__ not in sys.argv[2:]:
            continue
        found = measure()
        figures.update(found)
        bound, words = required[measure.__name__]
        value = found[measure.__name__]
        good = value < bound if words == "below" else value >= bound
        failed += not good
        print(f"{measure.__name__:6} {value:10.2f}   {words} {bound}: {'good' if good else 'NOT MET'}   " +
              "  ".join(f"{name} {number:.2f}" for name, number in found.items() if name != measure.__name__), flush=True)
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        json.dump(figures, f, indent=2)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
