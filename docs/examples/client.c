// SPDX-License-Identifier: Apache-2.0
// The initiator: calls a server whose public key it knows, and sends it each line of standard input.
//
//     cc client.c $(pkg-config --cflags --libs nexus-noise-xk) -o client
//     echo hello | ./client 127.0.0.1 7000 KEY               KEY: what the server has printed
//
// On the wire each message follows its length, two bytes, the high one first. The key is a new one each time; one that
// is to last would lie in a file that nobody else can read.
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <nexus/noise_xk.h>

static uint8_t private_key[XK_KEY_LEN], public_key[XK_KEY_LEN], message[XK_MESSAGE_MAX];

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

static bool talk(int fd, const uint8_t *server_key)
{
    const struct xk_config config = {.static_public = public_key,
                                     .static_private = private_key,
                                     .remote_static = server_key,
                                     .random = fill_random};
    struct xk_handshake hs;
    struct xk_sender tx;
    struct xk_receiver rx;
    size_t len, none;
#define OK(call) ((error = (call)) == NOISE_OK)
    enum noise_error error;
    bool done = OK(xk_initiator_init(&hs, &config)) &&
                OK(xk_initiator_write_message_1(&hs, message, sizeof message, &len, NULL, 0)) &&
                send_message(fd, len) && receive_message(fd, &len) &&
                OK(xk_initiator_read_message_2(&hs, NULL, 0, &none, message, len)) &&
                OK(xk_initiator_write_message_3(&hs, message, sizeof message, &len, NULL, 0)) &&
                send_message(fd, len) && OK(xk_split(&hs, &tx, &rx));
    while (done && fgets((char *)message, XK_PAYLOAD_MAX, stdin) != NULL) {
        len = strlen((char *)message);
        done = OK(xk_sender_seal(&tx, message, sizeof message, &len, message, len)) &&
               send_message(fd, len) && receive_message(fd, &len) &&
               OK(xk_receiver_open(&rx, message, sizeof message, &len, message, len)) &&
               fwrite(message, 1, len, stdout) == len;
    }
    if (!done) {
        printf("client: the server is gone or another one: %s\n", noise_error_name(error));
    }
    xk_handshake_wipe(&hs);
    xk_sender_wipe(&tx);
    xk_receiver_wipe(&rx);
    return done;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    uint8_t server_key[XK_KEY_LEN];
    bool good = argc == 4 && inet_pton(AF_INET, argv[1], &address.sin_addr) == 1 &&
                strspn(argv[3], "0123456789abcdef") == sizeof server_key * 2 &&
                strlen(argv[3]) == sizeof server_key * 2 &&
                fill_random(NULL, private_key, sizeof private_key) == NOISE_OK;
    for (size_t i = 0; good && i < sizeof server_key; i++) {
        const char digits[3] = {argv[3][2 * i], argv[3][2 * i + 1]};
        server_key[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    address.sin_port = htons((uint16_t)(good ? strtoul(argv[2], NULL, 10) : 0));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (!good || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror(good ? "client: connect" : "usage: client ADDRESS PORT KEY");
        return 2;
    }
    xk_public_key(public_key, private_key);
    return talk(fd, server_key) ? 0 : 1;
}
