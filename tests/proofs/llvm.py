# SPDX-License-Identifier: Apache-2.0
# Runs a function of LLVM's intermediate code on polynomials (exact.py). What it does not understand is an error.
import re

from exact import Poly, Unproved, narrower

POINTER_BITS = 64


def parse(pattern, text):
    match = re.fullmatch(pattern, text)
    if not match:
        raise Unproved(f"not understood: {text}")
    return match


class Module:
    """The text of a module: structs and functions."""

    def __init__(self, text):
        self.structs = dict(re.findall(r"^(%[\w.]+) = type (\{.*\})$", text, re.M))
        self.functions = {}
        for match in re.finditer(r"^define [^@]*@([\w.]+)\(.*?\)[^{]*\{\n(.*?)^\}", text, re.M | re.S):
            blocks, label = {}, None
            for line in match[2].splitlines():
                head = re.match(r"^([\w.]+):", line)
                if head:
                    label = head[1]
                elif line.strip():
                    if label is None:
                        label = "entry"
                    blocks.setdefault(label, []).append(re.sub(r"(, !\w+ !\d+|, !llvm\.\w+ !\d+|, align \d+| #\d+)", "", line.strip()))
            signature = text[match.start():text.index("{\n", match.start())]
            parameters = re.findall(r"(%\w+)(?=[,)])", signature[signature.index("("):])
            self.functions[match[1]] = (parameters, blocks)

    def size(self, kind):
        """Bytes of a type."""
        kind = kind.strip()
        if kind.endswith("*"):
            return POINTER_BITS // 8
        if kind in self.structs:
            return sum(self.size(k) for k in fields(self.structs[kind]))
        array = re.fullmatch(r"\[(\d+) x (.*)\]", kind)
        if array:
            return int(array[1]) * self.size(array[2])
        return int(parse(r"i(\d+)", kind)[1]) // 8

    def inside(self, kind, index):
        """Type and offset of an element."""
        if kind in self.structs:
            kinds = fields(self.structs[kind])
            return kinds[index], sum(self.size(k) for k in kinds[:index])
        array = re.fullmatch(r"\[(\d+) x (.*)\]", kind)
        return array[2], index * self.size(array[2])


def fields(struct):
    """Types between the braces of a struct, none of which has commas."""
    return [k.strip() for k in struct.strip("{} ").split(",")]


class Word:
    """A word of so many bits, equal to the polynomial modulo 2^known, which is bits unless it was shifted to the right.
    `range`: between what the polynomial lies. `xor`: the two words that it is the exclusive or of, and nothing else then."""

    def __init__(self, poly, bits, known, bounds, xor=None):
        self.poly, self.bits, self.known, self.range, self.xor = poly, bits, known, bounds, xor


class Machine:
    """One run. Memory is {(object, offset): (size, Word)}; a pointer is (object, offset). contracts: what to do in the place
    of a call, {name: function of the machine and the arguments}. within(poly, low, high): another way to prove bounds, where
    those of the variables do not tell."""

    def __init__(self, module, world, contracts=None, within=None):
        self.module, self.world, self.memory, self.objects, self.contracts = module, world, {}, 0, contracts or {}
        self.within = within or (lambda poly, low, high: False)

    # --- Words as numbers

    def word(self, poly, bits, known=None, within=None):
        known = bits if known is None else known
        kept = poly.part(lambda c: c % (1 << bits) != 0)
        if len(kept.terms) != len(poly.terms):
            poly, within = kept, None
        return Word(poly, bits, known, narrower(self.world.bounds(poly), within))

    def number(self, n, bits):
        return self.word(Poly.constant(n), bits)

    def signed(self, word, why):
        low, high = word.range
        if word.known != word.bits or low < -(1 << (word.bits - 1)) or high >= 1 << (word.bits - 1):
            raise Unproved(f"{why}: {low} .. {high} does not fit a signed i{word.bits}")
        return word.poly

    def unsigned(self, word):
        """As a number from 0: where it may have wrapped, less what it lost."""
        if word.known != word.bits:
            raise Unproved("the high bits of a shifted word are used")
        low, high = word.range
        if low < 0 or high >= 1 << word.bits:
            return word.poly - self.floor(word, word.bits).scaled(1 << word.bits)
        return word.poly

    def floor(self, word, k):
        return self.world.split(word.poly, k, word.range)

    # --- Operands

    def operand(self, text, bits, names):
        text = text.strip()
        if text in names:
            return names[text]
        if text in ("true", "false"):
            return self.number(int(text == "true"), bits)
        if re.fullmatch(r"-?\d+", text):
            return self.number(int(text), bits)
        raise Unproved(f"operand {text}")

    # --- Instructions: each takes the rest of the line

    def arithmetic(self, op, rest, names):
        match = parse(r"((?:nuw |nsw |exact )*)i(\d+) (\S+), (\S+)", rest)
        bits = int(match[2])
        a, b = (self.operand(match[n], bits, names) for n in (3, 4))
        if op in ("shl", "lshr", "ashr"):
            result = self.shift(op, a, b.poly.value())
        elif op == "and":
            result = self.mask(a, b)
        elif op == "or":
            result = self.disjoint_or(a, b)
        elif op == "xor":
            result = self.exclusive_or(a, b)
        else:
            ends = {"add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y}[op]
            corners = [ends(x, y) for x in a.range for y in b.range]
            result = self.word(ends(a.poly, b.poly), bits, min(a.known, b.known), (min(corners), max(corners)))
        if "nsw" in match[1]:  # signed in the source: overflow would be undefined
            for word in (a, b, result):
                self.signed(word, f"{op} {rest}")
        return result

    def shift(self, op, a, k):
        low, high = a.range
        if op == "shl":
            return self.word(a.poly.scaled(1 << k), a.bits, min(a.bits, a.known + k), (low << k, high << k))
        if op == "ashr":
            self.signed(a, "ashr")
        elif 0 > low >= -(1 << (a.bits - 1)) and a.known == a.bits and high < 1 << (a.bits - 1):
            # Of a negative number, only the low bits are the floor's.
            return self.word(self.floor(a, k), a.bits, a.bits - k, (low >> k, high >> k))
        elif low < 0 or high >= 1 << a.bits or a.known != a.bits:
            return self.word(self.world.split(self.unsigned(a), k), a.bits, None, (0, (1 << (a.bits - k)) - 1))
        return self.word(self.floor(a, k), a.bits, None, (low >> k, high >> k))

    def exclusive_or(self, a, b):
        """As ct_select_u64 uses it: b ^ (mask & (a ^ b)), with a mask that is 0 or all ones in this run."""
        for x, y in ((a, b), (b, a)):
            if y.xor is None and y.poly.value() == 0:
                return x
            if x.xor and y in x.xor:
                return x.xor[1 - x.xor.index(y)]
        return Word(None, a.bits, 0, None, (a, b))

    def mask(self, a, b):
        for word, other in ((a, b), (b, a)):
            mask = None if other.xor else other.poly.value()
            if mask == 0:
                return self.number(0, a.bits)
            if mask == -1:
                return word
            if mask is None:
                continue
            k = mask.bit_length()
            if mask > 0 and mask == (1 << k) - 1 and k <= word.known:
                return self.word(word.poly - self.floor(word, k).scaled(1 << k), word.bits, None, (0, mask))
            k = (~mask).bit_length()
            if mask < 0 and ~mask == (1 << k) - 1:
                whole = self.unsigned(word)
                high = word.range[1] if whole is word.poly else (1 << word.bits) - 1
                return self.word(self.world.split(whole, k).scaled(1 << k), word.bits, None, (0, high))
        raise Unproved("and with something that is not a mask")

    def disjoint_or(self, a, b):
        for x, y in ((a, b), (b, a)):
            low, high = y.range
            if low >= 0 and y.known == y.bits and x.poly.divisible(1 << high.bit_length()):
                return self.word(x.poly + y.poly, x.bits, x.known, (x.range[0] + low, x.range[1] + high))
        for x, y in ((a, b), (b, a)):
            k = min(((c & -c).bit_length() - 1 for c in x.poly.terms.values()), default=0)
            if k > 0 and y.known == y.bits and self.within(y.poly, 0, (1 << k) - 1):
                return self.word(x.poly + y.poly, x.bits, x.known, (x.range[0], x.range[1] + (1 << k) - 1))
        raise Unproved("or of words that may have a bit in common")

    def convert(self, op, rest, names):
        match = parse(r"i(\d+) (\S+) to i(\d+)", rest)
        word, bits = self.operand(match[2], int(match[1]), names), int(match[3])
        if op == "sext":
            return self.word(self.signed(word, "sext"), bits, None, word.range)
        if op == "zext":
            poly = self.unsigned(word)
            return self.word(poly, bits, None, word.range if poly is word.poly else (0, (1 << word.bits) - 1))
        if word.known < bits:
            raise Unproved("trunc of a shifted word")
        return self.word(word.poly, bits, None, word.range)

    def compare(self, rest, names):
        match = parse(r"(\w+) i(\d+) (\S+), (\S+)", rest)
        a, b = (self.operand(match[n], int(match[2]), names).poly.value() for n in (3, 4))
        if a is None or b is None:
            raise Unproved(f"a branch that depends on data: icmp {rest}")
        return self.number(int({"eq": a == b, "ne": a != b, "slt": a < b, "sgt": a > b, "ult": a < b, "ugt": a > b}[match[1]]), 1)

    def address(self, rest, names):
        match = parse(r"(?:inbounds )?(\S+|\[.*?\]), \S+(?: \S+)*? (%\S+)((?:, i\d+ \S+)*)", rest)
        kind, (base, offset) = match[1], names[match[2]]
        indices = [self.operand(i, int(bits), names).poly.value() for bits, i in re.findall(r", i(\d+) (\S+?)(?=,|$)", match[3])]
        offset += indices[0] * self.module.size(kind)
        for index in indices[1:]:
            kind, step = self.module.inside(kind, index)
            offset += step
        return base, offset

    def load(self, rest, names):
        match = parse(r"i(\d+), i\d+\* (\S+)", rest)
        base, offset = names[match[2]]
        bits = int(match[1])
        pieces = self.stored(base, offset, bits // 8)
        if len(pieces) == 1:
            return pieces[0][2]
        poly = Poly({})
        for at, _, word in pieces:  # little-endian
            poly = poly + self.unsigned(word).scaled(1 << 8 * (at - offset))
        return self.word(poly, bits)

    def stored(self, base, offset, length):
        """What was stored from offset to offset + length, and nothing beyond: (where, size, word) in order."""
        pieces, at = [], offset
        while at < offset + length:
            size, word = self.memory.get((base, at), (None, None))
            if size is None or at + size > offset + length:
                raise Unproved(f"load of {length} bytes: no such words were stored there")
            pieces.append((at, size, word))
            at += size
        return pieces

    def store(self, rest, names):
        match = parse(r"i(\d+) (\S+), i\d+\* (\S+)", rest)
        base, offset = names[match[3]]
        self.put(base, offset, int(match[1]) // 8, self.operand(match[2], int(match[1]), names))

    def put(self, base, offset, size, word):
        for (other, at), (length, _) in self.memory.items():
            if other == base and (at, length) != (offset, size) and at < offset + size and offset < at + length:
                raise Unproved(f"store at {base} + {offset}: overlaps another")
        self.memory[base, offset] = (size, word)

    def copy(self, to, start, length):
        base, offset = start
        for at, size, word in self.stored(base, offset, length):
            self.put(to[0], to[1] + at - offset, size, word)

    def call(self, rest, names):
        barrier = re.fullmatch(r'i64 asm "", "=r,0,[^"]*"\(i64 (\S+)\)', rest)
        if barrier:
            return self.operand(barrier[1], 64, names)
        if re.match(r"void @llvm\.(lifetime|dbg)", rest):
            return None
        unaligned = re.sub(r" align \d+", "", rest)
        copied = re.fullmatch(r"void @llvm\.memcpy\.\S+\(i8\* (\S+), i8\* (\S+), i64 (\d+), i1 false\)", unaligned)
        if copied:
            self.copy(names[copied[1]], names[copied[2]], int(copied[3]))
            return None
        named = re.fullmatch(r"(\S+) @([\w.]+)\((.*)\)", rest)
        if not named or named[1] != "void":
            raise Unproved(f"call {rest}")
        arguments = [names[a] if a in names else self.operand(a, 64, names) for a in re.findall(r"(\S+)(?=,|$)", named[3])]
        if named[2] in self.contracts:
            self.contracts[named[2]](self, *arguments)
        else:
            self.run(named[2], arguments)
        return None

    def aggregate(self, op, rest, names):
        if op == "extractvalue":
            match = parse(r"(?:%\S+|\{.*\}) (\S+), (\d+)", rest)
            return names[match[1]][int(match[2])]
        match = parse(r"(?:%\S+|\{.*\}) (\S+), i(\d+) (\S+), (\d+)", rest)
        old = {} if match[1] in ("undef", "poison") else names[match[1]]
        return {**old, int(match[4]): self.operand(match[3], int(match[2]), names)}

    def step(self, op, rest, names):
        if op in ("add", "sub", "mul", "shl", "lshr", "ashr", "and", "or", "xor"):
            return self.arithmetic(op, rest, names)
        if op in ("sext", "zext", "trunc"):
            return self.convert(op, rest, names)
        if op in ("insertvalue", "extractvalue"):
            return self.aggregate(op, rest, names)
        if op == "bitcast":
            return names[parse(r".* (%\S+) to .*", rest)[1]]
        if op == "alloca":
            self.objects += 1
            return f"local {self.objects}", 0
        return {"icmp": self.compare, "getelementptr": self.address, "load": self.load, "store": self.store,
                "call": self.call}[op](rest, names)

    # --- Control

    def phi(self, rest, came_from, names):
        bits = int(re.match(r"i(\d+) ", rest)[1])
        for value, label in re.findall(r"\[ (\S+), %(\S+) \]", rest):
            if label == came_from:
                return self.operand(value, bits, names)
        raise Unproved(f"phi {rest} does not come from {came_from}")

    def run(self, name, arguments):
        """arguments: pointers and words."""
        if name not in self.module.functions:
            raise Unproved(f"call of {name}, of which nothing is known")
        parameters, blocks = self.module.functions[name]
        names = dict(zip(parameters, arguments, strict=True))
        entry = str(len(parameters))  # the number that LLVM gives to a first block without a name
        label, came_from = "entry", None
        while True:
            incoming = {}
            for line in blocks[label]:
                match = parse(r"(?:(%\S+) = )?(?:tail )?(\S+)(?: (.*))?", line)
                result, op, rest = match[1], match[2], match[3] or ""
                if op == "ret":
                    return
                if op == "br":
                    came_from = entry if label == "entry" else label
                    label = self.target(rest, names)
                    break
                if op == "phi":
                    incoming[result] = self.phi(rest, came_from, names)
                    continue
                names.update(incoming)
                incoming = {}
                value = self.step(op, rest, names)
                if result:
                    names[result] = value
            else:
                raise Unproved(f"block {label} has no end")
            names.update(incoming)

    def target(self, rest, names):
        direct = re.fullmatch(r"label %(\S+)", rest)
        if direct:
            return direct[1]
        match = parse(r"i1 (\S+), label %(\S+), label %(\S+)", rest)
        return match[2] if self.operand(match[1], 1, names).poly.value() else match[3]
