// SPDX-License-Identifier: Apache-2.0
// All handshakes that two generators of one machine could have had: there are few draws, so all pairs are tried.
#include <stdlib.h>

#include "noise/x25519.h"
#include "tests/qemu/keyscan/memory.h"
#include "tests/qemu/keyscan/replay.h"
#include "tests/qemu/keyscan/run.h"

// How many draws of each start are tried: doubled from the first to the last as long as a line is not known.
enum { WINDOW_FIRST = 16, WINDOW_LAST = 128 };

// One of two ends: its draws that count, those for keys only.
struct end {
    struct party *party;
    const struct draw **draws;
    size_t count;
};

// Both, and what they share: ee is the same in both directions.
struct ends {
    struct end end[2];
    uint8_t (*ee)[32]; // of draw i of the first and draw k of the second at i * end[1].count + k
};

// ---- Draws ----------------------------------------------------------------------------------------------------------

// The first `window` draws of each start; 0: as many as were used, and a few more.
static void collect_draws(struct end *end, struct party *party, size_t window)
{
    end->party = party;
    end->count = 0;
    end->draws = memory_zeroed((size_t)party->starts * DRAWS_MAX, sizeof(const struct draw *));
    party_draw(party, window);
    for (uint32_t i = 0; i < party->starts; i++) {
        size_t count = window > 0 ? window : party_window(party, i);
        for (size_t k = 0; k < count; k++) {
            if (!party->generators[i].draws[k].is_public) {
                end->draws[end->count++] = &party->generators[i].draws[k];
            }
        }
    }
}

// DH of each draw with one public key.
static void multiply(uint8_t (*results)[32], const struct end *end, const uint8_t *public_key)
{
    for (size_t i = 0; i < end->count; i++) {
        if (x25519(results[i], end->draws[i]->key, public_key) != NOISE_OK) {
            abort(); // no key of ours has a low order
        }
    }
}

static void ends_init(struct ends *ends, struct party *first, struct party *second, size_t window)
{
    collect_draws(&ends->end[0], first, window);
    collect_draws(&ends->end[1], second, window);
    size_t count = ends->end[1].count;
    ends->ee = memory_zeroed(ends->end[0].count * count, sizeof *ends->ee);
    for (size_t i = 0; i < ends->end[0].count; i++) {
        multiply(ends->ee + i * count, &ends->end[1], ends->end[0].draws[i]->public_key);
    }
}

static void ends_free(struct ends *ends)
{
    free(ends->end[0].draws);
    free(ends->end[1].draws);
    free(ends->ee);
}

// ---- Handshakes -----------------------------------------------------------------------------------------------------

// All of one direction, with one static key on each side.
struct direction {
    struct run *run;
    struct node *node;
    const struct end *initiator, *responder;
    const struct key_pair *initiator_static, *responder_static;
    struct handshake_texts texts; // for the hash
};

static void for_each_handshake(struct direction *d, const struct ends *ends,
                               void (*done)(struct direction *d, const struct handshake_keys *keys,
                                            const struct draw *initiator,
                                            const struct draw *responder))
{
    const struct end *initiator = d->initiator, *responder = d->responder;
    bool forth = initiator == &ends->end[0];
    size_t row = ends->end[1].count;
    uint8_t(*es)[32] = memory_zeroed(initiator->count, sizeof *es);
    uint8_t(*se)[32] = memory_zeroed(responder->count, sizeof *se);
    multiply(es, initiator, d->responder_static->public_key);
    multiply(se, responder, d->initiator_static->public_key);
    for (size_t i = 0; i < initiator->count; i++) {
        for (size_t r = 0; r < responder->count; r++) {
            struct handshake_keys keys = {0};
            handshake_keys_mix(&keys, es[i]);
            handshake_keys_mix(&keys, ends->ee[forth ? i * row + r : r * row + i]);
            handshake_keys_mix(&keys, se[r]);
            done(d, &keys, initiator->draws[i], responder->draws[r]);
        }
    }
    free(es);
    free(se);
}

// ---- The lines of the log -------------------------------------------------------------------------------------------

static void mark_if_logged(struct direction *d, const struct handshake_keys *keys,
                           const struct draw *initiator, const struct draw *responder)
{
    struct party *i_party = d->initiator->party, *r_party = d->responder->party;
    uint8_t hash[HASH_BYTES];
    d->texts.initiator_ephemeral = initiator->public_key;
    d->texts.responder_ephemeral = responder->public_key;
    transcript_hash(hash, keys, &d->texts);
    if (run_mark_lines(d->node, i_party->name, r_party->name, hash)) {
        d->run->sessions++;
        (void)party_find(i_party, initiator->public_key); // counts as used
        (void)party_find(r_party, responder->public_key);
    }
}

static void search_direction(struct run *run, struct node *node, const struct ends *ends,
                             unsigned initiator)
{
    const struct party *i_party = ends->end[initiator].party;
    const struct party *r_party = ends->end[1 - initiator].party;
    uint8_t prologue[PROLOGUE_BYTES_MAX], payload[HELLO_BYTES_MAX];
    struct direction direction = {
        .run = run,
        .node = node,
        .initiator = &ends->end[initiator],
        .responder = &ends->end[1 - initiator],
        .initiator_static = &i_party->statics[0],
        .responder_static = &r_party->statics[0],
        .texts =
            {
                .responder_static = r_party->statics[0].public_key,
                .initiator_static = i_party->statics[0].public_key,
                .prologue = prologue,
                .prologue_len = run_prologue(prologue, &r_party->hello.id),
                .payload_3 = payload,
                .payload_3_len = hello_encode(payload, &i_party->hello),
            },
    };
    for_each_handshake(&direction, ends, mark_if_logged);
}

static void search(struct run *run, struct node *node, struct party *daemon, struct party *other)
{
    for (size_t window = WINDOW_FIRST; window <= WINDOW_LAST && run_lines_unknown(node) > 0;
         window *= 2) {
        struct ends ends;
        ends_init(&ends, daemon, other, window);
        search_direction(run, node, &ends, 0);
        search_direction(run, node, &ends, 1);
        ends_free(&ends);
    }
}

// ---- The keys -------------------------------------------------------------------------------------------------------

static void add_keys(struct direction *d, const struct handshake_keys *keys,
                     const struct draw *initiator, const struct draw *responder)
{
    (void)initiator;
    (void)responder;
    handshake_keys_add_needles(keys, &d->run->needles, d->initiator->party->name,
                               d->responder->party->name);
}

// Of every pair of draws, and so also those of handshakes that were refused: then with an attacker's static key in the
// place of the true one, or with a message of another handshake.
static void add_direction(struct run *run, const struct ends *ends, unsigned initiator)
{
    struct direction direction = {
        .run = run,
        .initiator = &ends->end[initiator],
        .responder = &ends->end[1 - initiator],
    };
    const struct party *i_party = direction.initiator->party;
    const struct party *r_party = direction.responder->party;
    for (size_t i = 0; i < i_party->static_count; i++) {
        for (size_t r = 0; r < r_party->static_count; r++) {
            direction.initiator_static = &i_party->statics[i];
            direction.responder_static = &r_party->statics[r];
            for_each_handshake(&direction, ends, add_keys);
        }
    }
}

void loopback_reconstruct(struct run *run, struct node *node)
{
    struct party *daemon = node_daemon(node);
    for (size_t i = 0; i < node->party_count; i++) {
        struct party *other = &node->parties[i];
        if (other == daemon || daemon->starts == 0 || other->starts == 0) {
            continue;
        }
        search(run, node, daemon, other);
        struct ends ends;
        ends_init(&ends, daemon, other, 0);
        add_direction(run, &ends, 0);
        add_direction(run, &ends, 1);
        ends_free(&ends);
    }
}
