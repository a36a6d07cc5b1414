// SPDX-License-Identifier: Apache-2.0
// The console (a 16550 UART, output only), and the end of everything.
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdint.h>

// From now on the UART is at its address in the kernel's address space.
void console_map(void);
void console_write(const uint8_t *bytes, uint64_t len);
// Prints `neuron: ` and the line. Conversions: %s, %u and %x (64-bit both). Arguments are uint64_t or strings.
void console_line(const char *format, ...);
// The same without the prefix.
void console_bare_line(const char *format, ...);

// Switches the machine off with this exit status (0..255).
_Noreturn void machine_off(uint64_t code);
// Our own mistake: says what, and switches off with status 254.
_Noreturn void panic(const char *what);
_Noreturn void panic_trap(uint64_t cause, uint64_t address, uint64_t pc);
_Noreturn void boot_without_ram(void);

#define ASSERT(condition) ((condition) ? (void)0 : panic(#condition))

#endif
