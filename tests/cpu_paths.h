// SPDX-License-Identifier: Apache-2.0
// The paths through noise/ that run-time dispatch chooses between. A test of all of them:
//
//     for (size_t i = 0; i < cpu_paths_len; i++) {
//         if (cpu_path_take(&cpu_paths[i])) { ... }
//     }
#ifndef TESTS_CPU_PATHS_H
#define TESTS_CPU_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu_path {
    const char *name; // as NOISE_CPU in the environment has it
    uint32_t features;
};

extern const struct cpu_path cpu_paths[]; // the first one is the portable path
extern const size_t cpu_paths_len;

// From now on the library takes this path. false: this machine or this build does not have it, and takes a lesser one.
bool cpu_path_take(const struct cpu_path *path);

#endif
