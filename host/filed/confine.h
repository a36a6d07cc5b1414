// SPDX-License-Identifier: Apache-2.0
// What the file process gives up: every file outside its directory, the network, and most system calls.
#ifndef HOST_FILED_CONFINE_H
#define HOST_FILED_CONFINE_H

#include <stdbool.h>

#include "host/common/fault.h"

bool confine(struct fault *fault, int directory) __attribute__((warn_unused_result));

#endif
