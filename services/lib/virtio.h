// SPDX-License-Identifier: Apache-2.0
// virtio 1.2 over MMIO (version 2) with split queues: what the drivers of net and rng share.
//
// A queue here is a set of equal buffers, each bound to the descriptor with its number. A buffer is
// either ours (fill it, read it, offer it) or the device's (hands off until virtio_queue_take gives
// it back). Everything that the device supplies is outside data: it is read once, checked against
// private state, and a wrong value is an error that leaves the queue unusable until the device has
// been reset.
#ifndef SERVICES_LIB_VIRTIO_H
#define SERVICES_LIB_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTIO_ID_NET 1
#define VIRTIO_ID_RNG 4

#define VIRTIO_F_VERSION_1      (UINT64_C(1) << 32)
#define VIRTIO_QUEUE_SIZE_MAX   64   // one bit each in virtio_queue.in_flight
#define VIRTIO_QUEUE_RING_BYTES 4096 // what one queue's rings take, page-aligned

enum virtio_error {
    VIRTIO_OK = 0,
    VIRTIO_EMPTY,            // nothing to take
    VIRTIO_NO_DEVICE,        // wrong magic value, or no device in the slot
    VIRTIO_WRONG_VERSION,    // not version 2
    VIRTIO_WRONG_TYPE,       // another device id
    VIRTIO_RESET_FAILED,     // the status did not become 0
    VIRTIO_NO_FEATURE,       // a feature that the driver needs is not offered
    VIRTIO_FEATURES_REFUSED, // FEATURES_OK did not stay set
    VIRTIO_BAD_QUEUE,        // the queue is in use, or too small
    VIRTIO_NOT_LIVE,         // DRIVER_OK did not stay set, or the device asks for a reset
    VIRTIO_BAD_USED_INDEX,   // the device claims to have used more than it was given
    VIRTIO_BAD_USED_ID,      // it returned a buffer that it was not given
    VIRTIO_BAD_USED_LENGTH,  // it claims to have written more than the buffer holds
};
const char *virtio_error_name(enum virtio_error error);

struct virtio_device {
    volatile uint8_t *registers; // 4096 bytes, or what the device has
};

// Resets the device and negotiates `wanted` out of what it offers; all of `needed` (a subset) must
// be there. VIRTIO_F_VERSION_1 is implied in both. virtio 1.2 3.1.1, steps 1 to 6.
__attribute__((warn_unused_result)) enum virtio_error virtio_begin(struct virtio_device *device,
                                                                   volatile void *registers,
                                                                   uint32_t device_id,
                                                                   uint64_t wanted,
                                                                   uint64_t needed);

// Sets DRIVER_OK, and checks that the device accepted it (virtio 1.2 3.1.1, step 8).
__attribute__((warn_unused_result)) enum virtio_error virtio_go_live(struct virtio_device *device);

// Whether the device is live and does not ask for a reset (virtio 1.2 2.1.2).
bool virtio_is_live(const struct virtio_device *device);

// Status 0: the device lets go of all buffers.
__attribute__((warn_unused_result)) enum virtio_error virtio_reset(struct virtio_device *device);

// Reads and acknowledges the causes of the interrupt: bit 0 a used buffer, bit 1 a configuration
// change.
uint32_t virtio_interrupt(struct virtio_device *device);

// One byte of the device's own configuration space.
uint8_t virtio_config(const struct virtio_device *device, uint32_t offset);

struct virtio_queue_memory {
    void *rings; // VIRTIO_QUEUE_RING_BYTES, page-aligned
    uint64_t rings_physical;
    uint8_t *buffers; // size * buffer_bytes
    uint64_t buffers_physical;
    uint32_t buffer_bytes;
    uint16_t size;      // number of buffers: a power of two, at most VIRTIO_QUEUE_SIZE_MAX
    bool device_writes; // receive queue
};

struct virtio_queue {
    struct virtio_device *device;
    struct virtio_queue_memory memory;
    uint64_t in_flight; // bit i: buffer i is the device's
    uint16_t index;
    uint16_t available; // the next index in the available ring
    uint16_t used_seen; // the next index in the used ring
};

// Between virtio_begin and virtio_go_live. virtio 1.2 4.2.3.2.
__attribute__((warn_unused_result)) enum virtio_error virtio_queue_start(
    struct virtio_queue *queue, struct virtio_device *device, uint16_t index,
    const struct virtio_queue_memory *memory);

uint8_t *virtio_queue_buffer(const struct virtio_queue *queue, uint16_t id);

// A buffer that is ours, or -1 when the device has them all.
int virtio_queue_free(const struct virtio_queue *queue);

// Gives buffer id to the device: `len` bytes to read, or to fill. Not seen by the device for
// certain before virtio_queue_notify.
void virtio_queue_offer(struct virtio_queue *queue, uint16_t id, uint32_t len);
void virtio_queue_notify(const struct virtio_queue *queue);

// Takes back the next buffer that the device has done with: VIRTIO_OK, VIRTIO_EMPTY, or what is
// wrong with it. *len is what the device wrote, 0 in a transmit queue.
__attribute__((warn_unused_result)) enum virtio_error virtio_queue_take(struct virtio_queue *queue,
                                                                        uint16_t *id,
                                                                        uint32_t *len);

// Whether the device shall interrupt for this queue (a hint, virtio 1.2 2.7.7). After switching on,
// look once more.
void virtio_queue_interrupts(const struct virtio_queue *queue, bool on);

#endif
