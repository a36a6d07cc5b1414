// SPDX-License-Identifier: Apache-2.0
// The table of discovered devices.
#include "tests/unit/noise_fixture.h"

#include "dsoftbus/discovery.h"

enum { DEVICES = 4, RESERVED = 2 };

struct fixture {
    struct device memory[DEVICES];
    struct discovery_table table;
    uint16_t index;
};

static void init(struct fixture *f)
{
    memset(f, 0xa5, sizeof *f);
    discovery_init(&f->table, f->memory, DEVICES, RESERVED);
}

static struct net_address host(uint8_t last)
{
    return (struct net_address){NET_IPV4, {10, 0, 0, last}, 37020};
}

static struct announce announce_of(char name, uint32_t seq)
{
    struct announce a = {
        .id = {1, {(uint8_t)name}}, .port = 34567, .has_trailer = true, .ttl_s = 60};
    memset(a.static_key, name, DSB_KEY_BYTES);
    a.seq = seq;
    return a;
}

static enum discovery_result hear(struct fixture *f, uint64_t now_ms, const struct announce *a,
                                  uint8_t from, uint16_t peer)
{
    struct net_address source = host(from);
    return discovery_hear(&f->table, &f->index, now_ms, a, &source, peer);
}

static enum discovery_result hear_name(struct fixture *f, uint64_t now_ms, char name, uint16_t peer)
{
    struct announce a = announce_of(name, (uint32_t)now_ms);
    return hear(f, now_ms, &a, (uint8_t)name, peer);
}

static bool present(const struct fixture *f, char name)
{
    for (size_t i = 0; i < DEVICES; i++) {
        if (f->memory[i].id.len == 1 && f->memory[i].id.bytes[0] == (uint8_t)name) {
            return true;
        }
    }
    return false;
}

static void assert_first(const struct fixture *f, uint16_t peer, uint8_t last)
{
    struct net_address expected = host(last);
    const struct device *device = discovery_of_peer(&f->table, 0, peer);
    expected.port = 34567;
    assert_non_null(device);
    assert_true(net_address_equal(&device->addresses[0].address, &expected));
}

static void test_new_refreshed_duplicate(void **state)
{
    (void)state;
    struct fixture f;
    struct announce a = announce_of('a', 1);

    init(&f);
    assert_int_equal(hear(&f, 0, &a, 1, PEER_NONE), DISCOVERY_NEW);
    assert_int_equal(hear(&f, 1, &a, 1, PEER_NONE), DISCOVERY_DUPLICATE);
    assert_int_equal(hear(&f, 2, &a, 2, PEER_NONE), DISCOVERY_REFRESHED); // another source
    a.seq = 2;
    assert_int_equal(hear(&f, 3, &a, 1, PEER_NONE), DISCOVERY_REFRESHED);
    a.seq = 1; // an old number silences nobody
    assert_int_equal(hear(&f, 4, &a, 1, PEER_NONE), DISCOVERY_REFRESHED);
    a.boot_id[0]++;
    assert_int_equal(hear(&f, 5, &a, 1, PEER_NONE), DISCOVERY_REFRESHED);
    a.has_trailer = false; // nothing to compare
    assert_int_equal(hear(&f, 6, &a, 1, PEER_NONE), DISCOVERY_REFRESHED);
    assert_int_equal(hear(&f, 7, &a, 1, PEER_NONE), DISCOVERY_REFRESHED);
    assert_int_equal(discovery_count(&f.table), 1);
}

static void test_same_id_another_key_is_another_device(void **state)
{
    (void)state;
    struct fixture f;
    struct announce a = announce_of('a', 1), forged = a;

    init(&f);
    forged.static_key[0]++;
    assert_int_equal(hear(&f, 0, &a, 1, 0), DISCOVERY_NEW);
    assert_int_equal(hear(&f, 0, &forged, 2, PEER_NONE), DISCOVERY_NEW);
    assert_first(&f, 0, 1);
}

static void test_ttl(void **state)
{
    (void)state;
    struct fixture f;
    struct device gone;
    struct announce a = announce_of('a', 1);

    init(&f);
    assert_true(discovery_deadline(&f.table) == TIME_NEVER);
    hear(&f, 1000, &a, 1, 5);
    assert_int_equal(discovery_deadline(&f.table), 61000);
    assert_non_null(discovery_of_peer(&f.table, 60999, 5));
    assert_null(discovery_of_peer(&f.table, 61000, 5));
    assert_false(discovery_expire(&f.table, &gone, 60999));
    assert_true(discovery_expire(&f.table, &gone, 61000));
    assert_int_equal(gone.id.bytes[0], 'a');
    assert_false(discovery_expire(&f.table, &gone, UINT64_MAX));
    assert_int_equal(discovery_count(&f.table), 0);
}

// A forged announce with a small ttl, also one that repeats the number of the true one, shortens nothing.
static void test_nothing_shortens_a_life(void **state)
{
    (void)state;
    struct fixture f;
    struct announce a = announce_of('a', 1), forged = a;

    init(&f);
    hear(&f, 0, &a, 1, 5);
    forged.ttl_s = 3;
    hear(&f, 10, &forged, 1, 5);
    forged.seq = 2;
    hear(&f, 10, &forged, 2, 5);
    assert_int_equal(discovery_deadline(&f.table), 60000);
}

static void test_untrusted_leave_reserved_places(void **state)
{
    (void)state;
    struct fixture f;

    init(&f);
    hear_name(&f, 1, 'a', PEER_NONE);
    hear_name(&f, 2, 'b', PEER_NONE);
    hear_name(&f, 3, 'c', PEER_NONE); // the third may not take a reserved place: 'a' goes
    assert_false(present(&f, 'a'));
    assert_true(present(&f, 'b') && present(&f, 'c'));
    hear_name(&f, 4, 'b', PEER_NONE); // now 'c' is the least recently heard
    hear_name(&f, 5, 'd', PEER_NONE);
    assert_false(present(&f, 'c'));
    assert_int_equal(discovery_count(&f.table), DEVICES - RESERVED);
}

static void test_trusted_displace_untrusted(void **state)
{
    (void)state;
    struct fixture f;

    init(&f);
    hear_name(&f, 1, 'a', PEER_NONE);
    hear_name(&f, 2, 'b', PEER_NONE);
    hear_name(&f, 3, 'T', 0);
    hear_name(&f, 4, 'U', 1);
    assert_int_equal(discovery_count(&f.table), DEVICES);
    hear_name(&f, 5, 'V', 2);
    hear_name(&f, 6, 'W', 3);
    assert_true(present(&f, 'T') && present(&f, 'U') && present(&f, 'V') && present(&f, 'W'));
    assert_int_equal(hear_name(&f, 7, 'c', PEER_NONE), DISCOVERY_FULL);
    assert_int_equal(hear_name(&f, 8, 'X', 4),
                     DISCOVERY_NEW); // trusted only: the oldest of them goes
    assert_false(present(&f, 'T'));
}

// Thousands of forged devices and addresses: the trusted one keeps its place and its authenticated address.
static void test_flood(void **state)
{
    (void)state;
    struct fixture f;
    struct announce trusted = announce_of('T', 1);
    struct net_address good = host(1);

    init(&f);
    good.port = 34567;
    hear(&f, 0, &trusted, 1, 0);
    discovery_authenticated(&f.table, 0, &good);
    for (uint32_t i = 0; i < 10000; i++) {
        struct announce forged = announce_of('f', i);
        memcpy(forged.static_key, &i, sizeof i);
        hear(&f, i, &forged, 66, PEER_NONE);
        trusted.port = (uint16_t)(i + 1);
        hear(&f, i, &trusted, 66, 0);
    }
    assert_first(&f, 0, 1);
    assert_true(f.memory[0].addresses[0].authenticated);
    assert_false(f.memory[0].addresses[1].authenticated);
}

static void test_address_order(void **state)
{
    (void)state;
    struct fixture f;
    struct announce a = announce_of('T', 1);
    struct net_address one = host(1), two = host(2), three = host(3);

    init(&f);
    one.port = two.port = three.port = 34567;
    hear(&f, 1, &a, 1, 0);
    assert_first(&f, 0, 1);
    discovery_failed(&f.table, 0, &one); // no other one to try
    assert_first(&f, 0, 1);
    hear(&f, 2, &a, 2, 0);
    assert_first(&f, 0, 1);
    discovery_failed(&f.table, 0, &one);
    assert_first(&f, 0, 2);
    discovery_failed(&f.table, 0, &one); // not the one that is tried now
    assert_first(&f, 0, 2);
    discovery_authenticated(&f.table, 0, &one);
    assert_first(&f, 0, 1);
    hear(&f, 3, &a, 3, 0); // displaces two, which never authenticated
    discovery_failed(&f.table, 0, &one);
    assert_first(&f, 0, 3);
    discovery_authenticated(&f.table, 0, &three);
    hear(&f, 4, &a, 2, 0); // now one is the one that goes
    discovery_failed(&f.table, 0, &three);
    assert_first(&f, 0, 2);
    discovery_authenticated(&f.table, 0, &one); // not in the table: nothing happens
    assert_first(&f, 0, 2);
}

static void test_port_0_is_no_address(void **state)
{
    (void)state;
    struct fixture f;
    struct announce a = announce_of('T', 1);

    init(&f);
    a.port = 0;
    assert_int_equal(hear(&f, 0, &a, 1, 0), DISCOVERY_NEW);
    assert_int_equal(discovery_of_peer(&f.table, 0, 0)->addresses[0].address.family, NET_NONE);
}

static void test_trust_can_be_given_and_taken(void **state)
{
    (void)state;
    struct fixture f;
    struct announce a = announce_of('T', 1);
    uint8_t other_key[DSB_KEY_BYTES] = {0};

    init(&f);
    hear(&f, 0, &a, 1, PEER_NONE);
    assert_null(discovery_of_peer(&f.table, 0, 0));
    assert_null(discovery_of_peer(&f.table, 0, PEER_NONE));
    discovery_set_peer(&f.table, &a.id, other_key, 0);
    assert_null(discovery_of_peer(&f.table, 0, 0));
    discovery_set_peer(&f.table, &a.id, a.static_key, 0);
    assert_non_null(discovery_of_peer(&f.table, 0, 0));
    discovery_set_peer(&f.table, &a.id, a.static_key, PEER_NONE);
    assert_null(discovery_of_peer(&f.table, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_refreshed_duplicate),
        cmocka_unit_test(test_same_id_another_key_is_another_device),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_nothing_shortens_a_life),
        cmocka_unit_test(test_untrusted_leave_reserved_places),
        cmocka_unit_test(test_trusted_displace_untrusted),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_address_order),
        cmocka_unit_test(test_port_0_is_no_address),
        cmocka_unit_test(test_trust_can_be_given_and_taken),
    };
    return cmocka_run_group_tests_name("discovery", tests, NULL, NULL);
}
