// SPDX-License-Identifier: Apache-2.0
// ChaCha20 (RFC 8439 2.3) in 256-bit vectors, for files that are compiled for x86-64 only. Internal to noise/.
//
// Two forms. For a few blocks a vector holds one row of the state of two blocks, as the RFC draws it, and the diagonal
// round rotates the rows (D. J. Bernstein, "ChaCha, a variant of Salsa20", 2008). For eight blocks a vector holds one
// word of all eight.
//
// The includer defines NOISE_X86_TARGET and, where the machine rotates words (AVX-512VL), NOISE_X86_ROTATES.
#ifndef NOISE_CHACHA20_X86_H
#define NOISE_CHACHA20_X86_H

#include "noise/bytes.h"
#include "noise/chacha20.h"
#include "noise/poly1305_x86.h"
#include "noise/x86.h"

#include <stdbool.h>

enum {
    CHACHA20_ROWS_BLOCKS = 4,
    CHACHA20_ROWS_LEN = CHACHA20_ROWS_BLOCKS * CHACHA20_BLOCK_LEN,
    CHACHA20_LANES = 8,
    CHACHA20_LANES_LEN = CHACHA20_LANES * CHACHA20_BLOCK_LEN,
    CHACHA20_DOUBLE_ROUNDS = 10,
};

_Static_assert(1 << 2 * (CHACHA20_DOUBLE_ROUNDS - POLY1305_CHAIN_BLOCKS / 2) ==
                   POLY1305_CHAIN_BLOCKS,
               "the rounds in which no block is absorbed square r to r^16");

typedef uint32_t chacha20_lanes __attribute__((vector_size(32)));

#define CHACHA20_ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define CHACHA20_ROTATE_12(x) CHACHA20_ROTATE(x, 12)
#define CHACHA20_ROTATE_7(x)  CHACHA20_ROTATE(x, 7)

#ifdef NOISE_X86_ROTATES
// The compilers make one instruction of it.
#define CHACHA20_MASKS
#define CHACHA20_ROTATE_16(x) CHACHA20_ROTATE(x, 16)
#define CHACHA20_ROTATE_8(x)  CHACHA20_ROTATE(x, 8)
#else
// By 16 and 8 a byte shuffle is one instruction. Its masks are hidden from the compiler: clang would take the shuffles
// apart and push them through the additions around them.
#define CHACHA20_MASKS                                                                             \
    __m256i mask_16 = _mm256_broadcastsi128_si256(                                                 \
        _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));                      \
    __m256i mask_8 = _mm256_broadcastsi128_si256(                                                  \
        _mm_setr_epi8(3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14));                      \
    __asm__("" : "+m"(mask_16), "+m"(mask_8))
#define CHACHA20_ROTATE_16(x) ((chacha20_lanes)_mm256_shuffle_epi8((__m256i)(x), mask_16))
#define CHACHA20_ROTATE_8(x)  ((chacha20_lanes)_mm256_shuffle_epi8((__m256i)(x), mask_8))
#endif

// RFC 8439 2.1: one of the four steps of a quarter round.
#define CHACHA20_STEP(a, b, d, rotated)                                                            \
    do {                                                                                           \
        (a) += (b);                                                                                \
        (d) ^= (a);                                                                                \
        (d) = (rotated);                                                                           \
    } while (0)

NOISE_X86_INLINE chacha20_lanes chacha20_all_lanes(uint32_t x)
{
    return (chacha20_lanes)_mm256_set1_epi32((int)x);
}

// RFC 8439 2.3: constants, key, counter, nonce.
NOISE_X86_INLINE void chacha20_set_state(uint32_t state[static 16], const uint8_t *key,
                                         const uint8_t *nonce, uint32_t counter)
{
    state[0] = 0x61707865; // "expand 32-byte k"
    state[1] = 0x3320646e;
    state[2] = 0x79622d32;
    state[3] = 0x6b206574;
    bytes_copy((uint8_t *)(state + 4), key, CHACHA20_KEY_LEN);
    state[12] = counter;
    bytes_copy((uint8_t *)(state + 13), nonce, CHACHA20_NONCE_LEN);
}

// Rows: two blocks in a set of four vectors.
struct chacha20_rows {
    chacha20_lanes a, b, c, d;
};

// Adds the state that the rounds began with, and stores the two blocks.
NOISE_X86_INLINE void chacha20_rows_store(uint8_t *stream, struct chacha20_rows x,
                                          struct chacha20_rows start)
{
    __m256i a = (__m256i)(x.a + start.a), b = (__m256i)(x.b + start.b);
    __m256i c = (__m256i)(x.c + start.c), d = (__m256i)(x.d + start.d);

    _mm256_storeu_si256((__m256i *)stream, _mm256_permute2x128_si256(a, b, 0x20));
    _mm256_storeu_si256((__m256i *)(stream + 32), _mm256_permute2x128_si256(c, d, 0x20));
    _mm256_storeu_si256((__m256i *)(stream + 64), _mm256_permute2x128_si256(a, b, 0x31));
    _mm256_storeu_si256((__m256i *)(stream + 96), _mm256_permute2x128_si256(c, d, 0x31));
}

// A step of the round on x, and on y where four blocks are wanted.
#define CHACHA20_ROWS_STEP(p, q, r, rotate)                                                        \
    do {                                                                                           \
        CHACHA20_STEP(x.p, x.q, x.r, rotate(x.r));                                                 \
        if (four) {                                                                                \
            CHACHA20_STEP(y.p, y.q, y.r, rotate(y.r));                                             \
        }                                                                                          \
    } while (0)

#define CHACHA20_ROWS_ROUND()                                                                      \
    do {                                                                                           \
        CHACHA20_ROWS_STEP(a, b, d, CHACHA20_ROTATE_16);                                           \
        CHACHA20_ROWS_STEP(c, d, b, CHACHA20_ROTATE_12);                                           \
        CHACHA20_ROWS_STEP(a, b, d, CHACHA20_ROTATE_8);                                            \
        CHACHA20_ROWS_STEP(c, d, b, CHACHA20_ROTATE_7);                                            \
    } while (0)

// Word i + n of a row becomes word i.
#define CHACHA20_TURN_1          0x39
#define CHACHA20_TURN_2          0x4e
#define CHACHA20_TURN_3          0x93
#define CHACHA20_TURN(row, turn) (row) = (chacha20_lanes)_mm256_shuffle_epi32((__m256i)(row), turn)

// Columns to diagonals and back. A round finishes b last and wants it first, so the others turn around it.
#define CHACHA20_ROWS_TURN(x, a_turn, d_turn, c_turn)                                              \
    do {                                                                                           \
        CHACHA20_TURN((x).a, a_turn);                                                              \
        CHACHA20_TURN((x).d, d_turn);                                                              \
        CHACHA20_TURN((x).c, c_turn);                                                              \
    } while (0)

// Key stream of two blocks, or four: that of the state's counter, and those from `next` on.
//
// CT: secret = state, stream.
NOISE_X86_INLINE void chacha20_few_blocks(uint8_t *stream, const uint32_t state[static 16],
                                          uint32_t next, bool four)
{
    CHACHA20_MASKS;
    const __m128i *rows = (const __m128i *)state;
    struct chacha20_rows start_x = {
        .a = (chacha20_lanes)_mm256_broadcastsi128_si256(_mm_loadu_si128(rows)),
        .b = (chacha20_lanes)_mm256_broadcastsi128_si256(_mm_loadu_si128(rows + 1)),
        .c = (chacha20_lanes)_mm256_broadcastsi128_si256(_mm_loadu_si128(rows + 2)),
        .d = (chacha20_lanes)_mm256_broadcastsi128_si256(_mm_loadu_si128(rows + 3)),
    };
    struct chacha20_rows start_y = start_x;
    start_x.d[4] = next;
    start_y.d[0] = next + 1;
    start_y.d[4] = next + 2;
    struct chacha20_rows x = start_x, y = start_y;

    for (int i = 0; i < CHACHA20_DOUBLE_ROUNDS; i++) {
        CHACHA20_ROWS_ROUND();
        CHACHA20_ROWS_TURN(x, CHACHA20_TURN_3, CHACHA20_TURN_2, CHACHA20_TURN_1);
        CHACHA20_ROWS_TURN(y, CHACHA20_TURN_3, CHACHA20_TURN_2, CHACHA20_TURN_1);
        CHACHA20_ROWS_ROUND();
        CHACHA20_ROWS_TURN(x, CHACHA20_TURN_1, CHACHA20_TURN_2, CHACHA20_TURN_3);
        CHACHA20_ROWS_TURN(y, CHACHA20_TURN_1, CHACHA20_TURN_2, CHACHA20_TURN_3);
    }
    chacha20_rows_store(stream, x, start_x);
    if (four) {
        chacha20_rows_store(stream + 2 * CHACHA20_BLOCK_LEN, y, start_y);
    }
}

// Lanes: eight blocks. Four quarter rounds side by side; between their steps there is room for other work, `weave_1`
// and `weave_2`, in the integer units. The sixteen words and a rotation want one register more than AVX2 has. The empty
// assembly statement asks for b and d, on which the next step waits, so that it is an a or c that lies in memory.
#ifdef NOISE_X86_ROTATES // there are 32 registers
#define CHACHA20_KEEP(b0, b1, b2, b3, d0, d1, d2, d3) (void)0
#else
#define CHACHA20_KEEP(b0, b1, b2, b3, d0, d1, d2, d3)                                              \
    __asm__("" : "+x"(b0), "+x"(b1), "+x"(b2), "+x"(b3), "+x"(d0), "+x"(d1), "+x"(d2), "+x"(d3))
#endif

#define CHACHA20_LANES_ROUND(a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3,       \
                             weave_1, weave_2)                                                     \
    do {                                                                                           \
        CHACHA20_STEP(a0, b0, d0, CHACHA20_ROTATE_16(d0));                                         \
        CHACHA20_STEP(a1, b1, d1, CHACHA20_ROTATE_16(d1));                                         \
        CHACHA20_STEP(a2, b2, d2, CHACHA20_ROTATE_16(d2));                                         \
        CHACHA20_STEP(a3, b3, d3, CHACHA20_ROTATE_16(d3));                                         \
        CHACHA20_KEEP(b0, b1, b2, b3, d0, d1, d2, d3);                                             \
        CHACHA20_STEP(c0, d0, b0, CHACHA20_ROTATE_12(b0));                                         \
        CHACHA20_STEP(c1, d1, b1, CHACHA20_ROTATE_12(b1));                                         \
        CHACHA20_STEP(c2, d2, b2, CHACHA20_ROTATE_12(b2));                                         \
        CHACHA20_STEP(c3, d3, b3, CHACHA20_ROTATE_12(b3));                                         \
        weave_1;                                                                                   \
        CHACHA20_KEEP(b0, b1, b2, b3, d0, d1, d2, d3);                                             \
        CHACHA20_STEP(a0, b0, d0, CHACHA20_ROTATE_8(d0));                                          \
        CHACHA20_STEP(a1, b1, d1, CHACHA20_ROTATE_8(d1));                                          \
        CHACHA20_STEP(a2, b2, d2, CHACHA20_ROTATE_8(d2));                                          \
        CHACHA20_STEP(a3, b3, d3, CHACHA20_ROTATE_8(d3));                                          \
        CHACHA20_KEEP(b0, b1, b2, b3, d0, d1, d2, d3);                                             \
        CHACHA20_STEP(c0, d0, b0, CHACHA20_ROTATE_7(b0));                                          \
        CHACHA20_STEP(c1, d1, b1, CHACHA20_ROTATE_7(b1));                                          \
        CHACHA20_STEP(c2, d2, b2, CHACHA20_ROTATE_7(b2));                                          \
        CHACHA20_STEP(c3, d3, b3, CHACHA20_ROTATE_7(b3));                                          \
        weave_2;                                                                                   \
        CHACHA20_KEEP(b0, b1, b2, b3, d0, d1, d2, d3);                                             \
    } while (0)

#define CHACHA20_LANES_DOUBLE_ROUND(weave_1, weave_2)                                              \
    do {                                                                                           \
        CHACHA20_LANES_ROUND(x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, \
                             weave_1, weave_2);                                                    \
        CHACHA20_LANES_ROUND(x0, x1, x2, x3, x5, x6, x7, x4, x10, x11, x8, x9, x15, x12, x13, x14, \
                             weave_1, weave_2);                                                    \
    } while (0)

// Four words of all lanes, turned: t[i] holds those of blocks i and i + 4.
NOISE_X86_INLINE void chacha20_lanes_turn(__m256i t[static 4], chacha20_lanes w0, chacha20_lanes w1,
                                          chacha20_lanes w2, chacha20_lanes w3)
{
    __m256i low_01 = _mm256_unpacklo_epi32((__m256i)w0, (__m256i)w1);
    __m256i high_01 = _mm256_unpackhi_epi32((__m256i)w0, (__m256i)w1);
    __m256i low_23 = _mm256_unpacklo_epi32((__m256i)w2, (__m256i)w3);
    __m256i high_23 = _mm256_unpackhi_epi32((__m256i)w2, (__m256i)w3);

    t[0] = _mm256_unpacklo_epi64(low_01, low_23);
    t[1] = _mm256_unpackhi_epi64(low_01, low_23);
    t[2] = _mm256_unpacklo_epi64(high_01, high_23);
    t[3] = _mm256_unpackhi_epi64(high_01, high_23);
}

NOISE_X86_INLINE void chacha20_xor_half_block(uint8_t *out, const uint8_t *in, __m256i stream)
{
    __m256i text = _mm256_loadu_si256((const __m256i *)in);
    _mm256_storeu_si256((__m256i *)out, _mm256_xor_si256(text, stream));
}

// Eight words of each block, from two turned sets: half of the eight blocks.
NOISE_X86_INLINE void chacha20_lanes_xor(uint8_t *out, const uint8_t *in, const __m256i t[static 4],
                                         const __m256i u[static 4])
{
#define CHACHA20_XOR_TWO(i)                                                                        \
    chacha20_xor_half_block(out + 64 * (i), in + 64 * (i),                                         \
                            _mm256_permute2x128_si256(t[i], u[i], 0x20));                          \
    chacha20_xor_half_block(out + 64 * ((i) + 4), in + 64 * ((i) + 4),                             \
                            _mm256_permute2x128_si256(t[i], u[i], 0x31))
    CHACHA20_XOR_TWO(0);
    CHACHA20_XOR_TWO(1);
    CHACHA20_XOR_TWO(2);
    CHACHA20_XOR_TWO(3);
#undef CHACHA20_XOR_TWO
}

// out = in ^ key stream of eight blocks, from the state's counter on. With `mac`, it absorbs POLY1305_HALVES_LEN bytes
// at `mac_in` meanwhile, before anything is written to `out`. `power` is r^16, or still r: then `from_r` has it made.
//
// CT: secret = everything but the counter and from_r.
NOISE_X86_INLINE void chacha20_eight_blocks(uint8_t *out, const uint8_t *in,
                                            const uint32_t s[static 16], struct poly1305 *mac,
                                            const uint8_t *mac_in, struct poly1305_sum *power,
                                            bool from_r)
{
#define ALL chacha20_all_lanes
    CHACHA20_MASKS;
    chacha20_lanes counter = ALL(s[12]) + (chacha20_lanes){0, 1, 2, 3, 4, 5, 6, 7};
    chacha20_lanes x0 = ALL(s[0]), x1 = ALL(s[1]), x2 = ALL(s[2]), x3 = ALL(s[3]);
    chacha20_lanes x4 = ALL(s[4]), x5 = ALL(s[5]), x6 = ALL(s[6]), x7 = ALL(s[7]);
    chacha20_lanes x8 = ALL(s[8]), x9 = ALL(s[9]), x10 = ALL(s[10]), x11 = ALL(s[11]);
    chacha20_lanes x12 = counter, x13 = ALL(s[13]), x14 = ALL(s[14]), x15 = ALL(s[15]);
    struct poly1305_sum first = {0, 0, 0}, second = {0, 0, 0};
    __m256i t[4], u[4];

    if (mac != NULL) {
        struct poly1305_key key = poly1305_key_of(mac);
        first = poly1305_sum_of(mac);
        for (int i = 0; i < POLY1305_CHAIN_BLOCKS / 2; i++) {
            CHACHA20_LANES_DOUBLE_ROUND(poly1305_step(&first, &key, mac_in),
                                        poly1305_step(&second, &key, mac_in + POLY1305_CHAIN_LEN);
                                        mac_in += POLY1305_BLOCK_LEN);
        }
    } else {
        for (int i = 0; i < POLY1305_CHAIN_BLOCKS / 2; i++) {
            CHACHA20_LANES_DOUBLE_ROUND((void)0, (void)0);
        }
    }
    if (from_r) {
        for (int i = POLY1305_CHAIN_BLOCKS / 2; i < CHACHA20_DOUBLE_ROUNDS; i++) {
            CHACHA20_LANES_DOUBLE_ROUND(poly1305_square(power), (void)0);
        }
    } else {
        for (int i = POLY1305_CHAIN_BLOCKS / 2; i < CHACHA20_DOUBLE_ROUNDS; i++) {
            CHACHA20_LANES_DOUBLE_ROUND((void)0, (void)0);
        }
    }
    if (mac != NULL) {
        poly1305_set_sum(mac, poly1305_multiply_add(first, *power, second));
    }
    __asm__("" : "+r"(s)); // the words are broadcast again, not kept
    chacha20_lanes_turn(t, x0 + ALL(s[0]), x1 + ALL(s[1]), x2 + ALL(s[2]), x3 + ALL(s[3]));
    chacha20_lanes_turn(u, x4 + ALL(s[4]), x5 + ALL(s[5]), x6 + ALL(s[6]), x7 + ALL(s[7]));
    chacha20_lanes_xor(out, in, t, u);
    chacha20_lanes_turn(t, x8 + ALL(s[8]), x9 + ALL(s[9]), x10 + ALL(s[10]), x11 + ALL(s[11]));
    chacha20_lanes_turn(u, x12 + counter, x13 + ALL(s[13]), x14 + ALL(s[14]), x15 + ALL(s[15]));
    chacha20_lanes_xor(out + 32, in + 32, t, u);
#undef ALL
}

#endif
