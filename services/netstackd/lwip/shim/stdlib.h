// SPDX-License-Identifier: Apache-2.0
// <stdlib.h> for lwIP where there is no libc: it needs atoi in a function that nobody here calls.
#ifndef SERVICES_NETSTACKD_LWIP_SHIM_STDLIB_H
#define SERVICES_NETSTACKD_LWIP_SHIM_STDLIB_H

#include <stddef.h>

int atoi(const char *s);

#endif
