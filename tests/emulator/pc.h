// SPDX-License-Identifier: Apache-2.0
// The bare PC that boot.S leaves: a line to write on, the disk, and an end.
#ifndef TESTS_EMULATOR_PC_H
#define TESTS_EMULATOR_PC_H

#include <stddef.h>
#include <stdint.h>

enum {
    PC_SECTOR_LEN = 512,
    PC_DATA_SECTOR = 2048, // run_emulator.py puts a file there
};

// What compilers take for granted.
void *memcpy(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);

void pc_start(void);
void pc_print(const char *text);
void pc_print_number(unsigned n);
void pc_read_disk(uint8_t *out, uint32_t sector, uint32_t sectors);
void pc_stop(void);

#endif
