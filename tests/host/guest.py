#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A neuron machine, production image, and a Linux machine: each calls the other, and they find each other on a link.
"""usage: guest.py IMAGE [TEST...]"""
import hashlib
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(HERE, "..", "qemu"), os.path.join(HERE, "..", "..", "scripts")]
import bringup
import machine as qemu
import netlab
import tap

IMAGE = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else sys.exit(__doc__)
PROVISION = os.path.join(HERE, "..", "..", "scripts", "provision.sh")
PORT, FORWARDED = 34567, 44567
GATEWAY = "10.0.2.2"  # of QEMU's user network: the loopback of the name space that QEMU runs in
BOOT_S = 30
BULK_BYTES = 10 << 20


class Guest:
    """The device `guest`, which knows `linux`; runs in a machine's name space, or (None) beside the switch."""

    def __init__(self, lab, reach, netdev, inside=None):
        self.directory = os.path.join(lab.directory, "guest-files")
        netlab.run(PROVISION, "--out", self.directory, "--a", "guest", "--b", "linux")
        self.file = os.path.join(self.directory, "guest", "dsoftbusd")
        with open(self.file, encoding="ascii") as f:
            text = f.read()
        with open(self.file, "w", encoding="ascii") as f:
            f.write(re.sub(r"^(peer linux \S+) dial$", rf"\1{reach}", text, flags=re.M))
        self.key = bringup.x25519_public(bytes.fromhex(self.value(self.file, "static"))).hex()
        argv = qemu.command(IMAGE, os.path.join(self.directory, "guest"), f"file:{lab.directory}/uart.log",
                            deterministic=False, netdev=netdev)
        self.vm = qemu.Machine(inside.inside(argv) if inside else argv, f"{lab.directory}/uart.log")

    @staticmethod
    def value(path, word):
        with open(path, encoding="ascii") as f:
            return next(line.split()[1] for line in f if line.startswith(word + " "))

    def linux_key(self):
        return self.value(os.path.join(self.directory, "linux", "dsoftbusd"), "static")

    def console(self):
        with open(self.vm.log_path, encoding="ascii", errors="replace") as f:
            return f.read()

    def see(self, line, seconds=BOOT_S):
        netlab.wait_for(lambda: line in self.console().splitlines() or self.vm.process.poll() is not None, line, seconds)
        assert line in self.console().splitlines(), self.console()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            lines = self.console().partition("neuron vers")[2].splitlines()
            print("".join(f"# console: {line}\n" for line in lines), end="")
        self.vm.stop()
        self.vm.log.close()


def meet(linux, guest, *options):
    """Linux takes the identity that was provisioned for it, starts, and trusts the guest."""
    linux.dsoftbus("init", "--id", "linux", "--key", "-", stdin=guest.linux_key())
    linux.start()
    linux.dsoftbus("trust", "--card", "-", *options, stdin=f"guest {guest.key}\n")


def user_network(*options):
    return ",".join(["user,id=net0", *options])


def ping(linux):
    result = linux.dsoftbus("ping", "guest", "--count", "5", "--interval", "0.1", "--json").json()
    assert result["received"] == 5, result


def echo(linux):
    """10 MiB through the guest's echo and back."""
    sent = os.urandom(BULK_BYTES)
    started = time.monotonic()
    done = subprocess.run(linux.inside(["dsoftbus", "pipe", "guest", "echo"]), input=sent, capture_output=True, timeout=300,
                          env=linux.environment(), cwd=linux.home, check=False)
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(sent).digest(), f"{len(done.stdout)} bytes came back"
    print(f"# {BULK_BYTES >> 20} MiB there and back in {time.monotonic() - started:.1f} s")


def test_linux_calls_the_guest():
    with netlab.Lab("linux") as lab:
        linux = lab["linux"]
        forward = user_network("restrict=on", f"hostfwd=tcp:127.0.0.1:{FORWARDED}-10.0.2.15:{PORT}")
        with Guest(lab, "", forward, inside=linux) as guest:
            guest.see("init: ready")
            meet(linux, guest, "--address", f"127.0.0.1:{FORWARDED}")
            ping(linux)
            echo(linux)
            peer = linux.peer("guest")
            assert peer["outbound"] and not peer["inbound"], peer
            guest.see("dsoftbusd: identity bound peer=linux")
            guest.see("dsoftbusd: auth ok")


def test_the_guest_calls_linux():
    with netlab.Lab("linux") as lab:
        linux = lab["linux"]
        with Guest(lab, f" {GATEWAY}:{PORT} dial", user_network(), inside=linux) as guest:
            meet(linux, guest)
            netlab.wait_for(lambda: linux.peer("guest")["inbound"], "the guest has called", 60)
            guest.see("dsoftbusd: identity bound peer=linux")
            ping(linux)
            echo(linux)
            peer = linux.peer("guest")
            assert peer["inbound"] and not peer["outbound"], peer


def test_a_guest_with_another_key_is_refused():
    with netlab.Lab("linux") as lab:
        linux = lab["linux"]
        with Guest(lab, f" {GATEWAY}:{PORT} dial", user_network(), inside=linux) as guest:
            linux.dsoftbus("init", "--id", "linux", "--key", "-", stdin=guest.linux_key())
            linux.start()
            other = linux.dsoftbus("genkey").out
            linux.dsoftbus("trust", "--card", "-", stdin=f"guest {linux.dsoftbus('pubkey', stdin=other).out}")
            netlab.wait_for(lambda: "claims to be guest, but id and key are not those" in linux.log(), "the refusal", 60)
            assert not linux.peer("guest")["inbound"]


def on_a_link(lab):
    """The guest's frames go to the lab's switch, where Linux is 10.42.0.1 now."""
    if not os.path.exists("/dev/net/tun"):
        tap.skip("this machine has no /dev/net/tun")
    netlab.run("ip", "tuntap", "add", "tap0", "mode", "tap")
    netlab.run("ip", "link", "set", "tap0", "master", "switch", "up")
    netlab.run("ip", "-n", "linux", "addr", "flush", "dev", "eth0")
    netlab.run("ip", "-n", "linux", "addr", "add", "10.42.0.1/24", "brd", "+", "dev", "eth0")
    return "tap,id=net0,ifname=tap0,script=no,downscript=no"


def test_they_find_each_other_on_a_link():
    with netlab.Lab("linux") as lab:
        linux = lab["linux"]
        netdev = on_a_link(lab)
        try:
            with Guest(lab, " dial", netdev) as guest:
                meet(linux, guest)
                netlab.wait_for(lambda: "found guest" in linux.log(), "the guest's announce", 60)
                guest.see("dsoftbusd: discovery cross-vm up", 60)  # it has heard Linux
                guest.see("dsoftbusd: session connect peer=linux", 60)  # and calls it where it was heard
                guest.see("dsoftbusd: identity bound peer=linux", 60)
                found = next(d for d in linux.dsoftbus("peers", "--found", "--json").json()["devices"] if d["id"] == "guest")
                assert found["address"] == f"10.42.0.10:{PORT}" and found["trusted"], found
                ping(linux)
                linux.dsoftbus("trust", "guest", "--dial")
                netlab.wait_for(lambda: linux.peer("guest")["outbound"], "Linux calls, too", 20)
                ping(linux)
                echo(linux)
        finally:
            subprocess.run(["ip", "link", "del", "tap0"], check=False)


if __name__ == "__main__":
    sys.argv.insert(1, IMAGE)
    netlab.enter()
    sys.argv.pop(1)
    tap.main(sys.modules[__name__])
