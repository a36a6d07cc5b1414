// SPDX-License-Identifier: Apache-2.0
// Transport messages: order, nonces, window, rekey, failures that change nothing, wiping.
#include "tests/unit/xk_pair.h"

static struct pair p;
static uint8_t big[XK_MESSAGE_MAX + 1];
static uint8_t sealed[XK_MESSAGE_MAX + 1];
static uint8_t opened[XK_MESSAGE_MAX + 1];

static int setup(void **state)
{
    (void)state;
    pair_init(&p, 1);
    pair_run(&p, STEPS_ALL);
    return 0;
}

// Seals `text` at the initiator into `message`.
static size_t seal(uint8_t *message, const char *text)
{
    size_t len;
    assert_int_equal(
        xk_sender_seal(&p.i.sender, message, 256, &len, (const uint8_t *)text, strlen(text)),
        NOISE_OK);
    assert_int_equal(len, strlen(text) + XK_TAG_LEN);
    return len;
}

static enum noise_error open_in_order(const uint8_t *message, size_t message_len, size_t *len)
{
    return xk_receiver_open(&p.r.receiver, opened, sizeof opened, len, message, message_len);
}

static void test_both_directions_in_order(void **state)
{
    (void)state;
    uint8_t message[64];
    uint8_t text[48];
    size_t len;
    for (uint8_t i = 0; i < 100; i++) {
        assert_int_equal(xk_sender_seal(&p.i.sender, message, 64, &len, &i, 1), NOISE_OK);
        assert_int_equal(xk_receiver_open(&p.r.receiver, text, 48, &len, message, len), NOISE_OK);
        assert_int_equal(text[0], i);
        assert_int_equal(xk_sender_seal(&p.r.sender, message, 64, &len, &i, 1), NOISE_OK);
        assert_int_equal(xk_receiver_open(&p.i.receiver, text, 48, &len, message, len), NOISE_OK);
        assert_int_equal(text[0], i);
    }
}

// A message cannot be sent back to its sender: the directions have keys of their own.
static void test_reflection(void **state)
{
    (void)state;
    uint8_t message[64];
    uint8_t text[48];
    size_t len = seal(message, "reflected");
    assert_int_equal(xk_receiver_open(&p.i.receiver, text, 48, &len, message, len), NOISE_ERR_AUTH);
}

static void test_lengths(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 15, 16, 17, 63, 64, 65, 1024, 65518, XK_PAYLOAD_MAX};
    uint64_t seed = 9;
    size_t len, out_len;
    test_random_bytes(&seed, big, sizeof big);
    for (size_t i = 0; i < COUNT(lens); i++) {
        assert_int_equal(xk_sender_seal(&p.i.sender, sealed, lens[i] + 16, &len, big, lens[i]),
                         NOISE_OK);
        assert_int_equal(len, lens[i] + 16);
        assert_int_equal(xk_receiver_open(&p.r.receiver, opened, lens[i], &out_len, sealed, len),
                         NOISE_OK);
        assert_int_equal(out_len, lens[i]);
        assert_memory_equal(opened, big, lens[i]);
    }
}

static void test_in_place(void **state)
{
    (void)state;
    uint8_t buffer[64] = "in place";
    size_t len;
    assert_int_equal(xk_sender_seal(&p.i.sender, buffer, 64, &len, buffer, 8), NOISE_OK);
    assert_memory_not_equal(buffer, "in place", 8);
    assert_int_equal(xk_receiver_open(&p.r.receiver, buffer, 8, &len, buffer, len), NOISE_OK);
    assert_memory_equal(buffer, "in place", 8);
}

static void assert_open_refused(const uint8_t *message, size_t message_len, enum noise_error error)
{
    struct xk_receiver before;
    size_t len = 1;
    memcpy(&before, &p.r.receiver, sizeof before);
    memset(opened, 0xaa, sizeof opened);
    assert_int_equal(open_in_order(message, message_len, &len), error);
    assert_int_equal(len, 0);
    assert_memory_equal(&p.r.receiver, &before, sizeof before);
    if (error == NOISE_ERR_AUTH) {
        assert_zero(opened, message_len - XK_TAG_LEN);
    }
}

// A bad message changes nothing: the good one still opens. Every bit of it, every other length.
static void test_bad_messages_change_nothing(void **state)
{
    (void)state;
    uint8_t message[64], bad[64];
    size_t len = seal(message, "good"), out_len;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(bad, message, sizeof bad);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_open_refused(bad, len, NOISE_ERR_AUTH);
    }
    for (size_t bad_len = 0; bad_len < 64; bad_len++) {
        if (bad_len != len) {
            assert_open_refused(message, bad_len,
                                bad_len < XK_TAG_LEN ? NOISE_ERR_LENGTH : NOISE_ERR_AUTH);
        }
    }
    assert_open_refused(sealed, XK_MESSAGE_MAX + 1, NOISE_ERR_LENGTH);
    assert_int_equal(open_in_order(message, len, &out_len), NOISE_OK);
    assert_memory_equal(opened, "good", 4);
    assert_open_refused(message, len, NOISE_ERR_AUTH); // again: a replay is out of order
}

static void test_bad_message_in_place_is_wiped(void **state)
{
    (void)state;
    uint8_t message[64];
    size_t len = seal(message, "bad"), out_len;
    message[0] ^= 1;
    assert_int_equal(xk_receiver_open(&p.r.receiver, message, 64, &out_len, message, len),
                     NOISE_ERR_AUTH);
    assert_zero(message, 3);
}

static void test_bad_buffers_change_nothing(void **state)
{
    (void)state;
    uint8_t buffer[64] = {0};
    uint8_t message[64];
    size_t len = 1;
    struct xk_sender before;
    memcpy(&before, &p.i.sender, sizeof before);
    const struct {
        uint8_t *message;
        size_t cap;
        const uint8_t *text;
        size_t text_len;
    } rows[] = {
        {buffer, 19, big, 4},        {NULL, 64, big, 4},          {buffer, 64, NULL, 4},
        {NULL, 0, NULL, 0},          {sealed, 70000, big, 65520}, {sealed, 70000, big, SIZE_MAX},
        {buffer, 64, buffer + 1, 4}, {buffer + 1, 60, buffer, 4},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(xk_sender_seal(&p.i.sender, rows[i].message, rows[i].cap, &len,
                                        rows[i].text, rows[i].text_len),
                         NOISE_ERR_ARGUMENT);
        assert_int_equal(len, 0);
        assert_memory_equal(&p.i.sender, &before, sizeof before);
    }
    assert_int_equal(xk_sender_seal(&p.i.sender, buffer, 64, NULL, big, 4), NOISE_ERR_ARGUMENT);
    for (size_t cap = 0; cap < 4 + XK_TAG_LEN; cap++) {
        assert_int_equal(xk_sender_seal(&p.i.sender, buffer, cap, &len, big, 4),
                         NOISE_ERR_ARGUMENT);
        assert_memory_equal(&p.i.sender, &before, sizeof before);
    }
    for (size_t i = 0; i < sizeof buffer; i++) {
        assert_int_equal(buffer[i], 0);
    }

    size_t message_len = seal(message, "text");
    struct xk_receiver r_before;
    memcpy(&r_before, &p.r.receiver, sizeof r_before);
    const struct {
        uint8_t *text;
        size_t cap;
        const uint8_t *message;
        size_t message_len;
    } r_rows[] = {
        {opened, 3, message, message_len},
        {NULL, 64, message, message_len},
        {opened, 64, NULL, message_len},
        {message + 1, 60, message, message_len},
    };
    for (size_t i = 0; i < COUNT(r_rows); i++) {
        assert_int_equal(xk_receiver_open(&p.r.receiver, r_rows[i].text, r_rows[i].cap, &len,
                                          r_rows[i].message, r_rows[i].message_len),
                         NOISE_ERR_ARGUMENT);
        assert_memory_equal(&p.r.receiver, &r_before, sizeof r_before);
    }
    struct xk_window window;
    xk_window_init(&window);
    for (size_t cap = 0; cap < 4; cap++) {
        assert_int_equal(xk_receiver_open(&p.r.receiver, opened, cap, &len, message, message_len),
                         NOISE_ERR_ARGUMENT);
        assert_int_equal(
            xk_receiver_open_at(&p.r.receiver, &window, 0, opened, cap, &len, message, message_len),
            NOISE_ERR_ARGUMENT);
        assert_memory_equal(&p.r.receiver, &r_before, sizeof r_before);
    }
    assert_int_equal(open_in_order(message, message_len, &len), NOISE_OK);
}

// 2^64-2 is the last nonce; 2^64-1 never encrypts and never decrypts.
static void test_last_nonce(void **state)
{
    (void)state;
    uint8_t message[64], next[64];
    struct xk_window window;
    size_t len, out_len;
    uint64_t nonce;
    p.i.sender.nonce = UINT64_MAX - 1;
    p.r.receiver.nonce = UINT64_MAX - 1;
    len = seal(message, "last");
    assert_int_equal(open_in_order(message, len, &out_len), NOISE_OK);

    memset(next, 0x55, 9);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(xk_sender_seal(&p.i.sender, next, 64, &out_len, next, 9), NOISE_ERR_NONCE);
        assert_zero(next, 25);
        assert_open_refused(message, len, NOISE_ERR_NONCE);
    }
    assert_int_equal(xk_sender_nonce(&p.i.sender, &nonce), NOISE_OK);
    assert_true(nonce == UINT64_MAX);
    assert_int_equal(xk_sender_rekey(&p.i.sender), NOISE_OK); // does not reset it
    assert_int_equal(xk_sender_seal(&p.i.sender, next, 64, &out_len, next, 9), NOISE_ERR_NONCE);

    xk_window_init(&window);
    p.r.receiver.self = &p.r.receiver; // not used yet
    assert_int_equal(
        xk_receiver_open_at(&p.r.receiver, &window, UINT64_MAX, opened, 64, &out_len, message, len),
        NOISE_ERR_NONCE);
    assert_int_equal(xk_receiver_open_at(&p.r.receiver, &window, UINT64_MAX - 1, opened, 64,
                                         &out_len, message, len),
                     NOISE_OK);
    assert_int_equal(xk_receiver_open_at(&p.r.receiver, &window, UINT64_MAX - 1, opened, 64,
                                         &out_len, message, len),
                     NOISE_ERR_REPLAY);
}

// Both ends rekey at the same message; the nonce goes on.
static void test_rekey(void **state)
{
    (void)state;
    uint8_t message[64];
    uint8_t old_key[32];
    uint64_t nonce;
    size_t len, out_len;
    len = seal(message, "before");
    assert_int_equal(open_in_order(message, len, &out_len), NOISE_OK);
    memcpy(old_key, p.i.sender.key, 32);
    assert_int_equal(xk_sender_rekey(&p.i.sender), NOISE_OK);
    assert_memory_not_equal(p.i.sender.key, old_key, 32);
    len = seal(message, "after");
    assert_open_refused(message, len, NOISE_ERR_AUTH);
    assert_int_equal(xk_receiver_rekey(&p.r.receiver), NOISE_OK);
    assert_int_equal(open_in_order(message, len, &out_len), NOISE_OK);
    assert_memory_equal(opened, "after", 5);
    assert_int_equal(xk_sender_nonce(&p.i.sender, &nonce), NOISE_OK);
    assert_int_equal(nonce, 2);
    assert_int_equal(xk_receiver_nonce(&p.r.receiver, &nonce), NOISE_OK);
    assert_int_equal(nonce, 2);
    // The other direction kept its key.
    assert_int_equal(xk_sender_seal(&p.r.sender, message, 64, &len, NULL, 0), NOISE_OK);
    assert_int_equal(xk_receiver_open(&p.i.receiver, opened, 64, &out_len, message, len), NOISE_OK);
}

// Window

enum {
    MODEL_MAX = 8192,
};

static uint8_t messages[MODEL_MAX][XK_TAG_LEN];

static enum noise_error open_at(struct xk_window *window, uint64_t nonce, const uint8_t *message)
{
    size_t len;
    return xk_receiver_open_at(&p.r.receiver, window, nonce, NULL, 0, &len, message, XK_TAG_LEN);
}

static void seal_all(void)
{
    size_t len;
    for (size_t i = 0; i < MODEL_MAX; i++) {
        assert_int_equal(xk_sender_seal(&p.i.sender, messages[i], XK_TAG_LEN, &len, NULL, 0),
                         NOISE_OK);
    }
}

// Random arrivals, with jumps and repetitions, against a list of all nonces that were accepted.
static void test_window_against_model(void **state)
{
    (void)state;
    static bool accepted[MODEL_MAX];
    uint64_t seed = 77;
    seal_all();
    for (int round = 0; round < 20; round++) {
        struct xk_window window;
        int64_t newest = -1;
        xk_window_init(&window);
        memset(accepted, 0, sizeof accepted);
        for (int i = 0; i < 3000; i++) {
            uint64_t dice = test_random(&seed) >> 20;
            int64_t range = dice % 50 == 0 ? 3000 : 2 * XK_WINDOW_BITS;
            int64_t nonce =
                newest + (int64_t)(dice / 64 % (uint64_t)range) - (dice % 3 == 0 ? 0 : range - 4);
            if (nonce < 0 || nonce >= MODEL_MAX) {
                continue;
            }
            bool fresh = nonce > newest || (newest - nonce < XK_WINDOW_BITS && !accepted[nonce]);
            assert_int_equal(open_at(&window, (uint64_t)nonce, messages[nonce]),
                             fresh ? NOISE_OK : NOISE_ERR_REPLAY);
            if (fresh) {
                accepted[nonce] = true;
                newest = nonce > newest ? nonce : newest;
            }
        }
    }
}

// Exactly XK_WINDOW_BITS nonces count: the newest and those 1 to 1023 behind it. All places in a word.
static void test_window_edges(void **state)
{
    (void)state;
    seal_all();
    for (uint64_t newest = XK_WINDOW_BITS; newest < XK_WINDOW_BITS + 130; newest++) {
        struct xk_window window;
        xk_window_init(&window);
        assert_int_equal(open_at(&window, newest, messages[newest]), NOISE_OK);
        uint64_t oldest = newest - XK_WINDOW_BITS + 1;
        assert_int_equal(open_at(&window, oldest - 1, messages[oldest - 1]), NOISE_ERR_REPLAY);
        assert_int_equal(open_at(&window, oldest, messages[oldest]), NOISE_OK);
        assert_int_equal(open_at(&window, oldest, messages[oldest]), NOISE_ERR_REPLAY);
    }
}

// What does not authenticate does not move the window, however far its nonce is ahead.
static void test_window_ignores_forgeries(void **state)
{
    (void)state;
    struct xk_window window, before;
    uint8_t forged[XK_TAG_LEN] = {0};
    seal_all();
    xk_window_init(&window);
    assert_int_equal(open_at(&window, 5, messages[5]), NOISE_OK);
    memcpy(&before, &window, sizeof before);
    assert_int_equal(open_at(&window, 1000000, forged), NOISE_ERR_AUTH);
    assert_int_equal(open_at(&window, 4, forged), NOISE_ERR_AUTH);
    assert_int_equal(open_at(&window, 4, messages[6]), NOISE_ERR_AUTH);
    assert_memory_equal(&window, &before, sizeof before);
    assert_int_equal(open_at(&window, 4, messages[4]), NOISE_OK);
}

static void test_window_and_order_do_not_mix(void **state)
{
    (void)state;
    struct xk_window window;
    size_t len;
    seal_all();
    xk_window_init(&window);
    assert_int_equal(open_in_order(messages[0], XK_TAG_LEN, &len), NOISE_OK);
    assert_int_equal(open_at(&window, 0, messages[0]), NOISE_ERR_STATE); // would be a replay
    assert_int_equal(open_in_order(messages[1], XK_TAG_LEN, &len), NOISE_OK);

    setup(NULL);
    assert_int_equal(open_at(&window, 7, messages[7]), NOISE_OK);
    assert_int_equal(open_in_order(messages[0], XK_TAG_LEN, &len), NOISE_ERR_STATE);
    assert_int_equal(open_at(NULL, 8, messages[8]), NOISE_ERR_ARGUMENT);
    assert_int_equal(open_at(&window, 8, messages[8]), NOISE_OK);
}

// Copies, moves, wiping

static void test_copies_do_not_work(void **state)
{
    (void)state;
    struct xk_sender sender;
    struct xk_receiver receiver;
    uint8_t message[64];
    uint64_t nonce;
    size_t len;
    memcpy(&sender, &p.i.sender, sizeof sender);
    memcpy(&receiver, &p.r.receiver, sizeof receiver);
    assert_int_equal(xk_sender_seal(&sender, message, 64, &len, big, 4), NOISE_ERR_STATE);
    assert_int_equal(xk_sender_rekey(&sender), NOISE_ERR_STATE);
    assert_int_equal(xk_sender_nonce(&sender, &nonce), NOISE_ERR_STATE);
    len = seal(message, "text");
    assert_int_equal(xk_receiver_open(&receiver, opened, 64, &len, message, len), NOISE_ERR_STATE);
    assert_int_equal(xk_receiver_rekey(&receiver), NOISE_ERR_STATE);
    assert_int_equal(xk_receiver_nonce(&receiver, &nonce), NOISE_ERR_STATE);
}

static void test_moves(void **state)
{
    (void)state;
    struct xk_sender sender;
    struct xk_receiver receiver;
    uint8_t message[64];
    size_t len, out_len;
    len = seal(message, "one");
    assert_int_equal(open_in_order(message, len, &out_len), NOISE_OK);
    assert_int_equal(xk_sender_move(&sender, &p.i.sender), NOISE_OK);
    assert_int_equal(xk_receiver_move(&receiver, &p.r.receiver), NOISE_OK);
    assert_zero(&p.i.sender, sizeof p.i.sender);
    assert_zero(&p.r.receiver, sizeof p.r.receiver);
    assert_int_equal(xk_sender_seal(&sender, message, 64, &len, big, 4), NOISE_OK);
    assert_int_equal(xk_receiver_open(&receiver, opened, 64, &out_len, message, len), NOISE_OK);
    assert_int_equal(sender.nonce, 2);

    assert_int_equal(xk_sender_move(&sender, &sender), NOISE_ERR_ARGUMENT);
    assert_int_equal(xk_sender_move(NULL, &sender), NOISE_ERR_ARGUMENT);
    assert_int_equal(xk_sender_move(&sender, &p.i.sender), NOISE_ERR_STATE); // is wiped
    assert_int_equal(xk_receiver_move(&receiver, &receiver), NOISE_ERR_ARGUMENT);
    assert_int_equal(xk_receiver_move(NULL, &receiver), NOISE_ERR_ARGUMENT);
    assert_int_equal(xk_receiver_move(&receiver, &p.r.receiver), NOISE_ERR_STATE);
    assert_int_equal(xk_sender_seal(&sender, message, 64, &len, big, 4), NOISE_OK);
}

// How a receiver is used moves with it, and a copy of one that is used by window is as dead as another.
static void test_use_moves_too(void **state)
{
    (void)state;
    struct xk_receiver receiver, copy;
    struct xk_window window;
    uint8_t first[64], second[64];
    size_t first_len = seal(first, "one"), second_len = seal(second, "two"), out_len;
    xk_window_init(&window);
    assert_int_equal(
        xk_receiver_open_at(&p.r.receiver, &window, 1, opened, 64, &out_len, second, second_len),
        NOISE_OK);
    memcpy(&copy, &p.r.receiver, sizeof copy);
    assert_int_equal(xk_receiver_open_at(&copy, &window, 0, opened, 64, &out_len, first, first_len),
                     NOISE_ERR_STATE);
    assert_int_equal(xk_receiver_move(&receiver, &p.r.receiver), NOISE_OK);
    assert_int_equal(xk_receiver_open(&receiver, opened, 64, &out_len, first, first_len),
                     NOISE_ERR_STATE);
    assert_int_equal(
        xk_receiver_open_at(&receiver, &window, 0, opened, 64, &out_len, first, first_len),
        NOISE_OK);

    setup(NULL);
    first_len = seal(first, "one");
    second_len = seal(second, "two");
    assert_int_equal(open_in_order(first, first_len, &out_len), NOISE_OK);
    assert_int_equal(xk_receiver_move(&receiver, &p.r.receiver), NOISE_OK);
    assert_int_equal(
        xk_receiver_open_at(&receiver, &window, 7, opened, 64, &out_len, second, second_len),
        NOISE_ERR_STATE);
    assert_int_equal(xk_receiver_open(&receiver, opened, 64, &out_len, second, second_len),
                     NOISE_OK);
}

static void test_wiped_objects_are_dead(void **state)
{
    (void)state;
    uint8_t message[64];
    size_t len;
    xk_sender_wipe(&p.i.sender);
    assert_zero(&p.i.sender, sizeof p.i.sender);
    assert_int_equal(xk_sender_seal(&p.i.sender, message, 64, &len, big, 4), NOISE_ERR_STATE);
    xk_receiver_wipe(&p.r.receiver);
    assert_zero(&p.r.receiver, sizeof p.r.receiver);
    assert_int_equal(open_in_order(message, 20, &len), NOISE_ERR_STATE);
    assert_int_equal(xk_sender_seal(NULL, message, 64, &len, big, 4), NOISE_ERR_STATE);
    assert_int_equal(xk_receiver_open(NULL, message, 64, &len, big, 20), NOISE_ERR_STATE);
}

#define TRANSPORT_TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRANSPORT_TEST(test_both_directions_in_order),
        TRANSPORT_TEST(test_reflection),
        TRANSPORT_TEST(test_lengths),
        TRANSPORT_TEST(test_in_place),
        TRANSPORT_TEST(test_bad_messages_change_nothing),
        TRANSPORT_TEST(test_bad_message_in_place_is_wiped),
        TRANSPORT_TEST(test_bad_buffers_change_nothing),
        TRANSPORT_TEST(test_last_nonce),
        TRANSPORT_TEST(test_rekey),
        TRANSPORT_TEST(test_window_against_model),
        TRANSPORT_TEST(test_window_edges),
        TRANSPORT_TEST(test_window_ignores_forgeries),
        TRANSPORT_TEST(test_window_and_order_do_not_mix),
        TRANSPORT_TEST(test_copies_do_not_work),
        TRANSPORT_TEST(test_moves),
        TRANSPORT_TEST(test_use_moves_too),
        TRANSPORT_TEST(test_wiped_objects_are_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
