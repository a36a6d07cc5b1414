// SPDX-License-Identifier: Apache-2.0
// The version of the system, as `neuron vers.` prints it.
#ifndef KERNEL_VERSION_H
#define KERNEL_VERSION_H

#define NEURON_VERSION "0.1.0"

#endif
