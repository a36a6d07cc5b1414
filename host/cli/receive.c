// SPDX-License-Identifier: Apache-2.0
// receive: what the file service has received, and waiting for more. The daemon receives; this looks at its directory.
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dsoftbus/label.h"
#include "host/cli/client.h"
#include "host/cli/command.h"
#include "host/common/exit_code.h"
#include "host/common/file_protocol.h"

enum { DATE_CHARS = 20 };

// The file service of the daemon; NULL with a fault. It belongs to *services.
static const cJSON *file_service(cJSON **services, struct fault *fault, const struct paths *paths)
{
    struct control_request request = {.op = CONTROL_SERVICES};
    const cJSON *service;

    *services = client_ask(fault, paths, &request);
    if (*services == NULL) {
        return NULL;
    }
    cJSON_ArrayForEach(service, cJSON_GetObjectItemCaseSensitive(*services, "services"))
    {
        if (strcmp(json_text(service, "kind"), "file") == 0) {
            return service;
        }
    }
    (void)fault_set(fault, EXIT_USAGE,
                    "this node receives no files: [file] directory and [file] allow in the "
                    "configuration say where to, and from whom");
    return NULL;
}

static void print_file(const char *name, const struct stat *stat, cJSON *list)
{
    char text[4 * HOST_FILE_NAME_MAX + 1], date[DATE_CHARS];
    struct tm when;
    cJSON *entry;

    if (list != NULL) {
        entry = cJSON_CreateObject();
        cJSON_AddStringToObject(entry, "name", name);
        cJSON_AddNumberToObject(entry, "size", (double)stat->st_size);
        cJSON_AddNumberToObject(entry, "time", (double)stat->st_mtime);
        cJSON_AddItemToArray(list, entry);
        return;
    }
    (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", localtime_r(&stat->st_mtime, &when));
    if (file_name_shows(name, strlen(name))) {
        printf("%s %14lld  %s\n", date, (long long)stat->st_size, name);
    } else {
        label_escape(text, sizeof text, (const uint8_t *)name, strlen(name));
        printf("%s %14lld  %s\n", date, (long long)stat->st_size, text);
    }
}

// Parts of files have a dot in front.
static int no_part(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool print_files(struct fault *fault, const char *directory, cJSON *list)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, no_part, alphasort);

    if (count < 0) {
        return fault_errno(fault, EXIT_FAILED, "cannot read %s", directory);
    }
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct stat stat;
        int len = snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        if (len > 0 && (size_t)len < sizeof path && lstat(path, &stat) == 0 &&
            S_ISREG(stat.st_mode)) {
            print_file(entries[i]->d_name, &stat, list);
        }
        free(entries[i]);
    }
    free(entries);
    return true;
}

static int show(const cJSON *service, const char *directory, bool json)
{
    cJSON *object = json ? cJSON_Duplicate(service, true) : NULL;
    cJSON *list = json ? cJSON_AddArrayToObject(object, "files") : NULL;
    const cJSON *allow = cJSON_GetObjectItemCaseSensitive(service, "allow"), *id;
    struct fault fault;

    if (!json) {
        printf("files go to %s, up to %.0f bytes each, from:", directory,
               json_number(service, "max_size"));
        cJSON_ArrayForEach(id, allow)
        {
            printf(" %s", cJSON_GetStringValue(id));
        }
        puts(cJSON_GetArraySize(allow) == 0 ? " nobody ([file] allow is empty)" : "");
    }
    if (!print_files(&fault, directory, list)) {
        cJSON_Delete(object);
        return command_fail(&fault);
    }
    return json ? json_print(object) : EXIT_DONE;
}

// ---- Waiting ----------------------------------------------------------------------------------------

// A file gets its name by a rename or, where that cannot be had, by a link. True: one of these was it.
static bool print_arrivals(const char *bytes, size_t len, const char *directory)
{
    bool any = false;

    for (size_t at = 0; at + sizeof(struct inotify_event) <= len;) {
        struct inotify_event event;
        memcpy(&event, bytes + at, sizeof event);
        if (event.len > 0 && bytes[at + sizeof event] != '.') {
            printf("%s/%s\n", directory, bytes + at + sizeof event);
            any = true;
        }
        at += sizeof event + event.len;
    }
    return any;
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int wait_for_one(const char *directory, double timeout)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), left_ms = (int)(timeout * 1000);
    int64_t end_ms = now_ms() + left_ms;
    struct pollfd state = {.fd = fd, .events = POLLIN};
    struct fault fault;
    char bytes[4096];

    if (fd < 0 || inotify_add_watch(fd, directory, IN_MOVED_TO | IN_CREATE) < 0) {
        (void)fault_errno(&fault, EXIT_FAILED, "cannot watch %s", directory);
        return command_fail(&fault);
    }
    while (left_ms >= 0 && poll(&state, 1, timeout == 0 ? -1 : left_ms) > 0) {
        ssize_t len = read(fd, bytes, sizeof bytes);
        left_ms = timeout == 0 ? 0 : (int)(end_ms - now_ms());
        if (len > 0 && print_arrivals(bytes, (size_t)len, directory)) {
            close(fd);
            return EXIT_DONE;
        }
    }
    close(fd);
    (void)fault_set(&fault, EXIT_NO_ANSWER, "no file has come in time");
    return command_fail(&fault);
}

int command_receive(const struct invocation *call)
{
    struct fault fault;
    cJSON *services;
    const cJSON *service;
    double timeout;
    int code;

    if (!option_number(&timeout, &fault, call, "timeout", 0, 0, 1e6)) {
        return command_fail(&fault);
    }
    service = file_service(&services, &fault, &call->paths);
    if (service == NULL) {
        cJSON_Delete(services);
        return command_fail(&fault);
    }
    code = option_given(call, "wait")
               ? wait_for_one(json_text(service, "directory"), timeout)
               : show(service, json_text(service, "directory"), option_given(call, "json"));
    cJSON_Delete(services);
    return code;
}
