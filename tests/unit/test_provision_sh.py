#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# scripts/provision.sh and scripts/bringup.py: what they write, what they refuse, and that they print no key.
import os
import re
import stat
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests"))
sys.path.insert(0, os.path.join(TOP, "scripts"))
import bringup
import tap

NOTICE = "# SECURITY: bring-up test keys, NOT production custody\n"


def provision(*arguments):
    return subprocess.run([os.path.join(TOP, "scripts/provision.sh"), *arguments], capture_output=True, text=True,
                          check=False)


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def fields(text):
    return dict(line.split(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))


def test_derivation_gives_the_published_keys():
    # WIRE section 3.
    known = {(0xA0, 34567): "a7307a497a2229df9f68633e0dc4db960c3562fd9bfcc4f90af11b7f90955a2d",
             (0xB0, 34567): "c4fdc18609856d72ccc9c4c2144aefa8294393b0d41ad3c4c87951feea73d17d",
             (0xC0, 34567): "14296d8f135885ebb59c11c0ab4189862fb7c1f865bdb332f9ff44fa8aeeda5d",
             (0xD0, 34567): "24260eb6eddf8284e4cb6e9169ce2e0ba1b21c5c3bed796e41a8853b82abaa4d",
             (0xD1, 34568): "ba9f625f38c5663d272ae4ad91849d9fd075b2c95bbb7dee6b3d799db77e4526"}
    for (tag, port), public in known.items():
        assert bringup.x25519_public(bringup.derive_test_secret(tag, port)).hex() == public


def test_bringup_files():
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "new")
        run = provision("--bringup", "--out", out)
        assert run.returncode == 0, run.stderr
        a, b = read(out, "dsoftbusd"), read(out, "selftest-client")
        assert a.decode().startswith(NOTICE) and b.decode().startswith(NOTICE)
        assert fields(a)["id"] == "node-a" and fields(a)["port"] == "34567"
        assert fields(b)["id"] == "node-b" and fields(b)["port"] == "34568"
        assert fields(a)["peer"].endswith(" dial") and not fields(b)["peer"].endswith("dial")
        for own, other in ((a, b), (b, a)):
            public = bringup.x25519_public(bytes.fromhex(fields(own)["static"])).hex()
            assert fields(other)["peer"].split()[1] == public
        assert fields(a)["seed"] != fields(b)["seed"]


def test_fresh_keys_belong_together_and_are_fresh():
    seen = set()
    with tempfile.TemporaryDirectory() as d:
        for i in range(2):
            run = provision("--out", f"{d}/{i}", "--a", "left", "--b", "right.1", "--seed")
            assert run.returncode == 0, run.stderr
            a, b = read(d, str(i), "left", "dsoftbusd"), read(d, str(i), "right.1", "dsoftbusd")
            for own, other in ((a, b), (b, a)):
                static = fields(own)["static"]
                assert re.fullmatch("[0-9a-f]{64}", static) and re.fullmatch("[0-9a-f]{64}", fields(own)["seed"])
                public = bringup.x25519_public(bytes.fromhex(static)).hex()
                assert fields(other)["peer"].split()[:2] == [fields(own)["id"], public]
                seen |= {static, fields(own)["seed"]}
                assert static not in run.stdout + run.stderr
    assert len(seen) == 8
    assert not any(bringup.derive_test_secret(tag, 34567).hex() in seen for tag in range(256))


def test_production_files_bring_no_seed():
    with tempfile.TemporaryDirectory() as d:
        assert provision("--out", d, "--a", "a", "--b", "b").returncode == 0
        assert "seed" not in fields(read(d, "a", "dsoftbusd")) and "seed" not in fields(read(d, "b", "dsoftbusd"))


def test_files_are_the_owners_alone():
    with tempfile.TemporaryDirectory() as d:
        for arguments in (("--out", f"{d}/f", "--a", "a", "--b", "b"), ("--bringup", "--out", f"{d}/t"),
                          ("--bundle", f"{d}/t", "--out", f"{d}/t.splash")):
            run = provision(*arguments)
            assert run.returncode == 0, run.stderr
            for path in run.stdout.split():
                assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path


def test_nothing_is_overwritten():
    with tempfile.TemporaryDirectory() as d:
        arguments = ("--out", d, "--a", "a", "--b", "b")
        assert provision(*arguments).returncode == 0
        before = read(d, "a", "dsoftbusd"), read(d, "b", "dsoftbusd")
        os.remove(os.path.join(d, "a", "dsoftbusd"))  # one of the two is enough
        run = provision(*arguments)
        assert run.returncode != 0 and "not overwritten" in run.stderr
        assert read(d, "b", "dsoftbusd") == before[1] and not os.path.exists(os.path.join(d, "a", "dsoftbusd"))
        os.symlink("/nonexistent", os.path.join(d, "dsoftbusd"))
        assert provision("--bringup", "--out", d).returncode != 0


def test_a_bundle_holds_the_files():
    with tempfile.TemporaryDirectory() as d:
        provision("--bringup", "--out", f"{d}/t")
        assert provision("--bundle", f"{d}/t", "--out", f"{d}/b").returncode == 0
        expected = b"\xff\xd8\n# provisioning of DSoftBus processes\n" + b"".join(b"process %s\n" % name.encode() + read(d, "t", name)
                                            for name in ("dsoftbusd", "selftest-client"))
        assert read(d, "b") == expected
        assert provision("--bundle", f"{d}/t", "--out", f"{d}/b").returncode != 0


def test_refused_arguments():
    with tempfile.TemporaryDirectory() as d:
        for arguments in ((), ("--out", d), ("--out", d, "--a", "x"), ("--out", d, "--a", "x", "--b", "x"),
                          ("--out", d, "--a", "../x", "--b", "y"), ("--out", d, "--a", "", "--b", "y"),
                          ("--out", d, "--a", "x y", "--b", "y"), ("--out", d, "--a", "x" * 65, "--b", "y"),
                          ("--out", d, "--a", "x/y", "--b", "z"), ("--bringup",), ("--out",), ("--key", "00"),
                          ("--bringup", "--out", d, "--a", "x")):
            run = provision(*arguments)
            assert run.returncode != 0 and run.stderr.startswith("provision.sh: "), arguments
            assert os.listdir(d) == [], arguments
    assert provision("--help").returncode == 0 and "usage:" in provision("--help").stdout


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
