# SPDX-License-Identifier: Apache-2.0
# QEMU's debugger interface, as far as a test needs it to stop a machine at an address and change registers: GDB's remote
# serial protocol (GDB manual, appendix E) over a unix socket.
import re
import socket
import time

RA, A0, PC = 1, 10, 32
CONNECT_S = 10


class StubError(Exception):
    pass


class Stub:
    """Connected to `-gdb unix:PATH,server=on,wait=off`; the machine stands still until `go`."""

    def __init__(self, path, timeout_s):
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + CONNECT_S
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise StubError(f"nobody listens on {path}") from None
                time.sleep(0.02)
        self.socket.settimeout(timeout_s)
        self.received = b""
        xml = self._read_feature("target.xml") + self._read_feature("riscv-csr.xml")
        self.satp = int(re.search(r'name="satp"[^>]*regnum="(\d+)"', xml)[1])

    def close(self):
        self.socket.close()

    def _receive(self):
        while True:
            match = re.search(rb"\$([^#]*)#..", self.received, re.S)
            if match:
                self.received = self.received[match.end():]
                self.socket.sendall(b"+")
                return match[1].decode("latin-1")
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise StubError("the machine runs on without an end") from None
            if not data:
                raise StubError("the machine has ended")
            self.received += data

    def ask(self, text):
        data = text.encode("latin-1")
        self.socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))
        return self._receive()

    def command(self, text):
        answer = self.ask(text)
        if answer != "OK":
            raise StubError(f"'{text}' is answered by '{answer}'")

    def _read_feature(self, name):
        text = ""
        while True:
            part = self.ask(f"qXfer:features:read:{name}:{len(text):x},800")
            text += part[1:]
            if part[:1] != "m":
                return text

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}")), "little")

    def set_register(self, number, value):
        self.command(f"P{number:x}={value.to_bytes(8, 'little').hex()}")

    def set_break(self, address):
        self.command(f"Z1,{address:x},4")

    def clear_break(self, address):
        self.command(f"z1,{address:x},4")

    def go(self):
        """Until the next breakpoint; the pc there."""
        self.ask("c")
        return self.register(PC)

    def go_on(self):
        """Lets the machine run for good."""
        self.command("D")

    def process(self):
        """Which process's address space is loaded: neuron uses its id as the address space identifier."""
        return self.register(self.satp) >> 44 & 0xFFFF


class Stops:
    """Stops at addresses of processes. All processes use the same addresses, so a hit may be another's: then that address is
    not watched until the kernel returns to the process that it was meant for."""

    def __init__(self, stub, symbols, processes_max):
        """symbols: name -> (address, bytes) of the kernel."""
        self.stub = stub
        self.trap_return = symbols["trap_return"][0]
        self.processes, size = symbols["processes"]
        self.process_bytes = size // processes_max
        self.wanted = {}  # address -> process
        self.asleep = set()  # of these addresses; while there are any, the kernel's returns are watched

    def add(self, address, process):
        self.wanted[address] = process
        self.stub.set_break(address)

    def remove(self, address):
        del self.wanted[address]
        if address not in self.asleep:
            self.stub.clear_break(address)
        self._wake({address})

    def go(self):
        """Until one of the addresses is reached by its process, and what stands there has not been executed: the address."""
        while True:
            pc = self.stub.go()
            if pc == self.trap_return:
                self._resumed((self.stub.register(A0) - self.processes) // self.process_bytes)
            elif self.wanted[pc] == self.stub.process():
                return pc
            else:
                self.stub.clear_break(pc)
                if not self.asleep:
                    self.stub.set_break(self.trap_return)
                self.asleep.add(pc)

    def step_over(self, address):
        """Executes the instruction at a breakpoint: one that does not branch."""
        behind = address + (4 if int(self.stub.ask(f"m{address:x},2")[:2], 16) & 3 == 3 else 2)
        others = (set(self.wanted) - self.asleep) | ({self.trap_return} if self.asleep else set())
        for other in others:
            self.stub.clear_break(other)
        self.stub.set_break(behind)
        while self.stub.go() != behind:
            pass
        self.stub.clear_break(behind)
        for other in others:
            self.stub.set_break(other)

    def _resumed(self, process):
        """The kernel is about to return to it."""
        back = {address for address in self.asleep if self.wanted[address] == process}
        for address in back:
            self.stub.set_break(address)
        self._wake(back)
        if self.asleep:
            self.step_over(self.trap_return)

    def _wake(self, addresses):
        if self.asleep and not self.asleep - addresses:
            self.stub.clear_break(self.trap_return)
        self.asleep -= addresses
