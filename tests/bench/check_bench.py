#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# noise-bench runs and its report is complete. Never a speed: that is for a quiet machine and for people to read.
"""NOISE_BENCH names the program."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

RATIOS = ["handshake_single", "handshake_avx2", "handshake_batch8", "x25519", "x25519_base",
          "transport_64", "transport_1024", "transport_16384", "transport_65519", "handshake_portable"]
OTHERS = ["ns_" + name for name in
          ["handshake_single", "handshake_avx2", "handshake_batch8", "handshake_batch64", "handshake_batch8_avx2",
           "handshake_portable", "responder", "x25519", "x25519_batch8", "x25519_base",
           "sodium_x25519", "sodium_x25519_base", "openssl_x25519", "blake2s_block", "openssl_blake2s_block",
           "chacha20_16384", "hkdf", "random_32"]]
OTHERS += [f"{unit}_{library}transport_{length}" for unit in ("ns", "mbps") for library in ("", "openssl_", "sodium_")
           for length in (64, 1024, 16384, 65519)]
TEXTS = ["cpu_features", "compiler", "openssl", "libsodium"]
BENCH = os.environ["NOISE_BENCH"]


def run(*arguments):
    return subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=120, check=False)


def report():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "bench.json")
        result = run("--rounds", "9", "--slice", "0", "--json", path)
        assert result.returncode == 0, result.stderr
        with open(path, encoding="utf-8") as f:
            return result.stdout, json.load(f)


def test_report_is_complete():
    table, figures = report()
    assert list(figures)[:len(RATIOS)] == RATIOS, "the ratios come first, in their order"
    for key in RATIOS:
        if figures[key] is None:
            assert figures[f"{key}_missing"] and figures[f"{key}_without"] > 0, key
        else:
            assert figures[key] > 0 and f"{key}_missing" not in figures, key
    for key in OTHERS:
        assert figures[key] > 0, key
    for key in TEXTS:
        assert isinstance(figures[key], str), key
    assert figures["rounds"] == 9
    assert all(not isinstance(value, (dict, list)) for value in figures.values()), "one flat object"
    assert "transport, 65519 bytes" in table and "x OpenSSL EVP" in table


def test_bad_arguments_are_refused():
    for arguments in (["--rounds", "8"], ["--rounds", "1000"], ["--rounds", "9x"], ["--rounds", "-9"], ["--rounds"],
                      ["--slice", "1001"], ["--json"], ["--speed", "1"], ["9"]):
        result = run(*arguments)
        assert result.returncode == 2, arguments
        assert "usage: noise-bench" in result.stderr, arguments


def test_help():
    result = run("--help")
    assert result.returncode == 0 and result.stdout.startswith("usage: noise-bench")


def test_report_that_cannot_be_written():
    result = run("--slice", "0", "--json", "/nonexistent/bench.json")
    assert result.returncode == 1 and "/nonexistent/bench.json failed" in result.stderr, result.stderr


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
