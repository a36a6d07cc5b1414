// SPDX-License-Identifier: Apache-2.0
// Every path of noise/ as it was compiled, on an emulated processor that has what it takes: its results are those of the
// portable path. Runs on the bare machine and writes TAP.
//
// A path counts only when the library says that it uses exactly the features of the path.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "noise/blake2s.h"
#include "noise/chacha20.h"
#include "noise/chacha20poly1305.h"
#include "noise/cpu.h"
#include "noise/x25519.h"
#include "tests/emulator/pc.h"

enum {
    EVERY_LEN = 1100,
    TEXT_MAX = 65519,
    TAG_LEN = 16,
    X25519_CASES = 24,
    JOBS_MAX = 17, // two rounds of the widest path and one more
};

// xorshift64*
static uint64_t seed = 1;

static uint64_t next(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545f4914f6cdd1d;
}

static void fill(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(next() >> 32);
    }
}

static unsigned differs(const uint8_t *a, const uint8_t *b, size_t len)
{
    unsigned difference = 0;
    for (size_t i = 0; i < len; i++) {
        difference |= a[i] ^ b[i];
    }
    return difference != 0;
}

static uint8_t text[TEXT_MAX], expected[TEXT_MAX], got[TEXT_MAX];
static uint8_t key[32], nonce[12], tag[TAG_LEN], expected_tag[TAG_LEN];

// The rows: each gives how much went wrong on the path `allowed`.

static unsigned aead_case(uint32_t allowed, size_t len, size_t ad_len)
{
    unsigned bad = 0;

    fill(key, sizeof key);
    fill(nonce, sizeof nonce);
    noise_cpu_limit(NOISE_CPU_PORTABLE);
    chacha20poly1305_seal(expected, expected_tag, key, nonce, text, ad_len, text, len);
    noise_cpu_limit(allowed);
    chacha20poly1305_seal(got, tag, key, nonce, text, ad_len, text, len);
    bad += differs(got, expected, len) + differs(tag, expected_tag, TAG_LEN);
    bad += chacha20poly1305_verify(key, nonce, text, ad_len, got, len, tag) != NOISE_OK;
    bad += chacha20poly1305_open(got, key, nonce, text, ad_len, got, len, tag) != NOISE_OK;
    bad += differs(got, text, len);
    tag[next() % TAG_LEN] ^= 4;
    bad +=
        chacha20poly1305_open(got, key, nonce, text, ad_len, expected, len, tag) != NOISE_ERR_AUTH;
    for (size_t i = 0; i < len; i++) {
        bad += got[i] != 0;
    }
    chacha20_xor(got, key, nonce, 1, text, len);
    return bad + differs(got, expected, len);
}

static unsigned aead_every_length(uint32_t allowed)
{
    unsigned bad = 0;
    for (size_t len = 0; len <= EVERY_LEN; len++) {
        bad += aead_case(allowed, len, len % 50);
    }
    return bad;
}

static unsigned aead_long_messages(uint32_t allowed)
{
    static const uint16_t lens[] = {2047, 4095, 4096, 4097, 4607,  4608,
                                    5119, 5120, 8192, 9999, 16384, TEXT_MAX};
    unsigned bad = 0;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        bad += aead_case(allowed, lens[i], i);
    }
    return bad;
}

static unsigned blake2s_every_length(uint32_t allowed)
{
    unsigned bad = 0;
    for (size_t len = 0; len <= 300; len++) {
        noise_cpu_limit(NOISE_CPU_PORTABLE);
        blake2s(expected, text + len % 5, len);
        noise_cpu_limit(allowed);
        blake2s(got, text + len % 5, len);
        bad += differs(got, expected, BLAKE2S_HASH_LEN);
    }
    return bad;
}

static unsigned x25519_variable(uint32_t allowed)
{
    static const uint8_t of_order_8[32] = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae,
                                           0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
                                           0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd,
                                           0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00};
    uint8_t point[32];
    unsigned bad = 0;
    for (int i = 0; i < X25519_CASES; i++) {
        fill(key, sizeof key);
        fill(point, sizeof point);
        if (i == 0) {
            memcpy(point, of_order_8, sizeof point);
        } else if (i == 1) {
            memset(point, 0xff, sizeof point);
        }
        noise_cpu_limit(NOISE_CPU_PORTABLE);
        enum noise_error wanted = x25519(expected, key, point);
        noise_cpu_limit(allowed);
        bad += x25519(got, key, point) != wanted;
        bad += differs(got, expected, 32);
    }
    return bad;
}

static unsigned x25519_fixed(uint32_t allowed)
{
    unsigned bad = 0;
    for (int i = 0; i < X25519_CASES; i++) {
        fill(key, sizeof key);
        noise_cpu_limit(NOISE_CPU_PORTABLE);
        x25519_base(expected, key);
        noise_cpu_limit(allowed);
        x25519_base(got, key);
        bad += differs(got, expected, 32);
    }
    return bad;
}

// Batches of every size, the base point and one of low order among them.
static unsigned x25519_batches(uint32_t allowed)
{
    static uint8_t keys[JOBS_MAX][32], points[JOBS_MAX][32], out[2][JOBS_MAX][32];
    struct x25519_job jobs[2][JOBS_MAX];
    unsigned bad = 0;
    for (size_t count = 1; count <= JOBS_MAX; count++) {
        fill(keys[0], sizeof keys);
        fill(points[0], sizeof points);
        memset(points[count / 2], 0, 32);
        for (size_t k = 0; k < 2; k++) {
            for (size_t i = 0; i < count; i++) {
                const uint8_t *point = (i + count) % 5 == 0 ? NULL : points[i];
                jobs[k][i] = (struct x25519_job){out[k][i], keys[i], point, NOISE_ERR_STATE};
            }
            noise_cpu_limit(k == 0 ? NOISE_CPU_PORTABLE : allowed);
            x25519_batch(jobs[k], count);
        }
        for (size_t i = 0; i < count; i++) {
            bad += jobs[0][i].error != jobs[1][i].error;
            bad += differs(out[0][i], out[1][i], 32);
        }
    }
    return bad;
}

// A comparison that cannot fail proves nothing.
static unsigned control(uint32_t allowed)
{
    noise_cpu_limit(allowed);
    chacha20poly1305_seal(got, tag, key, nonce, NULL, 0, text, 100);
    memcpy(expected, got, 100);
    expected[99] ^= 1;
    return differs(got, expected, 100) == 0;
}

static const struct {
    const char *name;
    unsigned (*run)(uint32_t allowed);
} rows[] = {
    {"control: a wrong bit is noticed", control},
    {"AEAD, every length", aead_every_length},
    {"AEAD, long messages", aead_long_messages},
    {"BLAKE2s, every length", blake2s_every_length},
    {"X25519", x25519_variable},
    {"X25519, fixed base", x25519_fixed},
    {"X25519, batches", x25519_batches},
};

#define FEATURES_AVX2 (NOISE_CPU_BMI2 | NOISE_CPU_ADX | NOISE_CPU_AVX2)
static const struct {
    const char *name;
    uint32_t features;
} paths[] = {
    {"portable", NOISE_CPU_PORTABLE},
    {"AVX2", FEATURES_AVX2},
    {"AVX-512", FEATURES_AVX2 | NOISE_CPU_AVX512},
    {"IFMA", FEATURES_AVX2 | NOISE_CPU_AVX512 | NOISE_CPU_IFMA},
};

enum {
    ROWS = sizeof rows / sizeof rows[0],
    PATHS = sizeof paths / sizeof paths[0],
};

int main(void)
{
    pc_start();
    fill(text, sizeof text);
    pc_print("1..");
    pc_print_number(ROWS * PATHS);
    pc_print("\n");
    for (unsigned i = 0; i < ROWS * PATHS; i++) {
        uint32_t features = paths[i / ROWS].features;
        noise_cpu_limit(features);
        unsigned bad = noise_cpu_features() != features;
        bad += rows[i % ROWS].run(features);
        pc_print(bad == 0 ? "ok " : "not ok ");
        pc_print_number(i + 1);
        pc_print(" - ");
        pc_print(rows[i % ROWS].name);
        pc_print(", ");
        pc_print(paths[i / ROWS].name);
        pc_print("\n");
    }
    pc_stop();
    return 0;
}
