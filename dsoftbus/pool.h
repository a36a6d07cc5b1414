// SPDX-License-Identifier: Apache-2.0
// Equal blocks of the caller's memory, taken while they are needed.
//
// The block that was given back last is taken first, and a block that nobody has taken yet is not touched: on a system
// with virtual memory a pool costs what has been in use at one time, not what it could hold.
#ifndef DSOFTBUS_POOL_H
#define DSOFTBUS_POOL_H

#include <stddef.h>
#include <stdint.h>

// Members are the pool's own.
struct pool {
    uint8_t *memory;
    size_t block_bytes;
    uint16_t max, used;
    uint16_t fresh; // blocks below it have been taken before
    uint16_t free;  // the one given back last, + 1; its first bytes name the one before
};

// max blocks of block_bytes (at least 2) each. The memory stays in use.
void pool_init(struct pool *pool, uint8_t *memory, size_t block_bytes, uint16_t max);

// A block, by its number, which is never 0; 0: all are in use.
uint16_t pool_take(struct pool *pool) __attribute__((warn_unused_result));

// Gives one back. Wiping it is the caller's business.
void pool_give(struct pool *pool, uint16_t block);

// The memory of a block that is taken.
uint8_t *pool_block(const struct pool *pool, uint16_t block);

#endif
