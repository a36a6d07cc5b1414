// SPDX-License-Identifier: Apache-2.0
// netstackd on a link with a DHCP server that the test plays: offer, lease, renewal, and the loss
// of the address. One machine lives through all of it, so the order of the tests matters.
#include "tests/unit/interface_fixture.h"

enum {
    DISCOVER = 1,
    OFFER = 2,
    REQUEST = 3,
    ACK = 5,
    ETHERNET = 14,
    BOOTP = ETHERNET + 28,
    OPTIONS = BOOTP + 240,
    LEASE_S = 7200,
};

static const uint8_t server_mac[6] = {0x52, 0x55, 10, 0, 2, 2}, offered[4] = {10, 0, 2, 15};

static void put_be16(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

// The type of the DHCP message in the last frame that was sent, 0 when it is none.
static uint8_t last_message(void)
{
    const struct frame *f = &sent[sent_count - 1];
    bool dhcp = f->len > OPTIONS + 3 && f->bytes[23] == 17 && f->bytes[37] == 67;
    return dhcp && f->bytes[OPTIONS] == 53 ? f->bytes[OPTIONS + 2] : 0;
}

// Answers the last frame: the client gets 10.0.2.15/24 with gateway 10.0.2.2.
static void answer(uint8_t type)
{
    static const uint8_t options[] = {
        53, 1, 0,   54,  4,   10, 0, 2, 2,  51, 4, 0, 0,  LEASE_S >> 8, LEASE_S & 255,
        1,  4, 255, 255, 255, 0,  3, 4, 10, 0,  2, 2, 255};
    uint8_t f[BOOTP + 300] = {[12] = 8, [14] = 0x45, [22] = 64, [23] = 17, [26] = 10, 0,
                              2,        2,           255,       255,       255,       255};
    memset(f, 0xff, 6);
    memcpy(f + 6, server_mac, sizeof server_mac);
    put_be16(f + 16, sizeof f - ETHERNET);
    put_be16(f + 34, 67);
    put_be16(f + 36, 68);
    put_be16(f + 38, sizeof f - 34);
    uint16_t sum = inet_chksum(f + ETHERNET, 20);
    memcpy(f + 24, &sum, 2);
    memcpy(f + BOOTP, sent[sent_count - 1].bytes + BOOTP,
           240); // transaction id and hardware address
    f[BOOTP] = 2;
    memcpy(f + BOOTP + 16, offered, sizeof offered);
    memcpy(f + OPTIONS, options, sizeof options);
    f[OPTIONS + 2] = type;
    arrive(f, sizeof f);
}

static void test_address_is_bound(void **state)
{
    (void)state;
    assert_false(turn());
    assert_int_equal(last_message(), DISCOVER);
    answer(OFFER);
    assert_int_equal(last_message(), REQUEST);
    assert_int_equal(line_count, 1);
    answer(ACK);
    assert_true(turn());
    assert_int_equal(line_count, 3);
    expect_line(0, "net: virtio-net up");
    expect_line(1, "net: dhcp bound");
    expect_line(2, "net: lwip iface up 10.0.2.15");
    pass_ms(10000); // past the end of the wait for an offer
    assert_int_equal(line_count, 3);
}

// Between now and the renewal at half of the lease nothing wakes the machine.
static void test_renewal_is_the_only_timer(void **state)
{
    (void)state;
    uint64_t half = UINT64_C(1000) * LEASE_S / 2 * NEURON_TICKS_PER_MS;
    assert_in_range(stack_deadline(), half - UINT64_C(60000) * NEURON_TICKS_PER_MS,
                    half + UINT64_C(60000) * NEURON_TICKS_PER_MS);
    uint32_t before = sent_count;
    pass_ms((half - test_now) / NEURON_TICKS_PER_MS - 60000);
    assert_int_equal(sent_count, before);
    pass_ms(120000);
    assert_true(sent_count > before);
    assert_int_equal(line_count, 3);
}

// The server is gone: when the lease ends the address goes, which is said, and the search begins
// anew.
static void test_lease_ends(void **state)
{
    (void)state;
    for (uint32_t minutes = 0; minutes < LEASE_S / 60; minutes++) {
        sent_count = 0;
        transmit_room = FRAMES_MAX;
        pass_ms(60000);
    }
    expect_line(3, "net: address lost");
    assert_false(turn());
    sent_count = 0;
    while (sent_count == 0 || last_message() != DISCOVER) {
        pass_ms(1000);
    }
    answer(OFFER);
    answer(ACK);
    expect_line(4, "net: dhcp bound");
    expect_line(5, "net: lwip iface up 10.0.2.15");
    assert_true(turn());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address_is_bound),
        cmocka_unit_test(test_renewal_is_the_only_timer),
        cmocka_unit_test(test_lease_ends),
    };
    return cmocka_run_group_tests_name("net_dhcp", tests, start_interface_once, NULL);
}
