// SPDX-License-Identifier: Apache-2.0
// Reads a file of the firmware configuration device by its name.
#include "services/keystored/fw_cfg.h"

#include <stdbool.h>

enum fw_cfg_item { FW_CFG_SIGNATURE = 0x0000, FW_CFG_FILE_DIR = 0x0019 };

struct directory_entry {
    uint32_t size;
    uint16_t item;
    bool matches;
};

static uint32_t read_be(const struct fw_cfg_port *port, unsigned bytes)
{
    uint32_t value = 0;
    while (bytes-- > 0) {
        value = value << 8 | port->read(port->device);
    }
    return value;
}

// Reads all of a name field; true when it is `name`, its closing 0 included.
static bool read_name(const struct fw_cfg_port *port, const char *name)
{
    bool matches = true;
    bool ended = false;
    for (unsigned i = 0; i < FW_CFG_NAME_BYTES; i++) {
        uint8_t c = port->read(port->device);
        if (!ended) {
            matches = matches && c == (uint8_t)name[i];
            ended = c == 0 || name[i] == 0;
        }
    }
    return matches && ended;
}

// struct FWCfgFile: size u32, select u16, reserved u16, name[56], big-endian.
static struct directory_entry read_entry(const struct fw_cfg_port *port, const char *name)
{
    struct directory_entry entry = {.size = read_be(port, 4), .item = (uint16_t)read_be(port, 2)};
    (void)read_be(port, 2);
    entry.matches = read_name(port, name);
    return entry;
}

enum fw_cfg_error fw_cfg_read_file(uint8_t *out, size_t out_size, size_t *out_len,
                                   const struct fw_cfg_port *port, const char *name)
{
    *out_len = 0;
    port->select(port->device, FW_CFG_SIGNATURE);
    if (read_be(port, 4) != 0x51454d55) { // "QEMU"
        return FW_CFG_NO_DEVICE;
    }
    port->select(port->device, FW_CFG_FILE_DIR);
    uint32_t count = read_be(port, 4);
    if (count > FW_CFG_FILES_MAX) {
        return FW_CFG_NO_DEVICE;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct directory_entry entry = read_entry(port, name);
        if (!entry.matches) {
            continue;
        }
        if (entry.size > out_size) {
            return FW_CFG_FILE_TOO_LONG;
        }
        port->select(port->device, entry.item);
        for (uint32_t k = 0; k < entry.size; k++) {
            out[k] = port->read(port->device);
        }
        *out_len = entry.size;
        return FW_CFG_OK;
    }
    return FW_CFG_NO_FILE;
}
