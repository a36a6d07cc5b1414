// SPDX-License-Identifier: Apache-2.0
// A capture of the wire (pcap, Ethernet) as TCP connections with the bytes that each end sent.
//
// A frame that is no sound TCP segment over IPv4 (another protocol, a length or a checksum that does not fit) is no
// part of a stream: nobody took it for one. It is counted; and the whole file is searched besides.
#ifndef TESTS_QEMU_KEYSCAN_CAPTURE_H
#define TESTS_QEMU_KEYSCAN_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What one end sent. Behind a gap (a segment that the capture lacks) the bytes go on without it.
struct tcp_stream {
    uint8_t *data;
    size_t len;
    size_t whole_len; // the bytes before the first gap
};

struct capture_end {
    uint8_t address[4];
    uint16_t port;
};

struct tcp_connection {
    struct capture_end opener, other;
    struct tcp_stream sent, received; // by the one that opened it
    uint32_t first_sequence[2];       // of the first byte of each stream
    bool has_first[2];
    struct segment *segments; // while the capture is read
    size_t segment_count, segment_cap;
};

struct capture {
    struct tcp_connection *connections;
    size_t count;
    size_t frames, frames_unused;
};

enum capture_error {
    CAPTURE_OK,
    CAPTURE_FORMAT,    // not a pcap file of Ethernet frames in this machine's byte order
    CAPTURE_SHORT,     // ends inside a header or a frame
    CAPTURE_CUT_FRAME, // was taken with a limit on the length of a frame
    CAPTURE_FRAGMENT,  // a TCP segment in IP fragments, which nothing here sends
    CAPTURE_ORPHAN,    // data of a connection whose beginning is missing
};

// On an error *out is empty. Freed with capture_free.
enum capture_error capture_parse(struct capture *out, const uint8_t *raw, size_t raw_len)
    __attribute__((warn_unused_result));

void capture_free(struct capture *capture);

const char *capture_error_name(enum capture_error error);

#endif
