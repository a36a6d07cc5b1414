// SPDX-License-Identifier: Apache-2.0
// REKEY (WIRE section 2, Noise 11.3): both directions, each on its own, before the next record once it is due.
#include "tests/unit/stream_fixture.h"

static void ping(struct end *e)
{
    assert_true(session_ping(&e->session, e->now_ms));
}

#define PING_1 "020000000000000000000001"
#define PING_2 "020000000000000000000002"
#define PING_3 "020000000000000000000003"
#define PING_4 "020000000000000000000004"
#define REKEY  "0a000000"

// What `from` sends is decrypted by `to` itself, record by record, with its key changed where it has to be.
static void assert_sends_rekeyed(struct end *from, struct end *to, const char *expected)
{
    uint8_t bytes[4096];
    char hex[512] = "";
    size_t len = end_take(from, bytes, sizeof bytes), used = 0, chars = 0;

    while (used < len) {
        size_t record_len = (size_t)bytes[used] << 8 | bytes[used + 1], plain_len;
        uint8_t *record = bytes + used + 2;
        assert_int_equal(xk_receiver_open(&to->session.receiver, record, record_len, &plain_len,
                                          record, record_len),
                         NOISE_OK);
        for (size_t i = 0; i < plain_len; i++) {
            chars += (size_t)snprintf(hex + chars, 3, "%02x", record[i]);
        }
        hex[chars++] = ' ';
        if (record[0] == RECORD_REKEY) {
            assert_int_equal(xk_receiver_rekey(&to->session.receiver), NOISE_OK);
        }
        used += 2 + record_len;
    }
    hex[chars > 0 ? chars - 1 : 0] = '\0';
    assert_string_equal(hex, expected);
}

static void test_after_so_many_records(void **state)
{
    (void)state;
    struct pair p;
    uint8_t key[32];

    pair_start(&p);
    p.a.config.rekey_records = 3;
    memcpy(key, p.a.session.sender.key, 32);
    for (int i = 0; i < 3; i++) {
        ping(&p.a);
    }
    assert_memory_equal(key, p.a.session.sender.key, 32);
    assert_sends_rekeyed(&p.a, &p.b, PING_1 " " PING_2 " " PING_3);
    ping(&p.a);
    assert_memory_not_equal(key, p.a.session.sender.key, 32);
    assert_int_equal(p.a.session.sender.nonce, 5); // it goes on
    assert_int_equal(p.a.session.records_sent, 1);
    assert_sends_rekeyed(&p.a, &p.b, REKEY " " PING_4);
    assert_int_equal(p.b.session.sender.nonce,
                     1); // READY: the other direction has nothing to do with it
}

static void test_after_so_long(void **state)
{
    (void)state;
    struct pair p;

    pair_start(&p);
    p.a.now_ms = REKEY_MS - 1;
    ping(&p.a);
    assert_sends_rekeyed(&p.a, &p.b, PING_1);
    p.a.now_ms = REKEY_MS;
    assert_false(session_has_output(&p.a.session)); // an idle side sends nothing
    ping(&p.a);
    ping(&p.a);
    assert_sends_rekeyed(&p.a, &p.b, REKEY " " PING_2 " " PING_3);
    p.a.now_ms = 2 * REKEY_MS - 1;
    ping(&p.a);
    assert_sends_rekeyed(&p.a, &p.b, PING_4);
}

// From when it is established, not from when the handshake began.
static void test_time_counts_from_the_keys(void **state)
{
    (void)state;
    struct end a, b;

    end_init(&a, "node-a", 1);
    end_init(&b, "node-b", 2);
    a.config.rekey_ms = b.config.rekey_ms = 5000;
    end_call(&a, &b);
    end_listen(&b);
    a.now_ms = b.now_ms = 6000;
    end_exchange(&a, &b);
    a.now_ms = b.now_ms = 10999;
    ping(&a);
    assert_sends_rekeyed(&a, &b, PING_1);
    a.now_ms = 11000;
    ping(&a);
    assert_sends_rekeyed(&a, &b, REKEY " " PING_2);
}

static void test_default_limits(void **state)
{
    (void)state;
    struct pair p;

    pair_start(&p);
    p.a.session.records_sent = REKEY_RECORDS - 1;
    ping(&p.a);
    assert_sends_rekeyed(&p.a, &p.b, PING_1);
    ping(&p.a);
    assert_sends_rekeyed(&p.a, &p.b, REKEY " " PING_2);
}

// BYE too, and DATA, and everything in between; with a new key for each record.
static void test_before_every_record(void **state)
{
    (void)state;
    struct pair p;
    uint32_t at_a, at_b;

    pair_start(&p);
    p.a.config.rekey_records = p.b.config.rekey_records = 1;
    pair_open(&p, &at_a, &at_b);
    for (int i = 0; i < 50; i++) {
        end_write_text(&p.a, at_a, "to b");
        end_write_text(&p.b, at_b, "to a");
        ping(&p.a);
        ping(&p.b);
        pair_exchange(&p);
        assert_reads(&p.a, at_a, "to a");
        assert_reads(&p.b, at_b, "to b");
    }
    assert_int_equal(p.a.events[SESSION_PONGED], 50);
    assert_int_equal(p.a.session.records_received, 0 + 1); // under the present key
    end_finish(&p.a, at_a);
    end_event(&p.a, session_close(&p.a.session, 0, REASON_CLOSED, BYE_NORMAL));
    assert_sends_rekeyed(&p.a, &p.b, REKEY " 06010001 " REKEY " 0900000000");
}

static void test_receiver_counts_under_one_key(void **state)
{
    (void)state;
    for (int rekeyed = 0; rekeyed < 2; rekeyed++) {
        struct pair p;
        pair_start(&p);
        p.b.config.records_per_key_max = 3;
        for (int i = 0; i < 2; i++) {
            end_forge_hex(&p.a, &p.b, "020000000000000000000009");
        }
        if (rekeyed) {
            end_forge_hex(&p.a, &p.b, REKEY); // the third
            assert_int_equal(xk_sender_rekey(&p.a.session.sender), NOISE_OK);
            p.b.session.pong_ends[0] = 0;
            p.b.session.pong_ends[1] = 0;
            for (int i = 0; i < 3; i++) {
                end_forge_hex(&p.a, &p.b, "020000000000000000000009");
            }
        } else {
            end_forge_hex(&p.a, &p.b, "020000000000000000000009");
        }
        assert_end(&p.b, SESSION_UP, REASON_NONE);
        end_forge_hex(&p.a, &p.b, REKEY); // one too many, even if it is this
        assert_end(&p.b, SESSION_CLOSING, REASON_RECORD_COUNT);
    }
}

// A REKEY that its sender has not followed, or one that was forgotten: the next record does not authenticate.
static void test_keys_must_change_together(void **state)
{
    (void)state;
    struct pair p;

    pair_start(&p);
    end_forge_hex(&p.a, &p.b, REKEY);
    assert_end(&p.b, SESSION_UP, REASON_NONE);
    ping(&p.a);
    end_carry(&p.a, &p.b);
    assert_end(&p.b, SESSION_CLOSING, REASON_RECORD_AUTH);

    pair_start(&p);
    assert_int_equal(xk_sender_rekey(&p.a.session.sender), NOISE_OK);
    ping(&p.a);
    end_carry(&p.a, &p.b);
    assert_end(&p.b, SESSION_CLOSING, REASON_RECORD_AUTH);
}

// A record from before the change is not taken after it.
static void test_no_replay_across_the_change(void **state)
{
    (void)state;
    struct pair p;
    uint8_t old[64], bytes[128];

    pair_start(&p);
    ping(&p.a);
    size_t old_len = end_take(&p.a, old, sizeof old);
    end_receive(&p.b, old, old_len);
    p.a.config.rekey_records = 1;
    ping(&p.a);
    size_t len = end_take(&p.a, bytes, sizeof bytes);
    assert_int_equal(len, 22 + 30);
    end_receive(&p.b, bytes, len);
    assert_end(&p.b, SESSION_UP, REASON_NONE);
    end_receive(&p.b, old, old_len);
    assert_end(&p.b, SESSION_CLOSING, REASON_RECORD_AUTH);
}

// Four PINGs, four PONGs and BYE always have room, even if the key changes before each of them and nothing leaves.
static void test_priority_records_have_room(void **state)
{
    (void)state;
    for (int with_data = 0; with_data < 2; with_data++) {
        struct pair p;
        uint32_t at_a, at_b;
        static const uint8_t data[FIXTURE_STREAM_BUFFER];
        pair_start(&p);
        pair_open(&p, &at_a, &at_b);
        while (with_data && end_write(&p.a, at_a, data, sizeof data) > 0) {
        }
        p.a.config.rekey_records = 1;
        size_t before = session_output_pending(&p.a.session);
        for (int i = 0; i < PINGS_UNANSWERED_MAX; i++) {
            ping(&p.a);
            ping(&p.b);
            end_carry(&p.b, &p.a);
        }
        end_event(&p.a, session_close(&p.a.session, 0, REASON_CLOSED, BYE_NORMAL));
        assert_end(&p.a, SESSION_CLOSING, REASON_CLOSED);
        assert_int_equal(session_output_pending(&p.a.session),
                         before + (size_t)8 * (22 + 30) + 22 + 23);
        pair_exchange(&p);
        assert_end(&p.b, SESSION_CLOSED, REASON_PEER_BYE);
    }
}

// A PING behind 1000 bytes that ask for nothing: one answer, and both directions go on.
static void test_large_ping(void **state)
{
    (void)state;
    struct pair p;
    size_t len;

    pair_start(&p);
    assert_int_equal(session_ping_large(&p.a.session, 0, 1000), 1);
    assert_non_null(session_output(&p.a.session, &len));
    assert_true(len >= 1000 && len < 1050); // in one piece
    pair_exchange(&p);
    assert_int_equal(session_ponged(&p.a.session), 1);
    ping(&p.a);
    ping(&p.b);
    pair_exchange(&p);
    assert_int_equal(session_ponged(&p.a.session), 2);
    assert_int_equal(session_ponged(&p.b.session), 1);
}

static void test_large_ping_that_cannot_be(void **state)
{
    (void)state;
    struct pair p;
    size_t len;
    uint64_t queued, nonce;

    pair_start(&p);
    queued = p.a.session.out_queued;
    nonce = p.a.session.sender.nonce;
    assert_int_equal(session_ping_large(&p.a.session, 0, 1 << 20), 0); // no room
    for (int i = 0; i < 4; i++) {
        ping(&p.b);
    }
    assert_int_equal(session_ping_large(&p.b.session, 0, 100), 0); // 4 are unanswered
    assert_int_equal(p.a.session.out_queued, queued);
    assert_int_equal(p.a.session.sender.nonce, nonce);
    assert_non_null(session_output(&p.b.session, &len));
    assert_int_equal(len, 4 * (2 + 4 + 8 + 16));
    (void)!session_close(&p.a.session, 0, REASON_CLOSED, BYE_NORMAL);
    queued = p.a.session.out_queued;
    assert_int_equal(session_ping_large(&p.a.session, 0, 100), 0); // it has ended
    assert_int_equal(p.a.session.out_queued, queued);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_so_many_records),
        cmocka_unit_test(test_after_so_long),
        cmocka_unit_test(test_time_counts_from_the_keys),
        cmocka_unit_test(test_default_limits),
        cmocka_unit_test(test_before_every_record),
        cmocka_unit_test(test_receiver_counts_under_one_key),
        cmocka_unit_test(test_keys_must_change_together),
        cmocka_unit_test(test_no_replay_across_the_change),
        cmocka_unit_test(test_priority_records_have_room),
        cmocka_unit_test(test_large_ping),
        cmocka_unit_test(test_large_ping_that_cannot_be),
    };
    return cmocka_run_group_tests_name("rekey", tests, NULL, NULL);
}
