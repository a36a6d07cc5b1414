// SPDX-License-Identifier: Apache-2.0
// Pings of clients: one ICMP echo request each (RFC 792).
#include "services/netstackd/socket.h"

#include "kernel/abi/neuron.h"
#include "lwip/inet_chksum.h"
#include "lwip/ip.h"
#include "lwip/raw.h"
#include "services/lib/string.h"
#include "services/netstackd/stack.h"

enum {
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACHABLE = 3,
    ICMP_ECHO_REQUEST = 8,
    ICMP_HEADER_BYTES = 8,
    IP_HEADER_BYTES_MIN = 20,
    PAYLOAD_BYTES = 32,
    MESSAGE_BYTES = ICMP_HEADER_BYTES + PAYLOAD_BYTES,
    ANSWER_BYTES_MAX = 576, // what an unreachable message may quote at most
    TICKS_PER_US = NEURON_TICKS_PER_MS / 1000,
};

static struct raw_pcb *raw;

static uint16_t load_be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void store_be16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

// The ping that is waiting for this id and sequence number at this address.
static struct socket *find_waiting(uint16_t id, uint16_t sequence, const ip4_addr_t *address)
{
    for (uint32_t i = socket_first(SOCKET_PING); i < socket_end(SOCKET_PING); i++) {
        struct socket *s = socket_at(i);
        if (s->stage == SOCKET_CONNECTING && s->ping.id == id && s->ping.sequence == sequence &&
            ip4_addr_cmp(&s->ping.to, address)) {
            return s;
        }
    }
    return NULL;
}

static void on_echo_reply(const uint8_t *icmp, size_t len, const ip4_addr_t *from)
{
    struct socket *s =
        len == MESSAGE_BYTES ? find_waiting(load_be16(icmp + 4), load_be16(icmp + 6), from) : NULL;
    if (s != NULL) {
        s->stage = SOCKET_OPEN;
        s->ping.answered = true;
        s->ping.round_trip_us = (uint32_t)((stack_now() - s->ping.sent) / TICKS_PER_US);
        socket_news(s);
    }
}

// It quotes the IP header and the first 8 bytes of what could not be delivered.
static void on_unreachable(const uint8_t *icmp, size_t len)
{
    const uint8_t *ip = icmp + ICMP_HEADER_BYTES;
    if (len < ICMP_HEADER_BYTES + IP_HEADER_BYTES_MIN) {
        return;
    }
    size_t ip_len = (size_t)(ip[0] & 15) * 4;
    const uint8_t *echo = ip + ip_len;
    if (ip_len < IP_HEADER_BYTES_MIN || len < ICMP_HEADER_BYTES + ip_len + ICMP_HEADER_BYTES ||
        echo[0] != ICMP_ECHO_REQUEST) {
        return;
    }
    ip4_addr_t to;
    IP4_ADDR(&to, ip[16], ip[17], ip[18], ip[19]);
    struct socket *s = find_waiting(load_be16(echo + 4), load_be16(echo + 6), &to);
    if (s != NULL) {
        s->stage = SOCKET_FAILED;
        s->error = NET_UNREACHABLE;
        socket_news(s);
    }
}

// Sees each ICMP message, IP header first; lwIP goes on with it.
static u8_t on_icmp(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
    (void)arg, (void)pcb;
    uint8_t icmp[ANSWER_BYTES_MAX];
    u16_t ip_len = IPH_HL_BYTES(ip4_current_header());
    if (p->tot_len <= ip_len || p->tot_len - ip_len > ANSWER_BYTES_MAX) {
        return 0;
    }
    size_t len = pbuf_copy_partial(p, icmp, ANSWER_BYTES_MAX, ip_len);
    bool checked = (ip_current_input_netif()->chksum_flags & NETIF_CHECKSUM_CHECK_ICMP) != 0;
    if (len < ICMP_HEADER_BYTES || (checked && inet_chksum(icmp, (u16_t)len) != 0)) {
        return 0;
    }
    if (icmp[0] == ICMP_ECHO_REPLY) {
        on_echo_reply(icmp, len, from);
    } else if (icmp[0] == ICMP_UNREACHABLE) {
        on_unreachable(icmp, len);
    }
    return 0;
}

void ping_start(void)
{
    if (raw == NULL) {
        raw = raw_new(IP_PROTO_ICMP);
        LWIP_ASSERT("a raw pcb is there", raw != NULL);
        raw_recv(raw, on_icmp, NULL);
    }
}

static err_t send_echo(const struct socket *s)
{
    struct pbuf *p = pbuf_alloc(PBUF_IP, MESSAGE_BYTES, PBUF_RAM);
    if (p == NULL) {
        return ERR_MEM;
    }
    uint8_t *message = p->payload;
    memset(message, 0, MESSAGE_BYTES);
    message[0] = ICMP_ECHO_REQUEST;
    store_be16(message + 4, s->ping.id);
    store_be16(message + 6, s->ping.sequence);
    for (uint8_t i = 0; i < PAYLOAD_BYTES; i++) {
        message[ICMP_HEADER_BYTES + i] = i;
    }
    uint16_t sum = inet_chksum(message, MESSAGE_BYTES); // in memory order
    memcpy(message + 2, &sum, sizeof sum);
    err_t err = raw_sendto(raw, p, &s->ping.to);
    pbuf_free(p);
    return err;
}

enum net_status ping_send(struct socket **out, struct facade_client *client, const ip4_addr_t *to,
                          uint16_t sequence)
{
    if (ip4_addr_isany_val(*to) || ip4_addr_ismulticast(to) || to->addr == IPADDR_BROADCAST) {
        return NET_INVALID_INPUT;
    }
    struct socket *s = socket_alloc(client, SOCKET_PING);
    if (s == NULL) {
        return NET_NO_BUFFERS;
    }
    s->stage = SOCKET_CONNECTING;
    s->ping = (struct socket_ping){
        .id = (uint16_t)stack_random(), .sequence = sequence, .sent = stack_now()};
    ip4_addr_copy(s->ping.to, *to);
    err_t err = send_echo(s);
    if (err != ERR_OK) {
        socket_free(s);
        return socket_status(err);
    }
    *out = s;
    return NET_OK;
}

enum net_status ping_take_result(uint32_t *round_trip_us, struct socket *s)
{
    if (s->stage == SOCKET_CONNECTING) {
        return NET_WOULD_BLOCK;
    }
    if (s->stage == SOCKET_FAILED) {
        return s->error; // and stays until it is closed, as all failed handles do
    }
    *round_trip_us = s->ping.round_trip_us;
    socket_free(s);
    return NET_OK;
}
