// SPDX-License-Identifier: Apache-2.0
// Sentences about what went wrong.
#include "host/common/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fault_set(struct fault *fault, int exit_code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    fault->exit_code = exit_code;
    return false;
}

bool fault_errno(struct fault *fault, int exit_code, const char *format, ...)
{
    int error = errno;
    va_list args;
    size_t len;

    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    len = strlen(fault->text);
    snprintf(fault->text + len, sizeof fault->text - len, ": %s", strerror(error));
    fault->exit_code = exit_code;
    return false;
}
