// SPDX-License-Identifier: Apache-2.0
// The simulator: seeds shared out over processes, and what they found.
//
//   sim [--seeds N] [--first S] [--jobs J]     N seeds from S on; TAP
//   sim [-v] --seed S                          this one again; -v tells what happens
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 64, REPEAT_EVERY = 100, FAULTS_DUE_SEEDS = 500 };

// What a process has to say, in memory that it shares with its parent.
struct job {
    struct sim_totals totals;
    uint64_t at; // the seed that it is running
    uint64_t violations, failed_seed;
    enum invariant broken;
    char why[256];
};

struct options {
    uint64_t seeds, first, jobs;
    bool one, trace;
};

static struct sim sim;

static void note(struct job *job, uint64_t seed, enum invariant broken, const char *why)
{
    if (job->violations++ == 0) {
        job->failed_seed = seed;
        job->broken = broken;
        snprintf(job->why, sizeof job->why, "%s", why);
    }
}

static void run_seed(struct job *job, uint64_t seed, bool trace)
{
    struct sim_totals ignored = {0};
    uint64_t digest;

    if (!sim_run(&sim, seed, trace, &job->totals)) {
        note(job, seed, sim.broken, sim.why);
        return;
    }
    if (seed % REPEAT_EVERY == 0) {
        digest = sim.digest;
        if (!sim_run(&sim, seed, false, &ignored) || sim.digest != digest) {
            note(job, seed, INVARIANT_REPEAT, "the second run differs from the first");
        }
    }
}

static void run_job(struct job *job, const struct options *options, uint64_t number)
{
    for (uint64_t i = number; i < options->seeds && job->violations == 0; i += options->jobs) {
        job->at = options->first + i;
        run_seed(job, job->at, options->trace);
    }
}

static void add_totals(struct sim_totals *sum, const struct sim_totals *t)
{
    sum->seeds += t->seeds;
    sum->steps += t->steps;
    sum->sessions += t->sessions;
    sum->streams += t->streams;
    sum->bytes += t->bytes;
    sum->simulated_ms += t->simulated_ms;
    sum->pings += t->pings;
    sum->seals += t->seals;
    sum->replaced += t->replaced;
    if (t->converged_ms_max > sum->converged_ms_max) {
        sum->converged_ms_max = t->converged_ms_max;
    }
    for (size_t i = 0; i < FAULTS; i++) {
        sum->faults[i] += t->faults[i];
    }
}

// The processes; one that did not end by itself was stopped by an assertion of the product, or worse.
static struct job *run_jobs(const struct options *options)
{
    struct job *jobs = mmap(NULL, JOBS_MAX * sizeof *jobs, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[JOBS_MAX];

    if (jobs == MAP_FAILED) {
        perror("sim");
        exit(2);
    }
    fflush(stdout);
    for (uint64_t i = 0; i < options->jobs; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            run_job(&jobs[i], options, i);
            fflush(stdout);
            _exit(0);
        }
    }
    for (uint64_t i = 0; i < options->jobs; i++) {
        int status;
        char why[64];
        if (pids[i] < 0 || waitpid(pids[i], &status, 0) < 0) {
            perror("sim");
            exit(2);
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            snprintf(why, sizeof why, "the process was stopped by signal %d",
                     WIFSIGNALED(status) ? WTERMSIG(status) : 0);
            note(&jobs[i], jobs[i].at, INVARIANT_CRASH, why);
        }
    }
    return jobs;
}

static bool report(const struct sim_totals *t, uint64_t violations, double seconds)
{
    bool due = t->seeds >= FAULTS_DUE_SEEDS;
    uint64_t missing = t->seals == 0;

    printf("# seeds %llu, steps %llu, sessions %llu, streams %llu, bytes %llu, pings %llu, "
           "encryptions %llu\n",
           (unsigned long long)t->seeds, (unsigned long long)t->steps,
           (unsigned long long)t->sessions, (unsigned long long)t->streams,
           (unsigned long long)t->bytes, (unsigned long long)t->pings,
           (unsigned long long)t->seals);
    for (size_t i = 0; i < FAULTS; i++) {
        printf("# %s %llu\n", sim_fault_names[i], (unsigned long long)t->faults[i]);
        missing += t->faults[i] == 0;
    }
    printf("# sessions that were a day old and replaced %llu\n", (unsigned long long)t->replaced);
    missing += t->replaced == 0;
    printf("# simulated %.0f h, slowest convergence %.1f s, %.1f s wall\n",
           (double)t->simulated_ms / 3600000, (double)t->converged_ms_max / 1000, seconds);
    printf("%s 1 - violations %llu\n", violations == 0 ? "ok" : "not ok",
           (unsigned long long)violations);
    printf("%s 2 - every kind of fault has happened%s\n", missing == 0 || !due ? "ok" : "not ok",
           due ? "" : " # SKIP too few seeds");
    return violations == 0 && (missing == 0 || !due);
}

static int run_all(const struct options *options)
{
    struct timespec begin, end;
    struct sim_totals sum = {0};
    uint64_t violations = 0;
    struct job *jobs;
    bool good;

    printf("TAP version 13\n");
    clock_gettime(CLOCK_MONOTONIC, &begin);
    jobs = run_jobs(options);
    clock_gettime(CLOCK_MONOTONIC, &end);
    for (uint64_t i = 0; i < options->jobs; i++) {
        add_totals(&sum, &jobs[i].totals);
        violations += jobs[i].violations;
        if (jobs[i].violations > 0) {
            printf("# violation of '%s', seed %llu: %s\n", sim_invariant_names[jobs[i].broken],
                   (unsigned long long)jobs[i].failed_seed, jobs[i].why);
        }
    }
    good =
        report(&sum, violations,
               (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9);
    printf("1..2\n");
    return good ? 0 : 1;
}

static uint64_t number(const char *text)
{
    char *end = NULL;
    uint64_t value = text == NULL ? 0 : strtoull(text, &end, 10);

    if (text == NULL || end == text || *end != '\0') {
        fprintf(stderr, "sim: a number is wanted\n");
        exit(2);
    }
    return value;
}

static bool parse(struct options *options, char **argv)
{
    for (; *argv != NULL; argv++) {
        if (strcmp(*argv, "-v") == 0) {
            options->trace = true;
        } else if (strcmp(*argv, "--seeds") == 0) {
            options->seeds = number(*++argv);
        } else if (strcmp(*argv, "--first") == 0) {
            options->first = number(*++argv);
        } else if (strcmp(*argv, "--jobs") == 0) {
            options->jobs = number(*++argv);
        } else if (strcmp(*argv, "--seed") == 0) {
            options->first = number(*++argv);
            options->one = true;
        } else {
            return false;
        }
        if (*argv == NULL) {
            return false;
        }
    }
    return options->jobs > 0 && options->jobs <= JOBS_MAX && options->seeds > 0;
}

int main(int argc, char **argv)
{
    struct options options = {.seeds = 10000, .first = 1, .jobs = 2};

    (void)argc;
    if (!parse(&options, argv + 1)) {
        fprintf(stderr, "usage: sim [-v] [--seeds N] [--first S] [--jobs J] | [-v] --seed S\n");
        return 2;
    }
    if (options.one) {
        options.seeds = options.jobs = 1;
    }
    return run_all(&options);
}
