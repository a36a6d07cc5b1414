// SPDX-License-Identifier: Apache-2.0
// Names of the results, for logs.

#include "noise/noise_error.h"

const char *noise_error_name(enum noise_error error)
{
    switch (error) {
    case NOISE_OK:
        return "ok";
    case NOISE_NEED_DH:
        return "need dh";
    case NOISE_ERR_ARGUMENT:
        return "argument";
    case NOISE_ERR_STATE:
        return "state";
    case NOISE_ERR_STALE:
        return "stale";
    case NOISE_ERR_RANDOM:
        return "random";
    case NOISE_ERR_EXTERNAL:
        return "external key";
    case NOISE_ERR_LENGTH:
        return "length";
    case NOISE_ERR_AUTH:
        return "auth";
    case NOISE_ERR_LOW_ORDER:
        return "low order";
    case NOISE_ERR_REPLAY:
        return "replay";
    case NOISE_ERR_NONCE:
        return "nonce";
    }
    return "unknown";
}
