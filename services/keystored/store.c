// SPDX-License-Identifier: Apache-2.0
// Serves identity, peers, seeds and Diffie-Hellman out of the sender's slot.
#include "services/keystored/store.h"

#include "noise/blake2s.h"
#include "noise/ct.h"
#include "noise/noise_xk.h"
#include "services/lib/string.h"

_Static_assert(sizeof(struct keystore_dh_request) <= NEURON_MESSAGE_BYTES_MAX, "fits a message");
_Static_assert(sizeof(struct keystore_dh_reply) <= NEURON_MESSAGE_BYTES_MAX, "fits a message");
_Static_assert(sizeof(struct keystore_identity) <= NEURON_MESSAGE_BYTES_MAX, "fits a message");
_Static_assert(sizeof(struct keystore_peer) <= NEURON_MESSAGE_BYTES_MAX, "fits a message");

void store_init(struct store *store, const char *const *names, uint32_t count)
{
    ct_wipe(store, sizeof *store);
    store->names = names;
    store->count = count;
}

static bool lists_own_key(const struct store_slot *slot)
{
    for (uint8_t i = 0; i < slot->identity.peer_count; i++) {
        if (ct_equal(slot->identity.peers[i].public_key, slot->public_key, KEYSTORE_KEY_BYTES)) {
            return true;
        }
    }
    return false;
}

enum provision_error store_provision(struct store *store, struct provision_fault *fault,
                                     uint32_t process, const uint8_t *text, size_t text_len,
                                     const struct provision_option *option)
{
    struct store_slot *slot = &store->slots[process];
    slot->has_identity = false;
    if (provision_parse(&slot->identity, fault, text, text_len, option) != PROVISION_OK) {
        return fault->error;
    }
    xk_public_key(slot->public_key, slot->identity.static_key);
    if (lists_own_key(slot)) {
        *fault = (struct provision_fault){PROVISION_MALFORMED, "peer", 0};
        provision_wipe(&slot->identity);
        return fault->error;
    }
    slot->has_identity = true;
    return PROVISION_OK;
}

void store_set_root(struct store *store, const uint8_t seed[static KEYSTORE_KEY_BYTES],
                    uint32_t boot)
{
    memcpy(store->root_seed, seed, KEYSTORE_KEY_BYTES);
    store->boot = boot;
    store->has_root_seed = true;
}

static bool slot_has_seed(const struct store_slot *slot)
{
    return slot->has_identity && slot->identity.has_seed;
}

bool store_has_seed(const struct store *store, uint32_t process)
{
    return store->has_root_seed || slot_has_seed(&store->slots[process]);
}

static void update_be32(struct blake2s *hash, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value};
    blake2s_update(hash, bytes, sizeof bytes);
}

static enum keystore_status serve_seed(struct store *store, uint8_t *message, size_t *len,
                                       uint32_t process, uint32_t start)
{
    struct store_slot *slot = &store->slots[process];
    const char *name = store->names[process];
    if (*len != 0) {
        return KEYSTORE_MALFORMED;
    }
    if (!store_has_seed(store, process)) {
        return KEYSTORE_UNPROVISIONED;
    }
    if (start <= slot->seeded_start) {
        return KEYSTORE_REFUSED;
    }
    struct blake2s hash;
    blake2s_init(&hash, BLAKE2S_HASH_LEN, NULL, 0);
    blake2s_update(&hash, slot_has_seed(slot) ? slot->identity.seed : store->root_seed,
                   KEYSTORE_KEY_BYTES);
    blake2s_update(&hash, (const uint8_t *)name, strlen(name));
    update_be32(&hash, start);
    update_be32(&hash, slot->has_identity ? slot->identity.boot : store->boot);
    blake2s_final(&hash, message);
    *len = BLAKE2S_HASH_LEN;
    slot->seeded_start = start;
    return KEYSTORE_OK;
}

static enum keystore_status serve_identity(const struct store_slot *slot, uint8_t *message,
                                           size_t *len)
{
    struct keystore_identity reply;
    if (*len != 0) {
        return KEYSTORE_MALFORMED;
    }
    memset(&reply, 0, sizeof reply);
    memcpy(reply.public_key, slot->public_key, sizeof reply.public_key);
    memcpy(reply.id, slot->identity.id, sizeof reply.id);
    reply.id_len = slot->identity.id_len;
    reply.peer_count = slot->identity.peer_count;
    reply.port = slot->identity.port;
    memcpy(message, &reply, sizeof reply);
    *len = sizeof reply;
    return KEYSTORE_OK;
}

static enum keystore_status serve_peer(const struct store_slot *slot, uint8_t *message, size_t *len)
{
    uint32_t index;
    if (*len != sizeof index) {
        return KEYSTORE_MALFORMED;
    }
    memcpy(&index, message, sizeof index);
    if (index >= slot->identity.peer_count) {
        return KEYSTORE_MALFORMED;
    }
    memcpy(message, &slot->identity.peers[index], sizeof(struct keystore_peer));
    *len = sizeof(struct keystore_peer);
    return KEYSTORE_OK;
}

static enum keystore_status serve_dh(const struct store_slot *slot, uint8_t *message, size_t *len)
{
    struct keystore_dh_request request;
    struct keystore_dh_reply reply = {0};
    struct xk_product products[KEYSTORE_DH_MAX];
    if (*len != sizeof request) {
        return KEYSTORE_MALFORMED;
    }
    memcpy(&request, message, sizeof request);
    if (request.count < 1 || request.count > KEYSTORE_DH_MAX) {
        return KEYSTORE_MALFORMED;
    }
    for (uint32_t i = 0; i < request.count; i++) {
        products[i] = (struct xk_product){.secret = reply.secrets[i],
                                          .private_key = slot->identity.static_key,
                                          .public_key = request.public_keys[i]};
    }
    (void)!xk_batch_dh(products, request.count); // the products say it too
    for (uint32_t i = 0; i < request.count; i++) {
        reply.failed |= (uint32_t)(products[i].error != NOISE_OK) << i;
    }
    memcpy(message, &reply, sizeof reply);
    *len = sizeof reply;
    ct_wipe(&reply, sizeof reply);
    return KEYSTORE_OK;
}

static enum keystore_status serve(struct store *store, uint8_t *message, size_t *len,
                                  uint64_t label, uint64_t sender)
{
    uint32_t process = neuron_sender_process(sender);
    if (process >= store->count || *len > NEURON_MESSAGE_BYTES_MAX) {
        return KEYSTORE_MALFORMED;
    }
    const struct store_slot *slot = &store->slots[process];
    if (label == KEYSTORE_SEED) {
        return serve_seed(store, message, len, process, neuron_sender_start(sender));
    }
    if (label != KEYSTORE_IDENTITY && label != KEYSTORE_PEER && label != KEYSTORE_DH) {
        return KEYSTORE_MALFORMED;
    }
    if (!slot->has_identity) {
        return KEYSTORE_UNPROVISIONED;
    }
    if (label == KEYSTORE_IDENTITY) {
        return serve_identity(slot, message, len);
    }
    return label == KEYSTORE_PEER ? serve_peer(slot, message, len) : serve_dh(slot, message, len);
}

enum keystore_status store_serve(struct store *store,
                                 uint8_t message[static NEURON_MESSAGE_BYTES_MAX], size_t *len,
                                 uint64_t label, uint64_t sender)
{
    enum keystore_status status = serve(store, message, len, label, sender);
    if (status != KEYSTORE_OK) {
        *len = 0;
    }
    return status;
}

enum { SELF_CHECK_RESULTS = 2 }; // the first of a call, and one behind it

bool store_self_check(struct store *store, uint8_t message[static NEURON_MESSAGE_BYTES_MAX])
{
    bool good = true;
    for (uint32_t i = 0; i < store->count && good; i++) {
        const struct store_slot *slot = &store->slots[i];
        struct keystore_dh_request request = {.count = SELF_CHECK_RESULTS};
        struct keystore_dh_reply reply;
        size_t len = sizeof request;
        for (size_t k = 0; k < SELF_CHECK_RESULTS; k++) {
            request.public_keys[k][0] = 9; // the base point: the product is the public key
        }
        memcpy(message, &request, sizeof request);
        enum keystore_status status = store_serve(store, message, &len, KEYSTORE_DH, i);
        if (!slot->has_identity) {
            good = status == KEYSTORE_UNPROVISIONED;
            continue;
        }
        good = status == KEYSTORE_OK && len == sizeof reply;
        memcpy(&reply, message, sizeof reply);
        for (size_t k = 0; k < SELF_CHECK_RESULTS && good; k++) {
            good = reply.failed == 0 &&
                   ct_equal(reply.secrets[k], slot->public_key, KEYSTORE_KEY_BYTES);
        }
    }
    return good;
}
