// SPDX-License-Identifier: Apache-2.0
// The configuration file.
#include "tests/unit/host_fixture.h"

#include "host/common/config.h"
#include "host/common/config_services.h"

static void test_defaults(void **state)
{
    struct config config;

    (void)state;
    config_default(&config);
    assert_int_equal(config.port, 34567);
    assert_int_equal(config.listen_count, 2);
    assert_int_equal(config.sessions_max, LINUX_SESSIONS_MAX);
    assert_int_equal(config.ttl_s, 60);
    assert_true(config.discovery && config.multicast && config.broadcast && config.sandbox);
    assert_int_equal(config.interface_count, 0);
    assert_int_equal(config.log, LOG_NORMAL);
}

static void test_every_key(void **state)
{
    static const char text[] =
        "; a comment\n[node]\nport = 4000\nlisten = 10.0.0.1, [fd00::1]\nmax-sessions=7\n"
        "max-half-open = 9\nmax-peers = 65534\nrecord-size = 512\nlog = verbose\n\n[discovery]\n"
        "enabled = no\nmulticast = no\nbroadcast = no\nttl = 3\ninterfaces = eth0 wlan0\n"
        "[security]\nsandbox = no\n";
    struct config config;
    struct fault fault;

    (void)state;
    config_default(&config);
    assert_true(config_parse(&config, &fault, text, "x.ini"));
    assert_int_equal(config.port, 4000);
    assert_int_equal(config.listen_count, 2);
    assert_int_equal(config.listen[0].family, NET_IPV4);
    assert_int_equal(config.listen[1].family, NET_IPV6);
    assert_int_equal(config.sessions_max, 7);
    assert_int_equal(config.half_open_max, 9);
    assert_int_equal(config.peers_max, 65534);
    assert_int_equal(config.record_bytes, 512);
    assert_int_equal(config.log, LOG_VERBOSE);
    assert_false(config.discovery || config.multicast || config.broadcast || config.sandbox);
    assert_int_equal(config.ttl_s, 3);
    assert_int_equal(config.interface_count, 2);
    assert_string_equal(config.interfaces[1], "wlan0");
}

static void test_services(void **state)
{
    static const char text[] =
        "[echo]\nallow = alice, bob\nallow = carol\n[file]\ndirectory = /srv/in\n"
        "max-size = 3M\n[tcp ssh]\naddress = 127.0.0.1:22\n[tcp web.1]\nallow = *\n"
        "address = [::1]:80\n";
    struct config config;
    struct fault fault;

    (void)state;
    config_default(&config);
    assert_int_equal(config.service_count, 0);
    if (!config_parse(&config, &fault, text, "x.ini")) {
        fail_msg("%s", fault.text);
    }
    assert_int_equal(config.service_count, 4);
    assert_int_equal(config.services[0].kind, SERVICE_ECHO);
    assert_int_equal(config.services[0].allow_count, 3);
    assert_memory_equal(config.services[0].allow[2].bytes, "carol", 5);
    assert_false(config.services[0].allow_all);
    assert_int_equal(config.services[1].allow_count, 0); // denied by default
    assert_string_equal(config.file_directory, "/srv/in");
    assert_int_equal(config.file_bytes_max, 3 << 20);
    assert_string_equal(config.services[2].name, "ssh");
    assert_int_equal(config.services[2].address.port, 22);
    assert_false(config.services[2].allow_all);
    assert_true(config.services[3].allow_all);
    assert_ptr_equal(config_service_find(&config, "web.1", 5), &config.services[3]);
    assert_null(config_service_find(&config, "web.1", 4));
}

struct bad_row {
    const char *text, *complaint;
};

static const struct bad_row bad_rows[] = {
    {"[node]\nport = 0", "x.ini line 2: [node] port = 0: expected a TCP port, 1 to 65535"},
    {"[node]\nport = 65536", "line 2"},
    {"[node]\nport = ssh", "line 2"},
    {"[node]\nport = 80 81", "line 2"},
    {"[node]\nport = -1", "line 2"},
    {"[node]\nport = 0x50", "line 2"},
    {"[node]\nport =", "line 2"},
    {"[node]\nport = 999999999999999999999", "line 2"},
    {"\n[node]\nport = 1\nport = 2", "line 4: [node] port is given twice"},
    {"[node]\nprot = 1", "line 2: [node] prot is unknown"},
    {"[network]\nport = 1", "[network] port is unknown"},
    {"port = 1", "line 1: [] port is unknown"},
    {"[node]\nlisten = everywhere", "addresses in numbers"},
    {"[node]\nlisten = 10.0.0.1:80", "addresses in numbers"},
    {"[node]\nlisten = ", "addresses in numbers"},
    {"[node]\nlisten = 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1",
     "up to 8 addresses"},
    {"[node]\nlog = loud", "quiet, normal or verbose"},
    {"[node]\nmax-half-open = 8", "9 to 4096"},
    {"[node]\nrecord-size = 511", "512 to 65519"},
    {"[discovery]\nenabled = true", "yes or no"},
    {"[discovery]\nttl = 2", "3 to 3600"},
    {"[discovery]\ninterfaces = averyveryverylongname", "names of up to 64 interfaces"},
    {"[discovery]\ninterfaces =; a", "names of up to 64 interfaces"},
    {"[discovery]\ninterfaces = a, \r, b", "names of up to 64 interfaces"},
    {"\n# " HEX_ONES HEX_ONES HEX_ONES HEX_ONES "\n", "line 2: at most 198 characters"},
    {"[echo]\nallow =", "line 2: [echo] allow = : expected up to 64 device ids"},
    {"[echo]\nallow = a,,b c\\", "line 2"},
    {"[echo]\nallow = a none", "line 2"}, // written again it would be nobody
    {"[echo]\nport = 7", "[echo] port is unknown"},
    {"[file]\ndirectory = files", "line 2: [file] directory = files: expected the absolute path"},
    {"[file]\ndirectory = /a\ndirectory = /b", "line 3: [file] directory is given twice"},
    {"[file]\nallow = a", "x.ini: [file] directory is missing"},
    {"[file]\nmax-size = 0", "line 2"},
    {"[file]\nmax-size = 1X", "line 2"},
    {"[file]\nmax-size = 1KK", "line 2"},
    {"[file]\nmax-size = 9999999T", "line 2"},
    {"[tcp ssh]\nallow = a", "x.ini: [tcp ssh] address is missing"},
    {"[tcp ssh]\naddress = localhost:22", "line 2: [tcp ssh] address = localhost:22: expected"},
    {"[tcp ssh]\naddress = 127.0.0.1", "line 2"},
    {"[tcp echo]\naddress = 127.0.0.1:7", "line 2: [tcp echo]: expected [tcp NAME]"},
    {"[tcp a b]\naddress = 127.0.0.1:7", "line 2: [tcp a b]: expected [tcp NAME]"},
    {"[tcp ]\naddress = 127.0.0.1:7", "line 2"},
    {"[node\nport = 1", "line 1"},
    {"[node]\njust some words", "line 2"},
};

static void test_mistakes_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        struct config config;
        struct fault fault = {0};
        config_default(&config);
        if (config_parse(&config, &fault, bad_rows[i].text, "x.ini")) {
            fail_msg("row %zu was taken", i);
        }
        if (strstr(fault.text, bad_rows[i].complaint) == NULL) {
            fail_msg("row %zu: %s", i, fault.text);
        }
    }
}

// What is shown is a file that says the same.
static void test_format_reads_back(void **state)
{
    static const char text[] = "[node]\nport = 4000\nlisten = [fd00::1]\n[discovery]\ninterfaces = "
                               "eth0, wlan0\nmulticast = no\n[echo]\nallow = a b\n[file]\n"
                               "directory = /x\n[tcp y]\naddress = [::1]:9\nallow = *\n";
    struct config config, again;
    struct fault fault;

    (void)state;
    config_default(&config);
    assert_true(config_parse(&config, &fault, text, "x.ini"));
    char *shown = config_format(&config);
    assert_non_null(shown);
    config_default(&again);
    if (!config_parse(&again, &fault, shown, "shown")) {
        fail_msg("%s", fault.text);
    }
    char *second = config_format(&again);
    assert_string_equal(shown, second);
    assert_int_equal(again.port, 4000);
    assert_false(again.multicast);
    assert_int_equal(again.service_count, 3);
    assert_int_equal(again.services[0].allow_count, 2);
    free(shown);
    free(second);
}

static void test_file(void **state)
{
    struct config config;
    struct fault fault;

    (void)state;
    assert_true(config_load(&config, &fault, "/nonexistent/dsoftbusd.ini", false));
    assert_int_equal(config.port, 34567);
    assert_false(config_load(&config, &fault, "/nonexistent/dsoftbusd.ini", true));
    assert_non_null(strstr(fault.text, "/nonexistent/dsoftbusd.ini"));
    assert_false(config_load(&config, &fault, "/", false)); // a directory
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),          cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_services),          cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_format_reads_back), cmocka_unit_test(test_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
