#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Turns the published test data into one binary file that a program without a parser, a libc or a file system can run:
# tests/vectors/published.c says how it is laid out.
"""usage: published.py DIRECTORY OUT [--iterations N] [--only KIND] [--damage KIND]

--iterations N   also the chain of RFC 7748 5.2, N long (1, 1000 or 1000000)
--only KIND      only those of one kind
--damage KIND    one bit of one expected result is wrong, or one verdict: x25519, low-order, aead, forgery, blake2s, noise or
                 iterated. A run that still passes looks at nothing."""
import json
import os
import struct
import sys

MAGIC = b"NXKDATA1"
KINDS = {"x25519": 1, "aead": 2, "blake2s": 3, "noise": 4, "iterated": 5}
GOOD, REFUSED = 0, 1
NONCE_LEN = 12
PROTOCOL = "Noise_XK_25519_ChaChaPoly_BLAKE2s"
# RFC 7748 5.2
ITERATED = {
    1: "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
    1000: "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51",
    1000000: "7c3911e0ab2586fd864497297e575e6f3bc601c0883c30df5f4dd2d24f665424",
}


def record(kind, verdict, number, *fields):
    data = [bytes.fromhex(f) if isinstance(f, str) else f for f in fields]
    return [KINDS[kind], verdict, number, data]


def wycheproof(directory, name):
    with open(os.path.join(directory, "wycheproof", name), encoding="utf-8") as f:
        root = json.load(f)
    tests = [t for group in root["testGroups"] for t in group["tests"]]
    if len(tests) != root["numberOfTests"]:
        sys.exit(f"published: {name} says {root['numberOfTests']} tests and has {len(tests)}")
    return tests


def x25519(directory):
    for t in wycheproof(directory, "x25519_test.json"):
        # Points on the twist, not reduced or of low order are "acceptable"; we take them, except for an all-zero product.
        if t["result"] not in ("valid", "acceptable"):
            sys.exit(f"published: x25519 case {t['tcId']} has the verdict {t['result']}")
        verdict = REFUSED if set(t["shared"]) == {"0"} else GOOD
        if (verdict == REFUSED) != ("ZeroSharedSecret" in t["flags"]):
            sys.exit(f"published: x25519 case {t['tcId']}: flags and result differ")
        yield record("x25519", verdict, t["tcId"], t["private"], t["public"], t["shared"])


def aead(directory, left_out):
    for t in wycheproof(directory, "chacha20_poly1305_test.json"):
        if len(t["iv"]) != 2 * NONCE_LEN:
            if t["result"] != "invalid":
                sys.exit(f"published: aead case {t['tcId']}: a nonce of another length is called valid")
            left_out.append(t["tcId"])
            continue
        verdict = {"valid": GOOD, "invalid": REFUSED}[t["result"]]
        yield record("aead", verdict, t["tcId"], t["key"], t["iv"], t["aad"], t["msg"], t["ct"], t["tag"])


def blake2s(directory):
    case = {}
    number = 0
    with open(os.path.join(directory, "blake2s-kat.txt"), encoding="ascii") as f:
        for line in f:
            name, _, value = line.rstrip("\r\n").partition(":")
            case[name] = value.strip()
            if name == "hash":
                number += 1
                yield record("blake2s", GOOD, number, case["key"], case["in"], case["hash"])
                case = {}


def noise(directory):
    with open(os.path.join(directory, "snow-xk.json"), encoding="utf-8") as f:
        entries = json.load(f)["vectors"]
    for number, e in enumerate(e for e in entries if e["protocol_name"] == PROTOCOL):
        messages = [field for m in e["messages"] for field in (m["payload"], m["ciphertext"])]
        yield record("noise", GOOD, number + 1, e["init_static"], e["init_ephemeral"], e["resp_static"], e["resp_ephemeral"],
                     e["init_remote_static"], e["init_prologue"], e["resp_prologue"], e.get("handshake_hash", ""), *messages)


def flip(data):
    return bytes([data[0] ^ 1]) + data[1:]


def damage(records, what):
    """What is expected of one case is no longer true."""
    kind, verdict = {"low-order": ("x25519", REFUSED), "forgery": ("aead", REFUSED)}.get(what, (what, GOOD))
    chosen = [r for r in records if r[0] == KINDS.get(kind) and r[1] == verdict]
    if not chosen:
        sys.exit(f"published: no case '{what}' to damage")
    victim = chosen[len(chosen) // 2]
    if verdict == REFUSED:
        victim[1] = GOOD
    else:
        victim[3][-1] = flip(victim[3][-1])


def encode(records):
    counts = [sum(r[0] == kind for r in records) for kind in KINDS.values()]
    cases = b""
    for kind, verdict, number, fields in records:
        cases += struct.pack("<BBHI", kind, verdict, len(fields), number)
        for field in fields:
            cases += struct.pack("<I", len(field)) + field
    length = len(MAGIC) + 4 + 4 * len(counts) + len(cases)
    return MAGIC + struct.pack(f"<{1 + len(counts)}I", length, *counts) + cases


def main():
    arguments = sys.argv[1:]
    options = {}
    while len(arguments) > 2 and arguments[2] in ("--iterations", "--only", "--damage") and len(arguments) > 3:
        options[arguments[2]] = arguments[3]
        del arguments[2:4]
    if len(arguments) != 2:
        sys.exit(__doc__)
    directory, out = arguments
    left_out = []
    records = [*x25519(directory), *aead(directory, left_out), *blake2s(directory), *noise(directory)]
    if "--iterations" in options:
        n = int(options["--iterations"])
        records.append(record("iterated", GOOD, n, ITERATED[n]))
    if "--only" in options:
        records = [r for r in records if r[0] == KINDS[options["--only"]]]
    if "--damage" in options:
        damage(records, options["--damage"])
    with open(out, "wb") as f:
        f.write(encode(records))
    print(f"published: {len(records)} cases; {len(left_out)} of the AEAD have a nonce that is not {NONCE_LEN} bytes long, "
          "for which there is no call")


if __name__ == "__main__":
    main()
