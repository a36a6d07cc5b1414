// SPDX-License-Identifier: Apache-2.0
// Any device content gives a text or none, and any text an identity or one fault, wiped. The first byte of the input
// says what the rest is: a text, lines behind a good text, a bundle, or what the device answers.
#include <stdlib.h>
#include <string.h>

#include "services/keystored/bundle.h"
#include "services/keystored/fw_cfg.h"
#include "services/keystored/provision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct provision_option seed_option; // services/keystored/lab/seed_option.c

static const char good[] =
    "id a\nport 1\nboot 0\n"
    "static 1111111111111111111111111111111111111111111111111111111111111111\n";

static void require(int condition)
{
    if (!condition) {
        abort();
    }
}

static int is_zero(const uint8_t *bytes, size_t len)
{
    size_t i = 0;
    while (i < len && bytes[i] == 0) {
        i++;
    }
    return i == len;
}

static void parse(const uint8_t *text, size_t len)
{
    static struct provision p;
    struct provision_fault fault;
    memset(&p, 0xa5, sizeof p);
    enum provision_error error = provision_parse(&p, &fault, text, len, &seed_option);
    require(error == fault.error);
    if (error != PROVISION_OK) {
        require(is_zero((const uint8_t *)&p, sizeof p) && fault.field != NULL);
        return;
    }
    require(p.id_len >= 1 && p.id_len <= KEYSTORE_ID_BYTES_MAX && p.port != 0);
    require(p.peer_count <= KEYSTORE_PEERS_MAX);
    for (uint8_t i = 0; i < p.peer_count; i++) {
        require(p.peers[i].id_len >= 1 && p.peers[i].id_len <= KEYSTORE_ID_BYTES_MAX);
        require(p.peers[i].has_address == (p.peers[i].port != 0));
    }
}

struct device {
    const uint8_t *data;
    size_t left;
};

static void device_select(void *ctx, uint16_t item)
{
    (void)ctx;
    (void)item;
}

static uint8_t device_read(void *ctx)
{
    struct device *d = ctx;
    if (d->left == 0) {
        return 0;
    }
    d->left--;
    return *d->data++;
}

static void read_device(const uint8_t *data, size_t size)
{
    static uint8_t file[64];
    struct device d = {data, size};
    struct fw_cfg_port port = {device_select, device_read, &d};
    size_t len;
    enum fw_cfg_error error = fw_cfg_read_file(file, sizeof file, &len, &port, "f");
    require(len <= sizeof file && (error == FW_CFG_OK || len == 0));
}

static void parse_behind_good(const uint8_t *data, size_t size)
{
    static uint8_t text[PROVISION_FILE_BYTES_MAX];
    size_t len = sizeof good - 1;
    if (size <= sizeof text - len) {
        memcpy(text, good, len);
        memcpy(text + len, data, size);
        parse(text, len + size);
    }
}

static void find_in_bundle(const uint8_t *data, size_t size)
{
    const uint8_t *text;
    size_t len;
    if (bundle_find(&text, &len, data, size, "a")) {
        require(text >= data && len <= size && text + len <= data + size);
        parse(text, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    switch (data[0] % 4) {
    case 0:
        parse(data + 1, size - 1);
        break;
    case 1:
        parse_behind_good(data + 1, size - 1);
        break;
    case 2:
        find_in_bundle(data + 1, size - 1);
        break;
    default:
        read_device(data + 1, size - 1);
        break;
    }
    return 0;
}
