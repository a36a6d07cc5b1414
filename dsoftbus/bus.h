// SPDX-License-Identifier: Apache-2.0
// The bus: discovery, trusted peers, dialling, half-open limits and all sessions of one node, in one object.
//
// No I/O, no clock, no heap. A thin shell (the daemon on the OS, the daemon on Linux) owns sockets and time, and
// turns everything that happens into calls:
//
//     bus_init(&bus, &config, &tables, now);
//     bus_peer_add(...), bus_service_add(...), bus_announce(...)
//     for (;;) {
//         wait for I/O, a Diffie-Hellman result, or bus_next_deadline(&bus)
//         bus_accepted / bus_connected / bus_connect_failed / bus_received / bus_writable / bus_disconnected /
//         bus_datagram / bus_dh_result / bus_tick        as things happen
//         while ((n = bus_dh_take(&bus, requests)) > 0)  hand them to the holder of the static key
//         while (bus_next_action(&bus, now, &action))    dial, send, close: see enum bus_action_type
//         while (bus_next_event(&bus, &event))           print, count, tell clients
//         while (bus_next_stream(&bus, &stream, &status)) serve the stream: see dsoftbus/stream.h
//     }
//
// Every call takes the time: monotonic milliseconds; a step back counts as no time passed. bus_tick must be called
// when bus_next_deadline has come; any other call does not look at deadlines.
//
// Connections are named by ids that the bus gives, never 0, not reused for long. Each id ends with exactly one BUS_CLOSE
// action, whatever ended it (also a failed dial, also bus_disconnected); after that it is unknown. Calls with an
// unknown id do nothing.
//
// The random function is asked for 8 bytes by bus_init (the boot id of the announces), for 32 bytes per handshake (its
// ephemeral key) and for 32 more by each side of a pairing (its nonce); for nothing else.
#ifndef DSOFTBUS_BUS_H
#define DSOFTBUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/announce.h"
#include "dsoftbus/discovery.h"
#include "dsoftbus/identity.h"
#include "dsoftbus/limits.h"
#include "dsoftbus/peers.h"
#include "dsoftbus/reason.h"
#include "dsoftbus/session.h"
#include "dsoftbus/sources.h"
#include "dsoftbus/stream.h"

// ---- Configuration and memory -----------------------------------------------------------------------------

struct bus_config {
    struct session_config
        session;    // id (made of [0-9A-Za-z._-]), keys, record size, random function; copied
    uint16_t port;  // our TCP session port, not 0
    uint16_t ttl_s; // of our announces, 3..3600: see bus_announce
};

enum connection_phase {
    CONNECTION_FREE,
    CONNECTION_CONNECTING, // BUS_DIAL was given or will be
    CONNECTION_OPEN,       // TCP is up
    CONNECTION_ENDED,      // BUS_CLOSE is to be given
};

// Members are the bus's own.
struct connection {
    struct session session;
    struct net_address address; // the other end
    uint16_t generation;        // upper half of the id
    uint16_t peer;              // index or PEER_NONE
    uint16_t source;            // index while half_open
    uint16_t next; // slot + 1 of the next one in the list of free or of due connections
    uint8_t phase; // enum connection_phase
    bool outbound : 1, half_open : 1, established : 1, in_due_list : 1;
    bool dial_due : 1, output_due : 1, dh_waiting : 1;
    bool pairing : 1;   // its users compare a code; there is no peer
    bool placed : 1;    // it has one of the places for sessions
    bool lingering : 1; // it has ended, and still holds output memory
    uint64_t started_ms;
    uint64_t replace_ms; // established: when a new session is to take its place
};
_Static_assert(sizeof(struct connection) <= HALF_OPEN_BYTES_MAX, "one half-open handshake");

enum bus_event_type {
    // Discovery.
    // An announce of a device that is trusted with exactly this key, not in the table before; or such a device in the table
    // has just become a trusted one.
    BUS_PEER_FOUND,
    BUS_DEVICE_FOUND, // the same for a device that is not trusted: neither id nor key is listed, or it is pending or revoked
    BUS_DEVICE_LOST,  // its ttl has passed
    BUS_ANNOUNCE_OWN, // our own announce came back
    BUS_ANNOUNCE_IGNORED, // undecodable (announce_error), or a listed id or key without the other (then ANNOUNCE_OK)
    // Sessions. `peer` is set, `id` is the peer's, unless said otherwise.
    BUS_SESSION_CONNECT, // TCP is up on an outbound dial
    BUS_DIAL_FAILED,     // reason; an outbound attempt ended before it was established
    BUS_IDENTITY_BOUND,  // the authenticated key is bound to the id and the peer is trusted
    BUS_ESTABLISHED, // role; hash. Initiator: READY has arrived. Responder: message 3 and its policy check
    BUS_IDENTITY_MISMATCH, // id is what was claimed; peer is PEER_NONE. The connection ends
    BUS_UNKNOWN_PEER,      // likewise: neither id nor key is listed
    BUS_REJECTED, // reason; any other end of an inbound connection before it was established. The id may be empty
    BUS_SESSION_LOST, // reason; an established session has ended
    BUS_PINGED,       // a PING has authenticated; `first` of this session
    BUS_PONGED,       // ping, rtt_ms
    // Pairing. role, id, connection, address.
    BUS_PAIR_CODE, // code, key: show the code; pin (id, key) when the user says that it is the other's code
    BUS_PAIR_FAILED, // reason
    // The queue was full: `dropped` events are missing before this one. State is never lost, only their text.
    BUS_EVENTS_DROPPED,
};

// "peer found" and so on, for logs.
const char *bus_event_name(enum bus_event_type type);

// A value; fields that a type does not mention are zero (peer: PEER_NONE).
struct bus_event {
    enum bus_event_type type;
    uint32_t connection;    // session events
    uint16_t peer;          // index in the peer table, or PEER_NONE
    uint8_t role;           // enum session_role
    uint8_t reason;         // enum close_reason
    uint8_t peer_bye;       // with REASON_PEER_BYE: enum bye_reason, as the peer said it
    uint8_t peer_version;   // with REASON_VERSION: a hint, shown to a person at most
    uint8_t announce_error; // enum announce_error
    bool first;
    bool
        guess; // BUS_PAIR_CODE, BUS_PAIR_FAILED: the attempt gave whoever stands in between his guess
    struct device_id id;          // print through label_device only
    struct net_address address;   // of the other end
    uint8_t hash[DSB_HASH_BYTES]; // the handshake hash: ESTABLISHED, SESSION_LOST, PINGED, PONGED
    uint8_t key[DSB_KEY_BYTES];   // of the other end: BUS_PAIR_CODE
    uint32_t code;                // 0..999999, shown as six digits: BUS_PAIR_CODE
    uint32_t ping;                // its number: what bus_ping returned
    uint32_t rtt_ms;
    uint64_t dropped;
};

// Memory of the caller, in use for the life of the bus. Contents need not be initialised.
struct bus_tables {
    struct peer *peers;
    uint16_t peers_max;
    struct device *devices;
    uint16_t devices_max, devices_reserved; // reserved < max
    struct source *sources;
    uint16_t sources_max; // above half_open_max
    struct connection *connections;
    uint16_t connections_max; // BUS_CONNECTIONS(half_open_max, sessions_max)
    uint16_t half_open_max;   // above HALF_OPEN_RESERVED
    uint8_t *records;         // sessions_max times BUS_RECORD_BYTES(record_plaintext_max)
    size_t records_len;
    uint16_t sessions_max; // outbound attempts, and established sessions of both roles
    struct bus_event *events;
    uint16_t events_max; // at least 2
    // Streams; all zero: this node has none.
    struct stream *streams;
    uint16_t streams_max;    // of all sessions together
    uint8_t *stream_buffers; // receive buffers: streams_max times stream_buffer_bytes
    size_t stream_buffers_len;
    uint32_t stream_buffer_bytes; // STREAM_BUFFER_BYTES_MIN or more: what a peer may send ahead
    uint8_t *outputs;             // BUS_OUTPUTS(sessions_max) times output_bytes
    size_t outputs_len;
    uint32_t output_bytes; // BUS_OUTPUT_BYTES(record plaintext, records in flight)
};

#define BUS_CONNECTIONS(half_open_max, sessions_max)                                               \
    ((half_open_max) + (sessions_max) + CONNECTIONS_CLOSING_MAX)
#define BUS_RECORD_BYTES(record_plaintext_max) SESSION_RECORD_BYTES(record_plaintext_max)
// One output area for each session, and for each that has ended and still sends what was queued.
#define BUS_OUTPUTS(sessions_max) ((sessions_max) + CONNECTIONS_CLOSING_MAX)
// An output area for `records` full records in flight, besides the control records that must never wait.
#define BUS_OUTPUT_BYTES(record_plaintext_max, records)                                            \
    SESSION_OUTPUT_BYTES(record_plaintext_max, records)

struct bus_counts {
    uint16_t peers, devices, half_open, sessions_up, connections;
    uint16_t places_used; // established sessions and outbound attempts
    uint16_t
        streams; // also those that the owner has given back and that still have something to send
    uint64_t accepted, established, rejected, lost, evicted, refused_rate, refused_full;
    uint64_t announces_sent, announces_heard, announces_bad, announces_mismatched, events_dropped;
};

// Members are the bus's own.
struct bus {
    struct bus_config config;
    struct bus_tables tables;
    struct peer_table peers;
    struct discovery_table discovery;
    struct source_table sources;
    struct bus_counts counts;
    uint64_t now_ms;
    bool stopping;
    struct session_memory memory;
    uint16_t lingering;             // connections that are
    uint16_t connection_free;       // heads (+ 1; 0: none) of the lists of free connections,
    uint16_t due_first, due_last;   // and of connections for which an action is due
    uint16_t dh_waiting, dh_cursor; // requests not yet taken; where the fair scan goes on
    uint16_t event_first, event_count;
    uint64_t events_dropped;  // since the last BUS_EVENTS_DROPPED
    uint64_t pair_until_ms;   // armed until then; 0: not armed
    uint32_t pair_connection; // our own attempt; 0: none
    struct device_id pair_id; // whom it calls, and the key
    uint8_t pair_key[DSB_KEY_BYTES];
    bool announcing;
    uint64_t announce_due_ms, announced_ms;
    uint16_t announce_step; // datagrams of the current announce already given, + 1; 0: none
    uint16_t announce_len;
    uint32_t announce_seq;
    uint8_t boot_id[ANNOUNCE_BOOT_ID_BYTES];
    uint8_t service_count;
    struct service_name services[ANNOUNCE_SERVICES_MAX];
    uint8_t announce_bytes[ANNOUNCE_BYTES_MAX];
};

enum bus_error {
    BUS_OK,
    BUS_ERR_CONFIG, // an id that is not plain, port 0, a ttl or record size out of range
    BUS_ERR_TABLES, // a table missing or too small
    BUS_ERR_RANDOM,
    BUS_ERR_NO_PEER,
    BUS_ERR_NAME, // a service name that is not 1..64 of [0-9A-Za-z._-]; pairing with nobody
    BUS_ERR_DUPLICATE,
    BUS_ERR_FULL,
    BUS_ERR_PAIRING, // another attempt is on
};

// Everything is copied except the memory in `tables`, the static private key (if config->session has one) and the
// random context. On an error the bus must not be used.
enum bus_error bus_init(struct bus *bus, const struct bus_config *config,
                        const struct bus_tables *tables, uint64_t now_ms)
    __attribute__((warn_unused_result));

// ---- Trust, services, what local clients ask ---------------------------------------------------------------

// Adds a peer (fields id, static_key, trust, dial, configured). Errors as peers_add; nothing changes then. A peer
// that is to be dialled and has a configured address is dialled at once.
enum peers_error bus_peer_add(struct bus *bus, uint64_t now_ms, uint16_t *index,
                              const struct peer *peer) __attribute__((warn_unused_result));

// Changes the trust in a peer. Anything but PEER_TRUSTED ends its live sessions with BYE 2.
enum bus_error bus_peer_set_trust(struct bus *bus, uint64_t now_ms, uint16_t index,
                                  enum peer_trust trust) __attribute__((warn_unused_result));

// A local client wants a session with the peer: it is dialled, again after a loss, as if marked `dial`.
enum bus_error bus_peer_dial(struct bus *bus, uint64_t now_ms, uint16_t index)
    __attribute__((warn_unused_result));

// The entry, or NULL. Valid while the bus lives.
const struct peer *bus_peer(const struct bus *bus, uint16_t index);

// What our announces list: services that are really registered. A change is announced (within the rate).
enum bus_error bus_service_add(struct bus *bus, uint64_t now_ms, const char *name, size_t name_len)
    __attribute__((warn_unused_result));
enum bus_error bus_service_remove(struct bus *bus, uint64_t now_ms, const char *name,
                                  size_t name_len) __attribute__((warn_unused_result));

// Announce now, ANNOUNCE_BURST times a second apart if these are the first, and from then on every third of the ttl; at
// most one per second. Before the first call nothing is announced: call it when sockets listen.
void bus_announce(struct bus *bus, uint64_t now_ms);

// ---- What the shell reports ----------------------------------------------------------------------------------

// TCP connection from `source`. False: close it at once, it has no id (rate, no place, or stopping).
bool bus_accepted(struct bus *bus, uint64_t now_ms, uint32_t *connection,
                  const struct net_address *source) __attribute__((warn_unused_result));

// The dial of BUS_DIAL has succeeded, or failed.
void bus_connected(struct bus *bus, uint64_t now_ms, uint32_t connection);
void bus_connect_failed(struct bus *bus, uint64_t now_ms, uint32_t connection);

// Bytes from the other end, all of which are taken. They are copied before they are authenticated: `data` may lie in
// memory that others can write.
void bus_received(struct bus *bus, uint64_t now_ms, uint32_t connection, const uint8_t *data,
                  size_t data_len);

// What is to be sent on a connection: NULL and 0 when nothing is. Valid until the next call on the bus.
const uint8_t *bus_output(struct bus *bus, uint32_t connection, size_t *len)
    __attribute__((warn_unused_result));

// The same in place, without a copy: where the next bytes of an established session may be read to, at most *len.
// NULL when only bus_received will do: before it is established, and for an unknown connection. Valid until the next
// call on the bus. bus_received stays allowed at any time.
uint8_t *bus_input(struct bus *bus, uint32_t connection, size_t *len)
    __attribute__((warn_unused_result));

// `put` bytes have been read to where bus_input said.
void bus_input_done(struct bus *bus, uint64_t now_ms, uint32_t connection, size_t put);

// `sent` bytes of it were taken by the transport.
void bus_output_done(struct bus *bus, uint64_t now_ms, uint32_t connection, size_t sent);

// The transport, which could not take all, can take bytes again: BUS_OUTPUT is given again if there are any.
void bus_writable(struct bus *bus, uint32_t connection);

// TCP has ended, in order or by reset.
void bus_disconnected(struct bus *bus, uint64_t now_ms, uint32_t connection);

// A datagram on the discovery port.
void bus_datagram(struct bus *bus, uint64_t now_ms, const struct net_address *source,
                  const uint8_t *data, size_t data_len);

// Does what is due. Call it at bus_next_deadline; earlier or later is harmless.
void bus_tick(struct bus *bus, uint64_t now_ms);

// When bus_tick next has something to do: TIME_NEVER if nothing is waited for. Right after actions have been drained.
uint64_t bus_next_deadline(const struct bus *bus);

// ---- Static Diffie-Hellman -------------------------------------------------------------------------------------

enum { BUS_DH_BATCH_MAX = 8 };

// X25519(our static private key, public_key) is wanted.
struct bus_dh_request {
    uint64_t id;
    uint8_t public_key[DSB_KEY_BYTES];
};

// Takes up to 8 requests that were not taken before, in turn; returns how many. Each is to be answered once, whenever.
size_t bus_dh_take(struct bus *bus, struct bus_dh_request requests[static BUS_DH_BATCH_MAX])
    __attribute__((warn_unused_result));

// The result, 32 bytes, or NULL when the holder of the key failed: that handshake ends. A stale id is dropped. The
// caller wipes its copy.
void bus_dh_result(struct bus *bus, uint64_t now_ms, uint64_t id, const uint8_t *secret);

// ---- What the shell is to do -----------------------------------------------------------------------------------

enum bus_action_type {
    BUS_DIAL, // connect to `address`; report bus_connected or bus_connect_failed
    BUS_OUTPUT, // bus_output has bytes. Given once; when not all could be sent, call bus_writable later
    BUS_CLOSE, // close the connection (orderly, so that what was sent still arrives); the id is now unknown
    BUS_DATAGRAM, // send `data` from the discovery socket, port ANNOUNCE_PORT, to `to` (UNICAST: to `address`)
};

enum bus_datagram_to { BUS_MULTICAST, BUS_BROADCAST, BUS_UNICAST };

struct bus_action {
    enum bus_action_type type;
    uint32_t connection;
    struct net_address
        address; // BUS_DIAL; BUS_DATAGRAM with BUS_UNICAST: its port is ANNOUNCE_PORT
    enum bus_datagram_to to;
    const uint8_t *data; // valid until the next call on the bus
    size_t data_len;
};

// The next thing to do, in the order in which it became due; false when there is nothing.
bool bus_next_action(struct bus *bus, uint64_t now_ms, struct bus_action *action)
    __attribute__((warn_unused_result));

// The next event, in the order in which they happened; false when there is none.
bool bus_next_event(struct bus *bus, struct bus_event *event) __attribute__((warn_unused_result));

// ---- Sessions ----------------------------------------------------------------------------------------------------

// The established session with a peer in which we have this role; 0: none.
uint32_t bus_session(const struct bus *bus, uint16_t index, enum session_role role);

// The peer of an established session, or PEER_NONE.
uint16_t bus_connection_peer(const struct bus *bus, uint32_t connection);

// Queues a PING; returns its number in this session, never 0, which BUS_PONGED brings back. 0 if the session is not
// up or 4 are unanswered.
uint32_t bus_ping(struct bus *bus, uint64_t now_ms, uint32_t connection)
    __attribute__((warn_unused_result));

// The same with at least `bytes` bytes in all, to learn whether large packets get there: see session_ping_large.
uint32_t bus_ping_large(struct bus *bus, uint64_t now_ms, uint32_t connection, size_t bytes)
    __attribute__((warn_unused_result));

// ---- Streams: dsoftbus/stream.h says how they behave ------------------------------------------------------------
//
// All of them answer STREAM_UNKNOWN for a handle that names nothing, and change nothing on an error.

// Opens a stream to a service of the peer, over this established session (bus_session gives its id; bus_peer_dial
// makes one). The handle is in *stream. News tell when the peer has accepted (CONNECTED) or refused (GONE, CLOSED).
enum stream_error bus_stream_open(struct bus *bus, uint64_t now_ms, uint32_t *stream,
                                  uint32_t connection, const char *service, size_t service_len)
    __attribute__((warn_unused_result));

// Accepts an offered stream. STREAM_STATE if it is not an offered one.
enum stream_error bus_stream_accept(struct bus *bus, uint64_t now_ms, uint32_t stream)
    __attribute__((warn_unused_result));

// Copies received bytes: *len, 1..size of them. Else STREAM_WOULD_BLOCK, STREAM_END, STREAM_CLOSED,
// STREAM_DISCONNECTED or STREAM_STATE, and *len is 0.
enum stream_error bus_stream_read(struct bus *bus, uint64_t now_ms, uint32_t stream, uint8_t *out,
                                  size_t size, size_t *len) __attribute__((warn_unused_result));

// The same without the copy: *bytes are the next *len received bytes, where they lie. That may be fewer than there are:
// the buffer is a ring. Valid until the next call on the bus. Errors as bus_stream_read; *bytes is NULL then.
enum stream_error bus_stream_peek(struct bus *bus, uint32_t stream, const uint8_t **bytes,
                                  size_t *len) __attribute__((warn_unused_result));

// `len` of the bytes that bus_stream_peek showed are done with; their room is offered to the peer again.
void bus_stream_consume(struct bus *bus, uint64_t now_ms, uint32_t stream, size_t len);

// Encrypts and queues up to len bytes; *taken says how many, at least 1 with STREAM_OK unless len is 0. The bytes may
// lie in memory that others can write. STREAM_WOULD_BLOCK, STREAM_FINISHED, STREAM_CLOSED, STREAM_DISCONNECTED;
// STREAM_STATE for an offered stream. A stream that is not accepted yet would block.
enum stream_error bus_stream_write(struct bus *bus, uint64_t now_ms, uint32_t stream,
                                   const uint8_t *data, size_t len, size_t *taken)
    __attribute__((warn_unused_result));

// We write no more; what was written still arrives. STREAM_FINISHED the second time, STREAM_STATE for an offered
// stream.
enum stream_error bus_stream_finish(struct bus *bus, uint64_t now_ms, uint32_t stream)
    __attribute__((warn_unused_result));

// Gives the handle back; unknown handles are ignored. If the stream is not over, the peer is told the reason. For an
// offered stream this is the refusal: BYE_NOT_PERMITTED, BYE_NO_SUCH_SERVICE, BYE_LIMIT. What was written before still
// arrives. Unread bytes are dropped.
void bus_stream_close(struct bus *bus, uint64_t now_ms, uint32_t stream, enum bye_reason reason);

// What is true of it now; false (and *status is zero) for an unknown handle.
bool bus_stream_status(const struct bus *bus, uint32_t stream, struct stream_status *status);

// A number of the owner's, given back in every status; 0 before.
void bus_stream_set_tag(struct bus *bus, uint32_t stream, uint32_t tag);

// The next stream to which something has happened since it was last given out, and what is true of it now; false when
// there is none.
bool bus_next_stream(struct bus *bus, uint32_t *stream, struct stream_status *status)
    __attribute__((warn_unused_result));

// ---- Pairing: two people compare a code ------------------------------------------------------------------------
//
// One side arms, the other starts, each by the hand of its user. They complete the handshake without trust, exchange
// nonces behind a commitment, and each reports BUS_PAIR_CODE with the six digits and with the other's id and key; then
// the connection ends. If both users see the same digits, nobody stands between them (an attacker has one guess in a
// million for each attempt), and each side's shell may pin what the event said: bus_peer_add. The bus pins nothing.

// The next device that is not a trusted peer and completes a handshake within 60 s is taken for the pairing partner:
// one attempt, good or bad, and the node is no longer armed. The end is BUS_PAIR_CODE or BUS_PAIR_FAILED
// (REASON_PAIR_TIMEOUT when nobody came). Arming again starts the 60 s anew.
void bus_pair_arm(struct bus *bus, uint64_t now_ms);

// Starts an attempt with the device that says that it has this id and this key (from its announce, a file or a QR
// code), at this address. BUS_ERR_NAME for no id or no address; BUS_ERR_PAIRING while another attempt of ours is on;
// BUS_ERR_DUPLICATE when the id or the key is that of a listed peer without the other, or our own; BUS_ERR_FULL when there
// is no connection free.
enum bus_error bus_pair_start(struct bus *bus, uint64_t now_ms, const struct device_id *id,
                              const uint8_t key[static DSB_KEY_BYTES],
                              const struct net_address *address)
    __attribute__((warn_unused_result));

// Disarms, and ends attempts that are on: BUS_PAIR_FAILED, REASON_CLOSED.
void bus_pair_cancel(struct bus *bus, uint64_t now_ms);

// ---- Ends ------------------------------------------------------------------------------------------------------

// Ends a connection from this side (BYE 0 when it is established). A peer marked `dial` is dialled again later.
void bus_close(struct bus *bus, uint64_t now_ms, uint32_t connection);

// Ends all sessions with BYE 6, accepts and dials no more. Go on with actions until bus_counts has no connections.
void bus_shutdown(struct bus *bus, uint64_t now_ms);

// Levels and totals, for tests, logs and status.
struct bus_counts bus_counts(const struct bus *bus);

#endif
