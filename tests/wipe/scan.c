// SPDX-License-Identifier: Apache-2.0
#include "tests/wipe/scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/wipe/wipe.h"

#define MASK 0xd1b54a32d192ed03

enum {
    FILTER_BITS = 16,
    MAPS_LEN = 64 * 1024,
};

static struct shared {
    uint64_t windows[SECRETS_MAX][WINDOWS]; // masked
    bool known[SECRETS_MAX];
} * shared;

static unsigned places[SECRETS_MAX];

static uint64_t masked_window(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x ^ MASK;
}

void secrets_begin(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        abort();
    }
}

void secrets_add(unsigned number, const uint8_t *secret)
{
    for (size_t i = 0; i < WINDOWS; i++) {
        shared->windows[number][i] = masked_window(secret + i);
    }
    shared->known[number] = true;
}

void secrets_may_live(unsigned number, unsigned where)
{
    places[number] = where;
}

static bool inside(const uint8_t *p, const void *object, size_t len)
{
    const uint8_t *begin = object;
    return p >= begin && p < begin + len;
}

// The place that an address lies in: a bit of IN_..., or 0.
static unsigned place_of(const uint8_t *p)
{
    const struct {
        const void *object;
        size_t len;
        unsigned place;
    } all[] = {
        {&objects.i, sizeof objects.i, IN_I},
        {&objects.r, sizeof objects.r, IN_R},
        {&objects.i_sender, sizeof objects.i_sender, IN_I_SENDER},
        {&objects.r_sender, sizeof objects.r_sender, IN_R_SENDER},
        {&objects.moved_sender, sizeof objects.moved_sender, IN_MOVED_SENDER},
        {&objects.i_receiver, sizeof objects.i_receiver, IN_I_RECEIVER},
        {&objects.r_receiver, sizeof objects.r_receiver, IN_R_RECEIVER},
        {&objects.moved_receiver, sizeof objects.moved_receiver, IN_MOVED_RECEIVER},
        {&objects.rng, sizeof objects.rng, IN_RNG},
        {&objects.hash, sizeof objects.hash, IN_HASH},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (inside(p, all[i].object, all[i].len)) {
            return all[i].place;
        }
    }
    return 0;
}

static void check_window(struct found *found, const uint8_t *p, uint64_t masked)
{
    for (unsigned n = 0; n < SECRETS_MAX; n++) {
        for (size_t i = 0; shared->known[n] && i < WINDOWS; i++) {
            if (masked != shared->windows[n][i] || (place_of(p) & places[n]) != 0) {
                continue;
            }
            if (found->count++ == 0) {
                found->number = n;
                found->where = p;
            }
        }
    }
}

static uint8_t filter[(1 << FILTER_BITS) / 8];

static void fill_filter(void)
{
    memset(filter, 0, sizeof filter);
    for (size_t n = 0; n < SECRETS_MAX; n++) {
        for (size_t i = 0; shared->known[n] && i < WINDOWS; i++) {
            uint64_t at = shared->windows[n][i] & ((1 << FILTER_BITS) - 1);
            filter[at / 8] |= (uint8_t)(1 << at % 8);
        }
    }
}

static void scan(struct found *found, const uint8_t *from, const uint8_t *to)
{
    for (const uint8_t *p = from; p + WINDOW_LEN <= to; p++) {
        uint64_t masked = masked_window(p);
        uint64_t at = masked & ((1 << FILTER_BITS) - 1);
        if ((filter[at / 8] >> at % 8 & 1) != 0 && !inside(p, &caller, sizeof caller)) {
            check_window(found, p, masked);
        }
    }
}

static const uint8_t *at(uintptr_t address)
{
    return (const uint8_t *)address; // NOLINT(performance-no-int-to-ptr): as the system told it
}

struct found secrets_find(const void *skip, size_t skip_len)
{
    static char maps[MAPS_LEN];
    struct found found = {0};
    size_t len = 0;
    int fd = open("/proc/self/maps", O_RDONLY);
    for (ssize_t n = 1; fd >= 0 && n > 0; len += (size_t)n) {
        n = read(fd, maps + len, sizeof maps - 1 - len);
        n = n < 0 ? 0 : n;
    }
    maps[len] = '\0';
    if (fd < 0 || close(fd) != 0 || len == 0 || len == sizeof maps - 1) {
        abort();
    }
    fill_filter();
    for (const char *line = maps; *line != '\0'; line = strchr(line, '\n') + 1) {
        char *end;
        uintptr_t from = strtoull(line, &end, 16);
        uintptr_t to = strtoull(end + 1, &end, 16);
        bool readable = end[1] == 'r', writable = end[2] == 'w';
        bool skipped = from <= (uintptr_t)skip && (uintptr_t)skip < to;
        if (readable && writable && !skipped) {
            scan(&found, at(from), at(to));
        } else if (readable && writable) {
            scan(&found, at(from), skip); // neighbours may be one mapping
            scan(&found, (const uint8_t *)skip + skip_len, at(to));
        }
    }
    return found;
}
