// SPDX-License-Identifier: Apache-2.0
// Record plaintexts and the TLVs of message 3 and READY (WIRE section 2).
//
//   record:  type u8 | flags u8 | stream u16 | body
//   TLV:     type u8 | len u8 | value
#ifndef DSOFTBUS_RECORD_H
#define DSOFTBUS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/identity.h"
#include "dsoftbus/reason.h"

enum record_type {
    RECORD_READY = 1,
    RECORD_PING = 2,
    RECORD_PONG = 3,
    RECORD_OPEN = 4,
    RECORD_OPENED = 5,
    RECORD_DATA = 6,
    RECORD_WINDOW = 7,
    RECORD_CLOSE = 8,
    RECORD_BYE = 9,
    RECORD_REKEY = 10,
    RECORD_PAIR_COMMIT = 11,
    RECORD_PAIR_NONCE = 12,
    RECORD_PAIR_OPEN = 13,
};

enum { RECORD_FLAG_END = 1 }; // of DATA: the last of its direction

// Sizes of bodies.
enum {
    OPEN_BODY_BYTES_MIN = 4 + 1,
    OPEN_BODY_BYTES_MAX = 4 + SERVICE_NAME_BYTES_MAX,
    CREDIT_BODY_BYTES = 4, // OPENED and WINDOW
    PAIR_BODY_BYTES = 32,
};

struct record {
    enum record_type type;
    uint8_t flags;       // of DATA; else 0
    uint16_t stream;     // 0 where none belongs, and never 0 where one does
    const uint8_t *body; // into the plaintext
    size_t body_len;
};

// Header and shape of an authenticated plaintext. The order of checks: length (REASON_RECORD_LENGTH), type, flags,
// stream, body length (DATA may be empty only with the flag), and the UTF-8 of OPEN's name (REASON_RECORD_BODY).
// REASON_NONE when it is good; on an error *out is zero.
enum close_reason record_decode(struct record *out, const uint8_t *plaintext, size_t plaintext_len)
    __attribute__((warn_unused_result));

// Writes the header of a record.
void record_encode_header(uint8_t out[static RECORD_HEADER_BYTES], enum record_type type,
                          uint8_t flags, uint16_t stream);

enum {
    HELLO_BYTES_MAX = (2 + 4) + (2 + 2) + (2 + 2) + (2 + DEVICE_ID_BYTES_MAX), // as we send it
    HELLO_READY_BYTES = (2 + 4) + (2 + 2) + (2 + 2),
};

// What the two ends tell each other: message 3 with the device id, READY without.
struct hello {
    uint32_t capabilities; // 0 in version 1; unknown bits are ignored
    uint16_t record_plaintext_max;
    uint16_t streams_max;
    struct device_id id; // message 3 only
};

// All TLVs are required (the device id in message 3 only, and not allowed in READY), a duplicate is an error, an
// unknown type is an error above 127 and skipped up to it. False on any error, and *out is zero.
bool hello_decode(struct hello *out, bool message_3, const uint8_t *tlvs, size_t tlvs_len)
    __attribute__((warn_unused_result));

// Writes the TLVs, the device id if it is not empty; returns the length.
size_t hello_encode(uint8_t out[static HELLO_BYTES_MAX], const struct hello *hello);

#endif
