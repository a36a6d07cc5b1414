// SPDX-License-Identifier: Apache-2.0
// Frames and address spaces. All frames are taken at boot; nothing is ever given back, because processes and
// memory objects are those of the manifest for as long as the machine runs.
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/riscv.h"

// RAM is mapped one to one, so a frame's physical address is also a kernel pointer.
typedef uint64_t *page_table;

// Takes `count` frames that lie side by side; 0 when there are not so many. What they hold is for the caller to replace.
void *page_take(uint64_t count);
void *page_take_zeroed(uint64_t count);

// Builds the kernel's own mappings (W^X, guard page below the stack) and switches translation on.
void page_start(void);

// A fresh address space with the kernel's mappings in it; 0 when there is no memory.
page_table page_space_new(void);
// Makes the page tables that [address, address + bytes) needs; false when there is no memory.
bool page_space_prepare(page_table root, uint64_t address, uint64_t bytes);
// Maps page-aligned `bytes` at a prepared address with PTE_READ, _WRITE, _EXECUTE bits; no bits: unmaps.
void page_map_user(page_table root, uint64_t address, uint64_t physical, uint64_t bytes,
                   uint64_t bits);
// The value of satp for an address space; page_load switches to it.
uint64_t page_satp(page_table root, uint64_t asid);
void page_load(uint64_t satp);

#endif
