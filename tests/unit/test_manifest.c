// SPDX-License-Identifier: Apache-2.0
// The kernel's check of the manifest: a good one, and each value out of range with the name of who has it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/manifest.h"

struct fixture {
    struct manifest_process processes[2];
    struct manifest_memory memories[1];
    struct manifest_device devices[1];
    struct manifest m;
};

static void make(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->processes[0] = (struct manifest_process){.name = "first",
                                                .stack_bytes = 8192,
                                                .priority = 7,
                                                .boots = 1,
                                                .cap_count = 5,
                                                .caps = {{CAP_ENDPOINT, 1, 4},
                                                         {CAP_MEMORY, 0, 3},
                                                         {CAP_DEVICE, 0, 3},
                                                         {CAP_NONE, 9, 0},
                                                         {CAP_POWER, 0, 4}}};
    f->processes[1] = (struct manifest_process){.name = "second", .stack_bytes = 4096};
    f->memories[0] = (struct manifest_memory){"area", 4096};
    f->devices[0] = (struct manifest_device){"card", 0x10008000, 4096, 8};
    f->m = (struct manifest){2, 1, 1, f->processes, f->memories, f->devices};
}

static void good(void **state)
{
    (void)state;
    struct fixture f;
    const char *culprit;
    make(&f);
    assert_null(manifest_check(&culprit, &f.m));
}

// Each change below is refused, with this culprit.
static void change(struct fixture *f, unsigned row, const char **culprit)
{
    static const char *const culprits[] = {
        "system", "system", "system", "system", "system", "system", "first",
        "second", "second", "second", "second", "first",  "first",  "first",
        "first",  "first",  "first",  "area",   "area",   "area",   "card",
        "card",   "card",   "card",   "card",   "?",      "second", "first",
    };
    *culprit = culprits[row];
    switch (row) {
    case 0:
        f->m.process_count = 0;
        break;
    case 1:
        f->m.process_count = NEURON_PROCESSES_MAX + 1;
        break;
    case 2:
        f->m.memory_count = MANIFEST_MEMORIES_MAX + 1;
        break;
    case 3:
        f->m.device_count = MANIFEST_DEVICES_MAX + 1;
        break;
    case 4:
        f->processes[0].boots = 0;
        break;
    case 5:
        f->processes[1].boots = 1;
        break;
    case 6:
        f->processes[0].priority = NEURON_PRIORITIES;
        break;
    case 7:
        f->processes[1].stack_bytes = 0;
        break;
    case 8:
        f->processes[1].stack_bytes = 4095;
        break;
    case 9:
        f->processes[1].stack_bytes = MANIFEST_STACK_BYTES_MAX + 4096;
        break;
    case 10:
        f->processes[1].cap_count = NEURON_CAPS_MAX + 1;
        break;
    case 11:
        f->processes[0].caps[0].object = 2;
        break;
    case 12:
        f->processes[0].caps[1].object = 1;
        break;
    case 13:
        f->processes[0].caps[2].object = 1;
        break;
    case 14:
        f->processes[0].caps[4].type = CAP_COUNTERS + 1;
        break;
    case 15:
        f->processes[0].caps[0] = (struct manifest_cap){CAP_PROCESS, 255, 4};
        break;
    case 16:
        f->processes[0].caps[0] = (struct manifest_cap){CAP_IRQ, 1, 8};
        break;
    case 17:
        f->memories[0].bytes = 0;
        break;
    case 18:
        f->memories[0].bytes = 4097;
        break;
    case 19:
        f->memories[0].bytes = 0xfffff000;
        break;
    case 20:
        f->devices[0].base = 0x80200000;
        break;
    case 21:
        f->devices[0].base = 0x10008001;
        break;
    case 22:
        f->devices[0].bytes = 0;
        break;
    case 23:
        f->devices[0].base = 0x1ffff000;
        f->devices[0].bytes = 8192;
        break;
    case 24:
        f->devices[0].irq = MANIFEST_IRQ_MAX;
        break;
    case 25:
        f->processes[0].name = NULL;
        break;
    case 26:
        f->processes[1].name = "second";
        f->processes[1].priority = 255;
        break;
    default:
        f->processes[0].caps[0].type = 255;
        break;
    }
}

static void each_fault(void **state)
{
    (void)state;
    for (unsigned row = 0; row < 28; row++) {
        struct fixture f;
        const char *culprit = NULL, *expected;
        make(&f);
        change(&f, row, &expected);
        if (manifest_check(&culprit, &f.m) == NULL || strcmp(culprit, expected) != 0) {
            fail_msg("row %u: culprit '%s', expected '%s'", row, culprit ? culprit : "none",
                     expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(each_fault)};
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
