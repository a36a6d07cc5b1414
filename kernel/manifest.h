// SPDX-License-Identifier: Apache-2.0
// The system manifest as the kernel sees it: tables made by scripts/manifest.py from
// services/system.manifest, and checked again at boot before anything is done with them.
#ifndef KERNEL_MANIFEST_H
#define KERNEL_MANIFEST_H

#include <stdint.h>

#include "kernel/abi/neuron.h"

#define MANIFEST_MEMORIES_MAX    16
#define MANIFEST_DEVICES_MAX     8
#define MANIFEST_PREFIXES_MAX    2
#define MANIFEST_NAME_BYTES_MAX  24
#define MANIFEST_STACK_BYTES_MAX (256 * 1024)
#define MANIFEST_IRQ_MAX         96         // of QEMU's PLIC
#define MANIFEST_DEVICE_END      0x20000000 // devices lie below; RAM never is one

enum manifest_cap_type {
    CAP_NONE, // also what a handle to an absent process is
    CAP_NOTIFICATION,
    CAP_ENDPOINT,
    CAP_MEMORY,
    CAP_DEVICE,
    CAP_IRQ,
    CAP_PROCESS,
    CAP_POWER,
    CAP_COUNTERS,
};

struct manifest_cap {
    uint8_t type;   // enum manifest_cap_type
    uint8_t object; // index of the process, memory object or device
    uint8_t rights; // enum neuron_right
};

struct manifest_process {
    const char *name;
    const uint8_t *elf, *elf_end; // 0: not in this image
    uint32_t stack_bytes;
    uint8_t priority;
    uint8_t boots; // the kernel itself starts it: init
    uint8_t cap_count;
    const char *prefixes[MANIFEST_PREFIXES_MAX];
    struct manifest_cap caps[NEURON_CAPS_MAX]; // caps[0] is handle 1
};

struct manifest_memory {
    const char *name;
    uint32_t bytes;
};

struct manifest_device {
    const char *name;
    uint64_t base;
    uint32_t bytes;
    uint32_t irq; // 0: none
};

struct manifest {
    uint32_t process_count, memory_count, device_count;
    const struct manifest_process *processes;
    const struct manifest_memory *memories;
    const struct manifest_device *devices;
};

extern const struct manifest system_manifest;

// Checks every value against the limits. Returns 0, or a text that says what is wrong, and in *culprit the
// name of the process, memory object or device (never 0 then).
const char *manifest_check(const char **culprit, const struct manifest *m);

#endif
