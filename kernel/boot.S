// SPDX-License-Identifier: Apache-2.0
// Entry from OpenSBI (a0: hart, MMU off, the other harts are parked by it), and entry and exit of traps.
#include "kernel/abi/neuron.h"
#include "kernel/layout.h"
#include "kernel/riscv.h"

    .section .text.boot, "ax"
    .globl _start
_start:
    la      sp, kernel_stack_end
    // RAM is where the layout expects it, up to its end, or we stop here with a line that says so.
    la      t0, no_ram
    csrw    stvec, t0
    li      t1, RAM_END - 8
    sd      t1, 0(t1)
    ld      t2, 0(t1)
    bne     t1, t2, no_ram
    la      t0, bss_start
    la      t1, bss_end
1:  sd      zero, 0(t0)
    addi    t0, t0, 8
    bltu    t0, t1, 1b
    call    kernel_main
    .balign 4
no_ram:
    call    boot_without_ram

    .text
    // From user mode sscratch points to the process, whose frame is its beginning; from the kernel itself it is 0.
    .globl trap_entry
    .balign 4
trap_entry:
    csrrw   a0, sscratch, a0
    beqz    a0, kernel_trap
    sd      ra, 8(a0)
    sd      sp, 16(a0)
    sd      gp, 24(a0)
    sd      tp, 32(a0)
    sd      s0, 64(a0)
    sd      s1, 72(a0)
    sd      a1, 88(a0)
    sd      a2, 96(a0)
    sd      a3, 104(a0)
    sd      a4, 112(a0)
    sd      a5, 120(a0)
    sd      a7, 136(a0)
    sd      s2, 144(a0)
    sd      s3, 152(a0)
    sd      s4, 160(a0)
    sd      s5, 168(a0)
    sd      s6, 176(a0)
    sd      s7, 184(a0)
    sd      s8, 192(a0)
    sd      s9, 200(a0)
    sd      s10, 208(a0)
    sd      s11, 216(a0)
    sd      t0, 40(a0)
    csrr    t0, scause
    addi    t0, t0, -CAUSE_USER_CALL
    bnez    t0, 1f
    // A system call: the temporaries t1 to t6 and a6 come back as they were at an earlier trap.
    csrrw   t0, sscratch, zero
    sd      t0, 80(a0)
    csrr    t0, sepc
    addi    t0, t0, 4       // behind the ecall
    sd      t0, 0(a0)
    la      sp, kernel_stack_end
    call    syscall_handle  // returns the process to resume
    j       trap_return
1:
    sd      t1, 48(a0)
    sd      t2, 56(a0)
    sd      a6, 128(a0)
    sd      t3, 224(a0)
    sd      t4, 232(a0)
    sd      t5, 240(a0)
    sd      t6, 248(a0)
    csrrw   t0, sscratch, zero
    sd      t0, 80(a0)
    csrr    t0, sepc
    sd      t0, 0(a0)
    la      sp, kernel_stack_end
    call    trap            // returns the process to resume

    // a0: process
    .globl  trap_return
trap_return:
    csrw    sscratch, a0    // sstatus is as the trap left it, at first as kernel_main did: to user mode, interrupts on
    ld      t0, 0(a0)
    csrw    sepc, t0
    ld      ra, 8(a0)
    ld      sp, 16(a0)
    ld      gp, 24(a0)
    ld      tp, 32(a0)
    ld      t0, 40(a0)
    ld      t1, 48(a0)
    ld      t2, 56(a0)
    ld      s0, 64(a0)
    ld      s1, 72(a0)
    ld      a1, 88(a0)
    ld      a2, 96(a0)
    ld      a3, 104(a0)
    ld      a4, 112(a0)
    ld      a5, 120(a0)
    ld      a6, 128(a0)
    ld      a7, 136(a0)
    ld      s2, 144(a0)
    ld      s3, 152(a0)
    ld      s4, 160(a0)
    ld      s5, 168(a0)
    ld      s6, 176(a0)
    ld      s7, 184(a0)
    ld      s8, 192(a0)
    ld      s9, 200(a0)
    ld      s10, 208(a0)
    ld      s11, 216(a0)
    ld      t3, 224(a0)
    ld      t4, 232(a0)
    ld      t5, 240(a0)
    ld      t6, 248(a0)
    ld      a0, 80(a0)
    sret

    // The kernel itself has trapped: our own mistake.
kernel_trap:
    la      sp, panic_stack_end
    csrr    a0, scause
    csrr    a1, stval
    csrr    a2, sepc
    call    panic_trap

    .section .bss.stacks, "aw", @nobits
    .balign 4096
    .globl  kernel_stack_guard
kernel_stack_guard:
    .space  4096            // left unmapped
    .space  KERNEL_STACK_BYTES
kernel_stack_end:
    .space  2048
panic_stack_end:
