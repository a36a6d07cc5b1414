// SPDX-License-Identifier: Apache-2.0
// Blocks: a list through the free ones, and the ones that were never taken behind it.
#include "dsoftbus/pool.h"

#include "dsoftbus/bytes.h"

enum { LINK_BYTES = 2 };

void pool_init(struct pool *pool, uint8_t *memory, size_t block_bytes, uint16_t max)
{
    DSB_ASSERT(max == 0 || (memory != NULL && block_bytes >= LINK_BYTES));
    *pool = (struct pool){.block_bytes = block_bytes, .max = max};
    pool->memory = memory;
}

uint8_t *pool_block(const struct pool *pool, uint16_t block)
{
    DSB_ASSERT(block != 0 && block <= pool->fresh);
    return pool->memory + (size_t)(block - 1) * pool->block_bytes;
}

uint16_t pool_take(struct pool *pool)
{
    uint16_t block = pool->free;

    if (block != 0) {
        pool->free = load_be16(pool_block(pool, block));
    } else if (pool->fresh < pool->max) {
        block = ++pool->fresh;
    }
    if (block != 0) {
        pool->used++;
    }
    return block;
}

void pool_give(struct pool *pool, uint16_t block)
{
    DSB_ASSERT(pool->used > 0);
    store_be16(pool_block(pool, block), pool->free);
    pool->free = block;
    pool->used--;
}
