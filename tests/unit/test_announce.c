// SPDX-License-Identifier: Apache-2.0
// NXSB announce v1: golden bytes, every error and the order of the checks, the trailer.
#include "tests/unit/noise_fixture.h"

#include "dsoftbus/announce.h"

// The published original: node9, port 37020, a key of 32 times 11, two services.
static const char node9[] = "4e58534201056e6f646539909c"
                            "1111111111111111111111111111111111111111111111111111111111111111"
                            "020673616d6772640a62756e646c656d677264";
static const char node_b[] = "4e58534201066e6f64652d628708"
                             "ba9f625f38c5663d272ae4ad91849d9fd075b2c95bbb7dee6b3d799db77e4526"
                             "010964736f667462757364";
static const char node_a[] =
    "4e58534201066e6f64652d61870724260eb6eddf8284e4cb6e9169ce2e0b"
    "a1b21c5c3bed796e41a8853b82abaa4d020673616d6772640a62756e646c656d677264";

static void assert_text(const uint8_t *bytes, size_t len, const char *text)
{
    assert_int_equal(len, strlen(text));
    assert_memory_equal(bytes, text, len);
}

static void assert_round_trip(const char *hex, struct announce *announce)
{
    uint8_t in[ANNOUNCE_BYTES_MAX], out[ANNOUNCE_BYTES_MAX];
    size_t in_len = hex_decode(in, sizeof in, hex);
    size_t out_len;

    assert_int_equal(announce_decode(announce, in, in_len), ANNOUNCE_OK);
    assert_int_equal(announce_encode(out, sizeof out, &out_len, announce), ANNOUNCE_OK);
    assert_int_equal(out_len, in_len);
    assert_memory_equal(out, in, in_len);
}

static void test_golden_bytes(void **state)
{
    (void)state;
    struct announce a;

    assert_round_trip(node9, &a);
    assert_text(a.id.bytes, a.id.len, "node9");
    assert_int_equal(a.port, 37020);
    for (size_t i = 0; i < DSB_KEY_BYTES; i++) {
        assert_int_equal(a.static_key[i], 0x11);
    }
    assert_int_equal(a.service_count, 2);
    assert_text(a.services[0].bytes, a.services[0].len, "samgrd");
    assert_text(a.services[1].bytes, a.services[1].len, "bundlemgrd");
    assert_false(a.has_trailer);
    assert_int_equal(a.ttl_s, 60);

    assert_round_trip(node_b, &a);
    assert_text(a.id.bytes, a.id.len, "node-b");
    assert_int_equal(a.port, 34568);
    assert_int_equal(a.service_count, 1);
    assert_text(a.services[0].bytes, a.services[0].len, "dsoftbusd");

    assert_round_trip(node_a, &a);
    assert_text(a.id.bytes, a.id.len, "node-a");
    assert_int_equal(a.port, 34567);
}

// node9, so: id length at 5, id at 6, port at 11, key at 13, service count at 45, first service at 46, second at 53.
struct error_row {
    const char *name;
    size_t len; // 0: all 64
    uint8_t at[3], value[3];
    size_t changes;
    enum announce_error error;
};

static const struct error_row error_rows[] = {
    {"empty", SIZE_MAX, {0}, {0}, 0, ANNOUNCE_TRUNCATED},
    {"3 bytes, wrong ones: length comes first", 3, {0}, {0}, 1, ANNOUNCE_TRUNCATED},
    {"magic alone", 4, {0}, {0}, 0, ANNOUNCE_TRUNCATED},
    {"4 bytes with another magic", 4, {3}, {'C'}, 1, ANNOUNCE_BAD_MAGIC},
    {"5 bytes, also another version", 5, {4}, {2}, 1, ANNOUNCE_TRUNCATED},
    {"magic before version", 0, {0, 4}, {'n', 2}, 2, ANNOUNCE_BAD_MAGIC},
    {"version 0", 0, {4}, {0}, 1, ANNOUNCE_UNSUPPORTED_VERSION},
    {"version 2", 0, {4}, {2}, 1, ANNOUNCE_UNSUPPORTED_VERSION},
    {"version before id length", 6, {4, 5}, {2, 0}, 2, ANNOUNCE_UNSUPPORTED_VERSION},
    {"id length 0", 0, {5}, {0}, 1, ANNOUNCE_BAD_DEVICE_ID_LENGTH},
    {"id length 65", 0, {5}, {65}, 1, ANNOUNCE_BAD_DEVICE_ID_LENGTH},
    {"id length 255 before truncation", 6, {5}, {255}, 1, ANNOUNCE_BAD_DEVICE_ID_LENGTH},
    {"ends after the port", 13, {0}, {'N'}, 1, ANNOUNCE_TRUNCATED},
    {"ends before the service count", 45, {0}, {'N'}, 1, ANNOUNCE_TRUNCATED},
    {"truncation before UTF-8 of the id", 45, {6}, {0xff}, 1, ANNOUNCE_TRUNCATED},
    {"id not UTF-8", 0, {6}, {0xff}, 1, ANNOUNCE_BAD_UTF8},
    {"UTF-8 of the id before the service count", 0, {6, 45}, {0xff, 17}, 2, ANNOUNCE_BAD_UTF8},
    {"17 services", 0, {45}, {17}, 1, ANNOUNCE_TOO_MANY_SERVICES},
    {"service count before the first service", 46, {45}, {17}, 1, ANNOUNCE_TOO_MANY_SERVICES},
    {"no first service", 46, {0}, {'N'}, 1, ANNOUNCE_TRUNCATED},
    {"service of length 0", 0, {46}, {0}, 1, ANNOUNCE_BAD_SERVICE_LENGTH},
    {"service of length 65", 0, {46}, {65}, 1, ANNOUNCE_BAD_SERVICE_LENGTH},
    {"service length before truncation", 47, {46}, {65}, 1, ANNOUNCE_BAD_SERVICE_LENGTH},
    {"service cut", 52, {0}, {'N'}, 1, ANNOUNCE_TRUNCATED},
    {"service cut before its UTF-8", 52, {47}, {0xff}, 1, ANNOUNCE_TRUNCATED},
    {"service not UTF-8", 0, {47}, {0xff}, 1, ANNOUNCE_BAD_UTF8},
    {"first service before the second", 0, {47, 53}, {0xff, 0}, 2, ANNOUNCE_BAD_UTF8},
    {"second service missing", 53, {0}, {'N'}, 1, ANNOUNCE_TRUNCATED},
    {"second service of length 0", 0, {53}, {0}, 1, ANNOUNCE_BAD_SERVICE_LENGTH},
    {"second service cut", 63, {0}, {'N'}, 1, ANNOUNCE_TRUNCATED},
    {"a third service is announced", 0, {45}, {3}, 1, ANNOUNCE_TRUNCATED},
};

static void test_errors_and_their_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(error_rows); i++) {
        const struct error_row *row = &error_rows[i];
        uint8_t bytes[64];
        struct announce out;
        size_t len = hex_decode(bytes, sizeof bytes, node9);
        for (size_t j = 0; j < row->changes; j++) {
            bytes[row->at[j]] = row->value[j];
        }
        len = row->len == SIZE_MAX ? 0 : row->len == 0 ? len : row->len;
        memset(&out, 0xa5, sizeof out);
        enum announce_error error = announce_decode(&out, bytes, len);
        if (error != row->error) {
            fail_msg("row %zu (%s): %s, not %s", i, row->name, announce_error_name(error),
                     announce_error_name(row->error));
        }
        assert_zero(&out, sizeof out);
    }
}

static void test_every_prefix_is_truncated(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct announce out;

    hex_decode(bytes, sizeof bytes, node9);
    for (size_t len = 0; len < sizeof bytes; len++) {
        assert_int_equal(announce_decode(&out, bytes, len), ANNOUNCE_TRUNCATED);
    }
}

static void test_older_dialects_are_rejected(void **state)
{
    (void)state;
    struct announce out;
    uint8_t ends_after_port[13];

    assert_int_equal(announce_decode(&out, (const uint8_t *)"NXDISC1", 7), ANNOUNCE_BAD_MAGIC);
    hex_decode(ends_after_port, sizeof ends_after_port, "4e58534201056e6f646539909c");
    assert_int_equal(announce_decode(&out, ends_after_port, sizeof ends_after_port),
                     ANNOUNCE_TRUNCATED);
}

struct trailer_row {
    const char *name;
    const char *hex;
    bool kept;
    uint16_t ttl_s;
};

static const struct trailer_row trailer_rows[] = {
    {"boot", "010e0102030405060708000000050078", true, 120},
    {"ttl 0 is taken as 3", "010e0102030405060708000000050000", true, 3},
    {"ttl 2 is taken as 3", "010e0102030405060708000000050002", true, 3},
    {"ttl 3600", "010e0102030405060708000000050e10", true, 3600},
    {"ttl 3601 is taken as 3600", "010e0102030405060708000000050e11", true, 3600},
    {"ttl 65535 is taken as 3600", "010e010203040506070800000005ffff", true, 3600},
    {"an unknown TLV before it", "0903aabbcc010e0102030405060708000000050078", true, 120},
    {"an unknown TLV after it", "010e0102030405060708000000050078ff00", true, 120},
    {"nothing but an unknown TLV", "7f020000", false, 60},
    {"half a TLV header", "01", false, 60},
    {"a value that is cut", "010e01020304050607080000000500", false, 60},
    {"boot and then half a header", "010e010203040506070800000005007807", false, 60},
    {"boot of another length", "010d01020304050607080000000500", false, 60},
    {"two boots", "010e0102030405060708000000050078010e0102030405060708000000050078", false, 60},
};

static void test_trailer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(trailer_rows); i++) {
        const struct trailer_row *row = &trailer_rows[i];
        uint8_t bytes[256];
        struct announce out;
        size_t len = hex_decode(bytes, sizeof bytes, node9);
        len += hex_decode(bytes + len, sizeof bytes - len, row->hex);
        assert_int_equal(announce_decode(&out, bytes, len), ANNOUNCE_OK);
        if (out.has_trailer != row->kept || out.ttl_s != row->ttl_s) {
            fail_msg("row %zu: %s", i, row->name);
        }
        assert_text(out.id.bytes, out.id.len, "node9");
        assert_int_equal(out.seq, row->kept ? 5 : 0);
        assert_int_equal(out.boot_id[7], row->kept ? 8 : 0);
    }
}

static void fill_largest(struct announce *a)
{
    *a = (struct announce){
        .port = 65535, .service_count = 16, .has_trailer = true, .seq = 7, .ttl_s = 60};
    a->id.len = 64;
    memset(a->id.bytes, 'i', 64);
    for (size_t i = 0; i < 16; i++) {
        a->services[i].len = 64;
        memset(a->services[i].bytes, 's', 64);
    }
}

static void test_largest(void **state)
{
    (void)state;
    struct announce a, back;
    uint8_t bytes[ANNOUNCE_BYTES_MAX + 1];
    size_t len;

    fill_largest(&a);
    assert_int_equal(announce_encode(bytes, sizeof bytes, &len, &a), ANNOUNCE_OK);
    assert_int_equal(len, 1145 + 16);
    assert_int_equal(announce_decode(&back, bytes, len), ANNOUNCE_OK);
    assert_memory_equal(&a, &back, sizeof a);
    assert_int_equal(announce_encode(bytes, len - 1, &len, &a), ANNOUNCE_NO_SPACE);
    assert_int_equal(len, 0);
}

static void test_smallest(void **state)
{
    (void)state;
    struct announce a = {.id = {1, "x"}, .port = 1}, back;
    uint8_t bytes[ANNOUNCE_BYTES_MIN];
    size_t len;

    assert_int_equal(announce_encode(bytes, sizeof bytes, &len, &a), ANNOUNCE_OK);
    assert_int_equal(len, 42);
    assert_int_equal(announce_decode(&back, bytes, len), ANNOUNCE_OK);
}

static void test_encoder_refuses_what_the_decoder_would(void **state)
{
    (void)state;
    struct announce bad[5];
    const enum announce_error errors[5] = {ANNOUNCE_BAD_DEVICE_ID_LENGTH, ANNOUNCE_BAD_UTF8,
                                           ANNOUNCE_TOO_MANY_SERVICES, ANNOUNCE_BAD_SERVICE_LENGTH,
                                           ANNOUNCE_BAD_UTF8};
    for (size_t i = 0; i < 5; i++) {
        fill_largest(&bad[i]);
    }
    bad[0].id.len = 0;
    bad[1].id.bytes[63] = 0xc3;
    bad[2].service_count = 17;
    bad[3].services[15].len = 65;
    bad[4].services[15].bytes[0] = 0x80;
    for (size_t i = 0; i < 5; i++) {
        uint8_t bytes[ANNOUNCE_BYTES_MAX];
        size_t len = 9;
        memset(bytes, 0xa5, sizeof bytes);
        assert_int_equal(announce_encode(bytes, sizeof bytes, &len, &bad[i]), errors[i]);
        assert_int_equal(len, 0);
        for (size_t j = 0; j < sizeof bytes; j++) {
            assert_int_equal(bytes[j], 0xa5);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_bytes),
        cmocka_unit_test(test_errors_and_their_order),
        cmocka_unit_test(test_every_prefix_is_truncated),
        cmocka_unit_test(test_older_dialects_are_rejected),
        cmocka_unit_test(test_trailer),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_smallest),
        cmocka_unit_test(test_encoder_refuses_what_the_decoder_would),
    };
    return cmocka_run_group_tests_name("announce", tests, NULL, NULL);
}
