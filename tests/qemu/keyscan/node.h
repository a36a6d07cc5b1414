// SPDX-License-Identifier: Apache-2.0
// A machine of the run: who lives on it, what it printed, and what was captured at its network device.
#ifndef TESTS_QEMU_KEYSCAN_NODE_H
#define TESTS_QEMU_KEYSCAN_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/qemu/keyscan/capture.h"
#include "tests/qemu/keyscan/console.h"
#include "tests/qemu/keyscan/party.h"

enum { PARTIES_MAX = 8 };

struct file {
    const char *path;
    uint8_t *data;
    size_t len;
};

struct node {
    struct party parties[PARTIES_MAX];
    size_t party_count;
    struct file log, pcap;
    struct console console;
    bool *line_known; // of each session's line: reconstructed
    struct capture capture;
};

// Reads a whole file; says on stderr why it cannot. Freed by the caller.
bool file_read(struct file *file, const char *path) __attribute__((warn_unused_result));

// Reads the provisioning directory, the log and the capture, and seeds the generators of all starts that the log shows.
// False, with the reason on stderr, when something cannot be read.
bool node_load(struct node *node, const char *provision_dir, const char *log, const char *pcap)
    __attribute__((warn_unused_result));

void node_free(struct node *node);

// The device's daemon, whose lines the sessions' are.
struct party *node_daemon(struct node *node);

// What follows from provisioning: of the parties, and of processes that have no identity.
void node_add_needles(struct node *node, struct needles *needles);

#endif
