// SPDX-License-Identifier: Apache-2.0
// Sv39: three levels of 512 entries; a user address space and the kernel's share a root table.
#include "kernel/page.h"

#include "kernel/abi/neuron.h"
#include "kernel/console.h"
#include "kernel/layout.h"
#include "kernel/string.h"

enum { ENTRIES = 512 };

extern uint8_t text_start[], text_end[], rodata_end[], kernel_end[], kernel_stack_guard[];

static uint8_t *free_frames = kernel_end;
static uint64_t kernel_root[ENTRIES] __attribute__((aligned(PAGE_BYTES)));

static unsigned index_at(uint64_t address, unsigned level)
{
    return (unsigned)(address >> (12 + 9 * level)) % ENTRIES;
}

static uint64_t entry_of(uint64_t physical, uint64_t bits)
{
    return physical >> 2 | bits;
}

static page_table table_of(uint64_t entry)
{
    return (page_table)(entry >> 10 << 12);
}

void *page_take(uint64_t count)
{
    uint64_t left = (uint64_t)(RAM_END - (uint64_t)free_frames) / PAGE_BYTES;
    if (count > left) {
        return 0;
    }
    void *frames = free_frames;
    free_frames += count * PAGE_BYTES;
    return frames;
}

void *page_take_zeroed(uint64_t count)
{
    void *frames = page_take(count);
    return frames == 0 ? 0 : memset(frames, 0, count * PAGE_BYTES);
}

// The entry for `address` on `level` (0: pages, 1: 2 MiB), with its tables made when they are missing.
static uint64_t *walk_making(page_table root, uint64_t address, unsigned level)
{
    page_table table = root;
    for (unsigned l = 2; l > level; l--) {
        uint64_t *entry = &table[index_at(address, l)];
        if ((*entry & PTE_VALID) == 0) {
            void *fresh = page_take_zeroed(1);
            if (fresh == 0) {
                return 0;
            }
            *entry = entry_of((uint64_t)fresh, PTE_VALID);
        }
        table = table_of(*entry);
    }
    return &table[index_at(address, level)];
}

static void map_kernel(uint64_t virtual, uint64_t physical, uint64_t bytes, uint64_t bits)
{
    for (uint64_t done = 0; done < bytes;) {
        bool mega = (virtual + done) % MEGA_BYTES == 0 && (physical + done) % MEGA_BYTES == 0 &&
                    bytes - done >= MEGA_BYTES;
        uint64_t *entry = walk_making(kernel_root, virtual + done, mega ? 1 : 0);
        ASSERT(entry != 0);
        *entry =
            entry_of(physical + done, bits | PTE_VALID | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY);
        done += mega ? MEGA_BYTES : PAGE_BYTES;
    }
}

static void map_ram(const uint8_t *from, const uint8_t *to, uint64_t bits)
{
    map_kernel((uint64_t)from, (uint64_t)from, (uint64_t)(to - from), bits);
}

// Address-space identifiers let the TLB keep entries across a switch. Not every hart has them: 4.1.11.
static bool has_asids;

void page_load(uint64_t space)
{
    csr_write(satp, space);
    if (!has_asids) {
        tlb_flush();
    }
}

void page_start(void)
{
    map_ram(text_start, text_end, PTE_READ | PTE_EXECUTE);
    map_ram(text_end, rodata_end, PTE_READ);
    map_ram(rodata_end, kernel_stack_guard, PTE_READ | PTE_WRITE);
    map_ram(kernel_stack_guard + PAGE_BYTES, (const uint8_t *)RAM_END, PTE_READ | PTE_WRITE);
    map_kernel(PLIC_VIRTUAL, PLIC_PHYSICAL, 2 * MEGA_BYTES, PTE_READ | PTE_WRITE);
    map_kernel(UART_VIRTUAL, UART_PHYSICAL, PAGE_BYTES, PTE_READ | PTE_WRITE);
    map_kernel(POWER_VIRTUAL, POWER_PHYSICAL, PAGE_BYTES, PTE_READ | PTE_WRITE);
    csr_write(satp, page_satp(kernel_root, NEURON_PROCESSES_MAX));
    has_asids = csr_read(satp) == page_satp(kernel_root, NEURON_PROCESSES_MAX);
    tlb_flush();
    console_map();
}

page_table page_space_new(void)
{
    page_table root = page_take(1);
    if (root == 0) {
        return 0;
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        root[i] = kernel_root[i];
    }
    return root;
}

bool page_space_prepare(page_table root, uint64_t address, uint64_t bytes)
{
    for (uint64_t a = address - address % PAGE_BYTES; a < address + bytes; a += PAGE_BYTES) {
        if (walk_making(root, a, 0) == 0) {
            return false;
        }
    }
    return true;
}

void page_map_user(page_table root, uint64_t address, uint64_t physical, uint64_t bytes,
                   uint64_t bits)
{
    for (uint64_t done = 0; done < bytes; done += PAGE_BYTES) {
        uint64_t *entry = walk_making(root, address + done, 0);
        ASSERT(entry != 0);
        *entry = bits == 0 ? 0
                           : entry_of(physical + done,
                                      bits | PTE_VALID | PTE_USER | PTE_ACCESSED | PTE_DIRTY);
    }
    tlb_flush();
}

uint64_t page_satp(page_table root, uint64_t asid)
{
    return SATP_SV39 | asid << SATP_ASID_SHIFT | (uint64_t)root / PAGE_BYTES;
}
