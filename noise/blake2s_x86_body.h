// SPDX-License-Identifier: Apache-2.0
// One compression function of blake2s_x86.h, for the file that includes this. It defines NOISE_X86_TARGET,
// BLAKE2S_COMPRESS, the function's name, and NOISE_X86_ROTATES where words rotate in one instruction.
//
// A vector holds a row of the working vector v of RFC 7693 3.2, so a half round is one G on four columns, or on four
// diagonals. G finishes b last and wants it first, so for the diagonals the other rows turn around it: lane i then works
// on the diagonal that begins at column i - 1.

#ifdef NOISE_X86_ROTATES
#define BLAKE2S_MASKS
#define BLAKE2S_ROTATE_16(x) ((x) >> 16 | (x) << 16)
#define BLAKE2S_ROTATE_8(x)  ((x) >> 8 | (x) << 24)
#else
// Hidden from the compiler, as in chacha20_x86.h.
#define BLAKE2S_MASKS                                                                              \
    __m128i mask_16 = _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);         \
    __m128i mask_8 = _mm_setr_epi8(1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);          \
    __asm__("" : "+x"(mask_16), "+x"(mask_8))
#define BLAKE2S_ROTATE_16(x) ((blake2s_row)_mm_shuffle_epi8((__m128i)(x), mask_16))
#define BLAKE2S_ROTATE_8(x)  ((blake2s_row)_mm_shuffle_epi8((__m128i)(x), mask_8))
#endif

NOISE_TARGET(NOISE_X86_TARGET)
void BLAKE2S_COMPRESS(uint32_t h[static 8], const uint8_t block[static BLAKE2S_BLOCK_LEN],
                      uint64_t total, uint32_t last)
{
    BLAKE2S_MASKS;
    const blake2s_unaligned *words = (const blake2s_unaligned *)block;
    blake2s_unaligned *state = (blake2s_unaligned *)h;
    blake2s_row m[4] = {words[0], words[1], words[2], words[3]};
    blake2s_row a = state[0], b = state[1];
    blake2s_row c = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a}; // RFC 7693 2.6
    blake2s_row d = {0x510e527f ^ (uint32_t)total, 0x9b05688c ^ (uint32_t)(total >> 32),
                     0x1f83d9ab ^ last, 0x5be0cd19};

    // RFC 7693 2.7
    BLAKE2S_ROUND(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    BLAKE2S_ROUND(14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3);
    BLAKE2S_ROUND(11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4);
    BLAKE2S_ROUND(7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8);
    BLAKE2S_ROUND(9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13);
    BLAKE2S_ROUND(2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9);
    BLAKE2S_ROUND(12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11);
    BLAKE2S_ROUND(13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10);
    BLAKE2S_ROUND(6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5);
    BLAKE2S_ROUND(10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0);
    state[0] ^= a ^ c;
    state[1] ^= b ^ d;
}

#undef BLAKE2S_MASKS
#undef BLAKE2S_ROTATE_16
#undef BLAKE2S_ROTATE_8
#undef BLAKE2S_COMPRESS
#undef NOISE_X86_TARGET
#undef NOISE_X86_ROTATES
