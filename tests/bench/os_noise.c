// SPDX-License-Identifier: Apache-2.0
// noise/ on bare rv64imac: executed instructions and stack of each operation, exact under `-icount shift=0`.
//
// Runs in machine mode under QEMU without firmware, prints one flat JSON object on the UART and powers off.
// The handshakes also check that they come to the same keys; if not, the machine ends with status 1.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "noise/blake2s.h"
#include "noise/bytes.h"
#include "noise/chacha20poly1305.h"
#include "noise/noise_xk.h"
#include "noise/rng.h"
#include "noise/x25519.h"
#include "tests/bench/os_bare.h"

enum {
    SEAL_LEN = 4096,
    PAINT = 0xa5,
};

extern uint8_t stack_bottom[], stack_top[]; // os_bench.ld

static uint64_t instructions(void)
{
    uint64_t n;
    __asm__ volatile(".option push\n.option arch, +zicsr\nrdinstret %0\n.option pop" : "=r"(n));
    return n;
}

// Stack: everything below the caller is painted, then looked at from the bottom.

static __attribute__((noinline)) void paint_stack(void)
{
    uint8_t *here = __builtin_frame_address(0);
    for (uint8_t *p = stack_bottom; p < here - 64; p++) {
        *p = PAINT;
        __asm__ volatile("" : : : "memory");
    }
}

static __attribute__((noinline)) size_t stack_used(const uint8_t *from)
{
    const uint8_t *p = stack_bottom;
    while (*p == PAINT) {
        p++;
    }
    return (size_t)(from - p);
}

// The operations. Each takes no argument: what it needs is prepared.

static struct {
    struct xk_handshake i, r;
    struct xk_sender i_sender, r_sender;
    struct xk_receiver i_receiver, r_receiver;
    struct rng rng;
    uint8_t i_private[32], i_public[32], r_private[32], r_public[32];
    uint8_t m1[48], m2[48], m3[64];
    uint8_t key[32], nonce[12], tag[16], out[32], out2[32];
    uint8_t text[SEAL_LEN + 16] __attribute__((aligned(8)));
    struct blake2s hash;
    bool failed;
} b;

static void must(enum noise_error error)
{
    b.failed |= error != NOISE_OK;
}

static void op_nothing(void)
{
}

static void op_x25519(void)
{
    must(x25519(b.out, b.i_private, b.r_public));
}

static void op_x25519_base(void)
{
    x25519_base(b.out, b.i_private);
}

static void op_seal(void)
{
    chacha20poly1305_seal(b.text, b.tag, b.key, b.nonce, NULL, 0, b.text, SEAL_LEN);
}

static void op_open(void)
{
    must(chacha20poly1305_open(b.text, b.key, b.nonce, NULL, 0, b.text, SEAL_LEN, b.tag));
}

// The difference of these two is one more compression in the middle of a message: "blake2s_block" below.
static void op_blake2s_2_blocks(void)
{
    blake2s_update(&b.hash, b.text, 2 * BLAKE2S_BLOCK_LEN);
}

static void op_blake2s_3_blocks(void)
{
    blake2s_update(&b.hash, b.text, 3 * BLAKE2S_BLOCK_LEN);
}

static void op_hkdf(void)
{
    hkdf_blake2s(b.out, b.out2, b.key, b.i_private, 32);
}

static struct xk_config config(const uint8_t *own_public, const uint8_t *own_private,
                               const uint8_t *remote)
{
    return (struct xk_config){.static_public = own_public,
                              .static_private = own_private,
                              .remote_static = remote,
                              .random = rng_random,
                              .random_ctx = &b.rng};
}

static void op_i_init(void)
{
    struct xk_config c = config(b.i_public, b.i_private, b.r_public);
    must(xk_initiator_init(&b.i, &c));
}

static void op_r_init(void)
{
    struct xk_config c = config(b.r_public, b.r_private, NULL);
    must(xk_responder_init(&b.r, &c));
}

static void op_i_write_1(void)
{
    size_t len;
    must(xk_initiator_write_message_1(&b.i, b.m1, sizeof b.m1, &len, NULL, 0));
}

static void op_r_read_1(void)
{
    size_t len;
    must(xk_responder_read_message_1(&b.r, NULL, 0, &len, b.m1, sizeof b.m1));
}

static void op_r_write_2(void)
{
    size_t len;
    must(xk_responder_write_message_2(&b.r, b.m2, sizeof b.m2, &len, NULL, 0));
}

static void op_i_read_2(void)
{
    size_t len;
    must(xk_initiator_read_message_2(&b.i, NULL, 0, &len, b.m2, sizeof b.m2));
}

static void op_i_write_3(void)
{
    size_t len;
    must(xk_initiator_write_message_3(&b.i, b.m3, sizeof b.m3, &len, NULL, 0));
}

static void op_r_read_3(void)
{
    size_t len;
    must(xk_responder_read_message_3(&b.r, NULL, 0, &len, b.m3, sizeof b.m3));
}

static void op_i_split(void)
{
    must(xk_split(&b.i, &b.i_sender, &b.i_receiver));
}

static void op_r_split(void)
{
    must(xk_split(&b.r, &b.r_sender, &b.r_receiver));
}

static void op_transport_seal(void)
{
    size_t len;
    must(xk_sender_seal(&b.i_sender, b.text, sizeof b.text, &len, b.text, 64));
}

static void op_transport_open(void)
{
    size_t len;
    must(xk_receiver_open(&b.r_receiver, b.text, sizeof b.text, &len, b.text, 64 + 16));
}

static void op_rekey(void)
{
    must(xk_sender_rekey(&b.i_sender));
}

struct cost {
    uint64_t instructions;
    size_t stack;
};

static __attribute__((noinline)) struct cost measure(void (*op)(void))
{
    struct cost cost;
    paint_stack();
    uint64_t before = instructions();
    op();
    cost.instructions = instructions() - before;
    cost.stack = stack_used(__builtin_frame_address(0));
    return cost;
}

static const struct {
    const char *name;
    void (*op)(void);
    int8_t side; // counted to a whole handshake: 1 initiator, 2 responder
} rows[] = {
    {"x25519", op_x25519, 0},
    {"x25519_base", op_x25519_base, 0},
    {"aead_seal_4096", op_seal, 0},
    {"aead_open_4096", op_open, 0},
    {"blake2s_2_blocks", op_blake2s_2_blocks, 0},
    {"blake2s_3_blocks", op_blake2s_3_blocks, 0},
    {"hkdf", op_hkdf, 0},
    {"initiator_init", op_i_init, 1},
    {"responder_init", op_r_init, 2},
    {"initiator_write_1", op_i_write_1, 1},
    {"responder_read_1", op_r_read_1, 2},
    {"responder_write_2", op_r_write_2, 2},
    {"initiator_read_2", op_i_read_2, 1},
    {"initiator_write_3", op_i_write_3, 1},
    {"responder_read_3", op_r_read_3, 2},
    {"initiator_split", op_i_split, 1},
    {"responder_split", op_r_split, 2},
    {"transport_seal_64", op_transport_seal, 0},
    {"transport_open_64", op_transport_open, 0},
    {"rekey", op_rekey, 0},
};

enum {
    ROWS = sizeof rows / sizeof rows[0],
};

static void prepare(void)
{
    for (size_t i = 0; i < 32; i++) {
        b.key[i] = (uint8_t)i;
        b.i_private[i] = (uint8_t)(3 * i + 1);
        b.r_private[i] = (uint8_t)(7 * i + 5);
    }
    rng_seed(&b.rng, b.key);
    x25519_base(b.i_public, b.i_private);
    x25519_base(b.r_public, b.r_private);
    blake2s_init(&b.hash, BLAKE2S_HASH_LEN, NULL, 0);
    op_blake2s_2_blocks(); // from now on a block added is a block compressed
}

static void print_row(const char *name, const char *suffix, uint64_t n)
{
    bare_print("  \"");
    bare_print(name);
    bare_print(suffix);
    bare_print("\": ");
    bare_print_number(n);
    bare_print(",\n");
}

// In the table above, next to each other.
static uint64_t difference(const uint64_t *counted, void (*more)(void))
{
    size_t i = 0;
    while (rows[i].op != more) {
        i++;
    }
    return counted[i] - counted[i - 1];
}

void bench_main(void)
{
    uint64_t whole[3] = {0};
    uint64_t counted[ROWS];
    size_t stack_max = 0;
    prepare();
    struct cost nothing = measure(op_nothing);
    bare_print("{\n");
    for (size_t i = 0; i < ROWS; i++) {
        struct cost cost = measure(rows[i].op);
        size_t stack = cost.stack - nothing.stack;
        counted[i] = cost.instructions - nothing.instructions;
        whole[rows[i].side] += counted[i];
        stack_max = stack > stack_max ? stack : stack_max;
        print_row(rows[i].name, "", counted[i]);
        print_row(rows[i].name, "_stack", stack);
    }
    print_row("blake2s_block", "", difference(counted, op_blake2s_3_blocks));
    print_row("initiator", "", whole[1]);
    print_row("responder", "", whole[2]);
    bare_print("  \"noise_stack_seen\": ");
    bare_print_number(stack_max);
    bare_print("\n}\n");
    for (size_t i = 0; i < 32; i++) {
        b.failed |= b.i.hash[i] != b.r.hash[i];
    }
    bare_power_off(!b.failed);
}
