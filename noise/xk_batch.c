// SPDX-License-Identifier: Apache-2.0
// Handshakes and multiplications in batches. A single message is a batch of one.

#include "noise/noise_xk.h"

#include "noise/cpu.h"
#include "noise/x25519.h"
#include "noise/xk_internal.h"

// How many are looked at together: as many as the widest vectors multiply at once.
enum {
#ifdef NOISE_X86
    TOGETHER = 8,
#else
    TOGETHER = 1,
#endif
};

// The jobs of those that were begun: first the products, of which there is one at most for each, then the fresh keys, so that
// like lies beside like. Gives the number of all; *products is that of the first kind.
static size_t collect(struct x25519_job jobs[static 2 * TOGETHER], size_t *products,
                      const struct xk_turn *turns, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (turns[i].error == NOISE_OK && xk_turn_dh_job(&jobs[n], &turns[i])) {
            n++;
        }
    }
    *products = n;
    for (size_t i = 0; i < count; i++) {
        if (turns[i].error == NOISE_OK && xk_turn_key_job(&jobs[n], &turns[i])) {
            n++;
        }
    }
    return n;
}

// Up to TOGETHER turns. Gives how many have not come to NOISE_OK.
static size_t advance_together(struct xk_turn *turns, size_t count)
{
    struct x25519_job jobs[2 * TOGETHER];
    const struct x25519_job *product = jobs;
    size_t products, others = 0;

    for (size_t i = 0; i < count; i++) {
        (void)xk_turn_begin(&turns[i]); // the turn says it too
    }
    size_t n = collect(jobs, &products, turns, count);
    x25519_batch(jobs, n);
    for (size_t i = 0; i < count; i++) {
        if (turns[i].error == NOISE_OK) {
            bool multiplied = product < jobs + products && product->shared == turns[i].hs->shared;
            xk_turn_finish(&turns[i], multiplied ? product->error : NOISE_OK);
            product += multiplied;
        }
        others += turns[i].error != NOISE_OK;
    }
    return others;
}

size_t xk_batch_advance(struct xk_turn *turns, size_t count)
{
    size_t others = 0;

    for (size_t some; count > 0; turns += some, count -= some) {
        some = count < TOGETHER ? count : TOGETHER;
        others += advance_together(turns, some);
    }
    return others;
}

size_t xk_batch_dh(struct xk_product *products, size_t count)
{
    struct x25519_job jobs[TOGETHER];
    size_t failed = 0;

    for (size_t some; count > 0; products += some, count -= some) {
        some = count < TOGETHER ? count : TOGETHER;
        for (size_t i = 0; i < some; i++) {
            jobs[i] = (struct x25519_job){products[i].secret, products[i].private_key,
                                          products[i].public_key, NOISE_OK};
        }
        x25519_batch(jobs, some);
        for (size_t i = 0; i < some; i++) {
            products[i].error = jobs[i].error;
            failed += jobs[i].error != NOISE_OK;
        }
    }
    return failed;
}
