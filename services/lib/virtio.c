// SPDX-License-Identifier: Apache-2.0
// virtio 1.2 over MMIO with split queues.
#include "services/lib/virtio.h"

// Register offsets, virtio 1.2 4.2.2.
enum {
    REG_MAGIC = 0x000,
    REG_VERSION = 0x004,
    REG_DEVICE_ID = 0x008,
    REG_DEVICE_FEATURES = 0x010,
    REG_DEVICE_FEATURES_SEL = 0x014,
    REG_DRIVER_FEATURES = 0x020,
    REG_DRIVER_FEATURES_SEL = 0x024,
    REG_QUEUE_SEL = 0x030,
    REG_QUEUE_NUM_MAX = 0x034,
    REG_QUEUE_NUM = 0x038,
    REG_QUEUE_READY = 0x044,
    REG_QUEUE_NOTIFY = 0x050,
    REG_INTERRUPT_STATUS = 0x060,
    REG_INTERRUPT_ACK = 0x064,
    REG_STATUS = 0x070,
    REG_QUEUE_DESC = 0x080,
    REG_QUEUE_DRIVER = 0x090,
    REG_QUEUE_DEVICE = 0x0a0,
    REG_CONFIG = 0x100,
};

// Device status bits, virtio 1.2 2.1.
enum {
    STATUS_ACKNOWLEDGE = 1,
    STATUS_DRIVER = 2,
    STATUS_DRIVER_OK = 4,
    STATUS_FEATURES_OK = 8,
    STATUS_NEEDS_RESET = 64,
    STATUS_FAILED = 128,
};

enum {
    MAGIC = 0x74726976,
    VERSION = 2,
    RESET_READS_MAX = 100000,
    DESC_F_WRITE = 2,
    AVAIL_F_NO_INTERRUPT = 1,
};

// The split queue's three parts, virtio 1.2 2.7.5, 2.7.6 and 2.7.8; little-endian, as both our
// machines are.
struct descriptor {
    uint64_t address;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};
struct used_element {
    uint32_t id;
    uint32_t len;
};
struct rings {
    struct descriptor descriptors[VIRTIO_QUEUE_SIZE_MAX];
    struct {
        uint16_t flags;
        uint16_t index;
        uint16_t ring[VIRTIO_QUEUE_SIZE_MAX];
        uint16_t used_event;
    } available;
    struct {
        uint16_t flags __attribute__((aligned(4)));
        uint16_t index;
        struct used_element ring[VIRTIO_QUEUE_SIZE_MAX];
        uint16_t available_event;
    } used;
};
_Static_assert(sizeof(struct rings) <= VIRTIO_QUEUE_RING_BYTES, "rings fit their page");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "virtio structures are little-endian");

// Orders our accesses to shared memory and to registers against those that follow.
static void barrier(void)
{
#ifdef __riscv
    __asm__ volatile("fence iorw, iorw" ::: "memory");
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

static uint32_t reg_read(const struct virtio_device *device, uint32_t offset)
{
    return *(volatile uint32_t *)(volatile void *)(device->registers + offset);
}

static void reg_write(struct virtio_device *device, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(volatile void *)(device->registers + offset) = value;
}

static void reg_write_address(struct virtio_device *device, uint32_t offset, uint64_t address)
{
    reg_write(device, offset, (uint32_t)address);
    reg_write(device, offset + 4, (uint32_t)(address >> 32));
}

static volatile struct rings *rings_of(const struct virtio_queue *queue)
{
    return queue->memory.rings;
}

const char *virtio_error_name(enum virtio_error error)
{
    static const char *const names[] = {
        [VIRTIO_OK] = "ok",
        [VIRTIO_EMPTY] = "empty",
        [VIRTIO_NO_DEVICE] = "no device",
        [VIRTIO_WRONG_VERSION] = "not a version 2 device",
        [VIRTIO_WRONG_TYPE] = "another type of device",
        [VIRTIO_RESET_FAILED] = "reset failed",
        [VIRTIO_NO_FEATURE] = "a needed feature is missing",
        [VIRTIO_FEATURES_REFUSED] = "features refused",
        [VIRTIO_BAD_QUEUE] = "queue in use or too small",
        [VIRTIO_NOT_LIVE] = "device not live",
        [VIRTIO_BAD_USED_INDEX] = "used index out of range",
        [VIRTIO_BAD_USED_ID] = "used id out of range",
        [VIRTIO_BAD_USED_LENGTH] = "used length out of range",
    };
    return (unsigned)error < sizeof names / sizeof names[0] ? names[error] : "unknown";
}

enum virtio_error virtio_reset(struct virtio_device *device)
{
    reg_write(device, REG_STATUS, 0);
    // virtio 1.2 4.2.3.1: reads as 0 once the reset is complete.
    for (uint32_t i = 0; i < RESET_READS_MAX; i++) {
        if (reg_read(device, REG_STATUS) == 0) {
            return VIRTIO_OK;
        }
    }
    return VIRTIO_RESET_FAILED;
}

static void status_add(struct virtio_device *device, uint32_t bits)
{
    reg_write(device, REG_STATUS, reg_read(device, REG_STATUS) | bits);
}

static enum virtio_error negotiate(struct virtio_device *device, uint64_t wanted, uint64_t needed)
{
    reg_write(device, REG_DEVICE_FEATURES_SEL, 1);
    uint64_t offered = (uint64_t)reg_read(device, REG_DEVICE_FEATURES) << 32;
    reg_write(device, REG_DEVICE_FEATURES_SEL, 0);
    offered |= reg_read(device, REG_DEVICE_FEATURES);
    if ((offered & needed) != needed) {
        return VIRTIO_NO_FEATURE;
    }
    uint64_t accepted = offered & wanted;
    reg_write(device, REG_DRIVER_FEATURES_SEL, 1);
    reg_write(device, REG_DRIVER_FEATURES, (uint32_t)(accepted >> 32));
    reg_write(device, REG_DRIVER_FEATURES_SEL, 0);
    reg_write(device, REG_DRIVER_FEATURES, (uint32_t)accepted);
    status_add(device, STATUS_FEATURES_OK);
    // virtio 1.2 2.2.2: the device may refuse; the bit tells.
    return reg_read(device, REG_STATUS) & STATUS_FEATURES_OK ? VIRTIO_OK : VIRTIO_FEATURES_REFUSED;
}

enum virtio_error virtio_begin(struct virtio_device *device, volatile void *registers,
                               uint32_t device_id, uint64_t wanted, uint64_t needed)
{
    device->registers = registers;
    if (reg_read(device, REG_MAGIC) != MAGIC) {
        return VIRTIO_NO_DEVICE;
    }
    if (reg_read(device, REG_VERSION) != VERSION) {
        return VIRTIO_WRONG_VERSION;
    }
    uint32_t id = reg_read(device, REG_DEVICE_ID);
    if (id != device_id) {
        return id == 0 ? VIRTIO_NO_DEVICE : VIRTIO_WRONG_TYPE;
    }
    enum virtio_error error = virtio_reset(device);
    if (error) {
        return error;
    }
    status_add(device, STATUS_ACKNOWLEDGE);
    status_add(device, STATUS_DRIVER);
    error = negotiate(device, wanted | needed | VIRTIO_F_VERSION_1, needed | VIRTIO_F_VERSION_1);
    if (error) {
        status_add(device, STATUS_FAILED);
    }
    return error;
}

bool virtio_is_live(const struct virtio_device *device)
{
    uint32_t status = reg_read(device, REG_STATUS);
    return (status & (STATUS_DRIVER_OK | STATUS_NEEDS_RESET | STATUS_FAILED)) == STATUS_DRIVER_OK;
}

enum virtio_error virtio_go_live(struct virtio_device *device)
{
    barrier(); // the queues' memory is complete before the device looks at it, virtio 1.2 3.1.1
    status_add(device, STATUS_DRIVER_OK);
    return virtio_is_live(device) ? VIRTIO_OK : VIRTIO_NOT_LIVE;
}

uint32_t virtio_interrupt(struct virtio_device *device)
{
    uint32_t causes = reg_read(device, REG_INTERRUPT_STATUS);
    reg_write(device, REG_INTERRUPT_ACK, causes);
    barrier(); // acknowledged before the used ring is read: what comes later interrupts again
    return causes;
}

uint8_t virtio_config(const struct virtio_device *device, uint32_t offset)
{
    return device->registers[REG_CONFIG + offset];
}

enum virtio_error virtio_queue_start(struct virtio_queue *queue, struct virtio_device *device,
                                     uint16_t index, const struct virtio_queue_memory *memory)
{
    *queue = (struct virtio_queue){.device = device, .memory = *memory, .index = index};
    for (size_t i = 0; i < VIRTIO_QUEUE_RING_BYTES; i++) {
        ((volatile uint8_t *)memory->rings)[i] = 0;
    }
    reg_write(device, REG_QUEUE_SEL, index);
    if (reg_read(device, REG_QUEUE_READY) != 0 || memory->size > VIRTIO_QUEUE_SIZE_MAX ||
        reg_read(device, REG_QUEUE_NUM_MAX) < memory->size) {
        return VIRTIO_BAD_QUEUE;
    }
    reg_write(device, REG_QUEUE_NUM, memory->size);
    reg_write_address(device, REG_QUEUE_DESC,
                      memory->rings_physical + offsetof(struct rings, descriptors));
    reg_write_address(device, REG_QUEUE_DRIVER,
                      memory->rings_physical + offsetof(struct rings, available));
    reg_write_address(device, REG_QUEUE_DEVICE,
                      memory->rings_physical + offsetof(struct rings, used));
    barrier();
    reg_write(device, REG_QUEUE_READY, 1);
    return reg_read(device, REG_QUEUE_READY) == 1 ? VIRTIO_OK : VIRTIO_BAD_QUEUE;
}

uint8_t *virtio_queue_buffer(const struct virtio_queue *queue, uint16_t id)
{
    return queue->memory.buffers + (size_t)id * queue->memory.buffer_bytes;
}

int virtio_queue_free(const struct virtio_queue *queue)
{
    for (int id = 0; id < queue->memory.size; id++) {
        if (!(queue->in_flight >> id & 1)) {
            return id;
        }
    }
    return -1;
}

void virtio_queue_offer(struct virtio_queue *queue, uint16_t id, uint32_t len)
{
    const struct virtio_queue_memory *memory = &queue->memory;
    volatile struct rings *rings = rings_of(queue);
    rings->descriptors[id].address = memory->buffers_physical + (uint64_t)id * memory->buffer_bytes;
    rings->descriptors[id].len = len;
    rings->descriptors[id].flags = memory->device_writes ? DESC_F_WRITE : 0;
    rings->descriptors[id].next = 0;
    rings->available.ring[queue->available % memory->size] = id;
    queue->in_flight |= UINT64_C(1) << id;
    queue->available++;
    barrier(); // descriptor and ring entry before the index, virtio 1.2 2.7.13.3.1
    rings->available.index = queue->available;
}

void virtio_queue_notify(const struct virtio_queue *queue)
{
    barrier(); // the index before the notification, virtio 1.2 2.7.13.4.1
    reg_write(queue->device, REG_QUEUE_NOTIFY, queue->index);
}

enum virtio_error virtio_queue_take(struct virtio_queue *queue, uint16_t *id, uint32_t *len)
{
    volatile struct rings *rings = rings_of(queue);
    uint16_t fresh = (uint16_t)(rings->used.index - queue->used_seen);
    if (fresh == 0) {
        return VIRTIO_EMPTY;
    }
    if (fresh > __builtin_popcountll(queue->in_flight)) {
        return VIRTIO_BAD_USED_INDEX;
    }
    barrier(); // the index before the element, virtio 1.2 2.7.14
    volatile struct used_element *element =
        &rings->used.ring[queue->used_seen % queue->memory.size];
    uint32_t used_id = element->id, used_len = element->len;
    if (used_id >= queue->memory.size || !(queue->in_flight >> used_id & 1)) {
        return VIRTIO_BAD_USED_ID;
    }
    // In a queue that the device only reads, the length says nothing (virtio 1.2 2.7.8.2).
    if (!queue->memory.device_writes) {
        used_len = 0;
    } else if (used_len > queue->memory.buffer_bytes) {
        return VIRTIO_BAD_USED_LENGTH;
    }
    queue->in_flight &= ~(UINT64_C(1) << used_id);
    queue->used_seen++;
    *id = (uint16_t)used_id;
    *len = used_len;
    return VIRTIO_OK;
}

void virtio_queue_interrupts(const struct virtio_queue *queue, bool on)
{
    rings_of(queue)->available.flags = on ? 0 : AVAIL_F_NO_INTERRUPT;
    barrier(); // the flag before the next look at the used ring, virtio 1.2 2.7.7
}
