// SPDX-License-Identifier: Apache-2.0
// All handshakes that two generators of one machine could have had: there are few draws, so all pairs are tried.
#include <stdlib.h>

#include "noise/x25519.h"
#include "tests/qemu/keyscan/memory.h"
#include "tests/qemu/keyscan/replay.h"
#include "tests/qemu/keyscan/run.h"

// How many draws of each start are tried: doubled from the first to the last as long as a line is not known.
enum { WINDOW_FIRST = 16, WINDOW_LAST = 128 };

// The draws of one end that count, those for keys only.
struct draws {
    struct party *party;
    const struct draw **list;
    size_t count;
};

// The first `window` draws of each start; 0: as many as were used, and a few more.
static struct draws collect_draws(struct party *party, size_t window)
{
    struct draws draws = {.party = party};
    draws.list = memory_zeroed((size_t)party->starts * DRAWS_MAX, sizeof(const struct draw *));
    party_draw(party, window);
    for (uint32_t i = 0; i < party->starts; i++) {
        size_t count = window > 0 ? window : party_window(party, i);
        for (size_t k = 0; k < count; k++) {
            if (!party->generators[i].draws[k].is_public) {
                draws.list[draws.count++] = &party->generators[i].draws[k];
            }
        }
    }
    return draws;
}

// DH of each draw with one public key.
static uint8_t (*multiply(const struct draws *draws, const uint8_t *public_key))[32]
{
    uint8_t(*results)[32] = memory_zeroed(draws->count, sizeof *results);
    for (size_t i = 0; i < draws->count; i++) {
        if (x25519(results[i], draws->list[i]->key, public_key) != NOISE_OK) {
            abort(); // no key of ours has a low order
        }
    }
    return results;
}

static struct handshake_keys mix_all(const uint8_t *es, const uint8_t *ee, const uint8_t *se)
{
    struct handshake_keys keys = {0};
    handshake_keys_mix(&keys, es);
    handshake_keys_mix(&keys, ee);
    handshake_keys_mix(&keys, se);
    return keys;
}

// Calls done() with the keys of every pair, for one static key on each side.
static void for_each_pair(const struct draws *initiator, const struct draws *responder,
                          const struct key_pair *i_static, const struct key_pair *r_static,
                          void (*done)(void *ctx, const struct handshake_keys *keys,
                                       const struct draw *i, const struct draw *r),
                          void *ctx)
{
    uint8_t(*es)[32] = multiply(initiator, r_static->public_key);
    uint8_t(*se)[32] = multiply(responder, i_static->public_key);
    for (size_t i = 0; i < initiator->count; i++) {
        uint8_t(*ee)[32] = multiply(responder, initiator->list[i]->public_key);
        for (size_t r = 0; r < responder->count; r++) {
            struct handshake_keys keys = mix_all(es[i], ee[r], se[r]);
            done(ctx, &keys, initiator->list[i], responder->list[r]);
        }
        free(ee);
    }
    free(es);
    free(se);
}

// One direction between two parties.
struct direction {
    struct run *run;
    struct node *node;
    struct party *initiator, *responder;
    struct handshake_texts texts;
};

// ---- The lines of the log -------------------------------------------------------------------------------------------

static void try_pair(void *ctx, const struct handshake_keys *keys, const struct draw *i,
                     const struct draw *r)
{
    struct direction *d = ctx;
    uint8_t hash[HASH_BYTES];
    d->texts.initiator_ephemeral = i->public_key;
    d->texts.responder_ephemeral = r->public_key;
    transcript_hash(hash, keys, &d->texts);
    if (run_mark_lines(d->node, d->initiator->name, d->responder->name, hash)) {
        d->run->sessions++;
        (void)party_find(d->initiator, i->public_key); // counts as used
        (void)party_find(d->responder, r->public_key);
    }
}

static void search_direction(struct direction *d, const struct draws *initiator,
                             const struct draws *responder)
{
    struct hello hello = {.record_plaintext_max = initiator->party->record_plaintext_max,
                          .id = initiator->party->id};
    uint8_t prologue[PROLOGUE_BYTES_MAX], payload[HELLO_BYTES_MAX];
    const struct key_pair *i_static = &initiator->party->statics[0];
    const struct key_pair *r_static = &responder->party->statics[0];
    d->initiator = initiator->party;
    d->responder = responder->party;
    d->texts = (struct handshake_texts){
        .responder_static = r_static->public_key,
        .initiator_static = i_static->public_key,
        .prologue = prologue,
        .prologue_len = run_prologue(prologue, &d->responder->id),
        .payload_3 = payload,
        .payload_3_len = hello_encode(payload, &hello),
    };
    for_each_pair(initiator, responder, i_static, r_static, try_pair, d);
}

static void search(struct run *run, struct node *node, struct party *a, struct party *b)
{
    struct direction direction = {.run = run, .node = node};
    for (size_t window = WINDOW_FIRST; window <= WINDOW_LAST && run_lines_unknown(node) > 0;
         window *= 2) {
        struct draws of_a = collect_draws(a, window);
        struct draws of_b = collect_draws(b, window);
        search_direction(&direction, &of_a, &of_b);
        search_direction(&direction, &of_b, &of_a);
        free(of_a.list);
        free(of_b.list);
    }
}

// ---- The keys -------------------------------------------------------------------------------------------------------

static void add_keys(void *ctx, const struct handshake_keys *keys, const struct draw *i,
                     const struct draw *r)
{
    const struct direction *d = ctx;
    (void)i;
    (void)r;
    handshake_keys_add_needles(keys, &d->run->needles, d->initiator->name, d->responder->name);
}

// Of every pair, and so also those of handshakes that were refused: then with an attacker's static key in the place of
// the true one, or with a message of another handshake.
static void add_direction(struct run *run, struct party *initiator, struct party *responder)
{
    struct direction direction = {.run = run, .initiator = initiator, .responder = responder};
    struct draws of_i = collect_draws(initiator, 0);
    struct draws of_r = collect_draws(responder, 0);
    for (size_t i = 0; i < initiator->static_count; i++) {
        for (size_t r = 0; r < responder->static_count; r++) {
            for_each_pair(&of_i, &of_r, &initiator->statics[i], &responder->statics[r], add_keys,
                          &direction);
        }
    }
    free(of_i.list);
    free(of_r.list);
}

void loopback_reconstruct(struct run *run, struct node *node)
{
    struct party *daemon = node_daemon(node);
    for (size_t i = 0; i < node->party_count; i++) {
        struct party *other = &node->parties[i];
        if (other != daemon && daemon->starts > 0 && other->starts > 0) {
            search(run, node, daemon, other);
            add_direction(run, daemon, other);
            add_direction(run, other, daemon);
        }
    }
}
