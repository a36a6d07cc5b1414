// SPDX-License-Identifier: Apache-2.0
// Requests on the control socket.
#include "tests/unit/host_fixture.h"

#include "host/common/control.h"

struct row {
    const char *line, *code; // code NULL: taken
};

static const struct row rows[] = {
    {"{\"v\":1,\"id\":7,\"op\":\"status\"}", NULL},
    {"{\"op\":\"peers\",\"from\":256,\"id\":0,\"v\":1}", NULL},
    {"{\"v\":1,\"id\":4294967295,\"op\":\"ping\",\"peer\":\"node-b\",\"timeout_ms\":60000}", NULL},
    {"{\"v\":1,\"id\":7,\"op\":\"probe\",\"peer\":\"x\\\\x0a\"}", NULL},
    {" {\"v\":1,\"id\":7,\"op\":\"reload\"}", NULL},
    {"{\"v\":1,\"id\":7,\"op\":\"open\",\"peer\":\"b\",\"service\":\"echo\"}", NULL},
    {"{\"v\":1,\"id\":7,\"op\":\"services\"}", NULL},
    {"{\"v\":1,\"id\":7,\"op\":\"open\",\"peer\":\"b\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"open\",\"service\":\"echo\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"ping\",\"peer\":\"b\",\"service\":\"echo\"}",
     CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"open\",\"peer\":\"b\",\"service\":\"a/b\"}",
     CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"open\",\"peer\":\"b\",\"service\":\"\"}",
     CONTROL_ERROR_BAD_REQUEST},
    {"", CONTROL_ERROR_BAD_REQUEST},
    {"{}", CONTROL_ERROR_BAD_REQUEST},
    {"[]", CONTROL_ERROR_BAD_REQUEST},
    {"null", CONTROL_ERROR_BAD_REQUEST},
    {"status", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"status\"} x", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"status\"}{}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"status\"", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":2,\"id\":7,\"op\":\"status\"}", CONTROL_ERROR_VERSION},
    {"{\"v\":\"1\",\"id\":7,\"op\":\"status\"}", CONTROL_ERROR_VERSION},
    {"{\"id\":7,\"op\":\"status\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"op\":\"status\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"format disk\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":3}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":-1,\"op\":\"status\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":1.5,\"op\":\"status\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":4294967296,\"op\":\"status\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":1e999,\"op\":\"status\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"ping\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"ping\",\"peer\":\"\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"ping\",\"peer\":\"a b\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"ping\",\"peer\":\"b\",\"timeout_ms\":0}",
     CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"ping\",\"peer\":\"b\",\"timeout_ms\":60001}",
     CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"status\",\"op\":\"reload\"}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"pair\"}", NULL},
    {"{\"v\":1,\"id\":7,\"op\":\"pair\",\"peer\":\"b\"}", NULL},
    {"{\"v\":1,\"id\":7,\"op\":\"pair\",\"peer\":\"b\",\"key\":\"" HEX_ONES
     "\",\"address\":\"1.2.3.4:5\"}",
     NULL},
    {"{\"v\":1,\"id\":7,\"op\":\"pair\",\"peer\":\"b\",\"key\":\"" HEX_ONES "\"}",
     CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"pair\",\"peer\":\"b\",\"address\":\"1.2.3.4:5\"}",
     CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"pair\",\"key\":\"" HEX_ONES "\",\"address\":\"1.2.3.4:5\"}",
     CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"pair\",\"peer\":\"b\",\"key\":\"11\",\"address\":\"1.2.3.4:5\"}",
     CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"pair\",\"peer\":\"b\",\"key\":\"" HEX_ONES
     "\",\"address\":\"1.2.3.4:0\"}",
     CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"ping\",\"peer\":\"b\",\"key\":\"" HEX_ONES
     "\",\"address\":\"1.2.3.4:5\"}",
     CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"status\",\"verbose\":true}", CONTROL_ERROR_BAD_REQUEST},
    {"{\"v\":1,\"id\":7,\"op\":\"status\",\"Op\":\"reload\"}", CONTROL_ERROR_BAD_REQUEST},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct control_request request;
        struct control_fault fault = {0};
        const char *code = rows[i].code;
        bool good = control_request_parse(&request, &fault, rows[i].line, strlen(rows[i].line));
        if (good != (code == NULL)) {
            fail_msg("row %zu: %s", i, rows[i].line);
        }
        if (code != NULL && strcmp(fault.code, code) != 0) {
            fail_msg("row %zu: %s: %s", i, fault.code, fault.text);
        }
    }
}

static void test_values(void **state)
{
    struct control_request request;
    struct control_fault fault;

    (void)state;
    assert_true(control_request_parse(&request, &fault, rows[2].line, strlen(rows[2].line)));
    assert_int_equal(request.id, UINT32_MAX);
    assert_int_equal(request.op, CONTROL_PING);
    assert_int_equal(request.timeout_ms, 60000);
    assert_memory_equal(request.peer.bytes, "node-b", 6);
    assert_true(control_request_parse(&request, &fault, rows[0].line, strlen(rows[0].line)));
    assert_int_equal(request.timeout_ms, 5000);
    assert_int_equal(request.peer.len, 0);
}

static void test_depth(void **state)
{
    char line[CONTROL_REQUEST_BYTES_MAX];
    struct control_request request;
    struct control_fault fault;

    (void)state;
    memset(line, '[', sizeof line);
    assert_false(control_request_parse(&request, &fault, line, sizeof line));
}

// Every operation, written and read.
static void test_format_reads_back(void **state)
{
    (void)state;
    for (unsigned op = 0; op < CONTROL_OP_COUNT; op++) {
        struct control_request request = {.id = 9, .op = (enum control_op)op, .timeout_ms = 77},
                               back;
        struct control_fault fault;
        char line[CONTROL_REQUEST_BYTES_MAX];
        if (op == CONTROL_OPEN) {
            request.service = (struct service_name){.len = 4, .bytes = "echo"};
        }
        assert_true(device_id_set(&request.peer, (const uint8_t *)"a\n\"b", 4));
        size_t len = control_request_format(line, sizeof line, &request);
        assert_true(len > 0 && line[len - 1] == '\n');
        if (!control_request_parse(&back, &fault, line, len - 1)) {
            fail_msg("%s: %s", control_op_name((enum control_op)op), fault.text);
        }
        assert_int_equal(back.op, op);
        assert_int_equal(back.id, 9);
        assert_int_equal(back.timeout_ms, 77);
        assert_true(device_id_equal(&back.peer, &request.peer));
        assert_int_equal(back.service.len, request.service.len);
        assert_memory_equal(back.service.bytes, request.service.bytes, 4);
        assert_int_equal(control_request_format(line, 40, &request), 0); // no room
    }
}

static void test_format_of_a_card(void **state)
{
    struct control_request request = {.op = CONTROL_PAIR, .timeout_ms = 1, .key_given = true}, back;
    struct control_fault fault;
    char line[CONTROL_REQUEST_BYTES_MAX];

    (void)state;
    assert_true(device_id_set(&request.peer, (const uint8_t *)"b", 1));
    memset(request.key, 0xa5, sizeof request.key);
    request.address = (struct net_address){.family = NET_IPV4, .bytes = {10, 0, 0, 2}, .port = 99};
    size_t len = control_request_format(line, sizeof line, &request);
    assert_true(len > 0 && control_request_parse(&back, &fault, line, len - 1));
    assert_memory_equal(back.key, request.key, sizeof back.key);
    assert_true(net_address_equal(&back.address, &request.address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_format_reads_back),
        cmocka_unit_test(test_format_of_a_card),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
