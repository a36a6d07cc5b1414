// SPDX-License-Identifier: Apache-2.0
// Fingerprints: what two people read to each other to be sure that a key is the right one.
//
// The first 150 bits of BLAKE2s(static key) in base32 (RFC 4648 alphabet), six groups of five characters, each with
// a sixth to check it:
//
//     ABCDEF-GHIJKL-MNOPQR-STUVWX-YZ2345-67ABCD
//
// The check character is sum(a^(6-i) * c_i, i = 1..5) + a^(group number) over GF(32), where a^5 = a^2 + 1. It catches every
// single wrong character and every two that are swapped within a group, and two groups that are swapped; and it says
// in which group the mistake is. Finding another key with the same fingerprint costs 2^150 hashes.
#ifndef HOST_COMMON_FINGERPRINT_H
#define HOST_COMMON_FINGERPRINT_H

#include <stdint.h>

#include "dsoftbus/limits.h"

enum {
    FINGERPRINT_GROUPS = 6,
    FINGERPRINT_GROUP_CHARS = 6, // the last one checks
    FINGERPRINT_CHARS = FINGERPRINT_GROUPS * (FINGERPRINT_GROUP_CHARS + 1) - 1,
};

// Writes FINGERPRINT_CHARS characters and a closing 0. The key is public.
void fingerprint_of_key(char out[static FINGERPRINT_CHARS + 1],
                        const uint8_t static_public[static DSB_KEY_BYTES]);

enum fingerprint_error {
    FINGERPRINT_OK,
    FINGERPRINT_LENGTH,    // not 36 characters
    FINGERPRINT_CHARACTER, // one that never occurs
    FINGERPRINT_GROUP,     // a group that does not check: mistyped
};

// Reads what somebody typed into its canonical form: either case; blanks and '-' anywhere; 0, 1 and 8 as O, I and B.
// On an error `out` is the empty string and *group (may be NULL) the number, from 1, of the first bad group, or 0.
enum fingerprint_error fingerprint_read(char out[static FINGERPRINT_CHARS + 1], unsigned *group,
                                        const char *typed) __attribute__((warn_unused_result));

#endif
