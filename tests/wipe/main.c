// SPDX-License-Identifier: Apache-2.0
// The three runs of the script, and what is looked at after each call. Writes TAP.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "noise/cpu.h"
#include "tests/wipe/scan.h"
#include "tests/wipe/wipe.h"

struct objects objects;
struct caller caller;
enum run run;

enum {
    ENTRY_LEN = 24, // of the stack: two arguments and the return address
    REGISTER_BYTES = 8,
    IMAGES_MASK = 0x5a,
};

static uint8_t stack[STACK_LEN] __attribute__((aligned(4096)));
static uint8_t saved[REGISTERS_LEN] __attribute__((aligned(64)));
static uint8_t *images; // of the run with other secrets, a stack and registers for each step
static uint64_t vectors;
static size_t steps;
static unsigned failed;
static unsigned long remains; // bytes that depend on secrets, in all

static uint8_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return (uint8_t)(x >> 56);
}

// A byte at a time: no word of a secret may pass through this program's own registers.
void make_secret(uint8_t *out, unsigned number)
{
    for (unsigned i = 0; i < SECRET_LEN; i++) {
        uint64_t seed = (uint64_t)(run == OTHER) << 32 | (uint64_t)number << 8 | i;
        *(volatile uint8_t *)(out + i) = mix((seed + 1) * 0x9e3779b97f4a7c15);
    }
    learn(number, out);
}

void learn(unsigned number, const uint8_t *secret)
{
    if (run == LEARN) {
        secrets_add(number, secret);
    }
}

void may_live(unsigned number, unsigned where)
{
    secrets_may_live(number, where);
}

static void call(void (*function)(void), const uint64_t *arguments)
{
    struct wiped_call c = {function, {0}, stack + sizeof stack, vectors, saved};

    memcpy(c.arguments, arguments, sizeof c.arguments);
    memset(stack, FILL, sizeof stack);
    memset(saved, 0, sizeof saved);
    if (steps == STEPS_MAX) {
        abort();
    }
    wipe_call(&c);
}

// What the other run left is kept masked.
static void keep_image(void)
{
    uint8_t *image = images + steps * IMAGE_LEN;

    for (size_t i = 0; i < STACK_LEN; i++) {
        image[i] = stack[i] ^ IMAGES_MASK;
    }
    for (size_t i = 0; i < REGISTERS_LEN; i++) {
        image[STACK_LEN + i] = saved[i] ^ IMAGES_MASK;
    }
}

struct difference {
    unsigned stack_bytes, register_bytes;
    size_t depth;   // of the deepest byte
    size_t shallow; // of the highest
    size_t at;      // the first register byte
    size_t used;    // how much stack has been written to
};

static struct difference compare_images(void)
{
    const uint8_t *image = images + steps * IMAGE_LEN;
    struct difference d = {0};

    for (size_t i = STACK_LEN - ENTRY_LEN; i-- > 0;) {
        size_t depth = STACK_LEN - ENTRY_LEN - i;
        if (stack[i] != (image[i] ^ IMAGES_MASK)) {
            d.shallow = d.stack_bytes++ == 0 ? depth : d.shallow;
            d.depth = depth;
        }
        d.used = stack[i] != FILL ? depth : d.used;
    }
    for (size_t i = REGISTERS_LEN; i-- > 0;) {
        if (saved[i] != (image[STACK_LEN + i] ^ IMAGES_MASK)) {
            d.register_bytes++;
            d.at = i;
        }
    }
    return d;
}

static void say(const char *name, bool good, const struct difference *d, const struct found *found)
{
    printf("%s %zu - %s\n", good ? "ok" : "not ok", steps + 1, name);
    failed += !good;
    if (getenv("WIPE_VERBOSE") != NULL) {
        printf("#   %zu bytes of stack\n", d->used);
    }
    if (good) {
        return;
    }
    if (d->stack_bytes > 0) {
        printf("#   %u bytes of stack depend on secrets, between %zu and %zu down\n",
               d->stack_bytes, d->shallow, d->depth);
    }
    if (d->register_bytes > 0) {
        printf("#   %u bytes of registers depend on secrets, the first at %zu\n", d->register_bytes,
               d->at);
    }
    if (found->count > 0) {
        size_t down = (size_t)(stack + STACK_LEN - ENTRY_LEN - found->where);
        bool in_registers = found->where >= saved && found->where < saved + sizeof saved;
        printf("#   secret %u in %u places, the first %s %zu\n", found->number, found->count,
               in_registers       ? "in registers"
               : down < STACK_LEN ? "down the stack by"
                                  : "elsewhere",
               down);
    }
}

void step(const char *name, int expected, void (*function)(void), const uint64_t *arguments)
{
    call(function, arguments);
    int result;
    memcpy(&result, saved, sizeof result);
    if (expected != ANYTHING && result != expected) {
        printf("Bail out! %s returned %d, not %d\n", name, result, expected);
        (void)fflush(stdout);
        _exit(1);
    }
    if (run == OTHER) {
        keep_image();
    } else if (run == WATCH) {
        struct difference d = compare_images();
        struct found found = secrets_find(images, (size_t)STEPS_MAX * IMAGE_LEN);
        remains += d.stack_bytes + d.register_bytes + found.count * WINDOW_LEN;
        say(name, d.stack_bytes + d.register_bytes + found.count == 0, &d, &found);
    }
    steps++;
}

// What has to be found.
void control(const char *name, void (*function)(void), const uint64_t *arguments)
{
    call(function, arguments);
    if (run == OTHER) {
        keep_image();
    } else if (run == WATCH) {
        struct difference d = compare_images();
        struct found found = secrets_find(images, (size_t)STEPS_MAX * IMAGE_LEN);
        say(name, d.stack_bytes + d.register_bytes + found.count > 0, &d, &found);
    }
    steps++;
}

// In a process of its own, whose memory is gone with it.
static void run_apart(enum run which)
{
    pid_t child = fork();
    if (child == 0) {
        run = which;
        script();
        (void)fflush(stdout);
        _exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        printf("Bail out! run %d did not come to its end\n", (int)which);
        exit(1);
    }
}

int main(void)
{
    images = mmap(NULL, (size_t)STEPS_MAX * IMAGE_LEN, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (images == MAP_FAILED) {
        return 1;
    }
    __builtin_cpu_init();
    vectors = __builtin_cpu_supports("avx512bw") ? 2 : __builtin_cpu_supports("avx") ? 1 : 0;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    secrets_begin();
    run_apart(LEARN);
    run_apart(OTHER);
    run = WATCH;
    script();
    printf("1..%zu\n", steps);
    printf("# remains: %lu bytes\n", remains);
    return failed > 0;
}
