// SPDX-License-Identifier: Apache-2.0
// Every sequence of up to five calls on a sender and a receiver, against a model that counts: nonces, rekeys, what was
// accepted, in which mode the receiver is. It knows the interface and nothing of the code. In a second run the nonces begin at
// the last two, so that the end is within reach.
#include "tests/unit/xk_pair.h"

enum op {
    SEAL,
    SEAL_SMALL, // into a buffer that is one byte too small
    OPEN_LAST,  // the newest message
    OPEN_FIRST, // the oldest
    OPEN_BAD,   // the newest, with a bit flipped
    OPEN_SHORT, // fewer bytes than a tag has
    OPEN_SMALL, // no room for the plaintext
    OPEN_LAST_AT,
    OPEN_FIRST_AT,
    OPEN_BAD_AT,
    OPEN_SHORT_AT,
    OPEN_SMALL_AT,
    OPEN_RESERVED_AT, // the nonce 2^64-1
    REKEY_SENDER,
    REKEY_RECEIVER,
    MOVE_SENDER,
    MOVE_RECEIVER,
    WIPE_SENDER,
    WIPE_RECEIVER,
    OPS,
};

enum {
    DEPTH = 5,
    TEXT_LEN = 3,
    MESSAGE_LEN = TEXT_LEN + XK_TAG_LEN,
};

enum mode {
    UNDECIDED,
    IN_ORDER,
    BY_WINDOW,
};

// One message on its way: what it was sealed with.
struct message {
    uint8_t bytes[MESSAGE_LEN];
    uint64_t nonce;
    unsigned rekeys;
};

// The objects, and what the model knows of them.
static struct world {
    struct xk_sender sender[2]; // which one is alive: sender_at
    struct xk_receiver receiver[2];
    struct xk_window window;

    size_t sender_at, receiver_at;
    bool sender_alive, receiver_alive;
    uint64_t sender_nonce, receiver_nonce;
    unsigned sender_rekeys, receiver_rekeys;
    enum mode mode;
    struct message sent[DEPTH];
    size_t sent_len;
    bool accepted[DEPTH]; // by window
} w;

static uint64_t first_nonce;
static unsigned long calls, sealed, opened, replays, exhausted;

// What opening a message in order must come to.
static enum noise_error expect_open(const struct message *m, enum op op)
{
    if (!w.receiver_alive || w.mode == BY_WINDOW) {
        return NOISE_ERR_STATE;
    }
    if (op == OPEN_SHORT) {
        return NOISE_ERR_LENGTH;
    }
    if (op == OPEN_SMALL) {
        return NOISE_ERR_ARGUMENT;
    }
    if (w.receiver_nonce == UINT64_MAX) {
        return NOISE_ERR_NONCE;
    }
    bool fits = m != NULL && m->nonce == w.receiver_nonce && m->rekeys == w.receiver_rekeys;
    return fits && op != OPEN_BAD ? NOISE_OK : NOISE_ERR_AUTH;
}

static enum noise_error expect_open_at(const struct message *m, enum op op)
{
    if (!w.receiver_alive || w.mode == IN_ORDER) {
        return NOISE_ERR_STATE;
    }
    if (op == OPEN_SHORT_AT) {
        return NOISE_ERR_LENGTH;
    }
    if (op == OPEN_SMALL_AT) {
        return NOISE_ERR_ARGUMENT;
    }
    if (op == OPEN_RESERVED_AT) {
        return NOISE_ERR_NONCE;
    }
    if (m != NULL && w.accepted[m - w.sent]) {
        return NOISE_ERR_REPLAY;
    }
    bool fits = m != NULL && m->rekeys == w.receiver_rekeys;
    return fits && op != OPEN_BAD_AT ? NOISE_OK : NOISE_ERR_AUTH;
}

static enum noise_error expect_seal(enum op op)
{
    if (!w.sender_alive) {
        return NOISE_ERR_STATE;
    }
    if (op == SEAL_SMALL) {
        return NOISE_ERR_ARGUMENT;
    }
    return w.sender_nonce == UINT64_MAX ? NOISE_ERR_NONCE : NOISE_OK;
}

static void do_seal(enum op op)
{
    struct message *m = &w.sent[w.sent_len];
    size_t cap = op == SEAL_SMALL ? MESSAGE_LEN - 1 : MESSAGE_LEN, len = 1;
    enum noise_error expected = expect_seal(op);
    assert_int_equal(xk_sender_seal(&w.sender[w.sender_at], m->bytes, cap, &len,
                                    (const uint8_t *)"abc", TEXT_LEN),
                     expected);
    assert_int_equal(len, expected == NOISE_OK ? MESSAGE_LEN : 0);
    exhausted += expected == NOISE_ERR_NONCE;
    if (expected == NOISE_OK) {
        m->nonce = w.sender_nonce++;
        m->rekeys = w.sender_rekeys;
        w.sent_len++;
        sealed++;
    }
}

// The message that an operation is about, or NULL when none was sent.
static const struct message *choose(enum op op)
{
    if (w.sent_len == 0) {
        return NULL;
    }
    return op == OPEN_FIRST || op == OPEN_FIRST_AT ? &w.sent[0] : &w.sent[w.sent_len - 1];
}

static void do_open(enum op op)
{
    const struct message *m = choose(op);
    bool at = op >= OPEN_LAST_AT;
    enum noise_error expected = at ? expect_open_at(m, op) : expect_open(m, op);
    uint8_t bytes[MESSAGE_LEN] = {0}, text[TEXT_LEN] = "???";
    size_t message_len = op == OPEN_SHORT || op == OPEN_SHORT_AT ? XK_TAG_LEN - 1 : MESSAGE_LEN;
    size_t cap = op == OPEN_SMALL || op == OPEN_SMALL_AT ? TEXT_LEN - 1 : TEXT_LEN, len = 1;
    struct xk_receiver *receiver = &w.receiver[w.receiver_at];
    if (m != NULL) {
        memcpy(bytes, m->bytes, sizeof bytes);
    }
    bytes[4] ^= op == OPEN_BAD || op == OPEN_BAD_AT;
    uint64_t nonce = op == OPEN_RESERVED_AT ? UINT64_MAX : m != NULL ? m->nonce : first_nonce;
    enum noise_error error =
        at ? xk_receiver_open_at(receiver, &w.window, nonce, text, cap, &len, bytes, message_len)
           : xk_receiver_open(receiver, text, cap, &len, bytes, message_len);
    assert_int_equal(error, expected);
    assert_int_equal(len, error == NOISE_OK ? TEXT_LEN : 0);
    replays += error == NOISE_ERR_REPLAY;
    if (error == NOISE_ERR_AUTH || error == NOISE_ERR_NONCE || error == NOISE_ERR_REPLAY) {
        assert_zero(text, sizeof text);
    }
    if (error == NOISE_OK) {
        assert_memory_equal(text, "abc", TEXT_LEN);
        opened++;
        w.mode = at ? BY_WINDOW : IN_ORDER;
        w.receiver_nonce += at ? 0 : 1;
        w.accepted[m - w.sent] |= at;
    }
}

static void do_rest(enum op op)
{
    enum noise_error s = w.sender_alive ? NOISE_OK : NOISE_ERR_STATE;
    enum noise_error r = w.receiver_alive ? NOISE_OK : NOISE_ERR_STATE;
    struct xk_sender *sender = &w.sender[w.sender_at], *sender_to = &w.sender[1 - w.sender_at];
    struct xk_receiver *receiver = &w.receiver[w.receiver_at];
    struct xk_receiver *receiver_to = &w.receiver[1 - w.receiver_at];
    if (op == REKEY_SENDER) {
        assert_int_equal(xk_sender_rekey(sender), s);
        w.sender_rekeys++;
    } else if (op == REKEY_RECEIVER) {
        assert_int_equal(xk_receiver_rekey(receiver), r);
        w.receiver_rekeys++;
    } else if (op == MOVE_SENDER) {
        assert_int_equal(xk_sender_move(sender_to, sender), s);
        w.sender_at ^= w.sender_alive;
    } else if (op == MOVE_RECEIVER) {
        assert_int_equal(xk_receiver_move(receiver_to, receiver), r);
        w.receiver_at ^= w.receiver_alive;
    } else if (op == WIPE_SENDER) {
        xk_sender_wipe(sender);
        w.sender_alive = false;
    } else {
        xk_receiver_wipe(receiver);
        w.receiver_alive = false;
    }
}

// What must hold after each call: the nonces, and that what is not alive holds nothing.
static void check_world(void)
{
    uint64_t nonce = 0;
    for (size_t i = 0; i < 2; i++) {
        bool s = w.sender_alive && i == w.sender_at, r = w.receiver_alive && i == w.receiver_at;
        assert_int_equal(xk_sender_nonce(&w.sender[i], &nonce), s ? NOISE_OK : NOISE_ERR_STATE);
        if (s) {
            assert_int_equal(nonce, w.sender_nonce);
        } else {
            assert_zero(&w.sender[i], sizeof w.sender[i]);
        }
        assert_int_equal(xk_receiver_nonce(&w.receiver[i], &nonce), r ? NOISE_OK : NOISE_ERR_STATE);
        if (r) {
            assert_int_equal(nonce, w.receiver_nonce);
        } else {
            assert_zero(&w.receiver[i], sizeof w.receiver[i]);
        }
    }
}

static void explore(int depth)
{
    const struct world before = w; // put back at its own address: a copy that is never used as one
    for (enum op op = 0; op < OPS; op++) {
        if (op <= SEAL_SMALL) {
            do_seal(op);
        } else if (op <= OPEN_RESERVED_AT) {
            do_open(op);
        } else {
            do_rest(op);
        }
        calls++;
        check_world();
        if (depth > 1) {
            explore(depth - 1);
        }
        w = before;
    }
}

static void explore_from(uint64_t nonce)
{
    struct pair *p = &(struct pair){0};
    memset(&w, 0, sizeof w);
    pair_init(p, 11);
    pair_run(p, STEPS_ALL);
    assert_int_equal(xk_sender_move(&w.sender[0], &p->i.sender), NOISE_OK);
    assert_int_equal(xk_receiver_move(&w.receiver[0], &p->r.receiver), NOISE_OK);
    xk_window_init(&w.window);
    first_nonce = nonce;
    w.sender[0].nonce = w.sender_nonce = nonce;
    w.receiver[0].nonce = w.receiver_nonce = nonce;
    w.sender_alive = w.receiver_alive = true;
    calls = sealed = opened = replays = exhausted = 0;
    explore(DEPTH);
    assert_true(sealed > 0 && opened > 0 && replays > 0);
    print_message("# %lu calls: %lu sealed, %lu opened, %lu replays, %lu without a nonce\n", calls,
                  sealed, opened, replays, exhausted);
}

static void test_all_orders(void **state)
{
    (void)state;
    explore_from(0);
}

static void test_all_orders_at_the_last_nonces(void **state)
{
    (void)state;
    explore_from(UINT64_MAX - 2);
    assert_true(exhausted > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_orders),
        cmocka_unit_test(test_all_orders_at_the_last_nonces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
