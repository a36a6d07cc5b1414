// SPDX-License-Identifier: Apache-2.0
// Wiping of dead stack frames and of registers.

#include "noise/ct.h"

#include "noise/x86.h"

#ifdef __x86_64__

// Integer registers that belong to the callee; what a caller keeps in the others is its own.
#define WIPE_INTEGERS                                                                              \
    __asm__ volatile("xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\t"                \
                     "xor %%esi, %%esi\n\txor %%edi, %%edi\n\txor %%r8d, %%r8d\n\t"                \
                     "xor %%r9d, %%r9d\n\txor %%r10d, %%r10d\n\txor %%r11d, %%r11d"                \
                     :                                                                             \
                     :                                                                             \
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc")

#define EACH_0_TO_7   ".irp n, 0, 1, 2, 3, 4, 5, 6, 7\n\t"
#define EACH_0_TO_15  ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
#define EACH_16_TO_31 ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"

// All that the machine has, whatever the limit on what the library uses: memcpy is not ours, and uses what it likes.
// To zero the low quarter of a register by an instruction for longer vectors zeroes all of it.
static inline void wipe_vectors(void)
{
#ifdef NOISE_X86
    uint32_t features = noise_cpu_machine();

    if ((features & NOISE_CPU_AVX512) != 0) {
        __asm__ volatile(EACH_16_TO_31 "vpxord %xmm\\n, %xmm\\n, %xmm\\n\n\t.endr");
        __asm__ volatile(EACH_0_TO_7 "kxorw %k\\n, %k\\n, %k\\n\n\t.endr");
    }
    if ((features & NOISE_CPU_AVX2) != 0) {
        __asm__ volatile("vzeroall");
        return;
    }
#endif
    __asm__ volatile(EACH_0_TO_15 "pxor %xmm\\n, %xmm\\n\n\t.endr");
}

#elif defined(__riscv)

#define WIPE_INTEGERS                                                                              \
    __asm__ volatile("li t0, 0\n\tli t1, 0\n\tli t2, 0\n\tli t3, 0\n\tli t4, 0\n\tli t5, 0\n\t"    \
                     "li t6, 0\n\tli a0, 0\n\tli a1, 0\n\tli a2, 0\n\tli a3, 0\n\tli a4, 0\n\t"    \
                     "li a5, 0\n\tli a6, 0\n\tli a7, 0"                                            \
                     :                                                                             \
                     :                                                                             \
                     : "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4",     \
                       "a5", "a6", "a7")

static inline void wipe_vectors(void)
{
}

#else

#define WIPE_INTEGERS

static inline void wipe_vectors(void)
{
}

#endif

static inline void zero(uint64_t *words, size_t count)
{
#ifdef NOISE_TEST_KEEP_FRAMES
    (void)words, (void)count;
#elif defined(__riscv)
    _Pragma("GCC unroll 8") for (size_t i = 0; i < count; i++)
    {
        words[i] = 0;
    }
#else
    __builtin_memset(words, 0, count * sizeof *words);
#endif
}

// With NOISE_TEST_KEEP_FRAMES nothing here wipes: for tests of everything else that does.
static inline __attribute__((always_inline)) void wipe_registers(void)
{
#ifndef NOISE_TEST_KEEP_FRAMES
    wipe_vectors();
    WIPE_INTEGERS;
#else
    (void)wipe_vectors;
#endif
}

__attribute__((noinline)) void ct_wipe_registers(void)
{
    wipe_registers();
}

enum {
#ifdef __x86_64__
    // The return address lies on a multiple of 16 and 8 more, and the words right below it.
    TO_ALIGN = 1,
#else
    TO_ALIGN = 0,
#endif
};

#define WIPE_STACK(name, len)                                                                      \
    __attribute__((noinline)) void name(void)                                                      \
    {                                                                                              \
        uint64_t dead[(len) / sizeof(uint64_t) + TO_ALIGN];                                        \
                                                                                                   \
        zero(dead, sizeof dead / sizeof dead[0]);                                                  \
        __asm__ volatile("" : : "r"(dead) : "memory");                                             \
        wipe_registers();                                                                          \
    }

WIPE_STACK(ct_zero_stack_hash, CT_WIPE_HASH_LEN)
WIPE_STACK(ct_zero_stack, CT_WIPE_LEN)
WIPE_STACK(ct_zero_stack_dh, CT_WIPE_DH_LEN)
#ifndef __riscv
WIPE_STACK(ct_zero_stack_dhs, CT_WIPE_DHS_LEN)
#endif
