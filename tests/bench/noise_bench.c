// SPDX-License-Identifier: Apache-2.0
// noise-bench: the speed of noise/ beside OpenSSL and libsodium, in one process.
//
// A round measures every row once, in a slice of time of its own; rows that are compared are neighbours. A figure is
// the median of the rounds, a ratio the median of the rounds' ratios. Time is what the thread has spent on a processor,
// so a machine that does other things as well disturbs little.
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static const char usage[] =
    "usage: noise-bench [--rounds N] [--slice MS] [--json FILE]\n"
    "\n"
    "  --rounds N    rounds, 9 to 999; a figure is their median (15)\n"
    "  --slice MS    milliseconds for each row in each round, 0 to 1000; 0 runs it once (10)\n"
    "  --json FILE   writes the ratios and figures as one flat JSON object\n";

struct options {
    unsigned rounds, slice_ms;
    const char *json;
};

void bench_fail(const char *what)
{
    (void)fprintf(stderr, "noise-bench: %s failed\n", what);
    exit(1);
}

static void bad_usage(const char *why, const char *argument)
{
    (void)fprintf(stderr, "noise-bench: %s: %s\n%s", why, argument, usage);
    exit(2);
}

static unsigned parse_number(const char *text, unsigned min, unsigned max)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || n < min || n > max) {
        bad_usage("not a number in range", text);
    }
    return (unsigned)n;
}

static struct options parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'},
        {"rounds", required_argument, NULL, 'r'},
        {"slice", required_argument, NULL, 's'},
        {"json", required_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    struct options o = {.rounds = 15, .slice_ms = 10};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            exit(0);
        } else if (option == 'r') {
            o.rounds = parse_number(optarg, BENCH_ROUNDS_MIN, BENCH_ROUNDS_MAX);
        } else if (option == 's') {
            o.slice_ms = parse_number(optarg, 0, 1000);
        } else if (option == 'j') {
            o.json = optarg;
        } else {
            bad_usage("not an option, or without its value", argv[optind - 1]);
        }
    }
    if (optind < argc) {
        bad_usage("not an option", argv[optind]);
    }
    return o;
}

size_t bench_find(const struct bench_row *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return i;
        }
    }
    bench_fail(name);
}

static double now_ns(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0) {
        bench_fail("clock_gettime");
    }
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double run_ns(const struct bench_row *row, unsigned long runs)
{
    noise_cpu_limit(~row->denied);
    double start = now_ns();
    for (unsigned long i = 0; i < runs; i++) {
        row->run();
    }
    double elapsed = now_ns() - start;
    noise_cpu_limit(NOISE_CPU_ALL);
    return elapsed;
}

// How often a row runs in a slice. The search warms the row up.
static unsigned long runs_in(const struct bench_row *row, unsigned slice_ms)
{
    unsigned long runs = 1;

    while (slice_ms > 0) {
        double elapsed = run_ns(row, runs);
        if (elapsed > slice_ms * 1e6 / 4) {
            return (unsigned long)((double)runs * slice_ms * 1e6 / elapsed) + 1;
        }
        runs *= 2;
    }
    return runs;
}

static int compare_doubles(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double ns[BENCH_ROWS_MAX][BENCH_ROUNDS_MAX];

static void measure(const struct bench_row *rows, size_t count, const struct options *o)
{
    unsigned long runs[BENCH_ROWS_MAX];
    bool terminal = isatty(STDERR_FILENO) == 1;

    for (size_t i = 0; i < count; i++) {
        runs[i] = runs_in(&rows[i], o->slice_ms);
    }
    for (unsigned round = 0; round < o->rounds; round++) {
        if (terminal) {
            (void)fprintf(stderr, "\rround %u of %u ", round + 1, o->rounds);
        }
        for (size_t i = 0; i < count; i++) {
            double operations = (double)runs[i] * (rows[i].batch == 0 ? 1 : rows[i].batch);
            ns[i][round] = run_ns(&rows[i], runs[i]) / operations;
        }
    }
    if (terminal) {
        (void)fputs("\r                    \r", stderr);
    }
}

static void evaluate(const struct bench_row *rows, size_t count, unsigned rounds,
                     struct bench_result *results)
{
    double ratios[BENCH_ROUNDS_MAX];

    for (size_t i = 0; i < count; i++) {
        if (rows[i].reference != NULL) {
            size_t reference = bench_find(rows, count, rows[i].reference);
            for (unsigned round = 0; round < rounds; round++) {
                ratios[round] = ns[reference][round] / ns[i][round];
            }
            results[i].ratio = median(ratios, rounds);
        }
    }
    for (size_t i = 0; i < count; i++) { // sorts them, so only now
        results[i].ns = median(ns[i], rounds);
    }
}

int main(int argc, char **argv)
{
    static struct bench_result results[BENCH_ROWS_MAX];
    struct options o = parse_options(argc, argv);
    size_t count;

    bench_peers_init();
    const struct bench_row *rows = bench_rows(&count);
    if (count > BENCH_ROWS_MAX) {
        bench_fail("the table of rows");
    }
    measure(rows, count, &o);
    evaluate(rows, count, o.rounds, results);
    bench_print(rows, results, count);
    if (o.json != NULL) {
        bench_write_json(o.json, rows, results, count, o.rounds);
    }
    return 0;
}
