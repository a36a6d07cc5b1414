// SPDX-License-Identifier: Apache-2.0
// Fills every register that a trap could spoil, makes the trap happen, and shows what they hold then.
//
//     void registers_call(struct registers *r);      a system call with r->in[10..17]
//     void registers_spin(struct registers *r);      until the time CSR has passed r->in[10]
//
// struct registers { uint64_t in[32], out[32]; }: by register number. Not touched: zero and sp; t0 leads to r.

    .macro  save_callee
    addi    sp, sp, -128
    sd      ra, 0(sp)
    sd      gp, 8(sp)
    sd      tp, 16(sp)
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sd      s\n, 24 + 8 * \n(sp)
    .endr
    mv      t0, a0
    .endm

    .macro  load_all
    .irp    n, 1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld      x\n, 8 * \n(t0)
    .endr
    .endm

    .macro  store_all
    .irp    n, 1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd      x\n, 256 + 8 * \n(t0)
    .endr
    .endm

    .macro  restore_callee
    ld      ra, 0(sp)
    ld      gp, 8(sp)
    ld      tp, 16(sp)
    .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    ld      s\n, 24 + 8 * \n(sp)
    .endr
    addi    sp, sp, 128
    ret
    .endm

    .text
    .globl  registers_call
registers_call:
    save_callee
    load_all
    ecall
    store_all
    restore_callee

    .globl  registers_spin
registers_spin:
    save_callee
    load_all
1:  csrr    a1, time
    bltu    a1, a0, 1b
    store_all
    restore_callee
