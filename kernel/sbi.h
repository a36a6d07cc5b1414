// SPDX-License-Identifier: Apache-2.0
// The one call that neuron makes to its firmware (RISC-V SBI specification 1.0, 6.1: TIME extension).
#ifndef KERNEL_SBI_H
#define KERNEL_SBI_H

#include <stdint.h>

static inline void sbi_set_timer(uint64_t at)
{
    register uint64_t a0 __asm__("a0") = at;
    register uint64_t a1 __asm__("a1");
    register uint64_t a6 __asm__("a6") = 0;
    register uint64_t a7 __asm__("a7") = 0x54494d45; // "TIME"
    __asm__ volatile("ecall" : "+r"(a0), "=r"(a1) : "r"(a6), "r"(a7) : "memory");
}

#endif
