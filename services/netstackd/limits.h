// SPDX-License-Identifier: Apache-2.0
// The limits of netstackd, each with its reason. lwIP's pools follow from them (lwip/lwipopts.h),
// so that no client can use up what another one was promised.
#ifndef SERVICES_NETSTACKD_LIMITS_H
#define SERVICES_NETSTACKD_LIMITS_H

// Clients: dsoftbusd, selftest-client, and netstackd itself for the check of its own facade.
#define CLIENTS_MAX 4

// TCP connections. dsoftbusd: 64 half-open handshakes, 16 sessions, 16 dials. selftest-client: a
// flood in parts.
#define DSOFTBUSD_TCP_MAX 96
#define SELFTEST_TCP_MAX  32
#define SELF_TCP_MAX      2
#define TCP_MAX           (DSOFTBUSD_TCP_MAX + SELFTEST_TCP_MAX + SELF_TCP_MAX)

// Listeners, and connections of one that nobody has accepted yet (SYN_RCVD included).
#define CLIENT_LISTENERS_MAX 4
#define SELF_LISTENERS_MAX   1
#define LISTENERS_MAX        (2 * CLIENT_LISTENERS_MAX + SELF_LISTENERS_MAX)
#define BACKLOG_MAX          16 // NET_BACKLOG_MAX

// Datagram sockets. dsoftbusd needs one to listen and one to announce from.
#define CLIENT_UDP_MAX 8
#define SELF_UDP_MAX   2
#define UDP_MAX        (2 * CLIENT_UDP_MAX + SELF_UDP_MAX)
#define UDP_GROUPS_MAX 2 // multicast groups per socket

#define CLIENT_PINGS_MAX 4
#define PINGS_MAX        (2 * CLIENT_PINGS_MAX)

#define SOCKETS_MAX (TCP_MAX + LISTENERS_MAX + UDP_MAX + PINGS_MAX)

// One connection's receive ring, which is its TCP window, and its send buffer: a few records of the
// bus.
#define TCP_RING_BYTES 16384
#define TCP_SEND_BYTES 16384
// Unacknowledged writes of one connection: a record is a header and a body at worst.
#define TCP_SEND_PIECES 24

// One datagram socket's receive ring: seven announces of the largest size.
#define UDP_RING_BYTES 8192
// The payload of an Ethernet frame; larger ones would need fragments, which this stack does not
// speak.
#define UDP_PAYLOAD_BYTES_MAX 1472 // NET_UDP_PAYLOAD_MAX

// Frames that wait for a transmit buffer of the device before lwIP is told "no memory".
#define TRANSMIT_QUEUE_MAX 32

// Device restarts after it has violated the protocol; then the interface stays down.
#define DEVICE_RESTARTS_MAX 3

#define STATIC_FALLBACK_MS 3000 // without a DHCP offer

#endif
