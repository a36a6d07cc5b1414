// SPDX-License-Identifier: Apache-2.0
// Console output and power off.
#include "kernel/console.h"

#include <stdarg.h>
#include <stdbool.h>

#include "kernel/layout.h"

// 16550: offset 0 takes a byte when bit 5 of the line status is set.
enum { UART_DATA = 0, UART_LINE_STATUS = 5, UART_READY = 0x20, UART_PATIENCE = 1000000 };

static volatile uint8_t *uart = (volatile uint8_t *)UART_PHYSICAL;
static volatile uint32_t *power = (volatile uint32_t *)POWER_PHYSICAL;

void console_map(void)
{
    uart = (volatile uint8_t *)UART_VIRTUAL;
    power = (volatile uint32_t *)POWER_VIRTUAL;
}

static void put(uint8_t byte)
{
    // A UART that never gets ready loses output; it does not stop the system.
    for (int i = 0; i < UART_PATIENCE && (uart[UART_LINE_STATUS] & UART_READY) == 0; i++) {
    }
    uart[UART_DATA] = byte;
}

void console_write(const uint8_t *bytes, uint64_t len)
{
    for (uint64_t i = 0; i < len; i++) {
        put(bytes[i]);
    }
}

static void put_string(const char *s)
{
    while (*s != '\0') {
        put((uint8_t)*s++);
    }
}

static void put_number(uint64_t value, unsigned base)
{
    char digits[20];
    unsigned n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (n > 0) {
        put((uint8_t)digits[--n]);
    }
}

static void put_line(const char *format, va_list *args)
{
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put((uint8_t)*format);
            continue;
        }
        format++;
        if (*format == 's') {
            put_string(va_arg(*args, const char *));
        } else if (*format == 'x') {
            put_string("0x");
            put_number(va_arg(*args, uint64_t), 16);
        } else {
            put_number(va_arg(*args, uint64_t), 10);
        }
    }
    put('\n');
}

void console_bare_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line(format, &args);
    va_end(args);
}

void console_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_string("neuron: ");
    put_line(format, &args);
    va_end(args);
}

_Noreturn void machine_off(uint64_t code)
{
    // QEMU's test device: 0x5555 passes, 0x3333 fails with the code above it.
    *power = code == 0 ? 0x5555 : (uint32_t)(code & 0xff) << 16 | 0x3333;
    for (;;) {
        __asm__ volatile("wfi");
    }
}

_Noreturn void panic(const char *what)
{
    console_line("PANIC: %s", what);
    machine_off(254);
}

_Noreturn void panic_trap(uint64_t cause, uint64_t address, uint64_t pc)
{
    console_line("PANIC: trap in the kernel, cause %u, address %x, pc %x", cause, address, pc);
    machine_off(254);
}

_Noreturn void boot_without_ram(void)
{
    console_line("64 MiB of RAM at 0x80000000 are needed and not there: start QEMU with -m 64M");
    machine_off(254);
}
