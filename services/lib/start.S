// SPDX-License-Identifier: Apache-2.0
// Where a process starts: the kernel has set sp and zeroed bss. Also the ABI note, see kernel/abi/neuron.h.
#include "kernel/abi/neuron.h"

    .section .text.start, "ax"
    .globl _start
_start:
    li      ra, 0
    call    main
    li      a7, 12 // NEURON_EXIT
    ecall
    unimp

    .section .note.neuron, "a", @note
    .balign 4
    .word   2f - 1f
    .word   4f - 3f
    .word   NEURON_NOTE_ABI
1:  .asciz  NEURON_NOTE_NAME
2:  .balign 4
3:  .word   NEURON_ABI_VERSION
4:
