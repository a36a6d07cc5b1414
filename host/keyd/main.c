// SPDX-License-Identifier: Apache-2.0
// dsoftbus-keyd: the one process that holds the static private key. It does Diffie-Hellman, and nothing else.
//
// Started by dsoftbusd with a socket as descriptor 3 and the directory of the key as its argument. It reads the key,
// gives up every right that it does not need, and answers until the socket closes.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/common/exit_code.h"
#include "host/common/identity_files.h"
#include "host/common/keyd_protocol.h"
#include "host/keyd/confine.h"
#include "noise/ct.h"
#include "noise/noise_xk.h"

static struct private_key key;

// No core dump, no debugger of the same user, not swapped out.
static void hide_memory(void)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        fprintf(stderr, "dsoftbus-keyd: cannot switch off core dumps: %s\n", strerror(errno));
        exit(EXIT_FAILED);
    }
    if (mlock(&key, sizeof key) != 0) {
        fprintf(stderr, "dsoftbus-keyd: the key may be swapped out: mlock: %s\n", strerror(errno));
    }
}

static void load(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct fault fault;

    if (fd < 0) {
        fprintf(stderr, "dsoftbus-keyd: cannot open %s: %s\n", directory, strerror(errno));
        exit(EXIT_NO_STATE);
    }
    if (!private_key_load(&key, &fault, fd)) {
        fprintf(stderr, "dsoftbus-keyd: %s\n", fault.text);
        exit(fault.exit_code);
    }
    close(fd);
}

// CT: secret = key, reply->secrets; public = public keys, count, and which results are all zero.
static void multiply(struct keyd_reply *reply, const struct keyd_request *request)
{
    struct xk_product products[KEYD_DH_MAX];

    for (uint32_t i = 0; i < request->count; i++) {
        reply->ids[i] = request->ids[i];
        products[i] = (struct xk_product){.secret = reply->secrets[i],
                                          .private_key = key.bytes,
                                          .public_key = request->public_keys[i]};
    }
    (void)!xk_batch_dh(products, request->count); // the products say it too
    for (uint32_t i = 0; i < request->count; i++) {
        reply->failed |= (uint32_t)(products[i].error != NOISE_OK) << i;
    }
}

// False: the request is none that dsoftbusd makes.
static bool answer(struct keyd_reply *reply, const struct keyd_request *request, size_t len)
{
    *reply = (struct keyd_reply){.op = request->op, .count = request->count};
    if (len != sizeof *request) {
        return false;
    }
    if (request->op == KEYD_IDENTITY && request->count == 1) {
        xk_public_key(reply->secrets[0], key.bytes);
        return true;
    }
    if (request->op == KEYD_DH && request->count >= 1 && request->count <= KEYD_DH_MAX) {
        multiply(reply, request);
        return true;
    }
    return false;
}

// Until the other end closes. The exit code.
static int serve(void)
{
    struct keyd_request request;
    struct keyd_reply reply;

    for (;;) {
        ssize_t len = recv(KEYD_SOCKET_FD, &request, sizeof request, 0);
        if (len == 0) {
            return EXIT_DONE;
        }
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 || !answer(&reply, &request, (size_t)len)) {
            return EXIT_FAILED;
        }
        len = send(KEYD_SOCKET_FD, &reply, sizeof reply, MSG_NOSIGNAL);
        ct_wipe(&reply, sizeof reply);
        if (len != (ssize_t)sizeof reply) {
            return EXIT_FAILED;
        }
    }
}

int main(int argc, char **argv)
{
    struct fault fault;
    int exit_code;

    if (argc != 2) {
        fputs("usage: dsoftbus-keyd DIRECTORY    (dsoftbusd starts it)\n", stderr);
        return EXIT_USAGE;
    }
    hide_memory();
    load(argv[1]);
    if (!confine(&fault)) {
        fprintf(stderr, "dsoftbus-keyd: %s\n", fault.text);
        return fault.exit_code;
    }
    exit_code = serve();
    private_key_wipe(&key);
    return exit_code;
}
