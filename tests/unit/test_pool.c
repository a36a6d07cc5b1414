// SPDX-License-Identifier: Apache-2.0
// Pools: every block once, the warmest first, and none touched before its time.
#include "tests/unit/noise_fixture.h"

#include "dsoftbus/pool.h"

enum { BLOCKS = 5, BLOCK_BYTES = 7 };

static void test_every_block_once(void **state)
{
    (void)state;
    uint8_t memory[BLOCKS * BLOCK_BYTES];
    struct pool pool;
    uint16_t blocks[BLOCKS];

    pool_init(&pool, memory, BLOCK_BYTES, BLOCKS);
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = pool_take(&pool);
        assert_int_not_equal(blocks[i], 0);
        memset(pool_block(&pool, blocks[i]), i, BLOCK_BYTES);
    }
    assert_int_equal(pool.used, BLOCKS);
    assert_int_equal(pool_take(&pool), 0);
    for (int i = 0; i < BLOCKS; i++) { // they do not overlap
        const uint8_t *block = pool_block(&pool, blocks[i]);
        for (int j = 0; j < BLOCK_BYTES; j++) {
            assert_int_equal(block[j], i);
        }
        assert_true(block >= memory && block + BLOCK_BYTES <= memory + sizeof memory);
    }
    pool_give(&pool, blocks[3]);
    pool_give(&pool, blocks[0]);
    assert_int_equal(pool_take(&pool), blocks[0]); // the one given back last
    assert_int_equal(pool_take(&pool), blocks[3]);
    assert_int_equal(pool_take(&pool), 0);
    for (int i = 0; i < BLOCKS; i++) {
        pool_give(&pool, blocks[i]);
    }
    assert_int_equal(pool.used, 0);
}

static void test_untouched_until_taken(void **state)
{
    (void)state;
    uint8_t memory[BLOCKS * BLOCK_BYTES];
    struct pool pool;

    memset(memory, 0xa5, sizeof memory);
    pool_init(&pool, memory, BLOCK_BYTES, BLOCKS);
    for (int i = 0; i < 100; i++) { // one in use at a time: one block is ever touched
        uint16_t block = pool_take(&pool);
        memset(pool_block(&pool, block), 0, BLOCK_BYTES);
        pool_give(&pool, block);
    }
    for (size_t i = BLOCK_BYTES; i < sizeof memory; i++) {
        assert_int_equal(memory[i], 0xa5);
    }
}

static void test_empty_pool(void **state)
{
    (void)state;
    struct pool pool;

    pool_init(&pool, NULL, 0, 0);
    assert_int_equal(pool_take(&pool), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_block_once),
        cmocka_unit_test(test_untouched_until_taken),
        cmocka_unit_test(test_empty_pool),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
