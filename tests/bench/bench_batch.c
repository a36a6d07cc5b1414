// SPDX-License-Identifier: Apache-2.0
// noise-bench: handshakes and products in batches.
#include <stdbool.h>

#include "noise/noise_xk.h"
#include "tests/bench/bench.h"

enum {
    BATCH_MAX = 64,
    MESSAGE_MAX = XK_MESSAGE_3_OVERHEAD,
};

// As many handshakes with one responder, each side of each an object of its own.
static struct {
    struct xk_config i, r;
    struct xk_handshake i_hs[BATCH_MAX], r_hs[BATCH_MAX];
    struct xk_sender sender;
    struct xk_receiver receiver;
    uint8_t messages[BATCH_MAX][MESSAGE_MAX];
    struct xk_turn turns[BATCH_MAX];
    uint8_t secrets[BATCH_MAX][XK_KEY_LEN];
    struct xk_product products[BATCH_MAX];
} t;

void bench_batch_init(const struct xk_config *i, const struct xk_config *r)
{
    t.i = *i;
    t.r = *r;
    for (size_t n = 0; n < BATCH_MAX; n++) {
        t.products[n] = (struct xk_product){.secret = t.secrets[n],
                                            .private_key = r->static_private,
                                            .public_key = i->static_public};
    }
}

// One message of each, from or to t.messages.
static void advance(struct xk_handshake *hs, enum xk_message message, size_t len, size_t count)
{
    bool written = message == XK_WRITE_MESSAGE_1 || message == XK_WRITE_MESSAGE_2 ||
                   message == XK_WRITE_MESSAGE_3;

    for (size_t n = 0; n < count; n++) {
        t.turns[n] = (struct xk_turn){.hs = &hs[n],
                                      .message = message,
                                      .out = written ? t.messages[n] : NULL,
                                      .out_cap = written ? len : 0,
                                      .in = written ? NULL : t.messages[n],
                                      .in_len = written ? 0 : len};
    }
    if (xk_batch_advance(t.turns, count) != 0) {
        bench_fail("xk_batch_advance");
    }
}

static void split(struct xk_handshake *hs)
{
    if (xk_split(hs, &t.sender, &t.receiver) != NOISE_OK) {
        bench_fail("xk_split");
    }
}

static void handshakes(size_t count)
{
    for (size_t n = 0; n < count; n++) {
        if (xk_initiator_init(&t.i_hs[n], &t.i) != NOISE_OK ||
            xk_responder_init(&t.r_hs[n], &t.r) != NOISE_OK) {
            bench_fail("init");
        }
    }
    advance(t.i_hs, XK_WRITE_MESSAGE_1, XK_MESSAGE_1_OVERHEAD, count);
    advance(t.r_hs, XK_READ_MESSAGE_1, XK_MESSAGE_1_OVERHEAD, count);
    advance(t.r_hs, XK_WRITE_MESSAGE_2, XK_MESSAGE_2_OVERHEAD, count);
    advance(t.i_hs, XK_READ_MESSAGE_2, XK_MESSAGE_2_OVERHEAD, count);
    advance(t.i_hs, XK_WRITE_MESSAGE_3, XK_MESSAGE_3_OVERHEAD, count);
    advance(t.r_hs, XK_READ_MESSAGE_3, XK_MESSAGE_3_OVERHEAD, count);
    for (size_t n = 0; n < count; n++) {
        split(&t.i_hs[n]);
        split(&t.r_hs[n]);
    }
}

void handshakes_8(void)
{
    handshakes(8);
}

void handshakes_64(void)
{
    handshakes(BATCH_MAX);
}

void products_8(void)
{
    if (xk_batch_dh(t.products, 8) != 0) {
        bench_fail("xk_batch_dh");
    }
}
