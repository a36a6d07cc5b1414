// SPDX-License-Identifier: Apache-2.0
// Batches of handshakes and of products against the calls that take one, byte for byte; good turns beside bad ones.
#include "tests/unit/noise_fixture.h"

#include <stdbool.h>

#include "noise/noise_xk.h"

enum {
    CONVERSATIONS = 19, // two rounds of the widest path and a rest
    PAYLOAD_MAX = 20,
    BUFFER_LEN = XK_MESSAGE_3_OVERHEAD + PAYLOAD_MAX + 1,
    MESSAGES = 6,
    ROUNDS = 60,
};

static uint64_t seed = 1;

static size_t below(size_t n)
{
    return (size_t)(test_random(&seed) % n);
}

struct side {
    struct xk_handshake hs;
    struct xk_config config;
    uint8_t static_private[32], static_public[32], ephemeral[32];
    bool random_fails;
};

// Two handshakes that talk to each other, and the last message.
struct conversation {
    struct side i, r;
    uint8_t message[BUFFER_LEN];
    size_t message_len;
    enum xk_message next;
};

// Each conversation twice: its turns are taken in batches, and by themselves.
static struct conversation batched[CONVERSATIONS], single[CONVERSATIONS];

static enum noise_error side_random(void *ctx, uint8_t *out, size_t len)
{
    const struct side *side = ctx;
    memset(out, 0x77, len / 2);
    if (side->random_fails) {
        return NOISE_ERR_RANDOM;
    }
    memcpy(out, side->ephemeral, len);
    return NOISE_OK;
}

static void side_init(struct side *side, uint64_t from, bool external)
{
    test_random_bytes(&from, side->static_private, 32);
    test_random_bytes(&from, side->ephemeral, 32);
    xk_public_key(side->static_public, side->static_private);
    side->random_fails = false;
    side->config = (struct xk_config){.static_public = side->static_public,
                                      .static_private = external ? NULL : side->static_private,
                                      .random = side_random,
                                      .random_ctx = side};
}

static void conversation_init(struct conversation *c, uint64_t from)
{
    memset(c, 0, sizeof *c);
    side_init(&c->i, from, from % 4 == 1);
    side_init(&c->r, from + 1000, from % 4 == 2);
    c->i.config.remote_static = c->r.static_public;
    assert_int_equal(xk_initiator_init(&c->i.hs, &c->i.config), NOISE_OK);
    assert_int_equal(xk_responder_init(&c->r.hs, &c->r.config), NOISE_OK);
    c->next = XK_WRITE_MESSAGE_1;
}

static void conversations_init(size_t i)
{
    uint64_t from = test_random(&seed) | 4;
    conversation_init(&batched[i], from);
    conversation_init(&single[i], from);
}

static bool is_written(enum xk_message message)
{
    return message % 2 == 1;
}

static struct side *whose(struct conversation *c, enum xk_message message)
{
    static const bool initiator[] = {[XK_WRITE_MESSAGE_1] = true,
                                     [XK_READ_MESSAGE_2] = true,
                                     [XK_WRITE_MESSAGE_3] = true,
                                     [XK_READ_MESSAGE_3] = false};
    return initiator[message] ? &c->i : &c->r;
}

static size_t overhead(enum xk_message message)
{
    return message < XK_WRITE_MESSAGE_3 ? XK_MESSAGE_1_OVERHEAD : XK_MESSAGE_3_OVERHEAD;
}

// The call that takes a turn by itself.
static void take(struct xk_turn *t)
{
    static enum noise_error (*const calls[])(struct xk_handshake *, uint8_t *, size_t, size_t *,
                                             const uint8_t *, size_t) = {
        [XK_WRITE_MESSAGE_1] = xk_initiator_write_message_1,
        [XK_READ_MESSAGE_1] = xk_responder_read_message_1,
        [XK_WRITE_MESSAGE_2] = xk_responder_write_message_2,
        [XK_READ_MESSAGE_2] = xk_initiator_read_message_2,
        [XK_WRITE_MESSAGE_3] = xk_initiator_write_message_3,
        [XK_READ_MESSAGE_3] = xk_responder_read_message_3,
    };
    t->error = calls[t->message](t->hs, t->out, t->out_cap, &t->out_len, t->in, t->in_len);
}

// What is wrong with a turn.
enum wrong {
    NOTHING,
    ORDER,
    NO_ROOM,
    TAG,
    SHORT,
    NO_RANDOM,
    LOW_ORDER,
    KEY, // the first byte, which of message 3 is the encrypted static key's
    WRONGS,
};

static enum wrong choose_wrong(enum xk_message message, bool any)
{
    enum wrong wrong = any && below(3) == 0 ? (enum wrong)below(WRONGS) : NOTHING;
    bool for_reading = wrong == TAG || wrong == SHORT || wrong == LOW_ORDER || wrong == KEY;
    bool for_writing = wrong == NO_RANDOM;
    return (for_reading && is_written(message)) || (for_writing && !is_written(message)) ? NOTHING
                                                                                         : wrong;
}

// A turn of a conversation, its input in `in`, its output to go to `out`. The same from the same arguments.
static struct xk_turn make_turn(struct conversation *c, enum wrong wrong, size_t payload_len,
                                uint8_t in[static BUFFER_LEN], uint8_t out[static BUFFER_LEN])
{
    struct xk_turn t = {.message = c->next,
                        .in = in,
                        .out = out,
                        .out_cap = BUFFER_LEN,
                        .out_len = 99,
                        .error = NOISE_ERR_NONCE};
    t.hs = &whose(c, t.message)->hs;
    memset(out, 0xaa, BUFFER_LEN);
    memset(in, 0x5a, BUFFER_LEN);
    whose(c, t.message)->random_fails = wrong == NO_RANDOM;
    if (is_written(t.message)) {
        t.in_len = payload_len;
    } else {
        memcpy(in, c->message, c->message_len);
        t.in_len = c->message_len;
    }
    if (wrong == NO_ROOM) {
        t.out_cap = is_written(t.message) ? overhead(t.message) + payload_len - 1 : 0;
    } else if (wrong == TAG) {
        in[t.in_len - 1] ^= 1;
    } else if (wrong == SHORT) {
        t.in_len = overhead(t.message) - 1;
    } else if (wrong == LOW_ORDER) {
        memset(in, 0, 32);
    } else if (wrong == KEY) {
        in[0] ^= 1;
    } else if (wrong == ORDER) {
        t.message = (enum xk_message)(1 + t.message % MESSAGES);
    }
    return t;
}

// Everything but where it lies.
static void assert_same_handshake(const struct xk_handshake *a, const struct xk_handshake *b)
{
    size_t from = offsetof(struct xk_handshake, nonce);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->self != NULL, b->self != NULL);
    assert_memory_equal((const uint8_t *)a + from, (const uint8_t *)b + from, sizeof *a - from);
}

// Gives an external key's result to a handshake that waits for it.
static void answer(struct conversation *c, const struct xk_turn *t)
{
    struct side *side = whose(c, t->message);
    struct xk_dh_request request;
    uint8_t secret[32], payload[BUFFER_LEN];
    size_t len;
    assert_int_equal(xk_dh_request(&side->hs, &request), NOISE_OK);
    bool good = xk_dh(secret, side->static_private, request.public_key) == NOISE_OK;
    if (t->message == XK_READ_MESSAGE_2) {
        assert_true(good);
        assert_int_equal(xk_initiator_dh_result(&side->hs, request.id, secret), NOISE_OK);
    } else if (xk_responder_dh_result(&side->hs, request.id, good ? secret : NULL, payload,
                                      sizeof payload, &len, t->in, t->in_len) != NOISE_OK) {
        c->next = 0;
    }
}

// What follows from a turn: the next one, or the end, next = 0.
static void follow(struct conversation *c, const struct xk_turn *t)
{
    bool alive = whose(c, t->message)->hs.self != NULL;
    if (!alive) {
        c->next = 0;
    }
    if (t->error == NOISE_NEED_DH) {
        answer(c, t);
    }
    if ((t->error == NOISE_OK || t->error == NOISE_NEED_DH) && c->next != 0) {
        if (is_written(t->message)) {
            memcpy(c->message, t->out, t->out_len);
            c->message_len = t->out_len;
        }
        c->next = t->message == XK_READ_MESSAGE_3 ? 0 : (enum xk_message)(t->message + 1);
    }
}

static unsigned errors_seen[NOISE_ERR_NONCE + 1];

// Up to CONVERSATIONS turns, some of them wrong if `any` may be.
static void run_round(size_t count, bool any)
{
    static uint8_t in[2][CONVERSATIONS][BUFFER_LEN], out[2][CONVERSATIONS][BUFFER_LEN];
    struct xk_turn turns[CONVERSATIONS], expected[CONVERSATIONS];
    size_t others = 0;
    for (size_t i = 0; i < count; i++) {
        enum wrong wrong = choose_wrong(batched[i].next, any);
        size_t payload_len = below(PAYLOAD_MAX + 1);
        turns[i] = make_turn(&batched[i], wrong, payload_len, in[0][i], out[0][i]);
        expected[i] = make_turn(&single[i], wrong, payload_len, in[1][i], out[1][i]);
    }
    for (size_t i = 0; i < count; i++) {
        take(&expected[i]);
        others += expected[i].error != NOISE_OK;
        errors_seen[expected[i].error]++;
    }
    assert_int_equal(xk_batch_advance(turns, count), others);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(turns[i].error, expected[i].error);
        assert_int_equal(turns[i].out_len, expected[i].out_len);
        assert_memory_equal(out[0][i], out[1][i], BUFFER_LEN);
        assert_same_handshake(turns[i].hs, expected[i].hs);
        follow(&batched[i], &turns[i]);
        follow(&single[i], &expected[i]);
        assert_int_equal(batched[i].next, single[i].next);
    }
}

static void test_same_message(void **state)
{
    (void)state;
    for (size_t count = 0; count <= CONVERSATIONS; count += count < 10 ? 1 : 9) {
        for (size_t i = 0; i < count; i++) {
            conversations_init(i);
        }
        for (int message = 0; message < MESSAGES; message++) {
            run_round(count, false);
        }
        for (size_t i = 0; i < count; i++) {
            uint8_t hash[2][XK_HASH_LEN];
            assert_int_equal(xk_handshake_hash(&batched[i].i.hs, hash[0]), NOISE_OK);
            assert_int_equal(xk_handshake_hash(&batched[i].r.hs, hash[1]), NOISE_OK);
            assert_memory_equal(hash[0], hash[1], XK_HASH_LEN);
        }
    }
}

// Conversations at different messages, with and without mistakes; a dead one is begun again.
static void test_mixed(void **state)
{
    (void)state;
    memset(errors_seen, 0, sizeof errors_seen);
    for (size_t i = 0; i < CONVERSATIONS; i++) {
        conversations_init(i);
    }
    for (int round = 0; round < ROUNDS; round++) {
        run_round(1 + below(CONVERSATIONS), true);
        for (size_t i = 0; i < CONVERSATIONS; i++) {
            if (batched[i].next == 0) {
                conversations_init(i);
            }
        }
    }
    static const enum noise_error seen[] = {NOISE_OK,        NOISE_NEED_DH,      NOISE_ERR_ARGUMENT,
                                            NOISE_ERR_STATE, NOISE_ERR_RANDOM,   NOISE_ERR_LENGTH,
                                            NOISE_ERR_AUTH,  NOISE_ERR_LOW_ORDER};
    for (size_t i = 0; i < COUNT(seen); i++) {
        assert_true(errors_seen[seen[i]] > 0);
    }
}

// One bad message among good ones ends its own handshake and no other.
static void test_one_bad(void **state)
{
    (void)state;
    static uint8_t in[CONVERSATIONS][BUFFER_LEN], out[CONVERSATIONS][BUFFER_LEN];
    struct xk_turn turns[CONVERSATIONS];
    for (size_t bad = 0; bad < 8; bad++) {
        for (size_t i = 0; i < 8; i++) {
            conversation_init(&batched[i], 4 * (i + 1));
            turns[i] = make_turn(&batched[i], NOTHING, 0, in[i], out[i]);
        }
        assert_int_equal(xk_batch_advance(turns, 8), 0);
        for (size_t i = 0; i < 8; i++) {
            follow(&batched[i], &turns[i]);
            turns[i] = make_turn(&batched[i], i == bad ? TAG : NOTHING, 0, in[i], out[i]);
        }
        assert_int_equal(xk_batch_advance(turns, 8), 1);
        for (size_t i = 0; i < 8; i++) {
            assert_int_equal(turns[i].error, i == bad ? NOISE_ERR_AUTH : NOISE_OK);
        }
        assert_zero(turns[bad].hs, sizeof *turns[bad].hs);
    }
}

// Message 3 with an external key needs no product: the errors of others must not be taken for one another's.
static void test_low_order_beside_no_product(void **state)
{
    (void)state;
    static uint8_t in[2][BUFFER_LEN], out[2][BUFFER_LEN];
    struct xk_turn turns[2];
    conversation_init(&batched[0], 5);
    for (int message = 1; message <= 4; message++) {
        struct xk_turn turn = make_turn(&batched[0], NOTHING, 0, in[0], out[0]);
        (void)!xk_batch_advance(&turn, 1);
        follow(&batched[0], &turn);
    }
    conversation_init(&batched[1], 4);
    batched[1].next = XK_READ_MESSAGE_1;
    batched[1].message_len = XK_MESSAGE_1_OVERHEAD;
    turns[0] = make_turn(&batched[0], NOTHING, 0, in[0], out[0]);
    turns[1] = make_turn(&batched[1], LOW_ORDER, 0, in[1], out[1]);
    assert_int_equal(turns[0].message, XK_WRITE_MESSAGE_3);
    assert_int_equal(turns[0].hs->external, 1);
    assert_int_equal(xk_batch_advance(turns, 2), 1);
    assert_int_equal(turns[0].error, NOISE_OK);
    assert_int_equal(turns[1].error, NOISE_ERR_LOW_ORDER);
}

static void test_misuse(void **state)
{
    (void)state;
    uint8_t in[BUFFER_LEN], out[BUFFER_LEN];
    struct xk_handshake before;
    conversation_init(&batched[0], 4);
    struct xk_turn good = make_turn(&batched[0], NOTHING, 0, in, out);
    memcpy(&before, good.hs, sizeof before);
    static const int no_messages[] = {0, MESSAGES + 1, -1, 9};
    for (size_t i = 0; i < COUNT(no_messages); i++) {
        struct xk_turn turn = good;
        turn.message = (enum xk_message)no_messages[i];
        assert_int_equal(xk_batch_advance(&turn, 1), 1);
        assert_int_equal(turn.error, NOISE_ERR_ARGUMENT);
        assert_int_equal(turn.out_len, 0);
        assert_memory_equal(&before, good.hs, sizeof before);
    }
    struct xk_turn turn = good;
    turn.hs = NULL;
    assert_int_equal(xk_batch_advance(&turn, 1), 1);
    assert_int_equal(turn.error, NOISE_ERR_STATE);
    assert_int_equal(xk_batch_advance(NULL, 0), 0);
    assert_int_equal(xk_batch_dh(NULL, 0), 0);
}

// The second of two turns for one handshake does nothing, whatever it is.
static void test_same_handshake_twice(void **state)
{
    (void)state;
    static uint8_t in[2][BUFFER_LEN], out[2][BUFFER_LEN], expected[BUFFER_LEN];
    for (int message = 1; message <= MESSAGES; message++) {
        conversation_init(&batched[0], 4);
        conversation_init(&single[0], 4);
        struct xk_turn turns[2], one = make_turn(&single[0], NOTHING, 0, in[0], expected);
        take(&one);
        turns[0] = make_turn(&batched[0], NOTHING, 0, in[0], out[0]);
        turns[1] = make_turn(&batched[0], NOTHING, 0, in[1], out[1]);
        turns[1].message = (enum xk_message)message;
        if (whose(&batched[0], turns[1].message) != &batched[0].i) {
            continue; // the other side's
        }
        turns[1].in_len = is_written(turns[1].message) ? 0 : XK_MESSAGE_2_OVERHEAD;
        size_t others = xk_batch_advance(turns, 2);
        assert_int_equal(turns[0].error, NOISE_OK);
        assert_memory_equal(out[0], expected, BUFFER_LEN);
        if (turns[1].error == NOISE_ERR_STATE) {
            assert_int_equal(others, 1);
            assert_int_equal(turns[1].out_len, 0);
            assert_same_handshake(turns[0].hs, one.hs);
        } else { // taken after the first, where turns are not taken together: the message is bad
            assert_int_equal(turns[1].message, XK_READ_MESSAGE_2);
            assert_int_not_equal(turns[1].error, NOISE_OK);
        }
    }
}

static void test_products(void **state)
{
    (void)state;
    static uint8_t private_keys[CONVERSATIONS][32], points[CONVERSATIONS][32];
    static uint8_t secrets[CONVERSATIONS + 1][32];
    struct xk_product products[CONVERSATIONS];
    for (size_t count = 0; count <= CONVERSATIONS; count++) {
        size_t low_order = 0;
        memset(secrets, 0xaa, sizeof secrets);
        for (size_t i = 0; i < count; i++) {
            size_t kind = below(4);
            test_random_bytes(&seed, private_keys[i], 32);
            test_random_bytes(&seed, points[i], 32);
            if (kind == 0) {
                memset(points[i], 0, 32);
                low_order++;
            }
            products[i] = (struct xk_product){secrets[i], private_keys[below(i + 1)],
                                              kind == 1 ? NULL : points[i], NOISE_ERR_STATE};
        }
        assert_int_equal(xk_batch_dh(products, count), low_order);
        for (size_t i = 0; i < count; i++) {
            uint8_t expected[32];
            enum noise_error error = NOISE_OK;
            if (products[i].public_key == NULL) {
                xk_public_key(expected, products[i].private_key);
            } else {
                error = xk_dh(expected, products[i].private_key, points[i]);
            }
            assert_int_equal(products[i].error, error);
            assert_memory_equal(secrets[i], expected, 32);
        }
        for (size_t k = 0; k < 32; k++) {
            assert_int_equal(secrets[count][k], 0xaa);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_message), cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_one_bad),      cmocka_unit_test(test_low_order_beside_no_product),
        cmocka_unit_test(test_misuse),       cmocka_unit_test(test_same_handshake_twice),
        cmocka_unit_test(test_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
