// SPDX-License-Identifier: Apache-2.0
// Short texts and keys from files and standard input, and answers from a person.
#ifndef HOST_CLI_INPUT_H
#define HOST_CLI_INPUT_H

#include <stdbool.h>

#include "host/common/fault.h"
#include "host/common/identity_files.h"

enum { INPUT_BYTES_MAX = 1024 };

// The whole of a file ("-": standard input) of at most INPUT_BYTES_MAX bytes, with a closing 0.
bool input_text(char text[static INPUT_BYTES_MAX + 1], struct fault *fault, const char *name)
    __attribute__((warn_unused_result));

// A private key from a file or standard input. On an error it is zero.
// CT: secret = text, key; public = its length.
bool input_private_key(struct private_key *key, struct fault *fault, const char *name)
    __attribute__((warn_unused_result));

// Asks on the terminal. True only for "yes"; false, too, when there is no terminal.
bool input_confirmed(const char *question);

#endif
