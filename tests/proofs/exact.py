# SPDX-License-Identifier: Apache-2.0
# Integer polynomials with bounds: what a machine word stands for when every step that could lose something is proved not to.
#
# A word of n bits is kept as a polynomial over integer variables that it equals modulo 2^n. Adding, subtracting and
# multiplying words are then the same operations on polynomials, whatever wraps. To read a word as a number, its polynomial
# has to be proved to lie in the range of the word: by the bounds of its variables, or by those of the words that it was made
# of. A shift to the right or a mask splits a polynomial, P = 2^k q + r with 0 <= r < 2^k: the floor q becomes a new variable
# with bounds of its own, r stays P - 2^k q.
#
# Where a product has been split (k below is 64: the high half of a multiplication), r is made a variable too and the
# product is rewritten by it in later bounds. This is what lets sums of low halves be bounded.
from fractions import Fraction


class Unproved(Exception):
    pass


class Poly:
    """A sum of terms: {sorted tuple of variables: coefficient}; the empty tuple is the constant."""

    def __init__(self, terms):
        self.terms = {m: c for m, c in terms.items() if c != 0}

    @staticmethod
    def constant(c):
        return Poly({(): c})

    @staticmethod
    def variable(name):
        return Poly({(name,): 1})

    def __add__(self, other):
        terms = dict(self.terms)
        for m, c in other.terms.items():
            terms[m] = terms.get(m, 0) + c
        return Poly(terms)

    def scaled(self, factor):
        return Poly({m: c * factor for m, c in self.terms.items()})

    def __sub__(self, other):
        return self + other.scaled(-1)

    def __mul__(self, other):
        terms = {}
        for m1, c1 in self.terms.items():
            for m2, c2 in other.terms.items():
                m = tuple(sorted(m1 + m2))
                terms[m] = terms.get(m, 0) + c1 * c2
        return Poly(terms)

    def key(self):
        return tuple(sorted(self.terms.items()))

    def value(self):
        """The constant that it is, or None."""
        if not self.terms:
            return 0
        return self.terms[()] if list(self.terms) == [()] else None

    def divisible(self, by):
        return all(c % by == 0 for c in self.terms.values())

    def part(self, keep):
        return Poly({m: c for m, c in self.terms.items() if keep(c)})

    def divided(self, by):
        return Poly({m: c // by for m, c in self.terms.items()})

    def congruent(self, other, modulus):
        return (self - other).divisible(modulus)


def narrower(bounds, other):
    return bounds if other is None else (max(bounds[0], other[0]), min(bounds[1], other[1]))


class World:
    """The variables of one proof, with their bounds, and what has been split."""

    def __init__(self, chains=False):
        self.chains = chains  # whether a chain of carries becomes one carry of the whole number
        self.ranges = {}
        self.proved = {}  # key of a polynomial: bounds that were proved elsewhere
        self.rewrites = {}  # product of variables: what it is in terms of its high part and rest
        self.splits = {}
        self.floors = {}  # variable that is a floor: of what, and of how many bits
        self.definitions = []  # (P, k, q): 0 <= P - 2^k q < 2^k

    def variable(self, name, low, high):
        assert name not in self.ranges
        self.ranges[name] = (low, high)
        return Poly.variable(name)

    def _term_bounds(self, monomial):
        low = high = Fraction(1)
        powers = {}
        for name in monomial:
            powers[name] = powers.get(name, 0) + 1
        for name, power in powers.items():
            a, b = self.ranges[name]
            ends = [Fraction(a) ** power, Fraction(b) ** power]
            if power % 2 == 0 and a <= 0 <= b:
                ends.append(Fraction(0))
            products = [x * y for x in (low, high) for y in (min(ends), max(ends))]
            low, high = min(products), max(products)
        return low, high

    def _evaluate(self, poly):
        low = high = Fraction(0)
        for monomial, c in poly.terms.items():
            a, b = self._term_bounds(monomial)
            low += min(a * c, b * c)
            high += max(a * c, b * c)
        return low, high

    def _narrowest(self, poly):
        """By the bounds of the variables, or those of the parts of products that were split."""
        rewritten = Poly({})
        for monomial, c in poly.terms.items():
            rewritten = rewritten + self.rewrites.get(monomial, Poly({monomial: 1})).scaled(Fraction(c))
        return narrower(self._evaluate(poly), self._evaluate(rewritten))

    def bounds(self, poly):
        """Integers between which the polynomial lies."""
        low, high = narrower(self._narrowest(poly), self.proved.get(poly.key()))
        for whole, k, q in self.definitions:
            # Part of it may be c (P - 2^k q), which lies between 0 and c (2^k - 1).
            c = Fraction(-poly.terms.get(next(iter(q.terms)), 0), 1 << k)
            if c != 0:
                ends = sorted((Fraction(0), c * ((1 << k) - 1)))
                rest = self._narrowest(poly - (whole - q.scaled(1 << k)).scaled(c))
                low, high = narrower((low, high), (rest[0] + ends[0], rest[1] + ends[1]))
        low, high = Fraction(low), Fraction(high)
        return -((-low.numerator) // low.denominator), high.numerator // high.denominator

    def split(self, poly, k, within=None):
        """floor(poly / 2^k), as a polynomial. within: what is known of the bounds besides."""
        if k == 0:
            return poly
        low, high = narrower(self.bounds(poly), within)
        if low >> k == high >> k:
            return Poly.constant(low >> k)
        whole = poly.part(lambda c: c % (1 << k) == 0)
        if whole.terms:
            return whole.divided(1 << k) + self.split(poly - whole, k)
        # 2^j x + y with 0 <= y < 2^j: y makes no difference, and what 2^j divides can be divided.
        twos = {(c & -c).bit_length() - 1 for c in poly.terms.values()}  # how often 2 divides each coefficient
        for j in sorted({min(n, k - 1) for n in twos if n > 0}, reverse=True):
            x = poly.part(lambda c, j=j: c % (1 << j) == 0)
            y_low, y_high = self.bounds(poly - x)
            if 0 <= y_low and y_high < 1 << j:
                return self.split(x.divided(1 << j), k - j)
        # The floor of something and a floor is one floor: floor((x + floor(y / 2^j)) / 2^k) = floor((2^j x + y) / 2^(j + k)).
        for monomial, c in poly.terms.items():
            if c == 1 and monomial in self.floors and (self.chains or len(poly.terms) == 1):
                inner, j = self.floors[monomial]
                rest = poly - Poly({monomial: 1})
                return self.split(rest.scaled(1 << j) + inner, j + k, (low << j, ((high + 1) << j) - 1))
        return self._new_floor(poly, k, low, high)

    def _new_floor(self, poly, k, low, high):
        key = (poly.key(), k)
        if key not in self.splits:
            number = len(self.splits)
            q = self.variable(f"q{number}", low >> k, high >> k)
            self.splits[key] = q
            self.definitions.append((poly, k, q))
            self.floors[next(iter(q.terms))] = (poly, k)
            monomials = list(poly.terms)
            if len(monomials) == 1 and len(monomials[0]) > 1:
                c = poly.terms[monomials[0]]
                r = self.variable(f"r{number}", 0, (1 << k) - 1)
                self.rewrites[monomials[0]] = (q.scaled(1 << k) + r).scaled(Fraction(1, c))
        return self.splits[key]

    def assign(self, values):
        """All variables, given those that nothing defines: {name: integer}."""
        values = dict(values)
        for poly, k, q in self.definitions:
            values[next(iter(q.terms))[0]] = evaluate(poly, values) >> k
        return values


def evaluate(poly, values):
    total = 0
    for monomial, c in poly.terms.items():
        for name in monomial:
            c *= values[name]
        total += c
    return total
