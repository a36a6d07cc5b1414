// SPDX-License-Identifier: Apache-2.0
// System calls of neuron as C functions, the IPC page, and the clock.
#ifndef SERVICES_LIB_SYS_H
#define SERVICES_LIB_SYS_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/neuron.h"

#define MUST_USE __attribute__((warn_unused_result))

// The process's IPC page: outgoing and incoming messages share `message`, so copy what you need out of
// it before the next call.
#define ipc_page ((struct neuron_ipc_page *)NEURON_IPC_PAGE)

struct sys_reply {
    enum neuron_status status;
    uint64_t label;
    size_t len;
};

struct sys_event {
    enum neuron_status status; // NEURON_OK, NEURON_TIMED_OUT or an error
    enum neuron_wait_kind kind;
    union {
        uint64_t bits;  // notification: the word, now cleared
        uint64_t label; // message
    };
    size_t len; // message: bytes in ipc_page->message, never above NEURON_MESSAGE_BYTES_MAX
    uint64_t sender;
    neuron_handle reply; // 0: the sender expects none, or it is a notification
};

MUST_USE struct sys_reply sys_call(neuron_handle endpoint, uint64_t label, size_t len,
                                   uint64_t deadline);
MUST_USE enum neuron_status sys_send(neuron_handle endpoint, uint64_t label, size_t len,
                                     uint64_t deadline);
MUST_USE struct sys_event sys_wait(neuron_handle endpoint, neuron_handle notification,
                                   uint64_t deadline);
MUST_USE enum neuron_status sys_reply(neuron_handle reply, uint64_t label, size_t len);
MUST_USE struct sys_event sys_reply_wait(neuron_handle reply, uint64_t label, size_t len,
                                         neuron_handle endpoint, neuron_handle notification,
                                         uint64_t deadline);
MUST_USE enum neuron_status sys_signal(neuron_handle notification);
// address and bytes are written on NEURON_OK only; bytes may be NULL.
MUST_USE enum neuron_status sys_map(void **address, size_t *bytes, neuron_handle object,
                                    unsigned rights);
MUST_USE enum neuron_status sys_unmap(neuron_handle object);
MUST_USE enum neuron_status sys_physical(uint64_t *address, neuron_handle memory);
MUST_USE enum neuron_status sys_irq_ack(neuron_handle irq);
MUST_USE enum neuron_status sys_log(size_t len);
_Noreturn void sys_exit(uint64_t code);
MUST_USE enum neuron_status sys_cap_shrink(neuron_handle handle, unsigned rights);
MUST_USE enum neuron_status sys_process_start(neuron_handle process);

struct sys_process_status {
    enum neuron_status status;
    enum neuron_process_state state;
    uint64_t cause; // exit code, or scause of the fault
    uint64_t address;
    uint64_t starts;
};
MUST_USE struct sys_process_status sys_process_status(neuron_handle process);
MUST_USE enum neuron_status sys_power_off(neuron_handle power, uint64_t code);

struct sys_counters {
    enum neuron_status status;
    uint64_t idle_instret; // instret that passed while nothing ran
    uint64_t idle_entries;
    uint64_t switches;
};
MUST_USE struct sys_counters sys_counters(neuron_handle counters);

// Ticks of the time CSR since power-on, 10 MHz.
static inline uint64_t clock_ticks(void)
{
    uint64_t t;
    __asm__ volatile("csrr %0, time" : "=r"(t));
    return t;
}
static inline uint64_t clock_ms(void)
{
    return clock_ticks() / NEURON_TICKS_PER_MS;
}
static inline uint64_t clock_instret(void)
{
    uint64_t n;
    __asm__ volatile("csrr %0, instret" : "=r"(n));
    return n;
}
// The deadline that lies ms from now.
static inline uint64_t deadline_in_ms(uint64_t ms)
{
    return clock_ticks() + ms * NEURON_TICKS_PER_MS;
}

#endif
