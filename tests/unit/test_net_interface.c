// SPDX-License-Identifier: Apache-2.0
// netstackd's Ethernet interface on a link where nobody offers an address, and with a device that
// gets stuck or lies. One machine lives through all of it, so the order of the tests matters.
#include "tests/unit/interface_fixture.h"

#include "lwip/netif.h"
#include "lwip/udp.h"

static const uint8_t discover_start[] = {255, 255,  255,  255,  255, 255, 0x52, 0x54,
                                         0,   0x12, 0x34, 0x56, 8,   0,   0x45};

static void test_static_address_after_3_s(void **state)
{
    (void)state;
    expect_line(0, "net: virtio-net up");
    assert_false(turn());
    assert_int_equal(sent_count, 1);
    assert_memory_equal(sent[0].bytes, discover_start, sizeof discover_start);
    pass_ms(2999);
    assert_int_equal(line_count, 1);
    assert_int_equal(sent_count, 2); // asked once more
    pass_ms(1);
    assert_int_equal(line_count, 2);
    expect_line(1, "net: lwip iface up 10.42.0.86");
    assert_true(turn());
    pass_ms(3600000);
    assert_int_equal(line_count, 2);
    assert_int_equal(stack_deadline(), NEURON_NEVER); // and no timer is left
    assert_int_equal(interface_deadline(), NEURON_NEVER);
}

// A datagram of 100 bytes whose first byte is n, to everybody on the link.
static err_t send_numbered(struct udp_pcb *pcb, uint8_t n)
{
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, 100, PBUF_RAM);
    assert_non_null(p);
    memset(p->payload, n, 100);
    err_t err = udp_sendto(pcb, p, IP_ADDR_BROADCAST, 9);
    pbuf_free(p);
    return err;
}

// A device without buffers: frames wait, in order; what does not fit is an error that is counted;
// nothing is lost silently.
static void test_transmit_queue(void **state)
{
    (void)state;
    struct udp_pcb *pcb = udp_new();
    sent_count = 0;
    transmit_room = 2;
    uint32_t accepted = 0;
    for (uint8_t n = 0; n < 60; n++) {
        err_t err = send_numbered(pcb, n);
        assert_true(err == ERR_OK || err == ERR_MEM);
        accepted += err == ERR_OK;
    }
    assert_int_equal(accepted, 2 + TRANSMIT_QUEUE_MAX);
    assert_int_equal(sent_count, 2);
    assert_int_equal(interface_stats().transmit_dropped, 60 - accepted);
    transmit_room = 5;
    interface_interrupt();
    assert_int_equal(sent_count, 7);
    transmit_room = 3;
    assert_int_equal(send_numbered(pcb, 99), ERR_OK); // behind those that wait, which go first
    assert_int_equal(sent_count, 10);
    transmit_room = FRAMES_MAX;
    interface_interrupt();
    assert_int_equal(sent_count, accepted + 1);
    for (uint32_t n = 0; n < accepted; n++) {
        assert_int_equal(sent[n].len, 14 + 28 + 100);
        assert_int_equal(sent[n].bytes[42], n);
    }
    assert_int_equal(sent[accepted].bytes[42], 99);
    udp_remove(pcb);
}

// More frames than one turn takes: the rest waits for the next.
static void test_receive_budget(void **state)
{
    (void)state;
    for (arriving_count = 0; arriving_count < VIRTIO_NET_RX_BUFFERS + 3; arriving_count++) {
        memset(arriving[arriving_count].bytes, 0xff, 60);
        arriving[arriving_count].len = 60;
    }
    arriving_next = 0;
    assert_true(interface_receive());
    assert_int_equal(arriving_next, VIRTIO_NET_RX_BUFFERS);
    assert_false(interface_receive());
    assert_int_equal(arriving_next, arriving_count);
}

// A device that breaks the protocol is reset, but not for ever.
static void test_device_restarts(void **state)
{
    (void)state;
    uint32_t before = starts, first_line = line_count;
    receive_error = VIRTIO_BAD_USED_ID;
    for (uint32_t i = 0; i < DEVICE_RESTARTS_MAX - 1; i++) {
        assert_false(interface_receive());
        expect_line(first_line + i, "net: virtio-net: bad used id; device reset");
    }
    receive_error = VIRTIO_EMPTY;
    device_live = false;
    interface_interrupt();
    expect_line(line_count - 1, "net: virtio-net: device needs a reset; device reset");
    assert_int_equal(starts, before + DEVICE_RESTARTS_MAX);
    device_live = true;
    interface_interrupt();
    assert_false(interface_receive());
    assert_int_equal(starts, before + DEVICE_RESTARTS_MAX); // it works again
    receive_error = VIRTIO_BAD_USED_ID;
    for (int i = 0; i < 3; i++) {
        assert_false(interface_receive());
    }
    assert_int_equal(line_count, first_line + DEVICE_RESTARTS_MAX + 1);
    expect_line(line_count - 1, "net: virtio-net: bad used id; given up");
    assert_int_equal(starts, before + DEVICE_RESTARTS_MAX);
    struct udp_pcb *pcb = udp_new();
    assert_int_not_equal(send_numbered(pcb, 1), ERR_OK);
    udp_remove(pcb);
    assert_false(interface_update()); // it has its address, but is not up
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static_address_after_3_s),
        cmocka_unit_test(test_transmit_queue),
        cmocka_unit_test(test_receive_budget),
        cmocka_unit_test(test_device_restarts),
    };
    return cmocka_run_group_tests_name("net_interface", tests, start_interface_once, NULL);
}
