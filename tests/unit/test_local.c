// SPDX-License-Identifier: Apache-2.0
// The bus for local processes: who may ask for what, quotas, handles that name nothing any more, and clients that end.
//
// node-a is the device; `local` serves its processes. node-b is the peer, and a bare bus. Requests come as the kernel
// delivers them: a stamp, an operation, bytes.
#include "tests/unit/bus_fixture.h"

#include "services/dsoftbusd/local.h"
#include "services/dsoftbusd/local_internal.h"
#include "services/lib/log.h"

enum { APP = 5, OTHER = 6, NOBODY = 7, SHARED = 4096, LINES_MAX = 64 };

static struct world world;
static struct node *a, *b;
static struct local local;
static struct report report;
static uint8_t shared[2][SHARED];
static union local_reply reply;
static size_t reply_len;
static uint32_t starts[NOBODY + 1];
static char lines[LINES_MAX][256];
static unsigned line_count;

void log_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(lines[line_count % LINES_MAX], sizeof lines[0], format, args);
    va_end(args);
    line_count++;
}

static const struct right rows[] = {
    {APP, RIGHT_OFFERS, "", "*"},        {APP, RIGHT_OPENS, "node-b", "*"},
    {APP, RIGHT_PINGS, "*", ""},         {OTHER, RIGHT_OFFERS, "", "other"},
    {OTHER, RIGHT_OPENS, "node-b", "x"},
};

static int setup(void **state)
{
    (void)state;
    const struct rights rights = {rows, COUNT(rows)};
    struct local_client_config app = {APP, "app", shared[0], SHARED};
    struct local_client_config other = {OTHER, "other", shared[1], SHARED};

    memset(&world, 0, sizeof world);
    memset(&report, 0, sizeof report);
    memset(shared, 0, sizeof shared);
    line_count = 0;
    world.now_ms = 1000000;
    a = node_start(&world, "node-a", 10, 34567);
    b = node_start(&world, "node-b", 11, 34568);
    node_add(a, "node-b", b->public_key, PEER_TRUSTED, false);
    node_add(b, "node-a", a->public_key, PEER_TRUSTED, false);
    a->bus.peers.peers[0].configured = address_of(11, 34568);
    assert_int_equal(bus_service_add(&b->bus, world.now_ms, "x", 1), BUS_OK);
    local_start(&local, &a->bus, &report, &rights, 0x123456);
    assert_true(local_add_client(&local, &app));
    assert_true(local_add_client(&local, &other));
    starts[APP] = starts[OTHER] = starts[NOBODY] = 1;
    return 0;
}

// ---- The shell of node-a ------------------------------------------------------------------------------

static void run(void)
{
    struct stream_status status;
    uint32_t stream;
    bool busy = true;

    while (busy) {
        world_run(&world);
        busy = false;
        while (a->log_read < a->log_len) {
            local_event(&local, world.now_ms, &a->log[a->log_read++]);
            busy = true;
        }
        while (bus_next_stream(&a->bus, &stream, &status)) {
            local_stream_news(&local, world.now_ms, stream, &status);
            busy = true;
        }
    }
    forget_events(a);
    forget_events(b);
}

static void run_for(uint64_t ms)
{
    world_run_until(&world, world.now_ms + ms);
    run();
}

static enum dsb_status ask(uint32_t process, uint64_t op, const void *message, size_t len)
{
    uint64_t sender = (uint64_t)starts[process] << 32 | process;

    memset(&reply, 0x5a, sizeof reply);
    return local_serve(&reply, &reply_len, &local, world.now_ms, sender, op, message, len);
}

static enum dsb_status ask_names(uint32_t process, enum dsb_op op, const char *peer,
                                 const char *service)
{
    struct dsb_names names = {.peer_len = (uint8_t)strlen(peer),
                              .service_len = (uint8_t)strlen(service)};

    memcpy(names.peer, peer, names.peer_len);
    memcpy(names.service, service, names.service_len);
    return ask(process, op, &names, sizeof names);
}

static enum dsb_status ask_handle(uint32_t process, enum dsb_op op, dsb_handle handle,
                                  uint32_t offset, uint32_t len)
{
    struct dsb_request request = {.handle = handle, .offset = offset, .len = len};

    return ask(process, op, &request, sizeof request);
}

static enum dsb_status close_handle(uint32_t process, dsb_handle handle, uint32_t reason)
{
    struct dsb_request request = {.handle = handle, .reason = reason};

    return ask(process, DSB_CLOSE, &request, sizeof request);
}

static void assert_status(enum dsb_status is, enum dsb_status expected)
{
    assert_int_equal(is, expected);
}

static dsb_handle get(uint32_t process, enum dsb_op op, const char *peer, const char *service)
{
    assert_status(ask_names(process, op, peer, service), DSB_OK);
    assert_int_not_equal(reply.one.handle, 0);
    return reply.one.handle;
}

static uint32_t handles_of(uint32_t process)
{
    assert_status(ask(process, DSB_STATS, NULL, 0), DSB_OK);
    return reply.stats.handles;
}

// What DSB_POLL says about the handle; *error may be NULL.
static unsigned ready_of(uint32_t process, dsb_handle handle, unsigned *error)
{
    assert_status(ask(process, DSB_POLL, NULL, 0), DSB_OK);
    for (uint32_t i = 0; i < reply.poll.count; i++) {
        if (reply.poll.entries[i].handle == handle) {
            if (error != NULL) {
                *error = reply.poll.entries[i].error;
            }
            return reply.poll.entries[i].ready;
        }
    }
    return 0;
}

// ---- node-b ------------------------------------------------------------------------------------------

// The stream that was offered to b, accepted.
static uint32_t b_accepts(void)
{
    struct stream_status status;
    uint32_t stream, offered = 0;

    while (bus_next_stream(&b->bus, &stream, &status)) {
        offered = (status.ready & STREAM_OFFERED) != 0 ? stream : offered;
    }
    assert_int_equal(bus_stream_accept(&b->bus, world.now_ms, offered), STREAM_OK);
    run();
    return offered;
}

// A stream of app to b, both ends.
static void open_pair(dsb_handle *at_a, uint32_t *at_b)
{
    *at_a = get(APP, DSB_OPEN, "node-b", "x");
    run();
    *at_b = b_accepts();
    assert_int_equal(ready_of(APP, *at_a, NULL), DSB_READY_CONNECTED);
    assert_int_equal(ready_of(APP, *at_a, NULL), 0); // said once
}

static uint32_t b_opens(const char *service)
{
    uint32_t stream, session = bus_session(&b->bus, 0, SESSION_RESPONDER);

    assert_int_equal(
        bus_stream_open(&b->bus, world.now_ms, &stream, session, service, strlen(service)),
        STREAM_OK);
    run();
    return stream;
}

static struct stream_status at_b(uint32_t stream)
{
    struct stream_status status;

    assert_true(bus_stream_status(&b->bus, stream, &status));
    return status;
}

static void connect_nodes(void)
{
    dsb_handle ping = get(APP, DSB_PING, "node-b", "");

    run();
    assert_status(ask_handle(APP, DSB_PING_RESULT, ping, 0, 0), DSB_OK);
}

// ---- Who asks, and how ---------------------------------------------------------------------------------

static void test_only_clients_are_served(void **state)
{
    (void)state;
    assert_status(ask_names(NOBODY, DSB_OPEN, "node-b", "x"), DSB_UNSUPPORTED);
    assert_status(ask(NOBODY, DSB_STATS, NULL, 0), DSB_UNSUPPORTED);
    const uint64_t ops[] = {0, DSB_PEER + 1, UINT64_MAX, (uint64_t)1 << 32 | DSB_STATS};
    for (size_t i = 0; i < COUNT(ops); i++) {
        assert_status(ask(APP, ops[i], NULL, 0), DSB_UNSUPPORTED);
    }
    struct local_client_config config = {.process = 100};
    for (unsigned i = 2; i < LOCAL_CLIENTS_MAX; i++) {
        assert_true(local_add_client(&local, &config));
    }
    assert_false(local_add_client(&local, &config));
}

static void test_a_message_has_its_exact_length(void **state)
{
    (void)state;
    uint8_t message[256] = {0};

    for (uint64_t op = DSB_REGISTER; op <= DSB_PEER; op++) {
        bool names = op == DSB_REGISTER || op == DSB_OPEN || op == DSB_PING;
        size_t right = op == DSB_POLL || op == DSB_STATS ? 0
                       : names                           ? sizeof(struct dsb_names)
                                                         : sizeof(struct dsb_request);
        for (size_t len = 0; len <= sizeof message; len++) {
            if (len != right) {
                assert_status(ask(APP, op, message, len), DSB_INVALID_INPUT);
            }
        }
    }
    assert_int_equal(handles_of(APP), 0);
}

static void test_names_that_are_none(void **state)
{
    (void)state;
    static const struct {
        enum dsb_op op;
        uint8_t peer_len, service_len, peer_at, service_at; // at: a byte that is not zero
    } bad[] = {
        {DSB_REGISTER, 1, 1, 0, 0}, {DSB_REGISTER, 0, 0, 0, 0}, {DSB_REGISTER, 0, 65, 0, 0},
        {DSB_REGISTER, 0, 3, 0, 3}, {DSB_REGISTER, 0, 3, 1, 0}, {DSB_OPEN, 0, 1, 0, 0},
        {DSB_OPEN, 1, 0, 0, 0},     {DSB_OPEN, 255, 1, 0, 0},   {DSB_OPEN, 1, 255, 0, 0},
        {DSB_OPEN, 5, 1, 63, 0},    {DSB_OPEN, 5, 1, 0, 63},    {DSB_PING, 0, 0, 0, 0},
        {DSB_PING, 6, 1, 0, 0},     {DSB_PING, 65, 0, 0, 0},    {DSB_PING, 6, 0, 0, 1},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct dsb_names names = {.peer_len = bad[i].peer_len, .service_len = bad[i].service_len};
        memset(names.peer, 'n', bad[i].peer_len < 64 ? bad[i].peer_len : 64);
        memset(names.service, 's', bad[i].service_len < 64 ? bad[i].service_len : 64);
        names.peer[bad[i].peer_at] |= bad[i].peer_at > 0 ? 1 : 0;
        names.service[bad[i].service_at] |= bad[i].service_at > 0 ? 1 : 0;
        assert_status(ask(APP, bad[i].op, &names, sizeof names), DSB_INVALID_INPUT);
    }
    assert_int_equal(handles_of(APP), 0);
    assert_int_equal(line_count, 0);
    assert_int_equal(a->bus.service_count, 0);
}

// ---- Rights ----------------------------------------------------------------------------------------------

static void test_a_refusal_names_the_right(void **state)
{
    (void)state;
    static const struct {
        uint32_t process;
        enum dsb_op op;
        const char *peer, *service, *line; // NULL: it is not refused
    } asked[] = {
        {OTHER, DSB_REGISTER, "", "svc", "'offers svc'"},
        {OTHER, DSB_REGISTER, "", "othe", "'offers othe'"},
        {OTHER, DSB_REGISTER, "", "others", "'offers others'"},
        {OTHER, DSB_REGISTER, "", "*", "'offers \\x2a'"},
        {OTHER, DSB_OPEN, "node-b", "y", "'opens node-b/y'"},
        {OTHER, DSB_OPEN, "node-c", "x", "'opens node-c/x'"}, // and not that there is no such peer
        {OTHER, DSB_PING, "node-b", "", "'pings node-b'"},
        {APP, DSB_OPEN, "node-c", "x", "'opens node-c/x'"},
        {OTHER, DSB_OPEN, "a\nb", "\x1b", "'opens a\\x0ab/\\x1b'"},
        {OTHER, DSB_REGISTER, "", "other", NULL},
        {OTHER, DSB_OPEN, "node-b", "x", NULL},
        {APP, DSB_PING, "node-b", "", NULL},
    };

    for (size_t i = 0; i < COUNT(asked); i++) {
        uint32_t process = asked[i].process;
        uint32_t before = handles_of(process);
        unsigned said = line_count;
        world.now_ms += 2000; // so that no line is held back
        enum dsb_status status = ask_names(process, asked[i].op, asked[i].peer, asked[i].service);
        assert_status(status, asked[i].line == NULL ? DSB_OK : DSB_NOT_PERMITTED);
        assert_int_equal(handles_of(process), before + (asked[i].line == NULL ? 1 : 0));
        assert_int_equal(line_count, said + (asked[i].line == NULL ? 0 : 1));
        if (asked[i].line != NULL) {
            const char *line = lines[said % LINES_MAX];
            assert_non_null(strstr(line, asked[i].line));
            assert_non_null(strstr(line, process == APP ? "process=app:" : "process=other:"));
        }
    }
}

static void test_a_name_with_a_zero_matches_no_right(void **state)
{
    (void)state;
    struct dsb_names names = {.service_len = 7, .service = "other\0x"};

    assert_status(ask(OTHER, DSB_REGISTER, &names, sizeof names), DSB_NOT_PERMITTED);
    assert_true(rights_allow(&local.rights, APP, RIGHT_OFFERS, (struct label){NULL, 0},
                             (struct label){names.service, 7}));
    assert_status(ask(APP, DSB_REGISTER, &names, sizeof names), DSB_INVALID_INPUT); // by the bus
    assert_int_equal(handles_of(APP), 0);
}

static void test_no_such_peer(void **state)
{
    (void)state;
    assert_status(ask_names(APP, DSB_PING, "node-c", ""), DSB_NO_SUCH_PEER);
    assert_status(ask_names(APP, DSB_PING, "\xff", ""), DSB_INVALID_INPUT);
    struct dsb_request request = {.offset = 0};
    assert_status(ask(APP, DSB_PEER, &request, sizeof request), DSB_OK);
    assert_int_equal(reply_len, sizeof reply.peer);
    assert_memory_equal(reply.peer.id, "node-b", 6);
    assert_int_equal(reply.peer.connected, 0);
    const uint32_t none[] = {1, PEER_NONE, 0x10000, UINT32_MAX};
    for (size_t i = 0; i < COUNT(none); i++) {
        request.offset = none[i];
        assert_status(ask(APP, DSB_PEER, &request, sizeof request), DSB_NO_SUCH_PEER);
    }
    request = (struct dsb_request){.len = 1};
    assert_status(ask(APP, DSB_PEER, &request, sizeof request), DSB_INVALID_INPUT);
}

// ---- Quotas ----------------------------------------------------------------------------------------------

static void test_listeners(void **state)
{
    (void)state;
    dsb_handle first = 0;

    for (unsigned i = 0; i < LOCAL_LISTENERS_MAX; i++) {
        const char name[] = {'s', (char)('0' + i), '\0'};
        dsb_handle listener = get(APP, DSB_REGISTER, "", name);
        first = i == 0 ? listener : first;
        assert_status(ask_names(APP, DSB_REGISTER, "", name),
                      i + 1 == LOCAL_LISTENERS_MAX ? DSB_LIMIT : DSB_IN_USE);
    }
    assert_int_equal(handles_of(APP), LOCAL_LISTENERS_MAX);
    assert_int_equal(a->bus.service_count, LOCAL_LISTENERS_MAX);
    get(OTHER, DSB_REGISTER, "", "other"); // whose quota is its own
    assert_status(close_handle(APP, first, 0), DSB_OK);
    assert_int_equal(a->bus.service_count, LOCAL_LISTENERS_MAX);
    assert_status(ask_names(APP, DSB_REGISTER, "", "other"), DSB_IN_USE); // somebody else's
    get(APP, DSB_REGISTER, "", "s0");
}

static void test_streams_and_pings(void **state)
{
    (void)state;
    b->unreachable = true;
    dsb_handle one = 0;
    for (unsigned i = 0; i < LOCAL_STREAMS_MAX; i++) {
        one = get(APP, DSB_OPEN, "node-b", "x");
    }
    assert_status(ask_names(APP, DSB_OPEN, "node-b", "x"), DSB_LIMIT);
    for (unsigned i = 0; i < LOCAL_PINGS_MAX; i++) {
        get(APP, DSB_PING, "node-b", "");
    }
    assert_status(ask_names(APP, DSB_PING, "node-b", ""), DSB_LIMIT);
    get(OTHER, DSB_OPEN, "node-b", "x");
    assert_status(close_handle(APP, one, 0), DSB_OK);
    get(APP, DSB_OPEN, "node-b", "x");
    assert_int_equal(handles_of(APP), LOCAL_STREAMS_MAX + LOCAL_PINGS_MAX);
}

// A peer cannot use up more than the streams of the client that offers the service.
static void test_offered_beyond_the_quota(void **state)
{
    (void)state;
    connect_nodes();
    dsb_handle listener = get(APP, DSB_REGISTER, "", "svc");
    for (unsigned i = 0; i < LOCAL_STREAMS_MAX; i++) {
        struct local_handle *h = local_allocate(&local, &local.clients[0], LOCAL_STREAM);
        assert_non_null(h);
        h->stage = LOCAL_WAITING;
    }
    uint32_t stream = b_opens("svc");
    assert_int_equal(at_b(stream).error, STREAM_CLOSED);
    assert_int_equal(at_b(stream).reason, BYE_LIMIT);
    assert_status(ask_handle(APP, DSB_ACCEPT, listener, 0, 0), DSB_WOULD_BLOCK);
}

// ---- Handles ---------------------------------------------------------------------------------------------

static const enum dsb_op on_handles[] = {DSB_ACCEPT, DSB_READ,  DSB_WRITE,
                                         DSB_FINISH, DSB_CLOSE, DSB_PING_RESULT};

static void assert_names_nothing(uint32_t process, dsb_handle handle)
{
    for (size_t i = 0; i < COUNT(on_handles); i++) {
        bool transfers = on_handles[i] == DSB_READ || on_handles[i] == DSB_WRITE;
        assert_status(ask_handle(process, on_handles[i], handle, 0, transfers), DSB_BAD_HANDLE);
    }
}

static void test_handles_that_name_nothing(void **state)
{
    (void)state;
    uint32_t stream;
    dsb_handle open;

    open_pair(&open, &stream);
    const dsb_handle none[] = {0, 1, 0xff, UINT32_MAX, open + 1, open - 0x100, open + 0x100};
    for (size_t i = 0; i < COUNT(none); i++) {
        assert_names_nothing(APP, none[i]);
    }
    assert_names_nothing(OTHER, open);                                      // it is another's
    assert_status(ask_handle(APP, DSB_ACCEPT, open, 0, 0), DSB_BAD_HANDLE); // of another kind
    assert_status(ask_handle(APP, DSB_PING_RESULT, open, 0, 0), DSB_BAD_HANDLE);
    assert_status(close_handle(APP, open, BYE_INTERNAL + 1), DSB_INVALID_INPUT);
    assert_int_equal(at_b(stream).error, STREAM_OK); // which is all that it was
    assert_status(close_handle(APP, open, BYE_LIMIT), DSB_OK);
    assert_names_nothing(APP, open);
    run();
    assert_int_equal(at_b(stream).reason, BYE_LIMIT);
    dsb_handle next = get(APP, DSB_OPEN, "node-b", "x"); // in the same place
    assert_int_equal(next & 0xff, open & 0xff);
    assert_names_nothing(APP, open);
}

static void test_requests_out_of_bounds(void **state)
{
    (void)state;
    static const uint32_t ranges[][2] = {
        {0, 0},          {0, SHARED + 1},          {SHARED, 1},    {SHARED + 1, 1}, {1, UINT32_MAX},
        {UINT32_MAX, 1}, {UINT32_MAX, UINT32_MAX}, {SHARED - 1, 2}};
    uint32_t stream;
    dsb_handle open;

    open_pair(&open, &stream);
    for (size_t i = 0; i < COUNT(ranges); i++) {
        assert_status(ask_handle(APP, DSB_READ, open, ranges[i][0], ranges[i][1]),
                      DSB_INVALID_INPUT);
        assert_status(ask_handle(APP, DSB_WRITE, open, ranges[i][0], ranges[i][1]),
                      DSB_INVALID_INPUT);
    }
    for (size_t i = 0; i < COUNT(on_handles); i++) {
        struct dsb_request request = {.handle = open, .offset = 1, .len = 1, .reason = 1};
        assert_status(ask(APP, on_handles[i], &request, sizeof request), DSB_INVALID_INPUT);
    }
    assert_int_equal(at_b(stream).readable_bytes, 0);
    assert_status(ask_handle(APP, DSB_WRITE, open, SHARED - 1, 1), DSB_OK);
    run();
    assert_int_equal(at_b(stream).readable_bytes, 1);
}

// ---- Streams ---------------------------------------------------------------------------------------------

static void test_bytes_both_ways(void **state)
{
    (void)state;
    uint32_t stream;
    dsb_handle open;
    uint8_t got[16];
    size_t len;

    open_pair(&open, &stream);
    assert_status(ask_handle(APP, DSB_READ, open, 0, 10), DSB_WOULD_BLOCK);
    memcpy(shared[0] + 100, "from a", 6);
    assert_status(ask_handle(APP, DSB_WRITE, open, 100, 6), DSB_OK);
    assert_int_equal(reply.one.len, 6);
    assert_status(ask_handle(APP, DSB_FINISH, open, 0, 0), DSB_OK);
    assert_status(ask_handle(APP, DSB_WRITE, open, 100, 6), DSB_INVALID_INPUT);
    run();
    assert_int_equal(bus_stream_read(&b->bus, world.now_ms, stream, got, sizeof got, &len),
                     STREAM_OK);
    assert_memory_equal(got, "from a", 6);
    assert_int_equal(bus_stream_read(&b->bus, world.now_ms, stream, got, sizeof got, &len),
                     STREAM_END);
    assert_int_equal(
        bus_stream_write(&b->bus, world.now_ms, stream, (const uint8_t *)"from b", 6, &len),
        STREAM_OK);
    assert_int_equal(bus_stream_finish(&b->bus, world.now_ms, stream), STREAM_OK);
    run();
    assert_int_equal(ready_of(APP, open, NULL), DSB_READY_READ);
    assert_int_equal(ready_of(APP, open, NULL), DSB_READY_READ); // as long as it is so
    assert_status(ask_handle(APP, DSB_READ, open, 200, 100), DSB_OK);
    assert_int_equal(reply.one.len, 6);
    assert_memory_equal(shared[0] + 200, "from b", 6);
    assert_int_equal(ready_of(APP, open, NULL), DSB_READY_READ); // the end
    assert_status(ask_handle(APP, DSB_READ, open, 0, 100), DSB_OK);
    assert_int_equal(reply.one.len, 0);
}

static void test_writing_goes_on(void **state)
{
    (void)state;
    uint32_t stream;
    dsb_handle open;
    uint8_t got[SHARED];
    size_t len, total = 0;
    enum dsb_status status;

    open_pair(&open, &stream);
    assert_int_equal(ready_of(APP, open, NULL), 0); // nobody has wanted to write
    (void)!local_take_signals(&local);
    while ((status = ask_handle(APP, DSB_WRITE, open, 0, SHARED)) == DSB_OK) {
        run();
    }
    assert_status(status, DSB_WOULD_BLOCK);
    run();
    assert_int_equal(ready_of(APP, open, NULL), 0);
    (void)!local_take_signals(&local);
    while (bus_stream_read(&b->bus, world.now_ms, stream, got, sizeof got, &len) == STREAM_OK) {
        total += len;
    }
    assert_int_equal(total, FIXTURE_WINDOW);
    run();
    assert_int_equal(local_take_signals(&local), 1);
    assert_int_equal(local_take_signals(&local), 0);
    assert_int_equal(ready_of(APP, open, NULL), DSB_READY_WRITE);
    assert_status(ask_handle(APP, DSB_WRITE, open, 0, 10), DSB_OK);
    assert_int_equal(ready_of(APP, open, NULL), 0); // everything was taken
}

static void test_offered_streams_in_order(void **state)
{
    (void)state;
    connect_nodes();
    dsb_handle listener = get(APP, DSB_REGISTER, "", "svc");
    assert_status(ask_handle(APP, DSB_ACCEPT, listener, 0, 0), DSB_WOULD_BLOCK);
    uint32_t first = b_opens("svc"), second = b_opens("svc"), third = b_opens("svc");
    assert_int_equal(local_take_signals(&local) & 1, 1);
    assert_int_equal(ready_of(APP, listener, NULL), DSB_READY_ACCEPT);
    bus_stream_close(&b->bus, world.now_ms, second, BYE_NORMAL); // withdrawn
    run();
    assert_status(ask_handle(APP, DSB_ACCEPT, listener, 0, 0), DSB_OK);
    assert_int_equal(reply.accepted.peer_len, 6);
    assert_memory_equal(reply.accepted.peer, "node-b", 6);
    run();
    assert_true(at_b(first).ready & STREAM_CONNECTED);
    assert_false(at_b(third).ready & STREAM_CONNECTED);
    assert_status(ask_handle(APP, DSB_ACCEPT, listener, 0, 0), DSB_OK);
    assert_status(ask_handle(APP, DSB_ACCEPT, listener, 0, 0), DSB_WOULD_BLOCK);
    run();
    assert_true(at_b(third).ready & STREAM_CONNECTED);
    assert_int_equal(ready_of(APP, listener, NULL), 0);
}

// Nobody has accepted them: they are refused, and those that were accepted go on.
static void test_a_listener_that_is_closed(void **state)
{
    (void)state;
    connect_nodes();
    dsb_handle listener = get(APP, DSB_REGISTER, "", "svc");
    uint32_t accepted = b_opens("svc"), queued = b_opens("svc");
    assert_status(ask_handle(APP, DSB_ACCEPT, listener, 0, 0), DSB_OK);
    assert_status(close_handle(APP, listener, 0), DSB_OK);
    run();
    assert_int_equal(at_b(queued).reason, BYE_NO_SUCH_SERVICE);
    assert_int_equal(at_b(accepted).error, STREAM_OK);
    assert_int_equal(at_b(b_opens("svc")).reason, BYE_NO_SUCH_SERVICE);
    assert_int_equal(handles_of(APP), 1);
}

// ---- What goes wrong --------------------------------------------------------------------------------------

static void test_refused_by_the_peer(void **state)
{
    (void)state;
    static const struct {
        enum bye_reason reason;
        enum dsb_status error;
    } refusals[] = {{BYE_NOT_PERMITTED, DSB_NOT_PERMITTED},
                    {BYE_LIMIT, DSB_LIMIT},
                    {BYE_NO_SUCH_SERVICE, DSB_NO_SUCH_SERVICE},
                    {BYE_TIMEOUT, DSB_TIMED_OUT},
                    {BYE_NORMAL, DSB_CLOSED}};
    struct stream_status status;
    uint32_t stream;

    for (size_t i = 0; i < COUNT(refusals); i++) {
        dsb_handle open = get(APP, DSB_OPEN, "node-b", "x");
        unsigned error = 0;
        run();
        while (bus_next_stream(&b->bus, &stream, &status)) {
            bus_stream_close(&b->bus, world.now_ms, stream, refusals[i].reason);
        }
        run();
        assert_int_equal(ready_of(APP, open, &error), DSB_READY_ERROR);
        assert_int_equal(error, refusals[i].error);
        assert_status(ask_handle(APP, DSB_READ, open, 0, 1), refusals[i].error);
        assert_status(ask_handle(APP, DSB_WRITE, open, 0, 1), refusals[i].error);
        assert_status(close_handle(APP, open, 0), DSB_OK);
    }
}

static void test_a_session_that_is_lost(void **state)
{
    (void)state;
    uint32_t stream;
    dsb_handle open;
    unsigned error = 0;

    open_pair(&open, &stream);
    dsb_handle ping = get(APP, DSB_PING, "node-b", "");
    bus_close(&a->bus, world.now_ms, bus_session(&a->bus, 0, SESSION_INITIATOR));
    run();
    assert_int_equal(ready_of(APP, open, &error), DSB_READY_ERROR);
    assert_int_equal(error, DSB_DISCONNECTED);
    assert_status(ask_handle(APP, DSB_FINISH, open, 0, 0), DSB_DISCONNECTED);
    assert_int_equal(ready_of(APP, ping, &error), DSB_READY_ERROR);
    assert_status(ask_handle(APP, DSB_PING_RESULT, ping, 0, 0), DSB_DISCONNECTED);
    assert_status(ask_handle(APP, DSB_PING_RESULT, ping, 0, 0), DSB_BAD_HANDLE);
}

static void test_a_peer_that_is_not_there(void **state)
{
    (void)state;
    unsigned error = 0;

    b->unreachable = true;
    dsb_handle open = get(APP, DSB_OPEN, "node-b", "x"), ping = get(APP, DSB_PING, "node-b", "");
    assert_int_equal(ready_of(APP, open, NULL), 0);
    assert_status(ask_handle(APP, DSB_WRITE, open, 0, 1), DSB_WOULD_BLOCK);
    assert_status(ask_handle(APP, DSB_PING_RESULT, ping, 0, 0), DSB_WOULD_BLOCK);
    run();
    assert_int_equal(ready_of(APP, open, &error), DSB_READY_ERROR);
    assert_int_equal(error, DSB_UNREACHABLE);
    assert_status(ask_handle(APP, DSB_WRITE, open, 0, 1), DSB_UNREACHABLE);
    assert_status(ask_handle(APP, DSB_FINISH, open, 0, 0), DSB_UNREACHABLE);
    assert_status(ask_handle(APP, DSB_PING_RESULT, ping, 0, 0), DSB_UNREACHABLE);
    b->unreachable = false;
    run_for(5000);
    connect_nodes();
}

static void test_more_pings_than_a_session_takes(void **state)
{
    (void)state;
    dsb_handle pings[LOCAL_PINGS_MAX];

    connect_nodes();
    assert_int_not_equal(
        bus_ping(&a->bus, world.now_ms, bus_session(&a->bus, 0, SESSION_INITIATOR)), 0);
    for (size_t i = 0; i < LOCAL_PINGS_MAX; i++) { // the last one has to wait for an answer
        pings[i] = get(APP, DSB_PING, "node-b", "");
    }
    run();
    for (size_t i = 0; i < LOCAL_PINGS_MAX; i++) {
        assert_int_equal(ready_of(APP, pings[i], NULL), DSB_READY_READ);
        assert_status(ask_handle(APP, DSB_PING_RESULT, pings[i], 0, 0), DSB_OK);
    }
}

// ---- Clients that end ---------------------------------------------------------------------------------------

// Everything that a client can have, and what the other has beside it.
static void have_everything(dsb_handle handles[static 4], uint32_t streams[static 3],
                            dsb_handle *of_other)
{
    open_pair(&handles[0], &streams[0]);
    handles[1] = get(APP, DSB_REGISTER, "", "svc");
    streams[1] = b_opens("svc");
    assert_status(ask_handle(APP, DSB_ACCEPT, handles[1], 0, 0), DSB_OK);
    handles[2] = reply.accepted.handle;
    streams[2] = b_opens("svc");
    handles[3] = get(APP, DSB_PING, "node-b", "");
    *of_other = get(OTHER, DSB_REGISTER, "", "other");
    assert_int_equal(handles_of(APP), 5);
}

static void assert_all_gone(const dsb_handle handles[static 4], const uint32_t streams[static 3],
                            dsb_handle of_other)
{
    run();
    for (size_t i = 0; i < 4; i++) {
        assert_names_nothing(APP, handles[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(at_b(streams[i]).error, STREAM_CLOSED);
        assert_int_equal(at_b(streams[i]).reason,
                         i == 2 ? BYE_NO_SUCH_SERVICE : BYE_SHUTTING_DOWN); // 2: not accepted
        bus_stream_close(&b->bus, world.now_ms, streams[i], BYE_NORMAL);
    }
    run();
    assert_int_equal(handles_of(APP), 0);
    assert_int_equal(bus_counts(&a->bus).streams, 0);
    assert_int_equal(a->bus.service_count, 1);
    assert_int_equal(handles_of(OTHER), 1);
    assert_status(ask_handle(OTHER, DSB_ACCEPT, of_other, 0, 0), DSB_WOULD_BLOCK);
    get(APP, DSB_REGISTER, "", "svc"); // the name is free again
}

static void test_a_client_ends(void **state)
{
    (void)state;
    dsb_handle handles[4], of_other;
    uint32_t streams[3];

    have_everything(handles, streams, &of_other);
    local_client_ended(&local, world.now_ms, NOBODY);
    assert_int_equal(handles_of(APP), 5);
    local_client_ended(&local, world.now_ms, APP);
    assert_all_gone(handles, streams, of_other);
}

// Its end was not heard of, but the next request has the stamp of its successor.
static void test_a_client_starts_again(void **state)
{
    (void)state;
    dsb_handle handles[4], of_other;
    uint32_t streams[3];

    have_everything(handles, streams, &of_other);
    starts[APP]++;
    assert_names_nothing(APP, handles[0]);
    assert_all_gone(handles, streams, of_other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_only_clients_are_served, setup),
        cmocka_unit_test_setup(test_a_message_has_its_exact_length, setup),
        cmocka_unit_test_setup(test_names_that_are_none, setup),
        cmocka_unit_test_setup(test_a_refusal_names_the_right, setup),
        cmocka_unit_test_setup(test_a_name_with_a_zero_matches_no_right, setup),
        cmocka_unit_test_setup(test_no_such_peer, setup),
        cmocka_unit_test_setup(test_listeners, setup),
        cmocka_unit_test_setup(test_streams_and_pings, setup),
        cmocka_unit_test_setup(test_offered_beyond_the_quota, setup),
        cmocka_unit_test_setup(test_handles_that_name_nothing, setup),
        cmocka_unit_test_setup(test_requests_out_of_bounds, setup),
        cmocka_unit_test_setup(test_bytes_both_ways, setup),
        cmocka_unit_test_setup(test_writing_goes_on, setup),
        cmocka_unit_test_setup(test_offered_streams_in_order, setup),
        cmocka_unit_test_setup(test_a_listener_that_is_closed, setup),
        cmocka_unit_test_setup(test_refused_by_the_peer, setup),
        cmocka_unit_test_setup(test_a_session_that_is_lost, setup),
        cmocka_unit_test_setup(test_a_peer_that_is_not_there, setup),
        cmocka_unit_test_setup(test_more_pings_than_a_session_takes, setup),
        cmocka_unit_test_setup(test_a_client_ends, setup),
        cmocka_unit_test_setup(test_a_client_starts_again, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
