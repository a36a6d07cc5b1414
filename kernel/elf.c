// SPDX-License-Identifier: Apache-2.0
// ELF-64 object file format, version 1.5; System V ABI, RISC-V supplement.
#include "kernel/elf.h"

#include "kernel/abi/neuron.h"
#include "kernel/riscv.h"

enum {
    HEADER_BYTES = 64,
    PROGRAM_HEADER_BYTES = 56,
    PROGRAM_HEADERS_MAX = 8,
    TYPE_EXECUTABLE = 2,
    MACHINE_RISCV = 243,
    SEGMENT_LOAD = 1,
    SEGMENT_NOTE = 4,
    FLAG_EXECUTE = 1,
    FLAG_WRITE = 2,
};

static uint16_t load_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t load_le32(const uint8_t *p)
{
    return load_le16(p) | (uint32_t)load_le16(p + 2) << 16;
}

static uint64_t load_le64(const uint8_t *p)
{
    return load_le32(p) | (uint64_t)load_le32(p + 4) << 32;
}

static const char *check_header(const uint8_t *file, uint64_t file_bytes)
{
    static const uint8_t magic[7] = {0x7f, 'E', 'L', 'F', 2 /* 64 bits */, 1 /* little-endian */,
                                     1};
    if (file_bytes < HEADER_BYTES) {
        return "ELF header truncated";
    }
    for (unsigned i = 0; i < sizeof magic; i++) {
        if (file[i] != magic[i]) {
            return "not a 64-bit little-endian ELF file";
        }
    }
    if (load_le16(file + 16) != TYPE_EXECUTABLE || load_le16(file + 18) != MACHINE_RISCV) {
        return "not a RISC-V executable";
    }
    if (load_le16(file + 54) != PROGRAM_HEADER_BYTES) {
        return "program header size";
    }
    uint64_t table = load_le64(file + 32);
    uint64_t count = load_le16(file + 56);
    if (count == 0 || count > PROGRAM_HEADERS_MAX) {
        return "number of program headers";
    }
    if (table > file_bytes || file_bytes - table < count * PROGRAM_HEADER_BYTES) {
        return "program headers truncated";
    }
    return 0;
}

// An empty segment is none.
static const char *add_segment(struct elf_image *out, const uint8_t *header, uint64_t file_bytes)
{
    if (out->segment_count == ELF_SEGMENTS_MAX) {
        return "too many segments";
    }
    uint32_t flags = load_le32(header + 4);
    struct elf_segment s = {
        .address = load_le64(header + 16),
        .offset = load_le64(header + 8),
        .file_bytes = load_le64(header + 32),
        .memory_bytes = load_le64(header + 40),
        .writable = (flags & FLAG_WRITE) != 0,
        .executable = (flags & FLAG_EXECUTE) != 0,
    };
    if (s.memory_bytes == 0 && s.file_bytes == 0) {
        return 0;
    }
    uint64_t lowest = NEURON_IMAGE_BASE;
    if (out->segment_count > 0) {
        const struct elf_segment *last = &out->segments[out->segment_count - 1];
        lowest = last->address + last->memory_bytes;
    }
    if (s.offset > file_bytes || file_bytes - s.offset < s.file_bytes) {
        return "segment outside the file";
    }
    if (s.memory_bytes < s.file_bytes) {
        return "segment size";
    }
    if (s.address % PAGE_BYTES != 0 || s.address < lowest || s.address >= NEURON_IMAGE_END ||
        s.memory_bytes > NEURON_IMAGE_END - s.address) {
        return "segment address";
    }
    if (s.writable && s.executable) {
        return "segment both writable and executable";
    }
    out->segments[out->segment_count++] = s;
    return 0;
}

// The one note we know: name "neuron", type 1, the ABI version as a u32.
static const char *check_note(const uint8_t *file, uint64_t file_bytes, const uint8_t *header)
{
    static const uint8_t name[8] = NEURON_NOTE_NAME;
    uint64_t offset = load_le64(header + 8), len = load_le64(header + 32);
    if (offset > file_bytes || file_bytes - offset < len || len < 12 + sizeof name + 4) {
        return "ABI note truncated";
    }
    const uint8_t *note = file + offset;
    if (load_le32(note) != sizeof NEURON_NOTE_NAME || load_le32(note + 4) != 4 ||
        load_le32(note + 8) != NEURON_NOTE_ABI) {
        return "ABI note malformed";
    }
    for (unsigned i = 0; i < sizeof name; i++) {
        if (note[12 + i] != name[i]) {
            return "ABI note malformed";
        }
    }
    return load_le32(note + 20) == NEURON_ABI_VERSION ? 0 : "built for another ABI version";
}

const char *elf_check(struct elf_image *out, const uint8_t *file, uint64_t file_bytes)
{
    const char *error = check_header(file, file_bytes);
    if (error != 0) {
        return error;
    }
    *out = (struct elf_image){.entry = load_le64(file + 24)};
    const uint8_t *header = file + load_le64(file + 32);
    unsigned notes = 0;
    for (unsigned i = load_le16(file + 56); i > 0; i--, header += PROGRAM_HEADER_BYTES) {
        uint32_t type = load_le32(header);
        if (type == SEGMENT_LOAD) {
            error = add_segment(out, header, file_bytes);
        } else if (type == SEGMENT_NOTE) {
            notes++;
            error = check_note(file, file_bytes, header);
        } // anything else is for debuggers
        if (error != 0) {
            return error;
        }
    }
    if (notes != 1) {
        return "no ABI note";
    }
    for (unsigned i = 0; i < out->segment_count; i++) {
        const struct elf_segment *s = &out->segments[i];
        if (s->executable && out->entry % 2 == 0 && out->entry >= s->address &&
            out->entry - s->address < s->file_bytes) {
            return 0;
        }
    }
    return "entry outside the text";
}
