// SPDX-License-Identifier: Apache-2.0
// Small files that are always whole: read at once, replaced at once.
#ifndef HOST_COMMON_STATE_FILE_H
#define HOST_COMMON_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/common/fault.h"

// Reads the file `name` of the directory, at most max bytes, into new memory of *len + 1 bytes that ends with a 0.
// NULL with a fault (EXIT_NO_STATE) when that fails; with *missing (may be NULL) true when there is no such file.
// The caller frees it.
char *state_file_read(size_t *len, bool *missing, struct fault *fault, int directory,
                      const char *name, size_t max) __attribute__((warn_unused_result));

// Replaces the file, or makes it: written under another name, synced, renamed, and the directory synced. Killed at
// any moment, the file is the old one or the new one. The caller holds the directory's lock.
bool state_file_replace(struct fault *fault, int directory, const char *name, const void *bytes,
                        size_t len) __attribute__((warn_unused_result));

// Makes the file; one that exists is not touched and is a fault.
bool state_file_create(struct fault *fault, int directory, const char *name, const void *bytes,
                       size_t len) __attribute__((warn_unused_result));

// Waits for the exclusive right to change files of the directory; given back when the descriptor is closed.
bool state_lock(struct fault *fault, int directory) __attribute__((warn_unused_result));

#endif
