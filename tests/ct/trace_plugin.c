// SPDX-License-Identifier: Apache-2.0
// A plugin for QEMU's translator: condenses every program counter and every data address between two marks of the program
// into one number, and writes a line for each stretch: the number, instructions, accesses.
//
//     -plugin trace_plugin.so,begin=ADDRESS,end=ADDRESS,out=FILE
//
// The marks are words in memory that the program stores to.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ct/qemu_plugin.h"

static struct {
    uint64_t begin, end;
    FILE *out;
    bool on;
    uint64_t hash, instructions, accesses;
} trace;

int qemu_plugin_version = PLUGIN_VERSION;

// An address enters by a step that can be undone, so two traces differ from the first difference on.
static void take(uint64_t x)
{
    trace.hash = ((trace.hash << 23 | trace.hash >> 41) ^ x) * 0x9e3779b97f4a7c15;
}

static void executes(unsigned cpu, void *data)
{
    (void)cpu;
    if (trace.on) {
        take((uint64_t)(uintptr_t)data);
        trace.instructions++;
    }
}

static void begin(void)
{
    trace.on = true;
    trace.hash = 1;
    trace.instructions = 0;
    trace.accesses = 0;
}

static void end(void)
{
    (void)fprintf(trace.out, "%016llx %llu %llu\n", (unsigned long long)trace.hash,
                  (unsigned long long)trace.instructions, (unsigned long long)trace.accesses);
    trace.on = false;
}

static void accesses(unsigned cpu, uint32_t info, uint64_t address, void *data)
{
    (void)cpu;
    (void)info;
    (void)data;
    if (address == trace.begin) {
        begin();
    } else if (address == trace.end && trace.on) {
        end();
    } else if (trace.on) {
        take(~address); // no program counter
        trace.accesses++;
    }
}

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(block); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        uint64_t address = qemu_plugin_insn_vaddr(instruction);
        void *at = (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr): to be hashed
        qemu_plugin_register_vcpu_insn_exec_cb(instruction, executes, PLUGIN_NO_REGISTERS, at);
        qemu_plugin_register_vcpu_mem_cb(instruction, accesses, PLUGIN_NO_REGISTERS,
                                         PLUGIN_READS_AND_WRITES, NULL);
    }
}

static void exits(plugin_id id, void *data)
{
    (void)id;
    (void)data;
    (void)fclose(trace.out);
}

static const char *value(const char *argument, const char *name)
{
    size_t len = strlen(name);
    return strncmp(argument, name, len) == 0 && argument[len] == '=' ? argument + len + 1 : NULL;
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char *text;
        if ((text = value(argv[i], "begin")) != NULL) {
            trace.begin = strtoull(text, NULL, 16);
        } else if ((text = value(argv[i], "end")) != NULL) {
            trace.end = strtoull(text, NULL, 16);
        } else if ((text = value(argv[i], "out")) != NULL) {
            trace.out = fopen(text, "w");
        }
    }
    if (trace.begin == 0 || trace.end == 0 || trace.out == NULL) {
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, exits, NULL);
    return 0;
}
