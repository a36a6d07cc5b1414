// SPDX-License-Identifier: Apache-2.0
// The virtio transport and the network driver against a device made of memory: what it refuses, and
// what it does when the device lies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/lib/virtio.h"
#include "services/netstackd/virtio_net.h"

// The registers are plain memory: what the driver writes it reads back. Both halves of the feature
// word are the same register, so bit 0 stands for VERSION_1 (bit 32) and bit 5 for MAC.
static uint32_t registers[1024];
static uint8_t dma[VIRTIO_NET_DMA_BYTES] __attribute__((aligned(4096)));
static struct virtio_net net;

enum {
    MAGIC = 0,
    VERSION = 1,
    DEVICE_ID = 2,
    FEATURES = 4,
    QUEUE_NUM_MAX = 13,
    QUEUE_READY = 17,
    NOTIFY = 20,
    STATUS = 28,
    CONFIG = 64,
    USED_OFFSET = 64 * 16 + 136, // behind the descriptors and the available ring
};

static struct virtio_net_memory memory(void)
{
    return (struct virtio_net_memory){registers, dma, 0x80000000, sizeof dma};
}

static int power_on(void **state)
{
    (void)state;
    memset(registers, 0, sizeof registers);
    memset(dma, 0xee, sizeof dma);
    memset(&net, 0, sizeof net);
    registers[MAGIC] = 0x74726976;
    registers[VERSION] = 2;
    registers[DEVICE_ID] = VIRTIO_ID_NET;
    registers[FEATURES] = 1 | 1 << 5;
    registers[QUEUE_NUM_MAX] = 1024;
    memcpy(&registers[CONFIG], "\x52\x54\x00\x12\x34\x56", 6);
    return 0;
}

// The one QueueReady register serves two queues: the second selection must find it 0, as a device
// would say.
static enum virtio_error start(void)
{
    struct virtio_net_memory m = memory();
    return virtio_net_start(&net, &m);
}

static uint16_t *used_index(size_t queue)
{
    return (uint16_t *)(void *)(dma + queue * VIRTIO_QUEUE_RING_BYTES + USED_OFFSET + 2);
}

// The device returns a buffer.
static void give_back(size_t queue, uint32_t id, uint32_t len)
{
    uint16_t *index = used_index(queue);
    uint32_t *ring = (uint32_t *)(void *)(dma + queue * VIRTIO_QUEUE_RING_BYTES + USED_OFFSET + 4);
    size_t size = queue == 0 ? VIRTIO_NET_RX_BUFFERS : VIRTIO_NET_TX_BUFFERS;
    ring[*index % size * 2] = id;
    ring[*index % size * 2 + 1] = len;
    ++*index;
}

static uint8_t *receive_buffer(size_t id)
{
    return dma + (size_t)2 * VIRTIO_QUEUE_RING_BYTES + id * VIRTIO_NET_BUFFER_BYTES;
}

// A queue by itself, so that QueueReady needs no second life.
static struct virtio_device device;
static struct virtio_queue queue;

static enum virtio_error start_queue(uint16_t size, bool device_writes)
{
    struct virtio_queue_memory m = {dma, 0x80000000, dma + 4096,   0x80001000,
                                    256, size,       device_writes};
    return virtio_queue_start(&queue, &device, 0, &m);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *name;
        unsigned reg;
        uint32_t value;
        enum virtio_error expected;
    } rows[] = {
        {"no device", MAGIC, 0, VIRTIO_NO_DEVICE},
        {"legacy device", VERSION, 1, VIRTIO_WRONG_VERSION},
        {"empty slot", DEVICE_ID, 0, VIRTIO_NO_DEVICE},
        {"another device", DEVICE_ID, VIRTIO_ID_RNG, VIRTIO_WRONG_TYPE},
        {"no VERSION_1", FEATURES, 1 << 5, VIRTIO_NO_FEATURE},
        {"no MAC", FEATURES, 1, VIRTIO_NO_FEATURE},
        {"queue too small", QUEUE_NUM_MAX, VIRTIO_NET_RX_BUFFERS - 1, VIRTIO_BAD_QUEUE},
        {"queue in use", QUEUE_READY, 1, VIRTIO_BAD_QUEUE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        power_on(state);
        registers[rows[i].reg] = rows[i].value;
        if (start() != rows[i].expected) {
            fail_msg("row %zu, %s", i, rows[i].name);
        }
        assert_int_equal(registers[STATUS] & 4, 0); // never DRIVER_OK
    }
}

static void test_queue_life(void **state)
{
    (void)state;
    assert_int_equal(virtio_begin(&device, registers, VIRTIO_ID_NET, 0, 0), VIRTIO_OK);
    assert_int_equal(registers[STATUS], 1 | 2 | 8);
    assert_int_equal(start_queue(16, true), VIRTIO_OK);
    uint16_t id = 99;
    uint32_t len = 99;
    assert_int_equal(virtio_queue_take(&queue, &id, &len), VIRTIO_EMPTY);
    for (unsigned round = 0; round < 100000; round++) { // past the wrap of all indexes
        assert_int_equal(virtio_queue_free(&queue), 0);
        virtio_queue_offer(&queue, 0, 256);
        virtio_queue_offer(&queue, 5, 256);
        assert_int_equal(virtio_queue_free(&queue), 1);
        uint16_t *index = used_index(0);
        uint32_t *ring = (uint32_t *)(void *)(dma + USED_OFFSET + 4);
        ring[(size_t)(*index % 16) * 2] = 5;
        ring[(size_t)(*index % 16) * 2 + 1] = round % 257;
        ++*index;
        assert_int_equal(virtio_queue_take(&queue, &id, &len), VIRTIO_OK);
        assert_int_equal(id, 5);
        assert_int_equal(len, round % 257);
        assert_int_equal(virtio_queue_take(&queue, &id, &len), VIRTIO_EMPTY);
        ring[(size_t)(*index % 16) * 2] = 0;
        ++*index;
        assert_int_equal(virtio_queue_take(&queue, &id, &len), VIRTIO_OK);
        assert_int_equal(queue.in_flight, 0);
    }
    uint16_t available;
    memcpy(&available, dma + (size_t)64 * 16 + 2, 2);
    assert_int_equal(available, (uint16_t)200000);
}

// Each lie is an error, changes nothing, and stays an error.
static void test_lies(void **state)
{
    static const struct {
        const char *name;
        uint32_t id, len;
        uint16_t index_step;
        enum virtio_error expected;
    } rows[] = {
        {"id behind the last", 16, 0, 1, VIRTIO_BAD_USED_ID},
        {"id 2^32-1", 0xffffffff, 0, 1, VIRTIO_BAD_USED_ID},
        {"id 2^16", 65536, 0, 1, VIRTIO_BAD_USED_ID},
        {"buffer that it was not given", 3, 0, 1, VIRTIO_BAD_USED_ID},
        {"longer than the buffer", 0, 257, 1, VIRTIO_BAD_USED_LENGTH},
        {"length 2^32-1", 0, 0xffffffff, 1, VIRTIO_BAD_USED_LENGTH},
        {"more than it was given", 0, 0, 3, VIRTIO_BAD_USED_INDEX},
        {"index runs back", 0, 0, 0xffff, VIRTIO_BAD_USED_INDEX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        power_on(state);
        assert_int_equal(virtio_begin(&device, registers, VIRTIO_ID_NET, 0, 0), VIRTIO_OK);
        assert_int_equal(start_queue(16, true), VIRTIO_OK);
        virtio_queue_offer(&queue, 0, 256);
        virtio_queue_offer(&queue, 1, 256);
        uint32_t *ring = (uint32_t *)(void *)(dma + USED_OFFSET + 4);
        ring[0] = rows[i].id;
        ring[1] = rows[i].len;
        *used_index(0) = rows[i].index_step;
        struct virtio_queue before = queue;
        uint16_t id = 99;
        uint32_t len = 99;
        for (int twice = 0; twice < 2; twice++) {
            if (virtio_queue_take(&queue, &id, &len) != rows[i].expected) {
                fail_msg("row %zu, %s", i, rows[i].name);
            }
            assert_int_equal(id, 99);
            assert_int_equal(len, 99);
            assert_memory_equal(&before, &queue, sizeof queue);
        }
    }
}

static void test_needs_reset(void **state)
{
    (void)state;
    assert_int_equal(virtio_begin(&device, registers, VIRTIO_ID_NET, 0, 0), VIRTIO_OK);
    assert_false(virtio_is_live(&device));
    assert_int_equal(virtio_go_live(&device), VIRTIO_OK);
    assert_true(virtio_is_live(&device));
    registers[STATUS] |= 64;
    assert_false(virtio_is_live(&device));
    assert_int_equal(virtio_go_live(&device), VIRTIO_NOT_LIVE);
}

// --- The network driver: its two queues are started here, since one QueueReady cannot be two ---

static void start_driver(void)
{
    assert_int_equal(start(),
                     VIRTIO_BAD_QUEUE); // stops at the second queue: the register still says ready
    struct virtio_queue_memory m = {dma + 4096,
                                    0x80001000,
                                    receive_buffer(VIRTIO_NET_RX_BUFFERS),
                                    0x80012000,
                                    VIRTIO_NET_BUFFER_BYTES,
                                    VIRTIO_NET_TX_BUFFERS,
                                    false};
    registers[QUEUE_READY] = 0;
    assert_int_equal(virtio_queue_start(&net.transmit, &net.device, 1, &m), VIRTIO_OK);
    for (int id = 0; id < VIRTIO_NET_RX_BUFFERS; id++) {
        virtio_queue_offer(&net.receive, (uint16_t)id, VIRTIO_NET_BUFFER_BYTES);
    }
    assert_memory_equal(net.mac, "\x52\x54\x00\x12\x34\x56", 6);
}

static void test_frames(void **state)
{
    static const struct {
        uint32_t used;
        uint8_t flags, gso;
        bool good;
    } rows[] = {
        {12 + 14, 0, 0, true},  {12 + 1514, 0, 0, true}, {12 + 1515, 0, 0, false},
        {12 + 13, 0, 0, false}, {12, 0, 0, false},       {0, 0, 0, false},
        {2048, 0, 0, false},    {12 + 60, 1, 0, false},  {12 + 60, 0, 1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        power_on(state);
        start_driver();
        memset(receive_buffer(7), 0, 12);
        receive_buffer(7)[0] = rows[i].flags;
        receive_buffer(7)[1] = rows[i].gso;
        give_back(0, 7, rows[i].used);
        const uint8_t *frame = NULL;
        size_t len = 0;
        enum virtio_error error = virtio_net_receive(&net, &frame, &len);
        if (error != (rows[i].good ? VIRTIO_OK : VIRTIO_EMPTY)) {
            fail_msg("row %zu", i);
        }
        assert_int_equal(net.malformed, rows[i].good ? 0 : 1);
        if (rows[i].good) {
            assert_ptr_equal(frame, receive_buffer(7) + 12);
            assert_int_equal(len, rows[i].used - 12);
            virtio_net_release(&net);
        }
        assert_int_equal(net.receive.in_flight, 0xffffffff); // given to the device again
    }
}

static void test_transmit(void **state)
{
    (void)state;
    start_driver();
    uint8_t *frame;
    uint16_t id;
    for (unsigned i = 0; i < VIRTIO_NET_TX_BUFFERS; i++) {
        assert_int_equal(virtio_net_transmit_buffer(&net, &frame, &id), VIRTIO_OK);
        assert_ptr_equal(frame, receive_buffer(VIRTIO_NET_RX_BUFFERS + id) + 12);
        virtio_net_send(&net, id, 60);
        assert_int_equal(registers[NOTIFY], 1);
    }
    uint16_t flags;
    assert_int_equal(virtio_net_transmit_buffer(&net, &frame, &id), VIRTIO_EMPTY);
    memcpy(&flags, dma + 4096 + (size_t)64 * 16, 2);
    assert_int_equal(flags, 0);  // now it interrupts when one comes back
    give_back(1, 4, 0xffffffff); // in this direction the length says nothing
    assert_int_equal(virtio_net_transmit_buffer(&net, &frame, &id), VIRTIO_OK);
    assert_int_equal(id, 4);
    memcpy(&flags, dma + 4096 + (size_t)64 * 16, 2);
    assert_int_equal(flags, 1);
    give_back(1, 4, 0); // it has it no more
    assert_int_equal(virtio_net_transmit_buffer(&net, &frame, &id), VIRTIO_BAD_USED_ID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refusals, power_on),
        cmocka_unit_test_setup(test_queue_life, power_on),
        cmocka_unit_test_setup(test_lies, power_on),
        cmocka_unit_test_setup(test_needs_reset, power_on),
        cmocka_unit_test_setup(test_frames, power_on),
        cmocka_unit_test_setup(test_transmit, power_on),
    };
    return cmocka_run_group_tests_name("net_virtio", tests, NULL, NULL);
}
