// SPDX-License-Identifier: Apache-2.0
// The key scan's reading of captures: what TCP makes of segments, and files that are no captures.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/qemu/keyscan/capture.h"
#include "tests/unit/keyscan_capture.h"

enum { OPENER = 50000, OTHER = 34567 };

static struct made made;
static struct capture capture;

static int setup(void **state)
{
    (void)state;
    made_start(&made);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    capture_free(&capture);
    return 0;
}

static void parse(void)
{
    assert_int_equal(capture_parse(&capture, made.bytes, made.len), CAPTURE_OK);
}

static void refuse(enum capture_error error)
{
    assert_int_equal(capture_parse(&capture, made.bytes, made.len), error);
    assert_null(capture.connections);
    assert_int_equal(capture.count, 0);
    assert_string_not_equal(capture_error_name(error), "unknown");
}

// SYN of both sides; the first bytes are numbered `first` and `first` + 1000.
static void opening(uint32_t first)
{
    made_packet(&made, OPENER, OTHER, first - 1, MADE_SYN, "", 0);
    made_packet(&made, OTHER, OPENER, first + 999, MADE_SYN | MADE_ACK, "", 0);
}

static void forth(uint32_t sequence, const char *text)
{
    made_packet(&made, OPENER, OTHER, sequence, MADE_ACK, text, strlen(text));
}

static void back(uint32_t sequence, const char *text)
{
    made_packet(&made, OTHER, OPENER, sequence, MADE_ACK, text, strlen(text));
}

static void expect(const struct tcp_stream *stream, const char *text, size_t whole_len)
{
    assert_int_equal(stream->len, strlen(text));
    assert_memory_equal(stream->data, text, strlen(text));
    assert_int_equal(stream->whole_len, whole_len);
}

static void test_both_directions(void **state)
{
    (void)state;
    opening(5);
    forth(5, "ab");
    back(1005, "12");
    forth(7, "cd");
    back(1007, "3");
    parse();
    assert_int_equal(capture.count, 1);
    assert_int_equal(capture.connections[0].opener.port, OPENER);
    expect(&capture.connections[0].sent, "abcd", 4);
    expect(&capture.connections[0].received, "123", 3);
}

static void test_repeated_overlapping_and_out_of_order(void **state)
{
    (void)state;
    opening(5);
    made_packet(&made, OPENER, OTHER, 4, MADE_SYN, "", 0); // SYN again
    forth(9, "ef");
    forth(5, "ab");
    forth(5, "ab");
    forth(6, "bcde");
    forth(4, "x"); // a probe
    parse();
    assert_int_equal(capture.count, 1);
    expect(&capture.connections[0].sent, "abcdef", 6);
}

static void test_sequence_numbers_wrap(void **state)
{
    (void)state;
    opening(UINT32_MAX - 1);
    forth(0, "cd");
    forth(UINT32_MAX - 1, "abX");
    parse();
    expect(&capture.connections[0].sent, "abXd", 4); // the first in order of the stream counts
}

static void test_a_port_is_used_again(void **state)
{
    (void)state;
    opening(5);
    forth(5, "old");
    opening(70000);
    forth(70000, "new");
    parse();
    assert_int_equal(capture.count, 2);
    expect(&capture.connections[0].sent, "old", 3);
    expect(&capture.connections[1].sent, "new", 3);
}

static void test_a_gap_is_known(void **state)
{
    (void)state;
    opening(5);
    forth(5, "ab");
    forth(9, "ef");
    back(1007, "3");
    parse();
    expect(&capture.connections[0].sent, "abef", 2);
    expect(&capture.connections[0].received, "3", 0);
}

// What nobody takes for a segment is no part of a stream, but counted.
static void test_frames_of_no_use(void **state)
{
    (void)state;
    uint8_t frame[2048];
    static const struct row {
        size_t at;
        uint8_t flip;
    } rows[] = {{12, 8}, {14, 0x40}, {14, 8}, {17, 1},    {23, 1},
                {24, 1}, {26, 1},    {40, 1}, {46, 0xf0}, {54, 1}};
    opening(5);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = made_segment(frame, OPENER, OTHER, 5, MADE_ACK, "ab", 2);
        frame[rows[i].at] ^= rows[i].flip;
        made_frame(&made, frame, len);
    }
    for (size_t len = 0; len < 56; len++) {
        made_segment(frame, OPENER, OTHER, 5, MADE_ACK, "ab", 2);
        made_frame(&made, frame, len);
    }
    parse();
    assert_int_equal(capture.count, 1);
    assert_int_equal(capture.connections[0].sent.len, 0);
    assert_int_equal(capture.frames_unused, sizeof rows / sizeof rows[0] + 56);
    assert_int_equal(capture.frames, capture.frames_unused + 2);
}

// Not so if the header that says so is damaged.
static void test_a_fragment_is_an_error(void **state)
{
    (void)state;
    uint8_t frame[2048];
    opening(5);
    for (unsigned bit = 0; bit < 14; bit++) { // offset and "more fragments"
        size_t before = made.len;
        size_t len = made_segment(frame, OPENER, OTHER, 5, MADE_ACK, "ab", 2);
        made_16(frame + 20, 1u << bit);
        made_frame(&made, frame, len);
        parse();
        assert_int_equal(capture.frames_unused, 1);
        capture_free(&capture);
        made.len = before;

        made_16(frame + 24, 0);
        made_16(frame + 24, made_sum(0, frame + 14, 20) ^ 0xffff);
        made_frame(&made, frame, len);
        refuse(CAPTURE_FRAGMENT);
        made.len = before;
    }
}

static void test_data_without_a_beginning(void **state)
{
    (void)state;
    forth(5, "ab");
    refuse(CAPTURE_ORPHAN);
    made_start(&made);
    made_packet(&made, OPENER, OTHER, 4, MADE_SYN, "", 0);
    back(7, "ab"); // before the answer's SYN
    refuse(CAPTURE_ORPHAN);
}

static void test_a_reset_without_a_beginning_is_no_matter(void **state)
{
    (void)state;
    made_packet(&made, OPENER, OTHER, 4, MADE_RST, "", 0);
    parse();
    assert_int_equal(capture.count, 0);
}

// Cut anywhere but between two frames it is an error.
static void test_a_short_file(void **state)
{
    (void)state;
    size_t ends[5] = {made.len}, known = 1, whole;
    opening(5);
    ends[known++] = 24 + 16 + 54;
    ends[known++] = made.len;
    forth(5, "ab");
    whole = made.len;
    for (made.len = 0; made.len < whole; made.len++) {
        bool between = false;
        for (size_t i = 0; i < known; i++) {
            between = between || made.len == ends[i];
        }
        if (between) {
            parse();
            capture_free(&capture);
        } else {
            refuse(CAPTURE_SHORT);
        }
    }
    made.len = whole;
    made_put(&made, "", 1);
    refuse(CAPTURE_SHORT);
}

static void test_another_kind_of_file(void **state)
{
    (void)state;
    static const size_t at[] = {0, 3, 20, 23}; // magic, link type
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        made.bytes[at[i]] ^= 0x80;
        refuse(CAPTURE_FORMAT);
        made.bytes[at[i]] ^= 0x80;
    }
    opening(5);
    made.bytes[24 + 12]++; // the frame was longer
    refuse(CAPTURE_CUT_FRAME);
    made.bytes[24 + 12]--;
    made.bytes[24 + 8 + 3] = made.bytes[24 + 12 + 3] = 0xff; // 4 GiB
    refuse(CAPTURE_SHORT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_both_directions),
        TEST(test_repeated_overlapping_and_out_of_order),
        TEST(test_sequence_numbers_wrap),
        TEST(test_a_port_is_used_again),
        TEST(test_a_gap_is_known),
        TEST(test_frames_of_no_use),
        TEST(test_a_fragment_is_an_error),
        TEST(test_data_without_a_beginning),
        TEST(test_a_reset_without_a_beginning_is_no_matter),
        TEST(test_a_short_file),
        TEST(test_another_kind_of_file),
    };
    return cmocka_run_group_tests_name("keyscan_capture", tests, NULL, NULL);
}
