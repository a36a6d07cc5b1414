// SPDX-License-Identifier: Apache-2.0
// Where things lie: physical memory of QEMU's `virt` machine, and the kernel's part of each address space.
//
//   physical and kernel virtual (identity)         kernel virtual
//   0x8000_0000  OpenSBI (not mapped)              DEVICES        PLIC, 4 MiB
//   0x8020_0000  kernel text, rodata, data, bss    DEVICES+4 MiB  UART, one page
//   ...          frames for processes              DEVICES+4 MiB+4 KiB  power switch, one page
//   0x8400_0000  end of RAM (-m 64M)
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#define RAM_BASE 0x80000000
#define RAM_END  0x84000000

#define PLIC_PHYSICAL  0x0c000000
#define UART_PHYSICAL  0x10000000
#define POWER_PHYSICAL 0x00100000

#define DEVICES       0xffffffc000000000
#define PLIC_VIRTUAL  DEVICES
#define UART_VIRTUAL  (DEVICES + 0x400000)
#define POWER_VIRTUAL (DEVICES + 0x401000)

#define KERNEL_STACK_BYTES 8192

#endif
