// SPDX-License-Identifier: Apache-2.0
// The published test data on the paths that few machines have, as they were compiled, on an emulated processor. The data
// are on the disk; what is printed is what the host's program prints (tests/vectors/published_host.c).
#include "tests/vectors/published.h"
#include "tests/cpu_paths.h"
#include "tests/emulator/pc.h"

#include "noise/cpu.h"

enum {
    DATA_MAX = 1 << 20,
};

static void print_failure(const char *kind, uint32_t number)
{
    pc_print("FAIL ");
    pc_print(kind);
    pc_print(" ");
    pc_print_number(number);
    pc_print("\n");
}

// Without IFMA the X25519 is that of AVX2, which hosts with AVX2 run (make check-vectors), and here would take most of the time.
static void run_path(const struct cpu_path *path, const uint8_t *data)
{
    unsigned without = (path->features & NOISE_CPU_IFMA) == 0 ? 1u << PUBLISHED_X25519 : 0;
    struct published_result result[PUBLISHED_KINDS];
    pc_print("path ");
    pc_print(path->name);
    pc_print("\n");
    if (!published_run(result, data, DATA_MAX, without, print_failure)) {
        pc_print("FAIL the data cannot be used\n");
        return;
    }
    for (size_t i = 0; i < PUBLISHED_KINDS; i++) {
        pc_print(published_names[i]);
        pc_print(" ");
        pc_print_number(result[i].cases);
        pc_print(" cases, ");
        pc_print_number(result[i].failed);
        pc_print(" failed\n");
    }
}

int main(void)
{
    static uint8_t data[DATA_MAX];
    pc_start();
    pc_read_disk(data, PC_DATA_SECTOR, sizeof data / PC_SECTOR_LEN);
    for (size_t i = 0; i < cpu_paths_len; i++) {
        if ((cpu_paths[i].features & NOISE_CPU_AVX512) == 0) {
            continue; // the host has it
        }
        if (cpu_path_take(&cpu_paths[i])) {
            run_path(&cpu_paths[i], data);
        } else {
            pc_print("lacks ");
            pc_print(cpu_paths[i].name);
            pc_print("\n");
        }
    }
    pc_stop();
    return 0;
}
