// SPDX-License-Identifier: Apache-2.0
// Where keys are looked for: a log, a capture, a stream of it. Every view of every place is searched.
#ifndef TESTS_QEMU_KEYSCAN_PLACES_H
#define TESTS_QEMU_KEYSCAN_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/qemu/keyscan/needles.h"

struct place {
    const char *name; // a file, or a stream of one
    const uint8_t *data;
    size_t len;
    bool is_text; // a find is told by its line
};

// Prints a line for each piece of a key that is found, and never the key; gives the number of finds. Of one place
// and view only the first few are printed.
size_t place_search(const struct place *place, const struct needles *needles);

#endif
