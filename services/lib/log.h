// SPDX-License-Identifier: Apache-2.0
// One line on the console. The kernel admits only whole lines with a prefix that the manifest grants.
#ifndef SERVICES_LIB_LOG_H
#define SERVICES_LIB_LOG_H

#include <stddef.h>
#include <stdint.h>

// Formats with %s %d %u %x %lu %lx %c %% (width and zero flag for numbers), and prints the line; no newline
// in the format. A line longer than NEURON_LOG_LINE_BYTES_MAX is cut and ends in "...". Bytes outside
// printable ASCII are printed as '?': escape labels before (dsoftbus/label.h).
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Says why, and exits with code 1. For our own mistakes and for a start-up that cannot go on.
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
