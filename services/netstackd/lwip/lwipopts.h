// SPDX-License-Identifier: Apache-2.0
// How netstackd configures lwIP 2.1.3. Pools follow from limits.h.
#ifndef SERVICES_NETSTACKD_LWIP_LWIPOPTS_H
#define SERVICES_NETSTACKD_LWIP_LWIPOPTS_H

#include "services/netstackd/limits.h"

// No operating system below lwIP: one loop, no threads, and timers of our own (timers.c).
#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN         0
#define LWIP_SOCKET          0
#define LWIP_TIMERS          0

// Protocols. Fragments are neither sent nor put together: nothing of ours is larger than a frame,
// and a reassembly pool would be one more thing to exhaust.
#define LWIP_IPV4                 1
#define LWIP_IPV6                 0
#define LWIP_ARP                  1
#define LWIP_ETHERNET             1
#define LWIP_ICMP                 1
#define LWIP_RAW                  1 // pings
#define LWIP_UDP                  1
#define LWIP_TCP                  1
#define LWIP_DHCP                 1
#define LWIP_IGMP                 1
#define LWIP_DNS                  0
#define IP_FORWARD                0
#define IP_REASSEMBLY             0
#define IP_FRAG                   0
#define IP_OPTIONS_ALLOWED        1 // IGMP carries router alert
#define DHCP_DOES_ARP_CHECK       0 // the address is wanted within the first second
#define LWIP_DHCP_MAX_DNS_SERVERS 0

#define LWIP_MULTICAST_TX_OPTIONS  1 // multicast loops back to its sender's machine
#define LWIP_NETIF_LOOPBACK        1
#define LWIP_HAVE_LOOPIF           1
#define LWIP_LOOPIF_MULTICAST      0
#define LWIP_NETIF_STATUS_CALLBACK 1

// Memory. The heap holds what clients have written and nobody has acknowledged: each connection's
// whole send buffer, a header for each piece of it (16 + 54 + 8 for pbuf, headers and alignment, 16
// for the heap), and what crosses the loopback at one time.
#define MEM_ALIGNMENT           8
#define HEAP_PER_CONNECTION     (TCP_SEND_BYTES + TCP_SEND_PIECES * 112)
#define MEM_SIZE                (TCP_MAX * HEAP_PER_CONNECTION + 256 * 1024)
#define MEMP_NUM_PBUF           64
#define PBUF_POOL_SIZE          64
#define PBUF_POOL_BUFSIZE       1536
#define PBUF_LINK_HLEN          14
#define MEMP_NUM_RAW_PCB        1
#define MEMP_NUM_UDP_PCB        (UDP_MAX + 1) // DHCP
#define MEMP_NUM_IGMP_GROUP     (UDP_MAX * UDP_GROUPS_MAX + 2)
#define MEMP_NUM_TCP_PCB_LISTEN LISTENERS_MAX
// Connections, those that listeners have not passed on yet; TIME_WAIT takes what is left and gives
// way.
#define MEMP_NUM_TCP_PCB (TCP_MAX + LISTENERS_MAX * BACKLOG_MAX)
#define MEMP_NUM_TCP_SEG (TCP_MAX * TCP_SEND_PIECES + 256)

// TCP. The MSS is that of the loopback; on Ethernet the interface's MTU limits it to 1460.
#define TCP_MSS                    4096
#define TCP_WND                    TCP_RING_BYTES
#define TCP_SND_BUF                TCP_SEND_BYTES
#define TCP_SND_QUEUELEN           TCP_SEND_PIECES
#define TCP_SNDLOWAT               (TCP_SND_BUF / 4)
#define TCP_LISTEN_BACKLOG         1
#define SO_REUSE                   1
#define TCP_OOSEQ_MAX_BYTES        TCP_WND
#define TCP_OOSEQ_MAX_PBUFS        12
#define TCP_CALCULATE_EFF_SEND_MSS 1
// The unit of time-outs is twice this: with lwIP's 250 a lost segment is repeated after 1.5 s at the earliest, so after 0.6 s.
#define TCP_TMR_INTERVAL 100
// Tells the facade when lwIP lets go of a connection.
#define LWIP_TCP_PCB_NUM_EXT_ARGS                                 1
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) stack_random()

#define LWIP_HOOK_IP4_INPUT(p, from) stack_ip4_input(p, from)

// Checksums: by netif, because nothing can happen to a packet on the loopback.
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHKSUM                  stack_checksum

// Statistics: what NET_STATS reports.
#define LWIP_STATS   1
#define MEM_STATS    1
#define MEMP_STATS   1
#define LINK_STATS   0
#define ETHARP_STATS 0
#define IP_STATS     0
#define ICMP_STATS   0
#define IGMP_STATS   0
#define UDP_STATS    0
#define TCP_STATS    0
#define SYS_STATS    0

#endif
