// SPDX-License-Identifier: Apache-2.0
// Streams and their local ends.
#include "host/daemon/channels.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

static void on_ready(uv_poll_t *poll, int status, int events);

bool channels_open(struct daemon *d, uint16_t max)
{
    d->channels.by_slot = calloc(max, sizeof(void *));
    d->channels.max = max;
    return d->channels.by_slot != NULL;
}

// ---- Ends -----------------------------------------------------------------------------------------

static void free_channel(uv_handle_t *handle)
{
    free(handle->data);
}

static void tell_client(const struct channel *channel, const char *reason,
                        const struct stream_status *status)
{
    cJSON *event = cJSON_CreateObject();

    cJSON_AddNumberToObject(event, "stream", channel->number);
    cJSON_AddBoolToObject(event, "clean", reason == NULL);
    cJSON_AddStringToObject(event, "reason", reason == NULL ? "both ends have finished" : reason);
    cJSON_AddNumberToObject(event, "bytes_in", (double)status->bytes_in);
    cJSON_AddNumberToObject(event, "bytes_out", (double)status->bytes_out);
    control_event(channel->daemon, channel->client, "closed", event);
}

// With a reset, so that the program behind the connection does not take it for an end in order.
static void reset_at_close(const struct channel *channel)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};

    if (channel->kind == CHANNEL_TCP) {
        (void)setsockopt(channel->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
}

// reason NULL: both directions have ended in order.
static void end(struct channel *channel, const char *reason, enum bye_reason bye)
{
    struct daemon *d = channel->daemon;
    struct stream_status status;

    (void)bus_stream_status(&d->bus, channel->stream, &status);
    bus_stream_close(&d->bus, clock_ms(), channel->stream, bye);
    d->channels.by_slot[channel->slot] = NULL;
    d->channels.count--;
    d->channels.files = (uint16_t)(d->channels.files - channel->file);
    channel->stream = 0;
    if (reason == NULL) {
        d->channels.ended_clean++;
    } else {
        d->channels.ended_broken++;
        reset_at_close(channel);
    }
    if (channel->client != 0) {
        tell_client(channel, reason, &status);
    }
    free(channel->left);
    if (channel->kind == CHANNEL_ECHO) { // who has called this may still look at it
        free(d->channels.ended_echo);
        d->channels.ended_echo = channel;
        return;
    }
    uv_close((uv_handle_t *)&channel->poll, free_channel);
    close(channel->fd);
}

// The peer has closed the stream, or the session is lost, and everything that came before has been passed on.
static void end_by_peer(struct channel *channel, enum stream_error error)
{
    struct stream_status status;
    char reason[CONTROL_TEXT_BYTES];

    (void)bus_stream_status(&channel->daemon->bus, channel->stream, &status);
    if (error == STREAM_CLOSED) {
        snprintf(reason, sizeof reason, "closed by the peer: %s", bye_reason_name(status.reason));
    } else {
        snprintf(reason, sizeof reason, "the session is lost");
    }
    end(channel, reason, BYE_NORMAL);
}

// Both directions have ended, the one from here perhaps because the peer wanted no more.
static void end_if_done(struct channel *channel)
{
    struct stream_status status;

    if (!channel->in_done || !channel->out_done) {
        return;
    }
    if (channel->in_cut) {
        (void)bus_stream_status(&channel->daemon->bus, channel->stream, &status);
        end_by_peer(channel, (enum stream_error)status.error);
    } else {
        end(channel, NULL, BYE_NORMAL);
    }
}

// ---- What the loop is to watch ----------------------------------------------------------------------

static void watch(struct channel *channel)
{
    int events = 0;

    if (channel->kind == CHANNEL_ECHO) {
        return;
    }
    if (channel->connecting) {
        events = UV_WRITABLE;
    } else {
        events |= channel->in_done || channel->in_blocked ? 0 : UV_READABLE;
        events |= channel->out_blocked ? UV_WRITABLE : 0;
    }
    if (events == channel->watched) {
        return;
    }
    channel->watched = events;
    if ((events == 0 ? uv_poll_stop(&channel->poll)
                     : uv_poll_start(&channel->poll, events, on_ready)) != 0) {
        daemon_die("cannot watch a stream's local end");
    }
}

// ---- From here to the peer --------------------------------------------------------------------------

// Keeps what the stream has not taken. False: no memory, and the channel has ended.
static bool keep(struct channel *channel, const uint8_t *bytes, size_t len)
{
    channel->left = malloc(len);
    if (channel->left == NULL) {
        end(channel, "no memory", BYE_INTERNAL);
        return false;
    }
    memcpy(channel->left, bytes, len);
    channel->left_at = 0;
    channel->left_len = len;
    channel->in_blocked = true;
    return true;
}

// The stream takes bytes again. News of its end come by themselves.
static void write_left(struct channel *channel)
{
    size_t taken;

    while (channel->left_at < channel->left_len) {
        if (bus_stream_write(&channel->daemon->bus, clock_ms(), channel->stream,
                             channel->left + channel->left_at, channel->left_len - channel->left_at,
                             &taken) != STREAM_OK) {
            return;
        }
        channel->left_at += taken;
    }
    free(channel->left);
    channel->left = NULL;
    channel->left_len = channel->left_at = 0;
    channel->in_blocked = false;
}

// A control client that is gone, or has closed its socket while more may come for it, has not finished. Once we have shut
// down our direction the socket no longer shows the difference.
static bool client_gave_up(const struct channel *channel)
{
    struct pollfd state = {.fd = channel->fd, .events = POLLIN};

    if (channel->client == 0) {
        return false;
    }
    return !control_client_lives(channel->daemon, channel->client) ||
           (!channel->out_done && poll(&state, 1, 0) == 1 && (state.revents & POLLHUP) != 0);
}

// The local end has no more to say.
static void finish(struct channel *channel)
{
    struct daemon *d = channel->daemon;

    if (client_gave_up(channel)) {
        end(channel, "the local program has gone", BYE_NORMAL);
        return;
    }
    channel->in_done = true;
    if (channel->out_cut) {
        end(channel, "the local end takes no more", BYE_NORMAL);
        return;
    }
    if (bus_stream_finish(&d->bus, clock_ms(), channel->stream) == STREAM_OK) {
        end_if_done(channel);
    } else { // it is broken: news of that are on their way, and our end has not gone out
        channel->in_cut = true;
    }
}

static void read_local(struct channel *channel)
{
    static uint8_t bytes[HOST_LOCAL_BYTES];
    ssize_t len = recv(channel->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    size_t taken = 0;

    if (len == 0) {
        finish(channel);
        return;
    }
    if (len < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            end(channel, "the local end has failed", BYE_INTERNAL);
        }
        return;
    }
    if (bus_stream_write(&channel->daemon->bus, clock_ms(), channel->stream, bytes, (size_t)len,
                         &taken) != STREAM_OK ||
        taken < (size_t)len) {
        (void)keep(channel, bytes + taken, (size_t)len - taken);
    }
}

// ---- From the peer to here --------------------------------------------------------------------------

// False: nothing more can be written. The last words of the local end may still be unread: the channel ends behind them.
static bool local_failed(struct channel *channel)
{
    if (errno == EAGAIN) {
        channel->out_blocked = true;
        return true;
    }
    if (errno == EINTR) {
        return true;
    }
    channel->out_cut = true;
    if (channel->in_done) {
        end(channel, "the local end takes no more", BYE_NORMAL);
    }
    return false;
}

static void peer_finished(struct channel *channel)
{
    if (!channel->out_done) {
        channel->out_done = true;
        (void)shutdown(channel->fd, SHUT_WR);
    }
    end_if_done(channel);
}

static void write_local(struct channel *channel)
{
    struct daemon *d = channel->daemon;
    enum stream_error error = STREAM_WOULD_BLOCK;
    const uint8_t *bytes;
    size_t len;

    while (!channel->out_blocked &&
           (error = bus_stream_peek(&d->bus, channel->stream, &bytes, &len)) == STREAM_OK) {
        ssize_t sent = send(channel->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) {
            bus_stream_consume(&d->bus, clock_ms(), channel->stream, (size_t)sent);
        } else if (!local_failed(channel)) {
            return;
        }
    }
    if (channel->out_blocked || error == STREAM_WOULD_BLOCK) {
        return;
    }
    if (error == STREAM_END) {
        peer_finished(channel);
    } else {
        end_by_peer(channel, error);
    }
}

// ---- Echo -------------------------------------------------------------------------------------------

static void echo(struct channel *channel)
{
    struct daemon *d = channel->daemon;
    const uint8_t *bytes;
    enum stream_error error;
    size_t len, taken;

    while ((error = bus_stream_peek(&d->bus, channel->stream, &bytes, &len)) == STREAM_OK) {
        if (bus_stream_write(&d->bus, clock_ms(), channel->stream, bytes, len, &taken) !=
            STREAM_OK) {
            struct stream_status status;
            if (bus_stream_status(&d->bus, channel->stream, &status) &&
                (status.ready & STREAM_GONE) != 0) {
                end_by_peer(channel, (enum stream_error)status.error);
            }
            return;
        }
        bus_stream_consume(&d->bus, clock_ms(), channel->stream, taken);
    }
    if (error == STREAM_END) {
        channel->in_done = channel->out_done = true;
        channel->in_cut = bus_stream_finish(&d->bus, clock_ms(), channel->stream) != STREAM_OK;
        end_if_done(channel);
    } else if (error != STREAM_WOULD_BLOCK) {
        end_by_peer(channel, error);
    }
}

// ---- Connecting -------------------------------------------------------------------------------------

static enum bye_reason refusal(int error)
{
    return error == ECONNREFUSED ? BYE_NO_SUCH_SERVICE
           : error == ETIMEDOUT  ? BYE_TIMEOUT
                                 : BYE_INTERNAL;
}

static void finish_connect(struct channel *channel)
{
    struct daemon *d = channel->daemon;
    socklen_t len = sizeof(int);
    int error = 0;

    if (getsockopt(channel->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    if (error != 0) {
        log_line(LOG_NOTICE, "a service's local address is not reached: %s", strerror(error));
        end(channel, "not connected", refusal(error));
        return;
    }
    channel->connecting = false;
    if (bus_stream_accept(&d->bus, clock_ms(), channel->stream) != STREAM_OK) {
        end(channel, "the peer has gone", BYE_NORMAL);
        return;
    }
    write_local(channel); // the peer may have finished already
}

// ---- What happens -----------------------------------------------------------------------------------

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct channel *channel = poll->data;

    if (status < 0) { // libuv has stopped watching
        channel->watched = 0;
    }
    if (channel->connecting) {
        finish_connect(channel);
    } else {
        if (!channel->out_cut && (status < 0 || (events & UV_WRITABLE) != 0)) {
            channel->out_blocked = false;
            write_local(channel);
        }
        if (channel->stream != 0 && !channel->in_blocked && !channel->in_done &&
            (status < 0 || (events & UV_READABLE) != 0)) {
            read_local(channel);
        }
    }
    if (channel->stream != 0) {
        watch(channel);
    }
}

static void news(struct channel *channel, const struct stream_status *status)
{
    bool gone = (status->ready & STREAM_GONE) != 0;

    if (channel->connecting) {
        if (gone) {
            end_by_peer(channel, (enum stream_error)status->error);
        }
        return;
    }
    if (channel->kind == CHANNEL_ECHO) {
        echo(channel);
        return;
    }
    if (channel
            ->in_blocked) { // also when it seems not writable: only a write that waits is told again
        write_left(channel);
    }
    if (channel->out_cut) {
        if (gone) {
            end_by_peer(channel, (enum stream_error)status->error);
        } else {
            watch(channel);
        }
        return;
    }
    if (gone && !channel->in_done) { // nothing more can be sent; what came is still passed on
        channel->in_done = channel->in_cut = true;
    }
    if (gone || (status->ready & STREAM_READABLE) != 0) {
        write_local(channel);
    }
    if (channel->stream != 0) {
        watch(channel);
    }
}

void channels_news(struct daemon *d, const struct stream_status *status)
{
    struct channel *channel = status->tag >= 1 && status->tag <= d->channels.max
                                  ? d->channels.by_slot[status->tag - 1]
                                  : NULL;

    if (channel != NULL) {
        news(channel, status);
    }
}

// ---- Beginning --------------------------------------------------------------------------------------

// There is always a place: there are as many as streams.
static uint16_t free_slot(struct channels *channels)
{
    while (channels->by_slot[channels->cursor] != NULL) {
        channels->cursor = (uint16_t)((channels->cursor + 1) % channels->max);
    }
    return channels->cursor;
}

struct channel *channel_new(struct daemon *d, enum channel_kind kind, uint32_t stream, int fd)
{
    struct channel *channel =
        d->channels.count == d->channels.max ? NULL : calloc(1, sizeof *channel);

    if (channel == NULL ||
        (kind != CHANNEL_ECHO && uv_poll_init(&d->loop, &channel->poll, fd) != 0)) {
        free(channel);
        return NULL;
    }
    channel->poll.data = channel;
    channel->daemon = d;
    channel->kind = kind;
    channel->fd = fd;
    channel->stream = stream;
    channel->connecting = kind == CHANNEL_TCP;
    channel->slot = free_slot(&d->channels);
    d->channels.by_slot[channel->slot] = channel;
    d->channels.count++;
    d->channels.opened++;
    bus_stream_set_tag(&d->bus, stream, (uint32_t)channel->slot + 1);
    if (!channel->connecting) {
        (void)!bus_stream_accept(&d->bus, clock_ms(), stream); // one of ours is not an offered one
    }
    watch(channel);
    return channel;
}

void channel_give(struct channel *channel, uint32_t client, uint32_t number)
{
    channel->client = client;
    channel->number = number;
}

uint16_t channels_files_of(const struct channels *channels, uint16_t peer)
{
    uint16_t count = 0;

    for (uint16_t i = 0; i < channels->max && channels->files > 0; i++) {
        const struct channel *channel = channels->by_slot[i];
        count =
            (uint16_t)(count + (channel != NULL && channel->file && channel->file_peer == peer));
    }
    return count;
}

void channels_drop(struct daemon *d, uint32_t client)
{
    for (uint16_t i = 0; i < d->channels.max && d->channels.count > 0; i++) {
        struct channel *channel = d->channels.by_slot[i];
        if (channel != NULL && channel->client == client) {
            channel->client = 0;
            end(channel, "the local program has gone", BYE_NORMAL);
        }
    }
}

void channels_close(struct daemon *d)
{
    for (uint16_t i = 0; i < d->channels.max && d->channels.count > 0; i++) {
        if (d->channels.by_slot[i] != NULL) {
            end(d->channels.by_slot[i], "dsoftbusd is stopping", BYE_SHUTTING_DOWN);
        }
    }
}
