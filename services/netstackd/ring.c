// SPDX-License-Identifier: Apache-2.0
// A byte ring.
#include "services/netstackd/ring.h"

#include "services/lib/string.h"

void ring_start(struct ring *ring, uint8_t *bytes, uint32_t size)
{
    *ring = (struct ring){.bytes = bytes, .size = size};
}

void ring_put(struct ring *ring, const void *data, uint32_t len)
{
    if (ring->used == 0) {
        ring->first = 0; // in one piece, and aligned
    }
    uint32_t at = ring->first + ring->used;
    at -= at >= ring->size ? ring->size : 0;
    uint32_t piece = len < ring->size - at ? len : ring->size - at;
    memcpy(ring->bytes + at, data, piece);
    memcpy(ring->bytes, (const uint8_t *)data + piece, len - piece);
    ring->used += len;
}

void ring_get(void *data, struct ring *ring, uint32_t len)
{
    uint32_t piece = len < ring->size - ring->first ? len : ring->size - ring->first;
    if (data != 0) {
        memcpy(data, ring->bytes + ring->first, piece);
        memcpy((uint8_t *)data + piece, ring->bytes, len - piece);
    }
    ring->first += len;
    ring->first -= ring->first >= ring->size ? ring->size : 0;
    ring->used -= len;
}
