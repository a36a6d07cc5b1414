// SPDX-License-Identifier: Apache-2.0
// The table of sockets.
#include "services/netstackd/socket.h"

#include "services/lib/string.h"
#include "services/netstackd/stack.h"

enum {
    INDEX_BITS = 9,
    GENERATIONS = 1 << (32 - INDEX_BITS),
};
_Static_assert(SOCKETS_MAX <= 1 << INDEX_BITS, "an index fits a handle");

static struct socket sockets[SOCKETS_MAX];
static uint8_t tcp_rings[TCP_MAX][TCP_RING_BYTES] __attribute__((aligned(16)));
static uint8_t udp_rings[UDP_MAX][UDP_RING_BYTES] __attribute__((aligned(16)));

static const uint32_t kind_first[SOCKET_KINDS + 1] = {
    [SOCKET_TCP] = 0,
    [SOCKET_LISTENER] = TCP_MAX,
    [SOCKET_UDP] = TCP_MAX + LISTENERS_MAX,
    [SOCKET_PING] = TCP_MAX + LISTENERS_MAX + UDP_MAX,
    [SOCKET_KINDS] = SOCKETS_MAX,
};

uint32_t socket_first(enum socket_kind kind)
{
    return kind == SOCKET_KINDS ? 0 : kind_first[kind];
}

uint32_t socket_end(enum socket_kind kind)
{
    return kind == SOCKET_KINDS ? SOCKETS_MAX : kind_first[kind + 1];
}

struct socket *socket_at(uint32_t index)
{
    return &sockets[index];
}

static uint32_t index_of(const struct socket *s)
{
    return (uint32_t)(s - sockets);
}

void socket_table_start(void)
{
    memset(sockets, 0, sizeof sockets);
    // A handle from before a restart of netstackd must not reach a socket of today either.
    uint32_t generation = 1 + stack_random() % (GENERATIONS - 1);
    for (uint32_t kind = 0; kind < SOCKET_KINDS; kind++) {
        for (uint32_t i = kind_first[kind]; i < kind_first[kind + 1]; i++) {
            sockets[i].kind = (enum socket_kind)kind;
            sockets[i].generation = generation;
        }
    }
}

struct socket *socket_alloc(struct facade_client *client, enum socket_kind kind)
{
    if (client->used[kind] >= client->config.quota[kind]) {
        return 0;
    }
    for (uint32_t i = kind_first[kind]; i < kind_first[kind + 1]; i++) {
        struct socket *s = &sockets[i];
        if (s->stage == SOCKET_FREE) {
            *s = (struct socket){
                .kind = kind, .stage = SOCKET_OPEN, .generation = s->generation, .owner = client};
            client->used[kind]++;
            return s;
        }
    }
    return 0;
}

void socket_revoke(struct socket *s)
{
    // 0 is left out, so that no handle is ever 0.
    s->generation = s->generation + 1 < GENERATIONS ? s->generation + 1 : 1;
    s->owner->maybe_ready[index_of(s) / 64] &= ~(UINT64_C(1) << index_of(s) % 64);
}

void socket_free(struct socket *s)
{
    socket_revoke(s);
    s->owner->used[s->kind]--;
    s->stage = SOCKET_FREE;
    s->owner = 0;
}

net_handle socket_handle(const struct socket *s)
{
    return s->generation << INDEX_BITS | index_of(s);
}

struct socket *socket_find(const struct facade_client *client, net_handle handle)
{
    uint32_t index = handle & ((1 << INDEX_BITS) - 1);
    if (index >= SOCKETS_MAX) {
        return 0;
    }
    struct socket *s = &sockets[index];
    bool reachable =
        s->stage != SOCKET_FREE && s->stage != SOCKET_CLOSING && s->stage != SOCKET_QUEUED;
    return reachable && s->owner == client && s->generation == handle >> INDEX_BITS ? s : 0;
}

uint8_t *socket_ring_bytes(const struct socket *s)
{
    return s->kind == SOCKET_TCP ? tcp_rings[index_of(s)]
                                 : udp_rings[index_of(s) - kind_first[SOCKET_UDP]];
}

void socket_news(struct socket *s)
{
    s->owner->maybe_ready[index_of(s) / 64] |= UINT64_C(1) << index_of(s) % 64;
    s->owner->news = true;
}

enum net_status socket_status(err_t err)
{
    switch ((err_enum_t)err) {
    case ERR_OK:
        return NET_OK;
    case ERR_MEM:
    case ERR_BUF:
        return NET_NO_BUFFERS;
    case ERR_TIMEOUT:
        return NET_TIMED_OUT;
    case ERR_RTE:
    case ERR_IF:
        return NET_UNREACHABLE;
    case ERR_USE:
        return NET_ADDR_IN_USE;
    case ERR_VAL:
    case ERR_ARG:
        return NET_INVALID_INPUT;
    case ERR_WOULDBLOCK:
        return NET_WOULD_BLOCK;
    case ERR_CONN:
        return NET_NOT_CONNECTED;
    case ERR_ABRT:
    case ERR_RST:
        return NET_RESET;
    case ERR_CLSD:
        return NET_DISCONNECTED;
    case ERR_INPROGRESS:
    case ERR_ALREADY:
    case ERR_ISCONN:
        break;
    }
    return NET_INTERNAL;
}
