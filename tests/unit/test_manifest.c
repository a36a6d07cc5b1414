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

#define AT(member) offsetof(struct fixture, member), sizeof(((struct fixture *)0)->member)

// One value changed, and who is named then.
static const struct fault {
    size_t offset, bytes;
    uint64_t value;
    const char *culprit;
} faults[] = {
    {AT(m.process_count), 0, "system"},
    {AT(m.process_count), NEURON_PROCESSES_MAX + 1, "system"},
    {AT(m.memory_count), MANIFEST_MEMORIES_MAX + 1, "system"},
    {AT(m.device_count), MANIFEST_DEVICES_MAX + 1, "system"},
    {AT(processes[0].boots), 0, "system"},
    {AT(processes[1].boots), 1, "system"},
    {AT(processes[0].priority), NEURON_PRIORITIES, "first"},
    {AT(processes[1].priority), 255, "second"},
    {AT(processes[1].stack_bytes), 0, "second"},
    {AT(processes[1].stack_bytes), 4095, "second"},
    {AT(processes[1].stack_bytes), MANIFEST_STACK_BYTES_MAX + 4096, "second"},
    {AT(processes[1].cap_count), NEURON_CAPS_MAX + 1, "second"},
    {AT(processes[0].caps[0].object), 2, "first"},
    {AT(processes[0].caps[1].object), 1, "first"},
    {AT(processes[0].caps[2].object), 1, "first"},
    {AT(processes[0].caps[4].type), CAP_COUNTERS + 1, "first"},
    {AT(processes[0].caps[0].type), 255, "first"},
    {AT(processes[0].name), 0, "?"},
    {AT(memories[0].bytes), 0, "area"},
    {AT(memories[0].bytes), 4097, "area"},
    {AT(memories[0].bytes), 0xfffff000, "area"},
    {AT(devices[0].base), 0x80200000, "card"},
    {AT(devices[0].base), 0x10008001, "card"},
    {AT(devices[0].base), 0x20000000, "card"},
    {AT(devices[0].bytes), 0, "card"},
    {AT(devices[0].bytes), 0x80000000, "card"},
    {AT(devices[0].irq), MANIFEST_IRQ_MAX, "card"},
};

static void each_fault(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof faults / sizeof faults[0]; row++) {
        const struct fault *fault = &faults[row];
        struct fixture f;
        const char *culprit = NULL;
        make(&f);
        for (size_t i = 0; i < fault->bytes; i++) { // little-endian, as the machines that run this
            ((uint8_t *)&f)[fault->offset + i] = (uint8_t)(fault->value >> 8 * i);
        }
        if (manifest_check(&culprit, &f.m) == NULL || strcmp(culprit, fault->culprit) != 0) {
            fail_msg("row %zu: culprit '%s', expected '%s'", row, culprit ? culprit : "none",
                     fault->culprit);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(each_fault)};
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
