// SPDX-License-Identifier: Apache-2.0
// What a byte costs on its way: node-b's session writes to a service on node-a that this process offers through dsoftbusd
// and reads from, so that everything is on one machine: sender, netstackd both ways, dsoftbusd, reader, cryptography.
#include "tests/qemu/bench/stream.h"

#include "selftest-client_caps.h"
#include "services/lib/bus.h"
#include "services/lib/string.h"

enum {
    TOTAL_BYTES = 1 << 20,
    CHUNK_BYTES = 32768,
    READ_BYTES = 65536,
    OUTPUT_RECORDS = 4,
    STALL_MS = 5000,
};
static const char service[] = "selftest";

static uint8_t input[SESSION_RECORD_BYTES(RECORD_PLAINTEXT_BYTES_MIN)];
static uint8_t output[SESSION_OUTPUT_BYTES(OS_RECORD_PLAINTEXT, OUTPUT_RECORDS)];
static struct stream stream_place;
static uint8_t stream_buffer[STREAM_BUFFER_BYTES_MIN];
static struct session_memory memory;
static struct session_config config;
static struct dsb_client bus;

static const char *start(struct node *n, dsb_handle *listener, uint32_t *stream)
{
    pool_init(&memory.inputs, input, sizeof input, 1);
    pool_init(&memory.outputs, output, sizeof output, 1);
    stream_table_init(&memory.streams, &stream_place, 1, stream_buffer, sizeof stream_buffer);
    config = n->config;
    config.record_plaintext_max = RECORD_PLAINTEXT_BYTES_MIN;
    config.memory = &memory;
    if (dsb_connect(&bus, HANDLE_CALL_DSOFTBUSD, HANDLE_MEMORY_BUS_SELFTEST) != DSB_OK ||
        dsb_register(listener, &bus, service) != DSB_OK) {
        return "no service on the bus";
    }
    const char *why = node_dial(n, &config);
    if (why == NULL && (!node_run(n, out_established, STEP_DEADLINE_MS) || !n->out.established)) {
        why = "no READY";
    }
    if (why == NULL && stream_open(&n->out.session, clock_ms(), stream, (const uint8_t *)service,
                                   sizeof service - 1) != STREAM_OK) {
        why = "no stream";
    }
    return why;
}

static bool looked_twice(const struct node *n)
{
    static bool again;
    (void)n;
    again = !again;
    return !again;
}

// Hands to the network what it takes.
static const char *flush(struct node *n)
{
    size_t len;
    const uint8_t *bytes = session_output(&n->out.session, &len);
    while (len > 0) {
        uint32_t taken = (uint32_t)len;
        enum net_status status = net_tcp_write(&n->net, n->out.tcp, bytes, &taken);
        if (status == NET_WOULD_BLOCK) {
            return NULL;
        }
        if (status != NET_OK) {
            return "the connection is lost";
        }
        session_output_done(&n->out.session, taken);
        bytes = session_output(&n->out.session, &len);
    }
    return NULL;
}

// As much as the stream and the network take.
static const char *send(struct node *n, uint32_t stream, const uint8_t *data, uint32_t *sent)
{
    enum stream_error error = STREAM_OK;
    while (error == STREAM_OK && *sent < TOTAL_BYTES) {
        size_t left = TOTAL_BYTES - *sent, taken = 0;
        error = stream_write(&memory.streams, clock_ms(), stream, data,
                             left < CHUNK_BYTES ? left : CHUNK_BYTES, &taken);
        *sent += (uint32_t)taken;
        const char *why = flush(n);
        if (why != NULL) {
            return why;
        }
    }
    return error == STREAM_OK || error == STREAM_WOULD_BLOCK ? NULL : stream_error_name(error);
}

static const char *receive(dsb_handle listener, dsb_handle *in, uint32_t *received)
{
    struct dsb_accepted accepted;
    enum dsb_status status = DSB_OK;
    if (*in == 0 && dsb_accept(&accepted, &bus, listener) == DSB_OK) {
        *in = accepted.handle;
    }
    while (*in != 0 && status == DSB_OK && *received < TOTAL_BYTES) {
        uint32_t len = READ_BYTES;
        status = dsb_read_at(&len, &bus, *in, 0);
        *received += status == DSB_OK ? len : 0;
    }
    return status == DSB_OK || status == DSB_WOULD_BLOCK ? NULL : dsb_status_name(status);
}

const char *bench_stream(uint64_t *bytes, struct node *n, uint64_t (*executed)(void),
                         uint64_t *cost)
{
    static uint8_t data[CHUNK_BYTES];
    dsb_handle listener = 0, in = 0;
    uint32_t stream = 0, sent = 0, received = 0;
    const char *why = start(n, &listener, &stream);
    uint64_t begin = executed();
    while (why == NULL && received < TOTAL_BYTES) {
        why = send(n, stream, data, &sent);
        if (why == NULL) {
            why = receive(listener, &in, &received);
        }
        if (why == NULL && received < TOTAL_BYTES && !node_run(n, looked_twice, STALL_MS)) {
            why = "the stream stands still";
        }
    }
    *cost = executed() - begin;
    *bytes = received;
    channel_close(n, &n->out);
    if (listener != 0) {
        (void)dsb_close(&bus, listener, 0);
    }
    return why;
}
