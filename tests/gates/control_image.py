#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Negative controls of the dependency gate: it passes the real images and fails on each damaged copy.
import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
import tap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REAL = os.path.join(ROOT, "build", "os")
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import bringup

FILES = ["libnoise.a", "libdsoftbus.a", "init.elf", "init.map", "echo.elf", "echo.map", "keystored.elf", "keystored.map", "netstackd.elf",
         "netstackd.map", "dsoftbusd.elf", "dsoftbusd.map", "production/keystored.elf", "production/keystored.map",
         "production/neuron.elf", "production/neuron.map", "production/manifest.c"]
UNUSED_IN_PRODUCTION = ("keystored.elf", "keystored.map")
OBJCOPY = "riscv64-unknown-elf-objcopy"
BASELINE = tempfile.TemporaryDirectory()


class Copy:
    """A copy of what the production image is made of, to be damaged."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.os = os.path.join(self.directory.name, "os")
        shutil.copytree(BASELINE.name, self.os)
        return self

    def __exit__(self, *_):
        self.directory.cleanup()

    def path(self, name):
        return os.path.join(self.os, name)

    def append(self, name, data):
        with open(self.path(name), "ab") as f:
            f.write(data)

    def edit(self, name, old, new):
        with open(self.path(name), encoding="utf-8") as f:
            text = f.read()
        assert re.search(old, text), old
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(re.sub(old, new, text))

    def add_symbol(self, name, symbol):
        """Adds the symbol to the ELF file, and keeps the image consistent with it."""
        before = open(self.path(name), "rb").read()
        subprocess.run([OBJCOPY, "--add-symbol", f"{symbol}=0,function", self.path(name)], check=True)
        if name != "production/neuron.elf":
            assert before != open(self.path(name), "rb").read()
            self.append("production/neuron.elf", open(self.path(name), "rb").read())

    def gate(self, image="production"):
        done = subprocess.run([sys.executable, os.path.join(ROOT, "scripts/check-image"), self.os, image],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def fails(damage, expected):
    with Copy() as copy:
        damage(copy)
        status, output = copy.gate()
        assert status != 0, f"passed: {output}"
        assert expected in output, f"{expected!r} is not in {output!r}"


def test_undamaged_copy_passes():
    with Copy() as copy:
        status, output = copy.gate()
        assert status == 0, output


def test_fails_closed_on_what_it_cannot_read():
    for name in FILES:
        if name in UNUSED_IN_PRODUCTION:
            continue
        fails(lambda c, name=name: os.remove(c.path(name)), "")
        fails(lambda c, name=name: open(c.path(name), "wb").close(), "")
    for name in ("init.elf", "production/neuron.elf", "libnoise.a"):
        fails(lambda c, name=name: open(c.path(name), "wb").write(b"not an image"), "")


def test_stripped_image_fails():
    fails(lambda c: subprocess.run([OBJCOPY, "--strip-all", c.path("production/neuron.elf")], check=True), "symbols")


def test_image_with_another_process_than_on_disk_fails():
    fails(lambda c: c.append("init.elf", b"x"), "does not contain")


def test_foreign_objects_and_archives_fail():
    for name in ("/usr/lib/libc.a", "build/os/libnoise.a", "build/os/services/init/main.o", "build/os/liblwip.a"):
        fails(lambda c, name=name: c.append("production/neuron.map", f"\nLOAD {name}\n".encode()), "not on the list")
    for name in ("build/os/liblwip.a", "build/os/services/netstackd/main.o", "/usr/lib/libc.a", "build/os/tests/x.o",
                 "build/os/kernel/main.o"):
        fails(lambda c, name=name: c.append("dsoftbusd.map", f"\nLOAD {name}\n".encode()), "not on the list")


def test_crypto_network_and_heap_in_the_kernel_fail():
    for symbol in ("x25519_base", "blake2s_init", "chacha20_xor", "tcp_input", "pbuf_alloc", "malloc", "printf", "netif_add"):
        fails(lambda c, symbol=symbol: c.add_symbol("production/neuron.elf", symbol), "in the kernel")


def test_libc_and_heap_in_a_process_fail():
    for symbol in ("malloc", "free", "printf", "snprintf", "_impure_ptr", "abort"):
        fails(lambda c, symbol=symbol: c.add_symbol("dsoftbusd.elf", symbol), "libc or heap")


def test_seed_option_and_derivation_in_production_fail():
    for symbol in ("seed_option", "derive_test_secret", "bringup_key", "attacker_key"):
        fails(lambda c, symbol=symbol: c.add_symbol("production/keystored.elf", symbol), "not for production")


def test_keystored_of_the_lab_in_production_fails():
    def damage(copy):
        for kind in ("elf", "map"):
            shutil.copy(os.path.join(REAL, f"keystored.{kind}"), copy.path(f"production/keystored.{kind}"))
        copy.append("production/neuron.elf", open(copy.path("production/keystored.elf"), "rb").read())
    fails(damage, "not for production")


def test_bringup_keys_in_production_fail_in_every_form():
    for tag in (0xA0, 0x5B):
        secret = bringup.derive_test_secret(tag, 34567)
        for key in (secret, bringup.x25519_public(secret)):
            for planted in (key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key),
                            base64.b64encode(b"x" + key), base64.b64encode(b"xy" + key)):
                fails(lambda c, planted=planted: c.append("production/neuron.elf", b"\0" + planted), "bring-up key")


def test_selftest_text_in_production_fails():
    fails(lambda c: c.append("production/neuron.elf", b"SELFTEST: end"), "SELFTEST")


def test_archive_that_needs_more_than_memory_calls_fails():
    def damage(copy):
        source = os.path.join(copy.directory.name, "x.c")
        with open(source, "w", encoding="utf-8") as f:
            f.write("void *malloc(unsigned long);\nvoid *noise_x(void);\nvoid *noise_x(void) { return malloc(1); }\n")
        subprocess.run(["riscv64-unknown-elf-gcc", "-march=rv64imac", "-mabi=lp64", "-c", "-o", source + ".o", source], check=True)
        subprocess.run(["riscv64-unknown-elf-ar", "q", copy.path("libnoise.a"), source + ".o"], check=True)
    fails(damage, "needs malloc")


def test_a_lab_image_without_the_option_shows_a_blind_gate():
    with Copy() as copy:
        shutil.copytree(copy.path("production"), copy.path("lab"))
        copy.edit("lab/neuron.map", r"os/production/manifest\.o", "os/lab/manifest.o")
        status, output = copy.gate("lab")
        assert status != 0 and "would not recognise" in output, output


if __name__ == "__main__":
    for file in FILES:
        os.makedirs(os.path.dirname(os.path.join(BASELINE.name, file)), exist_ok=True)
        shutil.copy(os.path.join(REAL, file), os.path.join(BASELINE.name, file))
    tap.main(sys.modules[__name__])
