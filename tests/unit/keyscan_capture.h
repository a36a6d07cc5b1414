// SPDX-License-Identifier: Apache-2.0
// Captures made by hand: Ethernet frames with TCP segments, their checksums right.
#ifndef TESTS_UNIT_KEYSCAN_CAPTURE_H
#define TESTS_UNIT_KEYSCAN_CAPTURE_H

#include <stdint.h>
#include <string.h>

enum { MADE_BYTES_MAX = 1 << 16, MADE_FIN = 1, MADE_SYN = 2, MADE_RST = 4, MADE_ACK = 16 };

struct made {
    uint8_t bytes[MADE_BYTES_MAX];
    size_t len;
};

static inline void made_put(struct made *made, const void *bytes, size_t len)
{
    memcpy(made->bytes + made->len, bytes, len);
    made->len += len;
}

static inline void made_native_32(struct made *made, uint32_t value)
{
    made_put(made, &value, sizeof value);
}

static inline void made_start(struct made *made)
{
    static const uint32_t header[] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65536, 1};
    made->len = 0;
    made_put(made, header, sizeof header);
}

static inline void made_frame(struct made *made, const uint8_t *frame, size_t len)
{
    made_native_32(made, 0);
    made_native_32(made, 0);
    made_native_32(made, (uint32_t)len);
    made_native_32(made, (uint32_t)len);
    made_put(made, frame, len);
}

static inline void made_16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline uint32_t made_sum(uint32_t sum, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

// A frame of the segment; `from` and `to` are the last bytes of the addresses 10.0.2.x and the ports.
static inline size_t made_segment(uint8_t *frame, uint16_t from, uint16_t to, uint32_t sequence,
                                  uint8_t flags, const void *data, size_t len)
{
    uint8_t *ip = frame + 14, *tcp = ip + 20;
    memset(frame, 0, 54);
    made_16(frame + 12, 0x0800);
    ip[0] = 0x45;
    made_16(ip + 2, (uint32_t)(40 + len));
    ip[8] = 64;
    ip[9] = 6;
    memcpy(ip + 12, (uint8_t[]){10, 0, 2, (uint8_t)from, 10, 0, 2, (uint8_t)to}, 8);
    made_16(ip + 10, made_sum(0, ip, 20) ^ 0xffff);
    made_16(tcp, from);
    made_16(tcp + 2, to);
    made_16(tcp + 4, sequence >> 16);
    made_16(tcp + 6, sequence & 0xffff);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    memcpy(tcp + 20, data, len);
    uint32_t sum = made_sum(6 + 20 + (uint32_t)len, ip + 12, 8);
    made_16(tcp + 16, made_sum(sum, tcp, 20 + len) ^ 0xffff);
    return 54 + len;
}

static inline void made_packet(struct made *made, uint16_t from, uint16_t to, uint32_t sequence,
                               uint8_t flags, const void *data, size_t len)
{
    uint8_t frame[2048];
    made_frame(made, frame, made_segment(frame, from, to, sequence, flags, data, len));
}

#endif
