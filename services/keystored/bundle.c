// SPDX-License-Identifier: Apache-2.0
// Finds one process's part of a bundle.
#include "services/keystored/bundle.h"

static const char keyword[] = "process ";

// One line: it ends before its newline, or where the bundle ends.
struct line {
    const uint8_t *at;
    size_t len;
};

static bool line_is(struct line line, const char *start, const char *rest)
{
    size_t i = 0;
    for (; *start != 0; start++, i++) {
        if (i >= line.len || line.at[i] != (uint8_t)*start) {
            return false;
        }
    }
    for (; *rest != 0; rest++, i++) {
        if (i >= line.len || line.at[i] != (uint8_t)*rest) {
            return false;
        }
    }
    return i == line.len;
}

static bool line_starts(struct line line, const char *start)
{
    for (size_t i = 0; start[i] != 0; i++) {
        if (i >= line.len || line.at[i] != (uint8_t)start[i]) {
            return false;
        }
    }
    return true;
}

bool bundle_find(const uint8_t **text, size_t *text_len, const uint8_t *bundle, size_t bundle_len,
                 const char *process)
{
    const uint8_t *end = bundle + bundle_len;
    bool found = false;
    for (const uint8_t *at = bundle; at < end;) {
        struct line line = {at, 0};
        while (at < end && *at != '\n') {
            at++;
        }
        line.len = (size_t)(at - line.at);
        at = at < end ? at + 1 : end;
        if (found && line_starts(line, keyword)) {
            *text_len = (size_t)(line.at - *text);
            return true;
        }
        if (!found && line_is(line, keyword, process)) {
            found = true;
            *text = at;
        }
    }
    if (found) {
        *text_len = (size_t)(end - *text);
    }
    return found;
}
