// SPDX-License-Identifier: Apache-2.0
// The marks on bare rv64, words that are stored to; and what a call leaves behind.
#include <stddef.h>
#include <stdint.h>

#include "tests/ct/trace.h"

enum {
    FILL = 0x5c,
    CHANGED = 15, // t0 to t6 and a0 to a7
};

extern uint8_t stack_bottom[]; // os_bench.ld

// Found by name. Not zero, so that nobody clears them at the start.
extern volatile uint32_t trace_begin_mark, trace_end_mark;
volatile uint32_t trace_begin_mark = 1, trace_end_mark = 1;

static uint64_t registers[CHANGED];

// Stack below the caller.
static __attribute__((noinline)) void fill_stack(void)
{
    uint8_t *here = __builtin_frame_address(0);
    for (uint8_t *p = stack_bottom; p < here - 64; p++) {
        *p = FILL;
        __asm__ volatile("" : : : "memory");
    }
}

static uint64_t add(uint64_t hash, uint64_t x)
{
    return ((hash << 23 | hash >> 41) ^ x) * 0x9e3779b97f4a7c15;
}

// What lies there, but for the few words that are used to look.
static __attribute__((noinline)) uint64_t hash_stack(const uint8_t *above)
{
    uint64_t hash = 1;
    for (const uint8_t *p = stack_bottom; p < above; p++) {
        hash = add(hash, *p);
    }
    for (size_t i = 0; i < CHANGED; i++) {
        hash = add(hash, registers[i]);
    }
    return hash;
}

// Calls and keeps the registers as they are then.
static __attribute__((noinline)) void call(void (*op)(void))
{
    __asm__ volatile("jalr %0\n\t"
                     "sd t0, 0(%1)\n\tsd t1, 8(%1)\n\tsd t2, 16(%1)\n\tsd t3, 24(%1)\n\t"
                     "sd t4, 32(%1)\n\tsd t5, 40(%1)\n\tsd t6, 48(%1)\n\tsd a0, 56(%1)\n\t"
                     "sd a1, 64(%1)\n\tsd a2, 72(%1)\n\tsd a3, 80(%1)\n\tsd a4, 88(%1)\n\t"
                     "sd a5, 96(%1)\n\tsd a6, 104(%1)\n\tsd a7, 112(%1)"
                     :
                     : "r"(op), "r"(registers)
                     : "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a0", "a1", "a2", "a3", "a4",
                       "a5", "a6", "a7", "memory");
}

uint64_t trace_run(void (*op)(void))
{
    fill_stack();
    trace_begin_mark = 1;
    call(op);
    trace_end_mark = 1;
    return hash_stack((const uint8_t *)__builtin_frame_address(0) - 512);
}
