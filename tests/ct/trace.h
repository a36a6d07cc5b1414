// SPDX-License-Identifier: Apache-2.0
#ifndef TESTS_CT_TRACE_H
#define TESTS_CT_TRACE_H

#include <stdint.h>

// Calls between two marks, which whoever watches knows. Returns one number for what the call has left in its dead stack and
// in the registers that it may change, or 0 where nobody looks.
uint64_t trace_run(void (*op)(void));

#endif
