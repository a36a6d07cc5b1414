#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Proves, for all inputs, what noise/fe25519.h, fe25519_invert.c, x25519_ladder.c, x25519_comb.c and poly1305.c say of their
# arithmetic: no word overflows where that would matter, results keep their bounds, and are what they should be modulo the
# prime. TAP.
#
# What is looked at is LLVM's code for the routines (routines.c), after inlining and before any other optimisation: each step
# of the source is there, and signed arithmetic is marked. exact.py and llvm.py say how. At the end the same proofs are tried
# on routines with one mistake each, and have to fail.
"""usage: prove.py MODULE LIBRARY    (routines.c as LLVM's code, .ll, and as a shared library)"""
import ctypes
import os
import random
import re
import sys

import z3
from exact import Poly, Unproved, World, evaluate
from llvm import Machine, Module

LIMBS, LIMB_BITS = 5, 51
P25519 = 2**255 - 19
P1305 = 2**130 - 5
TIGHT = (-(2**11), 2**51 + 2**11)
LOOSE = (-(2**53), 2**53)
SUM = (-(2**52) - 2**12, 2**52 + 2**12)  # of two tight ones
A24 = 121665
Z3_TIMEOUT_MS = 120000


def put(machine, base, names, width, bounds, offset=0):
    """Variables in memory, one after the other; gives their polynomials."""
    words = [machine.world.variable(name, *bounds) for name in names]
    for i, poly in enumerate(words):
        machine.memory[base, offset + i * width] = (width, machine.word(poly, 8 * width))
    return words


def put_element(machine, base, name, bounds, offset=0):
    return put(machine, base, [f"{name}{i}" for i in range(LIMBS)], 8, bounds, offset)


def get(machine, base, count, width, offset=0):
    words = []
    for i in range(count):
        size, word = machine.memory.get((base, offset + i * width), (None, None))
        if size != width:
            raise Unproved(f"result {i} was not stored")
        words.append(word)
    return words


def value(polys, bits=LIMB_BITS):
    """The number that limbs or bytes stand for."""
    total = Poly({})
    for i, poly in enumerate(polys):
        total = total + poly.scaled(1 << bits * i)
    return total


def signed_limbs(machine, base, bounds, offset=0):
    """The limbs of an element, after a proof that each is within bounds."""
    limbs = []
    for word in get(machine, base, LIMBS, 8, offset):
        poly = machine.signed(word, "a limb")
        low, high = word.range
        if low < bounds[0] or high > bounds[1]:
            raise Unproved(f"a limb is in {low} .. {high}, not in {bounds[0]} .. {bounds[1]}")
        limbs.append(poly)
    return limbs


def expect(condition, what):
    if not condition:
        raise Unproved(what)


# --- Field arithmetic. `alias` names the arguments that are the same memory, such as "rab".

def binary(module, function, before, after, combine, alias=""):
    world = World()
    machine = Machine(module, world)
    where = {x: alias if x in alias else x for x in "rab"}
    a = put_element(machine, where["a"], "a", before)
    b = a if where["a"] == where["b"] else put_element(machine, where["b"], "b", before)
    machine.run(function, [(where[x], 0) for x in "rab"])
    result = signed_limbs(machine, where["r"], after)
    expect(value(result).congruent(combine(value(a), value(b)), P25519), "another value")


def square(module, alias=""):
    machine = Machine(module, World())
    where = {x: alias if x in alias else x for x in "ra"}
    a = put_element(machine, where["a"], "a", LOOSE)
    machine.run("prove_square", [(where[x], 0) for x in "ra"])
    result = signed_limbs(machine, where["r"], TIGHT)
    expect(value(result).congruent(value(a) * value(a), P25519), "another value")


def mul_small_add(module, alias="", factor=(1, 2**17 - 1)):
    machine = Machine(module, World())
    where = {x: alias if x in alias else x for x in "rab"}
    a = put_element(machine, where["a"], "a", SUM)
    b = put_element(machine, where["b"], "b", TIGHT)
    (n,) = put(machine, "n", ["n"], 4, factor)
    machine.run("prove_mul_small_add", [(where["r"], 0), (where["a"], 0), ("n", 0), (where["b"], 0)])
    result = signed_limbs(machine, where["r"], LOOSE)
    expect(value(result).congruent(value(b) + n * value(a), P25519), "another value")


def from_bytes(module):
    machine = Machine(module, World())
    octets = put(machine, "in", [f"b{i:02}" for i in range(32)], 1, (0, 255))
    machine.run("prove_from_bytes", [("r", 0), ("in", 0)])
    result = signed_limbs(machine, "r", (0, 2**51 - 1))
    top = machine.world.split(octets[31], 7).scaled(2**255)
    expect(value(result).congruent(value(octets, 8) - top, 2**300), "another value")


def relevant(world, polys):
    """The variables that these polynomials depend on, and the definitions among them."""
    names = {name for poly in polys for monomial in poly.terms for name in monomial}
    definitions = []
    for poly, k, q in reversed(world.definitions):  # a definition uses earlier variables alone
        if next(iter(q.terms))[0] in names:
            definitions.append((poly, k, q))
            names |= {name for monomial in poly.terms for name in monomial}
    return names, definitions


def ask_z3(world, polys, claim):
    """Whether values of the variables, within their bounds and definitions, fulfil claim(*polys)."""
    names, definitions = relevant(world, polys)
    number = {name: z3.Int(name) for name in sorted(names)}

    def linear(poly):
        expect(all(len(m) <= 1 for m in poly.terms), "not linear")
        return z3.Sum([number[m[0]] * c if m else z3.IntVal(c) for m, c in poly.terms.items()])
    solver = z3.Solver()
    solver.set("timeout", Z3_TIMEOUT_MS)
    for name in number:
        low, high = world.ranges[name]
        solver.add(number[name] >= low, number[name] <= high)
    for poly, k, q in definitions:
        rest = linear(poly - q.scaled(1 << k))
        solver.add(rest >= 0, rest < 1 << k)
    solver.add(claim(*map(linear, polys)))
    return solver.check()


def impossible(world, polys, claim):
    return ask_z3(world, polys, claim) == z3.unsat


def within_by_z3(world):
    def within(poly, low, high):
        proved = impossible(world, [poly], lambda x: z3.Or(x < low, x > high))
        if proved:
            world.proved[poly.key()] = low, high
        return proved
    return within


def simplified(world, poly):
    """The same number, with floors for which z3 shows that an earlier one of as many bits is the same written as that one."""
    for i in range(len(world.definitions) - 1, -1, -1):
        _, k, q = world.definitions[i]
        factor = poly.terms.get(next(iter(q.terms)), 0)
        earlier = [other for _, bits, other in world.definitions[:i] if bits == k]
        if factor and earlier and impossible(world, [q, earlier[-1]], lambda x, y: x != y):
            poly = poly + (earlier[-1] - q).scaled(factor)
    return poly


def to_bytes(module):
    """The bounds by polynomials; that the result is the one below p, by z3."""
    world = World(chains=True)
    machine = Machine(module, world, within=within_by_z3(world))
    a = put_element(machine, "a", "a", LOOSE)
    machine.run("prove_to_bytes", [("out", 0), ("a", 0)])
    out = value([machine.unsigned(word) for word in get(machine, "out", 4, 8)], 64)
    out = simplified(world, out)
    # What is neither the result nor a multiple of p is zero.
    difference = value(a) - out
    multiple = Poly({m: (c + P25519 // 2) // P25519 for m, c in difference.terms.items()})
    rest = difference - multiple.scaled(P25519)
    expect(impossible(world, [rest], lambda x: x != 0), "z3 does not show that the value is kept")
    expect(impossible(world, [out], lambda x: z3.Or(x < 0, x >= P25519)), "z3 does not show that it is below p")
    everything = [q for _, _, q in world.definitions]
    expect(ask_z3(world, [out, *everything], lambda x, *_: x == 5) == z3.sat, "the assumptions contradict each other")


# --- The ladder: multiplications by their contract, which is proved above

class Field:
    """What the elements in memory stand for: polynomials over the field in the ladder's inputs."""

    def __init__(self):
        self.elements = {}  # name of the limbs' variables: polynomial

    def new(self, machine, base, offset, meaning, bounds=TIGHT):
        name = f"e{len(self.elements)}_"
        self.elements[name] = meaning
        put_element(machine, base, name, bounds, offset)

    def meaning(self, limbs):
        """A sum of known elements: modulo p, limb i of each must count 2^51i times as much as its limb 0."""
        total, meaning = value(limbs), Poly({})
        for name, known in self.elements.items():
            factor = total.terms.get((f"{name}0",), 0)
            total = total - value([Poly.variable(f"{name}{i}") for i in range(LIMBS)]).scaled(factor)
            meaning = meaning + known.scaled(factor)
        expect(total.divisible(P25519), "not a sum of elements")
        return meaning

    def multiply(self, machine, r, a, b):
        x, y = (self.meaning(signed_limbs(machine, base, LOOSE, offset)) for base, offset in (a, b))
        self.new(machine, *r, x * y)


def field_machine(module):
    field = Field()
    return Machine(module, World(), {
        "fe_mul_call": field.multiply,
        "fe_square_call": lambda machine, r, a: field.multiply(machine, r, a, a),
    }), field


def ladder_machine(module):
    machine, field = field_machine(module)
    for i, name in enumerate(("px", "pz", "qx", "qz", "x1")):
        field.new(machine, "l", 40 * i, Poly.variable(name), (0, 2**51 - 1) if name == "x1" else TIGHT)
    return machine, field


def result_is(machine, field, base, offset, expected, what):
    got = field.meaning(signed_limbs(machine, base, TIGHT, offset))
    expect(got.congruent(expected, P25519), f"{what} is another polynomial")


def doubled(x, z):
    """RFC 7748 5: x_2 and z_2."""
    aa, bb = (x + z) * (x + z), (x - z) * (x - z)
    e = aa - bb
    return aa * bb, e * (aa + e.scaled(A24))


def step(module, mask):
    machine, field = ladder_machine(module)
    machine.run("prove_step", [("l", 0), machine.number(mask, 64)])
    px, pz, qx, qz, x1 = map(Poly.variable, ("px", "pz", "qx", "qz", "x1"))
    da, cb = (qx - qz) * (px + pz), (qx + qz) * (px - pz)
    double_x, double_z = doubled(*((qx, qz) if mask else (px, pz)))
    result_is(machine, field, "l", 0, double_x, "x of the double")
    result_is(machine, field, "l", 40, double_z, "z of the double")
    result_is(machine, field, "l", 80, (da + cb) * (da + cb), "x of the sum")
    result_is(machine, field, "l", 120, x1 * (da - cb) * (da - cb), "z of the sum")


def double(module):
    machine, field = ladder_machine(module)
    machine.run("prove_double", [("l", 0)])
    double_x, double_z = doubled(Poly.variable("px"), Poly.variable("pz"))
    result_is(machine, field, "l", 0, double_x, "x")
    result_is(machine, field, "l", 40, double_z, "z")


# --- The comb, in the same way: the formulas of Hisil, Wong, Carter and Dawson (2008) for a = -1

COMB = {"x": 0, "y": 40, "z": 80, "t": 120, "sum": 160, "difference": 200, "product": 240}  # offsets in struct comb


def comb_machine(module):
    machine, field = field_machine(module)
    for name, offset in COMB.items():
        field.new(machine, "c", offset, Poly.variable(name), TIGHT if offset < 160 else (-(2**51), 2**51))
    return machine, field


def comb_is(machine, field, e, f, g, h):
    """3.1 and 3.3: X = E F, Y = G H, Z = F G, T = E H."""
    for name, expected in (("x", e * f), ("y", g * h), ("z", f * g), ("t", e * h)):
        result_is(machine, field, "c", COMB[name], expected, f"{name} of the sum")


def comb_add(module):
    machine, field = comb_machine(module)
    machine.run("prove_comb_add", [("c", 0)])
    x, y, z, t, plus, minus, product = map(Poly.variable, COMB)
    a, b, c, d = (y - x) * minus, (y + x) * plus, t * product, z + z
    comb_is(machine, field, b - a, d - c, d + c, b + a)


def comb_twice(module):
    machine, field = comb_machine(module)
    machine.run("prove_comb_twice", [("c", 0)])
    x, y, z = map(Poly.variable, "xyz")
    a, b, c = x * x, y * y, (z * z).scaled(2)
    e, g = (x + y) * (x + y) - a - b, b - a
    comb_is(machine, field, e, g - c, g, (a + b).scaled(-1))


# --- Inversion: what the matrix of 60 division steps is applied to

ROW = (-(2**60), 2**60)  # more than there is: |u| + |v| <= 2^60
WIDE_BITS = 60


def field_update(module, alias=""):
    machine = Machine(module, World())
    where = {x: alias if x in alias else x for x in "rde"}
    u, v = put(machine, "row", ["u", "v"], 8, ROW)
    d, e = (put_element(machine, where[name], name, TIGHT) for name in "de")
    machine.run("prove_field_update", [(where["r"], 0), ("row", 0), (where["d"], 0), (where["e"], 0)])
    result = signed_limbs(machine, where["r"], TIGHT)
    expect(value(result).congruent(u * value(d) + v * value(e), P25519), "another value")


def wide_update(module, alias=""):
    """floor((u f + v g) / 2^60), to the last bit."""
    world = World()
    machine = Machine(module, world)
    where = {x: alias if x in alias else x for x in "rfg"}
    u, v = put(machine, "row", ["u", "v"], 8, ROW)
    numbers = []
    for name in "fg":
        low = put(machine, where[name], [f"{name}{i}" for i in range(4)], 8, (0, 2**WIDE_BITS - 1))
        numbers.append(low + put(machine, where[name], [f"{name}4"], 8, (-(2**16), 2**16), 32))
    f, g = numbers
    machine.run("prove_wide_update", [(where["r"], 0), ("row", 0), (where["f"], 0), (where["g"], 0)])
    result = [machine.signed(word, "a limb") for word in get(machine, where["r"], 5, 8)]
    lowest = u * f[0] + v * g[0]
    rest = lowest - world.split(lowest, WIDE_BITS).scaled(2**WIDE_BITS)
    expected = u * value(f, WIDE_BITS) + v * value(g, WIDE_BITS) - rest
    expect(value(result, WIDE_BITS).scaled(2**WIDE_BITS).key() == expected.key(), "another value")


# --- Poly1305

def absorb(module, h2_max=4):
    machine = Machine(module, World())
    h = put(machine, "h", ["h0", "h1"], 8, (0, 2**64 - 1)) + put(machine, "h", ["h2"], 8, (0, h2_max), 16)
    (r0,) = put(machine, "key", ["r0"], 8, (0, 2**60 - 1))
    quarter = machine.world.variable("r1/4", 0, 2**58 - 1)
    r1 = quarter.scaled(4)  # the clamp
    machine.memory["key", 8] = (8, machine.word(r1, 64))
    machine.memory["key", 16] = (8, machine.word(r1 + quarter, 64))
    m = put(machine, "m", ["m0", "m1"], 8, (0, 2**64 - 1))
    machine.run("prove_absorb", [("h", 0), ("key", 0), ("m", 0)])
    words = get(machine, "h", 3, 8)
    result = [machine.unsigned(word) for word in words]
    expect(words[2].range[0] >= 0 and words[2].range[1] <= 4, f"h2 is in {words[2].range}")
    expected = (value(h, 64) + value(m, 64) + Poly.constant(2**128)) * (r0 + r1.scaled(2**64))
    expect(value(result, 64).congruent(expected, P1305), "another value")


# --- The model against the machine: what the polynomials say, word by word, is what the compiled routine leaves in memory

SHAPES = {  # the arguments of a routine: name, words, their bytes, bounds; the first is where the result goes
    "prove_mul": (("r", 0, 8, None), ("a", 5, 8, LOOSE), ("b", 5, 8, LOOSE)),
    "prove_square": (("r", 0, 8, None), ("a", 5, 8, LOOSE)),
    "prove_add": (("r", 0, 8, None), ("a", 5, 8, TIGHT), ("b", 5, 8, TIGHT)),
    "prove_sub": (("r", 0, 8, None), ("a", 5, 8, TIGHT), ("b", 5, 8, TIGHT)),
    "prove_mul_small_add": (("r", 0, 8, None), ("a", 5, 8, SUM), ("n", 1, 4, (1, 2**17 - 1)), ("b", 5, 8, TIGHT)),
    "prove_from_bytes": (("r", 0, 8, None), ("in", 32, 1, (0, 255))),
    "prove_to_bytes": (("r", 0, 1, None), ("a", 5, 8, LOOSE)),
    "prove_field_update": (("r", 0, 8, None), ("row", 2, 8, ROW), ("d", 5, 8, TIGHT), ("e", 5, 8, TIGHT)),
    "prove_wide_update": (("r", 0, 8, None), ("row", 2, 8, ROW), ("f", 5, 8, (0, 2**60 - 1)), ("g", 5, 8, (0, 2**60 - 1))),
    "prove_absorb": (("h", 3, 8, (0, 4)), ("key", 3, 8, (0, 2**60)), ("m", 2, 8, (0, 2**64 - 1))),
}
MODEL_RUNS = 200


def sample(bounds, source):
    low, high = bounds
    return source.choice((low, high, source.randint(low, high), source.randint(low, high)))


def model(module, library):
    source = random.Random(1)
    for function, shape in SHAPES.items():
        world = World()
        machine = Machine(module, world, within=within_by_z3(world))
        for name, count, width, bounds in shape:
            put(machine, name, [f"{name}{i}" for i in range(count)], width, bounds)
        machine.run(function, [(name, 0) for name, _, _, _ in shape])
        for _ in range(MODEL_RUNS):
            values = {f"{name}{i}": sample(bounds, source) for name, count, _, bounds in shape for i in range(count)}
            buffers = {name: ctypes.create_string_buffer(256) for name, _, _, _ in shape}
            for name, count, width, _ in shape:
                buffers[name][:count * width] = b"".join((values[f"{name}{i}"] % 2**(8 * width)).to_bytes(width, "little")
                                                         for i in range(count))
            getattr(library, function)(*(buffers[name] for name, _, _, _ in shape))
            known = machine.world.assign(values)
            for (name, offset), (size, word) in machine.memory.items():
                if name in buffers:
                    expected = (evaluate(word.poly, known) % 2**(8 * size)).to_bytes(size, "little")
                    expect(buffers[name][offset:offset + size] == expected, f"{function}: {name} at {offset} differs")


# --- What is proved, and what must not be

PROOFS = {
    "mul: in loose, out tight, the product": lambda m: binary(m, "prove_mul", LOOSE, TIGHT, lambda a, b: a * b),
    "mul in place of the first": lambda m: binary(m, "prove_mul", LOOSE, TIGHT, lambda a, b: a * b, "ra"),
    "mul in place of the second": lambda m: binary(m, "prove_mul", LOOSE, TIGHT, lambda a, b: a * b, "rb"),
    "mul in place of both": lambda m: binary(m, "prove_mul", LOOSE, TIGHT, lambda a, b: a * b, "rab"),
    "square: in loose, out tight, the square": square,
    "square in place": lambda m: square(m, "ra"),
    "add: in tight, out loose, the sum": lambda m: binary(m, "prove_add", TIGHT, SUM, lambda a, b: a + b),
    "sub: in tight, out loose, the difference": lambda m: binary(m, "prove_sub", TIGHT, SUM, lambda a, b: a - b),
    "add of sums: out loose": lambda m: binary(m, "prove_add", (-(2**52), 2**52), LOOSE, lambda a, b: a + b),
    "sub of sums: out loose": lambda m: binary(m, "prove_sub", (-(2**52), 2**52), LOOSE, lambda a, b: a - b),
    "mul_small_add: any factor, out loose, the value": mul_small_add,
    "mul_small_add in place of the first": lambda m: mul_small_add(m, "ra"),
    "mul_small_add in place of the second": lambda m: mul_small_add(m, "rb"),
    "from_bytes: limbs of 51 bits, the value without its top bit": from_bytes,
    "to_bytes: in loose, the one representative below p": to_bytes,
    "ladder step, doubling p: RFC 7748's formulas, out tight": lambda m: step(m, 0),
    "ladder step, doubling q: RFC 7748's formulas, out tight": lambda m: step(m, -1),
    "ladder double: RFC 7748's formulas, out tight": double,
    "comb addition: the paper's formulas, out tight": comb_add,
    "comb doubling: the paper's formulas, out tight": comb_twice,
    "field_update: out tight, u d + v e": field_update,
    "field_update in place of the second": lambda m: field_update(m, "re"),
    "wide_update: (u f + v g) / 2^60, rounded down": wide_update,
    "wide_update in place of the second": lambda m: wide_update(m, "rg"),
    "poly1305 absorb: h2 at most 4, (h + block) r modulo 2^130 - 5": absorb,
}


def mutated(module_text, function, old, new):
    """The module with a change in one function, which has to be there."""
    start = re.search(rf"^define .*@{function}\(", module_text, re.M).start()
    end = module_text.index("\n}\n", start)
    body = module_text[start:end]
    changed, count = re.subn(old, new, body, count=1)
    if count != 1:
        raise SystemExit(f"prove: nothing to change in {function}: {old}")
    return Module(module_text[:start] + changed + module_text[end:])


def controls(text):
    """Name, the proof with a mistake in what is proved or in what is claimed."""
    module = Module(text)
    yield "a factor of 18", lambda: binary(mutated(text, "prove_mul", r"i64 19\)", "i64 18)"), "prove_mul", LOOSE, TIGHT,
                                           lambda a, b: a * b)
    yield "a carry of 50 bits", lambda: square(mutated(text, "prove_square", r"(ashr i(?:64|128) %\d+), 51", r"\1, 50"))
    yield "a mask of 50 bits", lambda: square(mutated(text, "prove_square", "2251799813685247", "1125899906842623"))
    yield "add for sub", lambda: binary(mutated(text, "prove_sub", "sub nsw", "add nsw"), "prove_sub", TIGHT, SUM, lambda a, b: a - b)
    yield "operands of 2^56", lambda: binary(module, "prove_mul", (-(2**56), 2**56), TIGHT, lambda a, b: a * b)
    yield "a tighter bound than there is", lambda: binary(module, "prove_mul", LOOSE, (0, 2**51), lambda a, b: a * b)
    yield "a lost byte", lambda: from_bytes(mutated(text, "prove_from_bytes", r"shl i64 (%[\w.]+), 13", r"shl i64 \1, 14"))
    yield "18 in the reduction", lambda: to_bytes(mutated(text, "prove_to_bytes", r"mul nsw i64 19", "mul nsw i64 18"))
    yield "no addend in the last carry", lambda: to_bytes(mutated(text, "prove_to_bytes", r"\[ 19, ", "[ 0, "))
    yield "a word packed one bit off", lambda: to_bytes(mutated(text, "prove_to_bytes", r"shl i64 (%\d+), 38", r"shl i64 \1, 39"))
    yield "a ladder step with another a24", lambda: step(mutated(text, "prove_step", "121665", "121666"), 0)
    yield "a ladder step with a sum for a difference", lambda: step(mutated(text, "prove_step", "sub nsw", "add nsw"), 0)
    yield "a comb addition with a sum for a difference", lambda: comb_add(mutated(text, "prove_comb_add", "sub nsw", "add nsw"))
    yield "a comb doubling with a sum for a difference", lambda: comb_twice(mutated(text, "prove_comb_twice", "sub nsw", "add nsw"))
    yield "field_update with a factor of 18", lambda: field_update(mutated(text, "field_update", r"mul nsw i64 19|i64 19\)?", "mul nsw i64 18"))
    yield "wide_update with a carry of 61 bits", lambda: wide_update(mutated(text, "prove_wide_update", r"(ashr i128 %\S+), 60", r"\1, 61"))
    yield "poly1305 with a larger h2", lambda: absorb(module, 2**62)
    yield "poly1305 with another fold", lambda: absorb(mutated(text, "prove_absorb", r"lshr i64 (%\d+), 2", r"lshr i64 \1, 3"))


def attempt(proof):
    """None when it goes through, otherwise why not."""
    try:
        proof()
        return None
    except Unproved as why:
        return str(why)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as f:
        text = f.read()
    module = Module(text)
    library = ctypes.CDLL(os.path.abspath(sys.argv[2]))
    why = attempt(lambda: model(module, library))
    results = [(why is None, f"the model is what the machine does, {MODEL_RUNS} times each routine", why)]
    wrong = attempt(lambda: model(mutated(text, "prove_mul", r"i64 19\)", "i64 18)"), library))
    results.append((wrong is not None, "a model of another machine is not", wrong))
    for what, proof in PROOFS.items():
        why = attempt(lambda proof=proof: proof(module))
        results.append((why is None, what, why))
    for what, proof in controls(text):
        why = attempt(proof)
        results.append((why is not None, f"not proved with {what}", why))
    for number, (good, what, why) in enumerate(results, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}" + (f"\n# {why}" if why else ""))
    print(f"1..{len(results)}")
    sys.exit(0 if all(good for good, _, _ in results) else 1)


if __name__ == "__main__":
    main()
