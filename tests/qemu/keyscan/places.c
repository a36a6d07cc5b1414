// SPDX-License-Identifier: Apache-2.0
// Looks at every position of every view.
#include "tests/qemu/keyscan/places.h"

#include <stdio.h>

#include "tests/qemu/keyscan/views.h"

enum { PRINTED_MAX = 10 };

static size_t line_of(const struct place *place, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++) {
        line += place->data[i] == '\n';
    }
    return line;
}

static void report(const struct place *place, enum view_kind kind, const struct needle_hit *hit,
                   size_t at)
{
    char what[NEEDLE_TEXT_CHARS];
    needle_describe(what, hit->needle);
    printf("keyscan: FOUND %s, %s, %zu of %d bytes, in %s ", what, view_name(kind), hit->len,
           NEEDLE_BYTES, place->name);
    if (place->is_text) {
        printf("line %zu\n", line_of(place, at));
    } else {
        printf("at byte %zu\n", at);
    }
}

static size_t search_view(const struct place *place, enum view_kind kind, const struct view *view,
                          const struct needles *needles)
{
    size_t found = 0;
    for (size_t at = 0; at + PIECE_BYTES <= view->len;) {
        struct needle_hit hit;
        if (!needles_find(needles, &hit, view->bytes, view->len, at)) {
            at++;
            continue;
        }
        if (found++ < PRINTED_MAX) {
            report(place, kind, &hit, view->origin[hit.start]);
        }
        at = hit.start + hit.len;
    }
    if (found > PRINTED_MAX) {
        printf("keyscan: and %zu more, %s, in %s\n", found - PRINTED_MAX, view_name(kind),
               place->name);
    }
    return found;
}

size_t place_search(const struct place *place, const struct needles *needles)
{
    struct view view = {0};
    size_t found = 0;
    for (enum view_kind kind = VIEW_RAW; kind < VIEW_KINDS; kind++) {
        view_make(&view, kind, place->data, place->len);
        found += search_view(place, kind, &view, needles);
    }
    view_free(&view);
    return found;
}
