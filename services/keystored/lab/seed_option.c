// SPDX-License-Identifier: Apache-2.0
// Images for the laboratory: the text may bring the root seed, so that a run can be repeated bit for bit.
#include "services/keystored/variant.h"

static bool seed_option_parse(struct provision *out, struct provision_line *line)
{
    out->has_seed = provision_take_key(out->seed, line);
    return out->has_seed;
}

const struct provision_option seed_option = {"seed", seed_option_parse};
const struct provision_option *const variant_option = &seed_option;
