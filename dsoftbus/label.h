// SPDX-License-Identifier: Apache-2.0
// Printing of names that others chose: nothing that a peer sends can forge or break a line of a log.
#ifndef DSOFTBUS_LABEL_H
#define DSOFTBUS_LABEL_H

#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/identity.h"

// A label of 64 bytes, each escaped, and the closing 0.
#define LABEL_CHARS_MAX (4 * DEVICE_ID_BYTES_MAX + 1)

// Writes `bytes` with every byte outside [0-9A-Za-z._-] as \xhh (lower case), and a closing 0. Total: any input has
// an output. Bounded: never more than out_size characters; what does not fit is left out as whole characters or
// whole escapes. Returns the length without the 0. out_size 0 writes nothing.
size_t label_escape(char *out, size_t out_size, const uint8_t *bytes, size_t bytes_len);

// The same for a device id, into a buffer that always suffices.
void label_device(char out[static LABEL_CHARS_MAX], const struct device_id *id);

#endif
