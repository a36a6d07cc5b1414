// SPDX-License-Identifier: Apache-2.0
// Record plaintexts, the TLVs of message 3 and READY, and the names of reasons.
#include "tests/unit/noise_fixture.h"

#include "dsoftbus/record.h"

struct record_row {
    const char *name;
    const char *hex;
    enum close_reason reason;
};

#define BYTES_31 "01010101010101010101010101010101010101010101010101010101010101"
#define BYTES_32 BYTES_31 "01"
#define NAME_16  "61616161616161616161616161616161"
#define NAME_64  NAME_16 NAME_16 NAME_16 NAME_16

static const struct record_row record_rows[] = {
    {"empty", "", REASON_RECORD_LENGTH},
    {"three bytes", "020000", REASON_RECORD_LENGTH},
    {"READY", "01000000", REASON_NONE},
    {"PING", "020000000102030405060708", REASON_NONE},
    {"PONG", "030000000102030405060708", REASON_NONE},
    {"BYE", "0900000008", REASON_NONE},
    {"type 0", "00000000", REASON_RECORD_TYPE},
    {"OPEN", "0400000100001000666f6f", REASON_NONE},
    {"OPEN of the longest name", "0400ffff00000000" NAME_64, REASON_NONE},
    {"OPENED", "0500000100001000", REASON_NONE},
    {"DATA", "0600000141", REASON_NONE},
    {"DATA, the last", "0601000141", REASON_NONE},
    {"DATA, the end alone", "06010001", REASON_NONE},
    {"WINDOW", "0700000100001000", REASON_NONE},
    {"CLOSE", "0800000100", REASON_NONE},
    {"CLOSE with a reserved reason", "08000001ff", REASON_NONE},
    {"REKEY", "0a000000", REASON_NONE},
    {"PAIR_COMMIT", "0b000000" BYTES_32, REASON_NONE},
    {"PAIR_NONCE", "0c000000" BYTES_32, REASON_NONE},
    {"PAIR_OPEN", "0d000000" BYTES_32, REASON_NONE},
    {"type 14", "0e000000", REASON_RECORD_TYPE},
    {"type 255", "ff000000", REASON_RECORD_TYPE},
    {"type before flags", "ff010000", REASON_RECORD_TYPE},
    {"PING with flag 1", "020100000102030405060708", REASON_RECORD_FLAGS},
    {"PING with flag 128", "028000000102030405060708", REASON_RECORD_FLAGS},
    {"OPEN with flag 1", "0401000100001000666f6f", REASON_RECORD_FLAGS},
    {"WINDOW with flag 1", "0701000100001000", REASON_RECORD_FLAGS},
    {"CLOSE with flag 1", "0801000100", REASON_RECORD_FLAGS},
    {"REKEY with flag 1", "0a010000", REASON_RECORD_FLAGS},
    {"DATA with flag 2", "0602000141", REASON_RECORD_FLAGS},
    {"DATA with flags 3", "0603000141", REASON_RECORD_FLAGS},
    {"flags before stream", "020100010102030405060708", REASON_RECORD_FLAGS},
    {"PING on stream 1", "020000010102030405060708", REASON_RECORD_STREAM},
    {"BYE on stream 256", "0900010000", REASON_RECORD_STREAM},
    {"READY on stream 1", "01000001", REASON_RECORD_STREAM},
    {"REKEY on stream 1", "0a000001", REASON_RECORD_STREAM},
    {"PAIR_COMMIT on stream 1", "0b000001" BYTES_32, REASON_RECORD_STREAM},
    {"OPEN on stream 0", "0400000000001000666f6f", REASON_RECORD_STREAM},
    {"OPENED on stream 0", "0500000000001000", REASON_RECORD_STREAM},
    {"DATA on stream 0", "0600000041", REASON_RECORD_STREAM},
    {"WINDOW on stream 0", "0700000000001000", REASON_RECORD_STREAM},
    {"CLOSE on stream 0", "0800000000", REASON_RECORD_STREAM},
    {"stream before body", "02000001", REASON_RECORD_STREAM},
    {"PING without token", "02000000", REASON_RECORD_BODY},
    {"PING of 7", "0200000001020304050607", REASON_RECORD_BODY},
    {"PONG of 9", "03000000010203040506070809", REASON_RECORD_BODY},
    {"BYE without reason", "09000000", REASON_RECORD_BODY},
    {"BYE of 2", "090000000101", REASON_RECORD_BODY},
    {"OPEN without a name", "0400000100001000", REASON_RECORD_BODY},
    {"OPEN without a window", "04000001000010", REASON_RECORD_BODY},
    {"OPEN with a name of 65", "0400000100001000" NAME_64 "61", REASON_RECORD_BODY},
    {"OPEN with a name that is not UTF-8", "0400000100001000c341", REASON_RECORD_BODY},
    {"OPENED of 3", "05000001001000", REASON_RECORD_BODY},
    {"OPENED of 5", "050000010000100000", REASON_RECORD_BODY},
    {"DATA of nothing", "06000001", REASON_RECORD_BODY},
    {"WINDOW of 3", "07000001001000", REASON_RECORD_BODY},
    {"WINDOW of 5", "070000010000100000", REASON_RECORD_BODY},
    {"CLOSE without reason", "08000001", REASON_RECORD_BODY},
    {"CLOSE of 2", "080000010000", REASON_RECORD_BODY},
    {"REKEY with a body", "0a00000000", REASON_RECORD_BODY},
    {"PAIR_COMMIT of 31", "0b000000" BYTES_31, REASON_RECORD_BODY},
    {"PAIR_NONCE of 33", "0c000000" BYTES_32 "01", REASON_RECORD_BODY},
    {"PAIR_OPEN of nothing", "0d000000", REASON_RECORD_BODY},
};

static void test_record_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(record_rows); i++) {
        uint8_t bytes[96];
        struct record record;
        size_t len = hex_decode(bytes, sizeof bytes, record_rows[i].hex);
        memset(&record, 0xa5, sizeof record);
        enum close_reason reason = record_decode(&record, bytes, len);
        if (reason != record_rows[i].reason) {
            fail_msg("row %zu (%s): %s", i, record_rows[i].name, close_reason_name(reason));
        }
        if (reason != REASON_NONE) {
            assert_zero(&record, sizeof record);
        } else {
            assert_int_equal(record.type, bytes[0]);
            assert_int_equal(record.flags, bytes[1]);
            assert_int_equal(record.stream, bytes[2] << 8 | bytes[3]);
            assert_ptr_equal(record.body, bytes + 4);
            assert_int_equal(record.body_len, len - 4);
        }
    }
}

struct hello_row {
    const char *name;
    const char *hex;
    bool message_3, ready; // accepted there
};

#define CAPS    "010400000000"
#define RECORDS "02021000"
#define STREAMS "03020000"
#define ID      "04066e6f64652d62"

static const struct hello_row hello_rows[] = {
    {"message 3", CAPS RECORDS STREAMS ID, true, false},
    {"READY", CAPS RECORDS STREAMS, false, true},
    {"another order", ID STREAMS RECORDS CAPS, true, false},
    {"unknown capabilities are ignored", "0104ffffffff" RECORDS STREAMS, false, true},
    {"an unknown type up to 127", CAPS "7f03aabbcc" RECORDS STREAMS, false, true},
    {"unknown type 0", "0000" CAPS RECORDS STREAMS, false, true},
    {"unknown types may repeat",
     "0500"
     "0500" CAPS RECORDS STREAMS,
     false, true},
    {"an unknown type above 127", CAPS RECORDS STREAMS "8000", false, false},
    {"unknown type 255", "ff00" CAPS RECORDS STREAMS, false, false},
    {"nothing", "", false, false},
    {"no capabilities", RECORDS STREAMS, false, false},
    {"no record size", CAPS STREAMS, false, false},
    {"no streams", CAPS RECORDS, false, false},
    {"capabilities twice", CAPS CAPS RECORDS STREAMS, false, false},
    {"record size twice", CAPS RECORDS RECORDS STREAMS, false, false},
    {"streams twice", CAPS RECORDS STREAMS STREAMS, false, false},
    {"id twice", CAPS RECORDS STREAMS ID ID, false, false},
    {"capabilities of 3", "0103000000" RECORDS STREAMS, false, false},
    {"record size of 3", CAPS "0203001000" STREAMS, false, false},
    {"streams of 1", CAPS RECORDS "030100", false, false},
    {"record size 511", CAPS "020201ff" STREAMS, false, false},
    {"record size 512", CAPS "02020200" STREAMS, false, true},
    {"record size 65519", CAPS "0202ffef" STREAMS, false, true},
    {"record size 65520", CAPS "0202fff0" STREAMS, false, false},
    {"empty id", CAPS RECORDS STREAMS "0400", false, false},
    {"id not UTF-8", CAPS RECORDS STREAMS "0402c341", false, false},
    {"half a header", CAPS RECORDS STREAMS "05", false, false},
    {"cut value", CAPS RECORDS STREAMS "0503aabb", false, false},
};

static void test_hello_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hello_rows); i++) {
        const struct hello_row *row = &hello_rows[i];
        uint8_t bytes[64];
        size_t len = hex_decode(bytes, sizeof bytes, row->hex);
        for (int message_3 = 0; message_3 < 2; message_3++) {
            struct hello hello;
            memset(&hello, 0xa5, sizeof hello);
            bool good = hello_decode(&hello, message_3 == 1, bytes, len);
            if (good != (message_3 == 1 ? row->message_3 : row->ready)) {
                fail_msg("row %zu (%s)", i, row->name);
            }
            if (!good) {
                assert_zero(&hello, sizeof hello);
            }
        }
    }
}

static void test_id_of_65(void **state)
{
    (void)state;
    uint8_t bytes[128];
    struct hello hello;
    size_t len = hex_decode(bytes, sizeof bytes, CAPS RECORDS STREAMS);

    bytes[len] = 4;
    bytes[len + 1] = 64;
    memset(bytes + len + 2, 'x', 65);
    assert_true(hello_decode(&hello, true, bytes, len + 2 + 64));
    assert_int_equal(hello.id.len, 64);
    bytes[len + 1] = 65;
    assert_false(hello_decode(&hello, true, bytes, len + 2 + 65));
}

static void test_hello_encode(void **state)
{
    (void)state;
    struct hello in = {.capabilities = 0, .record_plaintext_max = 4096, .streams_max = 0}, out;
    uint8_t bytes[HELLO_BYTES_MAX];

    assert_int_equal(hello_encode(bytes, &in), 14);
    assert_hex(bytes, 14, CAPS RECORDS STREAMS);
    assert_true(device_id_set(&in.id, (const uint8_t *)"node-b", 6));
    size_t len = hello_encode(bytes, &in);
    assert_hex(bytes, len, CAPS RECORDS STREAMS ID);
    assert_true(hello_decode(&out, true, bytes, len));
    assert_memory_equal(&in, &out, sizeof in);
}

static void test_names(void **state)
{
    (void)state;
    for (int i = REASON_NONE; i <= REASON_INTERNAL; i++) {
        const char *name = close_reason_name((enum close_reason)i);
        assert_string_not_equal(name, "unknown");
        for (int j = REASON_NONE; j < i; j++) {
            assert_string_not_equal(name, close_reason_name((enum close_reason)j));
        }
    }
    assert_string_equal(bye_reason_name(0), "normal");
    assert_string_equal(bye_reason_name(8), "replaced");
    assert_string_equal(bye_reason_name(9), "reserved");
    assert_string_equal(bye_reason_name(255), "reserved");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_decode), cmocka_unit_test(test_hello_decode),
        cmocka_unit_test(test_id_of_65),      cmocka_unit_test(test_hello_encode),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
