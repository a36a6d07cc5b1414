// SPDX-License-Identifier: Apache-2.0
// The network itself, before the bus: interface, ICMP, UDP to the outside, TCP listener.
#ifndef SERVICES_SELFTEST_CLIENT_NET_CHECKS_H
#define SERVICES_SELFTEST_CLIENT_NET_CHECKS_H

#include "services/selftest-client/node.h"

// NULL, or why it failed.
const char *check_iface(struct node *node);
const char *check_ping(struct node *node);
const char *check_udp(struct node *node);
const char *check_tcp_listen(struct node *node);

#endif
