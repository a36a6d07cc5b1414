// SPDX-License-Identifier: Apache-2.0
// Record plaintexts and the TLVs of message 3 and READY (WIRE section 2).
#include "dsoftbus/record.h"

#include "dsoftbus/bytes.h"

enum tlv_type {
    TLV_CAPABILITIES = 1,
    TLV_RECORD_MAX = 2,
    TLV_STREAMS_MAX = 3,
    TLV_DEVICE_ID = 4,
    TLV_OPTIONAL_MAX = 127, // unknown types up to it may be skipped
};

// What a record of a type may look like.
struct shape {
    bool known, on_stream;
    uint8_t flags; // that it may have
    size_t body_min, body_max;
};

static const struct shape shapes[] = {
    [RECORD_READY] = {true, false, 0, 0, SIZE_MAX},
    [RECORD_PING] = {true, false, 0, PING_TOKEN_BYTES, PING_TOKEN_BYTES},
    [RECORD_PONG] = {true, false, 0, PING_TOKEN_BYTES, PING_TOKEN_BYTES},
    [RECORD_OPEN] = {true, true, 0, OPEN_BODY_BYTES_MIN, OPEN_BODY_BYTES_MAX},
    [RECORD_OPENED] = {true, true, 0, CREDIT_BODY_BYTES, CREDIT_BODY_BYTES},
    [RECORD_DATA] = {true, true, RECORD_FLAG_END, 0, SIZE_MAX},
    [RECORD_WINDOW] = {true, true, 0, CREDIT_BODY_BYTES, CREDIT_BODY_BYTES},
    [RECORD_CLOSE] = {true, true, 0, 1, 1},
    [RECORD_BYE] = {true, false, 0, 1, 1},
    [RECORD_REKEY] = {true, false, 0, 0, 0},
    [RECORD_PAIR_COMMIT] = {true, false, 0, PAIR_BODY_BYTES, PAIR_BODY_BYTES},
    [RECORD_PAIR_NONCE] = {true, false, 0, PAIR_BODY_BYTES, PAIR_BODY_BYTES},
    [RECORD_PAIR_OPEN] = {true, false, 0, PAIR_BODY_BYTES, PAIR_BODY_BYTES},
};

static bool body_valid(const struct shape *shape, const uint8_t *plaintext, size_t body_len)
{
    if (body_len < shape->body_min || body_len > shape->body_max) {
        return false;
    }
    if (plaintext[0] == RECORD_DATA) {
        return body_len > 0 || plaintext[1] == RECORD_FLAG_END;
    }
    return plaintext[0] != RECORD_OPEN ||
           utf8_valid(plaintext + RECORD_HEADER_BYTES + 4, body_len - 4);
}

enum close_reason record_decode(struct record *out, const uint8_t *plaintext, size_t plaintext_len)
{
    const struct shape *shape;
    size_t body_len;

    *out = (struct record){0};
    if (plaintext_len < RECORD_HEADER_BYTES) {
        return REASON_RECORD_LENGTH;
    }
    if (plaintext[0] >= sizeof shapes / sizeof shapes[0] || !shapes[plaintext[0]].known) {
        return REASON_RECORD_TYPE;
    }
    shape = &shapes[plaintext[0]];
    if ((plaintext[1] & ~shape->flags) != 0) {
        return REASON_RECORD_FLAGS;
    }
    if ((load_be16(plaintext + 2) != 0) != shape->on_stream) {
        return REASON_RECORD_STREAM;
    }
    body_len = plaintext_len - RECORD_HEADER_BYTES;
    if (!body_valid(shape, plaintext, body_len)) {
        return REASON_RECORD_BODY;
    }
    out->type = (enum record_type)plaintext[0];
    out->flags = plaintext[1];
    out->stream = load_be16(plaintext + 2);
    out->body = plaintext + RECORD_HEADER_BYTES;
    out->body_len = body_len;
    return REASON_NONE;
}

void record_encode_header(uint8_t out[static RECORD_HEADER_BYTES], enum record_type type,
                          uint8_t flags, uint16_t stream)
{
    out[0] = (uint8_t)type;
    out[1] = flags;
    store_be16(out + 2, stream);
}

// One TLV that this version knows. `seen` has a bit for each type met before.
static bool decode_known(struct hello *out, uint8_t *seen, uint8_t type, const uint8_t *value,
                         uint8_t len)
{
    if (*seen & 1u << type) {
        return false;
    }
    *seen = (uint8_t)(*seen | 1u << type);
    switch ((enum tlv_type)type) {
    case TLV_CAPABILITIES:
        out->capabilities = len == 4 ? load_be32(value) : 0;
        return len == 4;
    case TLV_RECORD_MAX:
        out->record_plaintext_max = len == 2 ? load_be16(value) : 0;
        return out->record_plaintext_max >= RECORD_PLAINTEXT_BYTES_MIN &&
               out->record_plaintext_max <= RECORD_PLAINTEXT_BYTES_MAX;
    case TLV_STREAMS_MAX:
        out->streams_max = len == 2 ? load_be16(value) : 0;
        return len == 2;
    case TLV_DEVICE_ID:
        return device_id_set(&out->id, value, len);
    case TLV_OPTIONAL_MAX:
        break;
    }
    return false;
}

static bool decode_tlvs(struct hello *out, uint8_t *seen, bool message_3, const uint8_t *at,
                        size_t left)
{
    while (left > 0) {
        uint8_t type, len;

        if (left < 2 || left - 2 < at[1]) {
            return false;
        }
        type = at[0];
        len = at[1];
        if (type >= TLV_CAPABILITIES && type <= TLV_DEVICE_ID) {
            if ((type == TLV_DEVICE_ID && !message_3) ||
                !decode_known(out, seen, type, at + 2, len)) {
                return false;
            }
        } else if (type > TLV_OPTIONAL_MAX) {
            return false;
        }
        at += 2 + (size_t)len;
        left -= 2 + (size_t)len;
    }
    return true;
}

bool hello_decode(struct hello *out, bool message_3, const uint8_t *tlvs, size_t tlvs_len)
{
    uint8_t required = 1 << TLV_CAPABILITIES | 1 << TLV_RECORD_MAX | 1 << TLV_STREAMS_MAX;
    uint8_t seen = 0;

    if (message_3) {
        required |= 1 << TLV_DEVICE_ID;
    }
    *out = (struct hello){0};
    if (!decode_tlvs(out, &seen, message_3, tlvs, tlvs_len) || seen != required) {
        *out = (struct hello){0};
        return false;
    }
    return true;
}

size_t hello_encode(uint8_t out[static HELLO_BYTES_MAX], const struct hello *hello)
{
    out[0] = TLV_CAPABILITIES;
    out[1] = 4;
    store_be32(out + 2, hello->capabilities);
    out[6] = TLV_RECORD_MAX;
    out[7] = 2;
    store_be16(out + 8, hello->record_plaintext_max);
    out[10] = TLV_STREAMS_MAX;
    out[11] = 2;
    store_be16(out + 12, hello->streams_max);
    if (hello->id.len == 0) {
        return HELLO_READY_BYTES;
    }
    out[14] = TLV_DEVICE_ID;
    out[15] = hello->id.len;
    bytes_copy(out + 16, hello->id.bytes, hello->id.len);
    return HELLO_READY_BYTES + 2 + (size_t)hello->id.len;
}
