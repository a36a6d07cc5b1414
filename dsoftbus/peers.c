// SPDX-License-Identifier: Apache-2.0
// The trusted peers, and the identity policy.
#include "dsoftbus/peers.h"

#include "dsoftbus/bytes.h"

void peers_init(struct peer_table *table, struct peer *memory, uint16_t max,
                const struct device_id *own_id, const uint8_t own_key[static DSB_KEY_BYTES])
{
    *table = (struct peer_table){.peers = memory, .max = max, .own_id = *own_id};
    bytes_copy(table->own_key, own_key, DSB_KEY_BYTES);
}

uint16_t peers_find_id(const struct peer_table *table, const struct device_id *id)
{
    for (uint16_t i = 0; i < table->count; i++) {
        if (device_id_equal(&table->peers[i].id, id)) {
            return i;
        }
    }
    return PEER_NONE;
}

uint16_t peers_find_key(const struct peer_table *table, const uint8_t key[static DSB_KEY_BYTES])
{
    for (uint16_t i = 0; i < table->count; i++) {
        if (bytes_equal(table->peers[i].static_key, key, DSB_KEY_BYTES)) {
            return i;
        }
    }
    return PEER_NONE;
}

static bool trust_valid(uint8_t trust)
{
    return trust == PEER_TRUSTED || trust == PEER_PENDING || trust == PEER_REVOKED;
}

enum peers_error peers_add(struct peer_table *table, uint16_t *index, const struct peer *peer)
{
    if (peer->id.len == 0 || peer->id.len > DEVICE_ID_BYTES_MAX) {
        return PEERS_BAD_ID;
    }
    if (!trust_valid(peer->trust)) {
        return PEERS_BAD_TRUST;
    }
    if (device_id_equal(&peer->id, &table->own_id) ||
        bytes_equal(peer->static_key, table->own_key, DSB_KEY_BYTES)) {
        return PEERS_OWN_IDENTITY;
    }
    if (peers_find_id(table, &peer->id) != PEER_NONE ||
        peers_find_key(table, peer->static_key) != PEER_NONE) {
        return PEERS_DUPLICATE;
    }
    if (table->count == table->max) {
        return PEERS_FULL;
    }
    table->peers[table->count] = (struct peer){
        .id = peer->id,
        .trust = peer->trust,
        .dial = peer->dial,
        .configured = peer->configured,
    };
    bytes_copy(table->peers[table->count].static_key, peer->static_key, DSB_KEY_BYTES);
    if (index != NULL) {
        *index = table->count;
    }
    table->count++;
    return PEERS_OK;
}

enum identity_verdict peers_identify(const struct peer_table *table, uint16_t *index,
                                     const struct device_id *claimed_id,
                                     const uint8_t authenticated_key[static DSB_KEY_BYTES])
{
    uint16_t by_id = peers_find_id(table, claimed_id);
    uint16_t by_key = peers_find_key(table, authenticated_key);

    *index = PEER_NONE;
    if (bytes_equal(authenticated_key, table->own_key, DSB_KEY_BYTES)) {
        return IDENTITY_OWN_KEY;
    }
    if (by_id == PEER_NONE && by_key == PEER_NONE) {
        return IDENTITY_UNKNOWN;
    }
    if (by_id != by_key) {
        return IDENTITY_MISMATCH;
    }
    *index = by_id;
    switch ((enum peer_trust)table->peers[by_id].trust) {
    case PEER_TRUSTED:
        return IDENTITY_BOUND;
    case PEER_PENDING:
        return IDENTITY_PENDING;
    case PEER_UNSET:
    case PEER_REVOKED:
        break;
    }
    return IDENTITY_REVOKED;
}
