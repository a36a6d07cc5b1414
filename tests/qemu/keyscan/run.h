// SPDX-License-Identifier: Apache-2.0
// Reconstruction: each handshake in a capture, and each session that a log tells of, down to its keys.
#ifndef TESTS_QEMU_KEYSCAN_RUN_H
#define TESTS_QEMU_KEYSCAN_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/limits.h"
#include "tests/qemu/keyscan/foreign.h"
#include "tests/qemu/keyscan/needles.h"
#include "tests/qemu/keyscan/node.h"

enum { PROLOGUE_BYTES_MAX = 4 + 1 + DEVICE_ID_BYTES_MAX };

// One run of one machine or several. Starts as zero bytes.
struct run {
    struct node *nodes;
    size_t node_count;
    struct foreign foreign; // empty without one
    struct needles needles;
    bool
        may_be_unseeded; // nodes whose seed comes from virtio-rng: their ephemeral keys are not known
    char **names;        // of strangers, for the needles
    size_t name_count;
    // What came of it.
    size_t sessions;   // complete handshakes, reconstructed to their hash
    size_t broken_off; // those that ended before message 3 or with it refused, every key known
    size_t unseeded;   // of unseeded nodes: known as far as their static keys reach
    size_t failures;   // what could not be reconstructed
};

// Works through captures and logs, adds all keys to the needles, and prints a line for each failure.
void run_reconstruct(struct run *run);

void run_free(struct run *run);

// ---- For the parts of it ------------------------------------------------------------------------------------

void run_fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

// A copy that lives as long as the run.
const char *run_name(struct run *run, const char *name);

// WIRE section 2: "DSB" | version | length and bytes of the responder's id.
size_t run_prologue(uint8_t out[static PROLOGUE_BYTES_MAX], const struct device_id *responder);

// Marks the lines of a session that is now known, in the log of this node. True when there were any.
bool run_mark_lines(struct node *node, const char *initiator, const char *responder,
                    const uint8_t *hash);

size_t run_lines_unknown(const struct node *node);

// Handshakes in the node's capture. There the public keys say which draws were used.
void wire_reconstruct(struct run *run, struct node *node);

// Sessions between two processes of one machine, which no capture shows: looked for among all draws of both ends.
void loopback_reconstruct(struct run *run, struct node *node);

#endif
