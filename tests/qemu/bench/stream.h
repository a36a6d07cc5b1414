// SPDX-License-Identifier: Apache-2.0
#ifndef TESTS_QEMU_BENCH_STREAM_H
#define TESTS_QEMU_BENCH_STREAM_H

#include "services/selftest-client/node.h"

// Sends 1 MiB one way through an encrypted stream on this machine. *cost: what `executed` grew by, from the open stream to
// the last byte read by the application. NULL, or why it failed.
const char *bench_stream(uint64_t *bytes, struct node *n, uint64_t (*executed)(void),
                         uint64_t *cost);

#endif
