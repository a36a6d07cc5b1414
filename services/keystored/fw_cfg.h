// SPDX-License-Identifier: Apache-2.0
// QEMU's firmware configuration device (docs/specs/fw_cfg of QEMU): reading one named file.
//
// Everything that comes from the device is outside data: counts, lengths and names are checked here.
#ifndef SERVICES_KEYSTORED_FW_CFG_H
#define SERVICES_KEYSTORED_FW_CFG_H

#include <stddef.h>
#include <stdint.h>

#include "services/lib/sys.h"

enum {
    FW_CFG_NAME_BYTES = 56,  // of a directory entry, the closing 0 included
    FW_CFG_FILES_MAX = 1024, // QEMU has some twenty
};

// The two registers used: selecting an item, and reading its next byte.
struct fw_cfg_port {
    void (*select)(void *device, uint16_t item);
    uint8_t (*read)(void *device);
    void *device;
};

enum fw_cfg_error {
    FW_CFG_OK,
    FW_CFG_NO_DEVICE,     // the signature is not there, or the directory is out of range
    FW_CFG_NO_FILE,       // no file has this name
    FW_CFG_FILE_TOO_LONG, // longer than the room for it
};

// Reads the file `name` into out, at most out_size bytes. On an error *out_len is 0.
MUST_USE enum fw_cfg_error fw_cfg_read_file(uint8_t *out, size_t out_size, size_t *out_len,
                                            const struct fw_cfg_port *port, const char *name);

#endif
