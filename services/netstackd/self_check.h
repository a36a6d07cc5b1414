// SPDX-License-Identifier: Apache-2.0
// netstackd as a client of its own facade, before others are let in.
#ifndef SERVICES_NETSTACKD_SELF_CHECK_H
#define SERVICES_NETSTACKD_SELF_CHECK_H

#include <stdint.h>

#define SELF_CHECK_SHARED_BYTES 64

// Sends a datagram from one socket to another and a word over a TCP connection, both across the
// loopback, through facade_serve as `process`, whose shared memory is `shared`. Returns 0, or what
// did not work.
const char *self_check(uint32_t process, uint8_t shared[static SELF_CHECK_SHARED_BYTES]);

#endif
