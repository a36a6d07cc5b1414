// SPDX-License-Identifier: Apache-2.0
// Two ends of a session joined in memory, with a fake clock and every byte in the test's hands.
#ifndef TESTS_UNIT_SESSION_FIXTURE_H
#define TESTS_UNIT_SESSION_FIXTURE_H

#include "tests/unit/noise_fixture.h"

#include "dsoftbus/session.h"
#include "dsoftbus/session_internal.h"
#include "noise/rng.h"
#include "noise/x25519.h"

enum {
    FIXTURE_RECORD_MAX = 600,
    FIXTURE_WIRE_MAX = 32768,
    FIXTURE_STREAMS = 6,
    FIXTURE_BODY = 594, // the longest DATA in records of 600 that keeps frames aligned
    FIXTURE_WINDOW = 3 * FIXTURE_BODY,
    FIXTURE_STREAM_BUFFER = 2048, // of which three of those are given out
    FIXTURE_OUTPUT_RECORDS = 3,
};

// One end: a session, and an owner that does what it was told in advance.
struct end {
    struct session session;
    struct session_config config;
    struct rng rng;
    uint8_t secret[32], public_key[32];
    struct session_memory memory;
    uint8_t record[SESSION_RECORD_BYTES(FIXTURE_RECORD_MAX)];
    uint8_t output[SESSION_OUTPUT_BYTES(FIXTURE_RECORD_MAX, FIXTURE_OUTPUT_RECORDS)];
    struct stream streams[FIXTURE_STREAMS];
    uint8_t stream_buffers[FIXTURE_STREAMS * FIXTURE_STREAM_BUFFER];
    bool hold_dh;             // SESSION_NEED_DH is left to the test
    bool hold_identity;       // SESSION_IDENTITY is left to the test
    bool pair;                // it is a pairing
    enum close_reason refuse; // else accepted
    unsigned events[SESSION_ENDED + 1];
    uint64_t now_ms;
    uint8_t sent[FIXTURE_WIRE_MAX]; // everything it has ever sent, as far as there is room
    size_t sent_len;
};

FIXTURE void end_init(struct end *e, const char *id, uint8_t seed)
{
    uint8_t rng_seed_bytes[RNG_SEED_LEN];

    memset(e, 0, sizeof *e);
    pool_init(&e->memory.inputs, e->record, sizeof e->record, 1);
    pool_init(&e->memory.outputs, e->output, sizeof e->output, 1);
    stream_table_init(&e->memory.streams, e->streams, FIXTURE_STREAMS, e->stream_buffers,
                      FIXTURE_STREAM_BUFFER);
    memset(rng_seed_bytes, seed, sizeof rng_seed_bytes);
    rng_seed(&e->rng, rng_seed_bytes);
    assert_int_equal(rng_random(&e->rng, e->secret, sizeof e->secret), NOISE_OK);
    x25519_base(e->public_key, e->secret);
    assert_true(device_id_set(&e->config.id, (const uint8_t *)id, strlen(id)));
    memcpy(e->config.static_public, e->public_key, 32);
    e->config.static_private = e->secret;
    e->config.record_plaintext_max = FIXTURE_RECORD_MAX;
    e->config.random = rng_random;
    e->config.random_ctx = &e->rng;
    e->config.streams_max = FIXTURE_STREAMS - 1;
    e->config.memory = &e->memory;
}

FIXTURE enum session_event end_answer_dh(struct end *e)
{
    struct xk_dh_request request;
    uint8_t shared[32];

    assert_true(session_dh_request(&e->session, &request));
    bool good = x25519(shared, e->secret, request.public_key) == NOISE_OK;
    return session_dh_result(&e->session, e->now_ms, request.id, good ? shared : NULL);
}

// Counts the event and does what the owner does about it, until nothing more happens.
FIXTURE void end_event(struct end *e, enum session_event event)
{
    while (event != SESSION_NOTHING) {
        e->events[event]++;
        if (event == SESSION_NEED_DH && !e->hold_dh) {
            event = end_answer_dh(e);
        } else if (event == SESSION_IDENTITY && e->pair) {
            event = session_pair(&e->session, e->now_ms);
        } else if (event == SESSION_IDENTITY && !e->hold_identity) {
            event = e->refuse != REASON_NONE ? session_refuse(&e->session, e->now_ms, e->refuse)
                                             : session_accept(&e->session, e->now_ms);
        } else {
            event = SESSION_NOTHING;
        }
    }
}

FIXTURE void end_call(struct end *e, const struct end *whom)
{
    end_event(e, session_start_initiator(&e->session, &e->config, e->now_ms, &whom->config.id,
                                         whom->public_key));
}

FIXTURE void end_listen(struct end *e)
{
    end_event(e, session_start_responder(&e->session, &e->config, e->now_ms));
}

FIXTURE void end_receive(struct end *e, const uint8_t *data, size_t len)
{
    while (len > 0) {
        enum session_event event;
        size_t used = session_receive(&e->session, &event, e->now_ms, data, len);
        assert_true(used <= len && (used > 0 || event != SESSION_NOTHING));
        data += used;
        len -= used;
        end_event(e, event);
    }
}

// Takes what the end has to send, all of it.
FIXTURE size_t end_take(struct end *e, uint8_t *out, size_t cap)
{
    size_t total = 0, len;
    const uint8_t *bytes;

    while ((bytes = session_output(&e->session, &len)) != NULL) {
        assert_true(len > 0 && total + len <= cap);
        memcpy(out + total, bytes, len);
        if (e->sent_len + len <= sizeof e->sent) {
            memcpy(e->sent + e->sent_len, bytes, len);
            e->sent_len += len;
        }
        total += len;
        session_output_done(&e->session, len);
    }
    assert_int_equal(len, 0);
    assert_false(session_has_output(&e->session));
    return total;
}

// Carries what one end has to send to the other; the number of bytes.
FIXTURE size_t end_carry(struct end *from, struct end *to)
{
    uint8_t bytes[FIXTURE_WIRE_MAX];
    size_t len = end_take(from, bytes, sizeof bytes);

    end_receive(to, bytes, len);
    return len;
}

FIXTURE void end_exchange(struct end *a, struct end *b)
{
    while (end_carry(a, b) + end_carry(b, a) > 0) {
    }
}

FIXTURE void assert_end(const struct end *e, enum session_state state, enum close_reason reason)
{
    assert_string_equal(session_state_name(session_state(&e->session)), session_state_name(state));
    assert_string_equal(close_reason_name(session_reason(&e->session)), close_reason_name(reason));
}

// a (initiator) and b (responder), established with each other.
FIXTURE void ends_establish(struct end *a, struct end *b)
{
    end_init(a, "node-a", 1);
    end_init(b, "node-b", 2);
    end_call(a, b);
    end_listen(b);
    end_exchange(a, b);
    assert_end(a, SESSION_UP, REASON_NONE);
    assert_end(b, SESSION_UP, REASON_NONE);
}

// A record that an end would never send: sealed with its keys, in the frame.
FIXTURE size_t end_forge(struct end *e, uint8_t *out, const uint8_t *plaintext, size_t len)
{
    size_t sealed_len;

    assert_int_equal(
        xk_sender_seal(&e->session.sender, out + 2, len + 16, &sealed_len, plaintext, len),
        NOISE_OK);
    out[0] = (uint8_t)(sealed_len >> 8);
    out[1] = (uint8_t)sealed_len;
    return 2 + sealed_len;
}

FIXTURE void end_forge_hex(struct end *from, struct end *to, const char *hex)
{
    uint8_t plaintext[FIXTURE_RECORD_MAX + 1], frame[FIXTURE_RECORD_MAX + 32];
    size_t len = hex_decode(plaintext, sizeof plaintext, hex);

    end_receive(to, frame, end_forge(from, frame, plaintext, len));
}

FIXTURE void flip_last_bit(uint8_t *bytes, size_t len)
{
    if (len == 0) {
        fail_msg("nothing was sent");
        abort();
    }
    bytes[len - 1] ^= 1;
}

FIXTURE bool contains(const uint8_t *hay, size_t hay_len, const uint8_t *needle, size_t needle_len)
{
    for (size_t i = 0; i + needle_len <= hay_len; i++) {
        if (memcmp(hay + i, needle, needle_len) == 0) {
            return true;
        }
    }
    return false;
}

#endif
