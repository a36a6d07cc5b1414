#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Runs a program on the bare machine of an emulated processor with AVX-512 and IFMA, and passes its TAP on.
"""usage: run_emulator.py BOOT_SECTOR PROGRAM DIRECTORY"""
import os
import pty
import subprocess
import sys
import threading

TIMEOUT_S = 300
SECTOR = 512
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


def write_disk(path, boot_sector, program):
    with open(boot_sector, "rb") as f:
        boot = f.read()
    with open(program, "rb") as f:
        rest = f.read()
    size = CYLINDERS * HEADS * SECTORS * SECTOR
    assert len(boot) == SECTOR and SECTOR + len(rest) <= size
    with open(path, "wb") as f:
        f.write((boot + rest).ljust(size, b"\0"))


def drain(master):
    try:
        while os.read(master, 4096):
            pass
    except OSError:
        pass


def emulate(directory):
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
                       stdout=slave, stderr=slave, env=dict(os.environ, TERM="vt100"), timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        print(f"# the emulator was still running after {TIMEOUT_S} s")
    os.close(slave)
    return names


def main():
    boot_sector, program, directory = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    write_disk(os.path.join(directory, "disk"), boot_sector, program)
    serial = os.path.join(directory, "serial")
    if os.path.exists(serial):
        os.remove(serial)
    names = emulate(os.path.abspath(directory))
    with open(serial, encoding="ascii", errors="replace") as f:
        output = f.read()
    print(output, end="")
    with open(names["log"], encoding="utf-8", errors="replace") as f:
        ended = "shutdown requested" in f.read()
    if not ended:
        print(f"# the program did not end; see {names['log']}")
    sys.exit(0 if ended and "not ok" not in output else 1)


if __name__ == "__main__":
    main()
