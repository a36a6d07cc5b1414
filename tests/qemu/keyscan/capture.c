// SPDX-License-Identifier: Apache-2.0
// Frames to segments to connections to streams.
#include "tests/qemu/keyscan/capture.h"

#include <stdlib.h>
#include <string.h>

#include "tests/qemu/keyscan/memory.h"

enum {
    FILE_HEADER = 24,
    FRAME_HEADER = 16,
    ETHERNET_HEADER = 14,
    IPV4_HEADER = 20,
    TCP_HEADER = 20,
    LINK_ETHERNET = 1,
    PROTOCOL_TCP = 6,
    FLAG_SYN = 2,
    FLAG_ACK = 16,
};

static const uint32_t pcap_magic = 0xa1b2c3d4;

struct segment {
    bool from_opener;
    uint32_t offset; // in its stream
    size_t order;    // of its arrival
    const uint8_t *data;
    size_t len;
};

// A TCP segment as it was on the wire.
struct packet {
    struct capture_end source, destination;
    uint32_t sequence;
    uint8_t flags;
    const uint8_t *data;
    size_t len;
};

static uint16_t load_16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t load_32(const uint8_t *p)
{
    return (uint32_t)load_16(p) << 16 | load_16(p + 2);
}

static uint32_t load_native_32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

// ---- Frame to segment ---------------------------------------------------------------------------------------

// The sum of RFC 1071, not yet folded. An odd last byte is padded.
static uint32_t sum_16(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < len; i += 2) {
        sum += load_16(p + i);
    }
    return len % 2 == 0 ? sum : sum + (uint32_t)(p[len - 1] << 8);
}

static bool sum_is_good(uint32_t sum)
{
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum == 0xffff;
}

// RFC 9293 3.1: with the addresses, the protocol and the length before it.
static bool tcp_sum_is_good(const uint8_t *ip, const uint8_t *tcp, size_t tcp_len)
{
    return sum_is_good(sum_16(ip + 12, 8) + PROTOCOL_TCP + (uint32_t)tcp_len +
                       sum_16(tcp, tcp_len));
}

// With a sound IPv4 header: in one that is damaged no field means anything.
static bool is_ipv4_tcp(const uint8_t *frame, size_t len)
{
    if (len < ETHERNET_HEADER + IPV4_HEADER || load_16(frame + 12) != 0x0800) {
        return false;
    }
    const uint8_t *ip = frame + ETHERNET_HEADER;
    size_t ip_header = (size_t)(ip[0] & 15) * 4;
    return ip[0] >> 4 == 4 && ip[9] == PROTOCOL_TCP && ip_header >= IPV4_HEADER &&
           ip_header <= len - ETHERNET_HEADER && sum_is_good(sum_16(ip, ip_header));
}

static bool parse_packet(struct packet *out, const uint8_t *frame, size_t len)
{
    const uint8_t *ip = frame + ETHERNET_HEADER;
    size_t ip_header = (size_t)(ip[0] & 15) * 4;
    size_t ip_len = load_16(ip + 2);
    if (ip_len < ip_header + TCP_HEADER || ip_len > len - ETHERNET_HEADER) {
        return false;
    }
    const uint8_t *tcp = ip + ip_header;
    size_t tcp_len = ip_len - ip_header;
    size_t tcp_header = (size_t)(tcp[12] >> 4) * 4;
    if (tcp_header < TCP_HEADER || tcp_header > tcp_len || !tcp_sum_is_good(ip, tcp, tcp_len)) {
        return false;
    }
    *out = (struct packet){
        .source.port = load_16(tcp),
        .destination.port = load_16(tcp + 2),
        .sequence = load_32(tcp + 4),
        .flags = tcp[13],
        .data = tcp + tcp_header,
        .len = tcp_len - tcp_header,
    };
    memcpy(out->source.address, ip + 12, 4);
    memcpy(out->destination.address, ip + 16, 4);
    return true;
}

// ---- Segment to connection ------------------------------------------------------------------------------------

static bool same_end(const struct capture_end *a, const struct capture_end *b)
{
    return a->port == b->port && memcmp(a->address, b->address, sizeof a->address) == 0;
}

// The newest connection between the two ends of the packet.
static struct tcp_connection *find(const struct capture *capture, const struct packet *packet,
                                   bool *from_opener)
{
    for (size_t i = capture->count; i-- > 0;) {
        struct tcp_connection *c = &capture->connections[i];
        *from_opener =
            same_end(&c->opener, &packet->source) && same_end(&c->other, &packet->destination);
        if (*from_opener ||
            (same_end(&c->opener, &packet->destination) && same_end(&c->other, &packet->source))) {
            return c;
        }
    }
    return NULL;
}

static struct tcp_connection *open_connection(struct capture *capture, const struct packet *packet)
{
    capture->connections =
        memory_resize(capture->connections, capture->count + 1, sizeof *capture->connections);
    struct tcp_connection *c = &capture->connections[capture->count++];
    *c = (struct tcp_connection){.opener = packet->source, .other = packet->destination};
    return c;
}

static void add_segment(struct tcp_connection *c, const struct packet *packet, bool from_opener)
{
    uint32_t offset = packet->sequence - c->first_sequence[from_opener];
    if (offset > INT32_MAX) {
        return; // from before the beginning: a probe (RFC 9293 3.8.4)
    }
    if (c->segment_count == c->segment_cap) {
        c->segment_cap = c->segment_cap == 0 ? 16 : 2 * c->segment_cap;
        c->segments = memory_resize(c->segments, c->segment_cap, sizeof *c->segments);
    }
    c->segments[c->segment_count] = (struct segment){
        .from_opener = from_opener,
        .offset = offset,
        .order = c->segment_count,
        .data = packet->data,
        .len = packet->len,
    };
    c->segment_count++;
}

static enum capture_error add_packet(struct capture *capture, const struct packet *packet)
{
    bool from_opener;
    struct tcp_connection *c = find(capture, packet, &from_opener);
    bool opens = (packet->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
    // A SYN sent again opens nothing; one with another number uses the port again.
    if (opens && (c == NULL || !from_opener || c->first_sequence[1] != packet->sequence + 1)) {
        c = open_connection(capture, packet);
        from_opener = true;
    }
    if (c != NULL && (packet->flags & FLAG_SYN) != 0) {
        c->first_sequence[from_opener] = packet->sequence + 1;
        c->has_first[from_opener] = true;
        return CAPTURE_OK; // nothing here sends data with a SYN
    }
    if (packet->len == 0) {
        return CAPTURE_OK;
    }
    if (c == NULL || !c->has_first[from_opener]) {
        return CAPTURE_ORPHAN;
    }
    add_segment(c, packet, from_opener);
    return CAPTURE_OK;
}

static enum capture_error add_frame(struct capture *capture, const uint8_t *frame, size_t len)
{
    struct packet packet;
    capture->frames++;
    if (is_ipv4_tcp(frame, len) && (load_16(frame + ETHERNET_HEADER + 6) & 0x3fff) != 0) {
        return CAPTURE_FRAGMENT;
    }
    if (!is_ipv4_tcp(frame, len) || !parse_packet(&packet, frame, len)) {
        capture->frames_unused++;
        return CAPTURE_OK;
    }
    return add_packet(capture, &packet);
}

// ---- Connection to streams --------------------------------------------------------------------------------------

static int compare_segments(const void *left, const void *right)
{
    const struct segment *a = left;
    const struct segment *b = right;
    if (a->offset != b->offset) {
        return a->offset < b->offset ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

// The first copy of a byte counts.
static void join_stream(struct tcp_stream *stream, const struct tcp_connection *c, bool from_opener)
{
    size_t total = 0, reached = 0;
    bool gap = false;
    for (size_t i = 0; i < c->segment_count; i++) {
        total += c->segments[i].len;
    }
    stream->data = memory_resize(NULL, total, 1);
    for (size_t i = 0; i < c->segment_count; i++) {
        const struct segment *segment = &c->segments[i];
        size_t end = (size_t)segment->offset + segment->len;
        if (segment->from_opener != from_opener || end <= reached) {
            continue;
        }
        size_t skip = segment->offset < reached ? reached - segment->offset : 0;
        gap = gap || segment->offset > reached;
        memcpy(stream->data + stream->len, segment->data + skip, segment->len - skip);
        stream->len += segment->len - skip;
        stream->whole_len = gap ? stream->whole_len : stream->len;
        reached = end;
    }
}

static void join_streams(struct tcp_connection *c)
{
    if (c->segment_count > 0) {
        qsort(c->segments, c->segment_count, sizeof *c->segments, compare_segments);
    }
    join_stream(&c->sent, c, true);
    join_stream(&c->received, c, false);
    free(c->segments);
    c->segments = NULL;
    c->segment_count = c->segment_cap = 0;
}

// ---- The file ---------------------------------------------------------------------------------------------------

static enum capture_error read_frames(struct capture *out, const uint8_t *raw, size_t raw_len)
{
    if (raw_len < FILE_HEADER) {
        return CAPTURE_SHORT;
    }
    if (load_native_32(raw) != pcap_magic || load_native_32(raw + 20) != LINK_ETHERNET) {
        return CAPTURE_FORMAT;
    }
    for (size_t at = FILE_HEADER; at < raw_len;) {
        if (raw_len - at < FRAME_HEADER) {
            return CAPTURE_SHORT;
        }
        size_t len = load_native_32(raw + at + 8);
        if (len != load_native_32(raw + at + 12)) {
            return CAPTURE_CUT_FRAME;
        }
        at += FRAME_HEADER;
        if (len > raw_len - at) {
            return CAPTURE_SHORT;
        }
        enum capture_error error = add_frame(out, raw + at, len);
        if (error != CAPTURE_OK) {
            return error;
        }
        at += len;
    }
    return CAPTURE_OK;
}

enum capture_error capture_parse(struct capture *out, const uint8_t *raw, size_t raw_len)
{
    *out = (struct capture){0};
    enum capture_error error = read_frames(out, raw, raw_len);
    if (error != CAPTURE_OK) {
        capture_free(out);
        return error;
    }
    for (size_t i = 0; i < out->count; i++) {
        join_streams(&out->connections[i]);
    }
    return CAPTURE_OK;
}

void capture_free(struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        free(capture->connections[i].segments);
        free(capture->connections[i].sent.data);
        free(capture->connections[i].received.data);
    }
    free(capture->connections);
    *capture = (struct capture){0};
}

const char *capture_error_name(enum capture_error error)
{
    switch (error) {
    case CAPTURE_OK:
        return "ok";
    case CAPTURE_FORMAT:
        return "not a pcap file of Ethernet frames";
    case CAPTURE_SHORT:
        return "the file ends inside a header or a frame";
    case CAPTURE_CUT_FRAME:
        return "a frame was not captured whole";
    case CAPTURE_FRAGMENT:
        return "a TCP segment in IP fragments";
    case CAPTURE_ORPHAN:
        return "data of a connection whose beginning is missing";
    }
    return "unknown";
}
