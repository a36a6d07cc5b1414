// SPDX-License-Identifier: Apache-2.0
// What went wrong, as a sentence for a person: what it was about, what is wrong with it, and what to do.
#ifndef HOST_COMMON_FAULT_H
#define HOST_COMMON_FAULT_H

#include <stdbool.h>

enum { FAULT_TEXT_BYTES = 1024 };

struct fault {
    int exit_code; // enum exit_code (host/common/exit_code.h)
    char text[FAULT_TEXT_BYTES];
};

// Writes the sentence; what is too long is cut. Always false, so that `return fault_set(...)` ends a function.
bool fault_set(struct fault *fault, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The same with ": " and the text of errno behind it.
bool fault_errno(struct fault *fault, int exit_code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
