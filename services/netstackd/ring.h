// SPDX-License-Identifier: Apache-2.0
// A byte ring over memory of the owner's.
#ifndef SERVICES_NETSTACKD_RING_H
#define SERVICES_NETSTACKD_RING_H

#include <stdint.h>

struct ring {
    uint8_t *bytes;
    uint32_t size;
    uint32_t first; // where the oldest byte lies
    uint32_t used;
};

void ring_start(struct ring *ring, uint8_t *bytes, uint32_t size);
static inline uint32_t ring_room(const struct ring *ring)
{
    return ring->size - ring->used;
}
// len <= ring_room.
void ring_put(struct ring *ring, const void *data, uint32_t len);
// len <= ring->used. `data` may be 0: the bytes are dropped.
void ring_get(void *data, struct ring *ring, uint32_t len);

#endif
