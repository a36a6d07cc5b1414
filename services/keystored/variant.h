// SPDX-License-Identifier: Apache-2.0
// What tells a production keystored from the others. One of two files defines it: lab/ or production/.
#ifndef SERVICES_KEYSTORED_VARIANT_H
#define SERVICES_KEYSTORED_VARIANT_H

#include "services/keystored/provision.h"

// The one more line that the provisioning text may have, or NULL.
extern const struct provision_option *const variant_option;

#endif
