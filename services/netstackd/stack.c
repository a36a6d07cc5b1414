// SPDX-License-Identifier: Apache-2.0
// lwIP's surroundings.
#include "services/netstackd/stack.h"

#include "kernel/abi/neuron.h"
#include "lwip/init.h"
#include "lwip/ip4.h"
#include "lwip/pbuf.h"
#include "lwip/prot/ip4.h"
#include "lwip/sys.h"
#include "noise/rng.h"
#include "services/lib/log.h"
#include "services/lib/string.h"
#include "services/netstackd/timers.h"

enum {
    DYNAMIC_PORT_FIRST = 49152,
    DYNAMIC_PORTS = 16384,
    PORT_STEP_MAX = 8,
    LOOPBACK_NETWORK = 127,
};

static struct rng generator;
static uint64_t now_ticks;
static bool looping; // what comes in now is our own

void stack_start(const uint8_t seed[static 32])
{
    rng_seed(&generator, seed);
    lwip_init();
    // The loopback needs no checksums: nothing can happen to a packet on its way.
    struct netif *loopback = netif_get_by_index(1);
    NETIF_SET_CHECKSUM_CTRL(loopback, NETIF_CHECKSUM_DISABLE_ALL);
    timers_start(now_ticks);
}

void stack_advance(uint64_t now)
{
    if (now > now_ticks) {
        now_ticks = now;
    }
    timers_advance(now_ticks);
}

uint64_t stack_now(void)
{
    return now_ticks;
}

uint64_t stack_deadline(void)
{
    return timers_deadline();
}

void stack_loop(void)
{
    looping = true;
    bool more = true;
    while (more) {
        netif_poll_all();
        more = false;
        struct netif *netif;
        NETIF_FOREACH(netif)
        {
            more |= netif->loop_first != NULL;
        }
    }
    looping = false;
}

u32_t sys_now(void)
{
    return (u32_t)(now_ticks / NEURON_TICKS_PER_MS);
}

uint32_t stack_random(void)
{
    uint8_t bytes[4];
    if (rng_random(&generator, bytes, sizeof bytes) != NOISE_OK) {
        die("netstackd: the random generator failed");
    }
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

uint16_t stack_random_port(void)
{
    return (uint16_t)(DYNAMIC_PORT_FIRST + stack_random() % DYNAMIC_PORTS);
}

// RFC 6056 3.3.5, random increments.
uint16_t stack_next_port(void)
{
    static uint32_t at; // 0: nothing chosen yet
    at = at == 0 ? stack_random() : at + 1 + stack_random() % PORT_STEP_MAX;
    return (uint16_t)(DYNAMIC_PORT_FIRST + at % DYNAMIC_PORTS);
}

bool stack_owns_address(const ip4_addr_t *address)
{
    if (ip4_addr_isany_val(*address) || ip4_addr1(address) == LOOPBACK_NETWORK) {
        return true;
    }
    struct netif *netif;
    NETIF_FOREACH(netif)
    {
        if (ip4_addr_cmp(address, netif_ip4_addr(netif))) {
            return true;
        }
    }
    return false;
}

bool stack_reaches(const ip4_addr_t *address)
{
    const struct netif *way = ip4_route(address);
    return way != NULL && (ip4_addr_netcmp(address, netif_ip4_addr(way), netif_ip4_netmask(way)) ||
                           !ip4_addr_isany_val(*netif_ip4_gw(way)));
}

// lwIP asks before it looks at a packet: 1 when it is dropped here. A frame from outside that
// claims to come from this machine is a lie (RFC 1122 3.2.1.3).
int stack_ip4_input(struct pbuf *p, struct netif *from)
{
    (void)from;
    struct ip_hdr header;
    if (looping || pbuf_copy_partial(p, &header, sizeof header, 0) != sizeof header) {
        return 0; // lwIP itself drops what is too short
    }
    ip4_addr_t source;
    ip4_addr_copy(source, header.src);
    if (ip4_addr_isany_val(source) || !stack_owns_address(&source)) {
        return 0;
    }
    pbuf_free(p);
    return 1;
}

// The Internet checksum's sum (RFC 1071), not yet complemented, as lwIP wants it: in memory order.
uint16_t stack_checksum(const void *data, int len)
{
    const uint8_t *bytes = data;
    size_t left = (size_t)len;
    uint64_t sum = 0;
    bool odd_start = ((uintptr_t)bytes & 1) != 0 && left > 0;
    if (odd_start) {
        sum += (uint64_t)*bytes << 8;
        bytes++, left--;
    }
    for (; left >= 2 && ((uintptr_t)bytes & 7) != 0; bytes += 2, left -= 2) {
        uint16_t half;
        memcpy(&half, __builtin_assume_aligned(bytes, 2), sizeof half);
        sum += half;
    }
    for (; left >= 8; bytes += 8, left -= 8) {
        uint64_t word;
        memcpy(&word, __builtin_assume_aligned(bytes, 8), sizeof word);
        sum += (word & 0xffffffff) + (word >> 32); // below 2^33 each; len is below 2^31
    }
    for (; left >= 2; bytes += 2, left -= 2) {
        uint16_t half;
        memcpy(&half, __builtin_assume_aligned(bytes, 2), sizeof half);
        sum += half;
    }
    if (left > 0) {
        sum += *bytes;
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return odd_start ? (uint16_t)(sum << 8 | sum >> 8) : (uint16_t)sum;
}

_Noreturn void stack_assert_failed(const char *what)
{
    die("netstackd: lwip: %s", what);
}

#ifdef __riscv
// lwIP refers to it in netif_find, which nobody here calls.
int atoi(const char *s);
int atoi(const char *s)
{
    (void)s;
    die("netstackd: lwip: interfaces have no names here");
}
#endif
