// SPDX-License-Identifier: Apache-2.0
// The version of the programs for Linux.
#ifndef HOST_COMMON_VERSION_H
#define HOST_COMMON_VERSION_H

#define HOST_VERSION "0.1.0"

#endif
