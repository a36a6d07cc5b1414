// SPDX-License-Identifier: Apache-2.0
// Single steps: the processor's trap after each instruction (Intel SDM volume 3, 6.15, interrupt 1) goes to trap_step of
// trap.c, with the integer registers in the order of tests/ct/steps.h. Vector registers stay as they are.
//
// The processor aligns the stack to 16 bytes and pushes SS, RSP, RFLAGS, CS and RIP, below all that the traced code has on it:
// no red zone.

    .text
    .globl trap_entry
trap_entry:
    push $0
    push %r15
    push %r14
    push %r13
    push %r12
    push %r11
    push %r10
    push %r9
    push %r8
    push %rdi
    push %rsi
    push %rbp
    push %rsp
    push %rbx
    push %rdx
    push %rcx
    push %rax
    mov 160(%rsp), %rax         // RSP of the traced code
    mov %rax, 32(%rsp)
    mov %rsp, %rdi
    mov 136(%rsp), %rsi         // RIP
    call trap_step
    pop %rax
    pop %rcx
    pop %rdx
    add $24, %rsp               // C keeps rbx, rbp and r12 to r15
    pop %rsi
    pop %rdi
    pop %r8
    pop %r9
    pop %r10
    pop %r11
    add $40, %rsp
    iretq

    .section .note.GNU-stack, "", @progbits
