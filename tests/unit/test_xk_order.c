// SPDX-License-Identifier: Apache-2.0
// Every sequence of up to five calls on a handshake, against a model of eleven states.
//
// The peer's messages are fixed (fixed keys and ephemerals), so a correct message exists for every moment; so do wrong
// ones, buffers that are too small, a random function that fails and results that nobody asked for. The model says for
// each state and call what must come back and which state follows; it knows the interface and nothing of the code. After
// each call the test also checks that a refused call left every byte as it was, that a killed handshake is all zero, and
// which results are readable.
#include "tests/unit/xk_pair.h"

enum model {
    DEAD,
    I_START,   // message 1 can be written
    I_SENT_1,  // message 2 can be read
    I_WAITS,   // external key: se is wanted
    I_READY,   // message 3 can be written
    R_START,   // message 1 can be read
    R_WAITS,   // external key: es is wanted
    R_READY,   // message 2 can be written
    R_SENT_2,  // message 3 can be read
    DONE,      // can be split
    TRANSPORT, // was split
};

enum op {
    I_INIT,
    I_INIT_BAD, // without the responder's key
    I_WRITE_1,
    I_WRITE_1_SMALL,     // into a buffer that is one byte too small
    I_WRITE_1_NO_RANDOM, // the random function fails
    I_READ_2,
    I_READ_2_BAD,   // the tag is wrong
    I_READ_2_SHORT, // a length that no message has
    I_READ_2_SMALL, // a payload, and no room for it
    I_RESULT,
    I_RESULT_STALE,
    I_RESULT_FAILED,
    I_RESULT_ZERO, // all zero
    I_WRITE_3,
    I_WRITE_3_SMALL,
    R_INIT,
    R_INIT_BAD, // with a responder's key
    R_READ_1,
    R_READ_1_BAD,
    R_READ_1_SHORT,
    R_READ_1_SMALL,
    R_RESULT,
    R_RESULT_STALE,
    R_RESULT_FAILED,
    R_RESULT_ZERO,
    R_RESULT_WRONG,       // of another key
    R_RESULT_OTHER,       // with another message 1
    R_RESULT_BAD_MESSAGE, // with message 1 whose tag is wrong
    R_WRITE_2,
    R_WRITE_2_SMALL,
    R_WRITE_2_NO_RANDOM,
    R_READ_3,
    R_READ_3_BAD,
    R_READ_3_SHORT,
    R_READ_3_SMALL,
    SPLIT,
    WIPE,
    OPS,
};

enum {
    DEPTH = 5,
};

struct expectation {
    enum noise_error error;
    enum model next;
};

struct rule {
    enum op op;
    enum model from;
    struct expectation local;    // with the static key at hand
    struct expectation external; // without
};

#define SAME(error, state)                                                                         \
    {error, state},                                                                                \
    {                                                                                              \
        error, state                                                                               \
    }
#define NEVER(state)                                                                               \
    {                                                                                              \
        NOISE_ERR_STALE, state                                                                     \
    } // nothing is waited for with the key at hand
#define DIES(error)                                                                                \
    {error, DEAD},                                                                                 \
    {                                                                                              \
        error, DEAD                                                                                \
    }
#define REFUSED(from) SAME(NOISE_ERR_ARGUMENT, from)

// All that is not listed here is out of order: NOISE_ERR_STATE (NOISE_ERR_STALE for a result), nothing changes.
static const struct rule rules[] = {
    {I_WRITE_1, I_START, SAME(NOISE_OK, I_SENT_1)},
    {I_WRITE_1_SMALL, I_START, REFUSED(I_START)},
    {I_WRITE_1_NO_RANDOM, I_START, SAME(NOISE_ERR_RANDOM, I_START)},
    {I_READ_2, I_SENT_1, {NOISE_OK, I_READY}, {NOISE_NEED_DH, I_WAITS}},
    {I_READ_2_BAD, I_SENT_1, DIES(NOISE_ERR_AUTH)},
    {I_READ_2_SHORT, I_SENT_1, DIES(NOISE_ERR_LENGTH)},
    {I_READ_2_SMALL, I_SENT_1, REFUSED(I_SENT_1)},
    {I_RESULT, I_WAITS, NEVER(I_WAITS), {NOISE_OK, I_READY}},
    {I_RESULT_FAILED, I_WAITS, NEVER(I_WAITS), {NOISE_ERR_EXTERNAL, DEAD}},
    {I_RESULT_ZERO, I_WAITS, NEVER(I_WAITS), {NOISE_ERR_LOW_ORDER, DEAD}},
    {I_WRITE_3, I_READY, SAME(NOISE_OK, DONE)},
    {I_WRITE_3_SMALL, I_READY, REFUSED(I_READY)},
    {R_READ_1, R_START, {NOISE_OK, R_READY}, {NOISE_NEED_DH, R_WAITS}},
    // With an external key it is found out with the result: nothing of the message is kept but the ephemeral.
    {R_READ_1_BAD, R_START, {NOISE_ERR_AUTH, DEAD}, {NOISE_NEED_DH, R_WAITS}},
    {R_READ_1_SHORT, R_START, DIES(NOISE_ERR_LENGTH)},
    {R_READ_1_SMALL, R_START, REFUSED(R_START)},
    {R_RESULT, R_WAITS, NEVER(R_WAITS), {NOISE_OK, R_READY}},
    {R_RESULT_FAILED, R_WAITS, NEVER(R_WAITS), {NOISE_ERR_EXTERNAL, DEAD}},
    {R_RESULT_ZERO, R_WAITS, NEVER(R_WAITS), {NOISE_ERR_LOW_ORDER, DEAD}},
    {R_RESULT_WRONG, R_WAITS, NEVER(R_WAITS), {NOISE_ERR_AUTH, DEAD}},
    {R_RESULT_OTHER, R_WAITS, NEVER(R_WAITS), {NOISE_ERR_ARGUMENT, R_WAITS}},
    {R_RESULT_BAD_MESSAGE, R_WAITS, NEVER(R_WAITS), {NOISE_ERR_AUTH, DEAD}},
    {R_WRITE_2, R_READY, SAME(NOISE_OK, R_SENT_2)},
    {R_WRITE_2_SMALL, R_READY, REFUSED(R_READY)},
    {R_WRITE_2_NO_RANDOM, R_READY, SAME(NOISE_ERR_RANDOM, R_READY)},
    {R_READ_3, R_SENT_2, SAME(NOISE_OK, DONE)},
    {R_READ_3_BAD, R_SENT_2, DIES(NOISE_ERR_AUTH)},
    {R_READ_3_SHORT, R_SENT_2, DIES(NOISE_ERR_LENGTH)},
    {R_READ_3_SMALL, R_SENT_2, REFUSED(R_SENT_2)},
    {SPLIT, DONE, SAME(NOISE_OK, TRANSPORT)},
};

// The fixed conversation, and the object that the calls are made on.
static struct pair recorded;
static struct xk_handshake hs;
static struct xk_config i_config, r_config;
static struct xk_sender sender;
static struct xk_receiver receiver;
static uint8_t es[32], se[32], zero[32];
static uint8_t bad_1[48], bad_2[48], bad_3[64], other_1[48];
static bool external, random_fails, as_batch;
static unsigned long calls, killed, completed;

static bool is_result(enum op op)
{
    return (op >= I_RESULT && op <= I_RESULT_ZERO) ||
           (op >= R_RESULT && op <= R_RESULT_BAD_MESSAGE);
}

static struct expectation expect(enum model state, enum op op)
{
    if (op == I_INIT || op == R_INIT) {
        return (struct expectation){NOISE_OK, op == I_INIT ? I_START : R_START};
    }
    if (op == I_INIT_BAD || op == R_INIT_BAD) {
        return (struct expectation){NOISE_ERR_ARGUMENT, DEAD};
    }
    if (op == WIPE) {
        return (struct expectation){NOISE_OK, DEAD};
    }
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (rules[i].op == op && rules[i].from == state) {
            return external ? rules[i].external : rules[i].local;
        }
    }
    return (struct expectation){is_result(op) ? NOISE_ERR_STALE : NOISE_ERR_STATE, state};
}

static enum noise_error maybe_random(void *ctx, uint8_t *out, size_t len)
{
    memset(out, 0x77, len / 2);
    return random_fails ? NOISE_ERR_RANDOM : fixed_random(ctx, out, len);
}

// The id of the request that is pending, or any number.
static uint64_t pending_id(void)
{
    struct xk_dh_request request;
    return xk_dh_request(&hs, &request) == NOISE_OK ? request.id : 1;
}

// A call, or a batch of one turn that asks for the same.
static enum noise_error take(enum xk_message message, uint8_t *out, size_t out_cap, size_t *out_len,
                             const uint8_t *in, size_t in_len)
{
    static enum noise_error (*const by_message[])(struct xk_handshake *, uint8_t *, size_t,
                                                  size_t *, const uint8_t *, size_t) = {
        [XK_WRITE_MESSAGE_1] = xk_initiator_write_message_1,
        [XK_READ_MESSAGE_1] = xk_responder_read_message_1,
        [XK_WRITE_MESSAGE_2] = xk_responder_write_message_2,
        [XK_READ_MESSAGE_2] = xk_initiator_read_message_2,
        [XK_WRITE_MESSAGE_3] = xk_initiator_write_message_3,
        [XK_READ_MESSAGE_3] = xk_responder_read_message_3,
    };
    if (!as_batch) {
        return by_message[message](&hs, out, out_cap, out_len, in, in_len);
    }
    struct xk_turn turn = {&hs, message, out, out_cap, in, in_len, 1, NOISE_ERR_NONCE};
    size_t others = xk_batch_advance(&turn, 1);
    assert_int_equal(others, turn.error != NOISE_OK);
    *out_len = turn.out_len;
    return turn.error;
}

// how: 0 as it should be, 1 too small, 2 without randomness. The length is set on success and 0 otherwise.
static enum noise_error write_one(enum xk_message message, size_t message_len, int how)
{
    uint8_t out[64];
    size_t len = 1;
    random_fails = how == 2;
    enum noise_error error =
        take(message, out, how == 1 ? message_len - 1 : message_len, &len, NULL, 0);
    random_fails = false;
    assert_int_equal(len, error == NOISE_OK ? message_len : 0);
    return error;
}

// how: 0 the message, 1 the bad one, 2 a byte less than there can be, 3 a byte of payload more and no room for it.
static enum noise_error read_one(enum xk_message message, const uint8_t *good, const uint8_t *bad,
                                 size_t message_len, int how)
{
    uint8_t longer[65] = {0};
    size_t len = 1;
    memcpy(longer, how == 1 ? bad : good, message_len);
    message_len += how == 3 ? 1 : 0;
    message_len -= how == 2 ? 1 : 0;
    enum noise_error error = take(message, NULL, 0, &len, longer, message_len);
    assert_int_equal(len, 0);
    return error;
}

static enum noise_error initiator_result(enum op op)
{
    const uint8_t *secret = op == I_RESULT_FAILED ? NULL : op == I_RESULT_ZERO ? zero : se;
    return xk_initiator_dh_result(&hs, pending_id() ^ (op == I_RESULT_STALE), secret);
}

static enum noise_error responder_result(enum op op)
{
    const uint8_t *secret = op == R_RESULT_FAILED  ? NULL
                            : op == R_RESULT_ZERO  ? zero
                            : op == R_RESULT_WRONG ? se
                                                   : es;
    const uint8_t *message = op == R_RESULT_OTHER         ? other_1
                             : op == R_RESULT_BAD_MESSAGE ? bad_1
                                                          : recorded.m1;
    size_t len = 1;
    enum noise_error error = xk_responder_dh_result(&hs, pending_id() ^ (op == R_RESULT_STALE),
                                                    secret, NULL, 0, &len, message, 48);
    assert_int_equal(len, 0);
    return error;
}

static enum noise_error perform_initiator(enum op op)
{
    if (op <= I_WRITE_1_NO_RANDOM) {
        return write_one(XK_WRITE_MESSAGE_1, 48, (int)op - I_WRITE_1);
    }
    if (op <= I_READ_2_SMALL) {
        return read_one(XK_READ_MESSAGE_2, recorded.m2, bad_2, 48, (int)op - I_READ_2);
    }
    if (op <= I_RESULT_ZERO) {
        return initiator_result(op);
    }
    return write_one(XK_WRITE_MESSAGE_3, 64, (int)op - I_WRITE_3);
}

static enum noise_error perform_responder(enum op op)
{
    if (op <= R_READ_1_SMALL) {
        return read_one(XK_READ_MESSAGE_1, recorded.m1, bad_1, 48, (int)op - R_READ_1);
    }
    if (op <= R_RESULT_BAD_MESSAGE) {
        return responder_result(op);
    }
    if (op <= R_WRITE_2_NO_RANDOM) {
        return write_one(XK_WRITE_MESSAGE_2, 48, (int)op - R_WRITE_2);
    }
    return read_one(XK_READ_MESSAGE_3, recorded.m3, bad_3, 64, (int)op - R_READ_3);
}

static enum noise_error init_bad(enum op op)
{
    struct xk_config config = op == I_INIT_BAD ? i_config : r_config;
    config.remote_static = op == I_INIT_BAD ? NULL : i_config.remote_static;
    return op == I_INIT_BAD ? xk_initiator_init(&hs, &config) : xk_responder_init(&hs, &config);
}

static enum noise_error perform(enum op op)
{
    if (op == I_INIT) {
        return xk_initiator_init(&hs, &i_config);
    }
    if (op == R_INIT) {
        return xk_responder_init(&hs, &r_config);
    }
    if (op == I_INIT_BAD || op == R_INIT_BAD) {
        return init_bad(op);
    }
    if (op == SPLIT) {
        return xk_split(&hs, &sender, &receiver);
    }
    if (op == WIPE) {
        xk_handshake_wipe(&hs);
        return NOISE_OK;
    }
    return op < R_INIT ? perform_initiator(op) : perform_responder(op);
}

static void check_results(enum model state)
{
    uint8_t bytes[32];
    struct xk_dh_request request;
    bool over = state == DONE || state == TRANSPORT;
    bool known = over || state == I_READY || state == I_WAITS;
    bool waits = state == I_WAITS || state == R_WAITS;
    assert_int_equal(xk_remote_static(&hs, bytes), known ? NOISE_OK : NOISE_ERR_STATE);
    assert_int_equal(xk_handshake_hash(&hs, bytes), over ? NOISE_OK : NOISE_ERR_STATE);
    if (over) {
        assert_memory_equal(bytes, recorded.i.hs.hash, 32);
    }
    assert_int_equal(xk_dh_request(&hs, &request), waits ? NOISE_OK : NOISE_ERR_STATE);
}

// What was explored already: the bytes of a state, with how many calls to go, and how many sequences that was. A call
// depends on those bytes and its arguments only, so the same bytes need no second visit. Other bytes for the same state
// are explored on their own.
static struct {
    bool visited;
    uint64_t sequences;
    uint8_t bytes[sizeof(struct xk_handshake)];
} memory[TRANSPORT + 1][DEPTH + 1];

static bool was_explored(uint64_t *sequences, enum model state, int depth)
{
    const uint8_t *bytes = (const uint8_t *)&hs;
    if (!memory[state][depth].visited ||
        memcmp(memory[state][depth].bytes, bytes, sizeof hs) != 0) {
        return false;
    }
    *sequences = memory[state][depth].sequences;
    return true;
}

static void remember(uint64_t sequences, enum model state, int depth)
{
    memory[state][depth].visited = true;
    memory[state][depth].sequences = sequences;
    memcpy(memory[state][depth].bytes, &hs, sizeof hs);
}

// One call, and everything that is to be seen of it. `before`: the bytes of hs.
static enum model take_step(const struct xk_handshake *before, enum model state, enum op op)
{
    struct expectation expected = expect(state, op);
    assert_int_equal(perform(op), expected.error);
    calls++;
    if (expected.error != NOISE_OK && expected.error != NOISE_NEED_DH && expected.next != DEAD) {
        assert_memory_equal(&hs, before, sizeof hs);
    }
    if (expected.next == DEAD) {
        assert_zero(&hs, sizeof hs);
        killed++;
    }
    completed += expected.next == TRANSPORT && state == DONE;
    check_results(expected.next);
    return expected.next;
}

// All calls from here, to the remaining depth; returns how many sequences that were. The state is put back at its own
// address each time, which the interface itself has no way to do.
static uint64_t explore(enum model state, int depth)
{
    struct xk_handshake before;
    uint64_t sequences = 0;
    if (depth == 0) {
        return 1;
    }
    if (was_explored(&sequences, state, depth)) {
        return sequences;
    }
    memcpy(&before, &hs, sizeof before);
    for (enum op op = 0; op < OPS; op++) {
        sequences += explore(take_step(&before, state, op), depth - 1);
        memcpy(&hs, &before, sizeof hs);
    }
    remember(sequences, state, depth);
    return sequences;
}

static void record(void)
{
    pair_init(&recorded, 5);
    i_config = recorded.i.config;
    r_config = recorded.r.config;
    i_config.random = maybe_random;
    r_config.random = maybe_random;
    pair_run(&recorded, STEPS_COMPLETE);
    assert_int_equal(x25519(es, recorded.r.static_private, recorded.m1), NOISE_OK);
    assert_int_equal(x25519(se, recorded.i.static_private, recorded.m2), NOISE_OK);
    memcpy(bad_1, recorded.m1, sizeof bad_1);
    memcpy(other_1, recorded.m1, sizeof other_1);
    other_1[0] ^= 1;
    memcpy(bad_2, recorded.m2, sizeof bad_2);
    memcpy(bad_3, recorded.m3, sizeof bad_3);
    bad_1[47] ^= 1;
    bad_2[47] ^= 1;
    bad_3[63] ^= 1;
}

static void explore_all(bool with_external_key, bool in_batches)
{
    record();
    external = with_external_key;
    as_batch = in_batches;
    if (external) {
        i_config.static_private = NULL;
        r_config.static_private = NULL;
    }
    memset(&hs, 0, sizeof hs);
    memset(memory, 0, sizeof memory);
    calls = 0;
    killed = 0;
    completed = 0;
    uint64_t sequences = explore(DEAD, DEPTH); // from an object of zero bytes
    assert_int_equal(sequences, (uint64_t)OPS * OPS * OPS * OPS * OPS);
    assert_int_equal(xk_initiator_init(&hs, &i_config), NOISE_OK);
    sequences += explore(I_START, DEPTH);
    assert_int_equal(xk_responder_init(&hs, &r_config), NOISE_OK);
    sequences += explore(R_START, DEPTH);
    assert_true(killed > 0 && completed > 0);
    print_message("# %lu sequences, %lu different calls, %lu handshakes split\n",
                  (unsigned long)sequences, calls, completed);
}

static void test_all_orders_with_local_key(void **state)
{
    (void)state;
    explore_all(false, false);
}

static void test_all_orders_with_external_key(void **state)
{
    (void)state;
    explore_all(true, false);
}

static void test_all_orders_in_batches(void **state)
{
    (void)state;
    explore_all(false, true);
    explore_all(true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_orders_with_local_key),
        cmocka_unit_test(test_all_orders_with_external_key),
        cmocka_unit_test(test_all_orders_in_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
