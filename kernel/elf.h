// SPDX-License-Identifier: Apache-2.0
// Process images: a total check of an ELF file, and where its segments are.
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include <stdint.h>

#define ELF_SEGMENTS_MAX 4

struct elf_segment {
    uint64_t address, offset, file_bytes, memory_bytes;
    uint8_t writable, executable; // never both
};

struct elf_image {
    uint64_t entry;
    uint32_t segment_count;
    struct elf_segment segments[ELF_SEGMENTS_MAX];
};

// Accepts a static rv64 executable whose segments lie page-aligned, apart and in order in
// [NEURON_IMAGE_BASE, NEURON_IMAGE_END), inside the file, each either writable or executable or neither, whose entry is
// in an executable one, and whose note names NEURON_ABI_VERSION. Returns 0 and fills *out, or a text that says
// what is wrong, with *out unspecified.
const char *elf_check(struct elf_image *out, const uint8_t *file, uint64_t file_bytes);

#endif
