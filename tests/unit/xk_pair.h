// SPDX-License-Identifier: Apache-2.0
// A pair of handshakes with fixed keys, for the tests of noise_xk. Includes cmocka.
#ifndef TESTS_UNIT_XK_PAIR_H
#define TESTS_UNIT_XK_PAIR_H

#include "tests/unit/noise_fixture.h"

#include <stdbool.h>

#include "noise/noise_xk.h"
#include "noise/x25519.h"

struct side {
    struct xk_handshake hs;
    struct xk_sender sender;
    struct xk_receiver receiver;
    struct xk_config config;
    uint8_t static_private[32];
    uint8_t static_public[32];
    uint8_t ephemeral[32];
};

struct pair {
    struct side i;
    struct side r;
    uint8_t m1[XK_MESSAGE_MAX + 1], m2[XK_MESSAGE_MAX + 1], m3[XK_MESSAGE_MAX + 1];
    size_t m1_len, m2_len, m3_len;
};

FIXTURE void side_set_keys(struct side *side)
{
    x25519_base(side->static_public, side->static_private);
    side->config.static_public = side->static_public;
    side->config.static_private = side->static_private;
    side->config.random = fixed_random;
    side->config.random_ctx = side->ephemeral;
}

// Both sides initialised, with keys made from `seed` and an empty prologue.
FIXTURE void pair_init(struct pair *p, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    seed = seed * 2 + 1;
    test_random_bytes(&seed, p->i.static_private, 32);
    test_random_bytes(&seed, p->r.static_private, 32);
    test_random_bytes(&seed, p->i.ephemeral, 32);
    test_random_bytes(&seed, p->r.ephemeral, 32);
    side_set_keys(&p->i);
    side_set_keys(&p->r);
    p->i.config.remote_static = p->r.static_public;
    assert_int_equal(xk_initiator_init(&p->i.hs, &p->i.config), NOISE_OK);
    assert_int_equal(xk_responder_init(&p->r.hs, &p->r.config), NOISE_OK);
}

// The steps of a handshake with empty payloads, each of which must succeed.
FIXTURE void pair_write_1(struct pair *p)
{
    assert_int_equal(
        xk_initiator_write_message_1(&p->i.hs, p->m1, sizeof p->m1, &p->m1_len, NULL, 0), NOISE_OK);
}

FIXTURE void pair_read_1(struct pair *p)
{
    size_t len;
    assert_int_equal(xk_responder_read_message_1(&p->r.hs, NULL, 0, &len, p->m1, p->m1_len),
                     NOISE_OK);
}

FIXTURE void pair_write_2(struct pair *p)
{
    assert_int_equal(
        xk_responder_write_message_2(&p->r.hs, p->m2, sizeof p->m2, &p->m2_len, NULL, 0), NOISE_OK);
}

FIXTURE void pair_read_2(struct pair *p)
{
    size_t len;
    assert_int_equal(xk_initiator_read_message_2(&p->i.hs, NULL, 0, &len, p->m2, p->m2_len),
                     NOISE_OK);
}

FIXTURE void pair_write_3(struct pair *p)
{
    assert_int_equal(
        xk_initiator_write_message_3(&p->i.hs, p->m3, sizeof p->m3, &p->m3_len, NULL, 0), NOISE_OK);
}

FIXTURE void pair_read_3(struct pair *p)
{
    size_t len;
    assert_int_equal(xk_responder_read_message_3(&p->r.hs, NULL, 0, &len, p->m3, p->m3_len),
                     NOISE_OK);
}

FIXTURE void pair_split(struct pair *p)
{
    assert_int_equal(xk_split(&p->i.hs, &p->i.sender, &p->i.receiver), NOISE_OK);
    assert_int_equal(xk_split(&p->r.hs, &p->r.sender, &p->r.receiver), NOISE_OK);
}

// Runs the first `steps` of the seven steps.
FIXTURE void pair_run(struct pair *p, int steps)
{
    void (*const step[])(struct pair *) = {pair_write_1, pair_read_1, pair_write_2, pair_read_2,
                                           pair_write_3, pair_read_3, pair_split};
    for (int i = 0; i < steps; i++) {
        step[i](p);
    }
}

enum {
    STEPS_BEFORE_READ_1 = 1,
    STEPS_BEFORE_READ_2 = 3,
    STEPS_BEFORE_READ_3 = 5,
    STEPS_COMPLETE = 6,
    STEPS_ALL = 7,
};

#endif
