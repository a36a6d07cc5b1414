// SPDX-License-Identifier: Apache-2.0
// The file of known peers: its lines, its uniqueness, and that it is always whole.
#include "tests/unit/host_fixture.h"

#include "host/common/known_peers.h"
#include "host/common/state_file.h"

#define SINCE " 2031-02-03T04:05:06Z"
#define ALICE "alice " HEX_ONES " pinned" SINCE
#define BOB   "bob " HEX_TWOS " revoked" SINCE

static bool parse(struct known_peers *peers, struct fault *fault, const char *text)
{
    return known_peers_parse(peers, fault, text, strlen(text));
}

static void test_every_field(void **state)
{
    struct known_peers peers;
    struct fault fault;

    (void)state;
    assert_true(parse(&peers, &fault,
                      "# a comment\n\n" ALICE
                      " address=10.0.0.2:34567 dial # the lamp\r\n  \t\n" BOB "\nx\\x0a " HEX_THREE
                      " pending" SINCE " address=[fd00::1]:1"));
    assert_int_equal(peers.count, 3);
    assert_int_equal(peers.entries[0].trust, PEER_TRUSTED);
    assert_true(peers.entries[0].dial);
    assert_int_equal(peers.entries[0].address.port, 34567);
    assert_string_equal(peers.entries[0].since, "2031-02-03T04:05:06Z");
    assert_string_equal(peers.entries[0].comment, "the lamp");
    assert_int_equal(peers.entries[0].static_key[31], 0x11);
    assert_int_equal(peers.entries[1].trust, PEER_REVOKED);
    assert_false(peers.entries[1].dial);
    assert_int_equal(peers.entries[1].address.family, NET_NONE);
    assert_int_equal(peers.entries[2].trust, PEER_PENDING);
    assert_memory_equal(peers.entries[2].id.bytes, "x\n", 2);
    assert_int_equal(peers.entries[2].address.family, NET_IPV6);
    known_peers_free(&peers);
}

struct bad_row {
    const char *text, *complaint; // part of the fault
};

static const struct bad_row bad_rows[] = {
    {"alice", "line 1: a public key"},
    {ALICE "\nbob", "line 2: a public key"},
    {"\n\nal!ce " HEX_ONES " pinned" SINCE, "line 3: a device id"},
    {"a\\x6 " HEX_ONES " pinned" SINCE, "a device id"},
    {"a\\xzz " HEX_ONES " pinned" SINCE, "a device id"},
    {"a\\xff " HEX_ONES " pinned" SINCE, "a device id"}, // no UTF-8
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa " HEX_ONES " pinned" SINCE,
     "a device id"}, // 65
    {"alice 1111 pinned" SINCE, "a public key"},
    {"alice " HEX_ONES "1 pinned" SINCE, "a public key"},
    {"alice " HEX_ONES, "pinned, pending or revoked"},
    {"alice " HEX_ONES " trusted" SINCE, "pinned, pending or revoked"},
    {"alice " HEX_ONES " pinned", "a time"},
    {"alice " HEX_ONES " pinned yesterday", "a time"},
    {"alice " HEX_ONES " pinned 2031-02-03T04:05:06", "a time"},
    {ALICE " address=10.0.0.2", "address="},
    {ALICE " address=lamp:34567", "address="},
    {ALICE " address=", "address="},
    {ALICE " dial dial", "only address="},
    {ALICE " address=10.0.0.2:1 address=10.0.0.2:1", "only address="},
    {ALICE " dail", "only address="},
    {ALICE "\n" ALICE, "alice is listed twice"},
    {ALICE "\n" BOB "\nalice " HEX_THREE " pinned" SINCE, "alice is listed twice"},
    {ALICE "\n" BOB "\ncarol " HEX_ONES " pinned" SINCE, "the key of"},
};

static void test_mistakes_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        struct known_peers peers;
        struct fault fault = {0};
        if (parse(&peers, &fault, bad_rows[i].text)) {
            fail_msg("row %zu was taken", i);
        }
        if (strstr(fault.text, bad_rows[i].complaint) == NULL) {
            fail_msg("row %zu: %s", i, fault.text);
        }
        assert_null(peers.entries);
        assert_int_equal(peers.count, 0);
    }
}

static void test_lines_too_long_or_binary(void **state)
{
    char text[HOST_PEER_LINE_MAX + 64];
    struct known_peers peers;
    struct fault fault;

    (void)state;
    memset(text, ' ', sizeof text);
    assert_false(known_peers_parse(&peers, &fault, text, HOST_PEER_LINE_MAX + 1));
    assert_true(known_peers_parse(&peers, &fault, text, HOST_PEER_LINE_MAX));
    assert_int_equal(peers.count, 0);
    text[5] = 0;
    assert_false(known_peers_parse(&peers, &fault, text, 10));
}

static void test_format_reads_back(void **state)
{
    static const char text[] =
        ALICE " address=10.0.0.2:34567 dial # the lamp\n" BOB "\n\\xc3\\xa4\\x20 " HEX_THREE
              " pending" SINCE " # \xc3\xa4\n";
    struct known_peers peers, again;
    struct fault fault;
    size_t len, len_again;

    (void)state;
    assert_true(parse(&peers, &fault, text));
    char *first = known_peers_format(&len, &peers);
    assert_non_null(first);
    assert_string_equal(strchr(first, '\n') + 1, text);
    assert_true(known_peers_parse(&again, &fault, first, len));
    char *second = known_peers_format(&len_again, &again);
    assert_non_null(second);
    assert_string_equal(first, second);
    free(first);
    free(second);
    known_peers_free(&peers);
    known_peers_free(&again);
}

static void test_longest_line(void **state)
{
    struct known_peer peer = {.trust = PEER_REVOKED, .dial = true};
    struct known_peers peers = {0}, again;
    struct fault fault;
    char comment[2 * HOST_PEER_COMMENT_MAX];
    size_t len;

    (void)state;
    memset(peer.id.bytes, ' ', DEVICE_ID_BYTES_MAX);
    peer.id.len = DEVICE_ID_BYTES_MAX;
    known_peer_now(peer.since);
    peer.address = (struct net_address){.family = NET_IPV6, .port = 65535};
    memset(peer.address.bytes, 0xab, sizeof peer.address.bytes);
    known_peer_set_comment(&peer,
                           "\f \x7f x\ty\n"); // blanks in front would be lost when it is read back
    assert_string_equal(peer.comment, "x y ");
    memset(comment, 'c', sizeof comment);
    comment[sizeof comment - 1] = 0;
    comment[3] = '\n'; // must not end the line
    known_peer_set_comment(&peer, comment);
    assert_true(known_peers_append(&peers, &peer));
    char *text = known_peers_format(&len, &peers);
    assert_true(known_peers_parse(&again, &fault, text, len));
    assert_int_equal(again.count, 1);
    assert_string_equal(again.entries[0].comment, peer.comment);
    assert_true(device_id_equal(&again.entries[0].id, &peer.id));
    free(text);
    known_peers_free(&peers);
    known_peers_free(&again);
}

static void test_find_and_remove(void **state)
{
    struct known_peers peers;
    struct fault fault;
    struct device_id bob;

    (void)state;
    assert_true(parse(&peers, &fault, ALICE "\n" BOB "\ncarol " HEX_THREE " pending" SINCE));
    assert_true(known_peer_id_parse(&bob, "bob"));
    struct known_peer *found = known_peers_find(&peers, &bob);
    assert_ptr_equal(found, &peers.entries[1]);
    assert_ptr_equal(known_peers_find_key(&peers, found->static_key), found);
    known_peers_remove(&peers, found);
    assert_int_equal(peers.count, 2);
    assert_null(known_peers_find(&peers, &bob));
    assert_memory_equal(peers.entries[1].id.bytes, "carol", 5);
    known_peers_free(&peers);
}

static void test_file_is_made_and_replaced(void **state)
{
    static const char *const names[] = {"peers"};
    struct test_directory directory = test_directory_make();
    struct known_peers peers;
    struct fault fault;

    (void)state;
    assert_true(known_peers_load(&peers, &fault, directory.fd)); // no file: nobody
    assert_int_equal(peers.count, 0);
    assert_true(parse(&peers, &fault, ALICE "\n" BOB));
    assert_true(known_peers_save(&fault, directory.fd, &peers));
    known_peers_remove(&peers, &peers.entries[0]);
    assert_true(known_peers_save(&fault, directory.fd, &peers));
    known_peers_free(&peers);
    assert_true(known_peers_load(&peers, &fault, directory.fd));
    assert_int_equal(peers.count, 1);
    known_peers_free(&peers);
    test_directory_remove(&directory, names, COUNT(names)); // nothing else is left in it
}

// A damaged file is a fault, and stays as it is for a person to look at.
static void test_damaged_file_is_refused(void **state)
{
    static const char *const names[] = {"peers"};
    struct test_directory directory = test_directory_make();
    struct known_peers peers;
    struct fault fault;

    (void)state;
    assert_true(state_file_replace(&fault, directory.fd, "peers", "alice 11", 8));
    assert_false(known_peers_load(&peers, &fault, directory.fd));
    assert_non_null(strstr(fault.text, "line 1"));
    assert_int_equal(peers.count, 0);
    test_directory_remove(&directory, names, COUNT(names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_lines_too_long_or_binary),
        cmocka_unit_test(test_format_reads_back),
        cmocka_unit_test(test_longest_line),
        cmocka_unit_test(test_find_and_remove),
        cmocka_unit_test(test_file_is_made_and_replaced),
        cmocka_unit_test(test_damaged_file_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
