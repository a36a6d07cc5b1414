// SPDX-License-Identifier: Apache-2.0
// Tries neuron from inside and tells the results as TAP; the machine's exit status is 0 when all held.
#include <stdbool.h>

#include "processes.h"
#include "services/lib/log.h"
#include "services/lib/string.h"
#include "services/lib/sys.h"
#include "tester_caps.h"
#include "tests/qemu/kernel/protocol.h"

static unsigned count, failed;

static void check(bool ok, const char *what)
{
    count++;
    failed += !ok;
    log_line("%s %u - kernel: %s", ok ? "ok" : "not ok", count, what);
}

static struct sys_reply ask(uint64_t op, uint64_t argument)
{
    memcpy(ipc_page->message, &argument, sizeof argument);
    return sys_call(HANDLE_CALL_SERVER, op, sizeof argument, deadline_in_ms(1000));
}

static uint64_t message_word(unsigned i)
{
    uint64_t word;
    memcpy(&word, ipc_page->message + 8 * i, sizeof word);
    return word;
}

static void test_messages(void)
{
    for (unsigned i = 0; i < NEURON_MESSAGE_BYTES_MAX; i++) {
        ipc_page->message[i] = (uint8_t)(i * 7);
    }
    struct sys_reply r = sys_call(HANDLE_CALL_SERVER, SERVER_ECHO, 1021, NEURON_NEVER);
    bool same = r.status == NEURON_OK && r.label == SERVER_ECHO + 1 && r.len == 1021;
    for (unsigned i = 0; i < NEURON_MESSAGE_BYTES_MAX; i++) {
        same = same && ipc_page->message[i] == (uint8_t)(i * 7);
    }
    check(same, "a message comes back as it was sent");
    r = sys_call(HANDLE_CALL_SERVER, SERVER_ECHO, NEURON_MESSAGE_BYTES_MAX + 1, NEURON_NEVER);
    check(r.status == NEURON_INVALID, "an over-long message is refused");
    r = ask(SERVER_STAMP, 0);
    check(r.status == NEURON_OK && message_word(0) == (PROCESS_ID_TESTER | UINT64_C(1) << 32),
          "the server sees who called, and in which start");
    check(sys_send(HANDLE_CALL_SERVER, SERVER_ECHO, 0, NEURON_NEVER) == NEURON_OK,
          "a message without a reply");
}

enum { T0 = 5, A0 = 10, A6 = 16, A7 = 17 };

static void number_registers(struct registers *r)
{
    for (unsigned i = 0; i < 32; i++) {
        r->in[i] = i * UINT64_C(0x0101010101010101);
    }
}

// After a call: results in a0 to a5; temporaries may hold anything, but not what the server had there; the rest is as it was.
static bool kept_by_call(const struct registers *r)
{
    bool good = r->out[A0] == NEURON_OK && r->out[A0 + 1] == SERVER_MARK + 1;
    for (unsigned i = 1; i < 32; i++) {
        bool temporary = i == 6 || i == 7 || i >= 28 || i == A6, named = i == 2 || i == T0;
        bool result = i >= A0 && i < A6;
        good = good && (named || result ||
                        (temporary ? r->out[i] != SERVER_REGISTER_MARK : r->out[i] == r->in[i]));
    }
    return good;
}

static void test_registers(void)
{
    static struct registers r;
    number_registers(&r);
    r.in[A0] = HANDLE_CALL_SERVER;
    r.in[A0 + 1] = SERVER_MARK;
    r.in[A0 + 2] = 0;
    r.in[A0 + 3] = NEURON_NEVER;
    r.in[A7] = NEURON_CALL;
    registers_call(&r);
    check(kept_by_call(&r), "a call without a deadline keeps registers apart");
    r.in[A0 + 3] = deadline_in_ms(1000);
    registers_call(&r);
    check(kept_by_call(&r), "a call with a deadline keeps registers apart");
}

static void test_handles(void)
{
    static const neuron_handle none[] = {0, 40, NEURON_CAPS_MAX + 1, 255, 1u << 31, NEURON_NEVER};
    bool refused = true;
    for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++) {
        refused = refused && sys_call(none[i], 1, 0, NEURON_NEVER).status == NEURON_BAD_HANDLE &&
                  sys_signal(none[i]) == NEURON_BAD_HANDLE &&
                  sys_unmap(none[i]) == NEURON_BAD_HANDLE;
    }
    check(refused, "handles that it does not hold");
    check(sys_call(HANDLE_MEMORY_SHARED, 1, 0, NEURON_NEVER).status == NEURON_WRONG_TYPE &&
              sys_signal(HANDLE_CALL_SERVER) == NEURON_WRONG_TYPE &&
              sys_unmap(HANDLE_POWER) == NEURON_WRONG_TYPE,
          "handles of another type");
    check(sys_wait(HANDLE_CALL_SERVER, 0, 0).status == NEURON_NO_RIGHT &&
              sys_signal(HANDLE_NOTIFICATION) == NEURON_NO_RIGHT,
          "handles without the right");
    struct sys_reply r = ask(SERVER_CHECK_PHYSICAL, 0);
    check(r.status == NEURON_OK && message_word(0) == NEURON_OK &&
              message_word(1) == NEURON_NO_RIGHT,
          "physical addresses only with the right");
    void *address;
    check(sys_map(&address, NULL, HANDLE_MEMORY_SHARED, NEURON_WRITE) == NEURON_INVALID &&
              sys_map(&address, NULL, HANDLE_MEMORY_SHARED, 7) == NEURON_INVALID,
          "mapping asks for r or rw");
    check(sys_power_off(HANDLE_POWER, 256) == NEURON_INVALID, "an exit status is a byte");
    check(sys_wait(0, 0, NEURON_NEVER).status == NEURON_INVALID, "waiting for nothing for ever");
}

static void test_deadlines(void)
{
    uint64_t before = clock_ms();
    struct sys_reply r = sys_call(HANDLE_CALL_SERVER, SERVER_HOLD, 0, deadline_in_ms(50));
    uint64_t took = clock_ms() - before;
    check(r.status == NEURON_TIMED_OUT && took >= 50 && took <= 60, "a call ends at its deadline");
    r = ask(SERVER_LATE, 0);
    check(r.status == NEURON_OK && r.label == NEURON_CANCELLED, "the late reply is told so");
    check(sys_call(HANDLE_CALL_SERVER, SERVER_ECHO, 0, 1).status == NEURON_TIMED_OUT,
          "a deadline in the past");
    check(ask(SERVER_FORGE, 0).label == NEURON_BAD_HANDLE, "forged reply handles");
    before = clock_ms();
    struct sys_event e = sys_wait(0, HANDLE_NOTIFICATION, deadline_in_ms(1000));
    took = clock_ms() - before;
    check(e.status == NEURON_TIMED_OUT && took >= 1000 && took <= 1010,
          "a wait ends at its deadline");
    check(sys_wait(0, HANDLE_NOTIFICATION, 0).status == NEURON_TIMED_OUT, "a poll does not wait");
}

static void test_notifications(void)
{
    struct sys_reply r = ask(SERVER_SIGNAL, 0);
    struct sys_event e = sys_wait(HANDLE_ENDPOINT, HANDLE_NOTIFICATION, deadline_in_ms(100));
    check(r.status == NEURON_OK && r.label == NEURON_OK && e.status == NEURON_OK &&
              e.kind == NEURON_GOT_NOTIFICATION && e.bits == neuron_bit_signal(PROCESS_ID_SERVER),
          "signals gather in one word");
    check(sys_wait(0, HANDLE_NOTIFICATION, 0).status == NEURON_TIMED_OUT, "and are taken once");
}

static void test_log(void)
{
    static const char forged[] = "SELFTEST: end";
    memcpy(ipc_page->log_line, forged, sizeof forged - 1);
    check(sys_log(sizeof forged - 1) == NEURON_NO_RIGHT,
          "a line with a foreign prefix is not printed");
    memcpy(ipc_page->log_line, "ok \nSELFTEST: end", 17);
    check(sys_log(17) == NEURON_INVALID, "a line with a newline in it is not printed");
    check(sys_log(NEURON_LOG_LINE_BYTES_MAX + 1) == NEURON_INVALID,
          "an over-long line is not printed");
    check(sys_log(2) == NEURON_NO_RIGHT, "half a prefix is none");
}

// Lets the victim do `op` and expects its end with that cause and, when it is given, that address.
static void expect_fault(uint64_t op, uint64_t argument, uint64_t cause, const char *what)
{
    memcpy(ipc_page->message, &argument, sizeof argument);
    struct sys_reply r = sys_call(HANDLE_CALL_VICTIM, op, sizeof argument, deadline_in_ms(1000));
    struct sys_event e = sys_wait(0, HANDLE_NOTIFICATION, deadline_in_ms(100));
    struct sys_process_status p = sys_process_status(HANDLE_PROCESS_VICTIM);
    bool right_place = op != VICTIM_LOAD && op != VICTIM_STORE && op != VICTIM_JUMP;
    check(r.status == NEURON_PEER_DIED && e.bits == neuron_bit_ended(PROCESS_ID_VICTIM) &&
              p.state == NEURON_FAULTED && p.cause == cause &&
              (right_place || p.address == argument),
          what);
    check(sys_call(HANDLE_CALL_VICTIM, op, 0, NEURON_NEVER).status == NEURON_PEER_DIED &&
              sys_process_start(HANDLE_PROCESS_VICTIM) == NEURON_OK,
          "its endpoint says so, and it starts again");
}

static void test_faults(void)
{
    expect_fault(VICTIM_LOAD, 0, 13, "load from address 0");
    expect_fault(VICTIM_LOAD, 0x80200000, 13, "load from the kernel");
    expect_fault(VICTIM_LOAD, 0xffffffc000400000, 13, "load from the kernel's devices");
    expect_fault(VICTIM_LOAD, 0x10000000, 13, "load from a device's physical address");
    expect_fault(VICTIM_LOAD, NEURON_MAP_BASE + 4 * 1024 * 1024, 13,
                 "load from an object that is not mapped");
    expect_fault(VICTIM_STORE, NEURON_IMAGE_BASE, 15, "store to the text");
    expect_fault(VICTIM_JUMP, NEURON_IPC_PAGE, 12, "jump to data");
    expect_fault(VICTIM_JUMP, NEURON_STACK_TOP - 64, 12, "jump to the stack");
    expect_fault(VICTIM_STORE, NEURON_STACK_TOP, 15, "store above the stack");
    expect_fault(VICTIM_RECURSE, 0, 15, "run off the stack into the guard page");
    expect_fault(VICTIM_ILLEGAL, 0, 2, "an illegal instruction");
    expect_fault(VICTIM_CSR, 0, 2, "a supervisor register");
    expect_fault(VICTIM_STORE_READ_ONLY, 0, 15, "store to memory mapped for reading");
    expect_fault(VICTIM_STORE_UNMAPPED, 0, 15, "store to memory unmapped again");
}

static void test_ends(void)
{
    check(sys_process_start(HANDLE_PROCESS_SERVER) == NEURON_INVALID,
          "what runs cannot be started");
    struct sys_reply r = ask(SERVER_DIE, 0);
    struct sys_event e = sys_wait(0, HANDLE_NOTIFICATION, deadline_in_ms(100));
    check(r.status == NEURON_PEER_DIED && e.bits == neuron_bit_ended(PROCESS_ID_SERVER),
          "the caller of a server that faults gets an error");
    check(sys_process_start(HANDLE_PROCESS_SERVER) == NEURON_OK, "the server starts again");
    check(ask(SERVER_STAMP, 0).status == NEURON_OK, "the same handle reaches its successor");
    r = sys_call(HANDLE_CALL_VICTIM, VICTIM_EXIT, 8, deadline_in_ms(1000));
    struct sys_process_status p = sys_process_status(HANDLE_PROCESS_VICTIM);
    check(r.status == NEURON_PEER_DIED && p.state == NEURON_EXITED && p.cause == 42,
          "an exit code is reported");
    check(sys_process_start(HANDLE_PROCESS_VICTIM) == NEURON_OK, "the victim starts again");
    check(sys_process_status(HANDLE_PROCESS_WRONG_ABI).state == NEURON_REFUSED &&
              sys_process_start(HANDLE_PROCESS_WRONG_ABI) == NEURON_INVALID,
          "an image for another ABI version is refused");
}

static void test_preemption(void)
{
    void *address;
    bool ok =
        sys_map(&address, NULL, HANDLE_MEMORY_SHARED, NEURON_READ | NEURON_WRITE) == NEURON_OK &&
        sys_process_start(HANDLE_PROCESS_SPINNER) == NEURON_OK;
    struct shared_page *page = address;
    uint64_t until = clock_ms() + 100, spins = page->spins;
    while (ok && clock_ms() < until) {
    }
    uint64_t others = page->spins - spins;
    check(ok && others > 1000, "two busy processes of one priority share the processor");
    static struct registers r;
    number_registers(&r);
    r.in[A0] = deadline_in_ms(100);
    registers_spin(&r);
    bool same = true;
    for (unsigned i = 1; i < 32; i++) {
        same = same && (i == 2 || i == T0 || i == A0 + 1 || r.out[i] == r.in[i]);
    }
    check(same, "all registers are there again after an interrupt");
    uint64_t before = clock_ms();
    (void)sys_wait(0, HANDLE_NOTIFICATION, deadline_in_ms(20)).status;
    uint64_t took = clock_ms() - before;
    check(took >= 20 && took <= 41, "a deadline is met beside a process that never gives up");
    check(ask(SERVER_ECHO, 0).status == NEURON_OK, "a call is answered beside it");
}

static void test_random_calls(void)
{
    uint64_t calls = 200000;
    memcpy(ipc_page->message, &calls, sizeof calls);
    struct sys_reply r =
        sys_call(HANDLE_CALL_VICTIM, VICTIM_RANDOM_CALLS, sizeof calls, NEURON_NEVER);
    check(r.status == NEURON_OK && r.label > 0 && r.label < calls, "200000 random system calls");
}

// ipc_call: a call with 64 bytes and its reply with as many, in instructions: of both processes and the kernel.
static void measure(void)
{
    enum { ROUNDS = 100 };
    uint64_t before = clock_instret();
    for (int i = 0; i < ROUNDS; i++) {
        if (sys_call(HANDLE_CALL_SERVER, SERVER_ECHO, 64, NEURON_NEVER).status != NEURON_OK) {
            return;
        }
    }
    uint64_t each = (clock_instret() - before) / ROUNDS;
    log_line("ok %u - kernel: ipc_call: %lu instructions", ++count, each);
    struct sys_event e = sys_wait(0, HANDLE_NOTIFICATION, 0); // what is left of earlier tests
    struct sys_counters c = sys_counters(HANDLE_COUNTERS);
    before = clock_instret() - c.idle_instret;
    e = sys_wait(0, HANDLE_NOTIFICATION, deadline_in_ms(1000));
    c = sys_counters(HANDLE_COUNTERS);
    uint64_t idle = clock_instret() - c.idle_instret - before;
    check(e.status == NEURON_TIMED_OUT && idle < 50000,
          "nothing runs while there is nothing to do");
    log_line("ok %u - kernel: kernel_idle_second: %lu instructions", ++count, idle);
}

int main(void)
{
    if (sys_process_start(HANDLE_PROCESS_SERVER) != NEURON_OK ||
        sys_process_start(HANDLE_PROCESS_VICTIM) != NEURON_OK) {
        die("not ok 1 - kernel: the server and the victim start");
    }
    test_messages();
    test_registers();
    test_handles();
    test_deadlines();
    test_notifications();
    test_log();
    test_faults();
    test_ends();
    test_random_calls();
    measure();
    test_preemption();
    log_line("ok %u - kernel: all tests ran to the end", ++count);
    return (int)sys_power_off(HANDLE_POWER, failed == 0 ? 0 : 1);
}
