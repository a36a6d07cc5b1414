// SPDX-License-Identifier: Apache-2.0
// The simulator: nodes of dsoftbus/ over a network and clocks that exist in memory only, faults and attackers by a
// seed, and invariants that are checked after each step.
//
// Everything that happens follows from the seed: one event is taken from the queue, at most one node is called, what it
// wants done is done, and then the invariants are checked. Only the cryptography, the session, the bus and their tables
// are the real ones; sockets, TCP, clocks, applications and attackers are the simulator's.
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dsoftbus/bus.h"
#include "dsoftbus/bus_internal.h"
#include "noise/rng.h"

enum {
    NODES_MAX = 4,
    // Whoever holds a key: the nodes, and attackers with keys of their own.
    OWNER_STRANGER = NODES_MAX, // nobody lists it
    OWNER_ROGUE,                // listed and trusted, and breaks the rules
    OWNER_REVOKED,              // listed as revoked
    OWNERS,
    OWNER_NONE = 0xff,

    NODE_PEERS = NODES_MAX - 1 + 2,
    NODE_SESSIONS = 2 * NODES_MAX + 2,
    NODE_HALF_OPEN = 24,
    NODE_CONNECTIONS = BUS_CONNECTIONS(NODE_HALF_OPEN, NODE_SESSIONS),
    NODE_SOURCES = NODE_HALF_OPEN + 8,
    NODE_DEVICES = 8,
    NODE_DEVICES_RESERVED = 4,
    NODE_STREAMS = 10,
    NODE_STREAMS_PER_SESSION = 3,
    NODE_STREAM_BUFFER_MAX = 4096,
    NODE_RECORD_MAX = 2048,
    NODE_EVENTS = 64,

    PIPES_MAX = 192,
    PIPE_BYTES = 8192,
    PIPE_RECORDED = 448, // the beginning of what went each way, for attackers
    FLOWS_MAX = 1024,
    HANDSHAKES_MAX = 8192,
    SEALS_MAX = 1 << 20,
    QUEUE_MAX = 2048,
    DATAGRAMS_MAX = 96,
    DATAGRAM_BYTES = 256,
    DH_MAX = 64,
    FOES_MAX = 6,
    RECORDINGS_MAX = 8,
    PROBES_MAX = NODES_MAX * NODES_MAX,
};

// ---- What is checked, and what is done to the nodes ---------------------------------------------------------

#define SIM_INVARIANTS(X)                                                                          \
    X(PEER, "peer", "a session is with the holder of the peer's key, and the peer is trusted")     \
    X(DATA, "data", "bytes of a stream arrive as they were sent, in order, once")                  \
    X(END, "end", "end of stream is reported only when the sender has ended it")                   \
    X(NONCE, "nonce", "no nonce is used twice with a key")                                         \
    X(LIMITS, "limits", "tables stay within their limits, and what they count is there")           \
    X(TIMEOUTS, "timeouts", "a handshake ends after 10 s, a silent session after 45 s")            \
    X(EVENTS, "events", "events and actions come in a legal order")                                \
    X(CLOCK, "clock", "time never goes back, and nothing stays due")                               \
    X(DIAL, "dial", "a peer is not dialled again within the back-off")                             \
    X(TRUST, "trust", "nothing from outside changes a trusted id or key")                          \
    X(AMPLIFY, "amplify", "the unauthenticated get no more bytes than they sent")                  \
    X(RULES, "rules", "who breaks the rules loses the session, and nobody else does")              \
    X(CONVERGENCE, "convergence", "after the faults every trusted pair has a working session")     \
    X(IDLE, "idle", "after the end every table and all memory is given back")                      \
    X(CRASH, "crash", "the product does not stop by itself")                                       \
    X(REPEAT, "repeat", "a seed runs the same way twice")                                          \
    X(HARNESS, "harness", "the simulator's own tables suffice")

#define SIM_FAULTS(X)                                                                              \
    X(DATAGRAM_LOST, "datagrams lost")                                                             \
    X(DATAGRAM_REPEATED, "datagrams repeated")                                                     \
    X(BROKEN, "connections broken")                                                                \
    X(STALLED, "connections stalled")                                                              \
    X(PIECES, "connections in small pieces")                                                       \
    X(PARTITION, "partitions")                                                                     \
    X(RESTART_NOTICED, "restarts noticed")                                                         \
    X(RESTART_SILENT, "restarts not noticed")                                                      \
    X(SHUTDOWN, "orderly restarts")                                                                \
    X(CLOSED, "sessions closed by the owner")                                                      \
    X(CLOCK_FORWARD, "clocks forward")                                                             \
    X(CLOCK_BACK, "clocks back")                                                                   \
    X(DAMAGED, "bytes damaged")                                                                    \
    X(DROPPED, "bytes dropped")                                                                    \
    X(REPEATED, "bytes repeated")                                                                  \
    X(INSERTED, "bytes inserted")                                                                  \
    X(DH_FAILED, "key holder failed")                                                              \
    X(RANDOM_FAILED, "randomness failed")                                                          \
    X(SERVICE_CHANGED, "services withdrawn")                                                       \
    X(TRUST_CHANGED, "peers revoked")                                                              \
    X(FORGED_ANNOUNCE, "announces forged")                                                         \
    X(REPLAYED, "handshakes replayed")                                                             \
    X(ANSWER_REPLAYED, "answers replayed")                                                         \
    X(WRONG_KEY, "wrong keys")                                                                     \
    X(WRONG_ID, "wrong ids")                                                                       \
    X(UNKNOWN, "unknown devices")                                                                  \
    X(REVOKED, "revoked devices")                                                                  \
    X(GARBAGE, "garbage connections")                                                              \
    X(FLOOD, "half-open connections")                                                              \
    X(RELAYED, "sessions through a relay")                                                         \
    X(REFLECTED, "reflected connections")                                                          \
    X(RULE_BROKEN, "rules broken")

#define SIM_ENUM_INVARIANT(name, text, meaning) INVARIANT_##name,
#define SIM_ENUM_FAULT(name, text)              FAULT_##name,
enum invariant { SIM_INVARIANTS(SIM_ENUM_INVARIANT) INVARIANTS };
enum fault { SIM_FAULTS(SIM_ENUM_FAULT) FAULTS };

struct sim_totals {
    uint64_t seeds, steps, sessions, streams, bytes, simulated_ms, pings, seals, replaced,
        converged_ms_max;
    uint64_t faults[FAULTS];
};

// ---- Events -------------------------------------------------------------------------------------------------

enum event_type {
    EVENT_TICK,
    EVENT_CONNECT,   // pipe: the SYN arrives
    EVENT_CONNECTED, // pipe: its answer
    EVENT_REFUSED,
    EVENT_DELIVER, // pipe and direction
    EVENT_DATAGRAM,
    EVENT_DH,
    EVENT_APP,
    EVENT_BOOT,
    EVENT_FAULT,
    EVENT_FOE,
};

struct event {
    uint64_t at_ms, order;
    enum event_type type;
    uint16_t index; // of what it is for
    uint16_t side;
    uint32_t serial; // which one of those that have had this index
};

// ---- Connections --------------------------------------------------------------------------------------------

enum end_kind { END_NONE, END_NODE, END_FOE, END_MUTE };

struct pipe_end {
    enum end_kind kind;
    bool open;
    uint16_t index;      // node or foe
    uint32_t boot;       // of the node; of the foe its serial
    uint32_t connection; // of the node
};

enum tamper { TAMPER_NONE, TAMPER_DAMAGE, TAMPER_DROP, TAMPER_REPEAT, TAMPER_INSERT };

// One direction: bytes on their way, from ends[i] to the other.
struct direction {
    uint32_t first, len, cap;
    bool fin, blocked, scheduled;
    uint64_t stalled_until_ms;
    uint64_t taken, delivered; // bytes ever
    enum tamper tamper;
    uint16_t recorded_len;
    uint8_t recorded[PIPE_RECORDED];
    uint8_t bytes[PIPE_BYTES];
};

struct pipe {
    bool used, connected, silent; // silent: who is gone does not answer with a reset
    uint32_t serial;
    uint16_t piece_max, latency_ms;
    struct net_address to;
    struct pipe_end ends[2];
    // RULES: after so many bytes from ends[0] the session of ends[1] is over; 0: no. It may need a place for a stream.
    uint64_t must_end_at;
    bool needs_stream, whole; // whole: all that is there arrives at once
    struct direction dirs[2];
};

// ---- Nodes --------------------------------------------------------------------------------------------------

// A connection as its node has told about it.
struct wire {
    uint32_t id;   // 0: never used
    uint16_t pipe; // PIPES_MAX: none
    bool closed, inbound, dialled, connected, bound, established, ended;
    uint16_t peer;
    uint64_t bytes_in, bytes_out; // before it was established
    uint16_t noted;               // check_session
    uint64_t since_ms;            // accepted, dialled, or connected, by the bus's clock
};

// A stream as its application has it.
struct app_stream {
    uint32_t handle; // 0: free
    uint16_t flow;   // FLOWS_MAX: not known yet
    uint16_t probe;  // PROBES_MAX: none
    bool ours, accepted, finished, read_end;
    uint32_t to_write;
    bool will_close, slow;
    bool may_read, may_write; // it has been told so, and has not been refused since
};

struct node {
    struct bus bus;
    struct bus_config config;
    struct bus_tables tables;
    struct rng rng;
    struct sim *sim;
    uint16_t index;
    bool up, touched, in_place, random_fails;
    bool offers; // its service is registered
    uint32_t boot;
    int64_t offset_ms;      // of its clock
    uint64_t clock_high_ms; // the latest time it was ever told, in this boot
    uint64_t tick_at_ms;    // simulated time
    uint8_t group;          // of the partition
    uint8_t secret[32], public_key[32];
    struct net_address host;
    uint8_t peer_owner[NODE_PEERS];
    uint8_t peer_trust[NODE_PEERS];
    bool peer_dial[NODE_PEERS], peer_configured[NODE_PEERS], peer_wrong[NODE_PEERS];
    uint64_t dialled_ms[NODE_PEERS]; // by the bus's clock; TIME_NEVER: not yet
    uint16_t peer_count;
    uint16_t withdrawn;   // how often it has revoked one since it started
    uint32_t delivering;  // the connection on which bytes arrive
    uint16_t lost_others; // sessions that ended meanwhile, other than by replacement
    struct wire wires[NODE_CONNECTIONS];
    struct app_stream apps[NODE_STREAMS];
    // Memory of the bus.
    struct peer peers[NODE_PEERS];
    struct device devices[NODE_DEVICES];
    struct source sources[NODE_SOURCES];
    struct connection connections[NODE_CONNECTIONS];
    struct bus_event events[NODE_EVENTS];
    struct stream streams[NODE_STREAMS];
    _Alignas(64) uint8_t records[NODE_SESSIONS * SESSION_RECORD_BYTES(NODE_RECORD_MAX)];
    _Alignas(64) uint8_t stream_buffers[NODE_STREAMS * NODE_STREAM_BUFFER_MAX];
    _Alignas(64) uint8_t outputs[BUS_OUTPUTS(NODE_SESSIONS) * BUS_OUTPUT_BYTES(NODE_RECORD_MAX, 2)];
};

// ---- Attackers ----------------------------------------------------------------------------------------------

enum foe_kind {
    FOE_NONE,
    FOE_REPLAY,     // sends what an initiator once sent
    FOE_ANSWER,     // answers with what a responder once answered
    FOE_CALLER,     // a handshake with a key and an id of its choice
    FOE_RULES,      // the same with the key of a trusted peer, and then a rule is broken
    FOE_GARBAGE,    // random bytes, as caller or called
    FOE_SILENT,     // called; says nothing
    FOE_WRONG_KEY,  // called; has another key
    FOE_RELAY,      // called; passes everything on to the peer that was meant
    FOE_REFLECTION, // called; passes everything back to the caller
};

struct foe {
    enum foe_kind kind;
    uint32_t serial;
    uint16_t pipe, pipe_2; // PIPES_MAX: none
    uint8_t end;           // which of the pipe's ends
    uint8_t owner;         // whose key it has
    uint16_t meant;        // the node that was meant by whoever calls
    uint16_t rule;
    uint16_t recording;
    uint16_t flushed, noted;
    uint64_t heard;
    bool has_session, broken;
    struct session session;
    struct session_config config;
    struct session_memory memory;
    struct rng rng;
    struct stream streams[2];
    _Alignas(64) uint8_t input[SESSION_RECORD_BYTES(NODE_RECORD_MAX)];
    _Alignas(64) uint8_t output[SESSION_OUTPUT_BYTES(NODE_RECORD_MAX, 2)];
    _Alignas(64) uint8_t buffers[2 * STREAM_BUFFER_BYTES_MIN];
};

// What once went over a connection, up to where it was established.
struct recording {
    uint16_t node; // that was called
    uint16_t len[2];
    uint8_t bytes[2][PIPE_RECORDED];
};

// ---- What is true -------------------------------------------------------------------------------------------

// Who has computed this handshake hash, in each role.
struct handshake {
    uint8_t hash[DSB_HASH_BYTES];
    uint8_t owner[2];    // OWNER_NONE: nobody yet
    bool established[2]; // as a node of the bus has reported it
};

// One stream: what each side has written, and what the other has read of it.
struct flow {
    uint16_t handshake, id;
    struct flow_side {
        uint64_t written, read;
        bool finished, read_end;
    } sides[2]; // by the role of the writer
};

struct dh_job {
    bool used;
    uint16_t node;
    uint32_t boot;
    struct bus_dh_request request;
};

struct datagram {
    bool used;
    uint16_t node;
    struct net_address from;
    size_t len;
    uint8_t bytes[DATAGRAM_BYTES];
};

// A pair that has to have a working session in the end.
struct probe {
    uint16_t node, peer;
    uint16_t other;
    bool pinged, done;
    uint32_t connection, ping, stream; // on which it is being tried
    uint64_t again_ms;                 // not before
};

struct sim {
    uint64_t seed, random, now_ms, order, steps, digest;
    bool trace, failed;
    enum invariant broken;
    char why[256];
    struct sim_totals *totals;

    // The plan of this seed.
    uint16_t node_count;
    uint64_t faults_end_ms;
    bool quiet, aging, over; // no more faults; a day goes by; nothing more at all
    uint32_t loss_percent, repeat_percent, dh_fail_permille;
    uint16_t latency_max_ms;
    uint64_t partition_until_ms;
    uint16_t session_places;
    bool starved; // fewer places than sessions are wanted: no convergence is asked for

    struct event queue[QUEUE_MAX];
    size_t queue_len;
    struct node nodes[NODES_MAX];
    uint8_t secrets[OWNERS][32], keys[OWNERS][32];
    struct pipe pipes[PIPES_MAX];
    uint32_t serial;
    struct foe foes[FOES_MAX];
    struct datagram datagrams[DATAGRAMS_MAX];
    struct dh_job dh_jobs[DH_MAX];
    struct recording recordings[RECORDINGS_MAX];
    size_t recording_count;
    struct handshake handshakes[HANDSHAKES_MAX];
    size_t handshake_count;
    struct flow flows[FLOWS_MAX];
    size_t flow_count;
    uint64_t seals[SEALS_MAX];     // hashes of (key, nonce)
    uint32_t seal_runs[SEALS_MAX]; // of which run
    uint32_t run;
    size_t seal_count;
    struct probe probes[PROBES_MAX];
    size_t probe_count;
};

// ---- sim.c: randomness, the queue, one seed from beginning to end ---------------------------------------------

extern const char *const sim_invariant_names[INVARIANTS];
extern const char *const sim_fault_names[FAULTS];

uint64_t sim_mix(uint64_t x);
uint64_t sim_random(struct sim *sim);
uint32_t sim_below(struct sim *sim, uint32_t limit); // 0..limit - 1
bool sim_chance(struct sim *sim, uint32_t percent);
void sim_random_bytes(struct sim *sim, uint8_t *out, size_t len);

void sim_schedule(struct sim *sim, uint64_t delay_ms, enum event_type type, uint16_t index,
                  uint16_t side, uint32_t serial);
void sim_count(struct sim *sim, enum fault fault);
void sim_violation(struct sim *sim, enum invariant invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void sim_say(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

// True if nothing was violated; else sim->broken and sim->why say what was.
bool sim_run(struct sim *sim, uint64_t seed, bool trace, struct sim_totals *totals);

// ---- net.c ----------------------------------------------------------------------------------------------------

struct pipe *net_open(struct sim *sim, const struct net_address *to); // NULL: none left
size_t net_send(struct sim *sim, struct pipe *p, unsigned side, const uint8_t *bytes, size_t len);
void net_close(struct sim *sim, struct pipe *p, unsigned side); // this end goes, in order
void net_reset(struct sim *sim, struct pipe *p);                // both ends go
void net_vanish(struct pipe *p, unsigned side);                 // it is not there any more
void net_connect(struct sim *sim, struct pipe *p);
void net_connected(struct sim *sim, struct pipe *p, bool refused);
void net_deliver(struct sim *sim, struct pipe *p, unsigned side);
void net_datagram(struct sim *sim, uint16_t node, const struct net_address *from,
                  const uint8_t *bytes, size_t len);
void net_calm(struct sim *sim);
bool net_separated(const struct sim *sim, const struct pipe *p);
uint16_t net_pipe_index(const struct sim *sim, const struct pipe *p);
struct net_address net_node_address(uint16_t node);
struct net_address net_foe_address(uint16_t foe, uint16_t port);

// ---- node.c ---------------------------------------------------------------------------------------------------

uint64_t node_clock(struct node *n); // what its clock says; it is going to be called
void node_prepare(struct sim *sim, uint16_t index);
void node_boot(struct node *n);
void node_stop(struct node *n, bool silent);
void node_settle(struct node *n); // does what it wants done, until it wants nothing more
struct wire *node_wire(struct node *n, uint32_t connection);
void node_accept(struct node *n, struct pipe *p, const struct net_address *from);
void node_deliver(struct node *n, uint32_t connection, const uint8_t *bytes, size_t len);
void node_answer_dh(struct sim *sim, struct dh_job *job);

// ---- traffic.c ------------------------------------------------------------------------------------------------

void traffic_news(struct node *n, uint32_t stream, const struct stream_status *status);
void traffic_step(struct node *n);
void traffic_close_all(struct node *n);
void traffic_offer(struct node *n, bool offers);
void traffic_ponged(struct node *n, const struct bus_event *event);
void traffic_want_probes(struct sim *sim);
bool traffic_converged(const struct sim *sim);

// ---- foes.c, rules.c ------------------------------------------------------------------------------------------

void foe_called(struct sim *sim, struct pipe *p); // somebody has dialled an attacker's address
void foe_heard(struct sim *sim, struct foe *f, struct pipe *p, const uint8_t *bytes, size_t len);
void foe_gone(struct sim *sim, struct foe *f, struct pipe *p);
void foe_flush(struct sim *sim, struct foe *f);
void foe_end(struct sim *sim, struct foe *f);
void foe_call(struct sim *sim, enum fault fault);
void foe_flood(struct sim *sim);
void foe_announce(struct sim *sim);
void foe_record(struct sim *sim, const struct pipe *p, uint16_t node);
// Breaks rule f->rule over the established session, and says in the pipe whether that has to end of it.
void rules_break(struct sim *sim, struct foe *f);
uint16_t rules_count(void);

// ---- faults.c -------------------------------------------------------------------------------------------------

void fault_next(struct sim *sim);
void faults_stop(struct sim *sim);

// ---- checks.c -------------------------------------------------------------------------------------------------

void check_node(struct node *n);
void check_idle(struct node *n);
void check_event(struct node *n, const struct bus_event *event);
void check_ticked(struct node *n);
uint16_t check_handshake(struct sim *sim, const uint8_t hash[static DSB_HASH_BYTES]);
// Notes whose hash this is; *noted is where, + 1, once it is.
void check_session(struct sim *sim, uint16_t *noted, uint8_t owner, const struct session *s);
void check_watch_seals(struct sim *sim); // NULL: nobody

#endif
