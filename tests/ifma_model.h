// SPDX-License-Identifier: Apache-2.0
// The instructions of AVX-512 IFMA in plain C, for tests/avx512_model.h: after "Operation" of VPMADD52LUQ and VPMADD52HUQ in
// Intel's Software Developer's Manual, volume 2. In each 64-bit lane the low 52 bits of two operands are multiplied, and
// the low or the high 52 bits of the product, zero-extended, are added to the third, modulo 2^64.
//
// Operands are statement expressions, so that no function takes a vector that the machine has no register for.
#ifndef TESTS_IFMA_MODEL_H
#define TESTS_IFMA_MODEL_H

#include <stddef.h>
#include <stdint.h>

static inline void model_madd52(uint64_t *sum, const uint64_t *a, const uint64_t *b, size_t lanes,
                                unsigned shift)
{
    const uint64_t mask = ((uint64_t)1 << 52) - 1;

    for (size_t i = 0; i < lanes; i++) {
        __extension__ unsigned __int128 product = (unsigned __int128)(a[i] & mask) * (b[i] & mask);
        sum[i] += (uint64_t)(product >> shift) & mask;
    }
}

// A union keeps the compiler from asking how a pointer to a vector may be read. The vectors are those of lanes_ifma.h.
#define MODEL_MADD52(sum, a, b, shift)                                                             \
    __extension__({                                                                                \
        union {                                                                                    \
            lanes_vector v;                                                                        \
            uint64_t words[LANES_IFMA];                                                            \
        } model_sum = {.v = (sum)}, model_a = {.v = (a)}, model_b = {.v = (b)};                    \
        model_madd52(model_sum.words, model_a.words, model_b.words, LANES_IFMA, shift);            \
        model_sum.v;                                                                               \
    })
#define LANES_MADD_LOW(sum, a, b)  MODEL_MADD52(sum, a, b, 0)
#define LANES_MADD_HIGH(sum, a, b) MODEL_MADD52(sum, a, b, 52)

#endif
