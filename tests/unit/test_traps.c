// SPDX-License-Identifier: Apache-2.0
// Mistakes that the system's forerunner made, each as a test of the protocol core. Numbers as in the design's list.
#include "tests/unit/bus_fixture.h"

static struct world world;
static struct end peer_end;

static int start_world(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    world.now_ms = 1000000;
    return 0;
}

static struct node *start_with_end(void)
{
    struct node *a = node_start(&world, "node-a", 10, 34567);

    end_init(&peer_end, "node-b", 2);
    node_add(a, "node-b", peer_end.public_key, PEER_TRUSTED, false);
    return a;
}

static void establish_pair(struct node **a, struct node **b)
{
    *a = node_start(&world, "node-a", 10, 34567);
    *b = node_start(&world, "node-b", 11, 34568);
    node_add(*a, "node-b", (*b)->public_key, PEER_TRUSTED, true);
    node_add(*b, "node-a", (*a)->public_key, PEER_TRUSTED, false);
    bus_announce(&(*b)->bus, world.now_ms);
    world_run(&world);
    assert_int_not_equal(bus_session(&(*a)->bus, 0, SESSION_INITIATOR), 0);
}

// 1: messages of 48, 48 and 64 bytes and their payload, and the prologue is mixed in.
static void test_trap_1_message_sizes_and_prologue(void **state)
{
    (void)state;
    struct end a, b;

    ends_establish(&a, &b);
    assert_memory_equal(a.sent, "DSB\1", 4);
    assert_int_equal(a.sent[4] << 8 | a.sent[5], 48);
    assert_int_equal(b.sent[0] << 8 | b.sent[1], 48);
    assert_int_equal(a.sent[54] << 8 | a.sent[55], 64 + 14 + 2 + 6);

    // Without the prologue the very first message does not authenticate.
    struct xk_handshake hs;
    struct xk_config config = {.static_public = a.public_key,
                               .static_private = a.secret,
                               .remote_static = b.public_key,
                               .random = rng_random,
                               .random_ctx = &a.rng};
    uint8_t bytes[54] = {'D', 'S', 'B', 1, 0, 48};
    size_t len;
    assert_int_equal(xk_initiator_init(&hs, &config), NOISE_OK);
    assert_int_equal(xk_initiator_write_message_1(&hs, bytes + 6, 48, &len, NULL, 0), NOISE_OK);
    end_listen(&b);
    end_receive(&b, bytes, sizeof bytes);
    assert_end(&b, SESSION_CLOSED, REASON_HANDSHAKE_AUTH);
}

// 2: nothing of a ping, and no device id, is on the wire in plain.
static void test_trap_2_no_plaintext_on_the_wire(void **state)
{
    (void)state;
    struct node *a, *b;
    const uint8_t token[] = {0, 0, 0, 0, 0, 0, 0, 1}, header[] = {2, 0, 0, 0};

    establish_pair(&a, &b);
    assert_true(bus_ping(&a->bus, world.now_ms, bus_session(&a->bus, 0, SESSION_INITIATOR)));
    world_run(&world);
    assert_int_equal(count_events(a, BUS_PONGED), 1);
    assert_true(world.tcp_len > 54 + 50 + 88 + 36 + 30 + 30 - 1);
    assert_false(contains(world.tcp, world.tcp_len, token, sizeof token));
    assert_false(contains(world.tcp, world.tcp_len, header, sizeof header));
    assert_false(contains(world.tcp, world.tcp_len, (const uint8_t *)"node-", 5));
    assert_false(contains(world.tcp, world.tcp_len, a->public_key, 32));
    assert_false(contains(world.tcp, world.tcp_len, b->public_key, 32));
}

// 3: a copy of a session does not encrypt, so no nonce is used twice with a key.
static void test_trap_3_a_copied_session_is_dead(void **state)
{
    (void)state;
    struct end a, b;
    struct session copy;

    ends_establish(&a, &b);
    memcpy(&copy, &a.session, sizeof copy);
    assert_false(session_ping(&copy, 0));
    assert_true(session_ping(&a.session, 0));
    end_exchange(&a, &b);
    assert_int_equal(a.events[SESSION_PONGED], 1);
}

// 4: a second message 1 is not accepted, neither at once nor where message 3 belongs.
static void test_trap_4_second_message_1(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[128] = {0};

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    size_t len = end_take(&a, bytes, sizeof bytes);
    memcpy(bytes + len, bytes + 4, len - 4);
    end_listen(&b);
    end_receive(&b, bytes, 2 * len - 4);
    assert_end(&b, SESSION_CLOSED, REASON_OUT_OF_TURN);
    uint8_t out[64];
    session_wipe(&b.session);
    end_listen(&b);
    end_receive(&b, bytes, len);
    assert_int_equal(end_take(&b, out, sizeof out), 50);
    end_receive(&b, bytes + 4, len - 4);
    assert_end(&b, SESSION_CLOSED, REASON_MESSAGE_LENGTH);
    assert_int_equal(b.events[SESSION_IDENTITY], 0);
}

// 5: no two sessions share an ephemeral, a hash or the bytes of a record.
static void test_trap_5_ephemerals_are_fresh(void **state)
{
    (void)state;
    struct node *a, *b;
    enum { SESSIONS = 20 };
    uint8_t hashes[SESSIONS][DSB_HASH_BYTES], points[2 * SESSIONS][32];

    establish_pair(&a, &b);
    for (size_t i = 0; i < SESSIONS; i++) {
        uint32_t id = bus_session(&a->bus, 0, SESSION_INITIATOR);
        assert_int_not_equal(id, 0);
        memcpy(hashes[i], a->log[a->log_len - 1].hash, DSB_HASH_BYTES);
        memcpy(points[2 * i], world.tcp + 6, 32);
        memcpy(points[2 * i + 1], world.tcp + 54 + 2, 32);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(hashes[i], hashes[j], DSB_HASH_BYTES);
        }
        for (size_t j = 0; j < 2 * i + 1; j++) {
            assert_memory_not_equal(points[2 * i], points[j < 2 * i ? j : 2 * i + 1], 32);
            assert_memory_not_equal(points[2 * i + 1], points[j], 32);
        }
        bus_close(&b->bus, world.now_ms, bus_session(&b->bus, 0, SESSION_RESPONDER));
        world_run(&world);
        world.tcp_len = 0;
        world_run_until(&world, world.now_ms + 1000);
    }
}

// 6: no event before its fact.
static void test_trap_6_events_follow_facts(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    struct peer peer = {.trust = PEER_TRUSTED, .dial = true, .configured = address_of(20, 34568)};
    struct bus_action action;
    struct bus_dh_request request[BUS_DH_BATCH_MAX];
    uint8_t bytes[256], shared[32];
    size_t len;

    end_init(&peer_end, "node-b", 2);
    peer.id = peer_end.config.id;
    memcpy(peer.static_key, peer_end.public_key, 32);
    assert_int_equal(bus_peer_add(&a->bus, world.now_ms, NULL, &peer), PEERS_OK);
    assert_true(bus_next_action(&a->bus, world.now_ms, &action));
    assert_int_equal(action.type, BUS_DIAL);
    struct wire *w = wire_new(a, action.connection);
    world_run(&world);
    no_more_events(a); // TCP is not up
    bus_connected(&a->bus, world.now_ms, w->id);
    world_run(&world);
    next_event(a, BUS_SESSION_CONNECT);
    no_more_events(a); // no identity without message 2
    end_listen(&peer_end);
    end_receive(&peer_end, w->heard, w->heard_len);
    len = end_take(&peer_end, bytes, sizeof bytes);
    a->hold_dh = true;
    outside_send(a, w, bytes, len);
    no_more_events(a); // nor before the static key has been asked
    assert_int_equal(bus_dh_take(&a->bus, request), 1);
    assert_int_equal(x25519(shared, a->secret, request[0].public_key), NOISE_OK);
    w->heard_len = 0;
    bus_dh_result(&a->bus, world.now_ms, request[0].id, shared);
    world_run(&world);
    next_event(a, BUS_IDENTITY_BOUND);
    no_more_events(a); // not established before READY
    assert_int_equal(bus_session(&a->bus, 0, SESSION_INITIATOR), 0);
    assert_false(bus_ping(&a->bus, world.now_ms, w->id));
    end_receive(&peer_end, w->heard, w->heard_len);
    len = end_take(&peer_end, bytes, sizeof bytes);
    outside_send(a, w, bytes, len - 1);
    no_more_events(a); // READY has not arrived to its last byte
    outside_send(a, w, bytes + len - 1, 1);
    next_event(a, BUS_ESTABLISHED);
    no_more_events(a);
}

// 7: without any mapping nobody passes.
static void test_trap_7_no_mapping_is_a_reject(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);

    end_init(&peer_end, "node-b", 2);
    outside_call(a, 20, &peer_end);
    next_event_because(a, BUS_UNKNOWN_PEER, REASON_UNKNOWN_PEER);
    no_more_events(a);
    assert_int_equal(peer_end.events[SESSION_ESTABLISHED], 0);
    assert_idle(a);
}

// 8: every length that a frame can have, as the first and as the third one: none hangs, none traps, and the next good
// session is served.
static void test_trap_8_no_length_stops_the_bus(void **state)
{
    (void)state;
    struct node *a = start_with_end();

    outside_hang_up(a, outside_call(a, 20, &peer_end));
    forget_events(a);
    for (unsigned len = 0; len < 65536; len += len < 400 ? 1 : 251) {
        uint8_t header[2] = {(uint8_t)(len >> 8), (uint8_t)len};
        for (int third = 0; third < 2; third++) {
            struct wire *w = outside_connect(a, 66, NULL);
            assert_non_null(w);
            outside_send(a, w, peer_end.sent, third ? 54 : 4);
            outside_send(a, w, header, sizeof header);
            bool legal = third ? len >= 64 && len <= 320 : len == 48;
            assert_int_equal(w->id != 0, legal);
            if (legal) {
                outside_hang_up(a, w);
            }
            forget_events(a);
            world_run_until(&world, world.now_ms + FAILURE_REFILL_MS);
        }
    }
    end_init(&peer_end, "node-b", 2);
    outside_call(a, 20, &peer_end);
    assert_end(&peer_end, SESSION_UP, REASON_NONE);
}

// 9: after a record that fails, even good ones are not read any more.
static void test_trap_9_nothing_after_a_bad_record(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[64] = {0};

    ends_establish(&a, &b);
    assert_true(session_ping(&a.session, 0));
    size_t len = end_take(&a, bytes, sizeof bytes);
    flip_last_bit(bytes, len);
    end_receive(&b, bytes, len);
    assert_end(&b, SESSION_CLOSING, REASON_RECORD_AUTH);
    flip_last_bit(bytes, len);
    end_receive(&b, bytes, len);
    assert_true(session_ping(&a.session, 0));
    end_carry(&a, &b);
    assert_int_equal(b.events[SESSION_PINGED], 0);
    assert_int_equal(b.events[SESSION_ENDED], 1);
}

// 10: an announce with a trusted id and another key changes nothing and is not dialled.
static void test_trap_10_announces_do_not_create_trust(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    struct announce forged = {.port = 34568, .ttl_s = 60};
    struct net_address source = address_of(66, 1);
    uint8_t bytes[ANNOUNCE_BYTES_MAX], key[32] = {0xb};
    size_t len;

    node_add(a, "node-b", key, PEER_TRUSTED, true);
    assert_true(device_id_set(&forged.id, (const uint8_t *)"node-b", 6));
    for (uint32_t i = 0; i < 5000; i++) { // each with another key
        memcpy(forged.static_key, &i, sizeof i);
        forged.static_key[31] = 1;
        assert_int_equal(announce_encode(bytes, sizeof bytes, &len, &forged), ANNOUNCE_OK);
        bus_datagram(&a->bus, world.now_ms, &source, bytes, len);
        world_run(&world);
        next_event(a, BUS_ANNOUNCE_IGNORED);
        forget_events(a);
    }
    world_run_until(&world, world.now_ms + 120000);
    assert_int_equal(a->dials, 0);
    assert_int_equal(bus_counts(&a->bus).devices, 0);
    assert_int_equal(bus_counts(&a->bus).peers, 1);
    assert_memory_equal(bus_peer(&a->bus, 0)->static_key, key, 32);
}

// 11: a listener outlives its first connection, and ids of ended connections come back to use.
static void test_trap_11_the_second_connection_is_served_too(void **state)
{
    (void)state;
    struct node *a = start_with_end();

    for (int i = 0; i < 3 * NODE_CONNECTIONS; i++) {
        end_init(&peer_end, "node-b", 2);
        struct wire *w = outside_call(a, 20, &peer_end);
        assert_non_null(w);
        assert_end(&peer_end, SESSION_UP, REASON_NONE);
        outside_hang_up(a, w);
        forget_events(a);
    }
    assert_idle(a);
}

#define TRAP(name) cmocka_unit_test_setup(name, start_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRAP(test_trap_1_message_sizes_and_prologue),
        TRAP(test_trap_2_no_plaintext_on_the_wire),
        TRAP(test_trap_3_a_copied_session_is_dead),
        TRAP(test_trap_4_second_message_1),
        TRAP(test_trap_5_ephemerals_are_fresh),
        TRAP(test_trap_6_events_follow_facts),
        TRAP(test_trap_7_no_mapping_is_a_reject),
        TRAP(test_trap_8_no_length_stops_the_bus),
        TRAP(test_trap_9_nothing_after_a_bad_record),
        TRAP(test_trap_10_announces_do_not_create_trust),
        TRAP(test_trap_11_the_second_connection_is_served_too),
    };
    return cmocka_run_group_tests_name("traps", tests, NULL, NULL);
}
