// SPDX-License-Identifier: Apache-2.0
// The virtio entropy device (virtio 1.2 5.4): one seed at start-up, then it is let go.
#ifndef SERVICES_KEYSTORED_VIRTIO_RNG_H
#define SERVICES_KEYSTORED_VIRTIO_RNG_H

#include <stdbool.h>
#include <stdint.h>

// 32 bytes out of 64 of the device, hashed; false when it does not deliver in time, breaks the rules of its
// interface, or delivers what is evidently not random; a line says which. The device has been reset afterwards.
__attribute__((warn_unused_result)) bool virtio_rng_seed(uint8_t seed[static 32]);

#endif
