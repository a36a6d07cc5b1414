// SPDX-License-Identifier: Apache-2.0
// noise-bench: the table on the terminal and the JSON object.
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <sodium.h>

#include "tests/bench/bench.h"

static const struct {
    const char *name;
    uint32_t feature;
} known[] = {
    {"bmi2", NOISE_CPU_BMI2},     {"adx", NOISE_CPU_ADX},   {"avx2", NOISE_CPU_AVX2},
    {"avx512", NOISE_CPU_AVX512}, {"ifma", NOISE_CPU_IFMA},
};

const char *bench_feature_names(uint32_t features)
{
    static char names[64];

    names[0] = '\0';
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if ((features & known[i].feature) != 0) {
            (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                           names[0] == '\0' ? "" : ",", known[i].name);
        }
    }
    return names;
}

static uint32_t missing(const struct bench_row *row)
{
    return row->needs & ~noise_cpu_features();
}

void bench_print(const struct bench_row *rows, const struct bench_result *results, size_t count)
{
    (void)printf("processor features: %s\n\n", bench_feature_names(noise_cpu_features()));
    (void)printf("%-27s %11s %11s %8s %7s\n", "", "ns", "per second", "MB/s", "ratio");
    for (size_t i = 0; i < count; i++) {
        double x = results[i].ns;
        (void)printf("%-27s %11.1f %11.0f", rows[i].label, x, 1e9 / x);
        if (rows[i].bytes > 0) {
            (void)printf(" %8.0f", rows[i].bytes / x * 1e3);
        } else {
            (void)printf(" %8s", "");
        }
        if (rows[i].reference != NULL) {
            size_t reference = bench_find(rows, count, rows[i].reference);
            const char *label = rows[reference].label;
            (void)printf(" %7.3f x%s", results[i].ratio, label + strspn(label, " ") - 1);
        }
        if (missing(&rows[i]) != 0) {
            (void)printf("; stated for a machine with %s", bench_feature_names(missing(&rows[i])));
        }
        (void)putchar('\n');
    }
}

// The row that a ratio key belongs to.
static size_t find_ratio(const struct bench_row *rows, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].ratio != NULL && strcmp(rows[i].ratio, key) == 0) {
            return i;
        }
    }
    bench_fail(key);
}

// A ratio that is stated for a machine with more features than this one has is null here; what was measured without
// them, and what is missing, stand beside it.
static void write_ratios(FILE *f, const struct bench_row *rows, const struct bench_result *results,
                         size_t count)
{
    for (size_t k = 0; bench_ratio_keys[k] != NULL; k++) {
        const char *key = bench_ratio_keys[k];
        size_t i = find_ratio(rows, count, key);
        if (missing(&rows[i]) == 0) {
            (void)fprintf(f, "  \"%s\": %.4f,\n", key, results[i].ratio);
        } else {
            (void)fprintf(f, "  \"%s\": null,\n", key);
        }
    }
    for (size_t k = 0; bench_ratio_keys[k] != NULL; k++) {
        const char *key = bench_ratio_keys[k];
        size_t i = find_ratio(rows, count, key);
        if (missing(&rows[i]) != 0) {
            (void)fprintf(f, "  \"%s_missing\": \"%s\",\n", key,
                          bench_feature_names(missing(&rows[i])));
            (void)fprintf(f, "  \"%s_without\": %.4f,\n", key, results[i].ratio);
        }
    }
}

void bench_write_json(const char *path, const struct bench_row *rows,
                      const struct bench_result *results, size_t count, unsigned rounds)
{
    FILE *f = fopen(path, "w");

    if (f == NULL) {
        bench_fail(path);
    }
    (void)fputs("{\n", f);
    write_ratios(f, rows, results, count);
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(f, "  \"ns_%s\": %.1f,\n", rows[i].name, results[i].ns);
        if (rows[i].bytes > 0) {
            (void)fprintf(f, "  \"mbps_%s\": %.1f,\n", rows[i].name,
                          rows[i].bytes / results[i].ns * 1e3);
        }
    }
    (void)fprintf(f, "  \"cpu_features\": \"%s\",\n", bench_feature_names(noise_cpu_features()));
    (void)fprintf(f, "  \"rounds\": %u,\n", rounds);
    (void)fprintf(f, "  \"compiler\": \"%s\",\n", __VERSION__);
    (void)fprintf(f, "  \"openssl\": \"%s\",\n", OpenSSL_version(OPENSSL_VERSION_STRING));
    (void)fprintf(f, "  \"libsodium\": \"%s\"\n}\n", sodium_version_string());
    if (ferror(f) != 0 || fclose(f) != 0) {
        bench_fail(path);
    }
}
