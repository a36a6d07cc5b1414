// SPDX-License-Identifier: Apache-2.0
// The peer table and the identity policy.
#include "tests/unit/noise_fixture.h"

#include "dsoftbus/peers.h"

enum { PEERS = 4 };

struct fixture {
    struct peer memory[PEERS];
    struct peer_table table;
};

static struct peer make(const char *id, uint8_t key, enum peer_trust trust)
{
    struct peer peer = {.trust = (uint8_t)trust};
    assert_true(device_id_set(&peer.id, (const uint8_t *)id, strlen(id)));
    memset(peer.static_key, key, DSB_KEY_BYTES);
    return peer;
}

static void init(struct fixture *f)
{
    struct peer own = make("me", 0xee, PEER_TRUSTED);
    memset(f, 0xa5, sizeof *f); // the memory need not be clean
    peers_init(&f->table, f->memory, PEERS, &own.id, own.static_key);
}

static enum peers_error add(struct fixture *f, const char *id, uint8_t key, enum peer_trust trust)
{
    struct peer peer = make(id, key, trust);
    return peers_add(&f->table, NULL, &peer);
}

static enum identity_verdict identify(struct fixture *f, const char *id, uint8_t key,
                                      uint16_t *index)
{
    struct peer peer = make(id, key, PEER_TRUSTED);
    return peers_identify(&f->table, index, &peer.id, peer.static_key);
}

struct policy_row {
    const char *id;
    uint32_t key;
    enum identity_verdict verdict;
    uint32_t index;
};

static const struct policy_row policy_rows[] = {
    {"alice", 1, IDENTITY_BOUND, 0},
    {"bob", 2, IDENTITY_PENDING, 1},
    {"carol", 3, IDENTITY_REVOKED, 2},
    {"alice", 2, IDENTITY_MISMATCH, PEER_NONE},  // both listed, not together
    {"alice", 9, IDENTITY_MISMATCH, PEER_NONE},  // id listed
    {"nobody", 1, IDENTITY_MISMATCH, PEER_NONE}, // key listed
    {"carol", 1, IDENTITY_MISMATCH, PEER_NONE},
    {"nobody", 9, IDENTITY_UNKNOWN, PEER_NONE},
    {"alic", 9, IDENTITY_UNKNOWN, PEER_NONE}, // a prefix is not the id
    {"me", 0xee, IDENTITY_OWN_KEY, PEER_NONE},
    {"alice", 0xee, IDENTITY_OWN_KEY, PEER_NONE},
    {"nobody", 0xee, IDENTITY_OWN_KEY, PEER_NONE},
    {"me", 9, IDENTITY_UNKNOWN, PEER_NONE},
    {"me", 1, IDENTITY_MISMATCH, PEER_NONE},
};

static void test_policy(void **state)
{
    (void)state;
    struct fixture f;

    init(&f);
    assert_int_equal(add(&f, "alice", 1, PEER_TRUSTED), PEERS_OK);
    assert_int_equal(add(&f, "bob", 2, PEER_PENDING), PEERS_OK);
    assert_int_equal(add(&f, "carol", 3, PEER_REVOKED), PEERS_OK);
    for (size_t i = 0; i < COUNT(policy_rows); i++) {
        const struct policy_row *row = &policy_rows[i];
        uint16_t index = 77;
        if (identify(&f, row->id, (uint8_t)row->key, &index) != row->verdict ||
            index != row->index) {
            fail_msg("row %zu: %s with key %u", i, row->id, row->key);
        }
    }
}

// An empty table, an empty id, an entry without trust: nothing passes.
static void test_fails_closed(void **state)
{
    (void)state;
    struct fixture f;
    struct device_id none = {0};
    uint8_t key[DSB_KEY_BYTES];
    uint16_t index;

    init(&f);
    assert_int_equal(identify(&f, "alice", 1, &index), IDENTITY_UNKNOWN);
    assert_int_equal(add(&f, "alice", 1, PEER_TRUSTED), PEERS_OK);
    memset(key, 1, sizeof key);
    assert_int_equal(peers_identify(&f.table, &index, &none, key), IDENTITY_MISMATCH);
    f.memory[0].trust = PEER_UNSET;
    assert_int_equal(identify(&f, "alice", 1, &index), IDENTITY_REVOKED);
    f.memory[0].trust = 99;
    assert_int_equal(identify(&f, "alice", 1, &index), IDENTITY_REVOKED);
}

static void test_trust_is_one_to_one(void **state)
{
    (void)state;
    struct fixture f;
    struct peer before;

    init(&f);
    assert_int_equal(add(&f, "alice", 1, PEER_TRUSTED), PEERS_OK);
    before = f.memory[0];
    assert_int_equal(add(&f, "alice", 2, PEER_TRUSTED), PEERS_DUPLICATE);
    assert_int_equal(add(&f, "bob", 1, PEER_TRUSTED), PEERS_DUPLICATE);
    assert_int_equal(add(&f, "alice", 1, PEER_TRUSTED), PEERS_DUPLICATE);
    assert_int_equal(add(&f, "me", 5, PEER_TRUSTED), PEERS_OWN_IDENTITY);
    assert_int_equal(add(&f, "bob", 0xee, PEER_TRUSTED), PEERS_OWN_IDENTITY);
    assert_int_equal(add(&f, "bob", 2, PEER_UNSET), PEERS_BAD_TRUST);
    assert_int_equal(add(&f, "bob", 2, (enum peer_trust)99), PEERS_BAD_TRUST);
    struct peer no_id = {.trust = PEER_TRUSTED};
    assert_int_equal(peers_add(&f.table, NULL, &no_id), PEERS_BAD_ID);
    assert_int_equal(f.table.count, 1);
    assert_memory_equal(&before, &f.memory[0], sizeof before);
}

static void test_full(void **state)
{
    (void)state;
    struct fixture f;
    const char *const names[] = {"a", "b", "c", "d"};

    init(&f);
    for (size_t i = 0; i < PEERS; i++) {
        assert_int_equal(add(&f, names[i], (uint8_t)i, PEER_TRUSTED), PEERS_OK);
    }
    assert_int_equal(add(&f, "e", 50, PEER_TRUSTED), PEERS_FULL);
    assert_int_equal(f.table.count, PEERS);
    struct peer c = make("c", 2, PEER_TRUSTED);
    assert_int_equal(peers_find_id(&f.table, &c.id), 2);
    assert_int_equal(peers_find_key(&f.table, c.static_key), 2);
}

// What is run-time state starts at zero, whatever the caller's struct says.
static void test_run_time_state_is_not_taken(void **state)
{
    (void)state;
    struct fixture f;
    struct peer peer = make("alice", 1, PEER_TRUSTED);
    uint16_t index;

    init(&f);
    peer.dial = true;
    peer.configured = (struct net_address){NET_IPV4, {127, 0, 0, 1}, 5};
    peer.outbound = 7;
    peer.inbound = 7;
    peer.backoff_ms = 7;
    peer.last_bound = peer.configured;
    assert_int_equal(peers_add(&f.table, &index, &peer), PEERS_OK);
    assert_true(f.memory[index].dial);
    assert_true(net_address_equal(&f.memory[index].configured, &peer.configured));
    assert_int_equal(f.memory[index].outbound, 0);
    assert_int_equal(f.memory[index].inbound, 0);
    assert_int_equal(f.memory[index].backoff_ms, 0);
    assert_int_equal(f.memory[index].last_bound.family, NET_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_fails_closed),
        cmocka_unit_test(test_trust_is_one_to_one),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_run_time_state_is_not_taken),
    };
    return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
