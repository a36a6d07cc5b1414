// SPDX-License-Identifier: Apache-2.0
// The generator draws what its header says, unit by unit, and forgets it.
#include "tests/unit/noise_fixture.h"

#include "noise/rng.h"

// Computed from the seed 00 01 .. 1f with an independent ChaCha20.
static const char *const units[] = {
    "2b23cce7a26023ab3f0eef693ac87f64258235eab1f7a32dc22762a0485b410c",
    "2d41a59c90e41a8e7a4dccaa1c46069983b1a333ce25719ec3437768ab57fa42",
    "5fd844af20c38ddcd79cb934b6ac59c970ec0eea9efc46491e2da0e663d74bb5",
    "64eba20f8e3a41800ad3d3979baba9b4476707c9f9ed5cb7766a9dfd1b7bccba",
};

static void seed_counting(struct rng *rng)
{
    uint8_t seed[RNG_SEED_LEN];
    for (size_t i = 0; i < sizeof seed; i++) {
        seed[i] = (uint8_t)i;
    }
    rng_seed(rng, seed);
}

static void test_units_in_order(void **state)
{
    (void)state;
    struct rng rng;
    uint8_t out[32];
    seed_counting(&rng);
    for (size_t i = 0; i < COUNT(units); i++) {
        assert_int_equal(rng_random(&rng, out, sizeof out), NOISE_OK);
        assert_hex(out, sizeof out, units[i]);
    }
}

// A request takes whole units: 33 bytes are two of them, and what is left of the second is gone.
static void test_requests_take_whole_units(void **state)
{
    (void)state;
    struct rng rng;
    uint8_t unit[3][32];
    uint8_t out[33];
    seed_counting(&rng);
    for (size_t i = 0; i < 3; i++) {
        hex_decode(unit[i], 32, units[i]);
    }
    assert_int_equal(rng_random(&rng, out, 0), NOISE_OK);
    assert_int_equal(rng_random(&rng, out, 33), NOISE_OK);
    assert_memory_equal(out, unit[0], 32);
    assert_int_equal(out[32], unit[1][0]);
    assert_int_equal(rng_random(&rng, out, 5), NOISE_OK);
    assert_memory_equal(out, unit[2], 5);
}

static void test_output_is_not_kept(void **state)
{
    (void)state;
    struct rng rng;
    uint8_t out[32];
    uint8_t before[RNG_SEED_LEN];
    seed_counting(&rng);
    memcpy(before, rng.key, sizeof before);
    assert_int_equal(rng_random(&rng, out, sizeof out), NOISE_OK);
    assert_memory_not_equal(rng.key, before, sizeof before);
    assert_memory_not_equal(rng.key, out, sizeof out);
}

static void test_refuses(void **state)
{
    (void)state;
    struct rng rng;
    struct rng copy;
    uint8_t out[32];
    seed_counting(&rng);
    struct rng before = rng;

    assert_int_equal(rng_random(NULL, out, 1), NOISE_ERR_ARGUMENT);
    assert_int_equal(rng_random(&rng, NULL, 1), NOISE_ERR_ARGUMENT);
    assert_int_equal(rng_random(&rng, NULL, 0), NOISE_OK);
    memcpy(&copy, &rng, sizeof copy);
    memset(out, 0xaa, sizeof out);
    assert_int_equal(rng_random(&copy, out, sizeof out), NOISE_ERR_STATE);
    assert_zero(out, sizeof out);
    assert_memory_equal(&rng, &before, sizeof rng);

    rng_wipe(&rng);
    assert_zero(&rng, sizeof rng);
    assert_int_equal(rng_random(&rng, out, sizeof out), NOISE_ERR_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_in_order),
        cmocka_unit_test(test_requests_take_whole_units),
        cmocka_unit_test(test_output_is_not_kept),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
