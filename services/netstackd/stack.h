// SPDX-License-Identifier: Apache-2.0
// lwIP as one object: started once, told the time, asked for its next deadline. Everything that
// lwIP takes from its surroundings is here: the clock, random numbers, the checksum, assertions.
#ifndef SERVICES_NETSTACKD_STACK_H
#define SERVICES_NETSTACKD_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "lwip/netif.h"

// Starts lwIP with its loopback interface. Initial sequence numbers, ports and transaction ids
// follow from the seed.
void stack_start(const uint8_t seed[static 32]);

// Tells lwIP that it is `now` (ticks of the clock, never less than before) and runs the timers that
// are due. Call it before anything else that happens at that time.
void stack_advance(uint64_t now);
uint64_t stack_now(void);

// When stack_advance must be called next: NEURON_NEVER while no timer has work.
uint64_t stack_deadline(void);

// Delivers all that waits on loopback paths, and what that causes.
void stack_loop(void);

// Uniform in 0..2^32-1.
uint32_t stack_random(void);
// A port of the dynamic range, 49152..65535 (RFC 6335 6).
uint16_t stack_random_port(void);
// One such for a connection: from a random beginning in small random steps, so that a port comes back only after thousands of
// connections, when the other end has no TIME_WAIT for it any more.
uint16_t stack_next_port(void);

// Whether an address is one of ours (or 0.0.0.0, for all of them).
bool stack_owns_address(const ip4_addr_t *address);

// Whether there is a way to the address: on a link of ours, or through a gateway.
bool stack_reaches(const ip4_addr_t *address);

#endif
