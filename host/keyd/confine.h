// SPDX-License-Identifier: Apache-2.0
// The key process's cage.
#ifndef HOST_KEYD_CONFINE_H
#define HOST_KEYD_CONFINE_H

#include <stdbool.h>

#include "host/common/fault.h"

// From now on only receiving, sending and ending are possible; any other system call ends the process.
bool confine(struct fault *fault) __attribute__((warn_unused_result));

#endif
