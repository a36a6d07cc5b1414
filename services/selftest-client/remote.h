// SPDX-License-Identifier: Apache-2.0
// One machine of two: a ping and a bulk stream to the other machine's selftest-client, through dsoftbusd's interface for
// applications, as any application would.
#ifndef SERVICES_SELFTEST_CLIENT_REMOTE_H
#define SERVICES_SELFTEST_CLIENT_REMOTE_H

// Registers the service "selftest" and checks in. NULL, or why it failed.
const char *remote_open(void);

// The ping, then the streams, one in each direction, with a line for each thing done; returns when this node and the
// other have said "done". NULL, or why it failed.
const char *remote_run(void);

#endif
