// SPDX-License-Identifier: Apache-2.0
// The initiator on bare rv64imac: no operating system, no libc, no libgcc. Its line to the world is the UART; it speaks
// to the server of ../server.c.
//
//     riscv64-unknown-elf-gcc -march=rv64imac -mabi=lp64 -mcmodel=medany -O2 -ffreestanding -nostdlib -T link.ld
//         -I PREFIX/include start.S main.c PREFIX/lib/riscv64-unknown-elf/libnexus-noise-xk.a -o bare_metal.elf
//     qemu-system-riscv64 -M virt -m 16M -bios none -display none -kernel bare_metal.elf
//         -serial tcp:127.0.0.1:7000 -append KEY              KEY: what the server has printed
//
// What it needs from its surroundings comes in the device tree: the server's public key as the boot arguments, and 32
// random bytes as rng-seed. They are the ephemeral key, so there is enough for one handshake; a real device has a
// generator, and a static key of its own in place of the one below.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nexus/noise_xk.h>

#define UART  ((volatile uint8_t *)0x10000000) // 16550: data at 0, line status at 5
#define POWER ((volatile uint32_t *)0x100000)
#define TIME  ((volatile uint64_t *)0x200bff8) // CLINT mtime, ten million a second

enum {
    LINE_STATUS = 5,
    DATA_READY = 1,
    TRANSMITTER_EMPTY = 0x20,
    PATIENCE = 30000000, // three seconds for each message
    FDT_BEGIN_NODE = 1,  // Devicetree specification 0.4, 5.4.1
    FDT_PROPERTY = 3,
    FDT_NOP = 4,
    FDT_END = 9,
};

// How the machine ends: its exit status.
enum outcome {
    WELL = 0,
    NO_KEY,
    NO_HANDSHAKE,
    NO_ANSWER,
};

int main(uint8_t *device_tree); // called by start.S

static const uint8_t private_key[XK_KEY_LEN] = "one key for all: an example only";
static uint8_t public_key[XK_KEY_LEN], server_key[XK_KEY_LEN], message[256];

// Every freestanding program has these two: compilers call them on their own.
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memset(void *to, int byte, size_t len);

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    }
    return to;
}

void *memset(void *to, int byte, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((volatile uint8_t *)to)[i] = (uint8_t)byte;
    }
    return to;
}

// The device tree

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static size_t text_len(const uint8_t *text)
{
    size_t len = 0;
    while (text[len] != 0) {
        len++;
    }
    return len;
}

static bool same_text(const uint8_t *a, const char *b)
{
    for (; *a != 0 && *a == (uint8_t)*b; a++, b++) {
    }
    return *a == (uint8_t)*b;
}

// The first property of that name in any node, or NULL. The tree comes from the firmware and is believed.
static const uint8_t *find_property(size_t *len, const uint8_t *tree, const char *name)
{
    const uint8_t *at = tree + load_be32(tree + 8);
    const uint8_t *names = tree + load_be32(tree + 12);
    for (uint32_t token = load_be32(at); token != FDT_END; token = load_be32(at)) {
        at += 4;
        if (token == FDT_BEGIN_NODE) {
            at += (text_len(at) + 4) & ~(size_t)3;
        } else if (token == FDT_PROPERTY) {
            *len = load_be32(at);
            if (same_text(names + load_be32(at + 4), name)) {
                return at + 8;
            }
            at += 8 + ((*len + 3) & ~(size_t)3);
        }
    }
    return NULL;
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_server_key(const uint8_t *tree)
{
    size_t len;
    const uint8_t *hex = find_property(&len, tree, "bootargs");
    if (hex == NULL || len != 2 * XK_KEY_LEN + 1) {
        return false;
    }
    for (size_t i = 0; i < XK_KEY_LEN; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        server_key[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

// ctx: the device tree.
static enum noise_error take_seed(void *ctx, uint8_t *out, size_t out_len)
{
    size_t len;
    const uint8_t *seed = find_property(&len, ctx, "rng-seed");
    if (seed == NULL || len < out_len) {
        return NOISE_ERR_RANDOM;
    }
    memcpy(out, seed, out_len);
    return NOISE_OK;
}

// The line. Each message follows its length, two bytes, the high one first.

static void put(uint8_t byte)
{
    while ((UART[LINE_STATUS] & TRANSMITTER_EMPTY) == 0) {
    }
    UART[0] = byte;
}

static bool get(uint8_t *byte, uint64_t deadline)
{
    while ((UART[LINE_STATUS] & DATA_READY) == 0) {
        if (*TIME >= deadline) {
            return false;
        }
    }
    *byte = UART[0];
    return true;
}

static void send_message(size_t len)
{
    put((uint8_t)(len >> 8));
    put((uint8_t)len);
    for (size_t i = 0; i < len; i++) {
        put(message[i]);
    }
}

static bool receive_message(size_t *len)
{
    uint64_t deadline = *TIME + PATIENCE;
    uint8_t header[2];
    if (!get(&header[0], deadline) || !get(&header[1], deadline)) {
        return false;
    }
    *len = (size_t)(header[0] << 8 | header[1]);
    if (*len > sizeof message) {
        return false;
    }
    for (size_t i = 0; i < *len; i++) {
        if (!get(&message[i], deadline)) {
            return false;
        }
    }
    return true;
}

// The protocol

static bool shake_hands(struct xk_sender *sender, struct xk_receiver *receiver, void *device_tree)
{
    const struct xk_config config = {.static_public = public_key,
                                     .static_private = private_key,
                                     .remote_static = server_key,
                                     .random = take_seed,
                                     .random_ctx = device_tree};
    struct xk_handshake hs;
    size_t len;
    if (xk_initiator_init(&hs, &config) != NOISE_OK ||
        xk_initiator_write_message_1(&hs, message, sizeof message, &len, NULL, 0) != NOISE_OK) {
        return false;
    }
    send_message(len);
    if (!receive_message(&len) ||
        xk_initiator_read_message_2(&hs, NULL, 0, &len, message, len) != NOISE_OK ||
        xk_initiator_write_message_3(&hs, message, sizeof message, &len, NULL, 0) != NOISE_OK) {
        return false;
    }
    send_message(len);
    return xk_split(&hs, sender, receiver) == NOISE_OK;
}

static bool ask(struct xk_sender *sender, struct xk_receiver *receiver)
{
    static const uint8_t text[] = "hello from bare metal";
    size_t len;
    if (xk_sender_seal(sender, message, sizeof message, &len, text, sizeof text) != NOISE_OK) {
        return false;
    }
    send_message(len);
    return receive_message(&len) &&
           xk_receiver_open(receiver, message, sizeof message, &len, message, len) == NOISE_OK &&
           len == sizeof text && same_text(text, (const char *)message);
}

static enum outcome run(uint8_t *device_tree)
{
    struct xk_sender sender;
    struct xk_receiver receiver;
    if (!read_server_key(device_tree)) {
        return NO_KEY;
    }
    xk_public_key(public_key, private_key);
    if (!shake_hands(&sender, &receiver, device_tree)) {
        return NO_HANDSHAKE;
    }
    bool answered = ask(&sender, &receiver);
    xk_sender_wipe(&sender);
    xk_receiver_wipe(&receiver);
    return answered ? WELL : NO_ANSWER;
}

int main(uint8_t *device_tree)
{
    enum outcome outcome = run(device_tree);
    *POWER = outcome == WELL ? 0x5555 : (uint32_t)outcome << 16 | 0x3333;
    for (;;) {
    }
}
