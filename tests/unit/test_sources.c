// SPDX-License-Identifier: Apache-2.0
// Half-open handshakes and failure buckets, by source address.
#include "tests/unit/noise_fixture.h"

#include "dsoftbus/sources.h"

enum { SOURCES = 4 };

struct fixture {
    struct source memory[SOURCES];
    struct source_table table;
};

static void init(struct fixture *f)
{
    memset(f, 0xa5, sizeof *f);
    sources_init(&f->table, f->memory, SOURCES);
}

static struct net_address host(uint8_t last)
{
    return (struct net_address){NET_IPV4, {10, 0, 0, last}, 1000};
}

static uint16_t find(struct fixture *f, uint64_t now_ms, uint8_t last)
{
    struct net_address address = host(last);
    return sources_find(&f->table, now_ms, &address, false);
}

static bool attempt(struct fixture *f, uint64_t now_ms, uint8_t last, bool success)
{
    uint16_t source = find(f, now_ms, last);
    if (!sources_take(&f->table, source)) {
        return false;
    }
    sources_release(&f->table, source, !success);
    return true;
}

static void test_failures_are_charged(void **state)
{
    (void)state;
    struct fixture f;

    init(&f);
    for (int i = 0; i < FAILURE_BURST; i++) {
        assert_true(attempt(&f, 0, 1, false));
    }
    assert_false(attempt(&f, 0, 1, false));
    assert_false(attempt(&f, 0, 1, true));
    assert_true(attempt(&f, 0, 2, true)); // another source
}

static void test_successes_are_free(void **state)
{
    (void)state;
    struct fixture f;

    init(&f);
    for (int i = 0; i < 100 * FAILURE_BURST; i++) {
        assert_true(attempt(&f, 0, 1, true));
    }
    assert_int_equal(f.memory[find(&f, 0, 1)].tokens, FAILURE_BURST);
}

// However many failures came before, one token is there a refill later.
static void test_the_bucket_has_no_debt(void **state)
{
    (void)state;
    struct fixture f;
    int served = 0;

    init(&f);
    for (int i = 0; i < 10000; i++) {
        served += attempt(&f, 0, 1, false);
    }
    assert_int_equal(served, FAILURE_BURST);
    assert_false(attempt(&f, FAILURE_REFILL_MS - 1, 1, true));
    assert_true(attempt(&f, FAILURE_REFILL_MS, 1, true));
}

static void test_refill_keeps_parts_and_stops_at_the_burst(void **state)
{
    (void)state;
    struct fixture f;

    init(&f);
    for (int i = 0; i < FAILURE_BURST; i++) {
        assert_true(attempt(&f, 0, 1, false));
    }
    for (uint64_t now = 100; now < UINT64_C(10) * FAILURE_REFILL_MS; now += 100) {
        find(&f, now, 1); // looking often loses nothing
    }
    uint16_t source = find(&f, UINT64_C(10) * FAILURE_REFILL_MS, 1);
    assert_int_equal(f.memory[source].tokens, 10);
    source = find(&f, UINT64_MAX, 1);
    assert_int_equal(f.memory[source].tokens, FAILURE_BURST);
}

static void test_greediest(void **state)
{
    (void)state;
    struct fixture f;
    struct net_address trusted = host(3);

    init(&f);
    assert_int_equal(sources_greediest(&f.table, false), SOURCE_NONE);
    uint16_t a = find(&f, 0, 1), b = find(&f, 0, 2);
    uint16_t c = sources_find(&f.table, 0, &trusted, true);
    assert_true(sources_take(&f.table, a));
    assert_true(sources_take(&f.table, b));
    assert_true(sources_take(&f.table, b));
    for (int i = 0; i < 3; i++) {
        assert_true(sources_take(&f.table, c));
    }
    assert_int_equal(sources_greediest(&f.table, false), c);
    assert_int_equal(sources_greediest(&f.table, true), b);
    assert_int_equal(sources_half_open(&f.table, false), 6);
    assert_int_equal(sources_half_open(&f.table, true), 3);
}

// A full table forgets the source that has behaved best, never one with something half-open.
static void test_full_table(void **state)
{
    (void)state;
    struct fixture f;

    init(&f);
    for (unsigned i = 1; i <= SOURCES; i++) {
        for (unsigned j = 0; j < i; j++) {
            assert_true(attempt(&f, 0, (uint8_t)i, false));
        }
    }
    uint16_t best = find(&f, 0, 1);
    assert_true(sources_take(&f.table, best));
    uint16_t second = find(&f, 0, 2);
    uint16_t fifth = find(&f, 0, 5);
    assert_int_equal(fifth, second);
    assert_int_equal(f.memory[fifth].tokens, FAILURE_BURST);
    for (uint8_t i = 3; i <= 5; i++) {
        assert_true(sources_take(&f.table, find(&f, 0, i)));
    }
    assert_int_equal(find(&f, 0, 6), SOURCE_NONE);
    assert_int_equal(sources_half_open(&f.table, false), SOURCES);
}

static void test_ipv6_counts_by_network(void **state)
{
    (void)state;
    struct fixture f;
    struct net_address a = {NET_IPV6, {0x20, 1, 0xd, 0xb8}, 1}, b = a;

    init(&f);
    b.bytes[15] = 99;
    assert_int_equal(sources_find(&f.table, 0, &a, false), sources_find(&f.table, 0, &b, false));
    b.bytes[7] = 1;
    assert_int_not_equal(sources_find(&f.table, 0, &a, false),
                         sources_find(&f.table, 0, &b, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures_are_charged),
        cmocka_unit_test(test_successes_are_free),
        cmocka_unit_test(test_the_bucket_has_no_debt),
        cmocka_unit_test(test_refill_keeps_parts_and_stops_at_the_burst),
        cmocka_unit_test(test_greediest),
        cmocka_unit_test(test_full_table),
        cmocka_unit_test(test_ipv6_counts_by_network),
    };
    return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
