// SPDX-License-Identifier: Apache-2.0
// Services: rights, and what lies behind them.
#include "host/daemon/services.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dsoftbus/label.h"
#include "host/common/address.h"
#include "host/common/config_services.h"
#include "host/common/exit_code.h"
#include "host/daemon/clock.h"
#include "host/daemon/daemon.h"
#include "host/daemon/log.h"

// ---- Registering ----------------------------------------------------------------------------------

static void add(struct daemon *d, const struct service_config *service)
{
    if (bus_service_add(&d->bus, clock_ms(), service->name, strlen(service->name)) != BUS_OK) {
        daemon_die("service %s cannot be registered", service->name);
    }
}

static void remove_service(struct daemon *d, const char *name)
{
    (void)!bus_service_remove(&d->bus, clock_ms(), name, strlen(name)); // gone already is fine
}

void services_open(struct daemon *d)
{
    for (size_t i = 0; i < d->config.service_count; i++) {
        add(d, &d->config.services[i]);
    }
}

static void take_services(struct daemon *d, const struct config *fresh)
{
    struct config *now = &d->config;

    for (size_t i = 0; i < now->service_count; i++) {
        const char *name = now->services[i].name;
        if (config_service_find(fresh, name, strlen(name)) == NULL) {
            remove_service(d, name);
        }
    }
    for (size_t i = 0; i < fresh->service_count; i++) {
        const char *name = fresh->services[i].name;
        if (config_service_find(now, name, strlen(name)) == NULL) {
            add(d, &fresh->services[i]);
        }
    }
    memcpy(now->services, fresh->services, sizeof now->services);
    now->service_count = fresh->service_count;
    now->file_bytes_max = fresh->file_bytes_max;
}

bool services_reload(struct daemon *d, struct fault *fault)
{
    static struct config fresh;

    if (!config_load(&fresh, fault, d->paths.config, d->paths.config_given)) {
        return false;
    }
    if (fresh.file_directory[0] != 0 &&
        strcmp(fresh.file_directory, d->config.file_directory) != 0) {
        return fault_set(fault, EXIT_USAGE,
                         "[file] directory is another one than at the start, and its process "
                         "reaches no other: restart dsoftbusd");
    }
    if (fresh.file_directory[0] != 0 && !files_running(&d->files)) {
        return fault_set(fault, EXIT_FAILED, "the file process has ended: restart dsoftbusd");
    }
    take_services(d, &fresh);
    return true;
}

void services_lose_files(struct daemon *d)
{
    remove_service(d, "file");
}

// ---- Offered streams ------------------------------------------------------------------------------

static bool allowed(const struct service_config *service, const struct device_id *id)
{
    bool found = service->allow_all;

    for (size_t i = 0; i < service->allow_count; i++) {
        found = found || device_id_equal(&service->allow[i], id);
    }
    return found;
}

// A connection to the service's address, under way. -1: errno.
static int begin_connect(const struct service_config *service)
{
    struct sockaddr_storage address;
    socklen_t len = address_to_sockaddr(&address, &service->address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, len) != 0 &&
        errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

// BYE_NORMAL: the stream is joined to something.
static enum bye_reason join(struct daemon *d, uint32_t stream, const struct service_config *service,
                            uint16_t peer)
{
    int fd = -1;

    switch (service->kind) {
    case SERVICE_ECHO:
        return channel_new(d, CHANNEL_ECHO, stream, -1) != NULL ? BYE_NORMAL : BYE_LIMIT;
    case SERVICE_FILE:
        return files_join(d, stream, peer);
    case SERVICE_TCP:
        fd = begin_connect(service);
        if (fd < 0) {
            return errno == EMFILE || errno == ENFILE ? BYE_LIMIT : BYE_INTERNAL;
        }
        if (channel_new(d, CHANNEL_TCP, stream, fd) == NULL) {
            close(fd);
            return BYE_LIMIT;
        }
        return BYE_NORMAL;
    }
    return BYE_INTERNAL;
}

static void refuse(struct daemon *d, uint32_t stream, const struct stream_status *status,
                   const struct peer *peer, enum bye_reason bye)
{
    char label[LABEL_CHARS_MAX] = "";

    d->services.refused++;
    bus_stream_close(&d->bus, clock_ms(), stream, bye);
    if (report_may_print(d)) {
        if (peer != NULL) {
            label_device(label, &peer->id);
        }
        log_line(LOG_NOTICE, "%s wants service %.*s: refused, %s", label, (int)status->service.len,
                 (const char *)status->service.bytes, bye_reason_name((uint8_t)bye));
    }
}

void services_offered(struct daemon *d, uint32_t stream, const struct stream_status *status)
{
    const struct service_config *service =
        config_service_find(&d->config, (const char *)status->service.bytes, status->service.len);
    uint16_t index = bus_connection_peer(&d->bus, status->connection);
    const struct peer *peer = bus_peer(&d->bus, index);
    struct stream_status now;
    enum bye_reason bye;

    if (service == NULL) {
        refuse(d, stream, status, peer, BYE_NO_SUCH_SERVICE);
        return;
    }
    if (peer == NULL || !allowed(service, &peer->id)) {
        refuse(d, stream, status, peer, BYE_NOT_PERMITTED);
        return;
    }
    bye = join(d, stream, service, index);
    if (bye != BYE_NORMAL) {
        refuse(d, stream, status, peer, bye);
        return;
    }
    d->services.accepted++;
    if (bus_stream_status(&d->bus, stream, &now)) {
        channels_news(d, &now); // the peer may have finished already
    }
}

// ---- What peers announce ----------------------------------------------------------------------------

void services_heard(struct daemon *d, const uint8_t *datagram, size_t len)
{
    static struct announce announce;
    struct announced *announced;
    uint16_t peer;

    if (announce_decode(&announce, datagram, len) != ANNOUNCE_OK) {
        return;
    }
    peer = peers_index(d, &announce.id);
    if (peer == PEER_NONE ||
        memcmp(bus_peer(&d->bus, peer)->static_key, announce.static_key, DSB_KEY_BYTES) != 0) {
        return;
    }
    announced = &d->services.announced[peer];
    announced->heard = true;
    announced->count = announce.service_count;
    memcpy(announced->names, announce.services, sizeof announce.services);
}

// ---- The list -------------------------------------------------------------------------------------

static cJSON *own_service(const struct daemon *d, const struct service_config *service)
{
    cJSON *object = cJSON_CreateObject(), *list;
    char text[LABEL_CHARS_MAX > ADDRESS_CHARS_MAX ? LABEL_CHARS_MAX : ADDRESS_CHARS_MAX];

    cJSON_AddStringToObject(object, "name", service->name);
    cJSON_AddStringToObject(object, "kind", service_kind_name(service->kind));
    if (service->kind == SERVICE_TCP) {
        address_format(text, &service->address);
        cJSON_AddStringToObject(object, "address", text);
    } else if (service->kind == SERVICE_FILE) {
        cJSON_AddStringToObject(object, "directory", d->config.file_directory);
        cJSON_AddNumberToObject(object, "max_size", (double)d->config.file_bytes_max);
        cJSON_AddBoolToObject(object, "running", files_running(&d->files));
    }
    list = cJSON_AddArrayToObject(object, "allow");
    if (service->allow_all) {
        cJSON_AddItemToArray(list, cJSON_CreateString("*"));
    }
    for (size_t i = 0; i < service->allow_count; i++) {
        label_device(text, &service->allow[i]);
        cJSON_AddItemToArray(list, cJSON_CreateString(text));
    }
    return object;
}

static cJSON *peer_services(const struct daemon *d, uint16_t peer)
{
    const struct announced *announced = &d->services.announced[peer];
    bool heard =
        announced->heard && discovery_of_peer(&d->bus.discovery, d->bus.now_ms, peer) != NULL;
    cJSON *object = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(object, "services");

    cJSON_AddBoolToObject(object, "announced", heard);
    for (uint8_t i = 0; heard && i < announced->count; i++) {
        char text[LABEL_CHARS_MAX];
        cJSON *entry = cJSON_CreateObject();
        label_escape(text, sizeof text, announced->names[i].bytes, announced->names[i].len);
        cJSON_AddStringToObject(entry, "name", text);
        cJSON_AddItemToArray(list, entry);
    }
    return object;
}

void services_list(struct daemon *d, uint32_t client, const struct control_request *request)
{
    cJSON *object, *list;
    uint16_t peer;

    if (request->peer.len > 0) {
        if (waiting_find_peer(d, &peer, client, request)) {
            control_reply(d, client, request->id, peer_services(d, peer));
        }
        return;
    }
    object = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(object, "services");
    for (size_t i = 0; i < d->config.service_count; i++) {
        cJSON_AddItemToArray(list, own_service(d, &d->config.services[i]));
    }
    control_reply(d, client, request->id, object);
}
