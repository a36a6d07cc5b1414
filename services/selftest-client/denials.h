// SPDX-License-Identifier: Apache-2.0
// What the kernel has to refuse to a process that was not given it.
#ifndef SERVICES_SELFTEST_CLIENT_DENIALS_H
#define SERVICES_SELFTEST_CLIENT_DENIALS_H

// NULL, or why it failed.
const char *check_ipc_denied(void);
const char *check_mmio_denied(void);

#endif
