// SPDX-License-Identifier: Apache-2.0
// Fingerprints in base32 with check characters.
#include "host/common/fingerprint.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "noise/blake2s.h"

enum {
    DATA_CHARS = FINGERPRINT_GROUP_CHARS - 1,
    ALL_CHARS = FINGERPRINT_GROUPS * FINGERPRINT_GROUP_CHARS,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// a * x in GF(32) with a^5 = a^2 + 1.
static unsigned times_a(unsigned x)
{
    return ((x << 1) & 31) ^ ((x >> 4) * 5);
}

// By Horner's rule: the first of the five has the highest weight; group counts from 0.
static unsigned check_value(const uint8_t values[static DATA_CHARS], unsigned group)
{
    unsigned sum = 0, constant = 1;

    for (size_t i = 0; i < DATA_CHARS; i++) {
        sum = times_a(sum ^ values[i]);
    }
    for (unsigned i = 0; i <= group; i++) {
        constant = times_a(constant);
    }
    return sum ^ constant;
}

// The 5 bits that begin at bit 5 * index, most significant first.
static uint8_t five_bits(const uint8_t *bytes, size_t index)
{
    size_t bit = 5 * index;
    unsigned two = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];

    return (uint8_t)(two >> (11 - bit % 8) & 31);
}

static void write_group(char *out, const uint8_t values[static DATA_CHARS], unsigned group)
{
    for (size_t i = 0; i < DATA_CHARS; i++) {
        out[i] = alphabet[values[i]];
    }
    out[DATA_CHARS] = alphabet[check_value(values, group)];
}

void fingerprint_of_key(char out[static FINGERPRINT_CHARS + 1],
                        const uint8_t static_public[static DSB_KEY_BYTES])
{
    uint8_t hash[BLAKE2S_HASH_LEN];

    blake2s(hash, static_public, DSB_KEY_BYTES);
    for (unsigned group = 0; group < FINGERPRINT_GROUPS; group++) {
        uint8_t values[DATA_CHARS];
        for (size_t i = 0; i < DATA_CHARS; i++) {
            values[i] = five_bits(hash, (size_t)group * DATA_CHARS + i);
        }
        write_group(out, values, group);
        out[FINGERPRINT_GROUP_CHARS] = '-';
        out += FINGERPRINT_GROUP_CHARS + 1;
    }
    out[-1] = 0;
}

// 0..31, or -1.
static int value_of(char c)
{
    const char *typos = "0O1I8B";
    const char *found;

    for (size_t i = 0; typos[i] != 0; i += 2) {
        c = c == typos[i] ? typos[i + 1] : c;
    }
    found = c == 0 ? NULL : strchr(alphabet, toupper((unsigned char)c));
    return found == NULL ? -1 : (int)(found - alphabet);
}

static enum fingerprint_error collect(uint8_t values[static ALL_CHARS], const char *typed)
{
    size_t count = 0;

    for (; *typed != 0; typed++) {
        int value = value_of(*typed);
        if (*typed == '-' || *typed == ' ') {
            continue;
        }
        if (value < 0) {
            return FINGERPRINT_CHARACTER;
        }
        if (count == ALL_CHARS) {
            return FINGERPRINT_LENGTH;
        }
        values[count++] = (uint8_t)value;
    }
    return count == ALL_CHARS ? FINGERPRINT_OK : FINGERPRINT_LENGTH;
}

enum fingerprint_error fingerprint_read(char out[static FINGERPRINT_CHARS + 1], unsigned *group,
                                        const char *typed)
{
    uint8_t values[ALL_CHARS];
    enum fingerprint_error error = collect(values, typed);

    out[0] = 0;
    if (group != NULL) {
        *group = 0;
    }
    if (error != FINGERPRINT_OK) {
        return error;
    }
    for (unsigned i = 0; i < FINGERPRINT_GROUPS; i++) {
        const uint8_t *of_group = values + (size_t)i * FINGERPRINT_GROUP_CHARS;
        if (check_value(of_group, i) != of_group[DATA_CHARS]) {
            if (group != NULL) {
                *group = i + 1;
            }
            return FINGERPRINT_GROUP;
        }
    }
    for (unsigned i = 0; i < FINGERPRINT_GROUPS; i++) {
        char *place = out + (size_t)i * (FINGERPRINT_GROUP_CHARS + 1);
        write_group(place, values + (size_t)i * FINGERPRINT_GROUP_CHARS, i);
        place[FINGERPRINT_GROUP_CHARS] = i + 1 == FINGERPRINT_GROUPS ? 0 : '-';
    }
    return FINGERPRINT_OK;
}
