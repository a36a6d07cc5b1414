// SPDX-License-Identifier: Apache-2.0
// Does on request what a process may not do.
#include "services/lib/log.h"
#include "services/lib/string.h"
#include "services/lib/sys.h"
#include "tests/qemu/kernel/protocol.h"
#include "victim_caps.h"

static uint64_t random_state = 88172645463325252u;

// xorshift64
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t random_argument(void)
{
    uint64_t r = next_random();
    switch (r & 7) {
    case 0:
        return r >> 3 & 0xff;
    case 1:
        return NEURON_NEVER - (r >> 3 & 3);
    case 2:
        return r >> 3 & 15;
    case 3:
        return UINT64_C(1) << (r >> 3 & 63);
    default:
        return r & 1 ? r : r >> 40;
    }
}

// Everything but EXIT, and waits that would never end. The kernel answers each with a status.
static uint64_t random_calls(uint64_t count)
{
    uint64_t refused = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = random_argument() % 40;
        uint64_t in[6];
        for (int j = 0; j < 6; j++) {
            in[j] = random_argument();
        }
        if (number == NEURON_EXIT || number == NEURON_WAIT || number == NEURON_REPLY_WAIT ||
            number == NEURON_CAP_SHRINK) {
            continue;
        }
        register uint64_t a0 __asm__("a0") = in[0];
        register uint64_t a1 __asm__("a1") = in[1];
        register uint64_t a2 __asm__("a2") = in[2];
        register uint64_t a3 __asm__("a3") = in[3];
        register uint64_t a4 __asm__("a4") = in[4];
        register uint64_t a5 __asm__("a5") = in[5];
        register uint64_t a7 __asm__("a7") = number;
        __asm__ volatile("ecall"
                         : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5)
                         : "r"(a7)
                         : "memory", "t1", "t2", "t3", "t4", "t5", "t6", "a6");
        refused += a0 != NEURON_OK;
    }
    return refused;
}

__attribute__((noinline)) static uint64_t recurse(uint64_t depth)
{
    volatile uint64_t frame[32];
    frame[depth % 32] = depth;
    return depth == 0 ? 0 : recurse(depth - 1) + frame[depth % 32];
}

static void act(const struct sys_event *e)
{
    void *address;
    memcpy(&address, ipc_page->message, sizeof address);
    switch ((enum victim_op)e->label) {
    case VICTIM_LOAD:
        (void)*(volatile uint64_t *)address;
        break;
    case VICTIM_STORE:
        *(volatile uint64_t *)address = 1;
        break;
    case VICTIM_JUMP:
        ((void (*)(void))address)();
        break;
    case VICTIM_ILLEGAL:
        __asm__ volatile(".word 0");
        break;
    case VICTIM_CSR:
        __asm__ volatile("csrr zero, sstatus");
        break;
    case VICTIM_RECURSE:
        (void)recurse(1000);
        break;
    case VICTIM_STORE_READ_ONLY:
        if (sys_map(&address, NULL, HANDLE_MEMORY_SHARED, NEURON_READ) == NEURON_OK) {
            *(volatile uint64_t *)address = 1;
        }
        break;
    case VICTIM_STORE_UNMAPPED:
        if (sys_map(&address, NULL, HANDLE_MEMORY_SHARED, NEURON_READ | NEURON_WRITE) ==
                NEURON_OK &&
            sys_unmap(HANDLE_MEMORY_SHARED) == NEURON_OK) {
            *(volatile uint64_t *)address = 1;
        }
        break;
    case VICTIM_RANDOM_CALLS:
        if (sys_reply(e->reply, random_calls((uint64_t)address), 0) != NEURON_OK) {
            log_line("# victim: reply refused");
        }
        return;
    case VICTIM_EXIT:
        sys_exit(42);
    }
    log_line("# victim survived %lu", e->label);
}

int main(void)
{
    for (;;) {
        struct sys_event e = sys_wait(HANDLE_ENDPOINT, 0, NEURON_NEVER);
        if (e.status == NEURON_OK) {
            act(&e);
        }
    }
}
