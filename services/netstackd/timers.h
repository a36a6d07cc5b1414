// SPDX-License-Identifier: Apache-2.0
// lwIP's timers. lwIP itself would tick for ever; here each one runs only while it has work, and
// catches up on the time that has passed when it has some again.
#ifndef SERVICES_NETSTACKD_TIMERS_H
#define SERVICES_NETSTACKD_TIMERS_H

#include <stdint.h>

void timers_start(uint64_t now);
void timers_advance(uint64_t now);
uint64_t timers_deadline(void);

// An ARP request has been sent: its entry waits for the answer.
void timers_arp_requested(void);

#endif
