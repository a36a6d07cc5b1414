// SPDX-License-Identifier: Apache-2.0
#ifndef TESTS_OS_UNIT_STRING_H
#define TESTS_OS_UNIT_STRING_H

#include "services/lib/string.h"

char *strchr(const char *text, int c);

#endif
