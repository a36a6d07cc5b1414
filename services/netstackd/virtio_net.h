// SPDX-License-Identifier: Apache-2.0
// The virtio network device (virtio 1.2 5.1): frames in, frames out. Knows nothing of lwIP.
#ifndef SERVICES_NETSTACKD_VIRTIO_NET_H
#define SERVICES_NETSTACKD_VIRTIO_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/lib/virtio.h"

#define FRAME_BYTES_MAX 1514 // Ethernet header and 1500 bytes
#define FRAME_BYTES_MIN 14

enum {
    VIRTIO_NET_RX_BUFFERS = 32, // frames that may arrive while netstackd is busy
    VIRTIO_NET_TX_BUFFERS =
        16, // a window of TCP and some; what exceeds it waits in the interface's queue
    VIRTIO_NET_BUFFER_BYTES = 2048,
    VIRTIO_NET_DMA_BYTES =
        2 * VIRTIO_QUEUE_RING_BYTES +
        (VIRTIO_NET_RX_BUFFERS + VIRTIO_NET_TX_BUFFERS) * VIRTIO_NET_BUFFER_BYTES,
};

struct virtio_net {
    struct virtio_device device;
    struct virtio_queue receive, transmit;
    uint8_t mac[6];
    uint32_t malformed; // frames dropped because of what the device said about them
    int received_id;    // the buffer between _receive and _release, or -1
};

// Memory for the queues: VIRTIO_NET_DMA_BYTES, page-aligned and physically contiguous.
struct virtio_net_memory {
    volatile void *registers;
    uint8_t *dma;
    uint64_t dma_physical;
    size_t dma_bytes;
};

// Resets and starts the device; VIRTIO_OK means: DRIVER_OK accepted and both queues live, receive
// buffers posted.
__attribute__((warn_unused_result)) enum virtio_error virtio_net_start(
    struct virtio_net *net, const struct virtio_net_memory *memory);

// After an interrupt; tells whether the device is still live.
bool virtio_net_interrupt(struct virtio_net *net);

// The next frame that has arrived: VIRTIO_OK, VIRTIO_EMPTY, or an error after which the device must
// be started again. The frame stays in device memory until virtio_net_release: copy it once, then
// look at the copy.
__attribute__((warn_unused_result)) enum virtio_error virtio_net_receive(struct virtio_net *net,
                                                                         const uint8_t **frame,
                                                                         size_t *len);
void virtio_net_release(struct virtio_net *net);
// Tells the device of the released buffers.
void virtio_net_receive_done(struct virtio_net *net);

// VIRTIO_OK: *frame has room for FRAME_BYTES_MAX; fill it and call virtio_net_send. VIRTIO_EMPTY:
// all buffers are on their way; an interrupt comes when one is back. Else the device must be
// started again.
__attribute__((warn_unused_result)) enum virtio_error virtio_net_transmit_buffer(
    struct virtio_net *net, uint8_t **frame, uint16_t *id);
void virtio_net_send(struct virtio_net *net, uint16_t id, size_t len);

#endif
