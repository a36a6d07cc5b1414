# SPDX-License-Identifier: Apache-2.0
# Start of a bare-metal program in machine mode: one hart, a stack, cleared memory.
    .section .start, "ax"
    .globl _start
_start:
    .option push
    .option arch, +zicsr
    csrr t0, mhartid
    la t1, trapped
    csrw mtvec, t1
    li t1, -1
    csrw mcounteren, t1
    .option pop
    bnez t0, park
    la sp, stack_top
    la t0, bss_start
    la t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  call bench_main

# A trap is a failure: status 2.
    .balign 4
trapped:
    li t0, 0x100000
    li t1, 0x23333
    sw t1, 0(t0)
park:
    j park
