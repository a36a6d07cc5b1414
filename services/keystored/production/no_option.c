// SPDX-License-Identifier: Apache-2.0
// The production image: `seed` is an unknown field, entropy comes from virtio-rng alone.
#include "services/keystored/variant.h"

const struct provision_option *const variant_option = NULL;
