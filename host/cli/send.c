// SPDX-License-Identifier: Apache-2.0
// send: files to a peer's file service. Each goes over a stream of its own; what the peer has of it already is not sent
// again.
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/cli/command.h"
#include "host/cli/streams.h"
#include "host/common/exit_code.h"
#include "host/common/file_protocol.h"
#include "noise/blake2s.h"

enum { PIECE_BYTES = 65536, BAR_CHARS = 30, BAR_EVERY_MS = 100 };

struct sending {
    const char *path;
    int file, stream;
    struct file_header header;
    struct file_answer answer;
    uint64_t resumed_at, sent;
    bool bar;
    uint64_t started_ms, shown_ms;
};

// ---- The bar ----------------------------------------------------------------------------------------

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void show(struct sending *s, const char *verb, uint64_t done, bool always)
{
    double part = s->header.size == 0 ? 1 : (double)done / (double)s->header.size;
    uint64_t now = now_ms(), passed_ms = now - s->started_ms;
    double rate = passed_ms == 0 ? 0 : (double)(done - s->resumed_at) / 1e3 / (double)passed_ms;
    char bar[BAR_CHARS + 1];

    if (!s->bar || (!always && now - s->shown_ms < BAR_EVERY_MS)) {
        return;
    }
    s->shown_ms = now;
    memset(bar, '.', BAR_CHARS);
    memset(bar, '#', (size_t)(part * BAR_CHARS));
    bar[BAR_CHARS] = 0;
    fprintf(stderr, "\r%-24.24s %-8s [%s] %3.0f%% %8.1f MB/s ", s->header.name, verb, bar,
            100 * part, rate);
}

static void end_bar(const struct sending *s)
{
    if (s->bar) {
        fputc('\n', stderr);
    }
}

// ---- The file ---------------------------------------------------------------------------------------

static bool hash_content(struct sending *s, struct fault *fault)
{
    static uint8_t bytes[PIECE_BYTES];
    struct blake2s hash;
    uint64_t done = 0;
    ssize_t got;

    blake2s_init(&hash, FILE_HASH_BYTES, NULL, 0);
    while ((got = read(s->file, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR)) {
        if (got > 0) {
            blake2s_update(&hash, bytes, (size_t)got);
            done += (uint64_t)got;
            show(s, "reading", done < s->header.size ? done : s->header.size, false);
        }
    }
    if (got < 0) {
        return fault_errno(fault, EXIT_FAILED, "cannot read %s", s->path);
    }
    blake2s_final(&hash, s->header.hash);
    s->header.size = done;
    return true;
}

static bool open_file(struct sending *s, struct fault *fault)
{
    char copy[PATH_MAX];
    const char *name;
    struct stat stat;

    snprintf(copy, sizeof copy, "%s", s->path);
    name = basename(copy);
    if (!file_name_good(name, strlen(name))) {
        return fault_set(fault, EXIT_USAGE,
                         "%s: no peer takes a file of this name: 1 to 255 bytes of UTF-8, no "
                         "control characters, no dot in front",
                         s->path);
    }
    snprintf(s->header.name, sizeof s->header.name, "%s", name);
    s->file = open(s->path, O_RDONLY | O_CLOEXEC);
    if (s->file < 0 || fstat(s->file, &stat) != 0) {
        return fault_errno(fault, EXIT_FAILED, "cannot open %s", s->path);
    }
    if (!S_ISREG(stat.st_mode)) {
        return fault_set(fault, EXIT_USAGE, "%s is no regular file", s->path);
    }
    s->header.size = (uint64_t)stat.st_size;
    return hash_content(s, fault);
}

// ---- The stream -------------------------------------------------------------------------------------

// False: the stream takes no more.
static bool send_all(int stream, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(stream, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        if (sent > 0) {
            bytes += sent;
            len -= (size_t)sent;
        }
    }
    return true;
}

// False: it has ended before.
static bool read_answer(struct sending *s)
{
    uint8_t bytes[FILE_ANSWER_BYTES];
    size_t have = 0;

    while (have < sizeof bytes) {
        ssize_t got = recv(s->stream, bytes + have, sizeof bytes - have, 0);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        have += got > 0 ? (size_t)got : 0;
    }
    s->answer = file_answer_decode(bytes);
    return true;
}

// From the offset on. The peer may refuse in the middle; then it says so, and the stream takes no more.
static bool send_content(struct sending *s, struct fault *fault)
{
    static uint8_t bytes[PIECE_BYTES];
    uint64_t at = s->answer.offset;

    s->resumed_at = at;
    s->started_ms = now_ms();
    while (at < s->header.size) {
        uint64_t missing = s->header.size - at;
        ssize_t got =
            pread(s->file, bytes, missing < PIECE_BYTES ? (size_t)missing : PIECE_BYTES, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fault_errno(fault, EXIT_FAILED, "cannot read %s", s->path);
        }
        if (got == 0) {
            return fault_set(fault, EXIT_FAILED, "%s has become shorter while it was sent",
                             s->path);
        }
        if (!send_all(s->stream, bytes, (size_t)got)) {
            return true;
        }
        at += (uint64_t)got;
        s->sent = at - s->resumed_at;
        show(s, "sending", at, at == s->header.size);
    }
    (void)shutdown(s->stream, SHUT_WR);
    return true;
}

// The peer has ended the stream without an answer: the daemon says why, when we have ended it too.
static bool no_answer(const struct sending *s, struct streams *streams, struct fault *fault,
                      uint32_t stream)
{
    (void)shutdown(s->stream, SHUT_WR);
    return streams_wait_end(streams, fault, stream)
               ? fault_set(fault, EXIT_BROKEN, "the peer has ended the stream without an answer")
               : false;
}

static bool refused(const struct sending *s, struct fault *fault)
{
    return fault_set(fault, EXIT_REFUSED, "%s: %s", s->path, file_status_text(s->answer.status));
}

static bool converse(struct sending *s, struct streams *streams, struct fault *fault,
                     uint32_t stream)
{
    uint8_t header[FILE_HEADER_BYTES_MAX];
    size_t len = file_header_encode(header, &s->header);

    if (!send_all(s->stream, header, len) || !read_answer(s)) {
        return no_answer(s, streams, fault, stream);
    }
    if (s->answer.status == FILE_THERE) {
        return true;
    }
    if (s->answer.status != FILE_GO_ON || s->answer.offset > s->header.size) {
        return refused(s, fault);
    }
    if (!send_content(s, fault)) {
        return false;
    }
    if (!read_answer(s)) {
        return no_answer(s, streams, fault, stream);
    }
    return s->answer.status == FILE_GO_ON || refused(s, fault);
}

// ---- The command --------------------------------------------------------------------------------------

static bool send_one(struct sending *s, struct streams *streams, struct fault *fault,
                     struct control_request *request)
{
    uint32_t stream;
    bool good;

    s->started_ms = now_ms();
    if (!open_file(s, fault)) {
        return false;
    }
    s->stream = streams_connect(streams, fault, &stream, request);
    if (s->stream < 0) {
        return false;
    }
    good = converse(s, streams, fault, stream);
    close(s->stream);
    end_bar(s);
    return good;
}

static void report(const struct sending *s, cJSON *list, bool good, const struct fault *fault)
{
    bool there = good && s->answer.status == FILE_THERE;
    cJSON *entry;

    if (list == NULL) {
        if (!good) {
            fprintf(stderr, "dsoftbus: %s\n", fault->text);
        } else if (there) {
            printf("%s: already there\n", s->header.name);
        } else if (s->resumed_at > 0) {
            printf("%s: %llu bytes, %llu of them were there already; verified\n", s->header.name,
                   (unsigned long long)s->header.size, (unsigned long long)s->resumed_at);
        } else {
            printf("%s: %llu bytes, verified\n", s->header.name,
                   (unsigned long long)s->header.size);
        }
        return;
    }
    entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "file", s->path);
    cJSON_AddNumberToObject(entry, "size", (double)s->header.size);
    cJSON_AddNumberToObject(entry, "resumed_at", (double)s->resumed_at);
    cJSON_AddNumberToObject(entry, "sent", (double)s->sent);
    cJSON_AddBoolToObject(entry, "verified", good);
    cJSON_AddBoolToObject(entry, "already_there", there);
    if (!good) {
        cJSON_AddStringToObject(entry, "error", fault->text);
    }
    cJSON_AddItemToArray(list, entry);
}

int command_send(const struct invocation *call)
{
    struct control_request request = {0};
    static struct streams streams;
    cJSON *list = option_given(call, "json") ? cJSON_CreateArray() : NULL;
    struct fault fault;
    double timeout;
    int code = EXIT_DONE;

    if (!option_number(&timeout, &fault, call, "timeout", 10, 0.001, 60) ||
        !streams_target(&request, &fault, call->operands[0], "file") ||
        !streams_open(&streams, &fault, &call->paths)) {
        return command_fail(&fault);
    }
    request.timeout_ms = (uint32_t)(timeout * 1000);
    for (size_t i = 1; i < call->operand_count; i++) {
        struct sending s = {.path = call->operands[i], .file = -1, .stream = -1};
        bool good;
        s.bar = list == NULL && isatty(STDERR_FILENO);
        good = send_one(&s, &streams, &fault, &request);
        if (s.file >= 0) {
            close(s.file);
        }
        report(&s, list, good, &fault);
        code = good || code != EXIT_DONE ? code : fault.exit_code;
    }
    streams_close(&streams);
    if (list != NULL) {
        (void)json_print(list);
    }
    return code;
}
