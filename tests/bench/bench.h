// SPDX-License-Identifier: Apache-2.0
// noise-bench: what is measured, and how a measurement is described.
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "noise/cpu.h"
#include "noise/noise_xk.h"

enum {
    BENCH_ROWS_MAX = 80,
    BENCH_ROUNDS_MIN = 9,
    BENCH_ROUNDS_MAX = 999,
};

// One thing that is measured. What is not named is 0 or NULL.
struct bench_row {
    const char *name;  // key of its raw figure: ns_<name>
    const char *label; // on the terminal
    void (*run)(void); // does it once
    unsigned batch;    // operations in one run; 0 is one
    unsigned bytes;    // of text in one operation
    uint32_t denied;   // features that the library must do without
    const char *
        reference; // the row that it is compared with: its speed is that row's time divided by its own
    const char *ratio; // key of that comparison, where it has one
    uint32_t needs;    // features that this comparison is stated for
};

// What was measured: nanoseconds for one operation.
struct bench_result {
    double ns;    // median of the rounds
    double ratio; // median of the rounds' ratios; 0 without a reference
};

// The rows, our own and the other libraries', each next to what it is compared with. Ends the program when something
// does not work: what fails must not be measured.
const struct bench_row *bench_rows(size_t *count);

// The ratio keys, in the order of the report, ended by NULL.
extern const char *const bench_ratio_keys[];

size_t bench_find(const struct bench_row *rows, size_t count, const char *name);
void bench_fail(const char *what) __attribute__((noreturn));

// Batches of our own, with these keys.
void bench_batch_init(const struct xk_config *i, const struct xk_config *r);
void handshakes_8(void);
void handshakes_64(void);
void products_8(void);

// The other libraries.
void bench_peers_init(void);
void openssl_x25519(void);
void openssl_transport(size_t len);
void openssl_blake2s(size_t len);
void sodium_x25519(void);
void sodium_x25519_base(void);
void sodium_transport(size_t len);

// The report.
void bench_print(const struct bench_row *rows, const struct bench_result *results, size_t count);
void bench_write_json(const char *path, const struct bench_row *rows,
                      const struct bench_result *results, size_t count, unsigned rounds);
// The names of these features, separated by commas.
const char *bench_feature_names(uint32_t features);

#endif
