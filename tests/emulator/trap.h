// SPDX-License-Identifier: Apache-2.0
// Single steps on the bare PC.
#ifndef TESTS_EMULATOR_TRAP_H
#define TESTS_EMULATOR_TRAP_H

#include "tests/ct/steps.h"

void trap_start(const struct steps_table *of);
struct steps trap_through(void (*op)(void));

#endif
