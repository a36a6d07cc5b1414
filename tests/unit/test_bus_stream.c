// SPDX-License-Identifier: Apache-2.0
// Streams between nodes of the bus, and what happens to them when sessions end or are replaced.
#include "tests/unit/bus_fixture.h"

enum { DAY_MS = SESSION_LIFE_MS, GRACE_MS = SESSION_LIFE_GRACE_MS };

static struct world world;
static struct end peer_end; // node-b, played by an end

static int start_world(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    world.now_ms = 1000000;
    return 0;
}

// node-a, which dials node-b; the session is established, and b offers `svc`.
static void establish(struct node **a, struct node **b)
{
    *a = node_start(&world, "node-a", 10, 34567);
    *b = node_start(&world, "node-b", 11, 34568);
    node_add(*a, "node-b", (*b)->public_key, PEER_TRUSTED, true);
    node_add(*b, "node-a", (*a)->public_key, PEER_TRUSTED, false);
    (*a)->bus.peers.peers[0].configured = address_of(11, 34568);
    assert_int_equal(bus_service_add(&(*b)->bus, world.now_ms, "svc", 3), BUS_OK);
    bus_tick(&(*a)->bus, world.now_ms);
    world_run(&world);
    assert_int_not_equal(bus_session(&(*a)->bus, 0, SESSION_INITIATOR), 0);
    forget_events(*a);
    forget_events(*b);
}

// A day has many PINGs, which nobody here wants to see.
static void forget_pings(struct node *n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n->log_len; i++) {
        if (n->log[i].type != BUS_PINGED && n->log[i].type != BUS_PONGED) {
            n->log[kept++] = n->log[i];
        }
    }
    n->log_len = kept;
}

static void run_until(uint64_t until_ms)
{
    enum { HOUR_MS = 3600000 };

    while (world.now_ms < until_ms) {
        uint64_t next_ms = world.now_ms + HOUR_MS;
        world_run_until(&world, next_ms < until_ms ? next_ms : until_ms);
        for (size_t i = 0; i < world.node_count; i++) {
            forget_pings(&world.nodes[i]);
        }
    }
}

static uint32_t session_of(struct node *n)
{
    uint32_t initiator = bus_session(&n->bus, 0, SESSION_INITIATOR);

    return initiator != 0 ? initiator : bus_session(&n->bus, 0, SESSION_RESPONDER);
}

static uint32_t open_stream(struct node *n, const char *service)
{
    uint32_t stream;

    assert_int_equal(
        bus_stream_open(&n->bus, world.now_ms, &stream, session_of(n), service, strlen(service)),
        STREAM_OK);
    world_run(&world);
    return stream;
}

static struct stream_status next_stream(struct node *n, uint32_t *stream)
{
    struct stream_status status;

    if (!bus_next_stream(&n->bus, stream, &status)) {
        fail_msg("no news of streams");
    }
    return status;
}

static void no_stream_news(struct node *n)
{
    struct stream_status status;
    uint32_t stream;

    assert_false(bus_next_stream(&n->bus, &stream, &status));
}

static struct stream_status status_of(const struct node *n, uint32_t stream)
{
    struct stream_status status;

    assert_true(bus_stream_status(&n->bus, stream, &status));
    return status;
}

static void open_pair(struct node *a, struct node *b, uint32_t *at_a, uint32_t *at_b)
{
    uint32_t told;

    *at_a = open_stream(a, "svc");
    assert_int_equal(next_stream(b, at_b).ready, STREAM_OFFERED);
    assert_int_equal(bus_stream_accept(&b->bus, world.now_ms, *at_b), STREAM_OK);
    world_run(&world);
    assert_int_equal(next_stream(a, &told).ready, STREAM_CONNECTED | STREAM_WRITABLE);
    assert_int_equal(told, *at_a);
}

static void assert_gone(struct node *n, uint32_t stream, enum stream_error error)
{
    struct stream_status status = status_of(n, stream);

    assert_true(status.ready & STREAM_GONE);
    assert_string_equal(stream_error_name((enum stream_error)status.error),
                        stream_error_name(error));
}

static void close_stream(struct node *n, uint32_t stream)
{
    bus_stream_close(&n->bus, world.now_ms, stream, BYE_NORMAL);
    world_run(&world);
}

// ---- Services -------------------------------------------------------------------------------------

static void test_only_what_is_registered(void **state)
{
    (void)state;
    struct node *a, *b;
    uint32_t stream, told;

    establish(&a, &b);
    const char *const unknown[] = {"sv", "svcc", "SVC", "x"};
    for (size_t i = 0; i < COUNT(unknown); i++) {
        stream = open_stream(a, unknown[i]);
        assert_int_equal(next_stream(a, &told).reason, BYE_NO_SUCH_SERVICE);
        assert_gone(a, stream, STREAM_CLOSED);
        close_stream(a, stream);
        no_stream_news(b);
    }
    assert_int_equal(bus_service_remove(&b->bus, world.now_ms, "svc", 3), BUS_OK);
    stream = open_stream(a, "svc");
    assert_gone(a, stream, STREAM_CLOSED);
    close_stream(a, stream);
    assert_int_equal(bus_counts(&a->bus).streams, 0);
    assert_int_equal(bus_counts(&b->bus).streams, 0);
}

// Either side of a session opens streams to the other's services.
static void test_both_sides_open(void **state)
{
    (void)state;
    struct node *a, *b;
    uint32_t at_a, at_b, told;

    establish(&a, &b);
    open_pair(a, b, &at_a, &at_b);
    assert_int_equal(bus_service_add(&a->bus, world.now_ms, "other", 5), BUS_OK);
    at_b = open_stream(b, "other");
    struct stream_status status = next_stream(a, &told);
    assert_int_equal(status.ready, STREAM_OFFERED);
    assert_int_equal(status.connection, bus_session(&a->bus, 0, SESSION_INITIATOR));
    assert_int_equal(status.id, 2);
    bus_stream_set_tag(&a->bus, told, 4711);
    bus_stream_close(&a->bus, world.now_ms, told, BYE_NOT_PERMITTED);
    world_run(&world);
    assert_int_equal(status_of(b, at_b).reason, BYE_NOT_PERMITTED);
}

// ---- Bytes ----------------------------------------------------------------------------------------

static uint8_t byte_of(size_t at)
{
    return (uint8_t)(at * 7 + at / 253);
}

// As much as there is to read, compared.
static size_t read_all(struct node *n, uint32_t stream, size_t seen)
{
    const uint8_t *bytes;
    size_t len;

    while (bus_stream_peek(&n->bus, stream, &bytes, &len) == STREAM_OK) {
        for (size_t i = 0; i < len; i++) {
            assert_int_equal(bytes[i], byte_of(seen + i));
        }
        seen += len;
        bus_stream_consume(&n->bus, world.now_ms, stream, len);
    }
    return seen;
}

static void bulk(struct node *from, struct node *to, uint32_t writer, uint32_t reader)
{
    enum { TOTAL = 200000 };
    size_t sent = 0, seen = 0, taken;
    uint8_t byte;

    while (seen < TOTAL) {
        uint8_t data[3000];
        size_t len = sizeof data < TOTAL - sent ? sizeof data : TOTAL - sent;
        for (size_t i = 0; i < len; i++) {
            data[i] = byte_of(sent + i);
        }
        enum stream_error error =
            bus_stream_write(&from->bus, world.now_ms, writer, data, len, &taken);
        assert_true(error == STREAM_OK || error == STREAM_WOULD_BLOCK);
        sent += taken;
        world.tcp_len = 0;
        world_run(&world);
        seen = read_all(to, reader, seen);
        world_run(&world);
    }
    assert_int_equal(bus_stream_finish(&from->bus, world.now_ms, writer), STREAM_OK);
    world_run(&world);
    assert_int_equal(bus_stream_read(&to->bus, world.now_ms, reader, &byte, 1, &taken), STREAM_END);
    assert_int_equal(status_of(to, reader).bytes_in, TOTAL);
    assert_int_equal(status_of(from, writer).bytes_out, TOTAL);
}

static void test_bulk_both_ways(void **state)
{
    for (int in_place = 0; in_place < 2; in_place++) {
        struct node *a, *b;
        uint32_t at_a, at_b;
        start_world(state);
        world.in_place = in_place != 0;
        establish(&a, &b);
        open_pair(a, b, &at_a, &at_b);
        bulk(a, b, at_a, at_b);
        bulk(b, a, at_b, at_a);
        close_stream(a, at_a);
        close_stream(b, at_b);
        assert_int_equal(bus_counts(&a->bus).streams, 0);
        assert_int_equal(bus_counts(&b->bus).streams, 0);
        assert_int_equal(a->bus.memory.outputs.used + b->bus.memory.outputs.used, 0);
        assert_int_equal(a->bus.memory.inputs.used + b->bus.memory.inputs.used, 0);
        assert_int_equal(count_events(a, BUS_SESSION_LOST), 0);
    }
}

// A shell that cannot send: the writer is stopped, and goes on when the transport does.
static void test_stalled_transport(void **state)
{
    (void)state;
    struct node *a, *b;
    uint32_t at_a, at_b, told;
    uint8_t data[FIXTURE_STREAM_BUFFER] = {0};
    size_t taken, total = 0;

    establish(&a, &b);
    open_pair(a, b, &at_a, &at_b);
    struct wire *w = wire_find(a, session_of(a));
    require_wire(w);
    w->stalled = true;
    while (bus_stream_write(&a->bus, world.now_ms, at_a, data, sizeof data, &taken) == STREAM_OK) {
        total += taken;
        world_run(&world);
    }
    assert_in_range(total, 1000, 2000);
    no_stream_news(a);
    w->stalled = false;
    bus_writable(&a->bus, w->id);
    world_run(&world);
    assert_true(next_stream(a, &told).ready & STREAM_WRITABLE);
    assert_int_equal(told, at_a);
    assert_int_equal(status_of(b, at_b).readable_bytes, total);
}

static void test_input_before_it_is_established(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    size_t len = 77;

    struct wire *w = outside_connect(a, 20, NULL);
    require_wire(w);
    assert_null(bus_input(&a->bus, w->id, &len));
    assert_int_equal(len, 0);
    assert_null(bus_input(&a->bus, 0, &len));
    assert_null(bus_input(&a->bus, w->id + 0x10000, &len));
    bus_input_done(&a->bus, world.now_ms, w->id, 5);
    bus_input_done(&a->bus, world.now_ms, 0, 5);
}

static void test_unknown_streams_and_sessions(void **state)
{
    (void)state;
    struct node *a, *b;
    uint32_t stream = 77;
    uint8_t byte = 0;
    size_t len;
    const uint8_t *bytes;
    struct stream_status status;

    establish(&a, &b);
    assert_int_equal(bus_stream_open(&a->bus, 0, &stream, 0, "svc", 3), STREAM_NO_SESSION);
    assert_int_equal(stream, 0);
    assert_int_equal(bus_stream_open(&a->bus, 0, &stream, session_of(a) + 1, "svc", 3),
                     STREAM_NO_SESSION);
    struct wire *w = outside_connect(b, 20, NULL); // not established
    require_wire(w);
    assert_int_equal(bus_stream_open(&b->bus, 0, &stream, w->id, "svc", 3), STREAM_NO_SESSION);
    assert_int_equal(bus_stream_open(&a->bus, 0, &stream, session_of(a), "", 0), STREAM_NAME);
    assert_int_equal(bus_stream_accept(&a->bus, 0, 1), STREAM_UNKNOWN);
    assert_int_equal(bus_stream_read(&a->bus, 0, 1, &byte, 1, &len), STREAM_UNKNOWN);
    assert_int_equal(bus_stream_peek(&a->bus, 1, &bytes, &len), STREAM_UNKNOWN);
    assert_int_equal(bus_stream_write(&a->bus, 0, 1, &byte, 1, &len), STREAM_UNKNOWN);
    assert_int_equal(bus_stream_finish(&a->bus, 0, 1), STREAM_UNKNOWN);
    assert_false(bus_stream_status(&a->bus, 1, &status));
    bus_stream_consume(&a->bus, 0, 1, 1);
    bus_stream_close(&a->bus, 0, 1, BYE_NORMAL);
    bus_stream_set_tag(&a->bus, 1, 1);
    no_stream_news(a);
}

// ---- Sessions that end ----------------------------------------------------------------------------

static void test_every_end_is_disconnected(void **state)
{
    for (int way = 0; way < 4; way++) {
        struct node *a, *b;
        uint32_t at_a, at_b, told;
        start_world(state);
        establish(&a, &b);
        open_pair(a, b, &at_a, &at_b);
        uint32_t connection = session_of(a);
        if (way == 0) {
            bus_close(&a->bus, world.now_ms, connection);
        } else if (way == 1) {
            bus_shutdown(&a->bus, world.now_ms);
        } else if (way == 2) {
            assert_int_equal(bus_peer_set_trust(&a->bus, world.now_ms, 0, PEER_REVOKED), BUS_OK);
        } else {
            bus_disconnected(&a->bus, world.now_ms, connection);
        }
        world_run(&world);
        assert_int_equal(next_stream(a, &told).error, STREAM_DISCONNECTED);
        assert_int_equal(told, at_a);
        assert_int_equal(status_of(a, at_a).connection, connection); // names it still
        assert_int_equal(next_stream(b, &told).error, STREAM_DISCONNECTED);
        assert_int_equal(told, at_b);
        close_stream(a, at_a);
        close_stream(b, at_b);
        assert_int_equal(bus_counts(&a->bus).streams, 0);
        assert_int_equal(bus_counts(&b->bus).streams, 0);
    }
}

// Sessions that end with bytes still to be sent keep their memory for a while; those that begin have theirs all the
// same, however many there are.
static void test_lingering_takes_nothing_from_others(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    uint32_t stream;
    size_t taken;

    end_init(&peer_end, "node-b", 2);
    node_add(a, "node-b", peer_end.public_key, PEER_TRUSTED, false);
    for (int i = 0; i < 3 * CONNECTIONS_CLOSING_MAX; i++) {
        static struct end ends[3 * CONNECTIONS_CLOSING_MAX];
        uint8_t data[FIXTURE_STREAM_BUFFER] = {0};
        end_init(&ends[i], "node-b", 2);
        struct wire *w = outside_call(a, 77, &ends[i]); // the newer one replaces the one before
        assert_end(&ends[i], SESSION_UP, REASON_NONE);
        stream = open_stream(a, "svc");
        assert_int_equal(
            stream_accept(&ends[i].memory.streams, 0, session_offered(&ends[i].session)),
            STREAM_OK);
        wire_end_speaks(a, w);
        world_run(&world);
        w->stalled = true;
        assert_int_equal(bus_stream_write(&a->bus, world.now_ms, stream, data, sizeof data, &taken),
                         STREAM_OK);
        assert_true(taken > 500);
        close_stream(a, stream);
        assert_true(a->bus.lingering <= CONNECTIONS_CLOSING_MAX);
    }
    assert_int_equal(a->bus.lingering, CONNECTIONS_CLOSING_MAX);
    assert_int_equal(a->bus.memory.outputs.used, CONNECTIONS_CLOSING_MAX + 1);
    run_until(world.now_ms + LINGER_MS);
    assert_int_equal(a->bus.lingering, 0);
    assert_int_equal(bus_counts(&a->bus).connections, 1);
}

// ---- Sessions that are replaced -------------------------------------------------------------------

static void test_replaced_after_a_day(void **state)
{
    (void)state;
    struct node *a, *b;

    establish(&a, &b);
    uint32_t first_a = session_of(a), first_b = session_of(b);
    run_until(world.now_ms + DAY_MS - 1);
    assert_int_equal(session_of(a), first_a);
    assert_int_equal(count_events(a, BUS_SESSION_LOST), 0);
    forget_events(a);
    forget_events(b);
    run_until(world.now_ms + 1);
    assert_int_not_equal(session_of(a), 0);
    assert_int_not_equal(session_of(a), first_a);
    assert_int_not_equal(session_of(b), 0);
    assert_int_not_equal(session_of(b), first_b);
    assert_int_equal(count_events(a, BUS_SESSION_LOST), 1);
    assert_int_equal(count_events(a, BUS_ESTABLISHED), 1);
    assert_int_equal(count_events(b, BUS_SESSION_LOST), 1);
    assert_int_equal(count_events(b, BUS_ESTABLISHED), 1);
    assert_int_equal(bus_counts(&a->bus).sessions_up, 1);
    assert_int_equal(bus_counts(&b->bus).sessions_up, 1);
    assert_int_equal(bus_counts(&a->bus).places_used, 1);

    // And again, a day later.
    uint32_t second = session_of(a);
    run_until(world.now_ms + DAY_MS);
    assert_int_not_equal(session_of(a), second);
    assert_int_equal(bus_counts(&a->bus).sessions_up, 1);
}

// Streams get some time to end by themselves; then they are cut, and reported as such.
static void test_streams_delay_the_replacement(void **state)
{
    for (int ends = 0; ends < 2; ends++) {
        struct node *a, *b;
        uint32_t at_a, at_b, told;
        start_world(state);
        establish(&a, &b);
        uint32_t first = session_of(a);
        uint64_t due_ms = world.now_ms + DAY_MS;
        open_pair(a, b, &at_a, &at_b);
        run_until(due_ms + GRACE_MS - 1);
        assert_int_equal(session_of(a), first);
        if (ends == 1) {
            close_stream(a, at_a);
            close_stream(b, at_b);
            bus_tick(&a->bus, world.now_ms);
            world_run(&world);
            assert_int_not_equal(session_of(a), first);
            assert_int_not_equal(session_of(a), 0);
            continue;
        }
        run_until(due_ms + GRACE_MS);
        assert_int_not_equal(session_of(a), first);
        assert_int_not_equal(session_of(a), 0);
        assert_int_equal(next_stream(a, &told).error, STREAM_DISCONNECTED);
        assert_int_equal(next_stream(b, &told).error, STREAM_DISCONNECTED);
    }
}

// While the new session does not come about the old one goes on, the dial backs off, and at last it is over.
static void test_replacement_that_fails(void **state)
{
    (void)state;
    struct node *a, *b;

    establish(&a, &b);
    uint32_t first = session_of(a);
    uint64_t day_ms = world.now_ms + DAY_MS;
    b->unreachable = true;
    run_until(day_ms + 120000);
    assert_int_equal(session_of(a), first);
    assert_in_range(count_events(a, BUS_DIAL_FAILED), 5, 8); // at 0, 1, 3, 7, 15, 31, 63 s
    assert_int_equal(count_events(a, BUS_SESSION_LOST), 0);
    forget_events(a);
    forget_events(b);
    run_until(day_ms + 2 * (uint64_t)GRACE_MS - 1);
    assert_int_equal(session_of(a), first);
    forget_events(a);
    forget_events(b);
    run_until(day_ms + 2 * (uint64_t)GRACE_MS);
    assert_int_equal(session_of(a), 0);
    assert_int_equal(count_events(a, BUS_SESSION_LOST) + count_events(b, BUS_SESSION_LOST), 2);
    b->unreachable = false;
    run_until(world.now_ms + DIAL_BACKOFF_MAX_MS);
    assert_int_not_equal(session_of(a), 0);
}

// The old one is lost while the new one is being dialled: the new one is the session then, without any back-off.
static void test_old_session_is_lost_meanwhile(void **state)
{
    (void)state;
    struct node *a, *b;

    establish(&a, &b);
    uint32_t first = session_of(a);
    run_until(world.now_ms + DAY_MS - 1);
    forget_events(a);
    world.now_ms++;
    b->hold_dh = true; // the new handshake waits
    bus_tick(&a->bus, world.now_ms);
    world_run(&world);
    assert_int_equal(session_of(a), first);
    assert_int_not_equal(a->bus.peers.peers[0].successor, 0);
    unsigned dials = a->dials;
    bus_tick(&a->bus, world.now_ms); // one successor is enough
    world_run(&world);
    assert_int_equal(a->dials, dials);
    bus_disconnected(&a->bus, world.now_ms, first);
    world_run(&world);
    assert_int_equal(session_of(a), 0);
    assert_int_not_equal(a->bus.peers.peers[0].outbound, 0);
    assert_int_equal(a->bus.peers.peers[0].successor, 0);
    b->hold_dh = false;
    world_run(&world);
    assert_int_not_equal(session_of(a), 0);
    assert_int_equal(bus_counts(&a->bus).sessions_up, 1);
    assert_int_equal(bus_counts(&a->bus).places_used, 1);
}

// The initiator ends the old session itself, whether the responder's BYE arrives or not.
static void test_initiator_ends_the_old_one(void **state)
{
    (void)state;
    struct node *a, *b;

    establish(&a, &b);
    uint64_t day_ms = world.now_ms + DAY_MS;
    run_until(day_ms - 1);
    forget_events(a);
    struct wire *old = wire_find(b, session_of(b));
    require_wire(old);
    old->stalled = true;
    run_until(day_ms);
    next_event(a, BUS_SESSION_CONNECT);
    next_event(a, BUS_IDENTITY_BOUND);
    next_event_because(a, BUS_SESSION_LOST, REASON_REPLACED);
    next_event(a, BUS_ESTABLISHED);
    assert_int_equal(bus_counts(&a->bus).sessions_up, 1);
}

// A peer that keeps its session for ever is ended by us.
static void test_initiator_that_does_not_replace(void **state)
{
    (void)state;
    struct node *a = node_start(&world, "node-a", 10, 34567);
    uint64_t end_ms = world.now_ms + DAY_MS + 2 * (uint64_t)GRACE_MS;

    end_init(&peer_end, "node-b", 2);
    node_add(a, "node-b", peer_end.public_key, PEER_TRUSTED, false);
    outside_call(a, 77, &peer_end);
    run_until(end_ms - 1); // it answers our PINGs
    assert_end(&peer_end, SESSION_UP, REASON_NONE);
    forget_events(a);
    run_until(end_ms);
    next_event_because(a, BUS_SESSION_LOST, REASON_EXPIRED);
    assert_end(&peer_end, SESSION_CLOSED, REASON_PEER_BYE);
    assert_int_equal(session_peer_bye(&peer_end.session), BYE_TIMEOUT);
}

// When the numbers of streams are used up a new session is made.
static void test_numbers_used_up(void **state)
{
    (void)state;
    struct node *a, *b;
    uint32_t stream, told;

    establish(&a, &b);
    uint32_t first = session_of(a);
    stream = open_stream(a, "svc");
    bus_find(&a->bus, first)->session.own_ids_taken = 32768;
    assert_int_equal(bus_stream_open(&a->bus, world.now_ms, &told, first, "svc", 3),
                     STREAM_IDS_USED);
    world_run(&world);
    assert_int_equal(session_of(a), first); // one stream is still open
    close_stream(a, stream);
    bus_tick(&a->bus, world.now_ms);
    world_run(&world);
    assert_int_not_equal(session_of(a), first);
    open_stream(a, "svc");
}

#define BUS_TEST(name) cmocka_unit_test_setup(name, start_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUS_TEST(test_only_what_is_registered),
        BUS_TEST(test_both_sides_open),
        BUS_TEST(test_bulk_both_ways),
        BUS_TEST(test_stalled_transport),
        BUS_TEST(test_input_before_it_is_established),
        BUS_TEST(test_unknown_streams_and_sessions),
        BUS_TEST(test_every_end_is_disconnected),
        BUS_TEST(test_lingering_takes_nothing_from_others),
        BUS_TEST(test_replaced_after_a_day),
        BUS_TEST(test_streams_delay_the_replacement),
        BUS_TEST(test_replacement_that_fails),
        BUS_TEST(test_old_session_is_lost_meanwhile),
        BUS_TEST(test_initiator_ends_the_old_one),
        BUS_TEST(test_initiator_that_does_not_replace),
        BUS_TEST(test_numbers_used_up),
    };
    return cmocka_run_group_tests_name("bus_stream", tests, NULL, NULL);
}
