// SPDX-License-Identifier: Apache-2.0
// Several provisioning texts in one file, for a QEMU that has no other way to hand over a file.
//
// QEMU 7.2 makes the configuration device of its `virt` machine only after it has looked at -fw_cfg, and so refuses that
// option. The one file that its command line can still put there is the boot splash (-boot splash=FILE),
// if it begins like a picture. So:
//
//     ff d8 0a                 the beginning of a JPEG, as far as QEMU looks
//     # a comment              QEMU refuses fewer than 30 bytes
//     process dsoftbusd        then for each process this line, and its provisioning text
//     id node-a
//     ...
#ifndef SERVICES_KEYSTORED_BUNDLE_H
#define SERVICES_KEYSTORED_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUNDLE_FILE_NAME "bootsplash.jpg"

enum { BUNDLE_BYTES_MAX = 16384 }; // four texts of the largest size

// The text of one process: *text_len bytes at *text, inside the bundle. False when there is none. Of two, the first
// counts. CT: secret = what stands behind a field's name; public = the layout.
bool bundle_find(const uint8_t **text, size_t *text_len, const uint8_t *bundle, size_t bundle_len,
                 const char *process) __attribute__((warn_unused_result));

#endif
