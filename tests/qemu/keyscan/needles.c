// SPDX-License-Identifier: Apache-2.0
// A hash table of blocks, behind a filter that lets most positions pass at the price of one bit.
#include "tests/qemu/keyscan/needles.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/qemu/keyscan/memory.h"

enum {
    BLOCKS = NEEDLE_BYTES / PIECE_BYTES,
    FILTER_BITS_LOG2 = 24,
};

struct needle_slot {
    uint64_t block;
    uint32_t needle_plus_1; // 0: free
    uint32_t offset;        // of the block in the key
};

void needles_add(struct needles *set, const uint8_t bytes[static NEEDLE_BYTES],
                 const struct needle_name *name)
{
    assert(set->slots == NULL);
    if (set->count == set->cap) {
        set->cap = set->cap == 0 ? 1024 : 2 * set->cap;
        set->list = memory_resize(set->list, set->cap, sizeof *set->list);
    }
    struct needle *needle = &set->list[set->count++];
    memcpy(needle->bytes, bytes, NEEDLE_BYTES);
    needle->name = *name;
}

void needles_free(struct needles *set)
{
    free(set->list);
    free(set->slots);
    free(set->filter);
    *set = (struct needles){0};
}

// ---- The index ----------------------------------------------------------------------------------------------

static uint64_t load_block(const uint8_t *bytes)
{
    uint64_t block;
    memcpy(&block, bytes, sizeof block);
    return block;
}

// Multiplicative, by the golden ratio: the upper bits are the well mixed ones.
static uint64_t block_hash(uint64_t block)
{
    return block * UINT64_C(0x9e3779b97f4a7c15);
}

static size_t filter_bit(uint64_t block)
{
    return (size_t)(block_hash(block) >> (64 - FILTER_BITS_LOG2));
}

static bool filter_passes(const struct needles *set, uint64_t block)
{
    size_t bit = filter_bit(block);
    return (set->filter[bit / 8] >> bit % 8 & 1) != 0;
}

static size_t first_slot(const struct needles *set, uint64_t block)
{
    return (size_t)(block_hash(block) >> 20) & (set->slots_max - 1);
}

static size_t next_slot(const struct needles *set, size_t slot)
{
    return (slot + 1) & (set->slots_max - 1);
}

static bool is_known(const struct needles *set, const uint8_t bytes[static NEEDLE_BYTES])
{
    uint64_t block = load_block(bytes);
    for (size_t i = first_slot(set, block); set->slots[i].needle_plus_1 != 0;
         i = next_slot(set, i)) {
        const struct needle_slot *slot = &set->slots[i];
        if (slot->offset == 0 &&
            memcmp(set->list[slot->needle_plus_1 - 1].bytes, bytes, NEEDLE_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void index_needle(struct needles *set, size_t number)
{
    for (uint32_t offset = 0; offset < NEEDLE_BYTES; offset += PIECE_BYTES) {
        uint64_t block = load_block(set->list[number].bytes + offset);
        size_t bit = filter_bit(block);
        size_t i = first_slot(set, block);
        while (set->slots[i].needle_plus_1 != 0) {
            i = next_slot(set, i);
        }
        set->slots[i] = (struct needle_slot){block, (uint32_t)number + 1, offset};
        set->filter[bit / 8] = (uint8_t)(set->filter[bit / 8] | 1u << bit % 8);
    }
}

void needles_index(struct needles *set)
{
    size_t kept = 0;
    assert(set->slots == NULL && set->count < UINT32_MAX / BLOCKS);
    set->slots_max = 64;
    while (set->slots_max < set->count * BLOCKS * 2) {
        set->slots_max *= 2;
    }
    set->slots = memory_zeroed(set->slots_max, sizeof *set->slots);
    set->filter = memory_zeroed((size_t)1 << (FILTER_BITS_LOG2 - 3), 1);
    for (size_t i = 0; i < set->count; i++) {
        if (!is_known(set, set->list[i].bytes)) {
            set->list[kept] = set->list[i];
            index_needle(set, kept++);
        }
    }
    set->count = kept;
}

// ---- The search ---------------------------------------------------------------------------------------------

static size_t piece_min(enum needle_kind kind)
{
    return kind == NEEDLE_STATIC || kind == NEEDLE_ROOT_SEED ? PIECE_BYTES_PROVISIONED
                                                             : PIECE_BYTES;
}

// How far the key goes on in the data to both sides of its block.
static struct needle_hit grow(const struct needle *needle, size_t offset, const uint8_t *data,
                              size_t data_len, size_t at)
{
    size_t before = 0;
    size_t end = offset + PIECE_BYTES;
    while (before < offset && before < at &&
           data[at - before - 1] == needle->bytes[offset - before - 1]) {
        before++;
    }
    while (end < NEEDLE_BYTES && at + (end - offset) < data_len &&
           data[at + (end - offset)] == needle->bytes[end]) {
        end++;
    }
    return (struct needle_hit){needle, at - before, end - offset + before};
}

bool needles_find(const struct needles *set, struct needle_hit *hit, const uint8_t *data,
                  size_t data_len, size_t at)
{
    uint64_t block = load_block(data + at);
    *hit = (struct needle_hit){0};
    if (!filter_passes(set, block)) {
        return false;
    }
    for (size_t i = first_slot(set, block); set->slots[i].needle_plus_1 != 0;
         i = next_slot(set, i)) {
        const struct needle_slot *slot = &set->slots[i];
        if (slot->block == block) {
            const struct needle *needle = &set->list[slot->needle_plus_1 - 1];
            struct needle_hit found = grow(needle, slot->offset, data, data_len, at);
            if (found.len >= piece_min(needle->name.kind) && found.len > hit->len) {
                *hit = found;
            }
        }
    }
    return hit->len > 0;
}

// ---- Words --------------------------------------------------------------------------------------------------

static const char *const kind_names[] = {
    [NEEDLE_STATIC] = "static key",
    [NEEDLE_ROOT_SEED] = "root seed",
    [NEEDLE_PROCESS_SEED] = "process seed",
    [NEEDLE_GENERATOR] = "generator state",
    [NEEDLE_EPHEMERAL] = "ephemeral key",
    [NEEDLE_DH_RESULT] = "Diffie-Hellman result",
    [NEEDLE_CHAINING_KEY] = "chaining key",
    [NEEDLE_CIPHER_KEY] = "cipher key",
    [NEEDLE_TRANSPORT_I2R] = "transport key i2r",
    [NEEDLE_TRANSPORT_R2I] = "transport key r2i",
};

static void describe_number(char *out, size_t out_size, const struct needle_name *name)
{
    static const char *const token_names[] = {"es", "ee", "se"};
    switch (name->kind) {
    case NEEDLE_STATIC:
    case NEEDLE_ROOT_SEED:
        break;
    case NEEDLE_PROCESS_SEED:
    case NEEDLE_GENERATOR:
    case NEEDLE_EPHEMERAL:
        (void)snprintf(out, out_size, " %u", name->number);
        return;
    case NEEDLE_DH_RESULT:
    case NEEDLE_CHAINING_KEY:
    case NEEDLE_CIPHER_KEY:
        (void)snprintf(out, out_size, " %s", token_names[name->number]);
        return;
    case NEEDLE_TRANSPORT_I2R:
    case NEEDLE_TRANSPORT_R2I:
        (void)snprintf(out, out_size, " after %u rekeys", name->number);
        return;
    }
    out[0] = '\0';
}

void needle_describe(char out[static NEEDLE_TEXT_CHARS], const struct needle *needle)
{
    char number[32];
    const struct needle_name *name = &needle->name;
    describe_number(number, sizeof number, name);
    (void)snprintf(out, NEEDLE_TEXT_CHARS, "%s%s of %s%s%s", kind_names[name->kind], number,
                   name->owner, name->peer == NULL ? "" : " -> ",
                   name->peer == NULL ? "" : name->peer);
}
