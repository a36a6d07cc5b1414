// SPDX-License-Identifier: Apache-2.0
// <string.h> for lwIP where there is no libc.
#include "services/lib/string.h"
