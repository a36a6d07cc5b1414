// SPDX-License-Identifier: Apache-2.0
#include "tests/emulator/trap.h"

#include <stdbool.h>

enum {
    DEBUG_VECTOR = 1,
    CODE_SELECTOR = 24,      // boot.S
    INTERRUPT_GATE = 0x8e00, // present, ring 0
};

// Intel SDM volume 3, 6.14.1
static struct {
    uint16_t offset_0, selector, kind, offset_16;
    uint32_t offset_32, zero;
} gates[DEBUG_VECTOR + 1];

static struct steps seen;
static const struct steps_table *table;

void trap_entry(void);

// Called by trap_entry, after each traced instruction.
void trap_step(const uint64_t *registers, uint64_t at);
void trap_step(const uint64_t *registers, uint64_t at)
{
    steps_take(&seen, table, registers, at);
}

void trap_start(const struct steps_table *of)
{
    const struct {
        uint16_t limit, base[4];
    } idt = {sizeof gates - 1,
             {(uint16_t)(uintptr_t)gates, (uint16_t)((uintptr_t)gates >> 16), 0, 0}};
    uintptr_t entry = (uintptr_t)trap_entry;

    table = of;
    gates[DEBUG_VECTOR].offset_0 = (uint16_t)entry;
    gates[DEBUG_VECTOR].offset_16 = (uint16_t)(entry >> 16);
    gates[DEBUG_VECTOR].selector = CODE_SELECTOR;
    gates[DEBUG_VECTOR].kind = INTERRUPT_GATE;
    __asm__ volatile("lidt %0" : : "m"(idt));
}

__attribute__((noinline)) struct steps trap_through(void (*op)(void))
{
    seen = (struct steps){.hash = 1};
    __asm__ volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
    op();
    __asm__ volatile("pushfq\n\tandl $0xfffffeff, (%%rsp)\n\tpopfq" : : : "memory", "cc");
    return seen;
}
