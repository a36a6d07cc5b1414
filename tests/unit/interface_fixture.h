// SPDX-License-Identifier: Apache-2.0
// netstackd's Ethernet interface over a device that the test plays: it hands in frames, takes out
// frames, and fails on demand.
#ifndef TESTS_UNIT_INTERFACE_FIXTURE_H
#define TESTS_UNIT_INTERFACE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/abi/neuron.h"
#include "lwip/inet_chksum.h"
#include "services/lib/log.h"
#include "services/netstackd/interface.h"
#include "services/netstackd/limits.h"
#include "services/netstackd/stack.h"

enum { FRAMES_MAX = 128, LINES_MAX = 32 };

struct frame {
    uint8_t bytes[FRAME_BYTES_MAX];
    size_t len;
};

// What went out, and what waits to come in.
static struct frame sent[FRAMES_MAX], arriving[FRAMES_MAX];
static uint32_t sent_count, arriving_count, arriving_next;
static uint32_t transmit_room = FRAMES_MAX; // buffers that the device has left
static enum virtio_error receive_error = VIRTIO_EMPTY, start_error = VIRTIO_OK;
static bool device_live = true;
static uint32_t starts;
static uint64_t test_now;
static char lines[LINES_MAX][NEURON_LOG_LINE_BYTES_MAX];
static uint32_t line_count;

void log_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    assert_true(line_count < LINES_MAX);
    vsnprintf(lines[line_count++], sizeof lines[0], format, args);
    va_end(args);
}
_Noreturn void die(const char *format, ...)
{
    fputs(format, stderr);
    abort();
}

enum virtio_error virtio_net_start(struct virtio_net *net, const struct virtio_net_memory *memory)
{
    (void)memory;
    starts++;
    memcpy(net->mac, "\x52\x54\x00\x12\x34\x56", 6);
    return start_error;
}
bool virtio_net_interrupt(struct virtio_net *net)
{
    (void)net;
    return device_live;
}
enum virtio_error virtio_net_receive(struct virtio_net *net, const uint8_t **frame, size_t *len)
{
    (void)net;
    if (arriving_next == arriving_count) {
        return receive_error;
    }
    *frame = arriving[arriving_next].bytes;
    *len = arriving[arriving_next++].len;
    return VIRTIO_OK;
}
void virtio_net_release(struct virtio_net *net)
{
    (void)net;
}
void virtio_net_receive_done(struct virtio_net *net)
{
    (void)net;
}
enum virtio_error virtio_net_transmit_buffer(struct virtio_net *net, uint8_t **frame, uint16_t *id)
{
    (void)net;
    assert_true(sent_count < FRAMES_MAX);
    *id = (uint16_t)sent_count;
    *frame = sent[sent_count].bytes;
    return transmit_room > 0 ? VIRTIO_OK : VIRTIO_EMPTY;
}
void virtio_net_send(struct virtio_net *net, uint16_t id, size_t len)
{
    (void)net;
    sent[id].len = len;
    sent_count++;
    transmit_room--;
}
const char *virtio_error_name(enum virtio_error error)
{
    return error == VIRTIO_BAD_USED_ID ? "bad used id" : "another error";
}

// One turn of the loop.
static inline bool turn(void)
{
    stack_advance(test_now);
    bool more = interface_receive();
    bool up = interface_update();
    stack_loop();
    assert_false(more && arriving_count - arriving_next == 0 &&
                 arriving_count < VIRTIO_NET_RX_BUFFERS);
    return up;
}

static inline void pass_ms(uint64_t ms)
{
    uint64_t end = test_now + ms * NEURON_TICKS_PER_MS;
    while (test_now < end) {
        uint64_t next = stack_deadline();
        next = interface_deadline() < next ? interface_deadline() : next;
        test_now = next < end ? (next > test_now ? next : test_now) : end;
        turn();
    }
}

static inline int start_interface_once(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {7};
    static const struct virtio_net_memory memory = {0};
    stack_start(seed);
    interface_start(&memory);
    return 0;
}

static inline void expect_line(uint32_t i, const char *text)
{
    assert_true(i < line_count);
    assert_string_equal(lines[i], text);
}

static inline void arrive(const uint8_t *bytes, size_t len)
{
    arriving_next = 0;
    arriving_count = 1;
    memcpy(arriving[0].bytes, bytes, len);
    arriving[0].len = len;
    turn();
}

#endif
