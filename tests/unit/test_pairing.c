// SPDX-License-Identifier: Apache-2.0
// Pairing (WIRE section 2): two sessions that agree on a code and on nothing else, nodes that pair by the hand of their
// users, and whoever stands between them.
#include "tests/unit/bus_fixture.h"

#include "noise/blake2s.h"

static struct world world;

static int start_world(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    world.now_ms = 1000000;
    return 0;
}

// ---- Sessions -------------------------------------------------------------------------------------

static void ends_pair(struct end *a, struct end *b)
{
    end_init(a, "node-a", 1);
    end_init(b, "node-b", 2);
    a->pair = b->pair = true;
    end_call(a, b);
    end_listen(b);
}

// Until b has message 3 and the commitment, and its nonce is to be sent.
static void ends_commit(struct end *a, struct end *b)
{
    ends_pair(a, b);
    end_carry(a, b);
    end_carry(b, a);
    assert_end(a, SESSION_PAIR_NONCE, REASON_NONE);
    end_carry(a, b);
    assert_end(b, SESSION_PAIR_OPEN, REASON_NONE);
}

static void test_two_codes_are_one(void **state)
{
    (void)state;
    struct end a, b;

    ends_pair(&a, &b);
    end_exchange(&a, &b);
    assert_end(&a, SESSION_CLOSED, REASON_PAIRED);
    assert_end(&b, SESSION_CLOSED, REASON_PAIRED);
    assert_int_equal(session_pair_code(&a.session), session_pair_code(&b.session));
    // Computed by Python's hashlib from this hash and the two nonces of these seeds,
    // 6e3991a6...1cc1d98 and 3fc1d5a4...3ebfa128.
    uint8_t hash[32];
    assert_true(session_hash(&a.session, hash));
    assert_hex(hash, 32, "61859b51d5e241a90c66047ea4b2e592fcef93d029aec31b9e95a6b064fc7c5f");
    assert_int_equal(session_pair_code(&a.session), 241318);
    assert_int_equal(a.events[SESSION_PAIRED] + b.events[SESSION_PAIRED], 2);
    assert_int_equal(a.events[SESSION_ENDED] + b.events[SESSION_ENDED], 0);
    assert_int_equal(a.events[SESSION_ESTABLISHED] + b.events[SESSION_ESTABLISHED], 0);
    uint8_t key[32];
    assert_true(session_peer_key(&a.session, key)); // known after the end: it is what may be pinned
    assert_memory_equal(key, b.public_key, 32);
    assert_true(session_peer_key(&b.session, key));
    assert_memory_equal(key, a.public_key, 32);
    assert_string_equal((const char *)session_peer_id(&b.session)->bytes, "node-a");
}

// Byte by byte: what each side sends, and that it says nothing else.
static void test_pairing_on_the_wire(void **state)
{
    (void)state;
    struct end a, b;

    ends_pair(&a, &b);
    end_exchange(&a, &b);
    assert_int_equal(a.sent_len, 4 + 50 + (2 + 64 + 14 + 8) + 54 + 54);
    assert_int_equal(b.sent_len, 50 + 54);
}

static void test_code_of_other_nonces_differs(void **state)
{
    (void)state;
    uint32_t codes[20];

    for (size_t i = 0; i < COUNT(codes); i++) {
        struct end a, b;
        uint8_t skip[32];
        ends_pair(&a, &b);
        for (size_t j = 0; j < i; j++) {
            assert_int_equal(rng_random(&b.rng, skip, 32), NOISE_OK);
        }
        end_exchange(&a, &b);
        codes[i] = session_pair_code(&a.session);
        assert_int_equal(codes[i], session_pair_code(&b.session));
        assert_true(codes[i] < 1000000);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(codes[i], codes[j]);
        }
    }
}

// Whatever comes instead of the record that belongs: no code, no words.
#define BYTES_32 "0101010101010101010101010101010101010101010101010101010101010101"

struct wrong_row {
    const char *hex;
    enum close_reason reason;
};

static const struct wrong_row wrong_rows[] = {
    {"0b000000" BYTES_32, REASON_RECORD_ORDER}, // a second commitment
    {"0c000000" BYTES_32, REASON_RECORD_ORDER},
    {"0d000000" BYTES_32, REASON_PAIR_COMMITMENT}, // another nonce than the one committed to
    {"0d010000" BYTES_32, REASON_RECORD_FLAGS},
    {"0d000001" BYTES_32, REASON_RECORD_STREAM},
    {"0e000000" BYTES_32, REASON_RECORD_TYPE},
    {"06000001" BYTES_32, REASON_RECORD_ORDER}, // DATA of the same length
    {"01000000" BYTES_32, REASON_RECORD_ORDER},
    {"0d000000" BYTES_32 "01", REASON_MESSAGE_LENGTH},
    {"0d000000", REASON_MESSAGE_LENGTH},
    {"020000000102030405060708", REASON_MESSAGE_LENGTH},
    {"0900000000", REASON_MESSAGE_LENGTH},
    {"0a000000", REASON_MESSAGE_LENGTH},
    {"04000001000010005a", REASON_MESSAGE_LENGTH},
};

static void test_only_pair_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong_rows); i++) {
        struct end a, b;
        uint8_t bytes[64];
        ends_commit(&a, &b);
        assert_int_equal(end_take(&b, bytes, sizeof bytes), 54); // the nonce, which a never sees
        end_forge_hex(&a, &b, wrong_rows[i].hex);
        if (session_reason(&b.session) != wrong_rows[i].reason) {
            fail_msg("row %zu: %s", i, close_reason_name(session_reason(&b.session)));
        }
        assert_int_equal(b.events[SESSION_PAIRED], 0);
        assert_int_equal(end_take(&b, bytes, sizeof bytes), 0);
        assert_int_equal(session_pair_code(&b.session), 0);
    }
}

static const struct wrong_row wrong_nonces[] = {
    {"0b000000" BYTES_32, REASON_RECORD_ORDER},
    {"0d000000" BYTES_32, REASON_RECORD_ORDER},
    {"0c010000" BYTES_32, REASON_RECORD_FLAGS},
    {"0c000000" BYTES_32 "01", REASON_PAIR_REFUSED},
    {"01000000010400000000020210000302000000", REASON_PAIR_REFUSED}, // READY: it knows us already
    {"0900000002", REASON_PAIR_REFUSED},
};

static void test_initiator_wants_a_nonce(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrong_nonces); i++) {
        struct end a, b;
        uint8_t bytes[64];
        ends_commit(&a, &b);
        end_take(&b, bytes, sizeof bytes);
        b.session.sender.nonce = 0; // as if it had not been sent
        end_forge_hex(&b, &a, wrong_nonces[i].hex);
        if (session_reason(&a.session) != wrong_nonces[i].reason) {
            fail_msg("row %zu: %s", i, close_reason_name(session_reason(&a.session)));
        }
        assert_int_equal(a.events[SESSION_PAIRED], 0);
        assert_false(session_has_output(&a.session));
    }
    struct end a, b;
    ends_commit(&a, &b);
    end_event(&a, session_disconnected(&a.session));
    assert_end(&a, SESSION_CLOSED, REASON_PAIR_REFUSED);
}

// Nothing of an established session works in one.
static void test_a_pairing_is_never_established(void **state)
{
    (void)state;
    struct end a, b;
    uint32_t stream;
    size_t len;

    ends_commit(&a, &b);
    struct session *sessions[] = {&a.session, &b.session};
    for (size_t i = 0; i < COUNT(sessions); i++) {
        assert_false(session_ping(sessions[i], 0));
        assert_int_equal(stream_open(sessions[i], 0, &stream, (const uint8_t *)"s", 1),
                         STREAM_NO_SESSION);
        assert_int_equal(session_accept(sessions[i], 0), SESSION_NOTHING);
        assert_int_equal(session_pair(sessions[i], 0), SESSION_NOTHING);
        assert_null(session_input(sessions[i], &len));
    }
    end_exchange(&a, &b);
    assert_int_equal(session_pair_code(&a.session), session_pair_code(&b.session));
    assert_int_equal(a.memory.inputs.used + a.memory.outputs.used, 0);
    assert_int_equal(b.memory.inputs.used + b.memory.outputs.used, 0);
    assert_int_equal(a.events[SESSION_ESTABLISHED] + b.events[SESSION_ESTABLISHED], 0);
}

static void test_altered_pairing_records(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[256];

    ends_commit(&a, &b);
    size_t len = end_take(&b, bytes, sizeof bytes);
    flip_last_bit(bytes, len);
    end_receive(&a, bytes, len);
    assert_end(&a, SESSION_CLOSED, REASON_RECORD_AUTH);

    ends_commit(&a, &b);
    end_carry(&b, &a);
    len = end_take(&a, bytes, sizeof bytes);
    flip_last_bit(bytes, len);
    end_receive(&b, bytes, len);
    assert_end(&b, SESSION_CLOSED, REASON_RECORD_AUTH);
    assert_int_equal(session_pair_code(&b.session), 0);
}

static enum noise_error no_more(void *ctx, uint8_t *out, size_t out_len)
{
    (void)ctx;
    memset(out, 0, out_len);
    return NOISE_ERR_RANDOM;
}

static void test_no_nonce_without_randomness(void **state)
{
    (void)state;
    struct end a, b;

    ends_pair(&a, &b);
    end_carry(&a, &b);
    a.config.random = no_more;
    end_carry(&b, &a);
    assert_end(&a, SESSION_CLOSED, REASON_RANDOM_FAILED);

    ends_pair(&a, &b);
    end_carry(&a, &b);
    end_carry(&b, &a);
    b.config.random = no_more;
    end_carry(&a, &b);
    assert_end(&b, SESSION_CLOSED, REASON_RANDOM_FAILED);
}

static void test_pairing_has_ten_seconds(void **state)
{
    (void)state;
    struct end a, b;

    ends_commit(&a, &b);
    struct end *ends[] = {&a, &b};
    for (size_t i = 0; i < COUNT(ends); i++) {
        assert_int_equal(session_deadline(&ends[i]->session), HANDSHAKE_TIMEOUT_MS);
        end_event(ends[i], session_tick(&ends[i]->session, HANDSHAKE_TIMEOUT_MS - 1));
        assert_int_equal(ends[i]->events[SESSION_ENDED], 0);
        end_event(ends[i], session_tick(&ends[i]->session, HANDSHAKE_TIMEOUT_MS));
        assert_end(ends[i], SESSION_CLOSED, REASON_HANDSHAKE_TIMEOUT);
    }
}

static void test_nonces_are_wiped(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t nonce[32];

    ends_commit(&a, &b);
    memcpy(nonce, b.session.pair_nonce, 32);
    end_event(&b, session_disconnected(&b.session));
    assert_false(contains((uint8_t *)&b.session, sizeof b.session, nonce, 32));
}

// Whoever has seen a nonce may have known the code, and have broken off because it was not the one that he needed.
static void test_who_breaks_off_had_a_guess(void **state)
{
    (void)state;
    struct end a, b;

    ends_commit(&a, &b);
    end_event(&a, session_disconnected(&a.session)); // before the nonce has come
    assert_false(session_pair_guessed(&a.session));
    end_event(&b, session_disconnected(&b.session));
    assert_end(&b, SESSION_CLOSED, REASON_DISCONNECTED);
    assert_true(session_pair_guessed(&b.session));
    ends_pair(&a, &b);
    end_event(&b, session_disconnected(&b.session));
    assert_false(session_pair_guessed(&b.session));
    ends_pair(&a, &b);
    end_exchange(&a, &b);
    assert_true(session_pair_guessed(&a.session));
    assert_true(session_pair_guessed(&b.session));
}

// ---- Nodes ----------------------------------------------------------------------------------------

// node-a and node-b know nothing of each other.
static void strangers(struct node **a, struct node **b)
{
    *a = node_start(&world, "node-a", 10, 34567);
    *b = node_start(&world, "node-b", 11, 34568);
}

static enum bus_error start_pairing(struct node *n, const struct node *with)
{
    struct net_address address = with->host;

    address.port = with->config.port;
    return bus_pair_start(&n->bus, world.now_ms, &with->config.session.id, with->public_key,
                          &address);
}

static void pin(struct node *n, const struct bus_event *event)
{
    struct peer peer = {.id = event->id, .trust = PEER_TRUSTED};

    memcpy(peer.static_key, event->key, 32);
    assert_int_equal(bus_peer_add(&n->bus, world.now_ms, NULL, &peer), PEERS_OK);
}

static void test_nodes_pair(void **state)
{
    (void)state;
    struct node *a, *b;

    strangers(&a, &b);
    bus_pair_arm(&b->bus, world.now_ms);
    assert_int_equal(start_pairing(a, b), BUS_OK);
    world_run(&world);
    const struct bus_event *at_a = next_event(a, BUS_PAIR_CODE);
    const struct bus_event *at_b = next_event(b, BUS_PAIR_CODE);
    assert_int_equal(at_a->code, at_b->code);
    assert_true(at_a->guess && at_b->guess);
    assert_int_equal(at_a->role, SESSION_INITIATOR);
    assert_int_equal(at_b->role, SESSION_RESPONDER);
    assert_true(device_id_equal(&at_a->id, &b->config.session.id));
    assert_true(device_id_equal(&at_b->id, &a->config.session.id));
    assert_memory_equal(at_a->key, b->public_key, 32);
    assert_memory_equal(at_b->key, a->public_key, 32);
    no_more_events(a);
    no_more_events(b);
    assert_idle(a);
    assert_idle(b);
    assert_int_equal(bus_counts(&a->bus).peers, 0); // the bus pins nothing
    assert_int_equal(bus_counts(&b->bus).peers, 0);
    assert_int_equal(bus_counts(&b->bus).rejected, 0);
    assert_int_equal(b->bus.sources.sources[0].tokens, FAILURE_BURST); // it was no failure

    // Both users say yes.
    pin(a, at_a);
    pin(b, at_b);
    a->bus.peers.peers[0].configured = address_of(11, 34568);
    assert_int_equal(bus_peer_dial(&a->bus, world.now_ms, 0), BUS_OK);
    world_run(&world);
    assert_int_not_equal(bus_session(&a->bus, 0, SESSION_INITIATOR), 0);
    assert_int_not_equal(bus_session(&b->bus, 0, SESSION_RESPONDER), 0);
}

// One attempt: the next stranger is refused as ever.
static void test_one_attempt(void **state)
{
    (void)state;
    struct node *a, *b;

    strangers(&a, &b);
    bus_pair_arm(&b->bus, world.now_ms);
    assert_int_equal(start_pairing(a, b), BUS_OK);
    assert_int_equal(start_pairing(a, b), BUS_ERR_PAIRING); // while one is on
    world_run(&world);
    forget_events(a);
    forget_events(b);
    assert_int_equal(start_pairing(a, b), BUS_OK);
    world_run(&world);
    next_event_because(a, BUS_PAIR_FAILED, REASON_PAIR_REFUSED);
    next_event_because(b, BUS_UNKNOWN_PEER, REASON_UNKNOWN_PEER);
    assert_idle(a);
    assert_idle(b);
}

static void test_not_armed(void **state)
{
    (void)state;
    struct node *a, *b;

    strangers(&a, &b);
    assert_int_equal(start_pairing(a, b), BUS_OK);
    world_run(&world);
    const struct bus_event *event = next_event_because(a, BUS_PAIR_FAILED, REASON_PAIR_REFUSED);
    assert_true(device_id_equal(&event->id, &b->config.session.id));
    assert_false(event->guess);
    next_event_because(b, BUS_UNKNOWN_PEER, REASON_UNKNOWN_PEER);
}

static void test_armed_for_a_minute(void **state)
{
    (void)state;
    struct node *a, *b;

    strangers(&a, &b);
    bus_pair_arm(&b->bus, world.now_ms);
    world_run_until(&world, world.now_ms + 30000);
    bus_pair_arm(&b->bus, world.now_ms); // anew
    world_run_until(&world, world.now_ms + PAIR_WINDOW_MS - 1);
    no_more_events(b);
    world_run_until(&world, world.now_ms + 1);
    const struct bus_event *event = next_event_because(b, BUS_PAIR_FAILED, REASON_PAIR_TIMEOUT);
    assert_int_equal(event->role, SESSION_RESPONDER);
    assert_int_equal(start_pairing(a, b), BUS_OK);
    world_run(&world);
    next_event_because(b, BUS_UNKNOWN_PEER, REASON_UNKNOWN_PEER);
    no_more_events(b);

    // Also when nobody looked at the clock in time.
    bus_pair_arm(&b->bus, world.now_ms);
    world.now_ms += PAIR_WINDOW_MS;
    forget_events(a);
    assert_int_equal(start_pairing(a, b), BUS_OK);
    world_run(&world);
    next_event_because(a, BUS_PAIR_FAILED, REASON_PAIR_REFUSED);
}

static void test_cancel(void **state)
{
    (void)state;
    struct node *a, *b;

    strangers(&a, &b);
    bus_pair_arm(&b->bus, world.now_ms);
    bus_pair_cancel(&b->bus, world.now_ms);
    world_run(&world);
    next_event_because(b, BUS_PAIR_FAILED, REASON_CLOSED);
    assert_true(bus_next_deadline(&b->bus) == TIME_NEVER);
    assert_int_equal(start_pairing(a, b), BUS_OK);
    bus_pair_cancel(&a->bus, world.now_ms); // before it was dialled
    world_run(&world);
    next_event_because(a, BUS_PAIR_FAILED, REASON_CLOSED);
    assert_int_equal(a->dials, 0);

    b->hold_dh = true; // in the middle
    bus_pair_arm(&b->bus, world.now_ms);
    assert_int_equal(start_pairing(a, b), BUS_OK);
    world_run(&world);
    bus_pair_cancel(&a->bus, world.now_ms);
    world_run(&world);
    next_event_because(a, BUS_PAIR_FAILED, REASON_CLOSED);
    assert_idle(a);
    assert_int_equal(start_pairing(a, b), BUS_OK); // and may be tried again
    bus_shutdown(&a->bus, world.now_ms);
    bus_shutdown(&b->bus, world.now_ms);
    world_run(&world);
    next_event_because(a, BUS_PAIR_FAILED, REASON_CLOSED);
    assert_idle(a);
    assert_idle(b);
    bus_pair_arm(&b->bus, world.now_ms);
    assert_true(bus_next_deadline(&b->bus) == TIME_NEVER);
    assert_int_equal(start_pairing(a, b), BUS_ERR_FULL);
}

static void test_unreachable(void **state)
{
    (void)state;
    struct node *a, *b;

    strangers(&a, &b);
    b->unreachable = true;
    assert_int_equal(start_pairing(a, b), BUS_OK);
    world_run(&world);
    const struct bus_event *event = next_event_because(a, BUS_PAIR_FAILED, REASON_CONNECT_FAILED);
    assert_true(device_id_equal(&event->id, &b->config.session.id));
    assert_int_equal(event->role, SESSION_INITIATOR);
    assert_idle(a);
}

// Trusted peers come and go while the node is armed: they are no partners, and the attempt is still there.
static void test_peers_are_no_partners(void **state)
{
    (void)state;
    struct node *a, *b;

    strangers(&a, &b);
    node_add(a, "node-b", b->public_key, PEER_TRUSTED, true);
    node_add(b, "node-a", a->public_key, PEER_TRUSTED, false);
    a->bus.peers.peers[0].configured = address_of(11, 34568);
    bus_pair_arm(&b->bus, world.now_ms);
    bus_tick(&a->bus, world.now_ms);
    world_run(&world);
    assert_int_not_equal(bus_session(&b->bus, 0, SESSION_RESPONDER), 0);
    assert_int_equal(count_events(b, BUS_PAIR_CODE), 0);
    assert_true(b->bus.pair_until_ms != 0);
    // Whom the other knows already, it greets as a peer.
    forget_events(a);
    assert_int_equal(start_pairing(a, b), BUS_OK);
    world_run(&world);
    assert_int_equal(count_events(a, BUS_PAIR_FAILED), 1);
    assert_true(b->bus.pair_until_ms != 0);
}

// Pending ones may be: the users confirm what a file or an announce has proposed. Revoked ones and impostors may not.
static void test_who_may_pair(void **state)
{
    const struct {
        const char *id; // under which node-b knows node-a's key
        enum peer_trust trust;
        enum bus_event_type event;
        enum close_reason reason;
    } rows[] = {{"node-a", PEER_PENDING, BUS_PAIR_CODE, REASON_NONE},
                {"node-a", PEER_REVOKED, BUS_REJECTED, REASON_PEER_REVOKED},
                {"node-x", PEER_TRUSTED, BUS_IDENTITY_MISMATCH, REASON_IDENTITY_MISMATCH},
                {"node-x", PEER_PENDING, BUS_IDENTITY_MISMATCH, REASON_IDENTITY_MISMATCH}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct node *a, *b;
        start_world(state);
        strangers(&a, &b);
        node_add(b, rows[i].id, a->public_key, rows[i].trust, false);
        bus_pair_arm(&b->bus, world.now_ms);
        assert_int_equal(start_pairing(a, b), BUS_OK);
        world_run(&world);
        next_event_because(b, rows[i].event, rows[i].reason);
        next_event_because(a, rows[i].event == BUS_PAIR_CODE ? BUS_PAIR_CODE : BUS_PAIR_FAILED,
                           rows[i].event == BUS_PAIR_CODE ? REASON_NONE : REASON_PAIR_REFUSED);
        assert_true((b->bus.pair_until_ms != 0) == (rows[i].event != BUS_PAIR_CODE));
    }
}

static void test_pairing_with_nobody(void **state)
{
    (void)state;
    struct node *a, *b;
    struct net_address good = address_of(11, 34568), none = {0}, no_port = address_of(11, 0);
    struct device_id nobody = {0}, x;

    strangers(&a, &b);
    assert_true(device_id_set(&x, (const uint8_t *)"x", 1));
    node_add(a, "node-x", b->public_key, PEER_TRUSTED, false);
    const struct {
        const struct device_id *id;
        const uint8_t *key;
        const struct net_address *address;
        enum bus_error error;
    } rows[] = {{&nobody, b->public_key, &good, BUS_ERR_NAME},
                {&x, b->public_key, &none, BUS_ERR_NAME},
                {&x, b->public_key, &no_port, BUS_ERR_NAME},
                {&x, b->public_key, &good, BUS_ERR_DUPLICATE}, // the key is node-x's
                {&x, a->public_key, &good, BUS_ERR_DUPLICATE}, // our own
                {&a->config.session.id, b->secret, &good, BUS_ERR_DUPLICATE}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(
            bus_pair_start(&a->bus, world.now_ms, rows[i].id, rows[i].key, rows[i].address),
            rows[i].error);
    }
    world_run(&world);
    no_more_events(a);
    assert_int_equal(a->dials, 0);
    assert_idle(a);
}

// ---- Whoever stands between -----------------------------------------------------------------------

// The attacker has an end of its own towards each side: it called `b` as the initiator and was called by `a` as the
// responder, under the ids that both expect, with a key of its own. Both sides are armed, and both hands are on the
// buttons: that is the best that it can get.
struct attacker {
    struct end towards_a, towards_b;
};

static void attack(struct attacker *m, struct node **a, struct node **b)
{
    struct net_address address = address_of(66, 6666);

    strangers(a, b);
    end_init(&m->towards_a, "node-b", 8);
    end_init(&m->towards_b, "node-a", 9);
    m->towards_a.pair = m->towards_b.pair = true;
    world.server = &m->towards_a;
    world.server_address = address;
    bus_pair_arm(&(*b)->bus, world.now_ms);
    // A forged announce has shown node-a the attacker's key as that of node-b.
    assert_int_equal(bus_pair_start(&(*a)->bus, world.now_ms, &(*b)->config.session.id,
                                    m->towards_a.public_key, &address),
                     BUS_OK);
}

// It plays by the rules on both sides: two codes, and neither user has any reason to say yes.
static void test_two_sessions_have_two_codes(void **state)
{
    (void)state;
    static struct attacker m;
    struct node *a, *b;

    attack(&m, &a, &b);
    world_run(&world);
    outside_call(b, 66, &m.towards_b);
    world_run(&world);
    const struct bus_event *at_a = next_event(a, BUS_PAIR_CODE);
    const struct bus_event *at_b = next_event(b, BUS_PAIR_CODE);
    assert_int_not_equal(at_a->code, at_b->code);
    assert_memory_equal(at_a->key, m.towards_a.public_key, 32);
    assert_memory_equal(at_b->key, m.towards_b.public_key, 32);
    assert_int_equal(session_pair_code(&m.towards_a.session), at_a->code);
    assert_int_equal(session_pair_code(&m.towards_b.session), at_b->code);
}

static uint32_t code_of(const struct end *e, const uint8_t initiator[static 32],
                        const uint8_t responder[static 32])
{
    uint8_t bytes[8 + 32 + 32 + 32] = "DSB code", digest[32], hash[32];
    uint64_t number = 0;

    assert_true(session_hash(&e->session, hash));
    memcpy(bytes + 8, hash, 32);
    memcpy(bytes + 40, initiator, 32);
    memcpy(bytes + 72, responder, 32);
    blake2s(digest, bytes, sizeof bytes);
    for (int i = 0; i < 8; i++) {
        number = number << 8 | digest[i];
    }
    return (uint32_t)(number % 1000000);
}

// A nonce of the initiator that gives this code: a million tries, which anybody has.
static void search(uint8_t nonce[static 32], const struct end *e, const uint8_t *responder_nonce,
                   uint32_t code)
{
    memset(nonce, 0, 32);
    for (uint32_t i = 1; code_of(e, nonce, responder_nonce) != code; i++) {
        memcpy(nonce, &i, sizeof i);
        assert_true(i < 100000000);
    }
}

// The attacker towards b: its commitment is out, b's nonce is in its hand (and not in its session's).
static void commit_to(struct end *m, struct end *b, uint8_t b_nonce[static 32])
{
    uint8_t bytes[64];
    size_t len;

    ends_commit(m, b);
    assert_int_equal(end_take(b, bytes, sizeof bytes), 54);
    assert_int_equal(xk_receiver_open(&m->session.receiver, bytes + 2, 36, &len, bytes + 2, 52),
                     NOISE_OK);
    memcpy(b_nonce, bytes + 6, 32);
}

static void send_pair_record(struct end *from, struct end *to, enum record_type type,
                             const uint8_t body[static 32])
{
    uint8_t plaintext[36] = {(uint8_t)type}, frame[54];

    memcpy(plaintext + 4, body, 32);
    end_receive(to, frame, end_forge(from, frame, plaintext, sizeof plaintext));
}

// It knows the code that the other side shows, and with b's nonce it finds one of its own that would make b show the
// same. But it has committed itself to another.
static void test_a_nonce_found_later_is_refused(void **state)
{
    (void)state;
    struct end m, b;
    uint8_t nonce[32], b_nonce[32];
    const uint32_t shown = 271828;

    commit_to(&m, &b, b_nonce);
    search(nonce, &m, b_nonce, shown);
    send_pair_record(&m, &b, RECORD_PAIR_OPEN, nonce);
    assert_end(&b, SESSION_CLOSED, REASON_PAIR_COMMITMENT);
    assert_int_equal(b.events[SESSION_PAIRED], 0);

    // The search was no bluff: had it known before, it would have passed.
    commit_to(&m, &b, b_nonce);
    memcpy(nonce, m.session.pair_nonce, 32);
    send_pair_record(&m, &b, RECORD_PAIR_OPEN, nonce);
    assert_end(&b, SESSION_CLOSED, REASON_PAIRED);
    assert_int_equal(session_pair_code(&b.session), code_of(&m, nonce, b_nonce));
}

// It passes on what a says: the commitment is to another session.
static void test_relayed_records_are_refused(void **state)
{
    (void)state;
    struct end a, m_a, m_b, b;
    uint8_t a_commitment[32], a_nonce[32], flight[256];

    ends_commit(&a, &m_a); // the attacker as responder has a's commitment
    memcpy(a_commitment, m_a.session.pair_commitment, 32);
    memcpy(a_nonce, a.session.pair_nonce, 32); // and learns this only after it has sent a nonce
    end_init(&m_b, "node-a", 8);               // as initiator it shows a's instead of its own
    end_init(&b, "node-b", 9);
    m_b.pair = b.pair = true;
    end_call(&m_b, &b);
    end_listen(&b);
    end_carry(&m_b, &b);
    end_carry(&b, &m_b);
    size_t len = end_take(&m_b, flight, sizeof flight);
    end_receive(&b, flight, len - 54); // message 3 without the commitment
    m_b.session.sender.nonce = 0;
    send_pair_record(&m_b, &b, RECORD_PAIR_COMMIT, a_commitment);
    assert_end(&b, SESSION_PAIR_OPEN, REASON_NONE);
    assert_int_equal(end_take(&b, flight, sizeof flight), 54);
    send_pair_record(&m_b, &b, RECORD_PAIR_OPEN, a_nonce);
    assert_end(&b, SESSION_CLOSED, REASON_PAIR_COMMITMENT);
}

// Towards a it must show its nonce before a's is opened: it hits the code that it wants by chance alone.
static void test_a_guess_for_each_attempt(void **state)
{
    (void)state;
    unsigned hits = 0;

    for (uint8_t attempt = 0; attempt < 100; attempt++) {
        struct end a, m;
        uint8_t guess[32], bytes[64];
        end_init(&a, "node-a", 100 + attempt);
        end_init(&m, "node-b", 8);
        a.pair = m.pair = true;
        end_call(&a, &m);
        end_listen(&m);
        end_carry(&a, &m);
        end_carry(&m, &a);
        end_carry(&a, &m);
        assert_end(&m, SESSION_PAIR_OPEN, REASON_NONE);
        end_take(&m, bytes, sizeof bytes); // its session's nonce stays here
        m.session.sender.nonce = 0;
        memset(guess, attempt, sizeof guess);
        send_pair_record(&m, &a, RECORD_PAIR_NONCE, guess);
        assert_end(&a, SESSION_CLOSING, REASON_PAIRED);
        hits += session_pair_code(&a.session) == 271828;
    }
    assert_int_equal(hits, 0); // one in a million each
}

#define PAIR_TEST(name) cmocka_unit_test_setup(name, start_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR_TEST(test_two_codes_are_one),
        PAIR_TEST(test_pairing_on_the_wire),
        PAIR_TEST(test_code_of_other_nonces_differs),
        PAIR_TEST(test_only_pair_records),
        PAIR_TEST(test_initiator_wants_a_nonce),
        PAIR_TEST(test_a_pairing_is_never_established),
        PAIR_TEST(test_altered_pairing_records),
        PAIR_TEST(test_no_nonce_without_randomness),
        PAIR_TEST(test_pairing_has_ten_seconds),
        PAIR_TEST(test_nonces_are_wiped),
        PAIR_TEST(test_who_breaks_off_had_a_guess),
        PAIR_TEST(test_nodes_pair),
        PAIR_TEST(test_one_attempt),
        PAIR_TEST(test_not_armed),
        PAIR_TEST(test_armed_for_a_minute),
        PAIR_TEST(test_cancel),
        PAIR_TEST(test_unreachable),
        PAIR_TEST(test_peers_are_no_partners),
        PAIR_TEST(test_who_may_pair),
        PAIR_TEST(test_pairing_with_nobody),
        PAIR_TEST(test_two_sessions_have_two_codes),
        PAIR_TEST(test_a_nonce_found_later_is_refused),
        PAIR_TEST(test_relayed_records_are_refused),
        PAIR_TEST(test_a_guess_for_each_attempt),
    };
    return cmocka_run_group_tests_name("pairing", tests, NULL, NULL);
}
