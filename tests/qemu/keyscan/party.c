// SPDX-License-Identifier: Apache-2.0
// Provisioning to keys, by the rules of WIRE section 3 and noise/rng.h.
#include "tests/qemu/keyscan/party.h"

#include <stdlib.h>
#include <string.h>

#include "noise/blake2s.h"
#include "noise/rng.h"
#include "noise/x25519.h"
#include "services/selftest-client/node.h"
#include "tests/qemu/keyscan/memory.h"

// SECURITY: bring-up test keys, NOT production custody
#include "attackers.h"

// Draws of a process without identity: ports and sequence numbers, some hundreds in a run.
enum { STATES_WITHOUT_IDENTITY = 1024 };

extern const struct provision_option seed_option; // services/keystored/lab/

// What the programs do with their identity. The first two numbers are those of their message 3: when they say others, no
// session of theirs over the loopback can be reconstructed until they are changed here too.
static const struct program {
    const char *process;
    uint16_t record_plaintext_max, streams_max;
    size_t public_draws; // the first ones, not for keys
    bool plays_attackers;
} programs[] = {
    // Two public draws: the boot id, which it announces, and the first number of its clients' handles.
    {"dsoftbusd", OS_RECORD_PLAINTEXT, OS_STREAMS_PER_SESSION, 2, false},
    {"selftest-client", RECORD_BYTES, 0, 0, true},
};

static const struct program *find_program(const char *process)
{
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        if (strcmp(programs[i].process, process) == 0) {
            return &programs[i];
        }
    }
    return NULL;
}

// ---- Provisioning -----------------------------------------------------------------------------------------------

static void add_static(struct party *party, const uint8_t secret[static 32])
{
    struct key_pair *pair = &party->statics[party->static_count++];
    memcpy(pair->secret, secret, sizeof pair->secret);
    x25519_base(pair->public_key, secret);
}

static void add_attackers(struct party *party)
{
    // SECURITY: bring-up test keys, NOT production custody
    static const uint8_t responder[32] = ATTACKER_RESPONDER_SECRET;
    static const uint8_t initiator[32] = ATTACKER_INITIATOR_SECRET;
    add_static(party, responder);
    add_static(party, initiator);
}

bool party_parse(struct party *out, struct provision_fault *fault, const char *process,
                 const uint8_t *text, size_t text_len)
{
    struct provision provision;
    const struct program *program = find_program(process);
    *out = (struct party){0};
    if (program == NULL) {
        *fault = (struct provision_fault){PROVISION_UNKNOWN, "process", 0};
        return false;
    }
    if (provision_parse(&provision, fault, text, text_len, &seed_option) != PROVISION_OK) {
        return false;
    }
    if (!device_id_set(&out->hello.id, provision.id, provision.id_len)) {
        *fault = (struct provision_fault){PROVISION_MALFORMED, "id", 0};
        return false;
    }
    out->process = memory_text(process, strlen(process));
    out->name = memory_text((const char *)provision.id, provision.id_len);
    out->hello.record_plaintext_max = program->record_plaintext_max;
    out->hello.streams_max = program->streams_max;
    add_static(out, provision.static_key);
    if (program->plays_attackers) {
        add_attackers(out);
    }
    out->seeded = provision.has_seed;
    memcpy(out->root_seed, provision.seed, sizeof out->root_seed);
    out->boot = provision.boot;
    provision_wipe(&provision);
    return true;
}

void party_free(struct party *party)
{
    for (size_t i = 0; i < STARTS_MAX; i++) {
        free(party->generators[i].draws);
    }
    free(party->process);
    free(party->name);
    *party = (struct party){0};
}

// ---- Seeds and draws ------------------------------------------------------------------------------------------------

static void update_be32(struct blake2s *hash, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    blake2s_update(hash, bytes, sizeof bytes);
}

static void process_seed(uint8_t out[static 32], const struct party *root, const char *process,
                         uint32_t start)
{
    struct blake2s hash;
    blake2s_init(&hash, BLAKE2S_HASH_LEN, NULL, 0);
    blake2s_update(&hash, root->root_seed, sizeof root->root_seed);
    blake2s_update(&hash, (const uint8_t *)process, strlen(process));
    update_be32(&hash, start);
    update_be32(&hash, root->boot);
    blake2s_final(&hash, out);
}

bool party_start(struct party *party, uint32_t starts)
{
    if (starts > STARTS_MAX) {
        return false;
    }
    party->starts = party->seeded ? starts : 0;
    for (uint32_t i = 0; i < party->starts; i++) {
        struct generator *generator = &party->generators[i];
        process_seed(generator->seed, party, party->process, i + 1);
        memcpy(generator->state, generator->seed, sizeof generator->state);
    }
    return true;
}

// One unit: 32 bytes out, and the state moves on.
static void draw_unit(uint8_t state[static 32], uint8_t out[static 32])
{
    struct rng rng;
    rng_seed(&rng, state);
    if (rng_random(&rng, out, 32) != NOISE_OK) {
        abort(); // it cannot fail once seeded
    }
    memcpy(state, rng.key, 32);
}

static void extend(struct generator *generator, size_t count, size_t public_draws)
{
    if (generator->draws == NULL) {
        generator->draws = memory_zeroed(DRAWS_MAX, sizeof *generator->draws);
    }
    for (; generator->count < count; generator->count++) {
        struct draw *draw = &generator->draws[generator->count];
        memcpy(draw->state, generator->state, sizeof draw->state);
        draw_unit(generator->state, draw->key);
        x25519_base(draw->public_key, draw->key);
        draw->is_public = generator->count < public_draws;
    }
}

void party_draw(struct party *party, size_t count)
{
    for (uint32_t i = 0; i < party->starts; i++) {
        extend(&party->generators[i], count < DRAWS_MAX ? count : DRAWS_MAX,
               find_program(party->process)->public_draws);
    }
}

static const struct draw *find_known(struct generator *generator, const uint8_t *public_key)
{
    for (size_t i = 0; i < generator->count; i++) {
        if (memcmp(generator->draws[i].public_key, public_key, 32) == 0) {
            generator->used = generator->used > i + 1 ? generator->used : i + 1;
            return &generator->draws[i];
        }
    }
    return NULL;
}

const struct draw *party_find(struct party *party, const uint8_t public_key[static 32])
{
    for (size_t count = 32; count <= DRAWS_MAX; count *= 2) {
        party_draw(party, count);
        for (uint32_t i = 0; i < party->starts; i++) {
            const struct draw *draw = find_known(&party->generators[i], public_key);
            if (draw != NULL) {
                return draw;
            }
        }
    }
    return NULL;
}

size_t party_window(struct party *party, uint32_t generator)
{
    size_t window = party->generators[generator].used + DRAWS_BEYOND;
    window = window < DRAWS_MAX ? window : DRAWS_MAX;
    party_draw(party, window);
    return window;
}

// ---- Needles --------------------------------------------------------------------------------------------------------

void party_add_needles(struct party *party, struct needles *needles)
{
    struct needle_name name = {.kind = NEEDLE_STATIC, .owner = party->name};
    for (size_t i = 0; i < party->static_count; i++) {
        needles_add(needles, party->statics[i].secret, &name);
    }
    if (party->seeded) {
        name.kind = NEEDLE_ROOT_SEED;
        needles_add(needles, party->root_seed, &name);
    }
    for (uint32_t i = 0; i < party->starts; i++) {
        size_t window = party_window(party, i);
        const struct generator *generator = &party->generators[i];
        name = (struct needle_name){NEEDLE_PROCESS_SEED, i + 1, party->name, NULL};
        needles_add(needles, generator->seed, &name);
        for (size_t k = 0; k < window; k++) {
            name = (struct needle_name){NEEDLE_GENERATOR, (uint32_t)k, party->name, NULL};
            needles_add(needles, generator->draws[k].state, &name);
            name.kind = NEEDLE_EPHEMERAL;
            if (!generator->draws[k].is_public) {
                needles_add(needles, generator->draws[k].key, &name);
            }
        }
    }
}

void process_add_needles(struct needles *needles, const struct party *device, const char *process,
                         uint32_t starts)
{
    for (uint32_t start = 1; start <= starts; start++) {
        uint8_t state[32], out[32];
        struct needle_name name = {NEEDLE_PROCESS_SEED, start, process, NULL};
        process_seed(state, device, process, start);
        needles_add(needles, state, &name);
        name.kind = NEEDLE_GENERATOR;
        for (name.number = 1; name.number < STATES_WITHOUT_IDENTITY; name.number++) {
            draw_unit(state, out);
            needles_add(needles, state, &name);
        }
    }
}
