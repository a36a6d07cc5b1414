// SPDX-License-Identifier: Apache-2.0
// Every constant-time primitive: masks, selection, comparison, wiping. Nothing else selects by a secret.
//
// A compiler that knows that a mask is 0 or ~0 may turn a masked selection back into a branch. Each mask
// therefore passes a value barrier: an empty assembly statement, after which nothing is known about it.
//
// CT: secret = masks, bits and the bytes looked at; public = pointers and lengths.
#ifndef NOISE_CT_H
#define NOISE_CT_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t ct_barrier_u64(uint64_t x)
{
    __asm__("" : "+r"(x));
    return x;
}

// Gives a value that came from secrets and may be acted on from here; the place says why. In the build for the
// constant-time test this tells the checking tool, which knows by the hook what is secret no longer.
#ifdef NOISE_CT_TEST
void ct_test_declassify(void *value, size_t len);

static inline uint64_t ct_declassify(uint64_t value)
{
    ct_test_declassify(&value, sizeof value);
    return value;
}
#else
static inline uint64_t ct_declassify(uint64_t value)
{
    return value;
}
#endif

// ~0 for bit 1, 0 for bit 0. Precondition: bit is 0 or 1.
static inline uint64_t ct_mask_u64(uint64_t bit)
{
    return ct_barrier_u64(0 - bit);
}

// ~0 where x has its top bit set, else 0.
static inline uint64_t ct_sign_mask_u64(uint64_t x)
{
    return ct_mask_u64(x >> 63);
}

// a where the mask is ~0, b where it is 0.
static inline uint64_t ct_select_u64(uint64_t mask, uint64_t a, uint64_t b)
{
    return b ^ (mask & (a ^ b));
}

// 1 when x is 0, else 0.
static inline uint64_t ct_is_zero_u64(uint64_t x)
{
    return ct_barrier_u64(~(x | (0 - x))) >> 63;
}

// ~0 when a is b, else 0. Precondition: both below 2^63.
static inline uint64_t ct_mask_equal_u64(uint64_t a, uint64_t b)
{
    return ct_mask_u64(((a ^ b) - 1) >> 63);
}

// Exchanges a and b where the mask is ~0, not where it is 0.
static inline void ct_swap_u64(uint64_t mask, uint64_t *a, uint64_t *b)
{
    uint64_t both = mask & (*a ^ *b);
    *a ^= both;
    *b ^= both;
}

// 1 when the bytes are the same, else 0. The answer may be branched on where it is public.
static inline uint64_t ct_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint64_t difference = 0;
    for (size_t i = 0; i < len; i++) {
        difference = ct_barrier_u64(difference | (uint64_t)(a[i] ^ b[i]));
    }
    return ct_is_zero_u64(difference);
}

// 1 when all bytes are zero, else 0.
static inline uint64_t ct_is_zero(const uint8_t *a, size_t len)
{
    uint64_t any = 0;
    for (size_t i = 0; i < len; i++) {
        any = ct_barrier_u64(any | a[i]);
    }
    return ct_is_zero_u64(any);
}

// Zeroes memory; never removed as a dead store, because the assembly statement may read it.
static inline void ct_wipe(void *memory, size_t len)
{
    if (len > 0) {
        __builtin_memset(memory, 0, len);
    }
    __asm__ volatile("" : : "r"(memory) : "memory");
}

// What the compiler keeps of secrets where no name reaches it: in the frames of functions that have returned, and in
// registers. Whatever computes with secrets is therefore a function that is not inlined (CT_WORKER), under one that does
// nothing but call it and then one of these, which zero stack below the caller and all registers that a call may change:
//
//     ct_wipe_stack_hash     after a hash, or a short message on x86-64
//     ct_wipe_stack          after a message, HMAC and HKDF
//     ct_wipe_stack_dh       after one scalar multiplication
//     ct_wipe_stack_dhs      after several, or one of the base point
//
// The lengths are above what any of the compilers and options needs that `make check-wipe` tries. On rv64, where stack is
// dear, `make size` compares them with the deepest frames.
enum {
#ifndef __riscv
    CT_WIPE_HASH_LEN = 1280,
    CT_WIPE_LEN = 3072,
    CT_WIPE_DH_LEN = 6144,
    CT_WIPE_DHS_LEN = 16384,
#elif defined(NOISE_SMALL)
    CT_WIPE_HASH_LEN = 512,
    CT_WIPE_LEN = 832,
    CT_WIPE_DH_LEN = 960,
#else
    CT_WIPE_HASH_LEN = 512,
    CT_WIPE_LEN = 832,
    CT_WIPE_DH_LEN = 976,
#endif
};
void ct_zero_stack_hash(void);
void ct_zero_stack(void);
void ct_zero_stack_dh(void);
#ifdef __riscv
#define ct_zero_stack_dhs ct_zero_stack_dh
#else
void ct_zero_stack_dhs(void);
#endif

// The empty statement keeps the compiler from a jump in the place of the call, with which the frame of the caller would be
// counted to what is wiped, and the far end left.
#define CT_WIPE_STACK(suffix)                                                                      \
    static inline __attribute__((always_inline)) void ct_wipe_stack##suffix(void)                  \
    {                                                                                              \
        ct_zero_stack##suffix();                                                                   \
        __asm__ volatile("");                                                                      \
    }
CT_WIPE_STACK(_hash)
CT_WIPE_STACK()
CT_WIPE_STACK(_dh)
CT_WIPE_STACK(_dhs)

// The registers alone: after what only moves a secret.
void ct_wipe_registers(void);

#define CT_WORKER static __attribute__((noinline))

#endif
