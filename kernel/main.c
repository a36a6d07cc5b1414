// SPDX-License-Identifier: Apache-2.0
// From boot to the first process; then everything that happens is a trap.
#include "kernel/console.h"
#include "kernel/interrupt.h"
#include "kernel/page.h"
#include "kernel/process.h"
#include "kernel/schedule.h"
#include "kernel/version.h"

extern uint8_t trap_entry[];
_Noreturn void trap_return(struct process *p); // boot.S
struct process *trap(struct process *p);
_Noreturn void kernel_main(uint64_t hart);

// A process did what it may not: it stops, with a line that says what it was.
static void stop_faulty(struct process *p, uint64_t cause, uint64_t address)
{
    static const char *const names[16] = {
        [0] = "misaligned instruction",  [1] = "instruction access fault",
        [2] = "illegal instruction",     [3] = "breakpoint",
        [4] = "misaligned load",         [5] = "load access fault",
        [6] = "misaligned store",        [7] = "store access fault",
        [12] = "instruction page fault", [13] = "load page fault",
        [15] = "store page fault",
    };
    const char *name = cause < 16 && names[cause] != 0 ? names[cause] : "unknown exception";
    console_line("process %s stopped: %s at %x, pc %x", p->manifest->name, name, address,
                 p->frame.x[X_PC]);
    process_stop(p, NEURON_FAULTED, cause, address);
}

struct process *trap(struct process *p)
{
    uint64_t cause = csr_read(scause);
    if ((cause & CAUSE_INTERRUPT) != 0) {
        interrupt_handle_pending();
    } else {
        stop_faulty(p, cause, csr_read(stval));
    }
    return schedule_next();
}

_Noreturn void kernel_main(uint64_t hart)
{
    csr_write(sscratch, 0);
    csr_write(stvec, trap_entry);
    csr_write(scounteren, 7); // cycle, time and instret are readable by processes
    const char *culprit;
    const char *error = manifest_check(&culprit, &system_manifest);
    if (error != 0) {
        console_line("manifest refused: %s: %s", culprit, error);
        machine_off(252);
    }
    page_start();
    console_bare_line("neuron vers. %s", NEURON_VERSION);
    process_setup_all();
    interrupt_start(hart);
    for (uint32_t i = 0; i < system_manifest.process_count; i++) {
        if (processes[i].manifest->boots && !process_start(&processes[i])) {
            panic("the first process cannot start");
        }
    }
    csr_clear(sstatus, SSTATUS_SPP); // each trap from user mode leaves it so again
    csr_set(sstatus, SSTATUS_SPIE);
    trap_return(schedule_next());
}
