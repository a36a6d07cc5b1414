// SPDX-License-Identifier: Apache-2.0
// Reading a file of the firmware configuration device, from an honest device and from bad ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/keystored/fw_cfg.h"

// A device in memory. Reading beyond an item gives zeroes, as the real one does.
struct device {
    uint8_t items[0x40][256];
    uint16_t item;
    size_t at;
    size_t reads;
};

static void device_select(void *ctx, uint16_t item)
{
    struct device *d = ctx;
    d->item = item;
    d->at = 0;
}

static uint8_t device_read(void *ctx)
{
    struct device *d = ctx;
    d->reads++;
    return d->item < 0x40 && d->at < sizeof d->items[0] ? d->items[d->item][d->at++] : 0;
}

static void add_file(struct device *d, unsigned index, uint32_t size, uint8_t item,
                     const char *name, size_t name_len)
{
    uint8_t *entry = &d->items[0x19][4 + 64 * index];
    d->items[0x19][3] = (uint8_t)(index + 1);
    entry[2] = (uint8_t)(size >> 8);
    entry[3] = (uint8_t)size;
    entry[5] = item;
    memcpy(entry + 8, name, name_len);
}

static struct device *make_device(struct fw_cfg_port *port)
{
    static struct device d;
    memset(&d, 0, sizeof d);
    memcpy(d.items[0], "QEMU", 4);
    *port = (struct fw_cfg_port){device_select, device_read, &d};
    return &d;
}

static void finds_by_whole_name(void **state)
{
    (void)state;
    struct fw_cfg_port port;
    struct device *d = make_device(&port);
    uint8_t out[16];
    size_t len;
    add_file(d, 0, 1, 0x20, "opt/name2", 10);
    add_file(d, 1, 2, 0x21, "opt/nam", 8);
    add_file(d, 2, 3, 0x22, "opt/name", 9);
    memcpy(d->items[0x22], "abc", 3);
    assert_int_equal(fw_cfg_read_file(out, sizeof out, &len, &port, "opt/name"), FW_CFG_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(out, "abc", 3);
    assert_int_equal(fw_cfg_read_file(out, sizeof out, &len, &port, "opt/nam"), FW_CFG_OK);
    assert_int_equal(len, 2);
    assert_int_equal(fw_cfg_read_file(out, sizeof out, &len, &port, "opt/na"), FW_CFG_NO_FILE);
    assert_int_equal(len, 0);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct fw_cfg_port port;
    struct device *d = make_device(&port);
    uint8_t out[17] = {0};
    size_t len = 99;
    add_file(d, 0, 17, 0x20, "f", 2);
    memset(d->items[0x20], 0xff, 32);
    assert_int_equal(fw_cfg_read_file(out, 16, &len, &port, "f"), FW_CFG_FILE_TOO_LONG);
    assert_int_equal(len, 0);
    assert_int_equal(out[0], 0); // nothing was written
    assert_int_equal(fw_cfg_read_file(out, 17, &len, &port, "f"), FW_CFG_OK);
    assert_int_equal(len, 17);
}

static void bad_devices(void **state)
{
    (void)state;
    struct fw_cfg_port port;
    struct device *d = make_device(&port);
    uint8_t out[16];
    size_t len;

    d->items[0][0] = 'X'; // another signature
    assert_int_equal(fw_cfg_read_file(out, sizeof out, &len, &port, "f"), FW_CFG_NO_DEVICE);

    d = make_device(&port); // more files than any device has: no endless search
    memset(d->items[0x19], 0xff, 4);
    assert_int_equal(fw_cfg_read_file(out, sizeof out, &len, &port, "f"), FW_CFG_NO_DEVICE);
    assert_true(d->reads < 100);

    d = make_device(&port); // a directory that ends before its count
    d->items[0x19][2] = 4;
    assert_int_equal(fw_cfg_read_file(out, sizeof out, &len, &port, "f"), FW_CFG_NO_FILE);

    d = make_device(&port); // a name without its closing 0
    char name[FW_CFG_NAME_BYTES + 1] = {0};
    memset(name, 'n', FW_CFG_NAME_BYTES);
    add_file(d, 0, 1, 0x20, name, FW_CFG_NAME_BYTES);
    assert_int_equal(fw_cfg_read_file(out, sizeof out, &len, &port, name), FW_CFG_NO_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_whole_name),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(bad_devices),
    };
    return cmocka_run_group_tests_name("fw_cfg", tests, NULL, NULL);
}
