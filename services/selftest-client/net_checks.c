// SPDX-License-Identifier: Apache-2.0
// Checks against what QEMU's user network answers by itself: the gateway, and its TFTP server.
#include "services/selftest-client/net_checks.h"

#include "services/lib/string.h"

enum {
    TFTP_PORT = 69,
    TFTP_READ = 1,
    TFTP_DATA = 3,
    TFTP_ACK = 4,
    TFTP_HEADER = 4,
    TFTP_TRIES = 3
};

static const uint8_t guest[4] = {10, 0, 2, 15};
static const uint8_t gateway[4] = {10, 0, 2, 2};

static struct net_sockaddr gateway_port(uint16_t port)
{
    return net_ipv4(gateway[0], gateway[1], gateway[2], gateway[3], port);
}

const char *check_iface(struct node *node)
{
    struct net_sockaddr address;
    if (net_local_addr(&address, &node->net, 0) != NET_OK) {
        return "no address";
    }
    return memcmp(address.address, guest, sizeof guest) == 0 ? NULL : "another address";
}

const char *check_ping(struct node *node)
{
    net_handle ping;
    uint32_t round_trip_us;
    struct net_sockaddr to = gateway_port(1);
    if (net_ping(&ping, &node->net, &to) != NET_OK) {
        return "cannot send";
    }
    if (node_wait_ready(node, ping, NET_READY_READ, STEP_DEADLINE_MS) == 0) {
        return "no answer from the gateway";
    }
    return net_ping_result(&round_trip_us, &node->net, ping) == NET_OK ? NULL : "no result";
}

// RFC 1350: data block 1 is the whole file, being shorter than 512 bytes. Any other datagram is not it.
static bool is_the_file(const uint8_t *datagram, uint32_t len, const struct net_sockaddr *from)
{
    static const char text[] = "dsoftbus tftp check\n";
    static const uint8_t header[TFTP_HEADER] = {0, TFTP_DATA, 0, 1};
    return memcmp(from->address, gateway, sizeof gateway) == 0 &&
           len == TFTP_HEADER + sizeof text - 1 && memcmp(datagram, header, sizeof header) == 0 &&
           memcmp(datagram + TFTP_HEADER, text, sizeof text - 1) == 0;
}

const char *check_udp(struct node *node)
{
    static const uint8_t request[] = "\0\1selftest.txt\0octet"; // with its closing 0
    static const uint8_t ack[TFTP_HEADER] = {0, TFTP_ACK, 0, 1};
    _Static_assert(TFTP_READ == 1, "as the request says");
    struct net_sockaddr to = gateway_port(TFTP_PORT);
    for (unsigned i = 0; i < TFTP_TRIES; i++) {
        uint8_t datagram[64];
        uint32_t len = sizeof datagram;
        struct net_sockaddr from;
        if (net_udp_send_to(&node->net, node->udp, &to, request, sizeof request) != NET_OK) {
            return "cannot send";
        }
        if (node_wait_ready(node, node->udp, NET_READY_READ, STEP_DEADLINE_MS / TFTP_TRIES) == 0) {
            continue;
        }
        if (net_udp_recv_from(datagram, &len, &from, &node->net, node->udp) != NET_OK ||
            !is_the_file(datagram, len, &from)) {
            return "another answer than the file";
        }
        return net_udp_send_to(&node->net, node->udp, &from, ack, sizeof ack) == NET_OK
                   ? NULL
                   : "cannot acknowledge";
    }
    return "no answer";
}

const char *check_tcp_listen(struct node *node)
{
    return node_listen(node, node->port, false);
}
