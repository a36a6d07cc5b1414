// SPDX-License-Identifier: Apache-2.0
// The bus: nodes that find, dial and authenticate each other, their limits, and those who attack them.
#include "tests/unit/bus_fixture.h"

static struct world world;
static struct end peer_end; // node-b, played by an end

static int start_world(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    world.now_ms = 1000000;
    return 0;
}

// node-a, and node-b as a peer that it dials.
static void start_pair(struct node **a, struct node **b)
{
    *a = node_start(&world, "node-a", 10, 34567);
    *b = node_start(&world, "node-b", 11, 34568);
    node_add(*a, "node-b", (*b)->public_key, PEER_TRUSTED, true);
    node_add(*b, "node-a", (*a)->public_key, PEER_TRUSTED, false);
}

static void establish_pair(struct node **a, struct node **b)
{
    start_pair(a, b);
    bus_announce(&(*b)->bus, world.now_ms);
    world_run(&world);
    assert_int_not_equal(bus_session(&(*a)->bus, 0, SESSION_INITIATOR), 0);
    assert_int_not_equal(bus_session(&(*b)->bus, 0, SESSION_RESPONDER), 0);
}

// node-a with node-b as a trusted peer that an end will play.
static struct node *start_with_end(void)
{
    struct node *a = node_start(&world, "node-a", 10, 34567);

    end_init(&peer_end, "node-b", 2);
    node_add(a, "node-b", peer_end.public_key, PEER_TRUSTED, false);
    return a;
}

static void assert_serves(struct node *n)
{
    end_init(&peer_end, "node-b", 2);
    forget_events(n);
    struct wire *w = outside_call(n, 77, &peer_end);
    assert_non_null(w);
    next_event(n, BUS_IDENTITY_BOUND);
    next_event(n, BUS_ESTABLISHED);
    assert_end(&peer_end, SESSION_UP, REASON_NONE);
    assert_true(session_ping(&peer_end.session, world.now_ms));
    wire_end_speaks(n, w);
    world_run(&world);
    assert_int_equal(peer_end.events[SESSION_PONGED], 1);
    outside_hang_up(n, w);
    assert_idle(n);
    forget_events(n);
}

// ---- The good case --------------------------------------------------------------------------------

static void test_two_nodes_meet(void **state)
{
    (void)state;
    struct node *a, *b;

    start_pair(&a, &b);
    bus_announce(&a->bus, world.now_ms);
    world_run(&world);
    assert_int_equal(next_event(a, BUS_ANNOUNCE_OWN)->peer, PEER_NONE);
    assert_int_equal(next_event(b, BUS_PEER_FOUND)->peer, 0);
    next_event(a, BUS_ANNOUNCE_OWN); // the broadcast
    no_more_events(b);               // a peer that is not marked is not dialled
    assert_int_equal(b->dials, 0);

    bus_announce(&b->bus, world.now_ms);
    world_run(&world);
    const struct bus_event *found = next_event(a, BUS_PEER_FOUND);
    assert_true(device_id_equal(&found->id, &b->config.session.id));
    struct net_address expected = address_of(11, 34568);
    assert_true(net_address_equal(&found->address, &expected));
    assert_true(net_address_equal(&next_event(a, BUS_SESSION_CONNECT)->address, &expected));
    assert_int_equal(next_event(a, BUS_IDENTITY_BOUND)->role, SESSION_INITIATOR);
    const struct bus_event *up_a = next_event(a, BUS_ESTABLISHED);
    no_more_events(a);
    next_event(b, BUS_ANNOUNCE_OWN);
    next_event(b, BUS_ANNOUNCE_OWN);
    assert_int_equal(next_event(b, BUS_IDENTITY_BOUND)->role, SESSION_RESPONDER);
    const struct bus_event *up_b = next_event(b, BUS_ESTABLISHED);
    no_more_events(b);
    assert_int_equal(up_a->role, SESSION_INITIATOR);
    assert_int_equal(up_b->role, SESSION_RESPONDER);
    assert_memory_equal(up_a->hash, up_b->hash, DSB_HASH_BYTES);
    assert_int_equal(a->dh_count, 1); // one static Diffie-Hellman each
    assert_int_equal(b->dh_count, 1);
    assert_int_equal(bus_session(&a->bus, 0, SESSION_INITIATOR), up_a->connection);
    assert_int_equal(bus_session(&b->bus, 0, SESSION_RESPONDER), up_b->connection);
    assert_int_equal(bus_session(&a->bus, 0, SESSION_RESPONDER), 0);
}

static void test_ping(void **state)
{
    (void)state;
    struct node *a, *b;

    establish_pair(&a, &b);
    forget_events(a);
    forget_events(b);
    uint32_t session = bus_session(&a->bus, 0, SESSION_INITIATOR);
    assert_true(bus_ping(&a->bus, world.now_ms, session));
    assert_true(bus_ping(&a->bus, world.now_ms, session));
    world.now_ms += 7;
    world_run(&world);
    assert_true(next_event(b, BUS_PINGED)->first);
    assert_false(next_event(b, BUS_PINGED)->first);
    assert_int_equal(next_event(a, BUS_PONGED)->rtt_ms, 7);
    next_event(a, BUS_PONGED);
    no_more_events(a);
    assert_false(bus_ping(&a->bus, world.now_ms, session + 1));
    assert_false(bus_ping(&a->bus, world.now_ms, 0));
}

static void test_session_lives_quietly_for_hours(void **state)
{
    (void)state;
    struct node *a, *b;

    establish_pair(&a, &b);
    for (int half_hours = 0; half_hours < 6; half_hours++) {
        world_run_until(&world, world.now_ms + UINT64_C(1800) * 1000);
        assert_true(count_events(a, BUS_PONGED) + count_events(b, BUS_PONGED) >= 60);
        forget_events(a);
        forget_events(b);
    }
    assert_int_equal(bus_counts(&a->bus).sessions_up, 1);
    assert_int_equal(bus_counts(&b->bus).lost, 0);
    assert_int_equal(a->dials, 1);
}

static void test_both_directions_at_once(void **state)
{
    (void)state;
    struct node *a, *b;

    establish_pair(&a, &b);
    bus_announce(&a->bus, world.now_ms);
    assert_int_equal(bus_peer_dial(&b->bus, world.now_ms, 0), BUS_OK);
    world_run(&world);
    assert_int_not_equal(bus_session(&a->bus, 0, SESSION_INITIATOR), 0);
    assert_int_not_equal(bus_session(&a->bus, 0, SESSION_RESPONDER), 0);
    assert_int_not_equal(bus_session(&b->bus, 0, SESSION_INITIATOR), 0);
    assert_int_equal(bus_counts(&a->bus).sessions_up, 2);
    assert_int_equal(bus_counts(&a->bus).lost, 0);
}

static void test_shutdown(void **state)
{
    (void)state;
    struct node *a, *b;

    establish_pair(&a, &b);
    forget_events(a);
    forget_events(b);
    bus_announce(&a->bus, world.now_ms);
    bus_shutdown(&a->bus, world.now_ms);
    world_run(&world);
    next_event_because(a, BUS_SESSION_LOST, REASON_SHUTDOWN);
    while (b->log[b->log_read].type != BUS_SESSION_LOST) {
        b->log_read++;
    }
    assert_int_equal(next_event_because(b, BUS_SESSION_LOST, REASON_PEER_BYE)->peer_bye,
                     BYE_SHUTTING_DOWN);
    assert_idle(a);
    assert_idle(b);
    assert_null(outside_connect(a, 50, NULL));
    assert_int_equal(bus_peer_dial(&a->bus, world.now_ms, 0), BUS_OK);
    world_run_until(&world, world.now_ms + 600000);
    assert_int_equal(a->dials, 1);
}

// ---- Announces ------------------------------------------------------------------------------------

static void test_announce_rate(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    struct announce announce;

    assert_true(bus_next_deadline(&a->bus) == TIME_NEVER);
    assert_int_equal(bus_service_add(&a->bus, world.now_ms, "echo", 4), BUS_OK);
    world_run_until(&world, world.now_ms + 100000);
    assert_int_equal(a->datagrams, 0); // not before the shell is ready
    bus_announce(&a->bus, world.now_ms);
    bus_announce(&a->bus, world.now_ms);
    world_run(&world);
    assert_int_equal(a->datagrams, 2); // multicast and broadcast
    assert_int_equal(announce_decode(&announce, a->last_datagram, a->last_datagram_len),
                     ANNOUNCE_OK);
    assert_true(announce.has_trailer);
    assert_int_equal(announce.seq, 0);
    assert_int_equal(announce.ttl_s, 60);
    assert_int_equal(announce.port, 34567);
    assert_int_equal(announce.service_count, 1);
    assert_memory_equal(announce.services[0].bytes, "echo", 4);
    assert_memory_equal(announce.static_key, a->public_key, 32);
    assert_int_equal(bus_next_deadline(&a->bus), world.now_ms + 1000); // the second call
    world_run_until(&world, world.now_ms + 999);
    assert_int_equal(a->datagrams, 2);
    world_run_until(&world, world.now_ms + 1);
    assert_int_equal(a->datagrams, 4);
    assert_int_equal(announce_decode(&announce, a->last_datagram, a->last_datagram_len),
                     ANNOUNCE_OK);
    assert_int_equal(announce.seq, 1);
    world_run_until(&world, world.now_ms + 999);
    assert_int_equal(a->datagrams, 4);
    world_run_until(&world, world.now_ms + 1); // the last of ANNOUNCE_BURST
    assert_int_equal(a->datagrams, 6);
    world_run_until(&world, world.now_ms + 19999);
    assert_int_equal(a->datagrams, 6);
    world_run_until(&world, world.now_ms + 1); // a third of the ttl
    assert_int_equal(a->datagrams, 8);
    world_run_until(&world, world.now_ms + 200000);
    assert_int_equal(a->datagrams, 28);
    assert_int_equal(bus_counts(&a->bus).announces_sent, 14);
}

static void test_services(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    struct announce announce;
    char name[] = "service-a", too_long[65];

    memset(too_long, 'x', sizeof too_long);
    for (size_t i = 0; i < ANNOUNCE_SERVICES_MAX; i++) {
        name[8] = (char)('a' + i);
        assert_int_equal(bus_service_add(&a->bus, world.now_ms, name, 9), BUS_OK);
        assert_int_equal(bus_service_add(&a->bus, world.now_ms, name, 9), BUS_ERR_DUPLICATE);
    }
    assert_int_equal(bus_service_add(&a->bus, world.now_ms, "more", 4), BUS_ERR_FULL);
    assert_int_equal(bus_service_add(&a->bus, world.now_ms, "a b", 3), BUS_ERR_NAME);
    assert_int_equal(bus_service_add(&a->bus, world.now_ms, "", 0), BUS_ERR_NAME);
    assert_int_equal(bus_service_add(&a->bus, world.now_ms, too_long, 65), BUS_ERR_NAME);
    bus_announce(&a->bus, world.now_ms);
    world_run(&world);
    assert_int_equal(bus_service_remove(&a->bus, world.now_ms, "service-c", 9), BUS_OK);
    assert_int_equal(bus_service_remove(&a->bus, world.now_ms, "service-c", 9), BUS_ERR_NAME);
    world_run(&world);
    assert_int_equal(a->datagrams, 2); // within the rate
    world_run_until(&world, world.now_ms + 1000);
    assert_int_equal(a->datagrams, 4);
    assert_int_equal(announce_decode(&announce, a->last_datagram, a->last_datagram_len),
                     ANNOUNCE_OK);
    assert_int_equal(announce.service_count, ANNOUNCE_SERVICES_MAX - 1);
    assert_memory_equal(announce.services[2].bytes, "service-d", 9);
}

static void test_configured_peer_gets_a_copy(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    struct peer peer = {.trust = PEER_TRUSTED, .configured = address_of(99, 1234)};
    struct bus_action action;

    assert_true(device_id_set(&peer.id, (const uint8_t *)"far", 3));
    assert_int_equal(bus_peer_add(&a->bus, world.now_ms, NULL, &peer), PEERS_OK);
    assert_true(device_id_set(&peer.id, (const uint8_t *)"gone", 4));
    peer.static_key[0] = 1;
    peer.trust = PEER_REVOKED; // this one gets none
    assert_int_equal(bus_peer_add(&a->bus, world.now_ms, NULL, &peer), PEERS_OK);
    bus_announce(&a->bus, world.now_ms);
    assert_true(bus_next_action(&a->bus, world.now_ms, &action));
    assert_int_equal(action.to, BUS_MULTICAST);
    assert_true(bus_next_action(&a->bus, world.now_ms, &action));
    assert_int_equal(action.to, BUS_BROADCAST);
    assert_true(bus_next_action(&a->bus, world.now_ms, &action));
    assert_int_equal(action.to, BUS_UNICAST);
    struct net_address expected = address_of(99, ANNOUNCE_PORT);
    assert_true(net_address_equal(&action.address, &expected));
    assert_false(bus_next_action(&a->bus, world.now_ms, &action));
}

static void send_announce(struct node *to, const char *id, const uint8_t key[32], uint8_t from,
                          uint16_t port, uint32_t seq)
{
    struct announce announce = {.port = port, .has_trailer = true, .seq = seq, .ttl_s = 60};
    struct net_address source = address_of(from, 40000);
    uint8_t bytes[ANNOUNCE_BYTES_MAX];
    size_t len;

    assert_true(device_id_set(&announce.id, (const uint8_t *)id, strlen(id)));
    memcpy(announce.static_key, key, 32);
    assert_int_equal(announce_encode(bytes, sizeof bytes, &len, &announce), ANNOUNCE_OK);
    bus_datagram(&to->bus, world.now_ms, &source, bytes, len);
    world_run(&world);
}

static void test_announces_heard(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    uint8_t key_b[32] = {0xb}, key_c[32] = {0xc}, key_d[32] = {0xd};

    node_add(a, "node-b", key_b, PEER_TRUSTED, false);
    uint16_t d = node_add(a, "node-d", key_d, PEER_REVOKED, false);
    send_announce(a, "node-b", key_b, 11, 34568, 1);
    next_event(a, BUS_PEER_FOUND);
    send_announce(a, "node-b", key_b, 11, 34568, 2); // known: nothing to say
    send_announce(a, "stranger", key_c, 12, 1, 1);
    assert_int_equal(next_event(a, BUS_DEVICE_FOUND)->peer, PEER_NONE);
    send_announce(a, "node-b", key_c, 12, 1, 1); // listed id, another key
    assert_int_equal(next_event(a, BUS_ANNOUNCE_IGNORED)->announce_error, ANNOUNCE_OK);
    send_announce(a, "stranger", key_b, 12, 1, 1); // listed key, another id
    next_event(a, BUS_ANNOUNCE_IGNORED);
    send_announce(a, "node-a", key_c, 12, 1, 1); // our id, another key
    next_event(a, BUS_ANNOUNCE_IGNORED);
    send_announce(a, "stranger", a->public_key, 12, 1, 1); // our key, another id
    next_event(a, BUS_ANNOUNCE_IGNORED);
    send_announce(a, "node-a", a->public_key, 10, 34567, 1);
    next_event(a, BUS_ANNOUNCE_OWN);
    send_announce(a, "node-d", key_d, 13, 1, 1);
    assert_int_equal(next_event(a, BUS_DEVICE_FOUND)->peer, PEER_NONE);
    struct net_address source = address_of(1, 1);
    bus_datagram(&a->bus, world.now_ms, &source, (const uint8_t *)"NXDISC1", 7);
    bus_datagram(&a->bus, world.now_ms, &source, NULL, 0);
    world_run(&world);
    assert_int_equal(next_event(a, BUS_ANNOUNCE_IGNORED)->announce_error, ANNOUNCE_BAD_MAGIC);
    assert_int_equal(next_event(a, BUS_ANNOUNCE_IGNORED)->announce_error, ANNOUNCE_TRUNCATED);
    no_more_events(a);
    struct bus_counts counts = bus_counts(&a->bus);
    assert_int_equal(counts.announces_bad, 2);
    assert_int_equal(counts.announces_mismatched, 4);
    assert_int_equal(counts.devices, 3);
    assert_int_equal(counts.peers, 2);
    assert_memory_equal(bus_peer(&a->bus, 0)->static_key, key_b, 32);
    assert_int_equal(bus_peer(&a->bus, d)->trust, PEER_REVOKED);

    world_run_until(&world, world.now_ms + 60000);
    next_event(a, BUS_DEVICE_LOST);
    next_event(a, BUS_DEVICE_LOST);
    next_event(a, BUS_DEVICE_LOST);
    assert_int_equal(bus_counts(&a->bus).devices, 0);
    assert_true(bus_next_deadline(&a->bus) == TIME_NEVER);
}

// A device may be heard before it is trusted: it is found when it becomes a peer, once, and as often as it becomes one.
static void test_trusted_after_it_was_heard(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    uint8_t key_b[32] = {0xb}, key_c[32] = {0xc};

    send_announce(a, "node-b", key_b, 11, 34568, 1);
    next_event(a, BUS_DEVICE_FOUND);
    uint16_t b = node_add(a, "node-b", key_b, PEER_PENDING, false);
    uint16_t c = node_add(a, "node-c", key_c, PEER_TRUSTED, false); // not heard
    world_run(&world);
    no_more_events(a);
    assert_int_equal(bus_peer_set_trust(&a->bus, world.now_ms, b, PEER_TRUSTED), BUS_OK);
    assert_int_equal(bus_peer_set_trust(&a->bus, world.now_ms, b, PEER_TRUSTED), BUS_OK);
    assert_int_equal(bus_peer_set_trust(&a->bus, world.now_ms, c, PEER_TRUSTED), BUS_OK);
    world_run(&world);
    assert_int_equal(next_event(a, BUS_PEER_FOUND)->peer, b);
    no_more_events(a);
    assert_int_equal(bus_peer_set_trust(&a->bus, world.now_ms, b, PEER_REVOKED), BUS_OK);
    assert_int_equal(bus_peer_set_trust(&a->bus, world.now_ms, b, PEER_TRUSTED), BUS_OK);
    world_run(&world);
    next_event(a, BUS_PEER_FOUND);
    no_more_events(a);
    send_announce(a, "node-d", a->public_key, 11, 34568, 1); // a key that is not its own
    next_event(a, BUS_ANNOUNCE_IGNORED);
    no_more_events(a);
}

// A trusted peer that has just come up need not wait for our next announce; nobody else gets one out of us, and no more
// than one per second.
static void test_a_new_peer_is_announced_to(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    uint8_t key_b[32] = {0xb}, key_c[32] = {0xc}, key_d[32] = {0xd};

    node_add(a, "node-b", key_b, PEER_TRUSTED, false);
    node_add(a, "node-d", key_d, PEER_REVOKED, false);
    send_announce(a, "node-b", key_b, 11, 34568, 1);
    world_run_until(&world, world.now_ms + 2000);
    assert_int_equal(a->datagrams, 0); // we do not announce at all yet
    bus_announce(&a->bus, world.now_ms);
    world_run_until(&world, world.now_ms + 4000);
    assert_int_equal(bus_counts(&a->bus).announces_sent, ANNOUNCE_BURST);
    send_announce(a, "stranger", key_c, 12, 1, 1);
    send_announce(a, "node-d", key_d, 13, 1, 1);
    send_announce(a, "node-b", key_c, 14, 1, 1);
    send_announce(a, "node-b", key_b, 11, 34568, 2); // known
    send_announce(a, "node-b", key_b, 15, 34568, 3); // at another address
    world_run_until(&world, world.now_ms + 2000);
    assert_int_equal(bus_counts(&a->bus).announces_sent, ANNOUNCE_BURST);

    node_add(a, "node-c", key_c, PEER_TRUSTED, false);
    world_run_until(&world, world.now_ms + 60000); // what was heard is forgotten
    uint64_t sent = bus_counts(&a->bus).announces_sent;
    for (uint8_t i = 0; i < 10; i++) {
        send_announce(a, i % 2 ? "node-b" : "node-c", i % 2 ? key_b : key_c, 11, 34568, i);
    }
    world_run_until(&world, world.now_ms + 1000);
    assert_in_range(bus_counts(&a->bus).announces_sent - sent, 1, 2);
    world_run_until(&world, world.now_ms + 5000);
    assert_in_range(bus_counts(&a->bus).announces_sent - sent, 1, 2);
}

static void test_malformed_datagrams_without_end(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    struct net_address source = address_of(66, 1);
    uint8_t bytes[128];
    struct rng rng;

    rng_seed(&rng, (const uint8_t[32]){1});
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(rng_random(&rng, bytes, sizeof bytes), NOISE_OK);
        if (i % 2 == 0) {
            memcpy(bytes, (const uint8_t[]){'N', 'X', 'S', 'B', 1}, 5);
        }
        bus_datagram(&a->bus, world.now_ms, &source, bytes, bytes[127] % 128);
    }
    world_run(&world);
    assert_int_equal(a->log_len, NODE_EVENTS + 1);
    assert_int_equal(a->log[NODE_EVENTS].type, BUS_EVENTS_DROPPED);
    struct bus_counts counts = bus_counts(&a->bus);
    assert_int_equal(counts.announces_bad + counts.announces_heard, 100000);
    assert_true(counts.devices <= OS_DEVICES_MAX - OS_DEVICES_RESERVED);
}

// ---- Dialling -------------------------------------------------------------------------------------

static void test_back_off(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    struct peer peer = {.trust = PEER_TRUSTED, .dial = true, .configured = address_of(99, 1)};
    const unsigned gaps_s[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};

    assert_true(device_id_set(&peer.id, (const uint8_t *)"far", 3));
    assert_int_equal(bus_peer_add(&a->bus, world.now_ms, NULL, &peer), PEERS_OK);
    world_run(&world); // a configured address serves without an announce
    for (unsigned i = 0; i < COUNT(gaps_s); i++) {
        assert_int_equal(a->dials, i + 1);
        next_event_because(a, BUS_DIAL_FAILED, REASON_CONNECT_FAILED);
        world_run_until(&world, world.now_ms + gaps_s[i] * UINT64_C(1000) - 1);
        assert_int_equal(a->dials, i + 1);
        world_run_until(&world, world.now_ms + 1);
    }
    assert_int_equal(a->closes, COUNT(gaps_s) + 1);
    assert_idle(a);
}

static void test_redial_after_loss(void **state)
{
    (void)state;
    struct node *a, *b;

    establish_pair(&a, &b);
    forget_events(a);
    uint32_t session = bus_session(&b->bus, 0, SESSION_RESPONDER);
    bus_close(&b->bus, world.now_ms, session);
    world_run(&world);
    assert_int_equal(next_event_because(a, BUS_SESSION_LOST, REASON_PEER_BYE)->peer_bye,
                     BYE_NORMAL);
    no_more_events(a);
    assert_int_equal(bus_session(&a->bus, 0, SESSION_INITIATOR), 0);
    world_run_until(&world, world.now_ms + 999);
    assert_int_equal(a->dials, 1);
    world_run_until(&world, world.now_ms + 1);
    assert_int_equal(a->dials, 2);
    next_event(a, BUS_SESSION_CONNECT);
    next_event(a, BUS_IDENTITY_BOUND);
    next_event(a, BUS_ESTABLISHED);
    // The back-off began anew: the next loss waits one second again.
    bus_close(&b->bus, world.now_ms, bus_session(&b->bus, 0, SESSION_RESPONDER));
    world_run_until(&world, world.now_ms + 1000);
    assert_int_equal(a->dials, 3);
}

static void test_connect_timeout(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    struct peer peer = {.trust = PEER_TRUSTED, .dial = true, .configured = address_of(99, 1)};
    struct bus_action action;
    struct bus_event event;

    assert_true(device_id_set(&peer.id, (const uint8_t *)"far", 3));
    assert_int_equal(bus_peer_add(&a->bus, world.now_ms, NULL, &peer), PEERS_OK);
    assert_true(bus_next_action(&a->bus, world.now_ms, &action));
    assert_int_equal(action.type, BUS_DIAL);
    uint32_t id = action.connection;
    assert_int_equal(bus_next_deadline(&a->bus), world.now_ms + CONNECT_TIMEOUT_MS);
    bus_tick(&a->bus, world.now_ms + CONNECT_TIMEOUT_MS - 1);
    assert_false(bus_next_action(&a->bus, world.now_ms, &action));
    bus_tick(&a->bus, world.now_ms + CONNECT_TIMEOUT_MS);
    bus_connected(&a->bus, world.now_ms, id); // too late
    assert_true(bus_next_action(&a->bus, world.now_ms, &action));
    assert_int_equal(action.type, BUS_CLOSE);
    assert_int_equal(action.connection, id);
    assert_true(bus_next_event(&a->bus, &event));
    assert_int_equal(event.type, BUS_DIAL_FAILED);
    assert_int_equal(event.reason, REASON_CONNECT_TIMEOUT);
    assert_false(bus_next_event(&a->bus, &event));
    assert_idle(a);
}

// A dial that is taken back before the shell has heard of it leaves no trace there.
static void test_dial_taken_back(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    struct peer peer = {.trust = PEER_TRUSTED, .dial = true, .configured = address_of(99, 1)};
    struct bus_action action;

    assert_true(device_id_set(&peer.id, (const uint8_t *)"far", 3));
    assert_int_equal(bus_peer_add(&a->bus, world.now_ms, NULL, &peer), PEERS_OK);
    assert_int_equal(bus_peer_set_trust(&a->bus, world.now_ms, 0, PEER_REVOKED), BUS_OK);
    assert_false(bus_next_action(&a->bus, world.now_ms, &action));
    assert_idle(a);
    world_run_until(&world, world.now_ms + 120000); // nor is it dialled later
    assert_int_equal(a->dials, 0);
}

static void test_second_address_is_tried(void **state)
{
    (void)state;
    struct node *a, *b;

    establish_pair(&a, &b);
    // A forged announce offers another address; the one that authenticated stays first.
    send_announce(a, "node-b", b->public_key, 66, 666, 1);
    bus_close(&a->bus, world.now_ms, bus_session(&a->bus, 0, SESSION_INITIATOR));
    world_run_until(&world, world.now_ms + 1000);
    assert_int_not_equal(bus_session(&a->bus, 0, SESSION_INITIATOR), 0);
    assert_int_equal(a->dials, 2);
    // b moves: the old address fails once, the new one is next.
    b->host = address_of(12, 0);
    bus_announce(&b->bus, world.now_ms);
    bus_close(&a->bus, world.now_ms, bus_session(&a->bus, 0, SESSION_INITIATOR));
    world_run_until(&world, world.now_ms + 4000);
    assert_int_not_equal(bus_session(&a->bus, 0, SESSION_INITIATOR), 0);
    assert_int_equal(a->dials, 4);
}

static void test_stale_configuration_does_not_stand_in_the_way(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    struct node *b = node_start(&world, "node-b", 11, 34568);
    struct peer peer = {.trust = PEER_TRUSTED, .dial = true, .configured = address_of(99, 1)};

    peer.id = b->config.session.id;
    memcpy(peer.static_key, b->public_key, 32);
    assert_int_equal(bus_peer_add(&a->bus, world.now_ms, NULL, &peer), PEERS_OK);
    node_add(b, "node-a", a->public_key, PEER_TRUSTED, false);
    world_run(&world);
    bus_announce(&b->bus, world.now_ms);
    world_run_until(&world, world.now_ms + 3000);
    assert_int_not_equal(bus_session(&a->bus, 0, SESSION_INITIATOR), 0);
}

// Announces with the right id and key from everywhere: the number of dials is bounded by the back-off.
static void test_forged_announces_cause_no_dial_loop(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    uint8_t key_b[32] = {0xb};

    node_add(a, "node-b", key_b, PEER_TRUSTED, true);
    for (uint32_t i = 0; i < 6000; i++) { // a minute, a hundred per second
        send_announce(a, "node-b", key_b, (uint8_t)(100 + i % 100), (uint16_t)(1 + i), i);
        world_run_until(&world, world.now_ms + 10);
        forget_events(a);
    }
    assert_int_equal(a->dials, 6); // at 0, 1, 3, 7, 15 and 31 seconds
    assert_int_equal(bus_counts(&a->bus).devices, 1);
}

// ---- Replacement, revocation ----------------------------------------------------------------------

static void test_newer_session_replaces_older(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    static struct end again;

    end_init(&again, "node-b", 2);
    rng_seed(&again.rng, (const uint8_t[32]){9}); // other ephemerals
    outside_call(a, 20, &peer_end);
    uint32_t first = bus_session(&a->bus, 0, SESSION_RESPONDER);
    outside_call(a, 21, &again);
    next_event(a, BUS_IDENTITY_BOUND);
    next_event(a, BUS_ESTABLISHED);
    next_event(a, BUS_IDENTITY_BOUND);
    assert_int_equal(next_event_because(a, BUS_SESSION_LOST, REASON_REPLACED)->connection, first);
    next_event(a, BUS_ESTABLISHED);
    no_more_events(a);
    assert_end(&peer_end, SESSION_CLOSED, REASON_PEER_BYE);
    assert_int_equal(session_peer_bye(&peer_end.session), BYE_REPLACED);
    assert_end(&again, SESSION_UP, REASON_NONE);
    assert_int_not_equal(bus_session(&a->bus, 0, SESSION_RESPONDER), first);
    assert_int_equal(bus_counts(&a->bus).sessions_up, 1);
}

// One that does not authenticate replaces nothing.
static void test_stranger_replaces_nothing(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    static struct end stranger;

    end_init(&stranger, "node-b", 3); // the id, with another key
    outside_call(a, 20, &peer_end);
    uint32_t first = bus_session(&a->bus, 0, SESSION_RESPONDER);
    outside_call(a, 21, &stranger);
    assert_int_equal(bus_session(&a->bus, 0, SESSION_RESPONDER), first);
    assert_end(&peer_end, SESSION_UP, REASON_NONE);
}

static void test_revoking_ends_live_sessions(void **state)
{
    (void)state;
    struct node *a, *b;

    establish_pair(&a, &b);
    world_run_until(&world, world.now_ms + 4000); // the first announces
    forget_events(a);
    forget_events(b);
    assert_int_equal(bus_peer_set_trust(&b->bus, world.now_ms, 0, PEER_REVOKED), BUS_OK);
    world_run(&world);
    next_event_because(b, BUS_SESSION_LOST, REASON_PEER_REVOKED);
    assert_int_equal(next_event_because(a, BUS_SESSION_LOST, REASON_PEER_BYE)->peer_bye,
                     BYE_NOT_PERMITTED);
    forget_events(b);
    world_run_until(&world, world.now_ms + 1000); // a tries again
    next_event_because(b, BUS_REJECTED, REASON_PEER_REVOKED);
    assert_int_equal(count_events(b, BUS_ESTABLISHED), 0);
    const struct bus_event *failed = &a->log[a->log_len - 1];
    assert_int_equal(failed->type, BUS_DIAL_FAILED);
    assert_int_equal(failed->peer_bye, BYE_NOT_PERMITTED);

    assert_int_equal(bus_peer_set_trust(&b->bus, world.now_ms, 0, PEER_TRUSTED), BUS_OK);
    world_run_until(&world, world.now_ms + 2000);
    assert_int_not_equal(bus_session(&b->bus, 0, SESSION_RESPONDER), 0);
    assert_int_equal(bus_peer_set_trust(&b->bus, world.now_ms, 9, PEER_TRUSTED), BUS_ERR_NO_PEER);
    assert_int_equal(bus_peer_set_trust(&b->bus, world.now_ms, 0, PEER_UNSET), BUS_ERR_NO_PEER);
}

// Revoked between message 1 and message 2: the initiator keeps its identity to itself.
static void test_revoked_during_the_handshake(void **state)
{
    (void)state;
    struct node *a, *b;

    start_pair(&a, &b);
    a->hold_dh = true;
    bus_announce(&b->bus, world.now_ms);
    world_run(&world);
    assert_int_equal(bus_peer_set_trust(&a->bus, world.now_ms, 0, PEER_REVOKED), BUS_OK);
    world_run(&world);
    struct bus_dh_request requests[BUS_DH_BATCH_MAX];
    assert_int_equal(bus_dh_take(&a->bus, requests), 0);
    assert_int_equal(count_events(a, BUS_ESTABLISHED) + count_events(b, BUS_IDENTITY_BOUND), 0);
    assert_idle(a);
    assert_idle(b);
}

// ---- Half-open limits -----------------------------------------------------------------------------

static void test_eight_per_source(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    struct wire *w[HALF_OPEN_PER_SOURCE_MAX + 1];

    for (size_t i = 0; i < COUNT(w); i++) {
        world.now_ms++;
        w[i] = outside_connect(a, 66, NULL);
        assert_non_null(w[i]);
        world_run(&world);
    }
    assert_int_equal(bus_counts(&a->bus).half_open, HALF_OPEN_PER_SOURCE_MAX);
    assert_int_equal(w[0]->id, 0); // its own oldest went
    assert_int_not_equal(w[1]->id, 0);
    next_event_because(a, BUS_REJECTED, REASON_EVICTED);
    no_more_events(a);
    struct wire *other = outside_call(a, 77, &peer_end); // another source gets in at once
    assert_non_null(other);
    assert_end(&peer_end, SESSION_UP, REASON_NONE);
}

static void test_full_table(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    static struct end friend;
    struct wire *greedy[7];

    // A trusted peer has been at host 200 before.
    end_init(&friend, "node-b", 2);
    outside_hang_up(a, outside_call(a, 200, &friend));
    forget_events(a);
    for (size_t i = 0; i < COUNT(greedy); i++) {
        greedy[i] = outside_connect(a, 66, NULL);
        world_run(&world);
        world.now_ms++;
    }
    for (size_t i = 0; i < NODE_HALF_OPEN - HALF_OPEN_RESERVED - COUNT(greedy); i++) {
        assert_non_null(outside_connect(a, (uint8_t)(100 + i), NULL));
        world.now_ms++;
    }
    world_run(&world);
    no_more_events(a);
    assert_int_equal(bus_counts(&a->bus).half_open, NODE_HALF_OPEN - HALF_OPEN_RESERVED);
    assert_non_null(outside_connect(a, 99, NULL)); // full for strangers: the greediest gives
    world_run(&world);
    next_event_because(a, BUS_REJECTED, REASON_EVICTED);
    assert_int_equal(greedy[0]->id, 0);
    assert_int_not_equal(greedy[1]->id, 0);
    assert_int_equal(bus_counts(&a->bus).half_open, NODE_HALF_OPEN - HALF_OPEN_RESERVED);
    for (size_t i = 0; i < HALF_OPEN_RESERVED; i++) { // the reserved places
        assert_non_null(outside_connect(a, 200, NULL));
    }
    world_run(&world);
    no_more_events(a);
    assert_int_equal(bus_counts(&a->bus).half_open, NODE_HALF_OPEN);
    world_run_until(&world, world.now_ms + HANDSHAKE_TIMEOUT_MS);
    assert_int_equal(count_events(a, BUS_REJECTED), 1 + NODE_HALF_OPEN);
    assert_idle(a);
}

// Who is not trusted any more has no reserved place.
static void test_revoked_address_is_not_reserved(void **state)
{
    (void)state;
    struct node *a = start_with_end();

    outside_hang_up(a, outside_call(a, 200, &peer_end));
    assert_int_equal(bus_peer_set_trust(&a->bus, world.now_ms, 0, PEER_REVOKED), BUS_OK);
    for (size_t i = 0; i < NODE_HALF_OPEN - HALF_OPEN_RESERVED; i++) {
        assert_non_null(outside_connect(a, (uint8_t)(100 + i), NULL));
    }
    assert_non_null(outside_connect(a, 200, NULL));
    world_run(&world);
    assert_int_equal(bus_counts(&a->bus).half_open, NODE_HALF_OPEN - HALF_OPEN_RESERVED);
}

// Half-open connections without end from one source: a second source and a trusted peer get in at once.
static void test_endless_half_open(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    uint64_t end_ms = world.now_ms + 60000;

    while (world.now_ms < end_ms) {
        for (int i = 0; i < 20; i++) {
            outside_connect(a, 66, NULL);
            world_run(&world);
        }
        assert_true(bus_counts(&a->bus).half_open <= HALF_OPEN_PER_SOURCE_MAX);
        forget_events(a);
        world_run_until(&world, world.now_ms + 100);
        forget_events(a);
    }
    struct wire *w = outside_call(a, 77, &peer_end);
    assert_non_null(w);
    assert_end(&peer_end, SESSION_UP, REASON_NONE);
    outside_hang_up(a, w);
    world_run_until(&world, world.now_ms + HANDSHAKE_TIMEOUT_MS);
    assert_idle(a);
}

// Ten thousand bad first messages, then a good session from the same address.
static void test_ten_thousand_bad_first_messages(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    uint8_t bad[54] = {'D', 'S', 'B', 1, 0, 48, 9};
    unsigned served = 0;

    for (int i = 0; i < 10000; i++) {
        struct wire *w = outside_connect(a, 77, NULL);
        if (w != NULL) {
            served++;
            outside_send(a, w, bad, sizeof bad);
            assert_int_equal(w->id, 0);
        }
        forget_events(a);
    }
    assert_int_equal(served, FAILURE_BURST);
    assert_int_equal(a->dh_count, FAILURE_BURST); // one each
    assert_int_equal(bus_counts(&a->bus).refused_rate, 10000 - FAILURE_BURST);
    assert_null(outside_connect(a, 77, NULL));
    world_run_until(&world, world.now_ms + FAILURE_REFILL_MS);
    assert_serves(a);
    // Successes are not charged: on and on, without waiting.
    for (int i = 0; i < 100; i++) {
        assert_serves(a);
    }
}

static void test_ipv6_source(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    struct net_address source = {NET_IPV6, {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 1}, 5}, none = {0};
    uint32_t id;

    for (unsigned i = 0; i < 2 * HALF_OPEN_PER_SOURCE_MAX; i++) {
        source.bytes[15] = (uint8_t)i; // one network, many addresses
        assert_true(bus_accepted(&a->bus, world.now_ms, &id, &source));
        wire_new(a, id);
        world_run(&world);
    }
    assert_int_equal(bus_counts(&a->bus).half_open, HALF_OPEN_PER_SOURCE_MAX);
    assert_false(bus_accepted(&a->bus, world.now_ms, &id, &source)); // the burst is spent
    assert_false(bus_accepted(&a->bus, world.now_ms, &id, &none));
    assert_int_equal(id, 0);
}

// ---- Attacks --------------------------------------------------------------------------------------

static void test_attack_replay(void **state)
{
    (void)state;
    struct node *a = start_with_end();

    outside_hang_up(a, outside_call(a, 20, &peer_end));
    forget_events(a);
    // What node-b sent, once more: message 1 is answered, message 3 does not fit the new ephemeral.
    struct wire *w = outside_connect(a, 66, NULL);
    outside_send(a, w, peer_end.sent, 54);
    assert_int_equal(w->heard_len, 50);
    outside_send(a, w, peer_end.sent + 54, peer_end.sent_len - 54);
    next_event_because(a, BUS_REJECTED, REASON_HANDSHAKE_AUTH);
    no_more_events(a);
    assert_int_equal(w->heard_len, 50);
    assert_int_equal(w->id, 0);
    assert_serves(a);
}

static void test_attack_man_in_the_middle(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    static struct end mallory;

    end_init(&peer_end, "node-b", 2);
    end_init(&mallory, "node-b", 3);
    node_add(a, "node-b", peer_end.public_key, PEER_TRUSTED, true);
    world.server = &mallory;
    world.server_address = address_of(66, 34568);
    send_announce(a, "node-b", peer_end.public_key, 66, 34568, 1);
    next_event(a, BUS_PEER_FOUND);
    next_event(a, BUS_SESSION_CONNECT);
    assert_end(&mallory, SESSION_CLOSED, REASON_HANDSHAKE_AUTH);
    no_more_events(a);
    // It answers with a message 2 of its own invention.
    uint8_t m2[50] = {0, 48, 9};
    struct wire *w = NULL;
    for (size_t i = 0; i < NODE_WIRES; i++) {
        w = a->wires[i].id != 0 ? &a->wires[i] : w;
    }
    assert_non_null(w);
    outside_send(a, w, m2, sizeof m2);
    next_event_because(a, BUS_DIAL_FAILED, REASON_HANDSHAKE_AUTH);
    no_more_events(a);
    assert_int_equal(bus_session(&a->bus, 0, SESSION_INITIATOR), 0);
    assert_idle(a);
    // The true one is found at its own address, and reached.
    static struct end honest;
    end_init(&honest, "node-b", 2);
    world.server = &honest;
    world.server_address = address_of(11, 34568);
    send_announce(a, "node-b", peer_end.public_key, 11, 34568, 1);
    world_run_until(&world, world.now_ms + 3000);
    assert_int_not_equal(bus_session(&a->bus, 0, SESSION_INITIATOR), 0);
}

static void test_attack_tamper(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    uint8_t bytes[64] = {0};

    struct wire *w = outside_call(a, 20, &peer_end);
    forget_events(a);
    assert_true(session_ping(&peer_end.session, world.now_ms));
    size_t len = end_take(&peer_end, bytes, sizeof bytes);
    bytes[20] ^= 1;
    outside_send(a, w, bytes, len);
    next_event_because(a, BUS_SESSION_LOST, REASON_RECORD_AUTH);
    no_more_events(a);
    assert_end(&peer_end, SESSION_CLOSED, REASON_PEER_BYE);
    assert_int_equal(w->id, 0);
    assert_serves(a);
}

struct identity_row {
    const char *id;
    uint8_t seed; // 2 is node-b's key
    enum bus_event_type type;
    enum close_reason reason;
};

static const struct identity_row identity_rows[] = {
    {"node-x", 2, BUS_IDENTITY_MISMATCH, REASON_IDENTITY_MISMATCH}, // key of node-b, another id
    {"node-b", 3, BUS_IDENTITY_MISMATCH, REASON_IDENTITY_MISMATCH}, // id of node-b, another key
    {"node-c", 2, BUS_IDENTITY_MISMATCH, REASON_IDENTITY_MISMATCH}, // both listed, not together
    {"node-x", 3, BUS_UNKNOWN_PEER, REASON_UNKNOWN_PEER},
    {"node-a", 3, BUS_UNKNOWN_PEER, REASON_UNKNOWN_PEER},
    {"x\nSELFTEST: end", 3, BUS_UNKNOWN_PEER, REASON_UNKNOWN_PEER},
    {"node-r", 5, BUS_REJECTED, REASON_PEER_REVOKED},
    {"node-p", 6, BUS_REJECTED, REASON_PEER_PENDING},
};

static void test_attack_identities(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    static struct end e;

    end_init(&e, "node-c", 4);
    node_add(a, "node-c", e.public_key, PEER_TRUSTED, false);
    end_init(&e, "node-r", 5);
    node_add(a, "node-r", e.public_key, PEER_REVOKED, false);
    end_init(&e, "node-p", 6);
    node_add(a, "node-p", e.public_key, PEER_PENDING, false);
    for (size_t i = 0; i < COUNT(identity_rows); i++) {
        const struct identity_row *row = &identity_rows[i];
        end_init(&e, row->id, row->seed);
        forget_events(a);
        struct wire *w = outside_call(a, 66, &e);
        const struct bus_event *event = next_event_because(a, row->type, row->reason);
        assert_true(device_id_equal(&event->id, &e.config.id)); // the id that was claimed
        assert_int_equal(event->peer, PEER_NONE);
        no_more_events(a);
        assert_int_equal(w->id, 0);
        bool told = row->type == BUS_REJECTED;
        assert_end(&e, SESSION_CLOSED, told ? REASON_PEER_BYE : REASON_DISCONNECTED);
        assert_int_equal(session_peer_bye(&e.session), told ? BYE_NOT_PERMITTED : 0);
        assert_int_equal(e.events[SESSION_ESTABLISHED], 0);
        assert_serves(a);
    }
}

static void test_attack_own_key(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    static struct end twin;

    end_init(&twin, "node-b", 9);
    memcpy(twin.secret, a->secret, 32);
    memcpy(twin.public_key, a->public_key, 32);
    memcpy(twin.config.static_public, a->public_key, 32);
    outside_call(a, 66, &twin);
    next_event_because(a, BUS_REJECTED, REASON_OWN_KEY);
    no_more_events(a);
    assert_end(&twin, SESSION_CLOSED, REASON_DISCONNECTED);
    assert_serves(a);
}

static void test_attack_oversize(void **state)
{
    (void)state;
    struct node *a = start_with_end();

    struct wire *w = outside_connect(a, 66, NULL);
    outside_send(a, w, "DSB\1\xff\xff", 6); // refused at the length
    next_event_because(a, BUS_REJECTED, REASON_MESSAGE_LENGTH);
    assert_int_equal(w->heard_len, 0);
    assert_int_equal(w->id, 0);
    assert_serves(a);

    end_init(&peer_end, "node-b", 2);
    w = outside_call(a, 66, &peer_end);
    forget_events(a);
    outside_send(a, w, "\xff\xff", 2);
    next_event_because(a, BUS_SESSION_LOST, REASON_RECORD_LENGTH);
    assert_end(&peer_end, SESSION_CLOSED, REASON_PEER_BYE);
    assert_serves(a);
}

// Every way to stop in the middle: by closing, and by falling silent.
static void test_attack_truncated(void **state)
{
    (void)state;
    struct node *a = start_with_end();

    outside_hang_up(a, outside_call(a, 20, &peer_end));
    size_t recorded = peer_end.sent_len;
    for (size_t len = 0; len < recorded; len += 11) {
        forget_events(a);
        struct wire *w = outside_connect(a, 66, NULL);
        outside_send(a, w, peer_end.sent, len < 54 ? len : 54);
        no_more_events(a);
        outside_hang_up(a, w);
        next_event_because(a, BUS_REJECTED, REASON_DISCONNECTED);
        world_run_until(&world, world.now_ms + FAILURE_REFILL_MS);

        forget_events(a);
        w = outside_connect(a, 66, NULL);
        outside_send(a, w, peer_end.sent, len < 54 ? len : 54);
        world_run_until(&world, world.now_ms + HANDSHAKE_TIMEOUT_MS);
        next_event_because(a, BUS_REJECTED, REASON_HANDSHAKE_TIMEOUT);
        assert_int_equal(w->id, 0);
        assert_idle(a);
    }
    assert_serves(a);
}

// Whatever an unauthenticated peer sends, it never gets more bytes back.
static void test_no_amplification(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    struct rng rng;

    outside_hang_up(a, outside_call(a, 20, &peer_end));
    rng_seed(&rng, (const uint8_t[32]){4});
    for (int i = 0; i < 2000; i++) {
        uint8_t bytes[200];
        assert_int_equal(rng_random(&rng, bytes, sizeof bytes), NOISE_OK);
        size_t good = bytes[0] % 58; // a part of what was once good, then anything
        size_t len = good + bytes[1] % 100;
        memcpy(bytes, peer_end.sent, good);
        struct wire *w = outside_connect(a, 66, NULL);
        size_t sent = 0;
        while (w != NULL && w->id != 0 && sent < len) {
            size_t part = len - sent < 7 ? len - sent : 7;
            outside_send(a, w, bytes + sent, part);
            sent += part;
            assert_true(w->heard_len <= sent);
        }
        world_run_until(&world, world.now_ms + FAILURE_REFILL_MS);
        forget_events(a);
    }
    world_run_until(&world, world.now_ms + HANDSHAKE_TIMEOUT_MS);
    assert_serves(a);
}

static void test_other_version(void **state)
{
    (void)state;
    struct node *a = start_with_end();

    struct wire *w = outside_connect(a, 66, NULL);
    outside_send(a, w, "DSB\7", 4);
    assert_int_equal(next_event_because(a, BUS_REJECTED, REASON_VERSION)->peer_version, 7);
    assert_int_equal(w->heard_len, 4);
    assert_memory_equal(w->heard, "DSB\1", 4);
    assert_int_equal(w->id, 0);
    assert_serves(a);
}

// ---- Diffie-Hellman elsewhere -----------------------------------------------------------------------

static void test_dh_batches(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    struct bus_dh_request requests[BUS_DH_BATCH_MAX], second[BUS_DH_BATCH_MAX];
    uint8_t secret[32] = {1};

    a->hold_dh = true;
    for (uint8_t i = 0; i < 10; i++) {
        uint8_t m1[54] = {'D', 'S', 'B', 1, 0, 48, (uint8_t)(9 + i)};
        outside_send(a, outside_connect(a, (uint8_t)(100 + i), NULL), m1, sizeof m1);
    }
    assert_int_equal(bus_dh_take(&a->bus, requests), 8);
    assert_int_equal(bus_dh_take(&a->bus, second), 2);
    assert_int_equal(bus_dh_take(&a->bus, second), 0);
    for (size_t i = 0; i < 8; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(requests[i].id != requests[j].id);
        }
    }
    // Stale: an id that never was, and one whose connection is gone.
    bus_dh_result(&a->bus, world.now_ms, requests[0].id ^ 1, secret);
    bus_dh_result(&a->bus, world.now_ms, 0, secret);
    bus_dh_result(&a->bus, world.now_ms, UINT64_MAX, NULL);
    world_run(&world);
    no_more_events(a);
    outside_hang_up(a, wire_find(a, (uint32_t)(requests[1].id >> 32)));
    next_event_because(a, BUS_REJECTED, REASON_DISCONNECTED);
    bus_dh_result(&a->bus, world.now_ms, requests[1].id, secret);
    bus_dh_result(&a->bus, world.now_ms, requests[2].id, NULL);
    bus_dh_result(&a->bus, world.now_ms, requests[2].id, NULL); // once is enough
    bus_dh_result(&a->bus, world.now_ms, requests[3].id, secret);
    world_run(&world);
    next_event_because(a, BUS_REJECTED, REASON_DH_FAILED);
    next_event_because(a, BUS_REJECTED, REASON_HANDSHAKE_AUTH);
    no_more_events(a);
    world_run_until(&world, world.now_ms + HANDSHAKE_TIMEOUT_MS);
    a->hold_dh = false;
    assert_serves(a);
}

// Our own failure is not charged to the source.
static void test_local_failure_is_not_charged(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    struct bus_dh_request requests[BUS_DH_BATCH_MAX];

    a->hold_dh = true;
    for (int i = 0; i < 3 * FAILURE_BURST; i++) {
        end_init(&peer_end, "node-b", 2);
        assert_non_null(outside_call(a, 77, &peer_end));
        assert_int_equal(bus_dh_take(&a->bus, requests), 1);
        bus_dh_result(&a->bus, world.now_ms, requests[0].id, NULL);
        world_run(&world);
    }
    a->hold_dh = false;
    assert_serves(a);
}

// ---- Memory ---------------------------------------------------------------------------------------

static void test_record_memory_runs_out(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    static struct end ends[NODE_SESSIONS + 1];
    struct wire *wires[NODE_SESSIONS + 1];

    for (size_t i = 0; i < COUNT(ends); i++) {
        char id[] = "peer-0";
        id[5] = (char)('0' + i);
        end_init(&ends[i], id, (uint8_t)(20 + i));
        node_add(a, id, ends[i].public_key, PEER_TRUSTED, false);
    }
    for (size_t i = 0; i < COUNT(ends); i++) {
        forget_events(a);
        wires[i] = outside_call(a, (uint8_t)(20 + i), &ends[i]);
    }
    next_event(a, BUS_IDENTITY_BOUND);
    next_event_because(a, BUS_REJECTED, REASON_NO_RECORD_MEMORY);
    assert_int_equal(session_peer_bye(&ends[NODE_SESSIONS].session), BYE_LIMIT);
    assert_int_equal(ends[NODE_SESSIONS].events[SESSION_ESTABLISHED], 0);
    assert_int_equal(bus_counts(&a->bus).sessions_up, NODE_SESSIONS);
    // A newer session of a peer that has one still finds a place: the old one makes it.
    static struct end again;
    end_init(&again, "peer-0", 20);
    assert_non_null(outside_call(a, 30, &again));
    assert_end(&again, SESSION_UP, REASON_NONE);
    assert_int_equal(session_peer_bye(&ends[0].session), BYE_REPLACED);
    // After one has gone there is room.
    outside_hang_up(a, wires[1]);
    end_init(&ends[NODE_SESSIONS], "peer-4", 20 + NODE_SESSIONS);
    outside_call(a, 31, &ends[NODE_SESSIONS]);
    assert_end(&ends[NODE_SESSIONS], SESSION_UP, REASON_NONE);
}

// Without record memory a dial waits, without asking the clock all the time.
static void test_dial_waits_for_memory(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    static struct end ends[NODE_SESSIONS];
    struct wire *wires[COUNT(ends)];

    for (size_t i = 0; i < COUNT(ends); i++) {
        char id[] = "peer-0";
        id[5] = (char)('0' + i);
        end_init(&ends[i], id, (uint8_t)(20 + i));
        node_add(a, id, ends[i].public_key, PEER_TRUSTED, false);
        wires[i] = outside_call(a, (uint8_t)(20 + i), &ends[i]);
    }
    struct peer peer = {.trust = PEER_TRUSTED, .dial = true, .configured = address_of(99, 1)};
    assert_true(device_id_set(&peer.id, (const uint8_t *)"far", 3));
    assert_int_equal(bus_peer_add(&a->bus, world.now_ms, NULL, &peer), PEERS_OK);
    world_run_until(&world, world.now_ms + 1500);
    assert_int_equal(a->dials, 0);
    outside_hang_up(a, wires[0]);
    world_run_until(&world, world.now_ms + 4000);
    assert_int_equal(a->dials, 1);
}

static void test_thousand_cycles(void **state)
{
    (void)state;
    struct node *a = start_with_end();

    for (int i = 0; i < 1000; i++) {
        assert_serves(a);
    }
    struct bus_counts counts = bus_counts(&a->bus);
    assert_int_equal(counts.accepted, 1000);
    assert_int_equal(counts.established, 1000);
    assert_int_equal(counts.lost, 1000);
    assert_int_equal(counts.rejected, 0);
    assert_int_equal(a->closes, 1000);
}

// A peer that does not read: the close comes all the same, after the linger time.
static void test_linger(void **state)
{
    (void)state;
    struct node *a = start_with_end();

    struct wire *w = outside_call(a, 20, &peer_end);
    w->stalled = true;
    bus_close(&a->bus, world.now_ms, w->id);
    world_run_until(&world, world.now_ms + LINGER_MS - 1);
    assert_int_not_equal(w->id, 0);
    assert_int_equal(bus_counts(&a->bus).sessions_up, 0);
    world_run_until(&world, world.now_ms + 1);
    assert_int_equal(w->id, 0);
    assert_idle(a);
}

static void test_blocked_transport(void **state)
{
    (void)state;
    struct node *a = start_with_end();

    struct wire *w = outside_call(a, 20, &peer_end);
    w->stalled = true;
    assert_true(bus_ping(&a->bus, world.now_ms, w->id));
    world_run(&world); // BUS_OUTPUT came, nothing was taken
    w->stalled = false;
    world_run(&world);
    assert_int_equal(peer_end.events[SESSION_PINGED], 0);
    bus_writable(&a->bus, w->id);
    world_run(&world);
    assert_int_equal(peer_end.events[SESSION_PINGED], 1);
}

// ---- Events ---------------------------------------------------------------------------------------

static void test_event_overflow(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    struct net_address source = address_of(1, 1);
    struct bus_event event;

    for (int i = 0; i < NODE_EVENTS + 10; i++) {
        bus_datagram(&a->bus, world.now_ms, &source, NULL, 0);
    }
    // State moves on while events are missing.
    outside_connect(a, 66, NULL);
    assert_int_equal(bus_counts(&a->bus).half_open, 1);
    for (int i = 0; i < NODE_EVENTS; i++) {
        assert_true(bus_next_event(&a->bus, &event));
        assert_int_equal(event.type, BUS_ANNOUNCE_IGNORED);
        if (i == 0) {
            bus_datagram(&a->bus, world.now_ms, &source, NULL,
                         0); // one place: not enough for two events
        }
    }
    assert_true(bus_next_event(&a->bus, &event));
    assert_int_equal(event.type, BUS_EVENTS_DROPPED);
    assert_int_equal(event.dropped, 11);
    assert_false(bus_next_event(&a->bus, &event));
    assert_int_equal(bus_counts(&a->bus).events_dropped, 11);
}

static void test_dropped_events_are_told_in_their_place(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    struct net_address source = address_of(1, 1);
    struct bus_event event;

    for (int i = 0; i < NODE_EVENTS + 1; i++) {
        bus_datagram(&a->bus, world.now_ms, &source, NULL, 0);
    }
    assert_true(bus_next_event(&a->bus, &event));
    assert_true(bus_next_event(&a->bus, &event));
    bus_datagram(&a->bus, world.now_ms, &source, (const uint8_t *)"NXDISC1", 7);
    for (int i = 0; i < NODE_EVENTS - 2; i++) {
        assert_true(bus_next_event(&a->bus, &event));
    }
    assert_true(bus_next_event(&a->bus, &event));
    assert_int_equal(event.type, BUS_EVENTS_DROPPED);
    assert_int_equal(event.dropped, 1);
    assert_true(bus_next_event(&a->bus, &event));
    assert_int_equal(event.announce_error, ANNOUNCE_BAD_MAGIC);
    assert_false(bus_next_event(&a->bus, &event));
}

// ---- Misuse and initialisation --------------------------------------------------------------------

static void test_unknown_ids_do_nothing(void **state)
{
    (void)state;
    struct node *a = start_with_end();
    struct wire *w = outside_call(a, 20, &peer_end);
    uint32_t gone = w->id, ids[] = {0, 1, gone, UINT32_MAX, gone + 1, gone + 0x10000};
    size_t len;

    outside_hang_up(a, w);
    forget_events(a);
    struct bus_counts before = bus_counts(&a->bus);
    for (size_t i = 0; i < COUNT(ids); i++) {
        bus_connected(&a->bus, world.now_ms, ids[i]);
        bus_connect_failed(&a->bus, world.now_ms, ids[i]);
        bus_received(&a->bus, world.now_ms, ids[i], (const uint8_t *)"x", 1);
        assert_null(bus_output(&a->bus, ids[i], &len));
        bus_output_done(&a->bus, world.now_ms, ids[i], 9);
        bus_writable(&a->bus, ids[i]);
        bus_disconnected(&a->bus, world.now_ms, ids[i]);
        bus_close(&a->bus, world.now_ms, ids[i]);
        assert_false(bus_ping(&a->bus, world.now_ms, ids[i]));
    }
    world_run(&world);
    no_more_events(a);
    struct bus_counts after = bus_counts(&a->bus);
    assert_int_equal(before.accepted + before.lost + before.rejected,
                     after.accepted + after.lost + after.rejected);
    assert_idle(a);
    assert_int_not_equal(outside_connect(a, 20, NULL)->id, gone); // the same place, another id
    assert_int_equal(bus_session(&a->bus, 77, SESSION_INITIATOR), 0);
    assert_null(bus_peer(&a->bus, 77));
    assert_int_equal(bus_peer_dial(&a->bus, world.now_ms, 77), BUS_ERR_NO_PEER);
}

static void test_time_does_not_go_back(void **state)
{
    (void)state;
    struct node *a, *b;

    establish_pair(&a, &b);
    uint64_t deadline = bus_next_deadline(&a->bus);
    bus_tick(&a->bus, 0);
    bus_tick(&b->bus, 0);
    assert_int_equal(bus_next_deadline(&a->bus), deadline);
    struct net_address source = address_of(66, 1);
    uint32_t id;
    assert_true(bus_accepted(&a->bus, 5, &id, &source));
    wire_new(a, id);
    assert_int_equal(bus_next_deadline(&a->bus), world.now_ms + HANDSHAKE_TIMEOUT_MS);
    assert_int_equal(bus_counts(&a->bus).sessions_up, 1);
}

static enum noise_error no_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 0, len);
    return NOISE_ERR_RANDOM;
}

static enum bus_error init_with(void (*spoil)(struct node *n))
{
    static struct node n;

    node_prepare(&n, &world, "node-a", 10, 34567);
    spoil(&n);
    return bus_init(&n.bus, &n.config, &n.tables, 0);
}

#define SPOIL(name, statement)                                                                     \
    static void spoil_##name(struct node *n)                                                       \
    {                                                                                              \
        statement;                                                                                 \
    }
SPOIL(nothing, (void)n)
SPOIL(id_char, n->config.session.id.bytes[0] = ' ')
SPOIL(id_empty, n->config.session.id.len = 0)
SPOIL(port, n->config.port = 0)
SPOIL(ttl_low, n->config.ttl_s = 2)
SPOIL(ttl_high, n->config.ttl_s = 3601)
SPOIL(record_low, n->config.session.record_plaintext_max = 511)
SPOIL(record_high, n->config.session.record_plaintext_max = 65520)
SPOIL(no_random_function, n->config.session.random = NULL)
SPOIL(random_fails, n->config.session.random = no_random)
SPOIL(no_peers, n->tables.peers = NULL)
SPOIL(peers_0, n->tables.peers_max = 0)
SPOIL(all_reserved, n->tables.devices_reserved = n->tables.devices_max)
SPOIL(half_open_8, n->tables.half_open_max = HALF_OPEN_RESERVED)
SPOIL(few_sources, n->tables.sources_max = n->tables.half_open_max)
SPOIL(few_connections, n->tables.connections_max--)
SPOIL(few_records, n->tables.records_len--)
SPOIL(no_sessions, n->tables.sessions_max = 0)
SPOIL(one_event, n->tables.events_max = 1)
SPOIL(no_streams, n->tables.streams_max = 0)
SPOIL(no_stream_tables,
      memset(&n->tables.streams, 0, sizeof n->tables - offsetof(struct bus_tables, streams)))
SPOIL(no_stream_table, n->tables.streams = NULL)
SPOIL(no_stream_buffers, n->tables.stream_buffers = NULL)
SPOIL(few_stream_buffers, n->tables.stream_buffers_len--)
SPOIL(small_stream_buffers, n->tables.stream_buffer_bytes = STREAM_BUFFER_BYTES_MIN - 1)
SPOIL(no_outputs, n->tables.outputs = NULL)
SPOIL(few_outputs, n->tables.outputs_len--)
SPOIL(small_outputs, n->tables.output_bytes = SESSION_OUTPUT_BYTES(512, 1) - 1)
SPOIL(smallest_outputs, n->tables.output_bytes = SESSION_OUTPUT_BYTES(512, 1))

static void test_init_errors(void **state)
{
    (void)state;
    const struct {
        void (*spoil)(struct node *n);
        enum bus_error error;
    } rows[] = {
        {spoil_nothing, BUS_OK},
        {spoil_id_char, BUS_ERR_CONFIG},
        {spoil_id_empty, BUS_ERR_CONFIG},
        {spoil_port, BUS_ERR_CONFIG},
        {spoil_ttl_low, BUS_ERR_CONFIG},
        {spoil_ttl_high, BUS_ERR_CONFIG},
        {spoil_record_low, BUS_ERR_CONFIG},
        {spoil_record_high, BUS_ERR_CONFIG},
        {spoil_no_random_function, BUS_ERR_CONFIG},
        {spoil_random_fails, BUS_ERR_RANDOM},
        {spoil_no_peers, BUS_ERR_TABLES},
        {spoil_peers_0, BUS_ERR_TABLES},
        {spoil_all_reserved, BUS_ERR_TABLES},
        {spoil_half_open_8, BUS_ERR_TABLES},
        {spoil_few_sources, BUS_ERR_TABLES},
        {spoil_few_connections, BUS_ERR_TABLES},
        {spoil_few_records, BUS_ERR_TABLES},
        {spoil_no_sessions, BUS_ERR_TABLES},
        {spoil_one_event, BUS_ERR_TABLES},
        {spoil_no_streams, BUS_OK},
        {spoil_no_stream_tables, BUS_OK},
        {spoil_no_stream_table, BUS_ERR_TABLES},
        {spoil_no_stream_buffers, BUS_ERR_TABLES},
        {spoil_few_stream_buffers, BUS_ERR_TABLES},
        {spoil_small_stream_buffers, BUS_ERR_TABLES},
        {spoil_no_outputs, BUS_ERR_TABLES},
        {spoil_few_outputs, BUS_ERR_TABLES},
        {spoil_small_outputs, BUS_ERR_TABLES},
        {spoil_smallest_outputs, BUS_OK},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (init_with(rows[i].spoil) != rows[i].error) {
            fail_msg("row %zu", i);
        }
    }
}

#define BUS_TEST(name) cmocka_unit_test_setup(name, start_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUS_TEST(test_two_nodes_meet),
        BUS_TEST(test_ping),
        BUS_TEST(test_session_lives_quietly_for_hours),
        BUS_TEST(test_both_directions_at_once),
        BUS_TEST(test_shutdown),
        BUS_TEST(test_announce_rate),
        BUS_TEST(test_services),
        BUS_TEST(test_configured_peer_gets_a_copy),
        BUS_TEST(test_announces_heard),
        BUS_TEST(test_trusted_after_it_was_heard),
        BUS_TEST(test_a_new_peer_is_announced_to),
        BUS_TEST(test_malformed_datagrams_without_end),
        BUS_TEST(test_back_off),
        BUS_TEST(test_redial_after_loss),
        BUS_TEST(test_connect_timeout),
        BUS_TEST(test_dial_taken_back),
        BUS_TEST(test_second_address_is_tried),
        BUS_TEST(test_stale_configuration_does_not_stand_in_the_way),
        BUS_TEST(test_forged_announces_cause_no_dial_loop),
        BUS_TEST(test_newer_session_replaces_older),
        BUS_TEST(test_stranger_replaces_nothing),
        BUS_TEST(test_revoking_ends_live_sessions),
        BUS_TEST(test_revoked_during_the_handshake),
        BUS_TEST(test_eight_per_source),
        BUS_TEST(test_full_table),
        BUS_TEST(test_revoked_address_is_not_reserved),
        BUS_TEST(test_endless_half_open),
        BUS_TEST(test_ten_thousand_bad_first_messages),
        BUS_TEST(test_ipv6_source),
        BUS_TEST(test_attack_replay),
        BUS_TEST(test_attack_man_in_the_middle),
        BUS_TEST(test_attack_tamper),
        BUS_TEST(test_attack_identities),
        BUS_TEST(test_attack_own_key),
        BUS_TEST(test_attack_oversize),
        BUS_TEST(test_attack_truncated),
        BUS_TEST(test_no_amplification),
        BUS_TEST(test_other_version),
        BUS_TEST(test_dh_batches),
        BUS_TEST(test_local_failure_is_not_charged),
        BUS_TEST(test_record_memory_runs_out),
        BUS_TEST(test_dial_waits_for_memory),
        BUS_TEST(test_thousand_cycles),
        BUS_TEST(test_linger),
        BUS_TEST(test_blocked_transport),
        BUS_TEST(test_event_overflow),
        BUS_TEST(test_dropped_events_are_told_in_their_place),
        BUS_TEST(test_unknown_ids_do_nothing),
        BUS_TEST(test_time_does_not_go_back),
        BUS_TEST(test_init_errors),
    };
    return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
