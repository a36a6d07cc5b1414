// SPDX-License-Identifier: Apache-2.0
// tests/ct/traced.c on one path of noise/, on an emulated processor that has all of them, stepped through. trace.py puts on the
// disk which path, and the table of operands.
#include "tests/ct/trace.h"
#include "tests/bench/os_bare.h"
#include "tests/cpu_paths.h"
#include "tests/emulator/pc.h"
#include "tests/emulator/trap.h"

#include "noise/cpu.h"

enum {
    TABLE_MAX = 4 << 20, // 8 bytes for each of the program
    CONTROL_SECRETS = 16,
};

// The place of the path in cpu_paths, and from `table` on the table.
static struct {
    uint64_t path;
    uint8_t table[TABLE_MAX - sizeof(uint64_t)] __attribute__((aligned(8)));
} disk;

void bare_print(const char *text)
{
    pc_print(text);
}

void bare_print_number(uint64_t n)
{
    pc_print_number((unsigned)n);
}

_Noreturn void bare_power_off(bool good)
{
    pc_print(good ? "end\n" : "an operation failed\n");
    for (;;) {
        pc_stop();
    }
}

static void print_hex(uint64_t n)
{
    char digits[17] = {0};
    for (int i = 15; i >= 0; i--) {
        digits[i] = "0123456789abcdef"[n & 15];
        n >>= 4;
    }
    pc_print(digits);
}

uint64_t trace_run(void (*op)(void))
{
    struct steps seen = trap_through(op);
    pc_print("trace ");
    print_hex(seen.hash);
    pc_print(" ");
    bare_print_number(seen.count);
    pc_print(" ");
    bare_print_number(seen.accesses);
    pc_print("\n");
    return 0;
}

// An address that depends on a secret, in an instruction of AVX-512 with a scaled displacement.
static size_t secret;

__attribute__((target("avx512f"))) static void control_load(void)
{
    static const uint8_t table[CONTROL_SECRETS + 1][64] __attribute__((aligned(64)));
    __asm__ volatile("vpxord 64(%0,%1), %%zmm16, %%zmm16"
                     :
                     : "r"(table), "r"(secret * sizeof table[0])
                     : "xmm16");
}

static void control(void)
{
    for (secret = 0; secret < CONTROL_SECRETS; secret++) {
        (void)trace_run(control_load);
    }
    bare_print_number(CONTROL_SECRETS);
    pc_print(" 0 control: load of a vector from a secret address\n");
}

int main(void)
{
    pc_start();
    pc_read_disk((uint8_t *)&disk, PC_DATA_SECTOR, sizeof disk / PC_SECTOR_LEN);
    if (disk.path >= cpu_paths_len || !cpu_path_take(&cpu_paths[disk.path])) {
        pc_print("lacks the path\n");
        bare_power_off(false);
    }
    pc_print("path ");
    pc_print(cpu_paths[disk.path].name);
    pc_print("\n");
    trap_start((const void *)disk.table);
    if ((cpu_paths[disk.path].features & NOISE_CPU_AVX512) != 0) {
        control();
    }
    bench_main();
    return 0;
}
