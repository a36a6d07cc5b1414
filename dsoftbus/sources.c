// SPDX-License-Identifier: Apache-2.0
// Half-open handshakes and failures, by source address.
#include "dsoftbus/sources.h"

#include "dsoftbus/bytes.h"

void sources_init(struct source_table *table, struct source *memory, uint16_t max)
{
    *table = (struct source_table){.sources = memory, .max = max};
    for (uint16_t i = 0; i < max; i++) {
        memory[i] = (struct source){0};
    }
}

static void refill(struct source *source, uint64_t now_ms)
{
    uint64_t earned = (now_ms - source->refilled_ms) / FAILURE_REFILL_MS;

    if (now_ms < source->refilled_ms) {
        return;
    }
    if (earned >= (uint64_t)(FAILURE_BURST - source->tokens)) {
        source->tokens = FAILURE_BURST;
        source->refilled_ms = now_ms;
        return;
    }
    source->tokens = (uint8_t)(source->tokens + earned);
    source->refilled_ms += earned * FAILURE_REFILL_MS; // the part of a token is kept
}

// A place for a new source: a free one, else that of the source that is missed least.
static uint16_t find_place(const struct source_table *table)
{
    uint16_t best = SOURCE_NONE;

    for (uint16_t i = 0; i < table->max; i++) {
        const struct source *source = &table->sources[i];
        if (source->address.family == NET_NONE) {
            return i;
        }
        if (source->half_open == 0 &&
            (best == SOURCE_NONE || source->tokens > table->sources[best].tokens)) {
            best = i;
        }
    }
    return best;
}

uint16_t sources_find(struct source_table *table, uint64_t now_ms,
                      const struct net_address *address, bool trusted)
{
    uint16_t place = SOURCE_NONE;

    for (uint16_t i = 0; i < table->max; i++) {
        if (table->sources[i].address.family != NET_NONE) {
            refill(&table->sources[i], now_ms);
        }
        if (net_address_same_source(&table->sources[i].address, address)) {
            place = i;
        }
    }
    if (place == SOURCE_NONE) {
        place = find_place(table);
        if (place == SOURCE_NONE) {
            return SOURCE_NONE;
        }
        table->sources[place] =
            (struct source){.address = *address, .tokens = FAILURE_BURST, .refilled_ms = now_ms};
    }
    table->sources[place].trusted = trusted;
    return place;
}

bool sources_take(struct source_table *table, uint16_t source)
{
    struct source *entry = &table->sources[source];

    if (entry->tokens == 0) {
        return false;
    }
    entry->tokens--;
    entry->half_open++;
    return true;
}

void sources_release(struct source_table *table, uint16_t source, bool charge)
{
    struct source *entry = &table->sources[source];

    DSB_ASSERT(entry->half_open > 0);
    entry->half_open--;
    if (!charge && entry->tokens < FAILURE_BURST) {
        entry->tokens++;
    }
}

uint16_t sources_half_open(const struct source_table *table, bool untrusted_only)
{
    uint32_t sum = 0;

    for (uint16_t i = 0; i < table->max; i++) {
        if (!untrusted_only || !table->sources[i].trusted) {
            sum += table->sources[i].half_open;
        }
    }
    return (uint16_t)sum;
}

uint16_t sources_greediest(const struct source_table *table, bool untrusted_only)
{
    uint16_t greediest = SOURCE_NONE;

    for (uint16_t i = 0; i < table->max; i++) {
        const struct source *source = &table->sources[i];
        if (source->half_open == 0 || (untrusted_only && source->trusted)) {
            continue;
        }
        if (greediest == SOURCE_NONE || source->half_open > table->sources[greediest].half_open) {
            greediest = i;
        }
    }
    return greediest;
}
