// SPDX-License-Identifier: Apache-2.0
// Readiness for the service manager, as sd_notify(3) describes it: datagrams to the socket named by $NOTIFY_SOCKET.
#ifndef HOST_DAEMON_NOTIFY_H
#define HOST_DAEMON_NOTIFY_H

#include <stdint.h>

// Opens the socket, before the sandbox. Without NOTIFY_SOCKET all calls do nothing.
void notify_open(void);

// "READY=1" and so on.
void notify_send(const char *state);

// Every how many milliseconds the manager wants to hear "WATCHDOG=1"; 0: never.
uint64_t notify_watchdog_ms(void);

#endif
