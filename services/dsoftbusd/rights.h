// SPDX-License-Identifier: Apache-2.0
// What each local process may do on the bus: rows of the system manifest.
#ifndef SERVICES_DSOFTBUSD_RIGHTS_H
#define SERVICES_DSOFTBUSD_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum right_kind { RIGHT_OFFERS, RIGHT_OPENS, RIGHT_PINGS };

// "offers" and so on, as in the manifest.
const char *right_kind_name(enum right_kind kind);

// "*" is any name; "" where the kind has none.
struct right {
    uint32_t process;
    enum right_kind kind;
    const char *peer, *service;
};

struct rights {
    const struct right *rows;
    size_t count;
};

// A name as it came with a request; len 0: none.
struct label {
    const uint8_t *bytes;
    size_t len;
};

// True when some row lets the process do this. Whatever is not listed is not allowed.
bool rights_allow(const struct rights *rights, uint32_t process, enum right_kind kind,
                  struct label peer, struct label service);

#endif
