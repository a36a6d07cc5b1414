// SPDX-License-Identifier: Apache-2.0
// AVX-512 on a machine without it. A build of noise/ that includes this before everything else takes its AVX-512 paths
// wherever the machine has AVX2: what they do with intrinsics of AVX-512 is done here in plain C, after the operation
// that Intel's Intrinsics Guide gives for each, and what they leave to the compiler is compiled for AVX2.
//
// So every statement of those paths runs in the tests. What does not run is the compiler's translation of it into
// AVX-512 instructions.
#ifndef TESTS_AVX512_MODEL_H
#define TESTS_AVX512_MODEL_H

#define NOISE_TARGET(features) __attribute__((target("avx2,fma,bmi2,adx")))
#include "noise/cpu.h"
#include "noise/x86.h"

// Without AVX2, and so on the portable path that a test asks for, there is nothing to model.
static inline bool model_cpu_has(uint32_t features)
{
    uint32_t have = noise_cpu_features();

    if ((have & NOISE_CPU_AVX2) != 0) {
        have |= NOISE_CPU_AVX512 | NOISE_CPU_IFMA;
    }
    return (have & features) == features;
}
#define noise_cpu_has model_cpu_has

// Sixteen words or eight long words of a 512-bit vector.
struct model_512 {
    union {
        uint32_t d[16];
        uint64_t q[8];
    };
};
#define __m512i struct model_512

#define MODEL_OF_WORDS(name, parameters, expression)                                               \
    static inline __m512i model_##name parameters                                                  \
    {                                                                                              \
        __m512i r;                                                                                 \
        for (int i = 0; i < 16; i++) {                                                             \
            r.d[i] = (expression);                                                                 \
        }                                                                                          \
        return r;                                                                                  \
    }

#define MODEL_OF_LONG_WORDS(name, parameters, expression)                                          \
    static inline __m512i model_##name parameters                                                  \
    {                                                                                              \
        __m512i r;                                                                                 \
        for (int i = 0; i < 8; i++) {                                                              \
            r.q[i] = (expression);                                                                 \
        }                                                                                          \
        return r;                                                                                  \
    }

__extension__ typedef unsigned __int128 model_u128;

// The product of the low 52 bits.
static inline model_u128 model_product_52(uint64_t a, uint64_t b)
{
    return (model_u128)(a << 12 >> 12) * (b << 12 >> 12);
}

MODEL_OF_WORDS(set1_epi32, (int a), (uint32_t)a)
MODEL_OF_WORDS(add_epi32, (__m512i a, __m512i b), a.d[i] + b.d[i])
MODEL_OF_WORDS(rol_epi32, (__m512i a, int n), a.d[i] << n | a.d[i] >> (32 - n))
MODEL_OF_WORDS(xor_si512, (__m512i a, __m512i b), a.d[i] ^ b.d[i])
MODEL_OF_WORDS(and_si512, (__m512i a, __m512i b), a.d[i] & b.d[i])
MODEL_OF_WORDS(or_si512, (__m512i a, __m512i b), a.d[i] | b.d[i])
MODEL_OF_WORDS(setzero_si512, (void), 0)
// In each 128 bits: the low, or high, half of a's words and b's in turn.
MODEL_OF_WORDS(unpacklo_epi32, (__m512i a, __m512i b), (i % 2 ? b : a).d[i / 4 * 4 + i % 4 / 2])
MODEL_OF_WORDS(unpackhi_epi32, (__m512i a, __m512i b), (i % 2 ? b : a).d[i / 4 * 4 + i % 4 / 2 + 2])
// 128 bits each, two of a and two of b, chosen by two bits each.
MODEL_OF_WORDS(shuffle_i32x4, (__m512i a, __m512i b, int by),
               (i < 8 ? a : b).d[(by >> i / 4 * 2 & 3) * 4 + i % 4])

MODEL_OF_LONG_WORDS(set1_epi64, (long long a), (uint64_t)a)
MODEL_OF_LONG_WORDS(add_epi64, (__m512i a, __m512i b), a.q[i] + b.q[i])
MODEL_OF_LONG_WORDS(slli_epi64, (__m512i a, unsigned n), a.q[i] << n)
MODEL_OF_LONG_WORDS(srli_epi64, (__m512i a, unsigned n), a.q[i] >> n)
MODEL_OF_LONG_WORDS(unpacklo_epi64, (__m512i a, __m512i b), (i % 2 ? b : a).q[i / 2 * 2])
MODEL_OF_LONG_WORDS(unpackhi_epi64, (__m512i a, __m512i b), (i % 2 ? b : a).q[i / 2 * 2 + 1])
MODEL_OF_LONG_WORDS(madd52lo_epu64, (__m512i a, __m512i b, __m512i c),
                    a.q[i] + ((uint64_t)model_product_52(b.q[i], c.q[i]) << 12 >> 12))
MODEL_OF_LONG_WORDS(madd52hi_epu64, (__m512i a, __m512i b, __m512i c),
                    a.q[i] + (uint64_t)(model_product_52(b.q[i], c.q[i]) >> 52))

static inline __m512i model_loadu_si512(const void *from)
{
    __m512i r;
    __builtin_memcpy(&r, from, sizeof r);
    return r;
}

static inline void model_storeu_si512(void *to, __m512i a)
{
    __builtin_memcpy(to, &a, sizeof a);
}

static inline __m512i model_setr_epi32(int a0, int a1, int a2, int a3, int a4, int a5, int a6,
                                       int a7, int a8, int a9, int a10, int a11, int a12, int a13,
                                       int a14, int a15)
{
    const int words[] = {a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15};
    return model_loadu_si512(words);
}

// Macros in some compiler's header.
#undef _mm512_rol_epi32
#undef _mm512_setr_epi32
#undef _mm512_shuffle_i32x4
#define _mm512_set1_epi32     model_set1_epi32
#define _mm512_add_epi32      model_add_epi32
#define _mm512_rol_epi32      model_rol_epi32
#define _mm512_xor_si512      model_xor_si512
#define _mm512_and_si512      model_and_si512
#define _mm512_or_si512       model_or_si512
#define _mm512_setzero_si512  model_setzero_si512
#define _mm512_unpacklo_epi32 model_unpacklo_epi32
#define _mm512_unpackhi_epi32 model_unpackhi_epi32
#define _mm512_shuffle_i32x4  model_shuffle_i32x4
#define _mm512_set1_epi64     model_set1_epi64
#define _mm512_add_epi64      model_add_epi64
#define _mm512_slli_epi64     model_slli_epi64
#define _mm512_srli_epi64     model_srli_epi64
#define _mm512_unpacklo_epi64 model_unpacklo_epi64
#define _mm512_unpackhi_epi64 model_unpackhi_epi64
#define _mm512_madd52lo_epu64 model_madd52lo_epu64
#define _mm512_madd52hi_epu64 model_madd52hi_epu64
#define _mm512_loadu_si512    model_loadu_si512
#define _mm512_storeu_si512   model_storeu_si512
#define _mm512_setr_epi32     model_setr_epi32

#endif
