// SPDX-License-Identifier: Apache-2.0
// Files to a node.
#include "tests/qemu/keyscan/node.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "processes.h"
#include "tests/qemu/keyscan/memory.h"

#define DAEMON "dsoftbusd"

static const char *const process_names[] = PROCESS_NAMES;

// ---- Files ------------------------------------------------------------------------------------------------------

bool file_read(struct file *file, const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t cap = 1 << 16;
    *file = (struct file){.path = path};
    if (f == NULL) {
        (void)fprintf(stderr, "keyscan: %s: %s\n", path, strerror(errno));
        return false;
    }
    file->data = memory_resize(NULL, cap, 1);
    for (size_t got = 1; got > 0; file->len += got) {
        if (file->len == cap) {
            cap *= 2;
            file->data = memory_resize(file->data, cap, 1);
        }
        got = fread(file->data + file->len, 1, cap - file->len, f);
    }
    bool good = ferror(f) == 0;
    if (!good) {
        (void)fprintf(stderr, "keyscan: %s: cannot be read\n", path);
    }
    (void)fclose(f); // nothing was written
    return good;
}

// ---- Provisioning -------------------------------------------------------------------------------------------------

static bool load_party(struct node *node, const char *dir, const char *process)
{
    char path[4096];
    struct file file;
    struct provision_fault fault;
    if (node->party_count == PARTIES_MAX ||
        snprintf(path, sizeof path, "%s/%s", dir, process) >= (int)sizeof path) {
        (void)fprintf(stderr, "keyscan: %s: more files, or a longer path, than there can be\n",
                      dir);
        return false;
    }
    bool good = file_read(&file, path);
    if (good &&
        !party_parse(&node->parties[node->party_count], &fault, process, file.data, file.len)) {
        (void)fprintf(stderr, "keyscan: %s line %u: %s: %s\n", path, fault.line, fault.field,
                      provision_error_name(fault.error));
        good = false;
    }
    node->party_count += good;
    free(file.data);
    return good;
}

// A process without a seed line takes the device's.
static void inherit_seed(struct node *node)
{
    const struct party *device = node_daemon(node);
    for (size_t i = 0; i < node->party_count; i++) {
        struct party *party = &node->parties[i];
        if (!party->seeded && device->seeded) {
            party->seeded = true;
            memcpy(party->root_seed, device->root_seed, sizeof party->root_seed);
        }
    }
}

static bool load_parties(struct node *node, const char *dir)
{
    const struct dirent *entry;
    DIR *directory = opendir(dir);
    bool good = directory != NULL;
    if (!good) {
        (void)fprintf(stderr, "keyscan: %s: %s\n", dir, strerror(errno));
        return false;
    }
    while (good && (entry = readdir(directory)) != NULL) {
        good = entry->d_name[0] == '.' || load_party(node, dir, entry->d_name);
    }
    (void)closedir(directory); // it was only read
    if (good && node_daemon(node) == NULL) {
        (void)fprintf(stderr, "keyscan: %s: there is no file " DAEMON "\n", dir);
        return false;
    }
    if (good) {
        inherit_seed(node);
    }
    return good;
}

struct party *node_daemon(struct node *node)
{
    for (size_t i = 0; i < node->party_count; i++) {
        if (strcmp(node->parties[i].process, DAEMON) == 0) {
            return &node->parties[i];
        }
    }
    return NULL;
}

// ---- Log and capture ------------------------------------------------------------------------------------------------

static uint32_t starts_of(const struct node *node, const char *process)
{
    return console_starts(node->log.data, node->log.len, process);
}

static bool load_log(struct node *node, const char *path)
{
    size_t line;
    if (!file_read(&node->log, path)) {
        return false;
    }
    enum console_error error = console_parse(&node->console, &line, node->log.data, node->log.len);
    if (error != CONSOLE_OK) {
        (void)fprintf(stderr, "keyscan: %s line %zu: %s\n", path, line, console_error_name(error));
        return false;
    }
    node->line_known = memory_zeroed(node->console.count, sizeof *node->line_known);
    for (size_t i = 0; i < node->party_count; i++) {
        struct party *party = &node->parties[i];
        if (!party_start(party, starts_of(node, party->process))) {
            (void)fprintf(stderr, "keyscan: %s: %s was started more than %d times\n", path,
                          party->process, STARTS_MAX);
            return false;
        }
    }
    return true;
}

static bool load_capture(struct node *node, const char *path)
{
    if (!file_read(&node->pcap, path)) {
        return false;
    }
    enum capture_error error = capture_parse(&node->capture, node->pcap.data, node->pcap.len);
    if (error != CAPTURE_OK) {
        (void)fprintf(stderr, "keyscan: %s: %s\n", path, capture_error_name(error));
    }
    return error == CAPTURE_OK;
}

bool node_load(struct node *node, const char *provision_dir, const char *log, const char *pcap)
{
    return load_parties(node, provision_dir) && load_log(node, log) && load_capture(node, pcap);
}

void node_free(struct node *node)
{
    for (size_t i = 0; i < PARTIES_MAX; i++) {
        party_free(&node->parties[i]);
    }
    console_free(&node->console);
    capture_free(&node->capture);
    free(node->line_known);
    free(node->log.data);
    free(node->pcap.data);
    *node = (struct node){0};
}

// ---- Needles --------------------------------------------------------------------------------------------------------

static bool has_identity(const struct node *node, const char *process)
{
    for (size_t i = 0; i < node->party_count; i++) {
        if (strcmp(node->parties[i].process, process) == 0) {
            return true;
        }
    }
    return false;
}

void node_add_needles(struct node *node, struct needles *needles)
{
    for (size_t i = 0; i < node->party_count; i++) {
        party_add_needles(&node->parties[i], needles);
    }
    for (size_t i = 0; i < PROCESS_COUNT && node_daemon(node)->seeded; i++) {
        if (!has_identity(node, process_names[i])) {
            process_add_needles(needles, node_daemon(node), process_names[i],
                                starts_of(node, process_names[i]));
        }
    }
}
