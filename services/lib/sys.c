// SPDX-License-Identifier: Apache-2.0
// System calls: arguments in a0..a5, number in a7, status in a0, values in a1..a5.
#include "services/lib/sys.h"

_Static_assert(NEURON_EXIT == 12, "services/lib/start.S uses this number");

struct registers {
    uint64_t a0, a1, a2, a3, a4, a5;
};

static inline struct registers ecall(enum neuron_syscall number, struct registers in)
{
    register uint64_t a0 __asm__("a0") = in.a0;
    register uint64_t a1 __asm__("a1") = in.a1;
    register uint64_t a2 __asm__("a2") = in.a2;
    register uint64_t a3 __asm__("a3") = in.a3;
    register uint64_t a4 __asm__("a4") = in.a4;
    register uint64_t a5 __asm__("a5") = in.a5;
    register uint64_t a7 __asm__("a7") = number;
    __asm__ volatile("ecall"
                     : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5)
                     : "r"(a7)
                     : "memory", "t1", "t2", "t3", "t4", "t5", "t6", "a6");
    return (struct registers){a0, a1, a2, a3, a4, a5};
}

static struct sys_event event_of(struct registers r)
{
    if (r.a0 != NEURON_OK) {
        return (struct sys_event){.status = (enum neuron_status)r.a0};
    }
    return (struct sys_event){.kind = (enum neuron_wait_kind)r.a1,
                              .label = r.a2,
                              .len = r.a3,
                              .sender = r.a4,
                              .reply = r.a5};
}

struct sys_reply sys_call(neuron_handle endpoint, uint64_t label, size_t len, uint64_t deadline)
{
    struct registers r =
        ecall(NEURON_CALL, (struct registers){endpoint, label, len, deadline, 0, 0});
    return (struct sys_reply){(enum neuron_status)r.a0, r.a1, r.a2};
}

enum neuron_status sys_send(neuron_handle endpoint, uint64_t label, size_t len, uint64_t deadline)
{
    struct registers r =
        ecall(NEURON_SEND, (struct registers){endpoint, label, len, deadline, 0, 0});
    return (enum neuron_status)r.a0;
}

struct sys_event sys_wait(neuron_handle endpoint, neuron_handle notification, uint64_t deadline)
{
    return event_of(
        ecall(NEURON_WAIT, (struct registers){endpoint, notification, deadline, 0, 0, 0}));
}

enum neuron_status sys_reply(neuron_handle reply, uint64_t label, size_t len)
{
    struct registers r = ecall(NEURON_REPLY, (struct registers){reply, label, len, 0, 0, 0});
    return (enum neuron_status)r.a0;
}

struct sys_event sys_reply_wait(neuron_handle reply, uint64_t label, size_t len,
                                neuron_handle endpoint, neuron_handle notification,
                                uint64_t deadline)
{
    return event_of(ecall(NEURON_REPLY_WAIT,
                          (struct registers){reply, label, len, endpoint, notification, deadline}));
}

// The calls with one or two arguments and no result but the status.
static enum neuron_status simple(enum neuron_syscall number, uint64_t a0, uint64_t a1)
{
    return (enum neuron_status)ecall(number, (struct registers){a0, a1, 0, 0, 0, 0}).a0;
}

enum neuron_status sys_signal(neuron_handle notification)
{
    return simple(NEURON_SIGNAL, notification, 0);
}

enum neuron_status sys_map(void **address, size_t *bytes, neuron_handle object, unsigned rights)
{
    struct registers r = ecall(NEURON_MAP, (struct registers){object, rights, 0, 0, 0, 0});
    if (r.a0 == NEURON_OK) {
        *address = (void *)r.a1;
        if (bytes != NULL) {
            *bytes = r.a2;
        }
    }
    return (enum neuron_status)r.a0;
}

enum neuron_status sys_unmap(neuron_handle object)
{
    return simple(NEURON_UNMAP, object, 0);
}

enum neuron_status sys_physical(uint64_t *address, neuron_handle memory)
{
    struct registers r = ecall(NEURON_PHYSICAL, (struct registers){memory, 0, 0, 0, 0, 0});
    if (r.a0 == NEURON_OK) {
        *address = r.a1;
    }
    return (enum neuron_status)r.a0;
}

enum neuron_status sys_irq_ack(neuron_handle irq)
{
    return simple(NEURON_IRQ_ACK, irq, 0);
}

enum neuron_status sys_log(size_t len)
{
    return simple(NEURON_LOG, len, 0);
}

_Noreturn void sys_exit(uint64_t code)
{
    for (;;) {
        (void)simple(NEURON_EXIT, code, 0);
    }
}

enum neuron_status sys_cap_shrink(neuron_handle handle, unsigned rights)
{
    return simple(NEURON_CAP_SHRINK, handle, rights);
}

enum neuron_status sys_process_start(neuron_handle process)
{
    return simple(NEURON_PROCESS_START, process, 0);
}

struct sys_process_status sys_process_status(neuron_handle process)
{
    struct registers r = ecall(NEURON_PROCESS_STATUS, (struct registers){process, 0, 0, 0, 0, 0});
    return (struct sys_process_status){(enum neuron_status)r.a0, (enum neuron_process_state)r.a1,
                                       r.a2, r.a3, r.a4};
}

enum neuron_status sys_power_off(neuron_handle power, uint64_t code)
{
    return simple(NEURON_POWER_OFF, power, code);
}

struct sys_counters sys_counters(neuron_handle counters)
{
    struct registers r = ecall(NEURON_COUNTERS, (struct registers){counters, 0, 0, 0, 0, 0});
    return (struct sys_counters){(enum neuron_status)r.a0, r.a1, r.a2, r.a3};
}
