// SPDX-License-Identifier: Apache-2.0
// Driver of the entropy device: one queue with one buffer, read twice.
#include "services/keystored/virtio_rng.h"

#include "keystored_caps.h"
#include "noise/blake2s.h"
#include "noise/ct.h"
#include "services/lib/log.h"
#include "services/lib/sys.h"
#include "services/lib/virtio.h"

enum {
    DRAW_BYTES = 32,
    DRAWS = 2,                       // the second tells a device that always gives the same
    DELIVERIES_MAX = 2 * DRAW_BYTES, // it may give as little as one byte at a time
    DEADLINE_MS = 2000,
};

struct rng_device {
    struct virtio_device device;
    struct virtio_queue queue;
};

static enum virtio_error start(struct rng_device *rng, void *registers, uint8_t *dma,
                               uint64_t dma_physical)
{
    struct virtio_queue_memory memory = {
        .rings = dma,
        .rings_physical = dma_physical,
        .buffers = dma + VIRTIO_QUEUE_RING_BYTES,
        .buffers_physical = dma_physical + VIRTIO_QUEUE_RING_BYTES,
        .buffer_bytes = DRAW_BYTES,
        .size = 1,
        .device_writes = true,
    };
    enum virtio_error error = virtio_begin(&rng->device, registers, VIRTIO_ID_RNG, 0, 0);
    if (error == VIRTIO_OK) {
        error = virtio_queue_start(&rng->queue, &rng->device, 0, &memory);
    }
    return error == VIRTIO_OK ? virtio_go_live(&rng->device) : error;
}

// Waits for the device's interrupt; false when the deadline has come.
static bool wait_for_device(struct rng_device *rng, uint64_t deadline)
{
    struct sys_event event = sys_wait(0, HANDLE_NOTIFICATION, deadline);
    if (event.status != NEURON_OK) {
        return false;
    }
    if (event.bits & neuron_bit_irq(IRQ_INDEX_VIRTIO_RNG)) {
        virtio_interrupt(&rng->device);
        return sys_irq_ack(HANDLE_IRQ_VIRTIO_RNG) == NEURON_OK;
    }
    return true;
}

// Fills out[0..DRAW_BYTES). VIRTIO_EMPTY: not in time.
static enum virtio_error draw(uint8_t *out, struct rng_device *rng, uint64_t deadline)
{
    size_t have = 0;
    for (unsigned i = 0; i < DELIVERIES_MAX && have < DRAW_BYTES; i++) {
        uint16_t id;
        uint32_t len;
        virtio_queue_offer(&rng->queue, 0, (uint32_t)(DRAW_BYTES - have));
        virtio_queue_notify(&rng->queue);
        enum virtio_error error = virtio_queue_take(&rng->queue, &id, &len);
        while (error == VIRTIO_EMPTY && wait_for_device(rng, deadline)) {
            error = virtio_queue_take(&rng->queue, &id, &len);
        }
        if (error != VIRTIO_OK) {
            return error;
        }
        const uint8_t *buffer = virtio_queue_buffer(&rng->queue, id);
        for (uint32_t k = 0; k < len && have < DRAW_BYTES; k++) {
            out[have++] = buffer[k];
        }
    }
    return have == DRAW_BYTES ? VIRTIO_OK : VIRTIO_EMPTY;
}

// Not a test of randomness, only of a device that is stuck.
static bool is_stuck(const uint8_t draws[static DRAWS * DRAW_BYTES])
{
    return ct_is_zero(draws, DRAW_BYTES) || ct_equal(draws, draws + DRAW_BYTES, DRAW_BYTES);
}

static bool seed_from(uint8_t *seed, struct rng_device *rng)
{
    uint8_t draws[DRAWS * DRAW_BYTES];
    uint64_t deadline = deadline_in_ms(DEADLINE_MS);
    enum virtio_error error = VIRTIO_OK;
    for (unsigned i = 0; i < DRAWS && error == VIRTIO_OK; i++) {
        error = draw(draws + i * DRAW_BYTES, rng, deadline);
    }
    bool good = error == VIRTIO_OK && !is_stuck(draws);
    if (error != VIRTIO_OK) {
        log_line("keystored: virtio-rng: %s",
                 error == VIRTIO_EMPTY ? "does not deliver" : virtio_error_name(error));
    } else if (!good) {
        log_line("keystored: virtio-rng: always the same bytes");
    } else {
        blake2s(seed, draws, sizeof draws);
    }
    ct_wipe(draws, sizeof draws);
    return good;
}

bool virtio_rng_seed(uint8_t seed[static 32])
{
    struct rng_device rng;
    void *registers, *dma;
    size_t dma_bytes;
    uint64_t dma_physical;
    if (sys_map(&registers, NULL, HANDLE_DEVICE_VIRTIO_RNG, NEURON_READ | NEURON_WRITE) !=
            NEURON_OK ||
        sys_map(&dma, &dma_bytes, HANDLE_MEMORY_RNG_DMA, NEURON_READ | NEURON_WRITE) != NEURON_OK ||
        sys_physical(&dma_physical, HANDLE_MEMORY_RNG_DMA) != NEURON_OK ||
        dma_bytes < VIRTIO_QUEUE_RING_BYTES + DRAW_BYTES) {
        log_line("keystored: virtio-rng: no device or memory granted");
        return false;
    }
    enum virtio_error error = start(&rng, registers, dma, dma_physical);
    bool good = false;
    if (error != VIRTIO_OK) {
        log_line("keystored: virtio-rng: %s", virtio_error_name(error));
    } else {
        good = seed_from(seed, &rng);
        error = virtio_reset(&rng.device); // from here on it writes nothing any more
    }
    ct_wipe(dma, dma_bytes);
    return good && error == VIRTIO_OK && sys_unmap(HANDLE_DEVICE_VIRTIO_RNG) == NEURON_OK &&
           sys_unmap(HANDLE_MEMORY_RNG_DMA) == NEURON_OK;
}
