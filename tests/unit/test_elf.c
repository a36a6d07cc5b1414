// SPDX-License-Identifier: Apache-2.0
// The kernel's check of process images: one good image, each fault by name, and no input without an answer.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/abi/neuron.h"
#include "kernel/elf.h"

enum { FILE_BYTES = 4096, PROGRAM_HEADERS = 64, HEADER_BYTES = 56, TEXT = 512, NOTE = 1024 };

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static void put_program_header(uint8_t *file, unsigned i, uint32_t type, uint32_t flags,
                               uint64_t offset, uint64_t address, uint64_t file_bytes,
                               uint64_t memory_bytes)
{
    uint8_t *h = file + PROGRAM_HEADERS + (size_t)HEADER_BYTES * i;
    put(h, type, 4);
    put(h + 4, flags, 4);
    put(h + 8, offset, 8);
    put(h + 16, address, 8);
    put(h + 32, file_bytes, 8);
    put(h + 40, memory_bytes, 8);
}

// Text, data and a note: what the linker script makes.
static void make_image(uint8_t file[static FILE_BYTES])
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    memset(file, 0, FILE_BYTES);
    memcpy(file, ident, sizeof ident);
    put(file + 16, 2, 2);       // executable
    put(file + 18, 243, 2);     // RISC-V
    put(file + 24, 0x10000, 8); // entry
    put(file + 32, PROGRAM_HEADERS, 8);
    put(file + 54, HEADER_BYTES, 2);
    put(file + 56, 3, 2);
    put_program_header(file, 0, 1, 5, TEXT, 0x10000, 256, 256);
    put_program_header(file, 1, 1, 6, TEXT + 256, 0x11000, 128, 8192);
    put_program_header(file, 2, 4, 4, NOTE, 0, 24, 24);
    put(file + NOTE, 7, 4);
    put(file + NOTE + 4, 4, 4);
    put(file + NOTE + 8, 1, 4);
    memcpy(file + NOTE + 12, "neuron", 7);
    put(file + NOTE + 20, NEURON_ABI_VERSION, 4);
}

static void good_image(void **state)
{
    (void)state;
    uint8_t file[FILE_BYTES];
    struct elf_image image;
    make_image(file);
    assert_null(elf_check(&image, file, sizeof file));
    assert_int_equal(image.entry, 0x10000);
    assert_int_equal(image.segment_count, 2);
    assert_int_equal(image.segments[0].executable, 1);
    assert_int_equal(image.segments[0].writable, 0);
    assert_int_equal(image.segments[1].address, 0x11000);
    assert_int_equal(image.segments[1].memory_bytes, 8192);
    assert_int_equal(image.segments[1].writable, 1);
}

// One value changed, and what is said of it.
static const struct fault {
    unsigned offset, bytes;
    uint64_t value;
    const char *error;
} faults[] = {
    {0, 1, 0x7e, "not a 64-bit little-endian ELF file"},
    {4, 1, 1, "not a 64-bit little-endian ELF file"},
    {16, 2, 3, "not a RISC-V executable"},
    {18, 2, 62, "not a RISC-V executable"},
    {54, 2, 32, "program header size"},
    {56, 2, 0, "number of program headers"},
    {56, 2, 9, "number of program headers"},
    {32, 8, FILE_BYTES - 1, "program headers truncated"},
    {32, 8, UINT64_MAX, "program headers truncated"},
    {PROGRAM_HEADERS + 8, 8, FILE_BYTES, "segment outside the file"},
    {PROGRAM_HEADERS + 8, 8, UINT64_MAX, "segment outside the file"},
    {PROGRAM_HEADERS + 32, 8, UINT64_MAX, "segment outside the file"},
    {PROGRAM_HEADERS + 40, 8, 255, "segment size"},
    {PROGRAM_HEADERS + 40, 8, UINT64_MAX, "segment address"},
    {PROGRAM_HEADERS + 16, 8, 0xf000, "segment address"},
    {PROGRAM_HEADERS + 16, 8, 0x10008, "segment address"},
    {PROGRAM_HEADERS + 16, 8, 0x12000, "segment address"}, // above the next one
    {PROGRAM_HEADERS + 16, 8, NEURON_IMAGE_END, "segment address"},
    {PROGRAM_HEADERS + 16, 8, 0x80200000, "segment address"},
    {PROGRAM_HEADERS + 16, 8, 0xfffffffffffff000, "segment address"},
    {PROGRAM_HEADERS + 4, 4, 7, "segment both writable and executable"},
    {PROGRAM_HEADERS + 4, 4, 4, "entry outside the text"},
    {24, 8, 0x10001, "entry outside the text"},
    {24, 8, 0x10100, "entry outside the text"},
    {24, 8, 0x11000, "entry outside the text"},
    {PROGRAM_HEADERS + 2 * HEADER_BYTES, 4, 6, "no ABI note"},
    {PROGRAM_HEADERS + 2 * HEADER_BYTES + 8, 8, FILE_BYTES - 4, "ABI note truncated"},
    {PROGRAM_HEADERS + 2 * HEADER_BYTES + 32, 8, 23, "ABI note truncated"},
    {NOTE, 4, 8, "ABI note malformed"},
    {NOTE + 4, 4, 8, "ABI note malformed"},
    {NOTE + 8, 4, 2, "ABI note malformed"},
    {NOTE + 12, 1, 'N', "ABI note malformed"},
    {NOTE + 20, 4, NEURON_ABI_VERSION + 1, "built for another ABI version"},
};

static void each_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        uint8_t file[FILE_BYTES];
        struct elf_image image;
        make_image(file);
        put(file + faults[i].offset, faults[i].value, faults[i].bytes);
        const char *error = elf_check(&image, file, sizeof file);
        if (error == NULL || strcmp(error, faults[i].error) != 0) {
            fail_msg("row %zu: got '%s', expected '%s'", i, error ? error : "accepted",
                     faults[i].error);
        }
    }
}

// Every length, in memory of exactly that length: nothing is read behind the end.
static void truncated(void **state)
{
    (void)state;
    uint8_t file[FILE_BYTES];
    make_image(file);
    for (size_t len = 0; len < NOTE + 24; len++) {
        uint8_t *copy = malloc(len == 0 ? 1 : len);
        struct elf_image image;
        memcpy(copy, file, len);
        assert_non_null(elf_check(&image, copy, len));
        free(copy);
    }
}

// Random damage: whatever is accepted has properties that the loader relies on.
static void damaged(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (unsigned round = 0; round < 200000; round++) {
        uint8_t file[FILE_BYTES];
        struct elf_image image;
        make_image(file);
        for (unsigned k = 0; k < 1 + round % 4; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            unsigned at = (unsigned)(random >> 33) % 2 ? (unsigned)(random >> 40) % 232
                                                       : NOTE + (unsigned)(random >> 40) % 24;
            file[at] = (uint8_t)(random >> 56);
        }
        if (elf_check(&image, file, sizeof file) != NULL) {
            continue;
        }
        uint64_t lowest = NEURON_IMAGE_BASE;
        for (unsigned i = 0; i < image.segment_count; i++) {
            const struct elf_segment *s = &image.segments[i];
            assert_true(s->address >= lowest && s->address % 4096 == 0);
            assert_true(s->memory_bytes <= NEURON_IMAGE_END && s->address <= NEURON_IMAGE_END);
            assert_true(s->address + s->memory_bytes <= NEURON_IMAGE_END);
            assert_true(s->file_bytes <= s->memory_bytes);
            assert_true(s->offset <= FILE_BYTES && s->file_bytes <= FILE_BYTES - s->offset);
            assert_false(s->writable && s->executable);
            lowest = s->address + s->memory_bytes;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_image),
        cmocka_unit_test(each_fault),
        cmocka_unit_test(truncated),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
