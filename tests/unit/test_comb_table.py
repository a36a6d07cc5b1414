# SPDX-License-Identifier: Apache-2.0
# The tables of the fixed-base combs: as their tool makes them, and right by the Montgomery ladder, which the tool does not use.
import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests"))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import comb_table
import tap

TABLE = os.path.join(ROOT, "noise", "x25519_comb_table.h")
LANES_TABLE = os.path.join(ROOT, "noise", "x25519_lanes_table.c")
P = 2**255 - 19
D = 37095705934669439343138083508754565189542113879843219016388785533085940283555  # RFC 8032 5.1


def committed(path=TABLE):
    with open(path, encoding="ascii") as f:
        return f.read()


def entries(text):
    """Three coordinates for each entry, in order."""
    words = [int(word, 16) for word in re.findall(r"0x([0-9a-f]{16})", text)]
    numbers = [sum(word << 64 * i for i, word in enumerate(words[at:at + 4])) for at in range(0, len(words), 4)]
    return [tuple(numbers[at:at + 3]) for at in range(0, len(numbers), 3)]


def ladder(n, u):
    """RFC 7748 5, without its clamping."""
    x2, z2, x3, z3 = 1, 0, u, 1
    for i in reversed(range(n.bit_length())):
        if n >> i & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        x3, z3 = (da + cb)**2 % P, u * (da - cb)**2 % P
        x2, z2 = aa * bb % P, (aa - bb) * (aa + 121665 * (aa - bb)) % P
        if n >> i & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return x2 * pow(z2, -1, P) % P


def wrong(numbers, factor):
    """What is wrong with an entry, or None."""
    total, difference, product = numbers
    half = pow(2, -1, P)
    x, y = (total - difference) * half % P, (total + difference) * half % P
    if max(numbers) >= P:
        return "not reduced"
    if (y * y - x * x - 1 - D * x * x * y * y) % P != 0:
        return "not on the curve"
    if product != 2 * D * x * y % P:
        return "wrong product"
    if (1 + y) * pow(1 - y, -1, P) % P != ladder(factor, 9):
        return "another point"
    return None


def factor_of(number):
    """What entry `number` of the table multiplies the base point by."""
    block, entry = divmod(number, 8)
    signs = [1 if entry >> tooth & 1 else -1 for tooth in range(3)] + [1]
    return sum(sign << 16 * tooth for tooth, sign in enumerate(signs)) << 64 * block


def test_the_tool_makes_the_committed_table():
    made = subprocess.run([sys.executable, comb_table.__file__], check=True, capture_output=True, text=True).stdout
    assert made == committed(), "noise/x25519_comb_table.h is not what scripts/comb_table.py writes"


def test_every_entry_is_its_point():
    found = entries(committed())
    assert len(found) == 32 and 3 * 32 * len(found) <= 6 * 1024
    for number, entry in enumerate(found):
        assert wrong(entry, factor_of(number)) is None, (number, wrong(entry, factor_of(number)))


def lanes_entries(text):
    """The same of the table whose rows are a word in each of four lanes: block, entry and lane in order."""
    words = [int(word, 16) for word in re.findall(r"0x([0-9a-f]{16})", text)]
    for at in range(0, len(words), 48):
        numbers = [[sum(words[at + 16 * i + 4 * j + lane] << 64 * j for j in range(4)) for i in range(3)] for lane in range(4)]
        yield from (tuple(three) for three in numbers)


def lanes_factor_of(number):
    block, entry, lane = number // 32, number // 4 % 8, number % 4
    signs = [1 if entry >> tooth & 1 else -1 for tooth in range(3)] + [1]
    return sum(sign << 2 * tooth for tooth, sign in enumerate(signs)) << 64 * lane + 8 * block


def test_the_tool_makes_the_committed_table_for_lanes():
    made = subprocess.run([sys.executable, comb_table.__file__, "lanes"], check=True, capture_output=True, text=True).stdout
    assert made == committed(LANES_TABLE), "noise/x25519_lanes_table.c is not what scripts/comb_table.py lanes writes"


def test_every_entry_for_lanes_is_its_point():
    found = list(lanes_entries(committed(LANES_TABLE)))
    assert len(found) == 8 * 8 * 4
    for number, entry in enumerate(found):
        assert wrong(entry, lanes_factor_of(number)) is None, (number, wrong(entry, lanes_factor_of(number)))


def test_a_wrong_entry_is_noticed():
    total, difference, product = entries(committed())[5]
    other = entries(committed())[6]
    for bad in ((total ^ 1, difference, product), (total, difference, product ^ 2), (total, difference, product + P), other):
        assert wrong(bad, factor_of(5)) is not None, bad


if __name__ == "__main__":
    tap.main(sys.modules[__name__])
