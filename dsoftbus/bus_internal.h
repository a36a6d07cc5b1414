// SPDX-License-Identifier: Apache-2.0
// What the parts of the bus share. Internal to dsoftbus/.
#ifndef DSOFTBUS_BUS_INTERNAL_H
#define DSOFTBUS_BUS_INTERNAL_H

#include "dsoftbus/bus.h"

// ---- bus.c: time, events, lists -------------------------------------------------------------------

// Time never goes back.
void bus_clock(struct bus *bus, uint64_t now_ms);

void bus_emit(struct bus *bus, const struct bus_event *event);

uint32_t bus_connection_id(const struct bus *bus, const struct connection *c);

// The connection in phase CONNECTING or OPEN with this id, or NULL.
struct connection *bus_find(const struct bus *bus, uint32_t connection);

// A free connection, filled with zero but for its generation; NULL if there is none.
struct connection *bus_connection_take(struct bus *bus, const struct net_address *address);

// Back to the free ones; its id is unknown from now on.
void bus_connection_give(struct bus *bus, struct connection *c);

// An action is due for it.
void bus_due(struct bus *bus, struct connection *c);

// A place for a session, for a connection that has none; false if there is none left. Given back at its end.
bool bus_place_take(struct bus *bus, struct connection *c) __attribute__((warn_unused_result));
void bus_place_give(struct bus *bus, struct connection *c);

// ---- bus_connection.c -----------------------------------------------------------------------------

// Deals with what a call on the connection's session has answered, then notes what is due for it.
void bus_session_event(struct bus *bus, struct connection *c, enum session_event event);

// After a call on the connection's session: notes what is due for it.
void bus_settle(struct bus *bus, struct connection *c);

// Ends an established session, a handshake or a dial.
void bus_connection_end(struct bus *bus, struct connection *c, enum close_reason reason,
                        enum bye_reason bye);

void bus_connection_tick(struct bus *bus, struct connection *c);
uint64_t bus_connection_deadline(const struct connection *c);

// ---- bus_stream.c ---------------------------------------------------------------------------------

// The peer opens a stream: refuses it if this node has no such service.
void bus_stream_offered(struct bus *bus, const struct connection *c);

// ---- bus_pairing.c --------------------------------------------------------------------------------

// The armed node takes this connection for its pairing partner, and is armed no longer; false if it is not armed.
bool bus_pairing_take(struct bus *bus, struct connection *c);

// An attempt of ours is over, however it ended.
void bus_pairing_ended(struct bus *bus, const struct connection *c);

void bus_pairing_tick(struct bus *bus);
uint64_t bus_pairing_deadline(const struct bus *bus);

// ---- bus_peer.c -----------------------------------------------------------------------------------

// Dials the peer if that is wanted, due and possible.
void bus_dial_if_due(struct bus *bus, uint16_t index);

// When bus_dial_if_due will dial it, TIME_NEVER if it waits for something else than time.
uint64_t bus_dial_deadline(const struct bus *bus, uint16_t index);

void bus_dial_succeeded(struct bus *bus, const struct connection *c);
void bus_dial_ended(struct bus *bus, const struct connection *c); // failed, or lost later

// A trusted peer is configured at this host, or has authenticated from it.
bool bus_address_trusted(const struct bus *bus, const struct net_address *address);

// ---- bus_discovery.c ------------------------------------------------------------------------------

void bus_discovery_tick(struct bus *bus);
// The peer is trusted from now on, or not; its device may have been heard before.
void bus_discovery_set_peer(struct bus *bus, uint16_t index, bool trusted);
uint64_t bus_discovery_deadline(const struct bus *bus);

// The next datagram of the announce that is being sent; false when there is none.
bool bus_announce_action(struct bus *bus, struct bus_action *action)
    __attribute__((warn_unused_result));

// This service is registered.
bool bus_has_service(const struct bus *bus, const uint8_t *name, size_t name_len);

// Something in the announce has changed.
void bus_announce_changed(struct bus *bus);

#endif
