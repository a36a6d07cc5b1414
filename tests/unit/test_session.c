// SPDX-License-Identifier: Apache-2.0
// The session state machine, both roles, against an honest and a dishonest other end.
#include "tests/unit/session_fixture.h"

#include "dsoftbus/record.h"

// ---- The good case --------------------------------------------------------------------------------

static void test_establish_step_by_step(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t hash_a[32], hash_b[32], key[32];

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    end_listen(&b);
    assert_end(&a, SESSION_AWAIT_MESSAGE_2, REASON_NONE);
    assert_end(&b, SESSION_AWAIT_PREAMBLE, REASON_NONE);
    assert_int_equal(end_carry(&a, &b), 4 + 2 + 48);
    assert_memory_equal(a.sent, "DSB\1\0\x30", 6);
    assert_end(&b, SESSION_AWAIT_MESSAGE_3, REASON_NONE);
    assert_false(session_peer_key(&b.session, key));
    assert_int_equal(end_carry(&b, &a), 2 + 48);
    assert_end(&a, SESSION_AWAIT_READY, REASON_NONE);
    assert_int_equal(a.events[SESSION_ESTABLISHED], 0);
    assert_int_equal(end_carry(&a, &b), 2 + 64 + 14 + 2 + 6);
    assert_int_equal(b.events[SESSION_ESTABLISHED], 1);
    assert_int_equal(a.events[SESSION_ESTABLISHED], 0);
    assert_int_equal(end_carry(&b, &a), 2 + 4 + 14 + 16);
    assert_int_equal(a.events[SESSION_ESTABLISHED], 1);

    assert_true(session_hash(&a.session, hash_a) && session_hash(&b.session, hash_b));
    assert_memory_equal(hash_a, hash_b, 32);
    assert_true(session_peer_key(&a.session, key));
    assert_memory_equal(key, b.public_key, 32);
    assert_true(session_peer_key(&b.session, key));
    assert_memory_equal(key, a.public_key, 32);
    assert_true(device_id_equal(session_peer_id(&b.session), &a.config.id));
    assert_true(device_id_equal(session_peer_id(&a.session), &b.config.id));
    assert_int_equal(end_carry(&a, &b) + end_carry(&b, &a), 0);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    struct end a, b;
    struct end *from = &a, *to = &b;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    end_listen(&b);
    for (int turn = 0; turn < 4; turn++) {
        uint8_t bytes[512] = {0};
        size_t len = end_take(from, bytes, sizeof bytes);
        assert_true(len > 0);
        for (size_t i = 0; i < len; i++) {
            end_receive(to, bytes + i, 1);
        }
        struct end *other = from;
        from = to;
        to = other;
    }
    assert_end(&a, SESSION_UP, REASON_NONE);
    assert_end(&b, SESSION_UP, REASON_NONE);
}

// Output that leaves in single bytes arrives all the same.
static void test_output_in_parts(void **state)
{
    (void)state;
    struct end a, b;

    ends_establish(&a, &b);
    for (int i = 0; i < 4; i++) {
        assert_true(session_ping(&a.session, 0));
    }
    size_t len;
    uint8_t *out;
    while ((out = session_output(&a.session, &len)) != NULL) {
        uint8_t byte = out[0];
        session_output_done(&a.session, 1);
        end_receive(&b, &byte, 1);
    }
    assert_int_equal(b.events[SESSION_PINGED], 4);
    end_exchange(&a, &b);
    assert_int_equal(a.events[SESSION_PONGED], 4);
}

static void test_ping_pong(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t tokens[] = {0, 0, 0, 0, 0, 0, 0, 1};

    ends_establish(&a, &b);
    a.now_ms = b.now_ms = 100;
    assert_true(session_ping(&a.session, a.now_ms));
    size_t before = a.sent_len;
    end_carry(&a, &b);
    assert_int_equal(a.sent_len - before, 2 + 12 + 16);
    assert_int_equal(b.events[SESSION_PINGED], 1);
    assert_zero(b.record, 4 + 8); // the plaintext does not stay
    assert_int_equal(session_pings_received(&b.session), 1);
    a.now_ms = 142;
    end_exchange(&a, &b);
    assert_int_equal(a.events[SESSION_PONGED], 1);
    assert_int_equal(session_rtt_ms(&a.session), 42);
    assert_false(contains(a.sent + before, a.sent_len - before, tokens, sizeof tokens));
}

static void test_responder_may_ping_too(void **state)
{
    (void)state;
    struct end a, b;

    ends_establish(&a, &b);
    assert_true(session_ping(&b.session, 0));
    end_exchange(&a, &b);
    assert_int_equal(b.events[SESSION_PONGED], 1);
}

static void test_no_ping_before_established(void **state)
{
    (void)state;
    struct end a, b;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    end_listen(&b);
    end_carry(&a, &b);
    end_carry(&b, &a);
    assert_end(&a, SESSION_AWAIT_READY, REASON_NONE);
    assert_false(session_ping(&a.session, 0));
    assert_false(session_ping(&b.session, 0));
    end_exchange(&a, &b);
    assert_end(&a, SESSION_UP, REASON_NONE);
}

// ---- External Diffie-Hellman ----------------------------------------------------------------------

static void start_external(struct end *a, struct end *b)
{
    end_init(a, "node-a", 1);
    end_init(b, "node-b", 2);
    a->config.static_private = NULL;
    b->config.static_private = NULL;
    a->hold_dh = b->hold_dh = true;
    end_call(a, b);
    end_listen(b);
    end_carry(a, b);
    assert_end(b, SESSION_MESSAGE_1_DH, REASON_NONE);
}

static void test_external_dh(void **state)
{
    (void)state;
    struct end a, b;

    start_external(&a, &b);
    end_event(&b, end_answer_dh(&b));
    end_carry(&b, &a);
    assert_end(&a, SESSION_MESSAGE_2_DH, REASON_NONE);
    end_event(&a, end_answer_dh(&a));
    end_exchange(&a, &b);
    assert_end(&a, SESSION_UP, REASON_NONE);
    assert_end(&b, SESSION_UP, REASON_NONE);
    assert_int_equal(a.events[SESSION_NEED_DH], 1);
    assert_int_equal(b.events[SESSION_NEED_DH], 1);
}

static void test_stale_dh_result_changes_nothing(void **state)
{
    (void)state;
    struct end a, b;
    struct xk_dh_request request;
    uint8_t secret[32] = {1};

    start_external(&a, &b);
    assert_true(session_dh_request(&b.session, &request));
    assert_false(
        session_dh_request(&a.session, &request)); // it waits for message 2, not for a result
    assert_int_equal(session_dh_result(&a.session, 0, request.id, secret), SESSION_NOTHING);
    assert_true(session_dh_request(&b.session, &request));
    assert_int_equal(session_dh_result(&b.session, 0, request.id + 1, secret), SESSION_NOTHING);
    assert_int_equal(session_dh_result(&b.session, 0, request.id + 1, NULL), SESSION_NOTHING);
    assert_end(&b, SESSION_MESSAGE_1_DH, REASON_NONE);
    end_event(&b, end_answer_dh(&b));
    assert_end(&b, SESSION_AWAIT_MESSAGE_3, REASON_NONE);
    assert_int_equal(session_dh_result(&b.session, 0, request.id, secret), SESSION_NOTHING);
    assert_end(&b, SESSION_AWAIT_MESSAGE_3, REASON_NONE);
}

static void test_failed_dh_ends_it(void **state)
{
    (void)state;
    struct end a, b;
    struct xk_dh_request request;

    start_external(&a, &b);
    assert_true(session_dh_request(&b.session, &request));
    end_event(&b, session_dh_result(&b.session, 0, request.id, NULL));
    assert_end(&b, SESSION_CLOSED, REASON_DH_FAILED);

    start_external(&a, &b);
    end_event(&b, end_answer_dh(&b));
    end_carry(&b, &a);
    assert_true(session_dh_request(&a.session, &request));
    end_event(&a, session_dh_result(&a.session, 0, request.id, NULL));
    assert_end(&a, SESSION_CLOSED, REASON_DH_FAILED);
}

static unsigned random_calls;

static enum noise_error counting_random(void *ctx, uint8_t *out, size_t len)
{
    random_calls++;
    return rng_random(ctx, out, len);
}

// A bad message 1 costs one Diffie-Hellman and no more: no ephemeral is drawn, nothing is answered.
static void test_bad_message_1_costs_one_dh(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[64] = {0};

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    b.config.static_private = NULL;
    b.config.random = counting_random;
    end_call(&a, &b);
    end_listen(&b);
    size_t len = end_take(&a, bytes, sizeof bytes);
    flip_last_bit(bytes, len);
    random_calls = 0;
    end_receive(&b, bytes, len);
    assert_end(&b, SESSION_CLOSED, REASON_HANDSHAKE_AUTH);
    assert_int_equal(b.events[SESSION_NEED_DH], 1);
    assert_int_equal(random_calls, 0);
    assert_int_equal(end_take(&b, bytes, sizeof bytes), 0);
}

// ---- Randomness -----------------------------------------------------------------------------------

static enum noise_error failing_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 0, len);
    return NOISE_ERR_RANDOM;
}

static void test_no_randomness(void **state)
{
    (void)state;
    struct end a, b;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    a.config.random = failing_random;
    end_call(&a, &b);
    assert_end(&a, SESSION_CLOSED, REASON_RANDOM_FAILED);

    end_init(&a, "node-a", 1);
    b.config.random = failing_random;
    end_call(&a, &b);
    end_listen(&b);
    end_carry(&a, &b);
    assert_end(&b, SESSION_CLOSED, REASON_RANDOM_FAILED);
    assert_int_equal(end_carry(&b, &a), 0);
}

// ---- Preamble and version -------------------------------------------------------------------------

static void test_bad_preamble_gets_nothing(void **state)
{
    (void)state;
    const char *const bad[] = {"NXDISC1", "GET / HTTP/1.1\r\n\r\n", "dsb\1", "DSC\1", "\0\0\0\0"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct end b;
        uint8_t out[64];
        end_init(&b, "node-b", 2);
        end_listen(&b);
        end_receive(&b, (const uint8_t *)bad[i], i == 4 ? 4 : strlen(bad[i]));
        assert_end(&b, SESSION_CLOSED, REASON_BAD_PREAMBLE);
        assert_int_equal(end_take(&b, out, sizeof out), 0);
    }
}

static void test_other_version_is_told_ours(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 256; version++) {
        struct end b;
        uint8_t out[64], hello[4] = {'D', 'S', 'B', (uint8_t)version};
        if (version == DSB_VERSION) {
            continue;
        }
        end_init(&b, "node-b", 2);
        end_listen(&b);
        end_receive(&b, hello, sizeof hello);
        assert_end(&b, SESSION_CLOSING, REASON_VERSION);
        assert_int_equal(session_peer_version(&b.session), version);
        end_receive(&b, hello, sizeof hello); // dropped
        assert_int_equal(end_take(&b, out, sizeof out), 4);
        assert_memory_equal(out, "DSB\1", 4);
        assert_end(&b, SESSION_CLOSED, REASON_VERSION);
    }
}

static void test_version_answer_is_a_hint(void **state)
{
    (void)state;
    struct end a, b;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    uint8_t bytes[64] = {0};
    end_take(&a, bytes, sizeof bytes);
    end_receive(&a, (const uint8_t *)"DS", 2);
    assert_end(&a, SESSION_AWAIT_MESSAGE_2, REASON_NONE);
    end_receive(&a, (const uint8_t *)"B\2", 2);
    assert_end(&a, SESSION_CLOSED, REASON_VERSION);
    assert_int_equal(session_peer_version(&a.session), 2);

    end_init(&a, "node-a", 1);
    end_call(&a, &b);
    end_take(&a, bytes, sizeof bytes);
    end_receive(&a, (const uint8_t *)"DSX\2", 4);
    assert_end(&a, SESSION_CLOSED, REASON_MESSAGE_LENGTH);
}

// ---- Lengths: refused when the length is there, before any of the body -------------------------------

struct length_row {
    enum session_state state;
    uint16_t len;
    enum close_reason reason; // REASON_NONE: legal
};

static const struct length_row length_rows[] = {
    {SESSION_AWAIT_MESSAGE_1, 0, REASON_MESSAGE_LENGTH},
    {SESSION_AWAIT_MESSAGE_1, 47, REASON_MESSAGE_LENGTH},
    {SESSION_AWAIT_MESSAGE_1, 48, REASON_NONE},
    {SESSION_AWAIT_MESSAGE_1, 49, REASON_MESSAGE_LENGTH},
    {SESSION_AWAIT_MESSAGE_1, 65535, REASON_MESSAGE_LENGTH},
    {SESSION_AWAIT_MESSAGE_2, 0, REASON_MESSAGE_LENGTH},
    {SESSION_AWAIT_MESSAGE_2, 47, REASON_MESSAGE_LENGTH},
    {SESSION_AWAIT_MESSAGE_2, 48, REASON_NONE},
    {SESSION_AWAIT_MESSAGE_2, 49, REASON_MESSAGE_LENGTH},
    {SESSION_AWAIT_MESSAGE_3, 0, REASON_MESSAGE_LENGTH},
    {SESSION_AWAIT_MESSAGE_3, 63, REASON_MESSAGE_LENGTH},
    {SESSION_AWAIT_MESSAGE_3, 64, REASON_NONE},
    {SESSION_AWAIT_MESSAGE_3, 320, REASON_NONE},
    {SESSION_AWAIT_MESSAGE_3, 321, REASON_MESSAGE_LENGTH},
    {SESSION_AWAIT_READY, 0, REASON_RECORD_LENGTH},
    {SESSION_AWAIT_READY, 16, REASON_RECORD_LENGTH},
    {SESSION_AWAIT_READY, 17, REASON_NONE},
    {SESSION_AWAIT_READY, FIXTURE_RECORD_MAX + 16, REASON_NONE},
    {SESSION_AWAIT_READY, FIXTURE_RECORD_MAX + 17, REASON_RECORD_LENGTH},
    {SESSION_UP, 0, REASON_RECORD_LENGTH},
    {SESSION_UP, 16, REASON_RECORD_LENGTH},
    {SESSION_UP, 17, REASON_NONE},
    {SESSION_UP, FIXTURE_RECORD_MAX + 16, REASON_NONE},
    {SESSION_UP, FIXTURE_RECORD_MAX + 17, REASON_RECORD_LENGTH},
    {SESSION_UP, 65535, REASON_RECORD_LENGTH},
};

// Brings a fresh pair to the state; returns the end that is in it.
static struct end *bring_to(struct end *a, struct end *b, enum session_state state)
{
    uint8_t bytes[512] = {0};
    bool initiator = state == SESSION_AWAIT_MESSAGE_2 || state == SESSION_AWAIT_READY;

    end_init(a, "node-a", 1);
    end_init(b, "node-b", 2);
    end_call(a, b);
    end_listen(b);
    if (state == SESSION_AWAIT_MESSAGE_1) {
        end_receive(b, (const uint8_t *)"DSB\1", 4);
    } else if (state == SESSION_AWAIT_MESSAGE_2) {
        end_take(a, bytes, sizeof bytes);
    } else if (state == SESSION_UP) {
        end_exchange(a, b);
    } else {
        end_carry(a, b);
        if (state == SESSION_AWAIT_READY) {
            end_carry(b, a);
            end_take(a, bytes, sizeof bytes);
        } else {
            end_take(b, bytes, sizeof bytes);
        }
    }
    struct end *e = initiator ? a : b;
    assert_end(e, state, REASON_NONE);
    return e;
}

static void test_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(length_rows); i++) {
        const struct length_row *row = &length_rows[i];
        struct end a, b, *e = bring_to(&a, &b, row->state);
        uint8_t header[2] = {(uint8_t)(row->len >> 8), (uint8_t)row->len};
        uint8_t out[64];
        end_receive(e, header, sizeof header);
        if (session_reason(&e->session) != row->reason) {
            fail_msg("row %zu: %s", i, close_reason_name(session_reason(&e->session)));
        }
        // BYE to one that is established; nobody else hears a thing.
        bool bye = row->state == SESSION_UP && row->reason != REASON_NONE;
        assert_int_equal(end_take(e, out, sizeof out), bye ? 23 : 0);
        assert_int_equal(e->events[SESSION_ENDED], row->reason == REASON_NONE ? 0 : 1);
    }
}

static void test_largest_record_is_taken(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t plaintext[FIXTURE_RECORD_MAX] = {RECORD_READY}, frame[FIXTURE_RECORD_MAX + 32];

    ends_establish(&a, &b);
    end_receive(&b, frame, end_forge(&a, frame, plaintext, sizeof plaintext));
    assert_end(&b, SESSION_CLOSING, REASON_RECORD_ORDER); // decrypted: only its order was wrong
}

// ---- Tampering ------------------------------------------------------------------------------------

// Flips each bit of one turn's bytes, in a fresh pair each time: nobody gets further, nobody says anything.
static void flip_each_bit(int turn)
{
    for (size_t bit = 0;; bit++) {
        struct end a, b;
        struct end *from = &a, *to = &b;
        uint8_t bytes[512] = {0};
        end_init(&a, "node-a", 1);
        end_init(&b, "node-b", 2);
        end_call(&a, &b);
        end_listen(&b);
        for (int i = 0; i < turn; i++) {
            end_carry(from, to);
            from = from == &a ? &b : &a;
            to = to == &a ? &b : &a;
        }
        size_t len = end_take(from, bytes, sizeof bytes);
        if (bit >= 8 * len) {
            assert_true(bit > 0);
            return;
        }
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum session_state before = session_state(&to->session);
        bool framing = bit / 8 < (turn == 0 ? 6 : 2);
        end_receive(to, bytes, len);
        // The top bit of an ephemeral is not part of the point: it still must not pass (it is hashed).
        bool waits = framing && session_state(&to->session) == before; // for more of a longer frame
        if (!waits && session_reason(&to->session) == REASON_NONE) {
            fail_msg("turn %d, bit %zu passed", turn, bit);
        }
        assert_int_equal(to->events[SESSION_ESTABLISHED], 0);
        assert_int_equal(to->events[SESSION_IDENTITY], turn == 3 ? 1 : 0);
        size_t answer = end_take(to, bytes, sizeof bytes);
        assert_int_equal(answer,
                         turn == 0 && bit / 8 == 3 ? 4 : 0); // another version: 4 bytes for 4
    }
}

static void test_tampered_message_1(void **state)
{
    (void)state;
    flip_each_bit(0);
}

static void test_tampered_message_2(void **state)
{
    (void)state;
    flip_each_bit(1);
}

static void test_tampered_message_3(void **state)
{
    (void)state;
    flip_each_bit(2);
}

static void test_tampered_ready(void **state)
{
    (void)state;
    flip_each_bit(3);
}

// A flipped bit in a record: BYE 1 in an authenticated record, then nothing, and the keys are gone.
static void test_tampered_record(void **state)
{
    (void)state;
    for (size_t bit = 16; bit < UINT64_C(8) * 30; bit++) {
        struct end a, b;
        uint8_t bytes[64] = {0};
        ends_establish(&a, &b);
        assert_true(session_ping(&a.session, 0));
        size_t len = end_take(&a, bytes, sizeof bytes);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        end_receive(&b, bytes, len);
        assert_end(&b, SESSION_CLOSING, REASON_RECORD_AUTH);
        assert_int_equal(b.events[SESSION_PINGED], 0);
        assert_false(session_ping(&b.session, 0));
        end_carry(&b, &a);
        assert_end(&b, SESSION_CLOSED, REASON_RECORD_AUTH);
        assert_end(&a, SESSION_CLOSED, REASON_PEER_BYE);
        assert_int_equal(session_peer_bye(&a.session), BYE_PROTOCOL_ERROR);
    }
}

static void test_replayed_record(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[64] = {0};

    ends_establish(&a, &b);
    assert_true(session_ping(&a.session, 0));
    size_t len = end_take(&a, bytes, sizeof bytes);
    end_receive(&b, bytes, len);
    end_receive(&b, bytes, len);
    assert_end(&b, SESSION_CLOSING, REASON_RECORD_AUTH);
    assert_int_equal(b.events[SESSION_PINGED], 1);
}

static void test_reordered_records(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[64] = {0};

    ends_establish(&a, &b);
    assert_true(session_ping(&a.session, 0));
    end_take(&a, bytes, sizeof bytes); // the first one is held back
    assert_true(session_ping(&a.session, 0));
    end_carry(&a, &b);
    assert_end(&b, SESSION_CLOSING, REASON_RECORD_AUTH);
}

// A record sent back to its sender: the directions have different keys.
static void test_reflected_record(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[64] = {0};

    ends_establish(&a, &b);
    assert_true(session_ping(&a.session, 0));
    end_receive(&a, bytes, end_take(&a, bytes, sizeof bytes));
    assert_end(&a, SESSION_CLOSING, REASON_RECORD_AUTH);
}

static void test_replayed_handshake(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t m1[64], m2[64], m3[256];

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    end_listen(&b);
    size_t m1_len = end_take(&a, m1, sizeof m1);
    end_receive(&b, m1, m1_len);
    size_t m2_len = end_carry(&b, &a);
    memcpy(m2, b.sent, m2_len);
    size_t m3_len = end_take(&a, m3, sizeof m3);
    end_receive(&b, m3, m3_len);
    assert_int_equal(b.events[SESSION_ESTABLISHED], 1);

    session_wipe(&b.session);
    end_listen(&b);
    b.events[SESSION_ESTABLISHED] = 0;
    end_receive(&b, m1, m1_len);
    assert_end(&b, SESSION_AWAIT_MESSAGE_3, REASON_NONE);
    uint8_t again[64];
    assert_int_equal(end_take(&b, again, sizeof again), m2_len);
    assert_memory_not_equal(again, m2, m2_len); // another ephemeral
    end_receive(&b, m3, m3_len);
    assert_end(&b, SESSION_CLOSED, REASON_HANDSHAKE_AUTH);
    assert_int_equal(b.events[SESSION_ESTABLISHED], 0);
    assert_int_equal(end_take(&b, again, sizeof again), 0);
}

// ---- Identity -------------------------------------------------------------------------------------

// The one who answers has another key than the one who was called.
static void test_man_in_the_middle(void **state)
{
    (void)state;
    struct end a, b, mallory;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_init(&mallory, "node-b", 3);
    end_call(&a, &b);
    end_listen(&mallory);
    end_carry(&a, &mallory);
    assert_end(&mallory, SESSION_CLOSED, REASON_HANDSHAKE_AUTH);

    // It makes up a message 2 of the right length all the same.
    uint8_t m2[50] = {0, 48, 9};
    end_receive(&a, m2, sizeof m2);
    assert_end(&a, SESSION_CLOSED, REASON_HANDSHAKE_AUTH);
    assert_int_equal(a.events[SESSION_IDENTITY], 0);
    assert_int_equal(end_carry(&a, &mallory), 0); // its static key is not sent
}

// The initiator believes that it calls somebody else with that key: the prologue differs.
static void test_wrong_responder_id(void **state)
{
    (void)state;
    struct end a, b;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    struct end called = {.config = {.id = a.config.id}};
    memcpy(called.public_key, b.public_key, 32);
    end_call(&a, &called);
    end_listen(&b);
    end_carry(&a, &b);
    assert_end(&b, SESSION_CLOSED, REASON_HANDSHAKE_AUTH);
}

static void test_refusals_are_silent(void **state)
{
    (void)state;
    const enum close_reason silent[] = {REASON_IDENTITY_MISMATCH, REASON_UNKNOWN_PEER,
                                        REASON_OWN_KEY, REASON_INTERNAL};
    for (size_t i = 0; i < COUNT(silent); i++) {
        struct end a, b;
        end_init(&a, "node-a", 1);
        end_init(&b, "node-b", 2);
        b.refuse = silent[i];
        end_call(&a, &b);
        end_listen(&b);
        end_exchange(&a, &b);
        assert_end(&b, SESSION_CLOSED, silent[i]);
        assert_int_equal(b.sent_len, 50); // message 2 and nothing after it
        assert_int_equal(b.events[SESSION_ESTABLISHED], 0);
        assert_end(&a, SESSION_AWAIT_READY, REASON_NONE);
        end_event(&a, session_disconnected(&a.session));
        assert_end(&a, SESSION_CLOSED, REASON_DISCONNECTED);
        assert_int_equal(a.events[SESSION_ESTABLISHED], 0);
    }
}

static void test_a_listed_peer_is_told_why(void **state)
{
    (void)state;
    const struct {
        enum close_reason reason;
        enum bye_reason bye;
    } rows[] = {{REASON_PEER_REVOKED, BYE_NOT_PERMITTED},
                {REASON_PEER_PENDING, BYE_NOT_PERMITTED},
                {REASON_NO_RECORD_MEMORY, BYE_LIMIT}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct end a, b;
        end_init(&a, "node-a", 1);
        end_init(&b, "node-b", 2);
        b.refuse = rows[i].reason;
        end_call(&a, &b);
        end_listen(&b);
        end_exchange(&a, &b);
        assert_end(&b, SESSION_CLOSED, rows[i].reason);
        assert_end(&a, SESSION_CLOSED, REASON_PEER_BYE);
        assert_int_equal(session_peer_bye(&a.session), rows[i].bye);
        assert_int_equal(a.events[SESSION_ESTABLISHED] + b.events[SESSION_ESTABLISHED], 0);
    }
}

// The initiator refuses before it has shown who it is.
static void test_initiator_refuses(void **state)
{
    (void)state;
    struct end a, b;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    a.refuse = REASON_PEER_REVOKED;
    end_call(&a, &b);
    end_listen(&b);
    end_exchange(&a, &b);
    assert_end(&a, SESSION_CLOSED, REASON_PEER_REVOKED);
    assert_int_equal(a.sent_len, 54);
    assert_end(&b, SESSION_AWAIT_MESSAGE_3, REASON_NONE);
}

static void test_accept_without_memory(void **state)
{
    (void)state;
    struct end a, b;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    b.config.memory = NULL;
    b.hold_identity = true;
    end_call(&a, &b);
    end_listen(&b);
    end_exchange(&a, &b);
    assert_end(&b, SESSION_DECIDE, REASON_NONE);
    end_event(&b, session_accept(&b.session, 0));
    assert_end(&b, SESSION_CLOSED, REASON_NO_RECORD_MEMORY);
    assert_int_equal(b.events[SESSION_ESTABLISHED], 0);
}

// Decisions at any other moment do nothing.
static void test_decisions_out_of_order(void **state)
{
    (void)state;
    struct end a, b;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    end_listen(&b);
    for (int step = 0; step < 5; step++) {
        enum session_state sa = session_state(&a.session), sb = session_state(&b.session);
        assert_int_equal(session_accept(&a.session, 0), SESSION_NOTHING);
        assert_int_equal(session_accept(&b.session, 0), SESSION_NOTHING);
        assert_int_equal(session_refuse(&a.session, 0, REASON_OWN_KEY), SESSION_NOTHING);
        assert_int_equal(session_refuse(&b.session, 0, REASON_OWN_KEY), SESSION_NOTHING);
        assert_int_equal(session_state(&a.session), sa);
        assert_int_equal(session_state(&b.session), sb);
        if (step % 2 == 0) {
            end_carry(&a, &b);
        } else {
            end_carry(&b, &a);
        }
    }
    assert_end(&a, SESSION_UP, REASON_NONE);
}

// ---- Message 3 and READY --------------------------------------------------------------------------

// A message 3 that is good Noise with a payload of the test's choice.
static void send_message_3(struct end *a, struct end *b, const char *tlvs)
{
    uint8_t payload[256], frame[2 + 320];
    size_t payload_len = hex_decode(payload, sizeof payload, tlvs), len;

    end_init(a, "node-a", 1);
    end_init(b, "node-b", 2);
    a->hold_identity = true;
    end_call(a, b);
    end_listen(b);
    end_exchange(a, b);
    assert_end(a, SESSION_DECIDE, REASON_NONE);
    assert_int_equal(xk_initiator_write_message_3(&a->session.handshake, frame + 2, 320, &len,
                                                  payload, payload_len),
                     NOISE_OK);
    frame[0] = (uint8_t)(len >> 8);
    frame[1] = (uint8_t)len;
    end_receive(b, frame, 2 + len);
}

static void test_message_3_payloads(void **state)
{
    (void)state;
    struct end a, b;

    send_message_3(&a, &b,
                   "010400000000"
                   "02021000"
                   "03020000"
                   "04066e6f64652d61"
                   "7f020000");
    assert_end(&b, SESSION_UP, REASON_NONE);
    const char *const bad[] = {
        "",
        "010400000000"
        "02021000"
        "03020000",
        "010400000000"
        "02021000"
        "03020000"
        "04066e6f64652d61"
        "8000",
        "010400000000"
        "020201ff"
        "03020000"
        "04066e6f64652d61",
        "010400000000"
        "02021000"
        "03020000"
        "0400",
        "010400000000"
        "02021000"
        "03020000"
        "04066e6f64652d61"
        "04066e6f64652d61",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        send_message_3(&a, &b, bad[i]);
        assert_end(&b, SESSION_CLOSED, REASON_HELLO);
        assert_int_equal(b.events[SESSION_IDENTITY], 0);
        assert_int_equal(b.sent_len, 50);
    }
}

struct first_record_row {
    const char *hex;
    enum session_state state;
    enum close_reason reason;
};

static const struct first_record_row first_records[] = {
    {"01000000"
     "010400000000"
     "02021000"
     "03020000",
     SESSION_UP, REASON_NONE},
    {"01000000"
     "010400000000"
     "02021000"
     "03020000"
     "04066e6f64652d62",
     SESSION_CLOSED, REASON_HELLO},
    {"01000000"
     "010400000000"
     "02021000",
     SESSION_CLOSED, REASON_HELLO},
    {"01000000", SESSION_CLOSED, REASON_HELLO},
    {"020000000102030405060708", SESSION_CLOSED, REASON_RECORD_ORDER},
    {"030000000102030405060708", SESSION_CLOSED, REASON_RECORD_ORDER},
    {"0900000006", SESSION_CLOSED, REASON_PEER_BYE},
    {"0400000100001000666f6f", SESSION_CLOSED, REASON_RECORD_ORDER},
    {"0600000141", SESSION_CLOSED, REASON_RECORD_ORDER},
    {"0a000000", SESSION_CLOSED, REASON_RECORD_ORDER},
    {"0c0000000101010101010101010101010101010101010101010101010101010101010101", SESSION_CLOSED,
     REASON_RECORD_ORDER},
    {"0e000000", SESSION_CLOSED, REASON_RECORD_TYPE},
    {"000000", SESSION_CLOSED, REASON_RECORD_LENGTH},
};

static void test_first_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(first_records); i++) {
        const struct first_record_row *row = &first_records[i];
        struct end a, b;
        end_init(&a, "node-a", 1);
        end_init(&b, "node-b", 2);
        b.hold_identity = true;
        end_call(&a, &b);
        end_listen(&b);
        end_exchange(&a, &b);
        size_t sent_before = a.sent_len;
        struct xk_sender sender;
        struct xk_receiver receiver;
        assert_int_equal(xk_split(&b.session.handshake, &sender, &receiver), NOISE_OK);
        assert_int_equal(xk_sender_move(&b.session.sender, &sender), NOISE_OK);
        end_forge_hex(&b, &a, row->hex);
        if (session_state(&a.session) != row->state || session_reason(&a.session) != row->reason) {
            fail_msg("row %zu: %s", i, close_reason_name(session_reason(&a.session)));
        }
        assert_int_equal(end_take(&a, a.record, 0), 0); // it says nothing before READY has come
        assert_int_equal(a.sent_len, sent_before);
    }
}

// ---- Records --------------------------------------------------------------------------------------

struct record_row {
    const char *hex;
    enum close_reason reason;
};

static const struct record_row record_rows[] = {
    {"01000000"
     "010400000000"
     "02021000"
     "03020000",
     REASON_RECORD_ORDER},                             // a second READY
    {"030000000000000000000001", REASON_RECORD_ORDER}, // PONG to nothing
    {"030000000000000000000000", REASON_RECORD_ORDER},
    {"00000000", REASON_RECORD_TYPE},
    {"0b0000000101010101010101010101010101010101010101010101010101010101010101",
     REASON_RECORD_TYPE}, // pairing, in a session that is no pairing
    {"0c0000000101010101010101010101010101010101010101010101010101010101010101",
     REASON_RECORD_TYPE},
    {"0d0000000101010101010101010101010101010101010101010101010101010101010101",
     REASON_RECORD_TYPE},
    {"0e000000", REASON_RECORD_TYPE},
    {"ff000000", REASON_RECORD_TYPE},
    {"020100000102030405060708", REASON_RECORD_FLAGS},
    {"020000010102030405060708", REASON_RECORD_STREAM},
    {"0200000001020304050607", REASON_RECORD_BODY},
    {"09000000", REASON_RECORD_BODY},
    {"02", REASON_RECORD_LENGTH},
    {"020000", REASON_RECORD_LENGTH},
};

static void test_bad_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(record_rows); i++) {
        for (int direction = 0; direction < 2; direction++) {
            struct end a, b;
            ends_establish(&a, &b);
            struct end *from = direction == 0 ? &a : &b, *to = direction == 0 ? &b : &a;
            end_forge_hex(from, to, record_rows[i].hex);
            if (session_reason(&to->session) != record_rows[i].reason) {
                fail_msg("row %zu: %s", i, close_reason_name(session_reason(&to->session)));
            }
            end_carry(to, from);
            assert_end(from, SESSION_CLOSED, REASON_PEER_BYE);
            assert_int_equal(session_peer_bye(&from->session), BYE_PROTOCOL_ERROR);
        }
    }
}

static void test_bye(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason < 256; reason++) {
        struct end a, b;
        char hex[16];
        ends_establish(&a, &b);
        snprintf(hex, sizeof hex, "09000000%02x", reason);
        end_forge_hex(&a, &b, hex);
        assert_end(&b, SESSION_CLOSED, REASON_PEER_BYE);
        assert_int_equal(session_peer_bye(&b.session), reason);
        assert_int_equal(end_carry(&b, &a), 0); // BYE is not answered
    }
}

static void test_close(void **state)
{
    (void)state;
    struct end a, b;

    ends_establish(&a, &b);
    end_event(&a, session_close(&a.session, 0, REASON_CLOSED, BYE_SHUTTING_DOWN));
    assert_end(&a, SESSION_CLOSING, REASON_CLOSED);
    assert_int_equal(session_close(&a.session, 0, REASON_INTERNAL, BYE_INTERNAL), SESSION_NOTHING);
    end_exchange(&a, &b);
    assert_end(&a, SESSION_CLOSED, REASON_CLOSED);
    assert_int_equal(session_peer_bye(&b.session), BYE_SHUTTING_DOWN);
    assert_int_equal(a.events[SESSION_ENDED], 1);

    end_call(&a, &b);
    end_event(&a, session_close(&a.session, 0, REASON_CLOSED, BYE_NORMAL));
    assert_end(&a, SESSION_CLOSED, REASON_CLOSED);
    assert_int_equal(end_carry(&a, &b), 0); // before it is established there are no words
}

static void test_ping_limit(void **state)
{
    (void)state;
    struct end a, b;

    ends_establish(&a, &b);
    for (int i = 0; i < PINGS_UNANSWERED_MAX; i++) {
        assert_true(session_ping(&a.session, 0));
    }
    assert_false(session_ping(&a.session, 0));
    end_exchange(&a, &b);
    assert_int_equal(a.events[SESSION_PONGED], PINGS_UNANSWERED_MAX);
    assert_true(session_ping(&a.session, 0));
    assert_end(&a, SESSION_UP, REASON_NONE);
}

static void test_ping_flood(void **state)
{
    (void)state;
    struct end a, b;

    ends_establish(&a, &b);
    for (int i = 0; i < PINGS_UNANSWERED_MAX; i++) {
        end_forge_hex(&a, &b, "020000000000000000000009");
        assert_end(&b, SESSION_UP, REASON_NONE);
    }
    end_forge_hex(&a, &b, "020000000000000000000009"); // the fifth, and no PONG has left
    assert_end(&b, SESSION_CLOSING, REASON_PING_FLOOD);
    size_t len;
    session_output(&b.session, &len);
    assert_int_equal(len, 4 * 30 + 23);
}

// An honest peer that always has four in flight is never mistaken for a flood, however the bytes leave.
static void test_four_in_flight_for_long(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t pongs[64];

    ends_establish(&a, &b);
    for (int i = 0; i < 2000; i++) {
        while (session_ping(&a.session, 0)) {
        }
        end_carry(&a, &b);
        size_t len, step = (size_t)(i * 7 % 47);
        uint8_t *out = session_output(&b.session, &len);
        step = step > len ? len : step;
        memcpy(pongs, out == NULL ? pongs : out, step);
        session_output_done(&b.session, step);
        end_receive(&a, pongs, step);
        a.sent_len = b.sent_len = 0;
        assert_end(&a, SESSION_UP, REASON_NONE);
        assert_end(&b, SESSION_UP, REASON_NONE);
    }
    assert_true(a.events[SESSION_PONGED] > 1000);
}

static void test_too_many_records(void **state)
{
    (void)state;
    struct end a, b;

    ends_establish(&a, &b);
    b.session.records_received = RECORDS_PER_KEY_MAX - 1;
    end_forge_hex(&a, &b, "020000000000000000000009");
    assert_end(&b, SESSION_UP, REASON_NONE);
    end_forge_hex(&a, &b, "020000000000000000000009");
    assert_end(&b, SESSION_CLOSING, REASON_RECORD_COUNT);
}

static void test_disconnected_is_not_bye(void **state)
{
    (void)state;
    struct end a, b;

    ends_establish(&a, &b);
    end_event(&a, session_disconnected(&a.session));
    assert_end(&a, SESSION_CLOSED, REASON_DISCONNECTED);
    assert_int_equal(session_disconnected(&a.session), SESSION_NOTHING);
    assert_int_equal(a.events[SESSION_ENDED], 1);
}

// ---- Out of turn ----------------------------------------------------------------------------------

static void test_out_of_turn(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[128] = {0};

    // One byte after message 1.
    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    end_listen(&b);
    size_t len = end_take(&a, bytes, sizeof bytes);
    bytes[len] = 0;
    end_receive(&b, bytes, len + 1);
    assert_end(&b, SESSION_CLOSED, REASON_OUT_OF_TURN);
    assert_int_equal(end_carry(&b, &a), 0);

    // A message 2 before message 1 has left.
    end_call(&a, &b);
    memset(bytes, 0, sizeof bytes);
    bytes[1] = 48;
    end_receive(&a, bytes, 50);
    assert_end(&a, SESSION_CLOSED, REASON_OUT_OF_TURN);

    // While the static key is being asked.
    start_external(&a, &b);
    end_receive(&b, bytes, 1);
    assert_end(&b, SESSION_CLOSED, REASON_OUT_OF_TURN);
}

// ---- Time -----------------------------------------------------------------------------------------

static void test_handshake_deadline_in_every_state(void **state)
{
    (void)state;
    const enum session_state states[] = {SESSION_AWAIT_MESSAGE_1, SESSION_AWAIT_MESSAGE_2,
                                         SESSION_AWAIT_MESSAGE_3, SESSION_AWAIT_READY};
    for (size_t i = 0; i < COUNT(states); i++) {
        struct end a, b, *e = bring_to(&a, &b, states[i]);
        assert_int_equal(session_deadline(&e->session), HANDSHAKE_TIMEOUT_MS);
        end_event(e, session_tick(&e->session, HANDSHAKE_TIMEOUT_MS - 1));
        assert_end(e, states[i], REASON_NONE);
        end_event(e, session_tick(&e->session, HANDSHAKE_TIMEOUT_MS));
        assert_end(e, SESSION_CLOSED, REASON_HANDSHAKE_TIMEOUT);
        assert_true(session_deadline(&e->session) == TIME_NEVER);
    }
    struct end a, b;
    start_external(&a, &b);
    end_event(&b, session_tick(&b.session, HANDSHAKE_TIMEOUT_MS));
    assert_end(&b, SESSION_CLOSED, REASON_HANDSHAKE_TIMEOUT);
}

// A peer that sends one byte now and then does not stretch the handshake.
static void test_slow_bytes_do_not_stretch_the_handshake(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[64] = {0};

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    end_listen(&b);
    size_t len = end_take(&a, bytes, sizeof bytes);
    for (size_t i = 0; i < len - 1; i++) {
        b.now_ms = i * 180;
        end_receive(&b, bytes + i, 1);
        end_event(&b, session_tick(&b.session, b.now_ms));
    }
    assert_end(&b, SESSION_AWAIT_MESSAGE_1, REASON_NONE);
    end_event(&b, session_tick(&b.session, HANDSHAKE_TIMEOUT_MS));
    assert_end(&b, SESSION_CLOSED, REASON_HANDSHAKE_TIMEOUT);
}

static void test_probe_and_loss(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[64] = {0};

    ends_establish(&a, &b);
    assert_int_equal(session_deadline(&a.session), PING_SILENCE_MS);
    end_event(&a, session_tick(&a.session, PING_SILENCE_MS - 1));
    assert_int_equal(end_take(&a, bytes, sizeof bytes), 0);
    end_event(&a, session_tick(&a.session, PING_SILENCE_MS));
    assert_int_equal(end_take(&a, bytes, sizeof bytes), 30); // lost on the way
    assert_int_equal(session_deadline(&a.session), UINT64_C(2) * PING_SILENCE_MS);
    end_event(&a, session_tick(&a.session, PING_SILENCE_MS + 1));
    assert_int_equal(end_take(&a, bytes, sizeof bytes), 0);
    end_event(&a, session_tick(&a.session, UINT64_C(2) * PING_SILENCE_MS));
    assert_int_equal(end_take(&a, bytes, sizeof bytes), 30);
    assert_int_equal(session_deadline(&a.session), LOST_SILENCE_MS);
    end_event(&a, session_tick(&a.session, LOST_SILENCE_MS));
    assert_end(&a, SESSION_CLOSING, REASON_SILENCE);
    assert_int_equal(session_deadline(&a.session), LOST_SILENCE_MS + LINGER_MS);
    assert_int_equal(session_tick(&a.session, LOST_SILENCE_MS + LINGER_MS), SESSION_NOTHING);
    assert_end(&a, SESSION_CLOSED, REASON_SILENCE);
    assert_int_equal(end_take(&a, bytes, sizeof bytes), 0);
}

// Two quiet ends keep each other alive for hours.
static void test_quiet_session_lives(void **state)
{
    (void)state;
    struct end a, b;
    unsigned ticks = 0;

    ends_establish(&a, &b);
    while (a.now_ms < UINT64_C(2) * 3600 * 1000) {
        uint64_t da = session_deadline(&a.session), db = session_deadline(&b.session);
        assert_true((da < db ? da : db) > a.now_ms); // never a timer that is already due
        a.now_ms = b.now_ms = da < db ? da : db;
        a.sent_len = b.sent_len = 0;
        end_event(&a, session_tick(&a.session, a.now_ms));
        end_event(&b, session_tick(&b.session, b.now_ms));
        end_exchange(&a, &b);
        ticks++;
    }
    assert_end(&a, SESSION_UP, REASON_NONE);
    assert_end(&b, SESSION_UP, REASON_NONE);
    assert_int_equal(ticks, 2 * 3600 * 1000 / PING_SILENCE_MS);
}

static void test_time_does_not_go_back(void **state)
{
    (void)state;
    struct end a, b;

    ends_establish(&a, &b);
    a.now_ms = b.now_ms = 10000;
    assert_true(session_ping(&a.session, 10000));
    end_carry(&a, &b);
    a.now_ms = b.now_ms = 3;
    end_exchange(&a, &b);
    assert_int_equal(session_rtt_ms(&a.session), 0);
    assert_int_equal(session_heard_ms(&a.session), 10000);
    end_event(&a, session_tick(&a.session, 0));
    assert_int_equal(session_deadline(&a.session), 10000 + PING_SILENCE_MS);
}

static void test_time_at_its_end(void **state)
{
    (void)state;
    struct end a, b;

    ends_establish(&a, &b);
    end_event(&a, session_tick(&a.session, UINT64_MAX));
    assert_end(&a, SESSION_CLOSING, REASON_SILENCE);
    assert_int_equal(session_tick(&a.session, UINT64_MAX), SESSION_NOTHING);
    assert_int_equal(session_tick(&a.session, UINT64_MAX), SESSION_NOTHING);
    struct session unused = {0};
    assert_int_equal(session_tick(&unused, UINT64_MAX), SESSION_NOTHING);
}

// ---- Secrets --------------------------------------------------------------------------------------

// After any end no key of the session is left in it, nor a plaintext in the record memory.
static void assert_no_keys(const struct end *e, const uint8_t sender[32],
                           const uint8_t receiver[32])
{
    const uint8_t *memory = (const uint8_t *)&e->session;

    assert_false(contains(memory, sizeof e->session, sender, 32));
    assert_false(contains(memory, sizeof e->session, receiver, 32));
    assert_false(contains(memory, sizeof e->session, e->secret, 32));
    assert_zero(e->record, 64);
}

static void test_keys_are_wiped(void **state)
{
    (void)state;
    for (int way = 0; way < 5; way++) {
        struct end a, b;
        uint8_t sender[32], receiver[32], bytes[64];
        ends_establish(&a, &b);
        memcpy(sender, b.session.sender.key, 32);
        memcpy(receiver, b.session.receiver.key, 32);
        if (way == 0) {
            end_event(&b, session_disconnected(&b.session));
        } else if (way == 1) {
            end_event(&b, session_close(&b.session, 0, REASON_CLOSED, BYE_NORMAL));
        } else if (way == 2) {
            end_forge_hex(&a, &b, "0900000000");
        } else if (way == 3) {
            assert_true(session_ping(&a.session, 0));
            size_t len = end_take(&a, bytes, sizeof bytes);
            flip_last_bit(bytes, len);
            end_receive(&b, bytes, len);
        } else {
            session_wipe(&b.session);
            assert_zero(&b.session, sizeof b.session);
        }
        assert_no_keys(&b, sender, receiver);
    }
}

static void test_failed_handshake_is_wiped(void **state)
{
    (void)state;
    struct end a, b;
    uint8_t bytes[64] = {0}, chaining_key[32];

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    end_call(&a, &b);
    end_listen(&b);
    end_carry(&a, &b);
    memcpy(chaining_key, b.session.handshake.chaining_key, 32);
    end_take(&b, bytes, sizeof bytes);
    end_event(&b, session_disconnected(&b.session));
    assert_zero(&b.session.handshake, sizeof b.session.handshake);
    assert_zero(b.session.buffer, sizeof b.session.buffer);
    assert_false(contains((uint8_t *)&b.session, sizeof b.session, chaining_key, 32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_establish_step_by_step),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_output_in_parts),
        cmocka_unit_test(test_ping_pong),
        cmocka_unit_test(test_responder_may_ping_too),
        cmocka_unit_test(test_no_ping_before_established),
        cmocka_unit_test(test_external_dh),
        cmocka_unit_test(test_stale_dh_result_changes_nothing),
        cmocka_unit_test(test_failed_dh_ends_it),
        cmocka_unit_test(test_bad_message_1_costs_one_dh),
        cmocka_unit_test(test_no_randomness),
        cmocka_unit_test(test_bad_preamble_gets_nothing),
        cmocka_unit_test(test_other_version_is_told_ours),
        cmocka_unit_test(test_version_answer_is_a_hint),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_largest_record_is_taken),
        cmocka_unit_test(test_tampered_message_1),
        cmocka_unit_test(test_tampered_message_2),
        cmocka_unit_test(test_tampered_message_3),
        cmocka_unit_test(test_tampered_ready),
        cmocka_unit_test(test_tampered_record),
        cmocka_unit_test(test_replayed_record),
        cmocka_unit_test(test_reordered_records),
        cmocka_unit_test(test_reflected_record),
        cmocka_unit_test(test_replayed_handshake),
        cmocka_unit_test(test_man_in_the_middle),
        cmocka_unit_test(test_wrong_responder_id),
        cmocka_unit_test(test_refusals_are_silent),
        cmocka_unit_test(test_a_listed_peer_is_told_why),
        cmocka_unit_test(test_initiator_refuses),
        cmocka_unit_test(test_accept_without_memory),
        cmocka_unit_test(test_decisions_out_of_order),
        cmocka_unit_test(test_message_3_payloads),
        cmocka_unit_test(test_first_record),
        cmocka_unit_test(test_bad_records),
        cmocka_unit_test(test_bye),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_ping_limit),
        cmocka_unit_test(test_ping_flood),
        cmocka_unit_test(test_four_in_flight_for_long),
        cmocka_unit_test(test_too_many_records),
        cmocka_unit_test(test_disconnected_is_not_bye),
        cmocka_unit_test(test_out_of_turn),
        cmocka_unit_test(test_handshake_deadline_in_every_state),
        cmocka_unit_test(test_slow_bytes_do_not_stretch_the_handshake),
        cmocka_unit_test(test_probe_and_loss),
        cmocka_unit_test(test_quiet_session_lives),
        cmocka_unit_test(test_time_does_not_go_back),
        cmocka_unit_test(test_time_at_its_end),
        cmocka_unit_test(test_keys_are_wiped),
        cmocka_unit_test(test_failed_handshake_is_wiped),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
