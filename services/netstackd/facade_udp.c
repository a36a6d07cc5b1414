// SPDX-License-Identifier: Apache-2.0
// Datagram sockets of clients.
#include "services/netstackd/socket.h"

#include "lwip/igmp.h"
#include "services/lib/string.h"
#include "services/netstackd/stack.h"

enum {
    BIND_TRIES = 8,
    PORT_DHCP_CLIENT = 68, // ours, also while no request is under way
};

// What precedes each datagram in the ring.
struct udp_record {
    ip4_addr_t from;
    uint16_t port;
    uint16_t len;
};

// A datagram that does not fit is dropped, as the network drops them.
static void on_received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                        u16_t port)
{
    (void)pcb;
    struct socket *s = arg;
    struct ring *ring = &s->udp.received;
    struct udp_record record = {.from = *from, .port = port, .len = p->tot_len};
    if (sizeof record + record.len <= ring_room(ring)) {
        ring_put(ring, &record, sizeof record);
        for (const struct pbuf *q = p; q != NULL; q = q->next) {
            ring_put(ring, q->payload, q->len);
        }
        socket_news(s);
    }
    pbuf_free(p);
}

static err_t bind_somewhere(struct udp_pcb *pcb, const ip4_addr_t *address, uint16_t port)
{
    err_t err = ERR_USE;
    for (unsigned i = 0; err == ERR_USE && i < (port != 0 ? 1 : BIND_TRIES); i++) {
        err = udp_bind(pcb, address, port != 0 ? port : stack_random_port());
    }
    return err;
}

enum net_status udp_open(struct socket **out, struct facade_client *client,
                         const ip4_addr_t *address, uint16_t port)
{
    if (port == PORT_DHCP_CLIENT) {
        return NET_ADDR_IN_USE;
    }
    struct socket *s = socket_alloc(client, SOCKET_UDP);
    if (s == NULL) {
        return NET_NO_BUFFERS;
    }
    struct udp_pcb *pcb = udp_new();
    err_t err = pcb != NULL ? bind_somewhere(pcb, address, port) : ERR_MEM;
    if (err != ERR_OK) {
        if (pcb != NULL) {
            udp_remove(pcb);
        }
        socket_free(s);
        return socket_status(err);
    }
    s->udp.pcb = pcb;
    ring_start(&s->udp.received, socket_ring_bytes(s), UDP_RING_BYTES);
    udp_set_flags(pcb, UDP_FLAGS_MULTICAST_LOOP);
    udp_set_multicast_ttl(pcb, 1);
    udp_recv(pcb, on_received, s);
    *out = s;
    return NET_OK;
}

enum net_status udp_join_group(struct socket *s, const ip4_addr_t *group)
{
    if (!ip4_addr_ismulticast(group)) {
        return NET_INVALID_INPUT;
    }
    if (s->udp.group_count == UDP_GROUPS_MAX) {
        return NET_NO_BUFFERS;
    }
    for (uint32_t i = 0; i < s->udp.group_count; i++) {
        if (ip4_addr_cmp(&s->udp.groups[i], group)) {
            return NET_ADDR_IN_USE;
        }
    }
    err_t err = igmp_joingroup(IP4_ADDR_ANY4, group); // on every interface that can
    if (err != ERR_OK) {
        return err == ERR_VAL ? NET_UNREACHABLE
                              : socket_status(err); // ERR_VAL: there is no such interface
    }
    ip4_addr_copy(s->udp.groups[s->udp.group_count], *group);
    s->udp.group_count++;
    return NET_OK;
}

enum net_status udp_send_one(struct socket *s, const ip4_addr_t *to, uint16_t port,
                             const uint8_t *data, uint32_t len)
{
    if (len > UDP_PAYLOAD_BYTES_MAX || port == 0 || ip4_addr_isany_val(*to)) {
        return NET_INVALID_INPUT;
    }
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)len, PBUF_RAM);
    if (p == NULL) {
        return NET_NO_BUFFERS;
    }
    memcpy(p->payload, data, len);
    err_t err = udp_sendto(s->udp.pcb, p, to, port);
    pbuf_free(p);
    return socket_status(err);
}

enum net_status udp_receive_one(uint32_t *len, ip4_addr_t *from, uint16_t *port, struct socket *s,
                                uint8_t *data)
{
    struct ring *ring = &s->udp.received;
    if (ring->used == 0) {
        return NET_WOULD_BLOCK;
    }
    struct udp_record record;
    ring_get(&record, ring, sizeof record);
    uint32_t taken = record.len < *len ? record.len : *len;
    ring_get(data, ring, taken);
    ring_get(NULL, ring, record.len - taken);
    *len = taken;
    ip4_addr_copy(*from, record.from);
    *port = record.port;
    return NET_OK;
}

void udp_socket_close(struct socket *s)
{
    for (uint32_t i = 0; i < s->udp.group_count; i++) {
        igmp_leavegroup(IP4_ADDR_ANY4, &s->udp.groups[i]);
    }
    udp_remove(s->udp.pcb);
    socket_free(s);
}
