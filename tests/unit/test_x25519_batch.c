// SPDX-License-Identifier: Apache-2.0
// Batches of X25519 against one multiplication after the other on the portable path.
#include "tests/unit/noise_fixture.h"

#include "noise/cpu.h"
#include "noise/x25519.h"

enum {
    JOBS_MAX = 21, // more than two rounds of the widest path
};

static uint64_t seed = 1;

// What the program was told to use, and the portable path.
static uint32_t features;

struct batch {
    uint8_t private_keys[JOBS_MAX][32], public_keys[JOBS_MAX][32], out[JOBS_MAX][32];
    uint8_t expected[JOBS_MAX][32];
    enum noise_error expected_errors[JOBS_MAX];
    struct x25519_job jobs[JOBS_MAX];
};

enum kind {
    BASE,
    RANDOM, // half of them on the twist
    LOW_ORDER,
    NOT_REDUCED, // 2^255 - 19 and above, the top bit too
    KINDS,
};

static void make_point(uint8_t point[static 32], enum kind kind)
{
    static const char *const low_order[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    test_random_bytes(&seed, point, 32);
    if (kind == LOW_ORDER) {
        hex_decode(point, 32, low_order[test_random(&seed) % COUNT(low_order)]);
    } else if (kind == NOT_REDUCED) {
        memset(point + 1, 0xff, 31);
        point[0] = (uint8_t)(0xef + test_random(&seed) % 17);
        point[31] = (uint8_t)(test_random(&seed) % 2 ? 0xff : 0x7f);
    }
}

// Job i is of kind kinds[i]; sometimes it has the private key of the job before.
static void make_batch(struct batch *b, const enum kind *kinds, size_t count)
{
    noise_cpu_limit(NOISE_CPU_PORTABLE);
    for (size_t i = 0; i < count; i++) {
        test_random_bytes(&seed, b->private_keys[i], 32);
        if (i > 0 && test_random(&seed) % 4 == 0) {
            memcpy(b->private_keys[i], b->private_keys[i - 1], 32);
        }
        make_point(b->public_keys[i], kinds[i]);
        b->jobs[i] =
            (struct x25519_job){b->out[i], b->private_keys[i],
                                kinds[i] == BASE ? NULL : b->public_keys[i], NOISE_ERR_STATE};
        if (kinds[i] == BASE) {
            b->expected_errors[i] = NOISE_OK;
            x25519_base(b->expected[i], b->private_keys[i]);
        } else {
            b->expected_errors[i] = x25519(b->expected[i], b->private_keys[i], b->public_keys[i]);
        }
        assert_int_equal(b->expected_errors[i],
                         kinds[i] == LOW_ORDER ? NOISE_ERR_LOW_ORDER : NOISE_OK);
    }
    memset(b->out, 0xaa, sizeof b->out);
    noise_cpu_limit(features);
}

static void check_batch(const struct batch *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(b->jobs[i].error, b->expected_errors[i]);
        assert_memory_equal(b->jobs[i].shared, b->expected[i], 32);
    }
    for (size_t i = count; i < JOBS_MAX; i++) {
        for (size_t k = 0; k < 32; k++) {
            assert_int_equal(b->out[i][k], 0xaa);
        }
    }
}

static void run(struct batch *b, const enum kind *kinds, size_t count)
{
    make_batch(b, kinds, count);
    x25519_batch(b->jobs, count);
    check_batch(b, count);
}

static void test_one_kind(void **state)
{
    (void)state;
    struct batch b = {0};
    enum kind kinds[JOBS_MAX];
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < JOBS_MAX; i++) {
            kinds[i] = (enum kind)kind;
        }
        for (size_t count = 0; count <= JOBS_MAX; count++) {
            run(&b, kinds, count);
        }
    }
}

static void test_mixed(void **state)
{
    (void)state;
    struct batch b = {0};
    enum kind kinds[JOBS_MAX];
    for (size_t n = 0; n < 300; n++) {
        for (size_t i = 0; i < JOBS_MAX; i++) {
            kinds[i] = (enum kind)(test_random(&seed) >> 16) % KINDS;
        }
        run(&b, kinds, n % (JOBS_MAX + 1));
    }
}

// One failure in a batch, at every place, is reported there and nowhere else.
static void test_one_low_order_point(void **state)
{
    (void)state;
    struct batch b = {0};
    for (size_t bad = 0; bad < JOBS_MAX; bad++) {
        enum kind kinds[JOBS_MAX];
        for (size_t i = 0; i < JOBS_MAX; i++) {
            kinds[i] = i == bad ? LOW_ORDER : RANDOM;
        }
        run(&b, kinds, JOBS_MAX);
    }
}

// The output may lie where the job's own key is, public or private.
static void test_in_place(void **state)
{
    (void)state;
    struct batch b = {0};
    enum kind kinds[JOBS_MAX];
    for (size_t count = 1; count <= JOBS_MAX; count++) {
        for (size_t i = 0; i < count; i++) {
            kinds[i] = i % 3 == 0 ? BASE : RANDOM;
        }
        make_batch(&b, kinds, count);
        for (size_t i = 0; i < count; i++) {
            b.jobs[i].shared = i % 2 || kinds[i] == BASE ? b.private_keys[i] : b.public_keys[i];
        }
        x25519_batch(b.jobs, count);
        check_batch(&b, count);
    }
}

static int setup(void **state)
{
    (void)state;
    features = noise_cpu_features();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_kind),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_one_low_order_point),
        cmocka_unit_test(test_in_place),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
