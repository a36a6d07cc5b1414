// SPDX-License-Identifier: Apache-2.0
// Every limit of the protocol core, each with its reason. Sizes fixed by the wire format are here too.
#ifndef DSOFTBUS_LIMITS_H
#define DSOFTBUS_LIMITS_H

#include <stdint.h>

#define TIME_NEVER UINT64_MAX // a deadline that never comes

enum {
    // ---- Fixed by the wire format ----------------------------------------------------------------------

    DSB_VERSION = 1,
    DSB_KEY_BYTES = 32,
    DSB_HASH_BYTES = 32,
    DSB_TAG_BYTES = 16,
    DEVICE_ID_BYTES_MAX = 64,
    SERVICE_NAME_BYTES_MAX = 64,
    ANNOUNCE_SERVICES_MAX = 16,
    RECORD_HEADER_BYTES = 4,
    RECORD_PLAINTEXT_BYTES_MIN = 512,   // what a peer may at least be sent
    RECORD_PLAINTEXT_BYTES_MAX = 65519, // a Noise message (65535) less its tag
    HANDSHAKE_MESSAGE_BYTES_MAX =
        320, // message 3 with every TLV, and room for ones of a later version
    PING_TOKEN_BYTES = 8,

    // ---- Time ------------------------------------------------------------------------------------------

    // A handshake is three small messages: 10 s outlasts three lost segments at lwIP's 1 s first time-out
    // (1 + 2 + 4 s), and 64 places held by stallers turn over within it.
    HANDSHAKE_TIMEOUT_MS = 10000,
    // The same for a TCP connect that nobody answers.
    CONNECT_TIMEOUT_MS = 10000,
    // Three unanswered probes, 15 s apart, before a silent session is declared lost.
    PING_SILENCE_MS = 15000,
    LOST_SILENCE_MS = 45000,
    // What was queued before a close (a BYE of 23 bytes, say) may take this long to leave; then it is dropped.
    LINGER_MS = 2000,
    // Redial: quick enough for a peer that restarts, slow enough that a thousand dead peers cost nothing.
    DIAL_BACKOFF_FIRST_MS = 1000,
    DIAL_BACKOFF_MAX_MS = 60000,
    // Multicast is shared: never more than one announce per second, whatever changes here.
    ANNOUNCE_INTERVAL_MIN_MS = 1000,
    // The first ones follow each other at that interval, as RFC 6762 8.3 has it: whoever comes up at the same time may miss
    // one, a bad link loses some, and the next would be a third of the ttl away.
    ANNOUNCE_BURST = 3,
    ANNOUNCE_TTL_DEFAULT_S = 60, // an announce without a trailer
    ANNOUNCE_TTL_MIN_S = 3,      // three announces within a ttl, at one per second
    ANNOUNCE_TTL_MAX_S = 3600,

    // A session is replaced by a new handshake, with fresh ephemeral keys, after this time: rekeying alone is a forward
    // ratchet, and whoever has once seen a key could follow it for ever.
    SESSION_LIFE_MS = 24 * 60 * 60 * 1000,
    // Streams that are open then get this long to end by themselves; and a session that its initiator
    // does not replace is ended after twice this time.
    SESSION_LIFE_GRACE_MS = 10 * 60 * 1000,
    // Two people need time to walk to the other device and press a button; an open door should not stay open.
    PAIR_WINDOW_MS = 60000,

    // ---- One session -----------------------------------------------------------------------------------

    // Unanswered PINGs. So at most four PONGs wait to be sent: a fifth proves that the peer broke the rule.
    PINGS_UNANSWERED_MAX = 4,
    // A sender changes its key before the next record after so many records or so long: what one key opens stays
    // small, and on an idle session nothing is sent for it.
    REKEY_RECORDS = 1 << 20,
    REKEY_MS = 120000,
    // Records under one key before its receiver ends the session. WIRE: twice what a sender that rekeys uses.
    RECORDS_PER_KEY_MAX = 1 << 21,
    // Room in the output area that DATA leaves to the records that must not wait behind it.
    OUTPUT_RESERVE_BYTES = 512,
    // A stream's receive buffer: credit comes back in halves of it, and a half should hold a sensible record.
    STREAM_BUFFER_BYTES_MIN = 1024,
    // Numbers on the wire are 16 bits, and each side has those of one parity.
    STREAM_ID_MAX = 65535,

    // ---- Half-open handshakes: what the unauthenticated can hold --------------------------------------

    // State of one connection, the resumable handshake included. 64 of them are 64 KiB.
    HALF_OPEN_BYTES_MAX = 1024,
    // Of one source address: a NAT with a few devices gets through, one attacker cannot fill the table.
    HALF_OPEN_PER_SOURCE_MAX = 8,
    // Kept for addresses at which a trusted peer is configured or has authenticated before.
    HALF_OPEN_RESERVED = 8,

    // ---- Failures: a token bucket per source address ---------------------------------------------------

    // Each accept takes a token, each completed handshake gives it back; a failure keeps it, and without a
    // token a connection is closed at accept, before any Diffie-Hellman. The burst is twice what one source
    // may have half open, so that a restarting peer and a bad one behind the same NAT do not meet the limit.
    // One token returns each 250 ms: a source costs at most 4 Diffie-Hellman operations per second, and
    // however many failures came before (10,000 or more; the bucket does not go below empty), the next good
    // connection is served after 250 ms, far within 10 s.
    FAILURE_BURST = 16,
    FAILURE_REFILL_MS = 250,

    // ---- Tables: what the OS uses and what Linux uses --------------------------------------------------

    OS_PEERS_MAX = 16,              // a manifest of provisioned peers
    OS_SESSIONS_MAX = 16,           // record buffers; a peer has at most one each way
    OS_DEVICES_MAX = 16,            // discovered, trusted or not
    OS_DEVICES_RESERVED = 8,        // of those, places that only trusted devices take
    OS_HALF_OPEN_MAX = 64,          // 10 s each: 6 new ones per second without any eviction
    OS_SOURCES_MAX = 80,            // one per half-open source, and 16 that only have failed
    OS_EVENTS_MAX = 32,             // one pass of the daemon's loop makes a handful
    OS_RECORD_PLAINTEXT = 4096,     // a page of data per record
    OS_STREAMS_MAX = 32,            // two for each session
    OS_STREAMS_PER_SESSION = 8,     // one peer cannot take them all
    OS_STREAM_BUFFER_BYTES = 16384, // as much as TCP has in flight on a link of a few ms
    OS_OUTPUT_RECORDS = 3,          // one leaves, one waits, one is being written
    LINUX_PEERS_MAX = 4096,
    LINUX_SESSIONS_MAX = 1024,
    LINUX_DEVICES_MAX = 256,
    LINUX_DEVICES_RESERVED = 128,
    LINUX_HALF_OPEN_MAX = 1024,
    LINUX_SOURCES_MAX = 4096,
    LINUX_EVENTS_MAX = 256,
    LINUX_RECORD_PLAINTEXT = 65519,
    // Memory of streams and output areas is touched only while it is used, so these cost address space.
    LINUX_STREAMS_MAX = 4096,
    LINUX_STREAMS_PER_SESSION = 256,
    LINUX_STREAM_BUFFER_BYTES = 262144, // four full records, 1 Gbit/s over 2 ms
    LINUX_OUTPUT_RECORDS = 4,

    // Connections that are told to close keep their place until the shell has closed them.
    CONNECTIONS_CLOSING_MAX = 8,
    CONNECTIONS_MAX = 65535, // a connection id is slot + 1 in 16 bits, and 16 bits of generation
};

#endif
