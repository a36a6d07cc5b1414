// SPDX-License-Identifier: Apache-2.0
// The node's event loop, and the roles that it plays honestly.
#include "services/selftest-client/node.h"

#include "dsoftbus/announce.h"
#include "noise/ct.h"
#include "selftest-client_caps.h"
#include "services/lib/keystore.h"
#include "services/lib/string.h"

enum { LISTEN_BACKLOG = 4, ANNOUNCE_TTL_S = 60, ANNOUNCE_EVERY_MS = 1500, DH_DEADLINE_MS = 2000 };

static struct net_sockaddr local(uint16_t port)
{
    return net_ipv4(127, 0, 0, 1, port);
}

// ---- Start -----------------------------------------------------------------------------------------------------

static const char *take_identity(struct node *node)
{
    struct keystore_identity own;
    struct keystore_peer peer;
    uint8_t seed[RNG_SEED_LEN];
    if (keystore_seed(seed, HANDLE_CALL_KEYSTORED) != KEYSTORE_OK) {
        return "no seed";
    }
    rng_seed(&node->rng, seed);
    ct_wipe(seed, sizeof seed);
    if (keystore_identity(&own, HANDLE_CALL_KEYSTORED) != KEYSTORE_OK ||
        !device_id_set(&node->config.id, own.id, own.id_len)) {
        return "no identity";
    }
    if (keystore_peer(&peer, HANDLE_CALL_KEYSTORED, 0) != KEYSTORE_OK ||
        !device_id_set(&node->peer_id, peer.id, peer.id_len)) {
        return "no peer";
    }
    memcpy(node->config.static_public, own.public_key, DSB_KEY_BYTES);
    memcpy(node->peer_key, peer.public_key, DSB_KEY_BYTES);
    node->config.record_plaintext_max = RECORD_BYTES;
    pool_init(&node->memory.inputs, node->records[0], sizeof node->records[0], 2);
    node->config.memory = &node->memory;
    node->config.random = rng_random;
    node->config.random_ctx = &node->rng;
    node->port = own.port;
    node->peer_port =
        peer.has_address ? peer.port : 34567; // WIRE section 2: the port of a single node
    return NULL;
}

const char *node_open(struct node *node)
{
    const char *why = take_identity(node);
    if (why != NULL) {
        return why;
    }
    if (net_open(&node->net, HANDLE_CALL_NETSTACKD, HANDLE_MEMORY_NET_SELFTEST) != NET_OK ||
        net_udp_bind(&node->udp, &node->net, 0) != NET_OK) {
        return "no network";
    }
    return NULL;
}

const char *node_listen(struct node *node, uint16_t port, bool raw)
{
    struct net_sockaddr address;
    if (node->listener != 0) {
        net_close(&node->net, node->listener);
    }
    node->listener = 0;
    node->accept_raw = raw;
    if (net_tcp_listen(&node->listener, &node->net, port, LISTEN_BACKLOG) != NET_OK) {
        return "cannot listen";
    }
    if (net_local_addr(&address, &node->net, node->listener) != NET_OK || address.port != port) {
        return "listens elsewhere";
    }
    return NULL;
}

const char *node_announce(struct node *node, uint16_t port)
{
    static const uint8_t boot_id[ANNOUNCE_BOOT_ID_BYTES] = "selftest";
    static struct announce announce;
    uint8_t datagram[ANNOUNCE_BYTES_MAX];
    size_t len;
    announce = (struct announce){.id = node->config.id,
                                 .port = port,
                                 .has_trailer = true,
                                 .seq = ++node->announce_seq,
                                 .ttl_s = ANNOUNCE_TTL_S};
    memcpy(announce.static_key, node->config.static_public, DSB_KEY_BYTES);
    memcpy(announce.boot_id, boot_id, sizeof boot_id);
    struct net_sockaddr to = local(ANNOUNCE_PORT);
    if (announce_encode(datagram, sizeof datagram, &len, &announce) != ANNOUNCE_OK ||
        net_udp_send_to(&node->net, node->udp, &to, datagram, (uint32_t)len) != NET_OK) {
        return "announce not sent";
    }
    return NULL;
}

// ---- A connection ------------------------------------------------------------------------------------------------

static void channel_reset(struct channel *channel)
{
    session_wipe(&channel->session);
    ct_wipe(channel, sizeof *channel);
}

const char *channel_send(struct node *node, struct channel *channel, const uint8_t *bytes,
                         size_t len)
{
    uint32_t taken = (uint32_t)len;
    for (size_t i = 0; i < len && channel->sent_len < SENT_MAX; i++) {
        channel->sent[channel->sent_len++] = bytes[i];
    }
    // What is sent here fits any send buffer; less would be the facade's mistake.
    if (net_tcp_write(&node->net, channel->tcp, bytes, &taken) != NET_OK || taken != len) {
        return "cannot send";
    }
    return NULL;
}

const char *channel_flush(struct node *node, struct channel *channel, bool flip)
{
    size_t len;
    uint8_t *bytes = session_output(&channel->session, &len);
    if (len == 0) {
        return NULL;
    }
    if (flip) {
        bytes[SESSION_FRAME_HEADER_BYTES + RECORD_HEADER_BYTES] ^= 1; // the first byte of the body
    }
    const char *why = channel_send(node, channel, bytes, len);
    session_output_done(&channel->session, len);
    return why;
}

void channel_close(struct node *node, struct channel *channel)
{
    if (channel->tcp != 0) {
        if (channel->established && !channel->ended &&
            session_close(&channel->session, clock_ms(), REASON_CLOSED, BYE_NORMAL) ==
                SESSION_ENDED) {
            (void)channel_flush(node, channel, false); // the other end may have gone
        }
        net_close(&node->net, channel->tcp);
    }
    channel_reset(channel);
}

// Our static key is in keystored.
static enum session_event answer_dh(struct channel *channel)
{
    struct keystore_dh_request request = {.count = 1};
    struct keystore_dh_reply reply;
    struct xk_dh_request wanted;
    if (!session_dh_request(&channel->session, &wanted)) {
        return SESSION_NOTHING;
    }
    memcpy(request.public_keys[0], wanted.public_key, DSB_KEY_BYTES);
    bool good = keystore_dh(&reply, HANDLE_CALL_KEYSTORED, &request,
                            deadline_in_ms(DH_DEADLINE_MS)) == KEYSTORE_OK &&
                reply.failed == 0;
    enum session_event event =
        session_dh_result(&channel->session, clock_ms(), wanted.id, good ? reply.secrets[0] : NULL);
    ct_wipe(&reply, sizeof reply);
    return event;
}

// Only the device under test may be at the other end.
static enum session_event decide(const struct node *node, struct channel *channel)
{
    uint8_t key[DSB_KEY_BYTES];
    bool is_peer = session_peer_key(&channel->session, key) &&
                   device_id_equal(session_peer_id(&channel->session), &node->peer_id) &&
                   memcmp(key, node->peer_key, sizeof key) == 0;
    return is_peer ? session_accept(&channel->session, clock_ms())
                   : session_refuse(&channel->session, clock_ms(), REASON_UNKNOWN_PEER);
}

static void session_happened(struct node *node, struct channel *channel, enum session_event event)
{
    for (;;) {
        switch (event) {
        case SESSION_NEED_DH:
            event = answer_dh(channel);
            continue;
        case SESSION_IDENTITY:
            event = decide(node, channel);
            continue;
        case SESSION_ESTABLISHED:
            channel->established = true;
            break;
        case SESSION_PINGED:
            channel->pinged = true;
            break;
        case SESSION_PONGED:
            channel->ponged = true;
            break;
        case SESSION_PAIRED: // it does not pair
        case SESSION_ENDED:
            channel->ended = true;
            break;
        case SESSION_OFFERED: // it takes none
        case SESSION_NOTHING:
            break;
        }
        if (channel_flush(node, channel, false) != NULL) {
            channel->ended = true;
        }
        return;
    }
}

static void channel_received(struct node *node, struct channel *channel, const uint8_t *bytes,
                             size_t len)
{
    for (size_t i = 0; i < len; i++, channel->received_len++) {
        if (channel->received_len < SENT_MAX) {
            channel->received[channel->received_len] = bytes[i];
        }
    }
    while (!channel->raw && len > 0) {
        enum session_event event;
        size_t used = session_receive(&channel->session, &event, clock_ms(), bytes, len);
        session_happened(node, channel, event);
        bytes += used;
        len -= used;
    }
}

static void channel_up(struct node *node, struct channel *channel)
{
    channel->up = true;
    if (!channel->raw) {
        session_happened(node, channel,
                         session_start_initiator(&channel->session, channel->config, clock_ms(),
                                                 &node->peer_id, node->peer_key));
    }
}

static void channel_ready(struct node *node, struct channel *channel, unsigned ready)
{
    uint8_t bytes[SENT_MAX];
    uint32_t len = sizeof bytes;
    if (ready & NET_READY_CONNECTED) {
        channel_up(node, channel);
    }
    if (ready & (NET_READY_READ | NET_READY_ERROR)) {
        enum net_status status = net_tcp_read(bytes, &len, &node->net, channel->tcp);
        if (status == NET_OK && len > 0) {
            channel_received(node, channel, bytes, len);
        } else if (status != NET_WOULD_BLOCK) {
            channel->ended = true;
            net_close(&node->net, channel->tcp);
            channel->tcp = 0;
        }
    }
}

// ---- The loop ----------------------------------------------------------------------------------------------------

static void accept_one(struct node *node)
{
    net_handle tcp;
    struct net_sockaddr from;
    if (net_tcp_accept(&tcp, &from, &node->net, node->listener) != NET_OK) {
        return;
    }
    channel_close(node, &node->in);
    node->in.tcp = tcp;
    node->in.up = true;
    node->in.raw = node->accept_raw;
    node->in.config = &node->config;
    if (!node->in.raw) {
        session_happened(node, &node->in,
                         session_start_responder(&node->in.session, &node->config, clock_ms()));
    }
}

// One round of what is ready. False when there was nothing that could be dealt with here.
static bool round_of_events(struct node *node)
{
    static struct net_poll_reply poll;
    bool any = false;
    if (net_poll(&poll, &node->net) != NET_OK) {
        return false;
    }
    for (uint32_t i = 0; i < poll.count; i++) {
        const struct net_ready_entry *entry = &poll.entries[i];
        if (entry->handle == node->watched) {
            node->watched_ready |= entry->ready;
        } else if (entry->handle == node->listener) {
            accept_one(node);
            any = true;
        } else if (entry->handle == node->in.tcp || entry->handle == node->out.tcp) {
            channel_ready(node, entry->handle == node->in.tcp ? &node->in : &node->out,
                          entry->ready);
            any = true;
        }
    }
    return any;
}

// The session's own deadlines: probes, loss. Gives the next one, in ticks.
static uint64_t tick(struct node *node, struct channel *channel)
{
    if (channel->tcp == 0 || channel->raw || channel->ended) {
        return NEURON_NEVER;
    }
    if (clock_ms() >= session_deadline(&channel->session)) {
        session_happened(node, channel, session_tick(&channel->session, clock_ms()));
    }
    uint64_t ms = session_deadline(&channel->session);
    return ms > NEURON_NEVER / NEURON_TICKS_PER_MS ? NEURON_NEVER : ms * NEURON_TICKS_PER_MS;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool node_run(struct node *node, bool (*done)(const struct node *node), uint32_t timeout_ms)
{
    uint64_t deadline = deadline_in_ms(timeout_ms);
    for (;;) {
        while (round_of_events(node)) {
        }
        uint64_t next = earlier(deadline, earlier(tick(node, &node->in), tick(node, &node->out)));
        if (done(node)) {
            return true;
        }
        if (clock_ticks() >= deadline) {
            return false;
        }
        struct sys_event event = sys_wait(0, HANDLE_NOTIFICATION, next);
        if (event.status != NEURON_OK && event.status != NEURON_TIMED_OUT) {
            return false;
        }
    }
}

static bool watched_is_ready(const struct node *node)
{
    return node->watched_ready != 0;
}

unsigned node_wait_ready(struct node *node, net_handle handle, unsigned bits, uint32_t timeout_ms)
{
    node->watched = handle;
    node->watched_ready = 0;
    bool in_time = node_run(node, watched_is_ready, timeout_ms);
    node->watched = 0;
    return in_time ? node->watched_ready & bits : 0;
}

bool in_pinged(const struct node *node)
{
    return node->in.pinged;
}

bool in_ended(const struct node *node)
{
    return node->in.ended;
}

bool out_up(const struct node *node)
{
    return node->out.up || node->out.ended;
}

bool out_established(const struct node *node)
{
    return node->out.established || node->out.ended;
}

bool out_ponged(const struct node *node)
{
    return node->out.ponged || node->out.ended;
}

bool out_ended(const struct node *node)
{
    return node->out.ended;
}

// ---- Honest roles --------------------------------------------------------------------------------------------------

const char *node_dial(struct node *node, const struct session_config *config)
{
    struct net_sockaddr to = local(node->peer_port);
    channel_close(node, &node->out);
    node->out.raw = config == NULL;
    node->out.config = config;
    if (net_tcp_connect(&node->out.tcp, &node->net, &to) != NET_OK) {
        return "cannot connect";
    }
    if (!node_run(node, out_up, STEP_DEADLINE_MS) || !node->out.up) {
        return "connection refused";
    }
    return NULL;
}

const char *node_good_session(struct node *node)
{
    const char *why = node_dial(node, &node->config);
    if (why != NULL) {
        return why;
    }
    if (!node_run(node, out_established, STEP_DEADLINE_MS) || !node->out.established) {
        return "the next good session is not established";
    }
    if (!session_ping(&node->out.session, clock_ms()) ||
        channel_flush(node, &node->out, false) != NULL) {
        return "the next good session cannot send";
    }
    if (!node_run(node, out_ponged, STEP_DEADLINE_MS) || !node->out.ponged) {
        return "the next good session gets no pong";
    }
    channel_close(node, &node->out);
    return NULL;
}

const char *node_be_dialled(struct node *node)
{
    for (uint32_t waited = 0; waited < DIAL_DEADLINE_MS; waited += ANNOUNCE_EVERY_MS) {
        const char *why = node_announce(node, node->port);
        if (why != NULL) {
            return why;
        }
        if (node_run(node, in_pinged, ANNOUNCE_EVERY_MS)) {
            return NULL;
        }
    }
    return node->in.established ? "no ping in the inbound session" : "not dialled";
}
