// SPDX-License-Identifier: Apache-2.0
// Log lines.
#include "host/daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 1024 };

static enum log_priority shown = LOG_NOTICE;
static bool for_journal;

void log_set(enum log_verbosity verbosity)
{
    static const enum log_priority most[] = {LOG_WARNING, LOG_NOTICE, LOG_DEBUG};

    shown = most[verbosity];
    for_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_line(enum log_priority priority, const char *format, ...)
{
    char line[LINE_BYTES];
    size_t len = 0;
    va_list args;

    if (priority > shown) {
        return;
    }
    if (for_journal) {
        len = (size_t)snprintf(line, sizeof line, "<%d>", (int)priority);
    }
    len += (size_t)snprintf(line + len, sizeof line - len, "dsoftbusd: ");
    va_start(args, format);
    vsnprintf(line + len, sizeof line - 1 - len, format, args);
    va_end(args);
    len = strlen(line);
    line[len++] = '\n';
    (void)!write(STDERR_FILENO, line,
                 len); // one write, so that lines of several processes stay whole
}
