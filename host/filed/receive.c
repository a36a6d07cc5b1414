// SPDX-License-Identifier: Apache-2.0
// One file: header, answer, content, answer. Until the content is whole, synced and of the right hash it has another
// name, which begins with a dot as no file's name may; then it is renamed, onto nothing that is there.
#include "host/filed/receive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "dsoftbus/label.h"
#include "host/common/file_protocol.h"
#include "host/common/hex.h"
#include "noise/blake2s.h"

enum {
    PART_LIFE_S = 7 * 86400,
    PATIENCE_S = 120,
    PIECE_BYTES = 65536,
    PART_HASH_BYTES = 16,
    PART_HASH_CHARS = 32
};
_Static_assert((int)PART_HASH_CHARS == 2 * (int)PART_HASH_BYTES, "in hex");

#define PART_PREFIX ".dsoftbus-"
#define PART_SUFFIX ".part"

struct transfer {
    int directory, stream, part;
    const struct filed_job *job;
    struct file_header header;
    char part_name[sizeof PART_PREFIX + PART_HASH_CHARS + sizeof PART_SUFFIX];
    uint64_t have;
    struct blake2s hash;
    bool tell; // also what is not stored
};

// ---- Words ----------------------------------------------------------------------------------------

static void say(const struct transfer *t, const char *what, const char *why)
{
    char name[4 * HOST_FILE_NAME_MAX + 1], peer[LABEL_CHARS_MAX];

    label_escape(name, sizeof name, (const uint8_t *)t->header.name, strlen(t->header.name));
    label_device(peer, &t->job->peer);
    fprintf(stderr, "dsoftbus-filed: %s from %s, %llu bytes: %s%s%s\n", name, peer,
            (unsigned long long)t->header.size, what, why[0] != 0 ? ": " : "", why);
}

static void answer(const struct transfer *t, enum file_status status)
{
    const struct file_answer answer = {.status = (uint8_t)status, .offset = t->have};
    uint8_t bytes[FILE_ANSWER_BYTES];

    file_answer_encode(bytes, &answer);
    (void)!send(t->stream, bytes, sizeof bytes, MSG_NOSIGNAL);
}

void receive_fail(int stream)
{
    const struct transfer t = {.stream = stream};

    answer(&t, FILE_FAILED);
}

static void refuse(const struct transfer *t, enum file_status status)
{
    answer(t, status);
    if (t->tell) {
        say(t, status == FILE_THERE ? "not taken again" : "refused",
            file_status_text((uint8_t)status));
    }
}

static enum file_status status_of(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG ? FILE_NO_SPACE : FILE_FAILED;
}

static void fail(const struct transfer *t, const char *what)
{
    enum file_status status = status_of(errno);

    if (t->tell) {
        say(t, what, strerror(errno));
    }
    answer(t, status);
}

// ---- Reading --------------------------------------------------------------------------------------

// False: the stream has ended, or says nothing any more.
static bool read_exactly(int fd, uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t got = recv(fd, out, len, 0);
        if (got <= 0 && !(got < 0 && errno == EINTR)) {
            return false;
        }
        if (got > 0) {
            out += got;
            len -= (size_t)got;
        }
    }
    return true;
}

static bool write_exactly(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        if (put > 0) {
            bytes += put;
            len -= (size_t)put;
        }
    }
    return true;
}

static bool read_header(struct transfer *t)
{
    uint8_t bytes[FILE_HEADER_BYTES], name[UINT8_MAX];
    size_t name_len;

    if (!read_exactly(t->stream, bytes, sizeof bytes)) {
        return false;
    }
    if (!file_header_begin(&t->header, &name_len, bytes)) {
        refuse(t, FILE_BAD_REQUEST);
        return false;
    }
    if (!read_exactly(t->stream, name, name_len)) {
        return false;
    }
    if (!file_name_good((const char *)name, name_len)) {
        refuse(t, FILE_BAD_NAME);
        return false;
    }
    memcpy(t->header.name, name, name_len);
    return true;
}

// ---- What is there ----------------------------------------------------------------------------------

// Hashes a file from its beginning to its end. False: errno.
static bool hash_file(struct blake2s *hash, uint64_t *len, int fd)
{
    static uint8_t bytes[PIECE_BYTES];
    ssize_t got;

    blake2s_init(hash, FILE_HASH_BYTES, NULL, 0);
    *len = 0;
    while ((got = read(fd, bytes, sizeof bytes)) > 0 || (got < 0 && errno == EINTR)) {
        if (got > 0) {
            blake2s_update(hash, bytes, (size_t)got);
            *len += (uint64_t)got;
        }
    }
    return got == 0;
}

// Whether what has the name already is this very content: then the sender has missed our last answer.
static bool same_content(const struct transfer *t, int fd)
{
    struct blake2s hash;
    uint8_t found[FILE_HASH_BYTES];
    struct stat stat;
    uint64_t len;

    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode) ||
        (uint64_t)stat.st_size != t->header.size || !hash_file(&hash, &len, fd)) {
        return false;
    }
    blake2s_final(&hash, found);
    return len == t->header.size && memcmp(found, t->header.hash, sizeof found) == 0;
}

// False: there is something of this name, and the sender was told.
static bool name_is_free(const struct transfer *t)
{
    struct stat stat;
    bool same;
    int fd;

    if (fstatat(t->directory, t->header.name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT || (fail(t, "refused"), false);
    }
    fd = openat(t->directory, t->header.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    same = fd >= 0 && same_content(t, fd);
    if (fd >= 0) {
        close(fd);
    }
    refuse(t, same ? FILE_THERE : FILE_EXISTS);
    return false;
}

// The same for the same sender, name, size and content, and for no other: what is there already is a beginning of it.
static void name_part(struct transfer *t)
{
    uint8_t header[FILE_HEADER_BYTES_MAX], digest[BLAKE2S_HASH_LEN];
    char text[PART_HASH_CHARS];
    struct blake2s hash;

    blake2s_init(&hash, sizeof digest, NULL, 0);
    blake2s_update(&hash, &t->job->peer.len, 1);
    blake2s_update(&hash, t->job->peer.bytes, t->job->peer.len);
    blake2s_update(&hash, header, file_header_encode(header, &t->header));
    blake2s_final(&hash, digest);
    hex_encode(text, digest, PART_HASH_BYTES);
    snprintf(t->part_name, sizeof t->part_name, PART_PREFIX "%.*s" PART_SUFFIX,
             (int)PART_HASH_CHARS, text);
}

// Whether what we have opened is a plain file, and still the one of this name and of no other.
static bool is_part(const struct transfer *t, const struct stat *opened)
{
    struct stat named;

    return S_ISREG(opened->st_mode) && opened->st_nlink == 1 &&
           fstatat(t->directory, t->part_name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_ino == opened->st_ino && named.st_dev == opened->st_dev;
}

// Opens the part for us alone. One that another process has renamed or removed since is as good as busy.
static bool open_part(struct transfer *t)
{
    struct stat stat;

    name_part(t);
    t->part = openat(t->directory, t->part_name,
                     O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (t->part < 0) {
        fail(t, "refused");
        return false;
    }
    if (flock(t->part, LOCK_EX | LOCK_NB) != 0 || fstat(t->part, &stat) != 0 ||
        !is_part(t, &stat)) {
        refuse(t, FILE_BUSY);
        return false;
    }
    if ((uint64_t)stat.st_size > t->header.size && ftruncate(t->part, 0) != 0) {
        fail(t, "refused");
        return false;
    }
    if (!hash_file(&t->hash, &t->have, t->part)) {
        fail(t, "refused");
        return false;
    }
    return true;
}

// ---- Content --------------------------------------------------------------------------------------

// False: the stream ended before, which leaves the part for another time; or it cannot be stored.
static bool take_content(struct transfer *t)
{
    static uint8_t bytes[PIECE_BYTES];

    while (t->have < t->header.size) {
        uint64_t missing = t->header.size - t->have;
        size_t want = missing < sizeof bytes ? (size_t)missing : sizeof bytes;
        ssize_t got = recv(t->stream, bytes, want, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            say(t, "not whole", "the stream has ended; what is there is kept");
            return false;
        }
        if (!write_exactly(t->part, bytes, (size_t)got)) {
            fail(t, "not stored");
            (void)unlinkat(t->directory, t->part_name, 0); // others need the space as well
            return false;
        }
        blake2s_update(&t->hash, bytes, (size_t)got);
        t->have += (uint64_t)got;
    }
    return true;
}

// File systems without this kind of rename have links.
static bool rename_onto_nothing(const struct transfer *t)
{
    if (renameat2(t->directory, t->part_name, t->directory, t->header.name, RENAME_NOREPLACE) ==
        0) {
        return true;
    }
    return errno == EINVAL &&
           linkat(t->directory, t->part_name, t->directory, t->header.name, 0) == 0 &&
           unlinkat(t->directory, t->part_name, 0) == 0;
}

static void store(struct transfer *t)
{
    uint8_t found[FILE_HASH_BYTES];

    blake2s_final(&t->hash, found);
    if (memcmp(found, t->header.hash, sizeof found) != 0) {
        (void)unlinkat(t->directory, t->part_name, 0);
        refuse(t, FILE_WRONG_HASH);
        return;
    }
    if (fsync(t->part) != 0) { // what the disk has of it nobody knows: it is no beginning
        fail(t, "not stored");
        (void)unlinkat(t->directory, t->part_name, 0);
        return;
    }
    if (!rename_onto_nothing(t)) {
        if (errno == EEXIST) {
            (void)unlinkat(t->directory, t->part_name, 0);
            refuse(t, FILE_EXISTS);
        } else {
            fail(t, "not stored");
        }
        return;
    }
    if (fsync(t->directory) != 0) {
        fail(t, "stored, but not yet on the disk");
        return;
    }
    say(t, "stored", "");
    answer(t, FILE_GO_ON);
}

// ---- Parts that nobody goes on with -----------------------------------------------------------------

void receive_remove_old_parts(int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    struct stat stat;

    if (list == NULL) {
        return;
    }
    while ((entry = readdir(list)) != NULL) {
        if (strncmp(entry->d_name, PART_PREFIX, sizeof PART_PREFIX - 1) == 0 &&
            fstatat(directory, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(stat.st_mode) && time(NULL) - stat.st_mtime > PART_LIFE_S) {
            (void)unlinkat(directory, entry->d_name, 0);
        }
    }
    (void)closedir(list);
}

// ---- One file ---------------------------------------------------------------------------------------

void receive_file(int directory, int stream, const struct filed_job *job, bool tell)
{
    struct transfer t = {
        .directory = directory, .stream = stream, .part = -1, .job = job, .tell = tell};
    const struct timeval patience = {.tv_sec = PATIENCE_S};

    (void)setsockopt(stream, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!read_header(&t)) {
        return;
    }
    if (t.header.size > job->bytes_max) {
        refuse(&t, FILE_TOO_LARGE);
        return;
    }
    if (!name_is_free(&t) || !open_part(&t)) {
        return;
    }
    answer(&t, FILE_GO_ON);
    if (take_content(&t)) {
        store(&t);
    }
}
