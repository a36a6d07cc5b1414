// SPDX-License-Identifier: Apache-2.0
// Network addresses as text and as the kernel's structures.
#ifndef HOST_COMMON_ADDRESS_H
#define HOST_COMMON_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "dsoftbus/identity.h"

enum { ADDRESS_CHARS_MAX = 56 }; // "[" 45 characters "]:65535" and the closing 0

// "10.0.0.1:34567" or "[fe80::1]:34567", numbers only; without ":port" the port is 0. False: neither.
bool address_parse(struct net_address *out, const char *text) __attribute__((warn_unused_result));

// Without the port when it is 0; "-" for NET_NONE.
void address_format(char out[static ADDRESS_CHARS_MAX], const struct net_address *address);

// An IPv4 address mapped into IPv6 becomes IPv4. Other families become NET_NONE.
struct net_address address_from_sockaddr(const struct sockaddr_storage *from);

// Returns the length; 0 for NET_NONE.
socklen_t address_to_sockaddr(struct sockaddr_storage *to, const struct net_address *from);

#endif
