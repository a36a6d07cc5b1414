// SPDX-License-Identifier: Apache-2.0
// doctor's last step: whether full packets get to the peer, of a size that the path takes.
#ifndef HOST_CLI_PATH_H
#define HOST_CLI_PATH_H

#include <stdbool.h>

#include "dsoftbus/identity.h"
#include "host/cli/client.h"

enum { PATH_TEXT_BYTES = 640 };

enum path_verdict {
    PATH_GOOD,
    PATH_BLACK_HOLE, // small packets get there, full ones vanish, and nobody says so
    PATH_SILENT,     // they get there, and are not answered
    PATH_UNTRIED,
};

// Asks the daemon to try it, over a session that is up. A black hole costs that session.
enum path_verdict path_try(char text[static PATH_TEXT_BYTES], struct client *client,
                           const struct device_id *peer) __attribute__((warn_unused_result));

#endif
