# SPDX-License-Identifier: Apache-2.0
# void wipe_call(const struct wiped_call *call): calls a function on a stack of its own and stores every register that it
# comes back with (tests/wipe/wipe.h has the offsets). Registers hold nothing but arguments when the function begins.

    .equ FUNCTION, 0
    .equ ARGUMENTS, 8
    .equ STACK_TOP, 72
    .equ VECTORS, 80
    .equ SAVED, 88
    .equ SAVED_VECTORS, 128     # behind sixteen integer registers
    .equ SAVED_MASKS, 128 + 2048

    .macro for_sixteen op, first, prefix
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \op \prefix, \n, \first
    .endr
    .endm

    .macro store_xmm prefix, n, first
    movdqu %\prefix\n, SAVED_VECTORS + 64 * \n(%rbx)
    .endm
    .macro store_ymm prefix, n, first
    vmovdqu %\prefix\n, SAVED_VECTORS + 64 * \n(%rbx)
    .endm
    .macro store_zmm prefix, n, first
    vmovdqu64 %\prefix\n, SAVED_VECTORS + 64 * \n(%rbx)
    .endm
    .macro clear_xmm prefix, n, first
    pxor %\prefix\n, %\prefix\n
    .endm

    .text
    .globl wipe_call
    .type wipe_call, @function
wipe_call:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, callers_stack(%rip)
    xor %ebp, %ebp              # what a function saves must not differ between runs
    mov SAVED(%rdi), %rbx
    mov VECTORS(%rdi), %r12
    xor %r13d, %r13d
    xor %r14d, %r14d
    xor %r15d, %r15d

    for_sixteen clear_xmm, 0, xmm
    cmp $1, %r12
    jb 1f
    vzeroall
    je 1f
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vpxord %zmm\n, %zmm\n, %zmm\n
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    kxorq %k\n, %k\n, %k\n
    .endr

1:  mov STACK_TOP(%rdi), %rsp
    mov FUNCTION(%rdi), %r11
    push ARGUMENTS + 56(%rdi)
    push ARGUMENTS + 48(%rdi)
    mov ARGUMENTS + 8(%rdi), %rsi
    mov ARGUMENTS + 16(%rdi), %rdx
    mov ARGUMENTS + 24(%rdi), %rcx
    mov ARGUMENTS + 32(%rdi), %r8
    mov ARGUMENTS + 40(%rdi), %r9
    mov ARGUMENTS(%rdi), %rdi
    xor %r10d, %r10d
    xor %eax, %eax
    call *%r11

    mov %rax, 0(%rbx)
    mov %rcx, 8(%rbx)
    mov %rdx, 16(%rbx)
    mov %rsi, 24(%rbx)
    mov %rdi, 32(%rbx)
    mov %r8, 40(%rbx)
    mov %r9, 48(%rbx)
    mov %r10, 56(%rbx)
    mov %r11, 64(%rbx)
    mov %r13, 72(%rbx)
    mov %r14, 80(%rbx)
    mov %r15, 88(%rbx)
    cmp $1, %r12
    jb 2f
    je 3f
    for_sixteen store_zmm, 0, zmm
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    vmovdqu64 %zmm\n, SAVED_VECTORS + 64 * \n(%rbx)
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    kmovq %k\n, SAVED_MASKS + 8 * \n(%rbx)
    .endr
    vzeroupper
    jmp 4f
3:  for_sixteen store_ymm, 0, ymm
    vzeroupper
    jmp 4f
2:  for_sixteen store_xmm, 0, xmm
4:  mov callers_stack(%rip), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    .size wipe_call, . - wipe_call
    .local callers_stack
    .comm callers_stack, 8, 8
    .section .note.GNU-stack, "", @progbits
