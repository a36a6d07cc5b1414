// SPDX-License-Identifier: Apache-2.0
// NXSB announce v1: what a node says about itself in one UDP datagram (WIRE section 1).
//
//   4 "NXSB" | 1 version | 1 id length | id | 2 port | 32 static key | 1 service count
//   | per service: 1 length, name | trailer: TLVs that an older reader ignores
//
// An announce is unauthenticated. It offers an address for a device; it never creates or changes trust.
#ifndef DSOFTBUS_ANNOUNCE_H
#define DSOFTBUS_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/identity.h"
#include "dsoftbus/limits.h"

enum {
    ANNOUNCE_BYTES_MIN = 4 + 1 + 1 + 1 + 2 + DSB_KEY_BYTES + 1,
    ANNOUNCE_BODY_BYTES_MAX = 4 + 1 + 1 + DEVICE_ID_BYTES_MAX + 2 + DSB_KEY_BYTES + 1 +
                              ANNOUNCE_SERVICES_MAX * (1 + SERVICE_NAME_BYTES_MAX),
    ANNOUNCE_TRAILER_BYTES = 2 + 8 + 4 + 2,
    ANNOUNCE_BYTES_MAX = ANNOUNCE_BODY_BYTES_MAX + ANNOUNCE_TRAILER_BYTES,
    ANNOUNCE_PORT = 37020,
    ANNOUNCE_BOOT_ID_BYTES = 8,
};
_Static_assert(ANNOUNCE_BYTES_MIN == 42 && ANNOUNCE_BODY_BYTES_MAX == 1145,
               "as the wire format says");

enum announce_error {
    ANNOUNCE_OK,
    ANNOUNCE_TRUNCATED,
    ANNOUNCE_BAD_MAGIC,
    ANNOUNCE_UNSUPPORTED_VERSION,
    ANNOUNCE_BAD_DEVICE_ID_LENGTH,
    ANNOUNCE_BAD_UTF8,
    ANNOUNCE_TOO_MANY_SERVICES,
    ANNOUNCE_BAD_SERVICE_LENGTH,
    ANNOUNCE_NO_SPACE, // encoding only: the buffer is too small
};

// "bad magic" and so on, for logs.
const char *announce_error_name(enum announce_error error);

struct service_name {
    uint8_t len;
    uint8_t bytes[SERVICE_NAME_BYTES_MAX];
};

struct announce {
    struct device_id id;
    uint16_t port;
    uint8_t static_key[DSB_KEY_BYTES];
    uint8_t service_count;
    struct service_name services[ANNOUNCE_SERVICES_MAX];
    bool has_trailer; // boot_id and seq are meaningful; ttl_s always is
    uint8_t boot_id[ANNOUNCE_BOOT_ID_BYTES];
    uint32_t seq;
    uint16_t ttl_s; // 3..3600, out of range values are moved into it; 60 without a trailer
};

// Decodes any bytes at all. On an error *out is all zero. The order of checks, which decides among several errors:
// truncated (under 4 bytes), bad magic, truncated (under 6), unsupported version, device id length, truncated (through
// the service count), UTF-8 of the id, service count, then per service truncated, length, truncated, UTF-8. A
// malformed trailer is dropped and the announce kept; a boot TLV of another length, or a second one, is malformed.
enum announce_error announce_decode(struct announce *out, const uint8_t *datagram,
                                    size_t datagram_len) __attribute__((warn_unused_result));

// Encodes, with the trailer if has_trailer is set. Refuses what announce_decode would refuse. On an error *out_len
// is 0 and `out` untouched. ANNOUNCE_BYTES_MAX always suffices.
enum announce_error announce_encode(uint8_t *out, size_t out_size, size_t *out_len,
                                    const struct announce *announce)
    __attribute__((warn_unused_result));

#endif
