// SPDX-License-Identifier: Apache-2.0
// The bring-up keys' derivation, for known-answer tests only.
#ifndef TESTS_UNIT_BRINGUP_H
#define TESTS_UNIT_BRINGUP_H

#include <stddef.h>
#include <stdint.h>

// SECURITY: bring-up test keys, NOT production custody
static inline void derive_test_secret(uint8_t secret[static 32], uint8_t tag, uint16_t port)
{
    uint8_t seed = (uint8_t)(tag * port);
    secret[0] = tag;
    secret[1] = (uint8_t)(port >> 8);
    secret[2] = (uint8_t)port;
    for (size_t i = 3; i < 32; i++) {
        secret[i] = (uint8_t)(seed + i);
    }
}

#endif
