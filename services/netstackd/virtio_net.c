// SPDX-License-Identifier: Apache-2.0
// The virtio network device driver.
#include "services/netstackd/virtio_net.h"

enum {
    QUEUE_RECEIVE = 0, // virtio 1.2 5.1.2
    QUEUE_TRANSMIT = 1,
    HEADER_BYTES = 12, // struct virtio_net_hdr with num_buffers, virtio 1.2 5.1.6
    CONFIG_MAC = 0,    // virtio 1.2 5.1.4
};

#define FEATURE_MAC (UINT64_C(1) << 5)

_Static_assert(HEADER_BYTES + FRAME_BYTES_MAX <= VIRTIO_NET_BUFFER_BYTES, "a frame fits a buffer");

static enum virtio_error start_queues(struct virtio_net *net,
                                      const struct virtio_net_memory *memory)
{
    uint8_t *buffers = memory->dma + 2 * VIRTIO_QUEUE_RING_BYTES;
    struct virtio_queue_memory queue = {
        .rings = memory->dma,
        .rings_physical = memory->dma_physical,
        .buffers = buffers,
        .buffers_physical = memory->dma_physical + 2 * VIRTIO_QUEUE_RING_BYTES,
        .buffer_bytes = VIRTIO_NET_BUFFER_BYTES,
        .size = VIRTIO_NET_RX_BUFFERS,
        .device_writes = true,
    };
    enum virtio_error error =
        virtio_queue_start(&net->receive, &net->device, QUEUE_RECEIVE, &queue);
    if (error) {
        return error;
    }
    queue.rings = memory->dma + VIRTIO_QUEUE_RING_BYTES;
    queue.rings_physical += VIRTIO_QUEUE_RING_BYTES;
    queue.buffers += VIRTIO_NET_RX_BUFFERS * VIRTIO_NET_BUFFER_BYTES;
    queue.buffers_physical += VIRTIO_NET_RX_BUFFERS * VIRTIO_NET_BUFFER_BYTES;
    queue.size = VIRTIO_NET_TX_BUFFERS;
    queue.device_writes = false;
    return virtio_queue_start(&net->transmit, &net->device, QUEUE_TRANSMIT, &queue);
}

enum virtio_error virtio_net_start(struct virtio_net *net, const struct virtio_net_memory *memory)
{
    net->received_id = -1;
    if (memory->dma_bytes < VIRTIO_NET_DMA_BYTES) {
        return VIRTIO_BAD_QUEUE;
    }
    enum virtio_error error =
        virtio_begin(&net->device, memory->registers, VIRTIO_ID_NET, FEATURE_MAC, FEATURE_MAC);
    if (error) {
        return error;
    }
    for (uint32_t i = 0; i < sizeof net->mac; i++) {
        net->mac[i] = virtio_config(&net->device, CONFIG_MAC + i);
    }
    error = start_queues(net, memory);
    if (error) {
        return error;
    }
    for (uint16_t id = 0; id < VIRTIO_NET_RX_BUFFERS; id++) {
        virtio_queue_offer(&net->receive, id, VIRTIO_NET_BUFFER_BYTES);
    }
    virtio_queue_interrupts(&net->transmit, false);
    error = virtio_go_live(&net->device);
    if (error) {
        return error;
    }
    virtio_queue_notify(&net->receive);
    return VIRTIO_OK;
}

bool virtio_net_interrupt(struct virtio_net *net)
{
    virtio_interrupt(&net->device);
    return virtio_is_live(&net->device);
}

// What the header must say when no offload has been negotiated (virtio 1.2 5.1.6.4.1): flags 0,
// gso_type 0. num_buffers is not looked at: without mergeable buffers a frame is one buffer, and
// QEMU (up to 9.2) leaves the field unwritten.
static bool header_is_plain(const uint8_t header[static HEADER_BYTES])
{
    return header[0] == 0 && header[1] == 0;
}

enum virtio_error virtio_net_receive(struct virtio_net *net, const uint8_t **frame, size_t *len)
{
    for (;;) {
        uint16_t id;
        uint32_t used;
        enum virtio_error error = virtio_queue_take(&net->receive, &id, &used);
        if (error) {
            return error;
        }
        net->received_id = id;
        const uint8_t *buffer = virtio_queue_buffer(&net->receive, id);
        if (used >= HEADER_BYTES + FRAME_BYTES_MIN && used <= HEADER_BYTES + FRAME_BYTES_MAX &&
            header_is_plain(buffer)) {
            *frame = buffer + HEADER_BYTES;
            *len = used - HEADER_BYTES;
            return VIRTIO_OK;
        }
        net->malformed++;
        virtio_net_release(net);
    }
}

void virtio_net_release(struct virtio_net *net)
{
    if (net->received_id >= 0) {
        virtio_queue_offer(&net->receive, (uint16_t)net->received_id, VIRTIO_NET_BUFFER_BYTES);
        net->received_id = -1;
    }
}

void virtio_net_receive_done(struct virtio_net *net)
{
    virtio_queue_notify(&net->receive);
}

// Takes back what the device has sent.
static enum virtio_error reclaim(struct virtio_net *net)
{
    enum virtio_error error;
    do {
        uint16_t id;
        uint32_t len;
        error = virtio_queue_take(&net->transmit, &id, &len);
    } while (error == VIRTIO_OK);
    return error == VIRTIO_EMPTY ? VIRTIO_OK : error;
}

enum virtio_error virtio_net_transmit_buffer(struct virtio_net *net, uint8_t **frame, uint16_t *id)
{
    enum virtio_error error = reclaim(net);
    int found = virtio_queue_free(&net->transmit);
    if (!error && found < 0) {
        virtio_queue_interrupts(&net->transmit, true);
        error = reclaim(net); // one may have come back before the switch
        found = virtio_queue_free(&net->transmit);
    }
    if (error || found < 0) {
        return error ? error : VIRTIO_EMPTY;
    }
    virtio_queue_interrupts(&net->transmit, false);
    *id = (uint16_t)found;
    *frame = virtio_queue_buffer(&net->transmit, *id) + HEADER_BYTES;
    return VIRTIO_OK;
}

void virtio_net_send(struct virtio_net *net, uint16_t id, size_t len)
{
    uint8_t *header = virtio_queue_buffer(&net->transmit, id);
    for (size_t i = 0; i < HEADER_BYTES; i++) {
        header[i] = 0; // virtio 1.2 5.1.6.2: no checksum, no segmentation, num_buffers 0
    }
    virtio_queue_offer(&net->transmit, id, (uint32_t)(HEADER_BYTES + len));
    virtio_queue_notify(&net->transmit);
}
