// SPDX-License-Identifier: Apache-2.0
// The daemon's side of the key process.
#include "host/daemon/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "host/common/keyd_protocol.h"
#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"
#include "noise/ct.h"

_Static_assert((int)KEYD_SOCKET_FD == (int)CHILD_SOCKET_FD, "where the socket is");
_Static_assert((int)BUS_DH_BATCH_MAX <= (int)KEYD_DH_MAX, "a batch is one message");

// ---- Starting -------------------------------------------------------------------------------------

static bool ask_identity(struct keys *keys, struct fault *fault,
                         uint8_t static_public[static DSB_KEY_BYTES])
{
    const struct keyd_request request = {.op = KEYD_IDENTITY, .count = 1};
    struct keyd_reply reply;
    ssize_t len;

    if (send(keys->fd, &request, sizeof request, MSG_NOSIGNAL) != (ssize_t)sizeof request) {
        return child_failed(&keys->child, fault, "the key process");
    }
    do {
        len = recv(keys->fd, &reply, sizeof reply, 0);
    } while (len < 0 && errno == EINTR);
    if (len != (ssize_t)sizeof reply || reply.op != KEYD_IDENTITY) {
        return child_failed(&keys->child, fault, "the key process");
    }
    memcpy(static_public, reply.secrets[0], DSB_KEY_BYTES);
    return true;
}

bool keys_start(struct keys *keys, struct fault *fault, const struct paths *paths,
                uint8_t static_public[static DSB_KEY_BYTES])
{
    char directory[PATH_MAX];
    int secret = paths_open(paths, fault, PATH_SECRET); // the key process trusts the directory

    if (secret < 0) {
        return false;
    }
    close(secret);
    if (snprintf(directory, sizeof directory, "%s/" PATH_SECRET, paths->state) >= PATH_MAX) {
        return fault_set(fault, EXIT_USAGE, "the path of the state directory is too long");
    }
    if (!child_start(&keys->child, fault, "dsoftbus-keyd", directory)) {
        return false;
    }
    keys->fd = keys->child.fd;
    return ask_identity(keys, fault, static_public) &&
           (fcntl(keys->fd, F_SETFL, O_NONBLOCK) == 0 ||
            fault_errno(fault, EXIT_FAILED, "the key process's socket"));
}

// ---- Results --------------------------------------------------------------------------------------

static void give_results(struct daemon *d, const struct keyd_reply *reply)
{
    for (uint32_t i = 0; i < reply->count; i++) {
        bool good = (reply->failed >> i & 1) == 0;
        d->keys.results++;
        d->keys.failures += !good;
        bus_dh_result(&d->bus, clock_ms(), reply->ids[i], good ? reply->secrets[i] : NULL);
    }
}

static void on_reply(uv_poll_t *poll, int status, int events)
{
    struct daemon *d = poll->data;
    struct keyd_reply reply;
    ssize_t len;

    (void)status;
    (void)events;
    while ((len = recv(d->keys.fd, &reply, sizeof reply, 0)) == (ssize_t)sizeof reply) {
        if (reply.op == KEYD_DH && reply.count <= KEYD_DH_MAX && d->keys.outstanding > 0) {
            d->keys.outstanding--;
            give_results(d, &reply);
        }
        ct_wipe(&reply, sizeof reply);
    }
    if (len >= 0 || (errno != EAGAIN && errno != EINTR)) {
        (void)uv_poll_stop(&d->keys.poll);
        log_line(LOG_ERROR, "the key process has ended: no handshake is possible, stopping");
        daemon_stop(d, EXIT_FAILED);
    }
}

void keys_watch(struct daemon *d)
{
    d->keys.poll.data = d;
    if (uv_poll_init(&d->loop, &d->keys.poll, d->keys.fd) != 0 ||
        uv_poll_start(&d->keys.poll, UV_READABLE, on_reply) != 0) {
        daemon_die("cannot watch the key process");
    }
}

// A batch that the socket does not take is answered as failed: those handshakes end, and say why.
static void refuse_batch(struct daemon *d, const struct keyd_request *request)
{
    for (uint32_t i = 0; i < request->count; i++) {
        d->keys.failures++;
        bus_dh_result(&d->bus, clock_ms(), request->ids[i], NULL);
    }
}

bool keys_submit(struct daemon *d)
{
    bool any = false;

    while (d->keys.outstanding < KEYD_BATCHES_MAX) {
        struct bus_dh_request wanted[BUS_DH_BATCH_MAX];
        struct keyd_request request = {.op = KEYD_DH};
        size_t count = bus_dh_take(&d->bus, wanted);
        if (count == 0) {
            break;
        }
        any = true;
        request.count = (uint32_t)count;
        for (size_t i = 0; i < count; i++) {
            request.ids[i] = wanted[i].id;
            memcpy(request.public_keys[i], wanted[i].public_key, DSB_KEY_BYTES);
        }
        if (send(d->keys.fd, &request, sizeof request, MSG_NOSIGNAL) == (ssize_t)sizeof request) {
            d->keys.outstanding++;
            d->keys.batches++;
        } else {
            refuse_batch(d, &request);
        }
    }
    return any;
}

void keys_stop(struct daemon *d)
{
    uv_close((uv_handle_t *)&d->keys.poll, NULL);
    close(d->keys.fd);
}
