// SPDX-License-Identifier: Apache-2.0
// What a batch multiplies: exactly what its messages need, and nothing for a message that was refused or a static key that has
// not authenticated. The code under test is compiled in here, with a multiplication that keeps a record.
#include "tests/unit/xk_pair.h"

#include "noise/cpu.h"

static struct x25519_job record[64];
static size_t recorded;

static void recorded_batch(struct x25519_job *jobs, size_t count)
{
    assert_true(recorded + count <= COUNT(record));
    memcpy(record + recorded, jobs, count * sizeof *jobs); // cppcheck-suppress uninitvar
    recorded += count;
    x25519_batch(jobs, count);
}

#define x25519_batch recorded_batch
#include "noise/noise_xk.c" // NOLINT(bugprone-suspicious-include)
#include "noise/xk_batch.c" // NOLINT(bugprone-suspicious-include)

static struct pair p[2];

static struct xk_turn turn_of(struct pair *of, enum xk_message message)
{
    static uint8_t out[2][64];
    struct xk_turn t = {.message = message, .out = out[of - p], .out_cap = 64};
    bool initiator = message == XK_WRITE_MESSAGE_1 || message == XK_READ_MESSAGE_2 ||
                     message == XK_WRITE_MESSAGE_3;
    t.hs = initiator ? &of->i.hs : &of->r.hs;
    if (message == XK_READ_MESSAGE_1) {
        t.in = of->m1;
        t.in_len = of->m1_len;
    } else if (message == XK_READ_MESSAGE_2) {
        t.in = of->m2;
        t.in_len = of->m2_len;
    } else if (message == XK_READ_MESSAGE_3) {
        t.in = of->m3;
        t.in_len = of->m3_len;
    }
    return t;
}

// A good turn and one that `spoil` has been at. Gives the number of multiplications.
static size_t multiplications(enum xk_message message, void (*spoil)(struct xk_turn *),
                              enum noise_error expected)
{
    struct xk_turn turns[2];
    static const int steps[] = {0, 0, 1, 2, 3, 4, 5};
    for (size_t i = 0; i < 2; i++) {
        pair_init(&p[i], i + 1);
        pair_run(&p[i], steps[message]);
        turns[i] = turn_of(&p[i], message);
    }
    spoil(&turns[1]);
    recorded = 0;
    assert_int_equal(xk_batch_advance(turns, 2), expected != NOISE_OK);
    assert_int_equal(turns[0].error, NOISE_OK);
    assert_int_equal(turns[1].error, expected);
    return recorded;
}

static void leave(struct xk_turn *t)
{
    (void)t;
}

static void take_room(struct xk_turn *t)
{
    t->out_cap = 0;
}

static void cut(struct xk_turn *t)
{
    t->in_len--;
}

static void alter_static_key(struct xk_turn *t)
{
    ((uint8_t *)(uintptr_t)t->in)[0] ^= 1; // NOLINT(performance-no-int-to-ptr)
}

static void kill(struct xk_turn *t)
{
    xk_handshake_wipe(t->hs);
}

static void test_what_is_needed(void **state)
{
    (void)state;
    assert_int_equal(multiplications(XK_WRITE_MESSAGE_1, leave, NOISE_OK), 4);
    assert_int_equal(multiplications(XK_READ_MESSAGE_1, leave, NOISE_OK), 2);
    assert_int_equal(multiplications(XK_WRITE_MESSAGE_2, leave, NOISE_OK), 4);
    assert_int_equal(multiplications(XK_READ_MESSAGE_2, leave, NOISE_OK), 2);
    assert_int_equal(multiplications(XK_WRITE_MESSAGE_3, leave, NOISE_OK), 2);
    assert_int_equal(multiplications(XK_READ_MESSAGE_3, leave, NOISE_OK), 2);
    // The products first, then what is drawn.
    (void)multiplications(XK_WRITE_MESSAGE_1, leave, NOISE_OK);
    assert_non_null(record[0].public_key);
#ifdef NOISE_X86
    assert_non_null(record[1].public_key);
    assert_null(record[2].public_key);
#endif
    assert_null(record[3].public_key);
}

static void test_nothing_for_what_is_refused(void **state)
{
    (void)state;
    assert_int_equal(multiplications(XK_WRITE_MESSAGE_1, take_room, NOISE_ERR_ARGUMENT), 2);
    assert_int_equal(multiplications(XK_WRITE_MESSAGE_2, take_room, NOISE_ERR_ARGUMENT), 2);
    assert_int_equal(multiplications(XK_WRITE_MESSAGE_3, take_room, NOISE_ERR_ARGUMENT), 1);
    assert_int_equal(multiplications(XK_READ_MESSAGE_1, cut, NOISE_ERR_LENGTH), 1);
    assert_int_equal(multiplications(XK_READ_MESSAGE_2, cut, NOISE_ERR_LENGTH), 1);
    assert_int_equal(multiplications(XK_READ_MESSAGE_3, cut, NOISE_ERR_LENGTH), 1);
    for (enum xk_message m = XK_WRITE_MESSAGE_1; m <= XK_READ_MESSAGE_3; m++) {
        assert_int_equal(multiplications(m, kill, NOISE_ERR_STATE), draws(m) ? 2 : 1);
    }
}

// The static key in message 3 was altered: it is not multiplied with.
static void test_nothing_for_a_key_that_did_not_authenticate(void **state)
{
    (void)state;
    assert_int_equal(multiplications(XK_READ_MESSAGE_3, alter_static_key, NOISE_ERR_AUTH), 1);
    assert_ptr_equal(record[0].public_key, p[0].r.hs.remote_static);
    assert_zero(&p[1].r.hs, sizeof p[1].r.hs);
}

// With an external key the holder multiplies, not the batch.
static void test_nothing_with_an_external_key(void **state)
{
    (void)state;
    pair_init(&p[0], 1);
    p[0].r.config.static_private = NULL;
    p[0].i.config.static_private = NULL;
    assert_int_equal(xk_initiator_init(&p[0].i.hs, &p[0].i.config), NOISE_OK);
    assert_int_equal(xk_responder_init(&p[0].r.hs, &p[0].r.config), NOISE_OK);
    pair_write_1(&p[0]);
    struct xk_turn turn = turn_of(&p[0], XK_READ_MESSAGE_1);
    recorded = 0;
    assert_int_equal(xk_batch_advance(&turn, 1), 1);
    assert_int_equal(turn.error, NOISE_NEED_DH);
    assert_int_equal(recorded, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_needed),
        cmocka_unit_test(test_nothing_for_what_is_refused),
        cmocka_unit_test(test_nothing_for_a_key_that_did_not_authenticate),
        cmocka_unit_test(test_nothing_with_an_external_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
