// SPDX-License-Identifier: Apache-2.0
// Receiving one file from one stream.
#ifndef HOST_FILED_RECEIVE_H
#define HOST_FILED_RECEIVE_H

#include <stdbool.h>

#include "host/common/filed_protocol.h"

// Removes parts of files that have not grown for a week. Before the process confines itself.
void receive_remove_old_parts(int directory);

// Until it is stored, refused, or the stream ends. Says on standard error what has come of it; of what is not stored only
// if `tell`.
void receive_file(int directory, int stream, const struct filed_job *job, bool tell);

// Answers that it could not be stored.
void receive_fail(int stream);

#endif
