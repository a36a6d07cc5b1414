// SPDX-License-Identifier: Apache-2.0
// Changes to the known peers, for the commands that make them.
#ifndef HOST_CLI_TRUST_H
#define HOST_CLI_TRUST_H

#include "host/common/identity_files.h"
#include "host/common/paths.h"

// Trusts exactly this id and key, at the user's word, and tells the daemon. An id or key that is known with another half
// is refused. The exit code; what has happened is printed.
int trust_pin(const struct paths *paths, const struct card *card);

#endif
