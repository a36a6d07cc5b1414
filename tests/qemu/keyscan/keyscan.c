// SPDX-License-Identifier: Apache-2.0
// keyscan: looks for every key of a run in its logs and captures.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/qemu/keyscan/memory.h"
#include "tests/qemu/keyscan/places.h"
#include "tests/qemu/keyscan/run.h"

enum exit_status { EXIT_CLEAN = 0, EXIT_FOUND = 1, EXIT_UNUSABLE = 2 };

static const char usage[] =
    "usage: keyscan run PROVISION_DIR LOG PCAP\n"
    "       keyscan foreign DIR\n"
    "       keyscan nodes [--unseeded] PROVISION_DIR LOG PCAP [PROVISION_DIR LOG PCAP]...\n"
    "\n"
    "Recomputes every static, ephemeral and session key of a run from what its machines were "
    "provisioned\n"
    "with, and looks for each of them in the console's log and in the capture of the wire, in the "
    "file and\n"
    "in the TCP streams of it: raw, in hex and in base64, also in pieces.\n"
    "\n"
    "  run      one machine that talks to itself: both ends are in PROVISION_DIR\n"
    "  foreign  DIR holds provision/, uart.log, net.pcap, and sessions.json of the foreign nodes\n"
    "  nodes    machines that talk to each other\n"
    "\n"
    "A session that a log tells of, or whose handshake is in a capture, and that cannot be "
    "reconstructed\n"
    "down to its hash is a failure. With --unseeded it is only counted where a node has no seed "
    "line: what\n"
    "virtio-rng gave is not known, and of that node only the static keys are looked for.\n"
    "\n"
    "Exit status: 0 no key was found, 1 one was or a session could not be reconstructed, 2 usage, "
    "or a file\n"
    "that cannot be used. No key is ever printed.\n";

// ---- Search ---------------------------------------------------------------------------------------------------------

static size_t search_stream(const struct run *run, const struct node *node,
                            const struct tcp_stream *stream, size_t connection,
                            const char *direction, size_t *places)
{
    char name[4200];
    (void)snprintf(name, sizeof name, "%s, connection %zu %s", node->pcap.path, connection,
                   direction);
    struct place place = {name, stream->data, stream->len, false};
    *places += stream->len > 0;
    return place_search(&place, &run->needles);
}

static size_t search_node(const struct run *run, const struct node *node, size_t *places)
{
    struct place log = {node->log.path, node->log.data, node->log.len, true};
    struct place pcap = {node->pcap.path, node->pcap.data, node->pcap.len, false};
    size_t found = place_search(&log, &run->needles) + place_search(&pcap, &run->needles);
    *places += 2;
    for (size_t i = 0; i < node->capture.count; i++) {
        const struct tcp_connection *c = &node->capture.connections[i];
        found += search_stream(run, node, &c->sent, i + 1, "forth", places);
        found += search_stream(run, node, &c->received, i + 1, "back", places);
    }
    return found;
}

static enum exit_status search(struct run *run)
{
    size_t places = 0, found = 0;
    needles_index(&run->needles);
    for (size_t i = 0; i < run->node_count; i++) {
        found += search_node(run, &run->nodes[i], &places);
    }
    // Without a session nothing would be proved.
    bool good = found == 0 && run->failures == 0 && run->sessions + run->unseeded > 0;
    printf(
        "keyscan: %s %zu sessions reconstructed, %zu handshakes broken off, %zu not reconstructed",
        good ? "PASS" : "FAIL", run->sessions, run->broken_off, run->failures);
    if (run->may_be_unseeded) {
        printf(", %zu of unseeded nodes known by their static keys only", run->unseeded);
    }
    printf("; %zu keys looked for in %zu places, %zu found\n", run->needles.count, places, found);
    return good ? EXIT_CLEAN : EXIT_FOUND;
}

static enum exit_status finish(struct run *run)
{
    run_reconstruct(run);
    enum exit_status status = search(run);
    run_free(run);
    return status;
}

// ---- The three forms ------------------------------------------------------------------------------------------------

// Arguments: provisioning directory, log and capture of each node.
static enum exit_status scan_nodes(struct run *run, size_t count, char *const *arguments)
{
    run->nodes = memory_zeroed(count, sizeof *run->nodes);
    run->node_count = count;
    for (size_t i = 0; i < count; i++) {
        if (!node_load(&run->nodes[i], arguments[3 * i], arguments[3 * i + 1],
                       arguments[3 * i + 2])) {
            run_free(run);
            return EXIT_UNUSABLE;
        }
    }
    return finish(run);
}

static bool load_foreign(struct run *run, const char *path)
{
    struct file file;
    size_t line;
    bool good = file_read(&file, path);
    if (good && !foreign_parse(&run->foreign, &line, file.data, file.len)) {
        (void)fprintf(stderr, "keyscan: %s line %zu: not the form that foreign_run.py writes\n",
                      path, line);
        good = false;
    }
    free(file.data);
    return good;
}

static enum exit_status scan_foreign(struct run *run, const char *dir)
{
    static const char *const names[] = {"provision", "uart.log", "net.pcap", "sessions.json"};
    char paths[4][4096];
    char *arguments[3];
    for (size_t i = 0; i < 4; i++) {
        if (snprintf(paths[i], sizeof paths[i], "%s/%s", dir, names[i]) >= (int)sizeof paths[i]) {
            (void)fprintf(stderr, "keyscan: %s: too long a path\n", dir);
            return EXIT_UNUSABLE;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        arguments[i] = paths[i];
    }
    if (!load_foreign(run, paths[3])) {
        return EXIT_UNUSABLE;
    }
    return scan_nodes(run, 1, arguments);
}

static enum exit_status wrong_usage(void)
{
    (void)fputs(usage, stderr);
    return EXIT_UNUSABLE;
}

int main(int argc, char **argv)
{
    struct run run = {0};
    struct rlimit no_core = {0, 0};
    if (setrlimit(RLIMIT_CORE, &no_core) != 0) {
        perror("keyscan: setrlimit");
        return EXIT_UNUSABLE;
    }
    const char *form = argc > 1 ? argv[1] : "";
    if (strcmp(form, "--help") == 0) {
        return fputs(usage, stdout) == EOF ? EXIT_UNUSABLE : EXIT_CLEAN;
    }
    if (strcmp(form, "run") == 0 && argc == 5) {
        return (int)scan_nodes(&run, 1, argv + 2);
    }
    if (strcmp(form, "foreign") == 0 && argc == 3) {
        return (int)scan_foreign(&run, argv[2]);
    }
    if (strcmp(form, "nodes") == 0) {
        run.may_be_unseeded = argc > 2 && strcmp(argv[2], "--unseeded") == 0;
        int first = run.may_be_unseeded ? 3 : 2;
        if (argc > first && (argc - first) % 3 == 0) {
            return (int)scan_nodes(&run, (size_t)(argc - first) / 3, argv + first);
        }
    }
    return (int)wrong_usage();
}
