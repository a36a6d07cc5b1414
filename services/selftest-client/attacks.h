// SPDX-License-Identifier: Apache-2.0
// Attacks on the device under test. Each succeeds when the attack is refused and the next good session is served.
#ifndef SERVICES_SELFTEST_CLIENT_ATTACKS_H
#define SERVICES_SELFTEST_CLIENT_ATTACKS_H

#include "services/selftest-client/node.h"

// Keeps what a good session has sent, for attack_replay.
void attacks_record(const struct channel *channel);

// NULL, or why it failed. Refused means: closed without READY, or the session dead, before its deadline.
const char *attack_replay(struct node *node);
const char *attack_mitm(struct node *node);
const char *attack_tamper(struct node *node);
const char *attack_identity_mismatch(struct node *node);
const char *attack_unknown_peer(struct node *node);
const char *attack_oversize(struct node *node);
const char *attack_truncated(struct node *node);

#endif
