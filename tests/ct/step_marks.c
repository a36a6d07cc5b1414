// SPDX-License-Identifier: Apache-2.0
// Steps through each operation on this machine: between the marks the processor traps after every instruction (its trap flag), and
// the handler condenses program counter, stack pointer and data address into one number. Usage: step_noise TABLE OUT
//
// TABLE says for each instruction with an operand in memory how its address is made (step.py writes it): address, base and index
// as numbers of registers or -1, scale, displacement.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "tests/bench/os_bare.h"
#include "tests/ct/trace.h"

enum {
    TEXT_MAX = 8 << 20, // of a program that is linked statically
    HANDLER_STACK = 256 * 1024,
};

struct operand {
    int8_t base, index; // -1: none
    uint8_t scale;      // 0: the instruction has no operand in memory
    int32_t displacement;
};

static struct operand operands[TEXT_MAX];
static uint64_t text_start;
static uint64_t hash, steps, accesses;
static FILE *out;

static void take(uint64_t x)
{
    hash = ((hash << 23 | hash >> 41) ^ x) * 0x9e3779b97f4a7c15;
}

static uint64_t value(const greg_t *registers, int number)
{
    // In the order in which instructions number them.
    static const int places[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                 REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15};
    return number < 0 ? 0 : (uint64_t)registers[places[number]];
}

static void stepped(int signal, siginfo_t *info, void *context)
{
    const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;
    uint64_t at = (uint64_t)registers[REG_RIP];

    (void)signal;
    (void)info;
    take(at);
    take((uint64_t)registers[REG_RSP]);
    steps++;
    if (at - text_start < TEXT_MAX && operands[at - text_start].scale != 0) {
        const struct operand *o = &operands[at - text_start];
        take(value(registers, o->base) + value(registers, o->index) * o->scale +
             (uint64_t)(int64_t)o->displacement);
        accesses++;
    }
}

__attribute__((noinline)) uint64_t trace_run(void (*op)(void))
{
    hash = 1;
    steps = 0;
    accesses = 0;
    __asm__ volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq" : : : "memory", "cc");
    op();
    __asm__ volatile("pushfq\n\tandl $0xfffffeff, (%%rsp)\n\tpopfq" : : : "memory", "cc");
    (void)setvbuf(out, NULL, _IOLBF, 0);
    (void)fprintf(out, "%016llx %llu %llu\n", (unsigned long long)hash, (unsigned long long)steps,
                  (unsigned long long)accesses);
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
    FILE *f = fopen(path, "r");
    char line[128];
    bool good = f != NULL;

    while (good && fgets(line, sizeof line, f) != NULL) {
        char *next;
        uint64_t at = strtoull(line, &next, 16);
        struct operand o = {0};
        o.base = (int8_t)strtol(next, &next, 10);
        o.index = (int8_t)strtol(next, &next, 10);
        o.scale = (uint8_t)strtol(next, &next, 10);
        o.displacement = (int32_t)strtol(next, &next, 10);
        text_start = text_start == 0 ? at : text_start;
        good = at >= text_start && at - text_start < TEXT_MAX && *next == '\n';
        if (good) {
            operands[at - text_start] = o;
        }
    }
    return good && fclose(f) == 0 && text_start != 0;
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
