// SPDX-License-Identifier: Apache-2.0
// The daemon's log: lines on standard error, with syslog priorities in front when a service manager reads them.
#ifndef HOST_DAEMON_LOG_H
#define HOST_DAEMON_LOG_H

#include "host/common/config.h"

enum log_priority { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_DEBUG = 7 };

// What is shown: quiet: errors and warnings; normal: notices too; verbose: all.
void log_set(enum log_verbosity verbosity);

// One line. What others chose comes in through label_escape only.
void log_line(enum log_priority priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
