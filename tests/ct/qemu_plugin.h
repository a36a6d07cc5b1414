// SPDX-License-Identifier: Apache-2.0
// What trace_plugin.c uses of QEMU's plugin interface (version 1, QEMU 4.2 and later), which Debian has no header for:
// declarations of functions in the program that loads the plugin.
#ifndef TESTS_CT_QEMU_PLUGIN_H
#define TESTS_CT_QEMU_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

enum {
    PLUGIN_VERSION = 1,
    PLUGIN_NO_REGISTERS = 0, // a callback that looks at none
    PLUGIN_READS_AND_WRITES = 3,
};

struct qemu_plugin_tb;   // a block of code under translation
struct qemu_plugin_insn; // an instruction of it

typedef uint64_t plugin_id;
typedef void plugin_translated(plugin_id id, struct qemu_plugin_tb *block);
typedef void plugin_executes(unsigned cpu, void *data);
typedef void plugin_accesses(unsigned cpu, uint32_t info, uint64_t address, void *data);
typedef void plugin_exits(plugin_id id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, plugin_translated *callback);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
                                            plugin_executes *callback, int registers, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
                                      plugin_accesses *callback, int registers, int which,
                                      void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, plugin_exits *callback, void *data);

// What the program that loads the plugin looks for.
extern int qemu_plugin_version;
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

#endif
