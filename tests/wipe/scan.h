// SPDX-License-Identifier: Apache-2.0
// The secrets, masked, and the search for them in everything that the process can write to.
#ifndef TESTS_WIPE_SCAN_H
#define TESTS_WIPE_SCAN_H

#include <stddef.h>
#include <stdint.h>

struct found {
    unsigned count;
    unsigned number;      // of the first secret found
    const uint8_t *where; // the first place
};

// Shared with processes that are forked from here on.
void secrets_begin(void);
void secrets_add(unsigned number, const uint8_t *secret);
void secrets_may_live(unsigned number, unsigned where);

// Looks through all writable memory but [skip, skip + skip_len).
struct found secrets_find(const void *skip, size_t skip_len);

#endif
