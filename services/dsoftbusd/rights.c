// SPDX-License-Identifier: Apache-2.0
// A short list, looked through row by row.
#include "services/dsoftbusd/rights.h"

const char *right_kind_name(enum right_kind kind)
{
    switch (kind) {
    case RIGHT_OFFERS:
        return "offers";
    case RIGHT_OPENS:
        return "opens";
    case RIGHT_PINGS:
        return "pings";
    }
    return "unknown";
}

static bool is_any(const char *pattern)
{
    return pattern[0] == '*' && pattern[1] == '\0';
}

// A name that contains a 0 matches nothing: the pattern ends there, the name does not.
static bool matches(const char *pattern, struct label name)
{
    if (is_any(pattern) && name.len > 0) {
        return true;
    }
    size_t i = 0;
    while (i < name.len && pattern[i] != '\0' && (uint8_t)pattern[i] == name.bytes[i]) {
        i++;
    }
    return i == name.len && pattern[i] == '\0';
}

bool rights_allow(const struct rights *rights, uint32_t process, enum right_kind kind,
                  struct label peer, struct label service)
{
    for (size_t i = 0; i < rights->count; i++) {
        const struct right *row = &rights->rows[i];
        if (row->process == process && row->kind == kind && matches(row->peer, peer) &&
            matches(row->service, service)) {
            return true;
        }
    }
    return false;
}
