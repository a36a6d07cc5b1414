// SPDX-License-Identifier: Apache-2.0
// The responder: takes one client after the other, shakes hands, and sends back whatever it is sent.
//
//     cc server.c $(pkg-config --cflags --libs nexus-noise-xk) -o server && ./server 7000
//
// On the wire each message follows its length, two bytes, the high one first. The key is new each time, and not kept.
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nexus/noise_xk.h>

static uint8_t private_key[XK_KEY_LEN], public_key[XK_KEY_LEN], peer[XK_KEY_LEN];
static uint8_t message[XK_MESSAGE_MAX];

static enum noise_error fill_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return getrandom(out, len, 0) == (ssize_t)len ? NOISE_OK : NOISE_ERR_RANDOM;
}

static bool send_message(int fd, size_t len)
{
    const uint8_t header[2] = {(uint8_t)(len >> 8), (uint8_t)len};
    return send(fd, header, 2, MSG_NOSIGNAL | MSG_MORE) == 2 &&
           send(fd, message, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool receive_message(int fd, size_t *len)
{
    uint8_t header[2];
    if (recv(fd, header, 2, MSG_WAITALL) != 2) {
        return false;
    }
    *len = (size_t)(header[0] << 8 | header[1]);
    return recv(fd, message, *len, MSG_WAITALL) == (ssize_t)*len;
}

static void print_key(const char *what, const uint8_t *key)
{
    printf("%s ", what);
    for (int i = 0; i < XK_KEY_LEN; i++) {
        printf(i < XK_KEY_LEN - 1 ? "%02x" : "%02x\n", key[i]);
    }
}

static void serve(int fd)
{
    const struct xk_config config = {
        .static_public = public_key, .static_private = private_key, .random = fill_random};
    struct xk_handshake hs;
    struct xk_sender tx;
    struct xk_receiver rx;
    size_t len, none;
#define OK(call) ((error = (call)) == NOISE_OK)
    enum noise_error error;
    bool done = OK(xk_responder_init(&hs, &config)) && receive_message(fd, &len) &&
                OK(xk_responder_read_message_1(&hs, NULL, 0, &none, message, len)) &&
                OK(xk_responder_write_message_2(&hs, message, sizeof message, &len, NULL, 0)) &&
                send_message(fd, len) && receive_message(fd, &len) &&
                OK(xk_responder_read_message_3(&hs, NULL, 0, &none, message, len)) &&
                OK(xk_remote_static(&hs, peer)) && OK(xk_split(&hs, &tx, &rx));
    if (done) {
        print_key("client", peer); // who is it? look for the key in a list here
    }
    while (done && receive_message(fd, &len)) {
        done = OK(xk_receiver_open(&rx, message, sizeof message, &len, message, len)) &&
               OK(xk_sender_seal(&tx, message, sizeof message, &len, message, len)) &&
               send_message(fd, len);
    }
    printf("closed: %s\n", noise_error_name(error));
    xk_handshake_wipe(&hs);
    xk_sender_wipe(&tx);
    xk_receiver_wipe(&rx);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    address.sin_port = htons((uint16_t)(argc == 2 ? strtoul(argv[1], NULL, 10) : 0));
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd, on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (argc != 2 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 5) != 0 || fill_random(NULL, private_key, XK_KEY_LEN) != NOISE_OK) {
        perror("usage: server PORT");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    xk_public_key(public_key, private_key);
    print_key("server", public_key);
    for (; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
        serve(fd);
    }
    return 1;
}
