// SPDX-License-Identifier: Apache-2.0
// Steps through each operation on this machine: between the marks the processor traps after every instruction (its trap flag), and
// the handler condenses program counter, stack pointer and data address into one number. Usage: step_noise TABLE OUT
//
// TABLE is what step.py makes, see steps.h.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "tests/bench/os_bare.h"
#include "tests/ct/steps.h"
#include "tests/ct/trace.h"

enum {
    TABLE_MAX = 64 << 20, // for a program that is linked statically
    HANDLER_STACK = 256 * 1024,
};

static uint8_t table[TABLE_MAX] __attribute__((aligned(8)));
static struct steps seen;
static FILE *out;

static void stepped(int signal, siginfo_t *info, void *context)
{
    static const int places[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15};
    const greg_t *given = ((const ucontext_t *)context)->uc_mcontext.gregs;
    uint64_t registers[STEPS_REGISTERS] = {0};

    (void)signal;
    (void)info;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        registers[i] = (uint64_t)given[places[i]];
    }
    steps_take(&seen, (const void *)table, registers, (uint64_t)given[REG_RIP]);
}

__attribute__((noinline)) uint64_t trace_run(void (*op)(void))
{
    seen = (struct steps){.hash = 1};
    __asm__ volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
    op();
    __asm__ volatile("pushfq\n\tandl $0xfffffeff, (%%rsp)\n\tpopfq" : : : "memory", "cc");
    (void)setvbuf(out, NULL, _IOLBF, 0);
    (void)fprintf(out, "%016llx %llu %llu\n", (unsigned long long)seen.hash,
                  (unsigned long long)seen.count, (unsigned long long)seen.accesses);
    return 0;
}

void bare_print(const char *text)
{
    (void)fputs(text, stdout);
}

void bare_print_number(uint64_t n)
{
    printf("%llu", (unsigned long long)n);
}

_Noreturn void bare_power_off(bool good)
{
    exit(fclose(out) == 0 && good ? 0 : 1);
}

static bool read_table(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct steps_table head = {0};
    size_t len = f == NULL ? 0 : fread(table, 1, sizeof table, f);
    memcpy(&head, table, sizeof head);
    return len > sizeof head && len == sizeof head + head.len * sizeof head.operands[0] &&
           fclose(f) == 0;
}

int main(int argc, char **argv)
{
    static uint8_t handler_stack[HANDLER_STACK];
    const stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    struct sigaction action = {.sa_sigaction = stepped, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    if (argc != 3 || !read_table(argv[1]) || (out = fopen(argv[2], "w")) == NULL ||
        sigaltstack(&stack, NULL) != 0 || sigaction(SIGTRAP, &action, NULL) != 0) {
        (void)fprintf(stderr, "usage: step_noise TABLE OUT\n");
        return 1;
    }
    bench_main();
}
