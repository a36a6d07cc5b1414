// SPDX-License-Identifier: Apache-2.0
// The RISC-V privileged architecture, as far as neuron uses it (privileged specification 1.12).
#ifndef KERNEL_RISCV_H
#define KERNEL_RISCV_H

#define PAGE_BYTES 4096
#define MEGA_BYTES (2 * 1024 * 1024)

// sstatus, sie: 4.1.1, 4.1.3
#define SSTATUS_SPIE 0x20
#define SSTATUS_SPP  0x100
#define SIE_TIMER    0x20
#define SIE_EXTERNAL 0x200

// scause: 4.1.8
#define CAUSE_INTERRUPT (UINT64_C(1) << 63)
#define CAUSE_TIMER     (CAUSE_INTERRUPT | 5)
#define CAUSE_EXTERNAL  (CAUSE_INTERRUPT | 9)
#define CAUSE_USER_CALL 8

// Sv39 page table entries: 4.4
#define PTE_VALID       1
#define PTE_READ        2
#define PTE_WRITE       4
#define PTE_EXECUTE     8
#define PTE_USER        16
#define PTE_GLOBAL      32
#define PTE_ACCESSED    64
#define PTE_DIRTY       128
#define SATP_SV39       (UINT64_C(8) << 60)
#define SATP_ASID_SHIFT 44

#ifndef __ASSEMBLER__

#include <stdint.h>

#define csr_read(name)                                                                             \
    __extension__({                                                                                \
        uint64_t value_;                                                                           \
        __asm__ volatile("csrr %0, " #name : "=r"(value_));                                        \
        value_;                                                                                    \
    })
#define csr_write(name, value)                                                                     \
    __asm__ volatile("csrw " #name ", %0" ::"r"((uint64_t)(value)) : "memory")
#define csr_set(name, bits)                                                                        \
    __asm__ volatile("csrs " #name ", %0" ::"r"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits)                                                                      \
    __asm__ volatile("csrc " #name ", %0" ::"r"((uint64_t)(bits)) : "memory")

static inline void tlb_flush(void)
{
    __asm__ volatile("sfence.vma zero, zero" ::: "memory");
}

#endif
#endif
