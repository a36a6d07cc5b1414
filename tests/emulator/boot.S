// SPDX-License-Identifier: Apache-2.0
// From the first sector of a PC's disk into 64-bit mode, with all vector registers switched on, and to main.
//
//     0x01000  page tables: the first 1 GB, identity, in pages of 2 MB (Intel SDM volume 3, 4.5)
//     0x07c00  this sector
//     0x10000  the program, from the second sector on
//     0x100000 its zeroed memory; the stack ends at 0x800000

#define SECTORS_AT_ONCE 32
#define CODE_32 8
#define DATA 16
#define CODE_64 24

    .code16
    .section .boot, "ax"
    .globl _boot
_boot:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    mov %dl, drive
    mov $program_reads, %cx
1:  push %cx
    mov $0x42, %ah              // BIOS: read sectors by number
    mov drive, %dl
    mov $packet, %si
    int $0x13
    jc failed
    addw $(SECTORS_AT_ONCE * 512 / 16), packet + 6
    addl $SECTORS_AT_ONCE, packet + 8
    pop %cx
    loop 1b
    in $0x92, %al               // address line 20
    or $2, %al
    out %al, $0x92
    lgdt gdt_pointer
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmp $CODE_32, $protected
failed:
    hlt
    jmp failed

drive:
    .byte 0
    .align 4
packet:                         // sectors, offset, segment, first sector
    .byte 16, 0
    .word SECTORS_AT_ONCE, 0, 0x1000
    .long 1, 0
    .align 8
gdt:
    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00af9a000000ffff
gdt_pointer:
    .word . - gdt - 1
    .long gdt

    .code32
protected:
    mov $DATA, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x1000, %edi
    xor %eax, %eax
    mov $(3 * 4096 / 4), %ecx
    rep stosl
    movl $0x2003, 0x1000
    movl $0x3003, 0x2000
    mov $0x3000, %edi
    mov $0x83, %eax
    mov $512, %ecx
1:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    loop 1b
    mov $0x1000, %eax
    mov %eax, %cr3
    mov $0x40620, %eax          // PAE, OSFXSR, OSXMMEXCPT, OSXSAVE
    mov %eax, %cr4
    mov $0xc0000080, %ecx       // EFER: long mode
    rdmsr
    or $0x100, %eax
    wrmsr
    mov $0x80000023, %eax       // paging, NE, MP, PE
    mov %eax, %cr0
    ljmp $CODE_64, $long_mode

    .code64
long_mode:
    mov $0x800000, %rsp
    xor %ecx, %ecx
    xor %edx, %edx
    mov $0xe7, %eax             // XCR0: x87, SSE, AVX, AVX-512
    xsetbv
    call main
1:  hlt
    jmp 1b

    .org 510
    .word 0xaa55

    .section .note.GNU-stack, "", @progbits
