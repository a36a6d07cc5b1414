// SPDX-License-Identifier: Apache-2.0
// What single steps through a call condense to: program counter, stack pointer and data address of each instruction.
#ifndef TESTS_CT_STEPS_H
#define TESTS_CT_STEPS_H

#include <stddef.h>
#include <stdint.h>

enum {
    STEPS_RSP = 4,
    STEPS_REGISTERS = 17, // rax rcx rdx rbx rsp rbp rsi rdi r8 ... r15, and one that is always 0
};

// How an instruction makes its address: registers by their places above.
struct steps_operand {
    uint8_t base, index;
    uint8_t scale; // 0: no operand in memory, or one whose address is fixed
    uint8_t zero;
    int32_t displacement;
};

// step.py writes it for a program: an operand for each address from `start` on.
struct steps_table {
    uint64_t start, len;
    struct steps_operand operands[];
};

struct steps {
    uint64_t hash, count, accesses;
};

static inline void steps_mix(struct steps *seen, uint64_t x)
{
    seen->hash = ((seen->hash << 23 | seen->hash >> 41) ^ x) * 0x9e3779b97f4a7c15;
}

// Before the instruction at `at` is executed.
static inline void steps_take(struct steps *seen, const struct steps_table *table,
                              const uint64_t registers[static STEPS_REGISTERS], uint64_t at)
{
    steps_mix(seen, at);
    steps_mix(seen, registers[STEPS_RSP]);
    seen->count++;
    if (at - table->start < table->len && table->operands[at - table->start].scale != 0) {
        const struct steps_operand *o = &table->operands[at - table->start];
        steps_mix(seen, registers[o->base] + registers[o->index] * o->scale +
                            (uint64_t)(int64_t)o->displacement);
        seen->accesses++;
    }
}

#endif
