// SPDX-License-Identifier: Apache-2.0
// A text as a QR code on a terminal.
#ifndef HOST_CLI_QR_H
#define HOST_CLI_QR_H

#include <stdbool.h>
#include <stdio.h>

#include "host/common/fault.h"

// Two rows of modules in each line, dark ones as blanks, light ones as blocks; with colours when out is a terminal, so
// that its own do not matter.
bool qr_print(FILE *out, struct fault *fault, const char *text) __attribute__((warn_unused_result));

#endif
