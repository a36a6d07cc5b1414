# SPDX-License-Identifier: Apache-2.0
# Reads a QR code from a terminal's blocks: ISO/IEC 18004, versions 2 to 5, level L, one block, bytes; nothing is corrected.
CELLS = {"\u2588": (0, 0), "\u2580": (0, 1), "\u2584": (1, 0), " ": (1, 1)}  # upper and lower half: 1 is dark
DATA_CODEWORDS = {2: 34, 3: 55, 4: 80, 5: 108}  # table 9, level L
FORMAT_MASK = 0x5412
MASKS = [lambda y, x: (y + x) % 2, lambda y, x: y % 2, lambda y, x: x % 3, lambda y, x: (y + x) % 3,
         lambda y, x: (y // 2 + x // 3) % 2, lambda y, x: y * x % 2 + y * x % 3, lambda y, x: (y * x % 2 + y * x % 3) % 2,
         lambda y, x: ((y + x) % 2 + y * x % 3) % 2]


def modules(text):
    """The square of modules, without the quiet zone."""
    rows = []
    for line in text.splitlines():
        cells = [CELLS[c] for c in line]
        rows += [[c[0] for c in cells], [c[1] for c in cells]]
    quiet = 4
    assert all(not any(row) for row in rows[:quiet]), "no quiet zone"
    side = len(rows[0]) - 2 * quiet
    return [row[quiet:quiet + side] for row in rows[quiet:quiet + side]]


def is_function(y, x, side):
    """Finders with formats, timing, and the one alignment pattern."""
    corner = (y < 9 and (x < 9 or x >= side - 8)) or (y >= side - 8 and x < 9)
    centre = side - 7
    return corner or y == 6 or x == 6 or (abs(y - centre) <= 2 and abs(x - centre) <= 2)


def bits(square):
    side = len(square)
    masked = sum(square[8][x] << (14 - i) for i, x in enumerate([0, 1, 2, 3, 4, 5, 7])) >> 10
    level_and_mask = masked ^ (FORMAT_MASK >> 10)
    assert level_and_mask >> 3 == 1, "not level L"
    mask = MASKS[level_and_mask & 7]
    columns = [x for x in range(side - 1, 0, -2) if x > 6] + [5, 3, 1]
    for number, right in enumerate(columns):
        for y in range(side - 1, -1, -1) if number % 2 == 0 else range(side):
            for x in (right, right - 1):
                if not is_function(y, x, side):
                    yield square[y][x] ^ (mask(y, x) == 0)


def read(text):
    square = modules(text)
    version = (len(square) - 17) // 4
    stream = list(bits(square))

    def number(first, count):
        return int("".join(map(str, map(int, stream[first:first + count]))), 2)

    assert number(0, 4) == 4, "not bytes"
    length = number(4, 8)
    assert length + 2 <= DATA_CODEWORDS[version]
    return bytes(number(12 + 8 * i, 8) for i in range(length)).decode()
