// SPDX-License-Identifier: Apache-2.0
// Device ids and public keys, network addresses: the values by which a node knows another.
#ifndef DSOFTBUS_IDENTITY_H
#define DSOFTBUS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/limits.h"

// 1..64 bytes of UTF-8; len 0 is "no id" and equal to nothing. What a peer sent is a label until it is bound to
// a key: print it through label_escape (dsoftbus/label.h) only. Copied by assignment: it is public.
struct device_id {
    uint8_t len;
    uint8_t bytes[DEVICE_ID_BYTES_MAX];
};

// Takes 1..64 bytes of well-formed UTF-8; otherwise *id is the empty id and the result false.
bool device_id_set(struct device_id *id, const uint8_t *bytes, size_t len)
    __attribute__((warn_unused_result));

// Equal and not empty.
bool device_id_equal(const struct device_id *a, const struct device_id *b);

// Well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF). len 0 is well formed.
bool utf8_valid(const uint8_t *bytes, size_t len);

// A name of our own, made of [0-9A-Za-z._-] only, 1..64 bytes: what we announce and what a service registers.
bool name_plain(const uint8_t *bytes, size_t len);

// One character of such a name.
bool name_char_plain(uint8_t c);

enum net_family { NET_NONE, NET_IPV4 = 4, NET_IPV6 = 6 };

// IPv4: the first 4 bytes, the other 12 are zero. Port in host order.
struct net_address {
    uint8_t family; // enum net_family
    uint8_t bytes[16];
    uint16_t port;
};

// Same family, address and port; NET_NONE is equal to nothing.
bool net_address_equal(const struct net_address *a, const struct net_address *b);

// Same host, whatever the port.
bool net_address_same_host(const struct net_address *a, const struct net_address *b);

// Same source for the purpose of limits: an IPv4 address, or the /64 of an IPv6 address, since whoever has one
// address of a /64 usually has them all.
bool net_address_same_source(const struct net_address *a, const struct net_address *b);

#endif
