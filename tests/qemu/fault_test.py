#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Makes one process after another fault, at many points, and has the fault image show that everything comes back. TAP.
"""usage: fault_test.py OS_DIR WORK_DIR

A point is reached when a process comes to a function for the n-th time in its round; there the debugger sets its pc to an
address where nothing is. The product knows nothing of this. In each round the client in the image (tests/qemu/fault/main.c)
uses the network, the bus and the keys while the points are armed, and then wants back: a session that dsoftbusd opens, one
that it accepts, and every handle, connection and buffer as before. The last line is `fault points survived N/N`.

Rounds share a boot as long as no process has to be started again so often that init waits long for it."""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import gdbstub
import machine

ROOT = os.path.join(HERE, "../..")
STOP_S = 60  # a machine that makes no progress for so long is taken to hang
PROCESSES_MAX = 16
BOOTS_AT_ONCE = 4  # they wait more than they work
NOWHERE = 0x0DEAD000  # inside what an image may use, and mapped by none
CLIENT = "selftest-client"

# One line is a round: one point, or several, each armed when the one before it has struck: a fault while the process, or one
# that depends on it, is started again. One list is a boot.
BOOTS = [
    [[("keystored", "store_serve", 1)],
     [("keystored", "x25519_ladder", 1)],  # in the middle of a Diffie-Hellman that dsoftbusd waits for
     [("netstackd", "facade_serve", 1)],
     [("netstackd", "tcp_input", 1)],
     [("dsoftbusd", "bus_received", 1)]],
    [[("keystored", "x25519_ladder", 3)],
     [("keystored", "store_serve", 2), ("keystored", "store_self_check", 1)],
     [("netstackd", "facade_serve", 40)],
     [("netstackd", "tcp_accept_one", 1)],
     [("dsoftbusd", "bus_accepted", 1)]],
    [[("keystored", "sys_reply", 1), ("keystored", "provision_parse", 1)],
     [("netstackd", "tcp_read_some", 2)],
     [("netstackd", "tcp_write_some", 3)],
     [("dsoftbusd", "bus_dh_result", 1)],
     [("dsoftbusd", "message_1_read", 1)]],
    [[("netstackd", "udp_send_one", 1)],
     [("dsoftbusd", "bus_accepted", 2), ("netstackd", "virtio_net_send", 2)],
     [("dsoftbusd", "bus_received", 3)],
     [("dsoftbusd", "report_event", 2)]],
    [[("netstackd", "tcp_slowtmr", 1)],
     [("netstackd", "timers_advance", 1), ("netstackd", "virtio_net_start", 1), ("netstackd", "stack_start", 1)],
     [("dsoftbusd", "bus_datagram", 1)],
     [("dsoftbusd", "local_serve", 1)]],
    [[("netstackd", "tcp_connect_start", 1), ("netstackd", "interface_update", 1), ("netstackd", "self_check", 1)],
     [("dsoftbusd", "bus_next_deadline", 3)]],
    [[("dsoftbusd", "bus_output", 2), ("dsoftbusd", "shell_open", 1), ("dsoftbusd", "bus_peer_add", 1)],
     [("dsoftbusd", "links_add", 1), ("netstackd", "close_all", 1), ("keystored", "store_serve", 1)]],
]
# The first point of these strikes only when all is used for the second time, so that nobody who looks sees it.
UNNOTICED = {("keystored", "x25519_ladder", 3), ("dsoftbusd", "bus_accepted", 2)}
GIVE_UP_S = 20
RESTARTS_MAX, BACK_OFF_FIRST_MS = 8, 100  # of init


def symbols(path):
    """name -> (address, bytes) of the functions and objects in an ELF file."""
    text = subprocess.run(["riscv64-unknown-elf-nm", "-S", path], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in text.splitlines()]
    sized = [(row[-1], int(row[0], 16), int(row[1], 16) if len(row) == 4 else 0) for row in rows if len(row) >= 3]
    return {name: (address, size) for name, address, size in sorted(sized, key=lambda s: s[2])}  # of two, the larger one


def process_ids(os_dir):
    with open(f"{os_dir}/gen/processes.h", encoding="ascii") as f:
        rows = re.findall(r"#define PROCESS_ID_(\w+) (\d+)", f.read())
    return {name.lower().replace("_", "-"): int(number) for name, number in rows}


class Rounds:
    """Arms the points of each round of a boot, and notes which ones were reached."""

    def __init__(self, os_dir, stub, rounds):
        ids = process_ids(os_dir)
        self.stub, self.rounds = stub, rounds
        self.stops = gdbstub.Stops(stub, symbols(f"{os_dir}/fault/fault.elf"), PROCESSES_MAX)
        self.where = {(process, function): (symbols(f"{os_dir}/{process}.elf")[function][0], ids[process])
                      for points in rounds for process, function, _ in points}
        self.client = ids[CLIENT]
        self.begin = symbols(f"{os_dir}/fault/{CLIENT}.elf")["fault_round"][0]
        self.reached = [0] * len(rounds)
        self.waiting = []  # points of this round that have not struck

    def _arm(self):
        if self.waiting:
            process, function, times = self.waiting[0]
            self.address, owner = self.where[process, function]
            self.left = times
            self.stops.add(self.address, owner)

    def _strike(self):
        self.left -= 1
        if self.left > 0:
            self.stops.step_over(self.address)
            return
        self.stops.remove(self.address)
        self.stub.set_register(gdbstub.PC, NOWHERE)
        self.waiting.pop(0)
        self.reached[self.number - 1] += 1
        self._arm()

    def _next_round(self):
        """Answers the client's question whether there is another round."""
        if self.waiting:
            self.stops.remove(self.address)
        self.number = self.stub.register(gdbstub.A0)
        more = self.number <= len(self.rounds)
        self.waiting = list(self.rounds[self.number - 1]) if more else []
        self.stub.set_register(gdbstub.A0, int(more))
        self.stub.set_register(gdbstub.PC, self.stub.register(gdbstub.RA))
        self._arm()
        return more

    def run(self):
        self.stops.add(self.begin, self.client)
        while True:
            if self.stops.go() != self.begin:
                self._strike()
            elif not self._next_round():
                break
        self.stops.remove(self.begin)
        self.stub.go_on()


def boot_and_strike(os_dir, work, rounds):
    """([reached], [line of the console], what is wrong with the machine's end or None)"""
    log, struck, why = f"{work}.log", None, None
    with tempfile.TemporaryDirectory(prefix="dsoftbus-") as directory:
        path = os.path.join(directory, "gdb")
        argv = machine.command(f"{os_dir}/fault/fault.elf", f"{work}.provision", f"file:{log}", deterministic=False)
        with machine.Machine(argv + ["-gdb", f"unix:{path},server=on,wait=off", "-S"], log) as m:
            try:
                stub = gdbstub.Stub(path, STOP_S)
                struck = Rounds(os_dir, stub, rounds)
                struck.run()
                m.process.wait(STOP_S)
            except (gdbstub.StubError, subprocess.TimeoutExpired) as e:
                why = str(e)
            status = m.process.poll()
    with open(log, encoding="ascii", errors="backslashreplace") as f:
        lines = f.read().splitlines()
    if why is None and (status != 0 or "SELFTEST: end" not in lines):
        why = f"ended with status {status}"
    return (struck.reached if struck else [0] * len(rounds)), lines, why


def judge(number, points, reached, lines):
    """What is wrong with the round, or None."""
    if reached < len(points):
        return "{1} of {0} is not reached for the {2}. time".format(*points[reached])
    begin = next((i for i, line in enumerate(lines) if line == f"SELFTEST: fault round {number - 1} survived"), 0)
    end = next((i for i, line in enumerate(lines) if line == f"SELFTEST: fault round {number} survived"), None)
    if end is None:
        return "not everything came back"
    for process in {process for process, _, _ in points}:
        wanted = sum(p == process for p, _, _ in points)
        stopped = sum(line.startswith(f"neuron: process {process} stopped: instruction page fault at {NOWHERE:#x}")
                      for line in lines[begin:end])
        again = sum(line == f"init: up {process}" for line in lines[begin:end])
        if stopped != wanted or again < 1:
            return f"{process} stopped {stopped} times and came up {again} times"
    if points[0] not in UNNOTICED and f"SELFTEST: fault round {number}: not noticed" in lines:
        return "no caller got an error"
    return None


def judge_giving_up(lines):
    """echo faults whenever it is started: it is started so often and no more, later each time, and the rest goes on."""
    waits = [int(match[1]) for line in lines
             for match in [re.fullmatch(r"init: echo will be started again in (\d+) ms", line)] if match]
    if waits != [BACK_OFF_FIRST_MS << i for i in range(RESTARTS_MAX)]:
        return f"started again after {waits} ms"
    if lines.count("init: start echo") != RESTARTS_MAX + 1:
        return f"started {lines.count('init: start echo')} times"
    for line in (f"init: echo given up after {RESTARTS_MAX} restarts", "init: up dsoftbusd", "init: not all services are up"):
        if lines.count(line) != 1:
            return f"'{line}' is there {lines.count(line)} times"
    return None


def boot_and_give_up(os_dir, work):
    log, text = f"{work}.log", bytearray()
    with machine.Machine(machine.command(f"{os_dir}/fault/crash.elf", f"{work}.provision", f"file:{log}"), log) as m:
        m.watch(text.extend, lambda: b"init: not all services are up\n" in text, GIVE_UP_S)
    return text.decode("ascii", "backslashreplace").splitlines()


def provision(work):
    subprocess.run([f"{ROOT}/scripts/provision.sh", "--bringup", "--out", f"{work}.provision"], check=True,
                   stdout=subprocess.DEVNULL)
    return work


def results(os_dir, work):
    """(name, number of fault points, what is wrong or None) of every test, as they come in."""
    with concurrent.futures.ThreadPoolExecutor(BOOTS_AT_ONCE) as pool:
        boots = [pool.submit(boot_and_strike, os_dir, provision(f"{work}/boot-{number}"), rounds)
                 for number, rounds in enumerate(BOOTS, 1)]
        for boot, (rounds, future) in enumerate(zip(BOOTS, boots), 1):
            reached, lines, why = future.result()
            for number, (points, count) in enumerate(zip(rounds, reached), 1):
                text = ", then ".join(f"{process} in {function} ({times})" for process, function, times in points)
                yield text, len(points), judge(number, points, count, lines)
            yield f"boot {boot} ends with status 0", 0, why and f"{why}; {work}/boot-{boot}.log"
    lines = boot_and_give_up(os_dir, provision(f"{work}/crash"))
    yield "a service that faults at each start is given up", 0, judge_giving_up(lines)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    os_dir, work = sys.argv[1:]
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    total = survived = failed = number = 0
    for number, (name, points, wrong) in enumerate(results(os_dir, work), 1):
        total += points
        survived += 0 if wrong else points
        failed += wrong is not None
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}" + (f"\n# {wrong}" if wrong else ""), flush=True)
    print(f"1..{number}\n# fault points survived {survived}/{total}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
