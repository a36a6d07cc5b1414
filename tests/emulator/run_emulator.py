#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Runs a program on the bare machine of an emulated processor with AVX-512 and IFMA, and passes its TAP on. A file given as
# data lies on the disk behind the program.
"""usage: run_emulator.py BOOT_SECTOR PROGRAM DIRECTORY [DATA]"""
import os
import pty
import subprocess
import sys
import threading

TIMEOUT_S = 300
SECTOR = 512
DATA_SECTOR = 2048  # pc.h
CYLINDERS, HEADS, SECTORS = 20, 16, 63
CONFIGURATION = """\
cpu: model=corei7_icelake_u, ips=1000000000, reset_on_triple_fault=0
megs: 64
clock: sync=none, time0=0
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=disk, path={disk}, mode=flat, cylinders=20, heads=16, spt=63
boot: disk
com1: enabled=1, mode=file, dev={serial}
plugin_ctrl: speaker=0
log: {log}
panic: action=fatal
display_library: term
"""


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write_disk(path, boot_sector, program, data):
    boot, rest, more = read(boot_sector), read(program), read(data) if data else b""
    size = CYLINDERS * HEADS * SECTORS * SECTOR
    assert len(boot) == SECTOR and len(boot + rest) <= DATA_SECTOR * SECTOR <= size - len(more)
    with open(path, "wb") as f:
        f.write(((boot + rest).ljust(DATA_SECTOR * SECTOR, b"\0") + more).ljust(size, b"\0"))


def drain(master):
    try:
        while os.read(master, 4096):
            pass
    except OSError:
        pass


def emulate(directory, timeout_s):
    """The emulator wants a terminal, and its debugger a command to begin with."""
    names = {name: os.path.join(directory, name) for name in ("disk", "serial", "log", "configuration", "commands")}
    with open(names["configuration"], "w", encoding="utf-8") as f:
        f.write(CONFIGURATION.format(**names))
    with open(names["commands"], "w", encoding="utf-8") as f:
        f.write("continue\n")
    master, slave = pty.openpty()
    threading.Thread(target=drain, args=(master,), daemon=True).start()
    try:
        subprocess.run(["bochs", "-q", "-f", names["configuration"], "-rc", names["commands"]], stdin=slave,
                       stdout=slave, stderr=slave, env=dict(os.environ, TERM="vt100"), timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        print(f"# the emulator was still running after {timeout_s} s")
    os.close(slave)
    return names


def run(boot_sector, program, directory, data=None, timeout_s=TIMEOUT_S):
    """Whether the program came to its end, what it said, and the emulator's log."""
    os.makedirs(directory, exist_ok=True)
    write_disk(os.path.join(directory, "disk"), boot_sector, program, data)
    serial = os.path.join(directory, "serial")
    if os.path.exists(serial):
        os.remove(serial)
    names = emulate(os.path.abspath(directory), timeout_s)
    return b"shutdown requested" in read(names["log"]), read(serial).decode("ascii", errors="replace"), names["log"]


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    ended, output, log = run(*sys.argv[1:])
    print(output, end="")
    if not ended:
        print(f"# the program did not end; see {log}")
    sys.exit(0 if ended and "not ok" not in output else 1)


if __name__ == "__main__":
    main()
