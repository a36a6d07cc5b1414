# SPDX-License-Identifier: Apache-2.0
# Machine mode: one hart gets a stack and cleared memory; a1 is the address of the device tree, handed on as an argument.
    .section .start, "ax"
    .globl _start
_start:
    .option push
    .option arch, +zicsr
    csrr t0, mhartid
    la t1, trap
    csrw mtvec, t1
    .option pop
    bnez t0, park
    la sp, stack_top
    la t0, bss_start
    la t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  mv a0, a1
    call main

# A trap ends the machine with status 9.
    .balign 4
trap:
    li t0, 0x100000
    li t1, 0x93333
    sw t1, 0(t0)
park:
    j park
