// SPDX-License-Identifier: Apache-2.0
// Identity files and state files.
#include "tests/unit/host_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "host/common/exit_code.h"
#include "host/common/identity_files.h"
#include "host/common/state_file.h"

static const char *const key_names[] = {"key", "elsewhere"};

static void write_file(const struct test_directory *directory, const char *text, mode_t mode)
{
    int fd = openat(directory->fd, "key", O_WRONLY | O_CREAT | O_TRUNC, mode);

    assert_true(fd >= 0 && fchmod(fd, mode) == 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static bool is_zero(const struct private_key *key)
{
    static const struct private_key zero;

    return memcmp(key, &zero, sizeof zero) == 0;
}

static void test_key_reads_back(void **state)
{
    struct private_key key, back;
    char text[KEY_TEXT_CHARS];

    (void)state;
    assert_true(private_key_generate(&key));
    private_key_format(text, &key);
    assert_int_equal(text[KEY_TEXT_CHARS - 1], '\n');
    assert_true(private_key_parse(&back, text, sizeof text));
    assert_memory_equal(&key, &back, sizeof key);
    assert_true(private_key_parse(&back, text, sizeof text - 1)); // without the line end
    text[5] = 'g';
    assert_false(private_key_parse(&back, text, sizeof text));
    assert_true(is_zero(&back));
    assert_false(private_key_parse(&back, text, 0));
}

struct key_row {
    const char *text;
    mode_t mode;
    const char *complaint; // NULL: taken
};

static const struct key_row key_rows[] = {
    {HEX_ONES "\n", 0600, NULL},
    {HEX_ONES, 0400, NULL},
    {HEX_ONES "\n", 0640, "mode 0640"},
    {HEX_ONES "\n", 0604, "mode 0604"},
    {HEX_ONES "\n", 0622, "mode 0622"},
    {"", 0600, "damaged"},
    {"1111\n", 0600, "damaged"},
    {HEX_ONES "1\n", 0600, "damaged"},
    {HEX_ONES "\n" HEX_ONES, 0600, "damaged"},
};

static void test_key_file(void **state)
{
    struct test_directory directory = test_directory_make();
    struct private_key key;
    struct fault fault;

    (void)state;
    assert_false(private_key_load(&key, &fault, directory.fd));
    assert_non_null(strstr(fault.text, "dsoftbus init"));
    for (size_t i = 0; i < COUNT(key_rows); i++) {
        write_file(&directory, key_rows[i].text, key_rows[i].mode);
        const char *complaint = key_rows[i].complaint;
        bool good = private_key_load(&key, &fault, directory.fd);
        if (good != (complaint == NULL)) {
            fail_msg("row %zu: %s", i, fault.text);
        }
        if (complaint == NULL) {
            assert_int_equal(key.bytes[31], 0x11);
        } else {
            assert_true(is_zero(&key));
            assert_int_equal(fault.exit_code, EXIT_NO_STATE);
            assert_non_null(strstr(fault.text, complaint));
            assert_null(strstr(fault.text, "1111111"));
        }
        private_key_wipe(&key);
        assert_int_equal(unlinkat(directory.fd, "key", 0), 0);
    }
    test_directory_remove(&directory, key_names, COUNT(key_names));
}

static void test_key_behind_a_link(void **state)
{
    struct test_directory directory = test_directory_make();
    struct private_key key;
    struct fault fault;

    (void)state;
    write_file(&directory, HEX_ONES, 0600);
    assert_int_equal(renameat(directory.fd, "key", directory.fd, "elsewhere"), 0);
    assert_int_equal(symlinkat("elsewhere", directory.fd, "key"), 0);
    assert_false(private_key_load(&key, &fault, directory.fd));
    assert_true(is_zero(&key));
    test_directory_remove(&directory, key_names, COUNT(key_names));
}

struct card_row {
    const char *text;
    bool good;
};

static const struct card_row card_rows[] = {
    {"node-a " HEX_ONES "\n", true},
    {"node-a\t" HEX_ONES, true},
    {"node-a " HEX_ONES " \r\nand more lines\n", true},
    {"", false},
    {"node-a", false},
    {"node-a \n" HEX_ONES, false},
    {" node-a " HEX_ONES, false},
    {"node!a " HEX_ONES, false},
    {"node-a " HEX_ONES "1", false},
    {"node-a " HEX_ONES " more", false},
    {"node-a x" HEX_ONES, false},
};

static void test_cards(void **state)
{
    char text[CARD_CHARS_MAX];
    struct card card;
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < COUNT(card_rows); i++) {
        if (card_parse(&card, &fault, card_rows[i].text, "this") != card_rows[i].good) {
            fail_msg("row %zu", i);
        }
        if (card_rows[i].good) {
            card_format(text, &card);
            assert_string_equal(text, card_rows[0].text);
        }
    }
    memset(&card, 'x', sizeof card);
    card.id.len = DEVICE_ID_BYTES_MAX;
    card_format(text, &card);
    assert_int_equal(strlen(text), CARD_CHARS_MAX - 1);
}

static void test_replace_and_create(void **state)
{
    static const char *const names[] = {"f"};
    struct test_directory directory = test_directory_make();
    struct fault fault;
    bool missing;
    size_t len;

    (void)state;
    assert_null(state_file_read(&len, &missing, &fault, directory.fd, "f", 10));
    assert_true(missing);
    assert_true(state_file_create(&fault, directory.fd, "f", "one", 3));
    assert_false(state_file_create(&fault, directory.fd, "f", "two", 3)); // what is there stays
    char *text = state_file_read(&len, &missing, &fault, directory.fd, "f", 10);
    assert_string_equal(text, "one");
    free(text);
    assert_true(state_file_replace(&fault, directory.fd, "f", "three", 5));
    text = state_file_read(&len, &missing, &fault, directory.fd, "f", 5);
    assert_string_equal(text, "three");
    free(text);
    assert_null(
        state_file_read(&len, &missing, &fault, directory.fd, "f", 4)); // larger than allowed
    assert_false(missing);
    test_directory_remove(&directory, names, COUNT(names)); // and no other file is left
}

// A replacement that fails leaves the old file, and nothing else.
static void test_failed_replace(void **state)
{
    static const char *const names[] = {"f"};
    struct test_directory directory = test_directory_make();
    int status;

    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct fault fault;
        struct rlimit limit = {.rlim_cur = 4, .rlim_max = 4}; // no file may be larger than 4 bytes
        bool ok = state_file_replace(&fault, directory.fd, "f", "old", 3);
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        ok = ok && !state_file_replace(&fault, directory.fd, "f", "much longer", 11);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct fault fault;
    size_t len;
    char *text = state_file_read(&len, NULL, &fault, directory.fd, "f", 100);
    assert_string_equal(text, "old");
    free(text);
    test_directory_remove(&directory, names, COUNT(names));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_reads_back),     cmocka_unit_test(test_key_file),
        cmocka_unit_test(test_key_behind_a_link),  cmocka_unit_test(test_cards),
        cmocka_unit_test(test_replace_and_create), cmocka_unit_test(test_failed_replace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
