// SPDX-License-Identifier: Apache-2.0
// One end of Noise XK, driven over standard input and output by a test that is the other end.
//
// A request is `len u32 | op u8 | body`, an answer `len u32 | error u8 | body` (big-endian; len counts what
// follows it):
//
//     I role u8 | external u8 | static private[32] | remote static[32] | prologue   init (role 0: initiator)
//     W payload                 the next handshake message
//     R message                 its payload
//     S                         split: handshake hash[32] | remote static[32]
//     E plaintext               seal
//     D message                 open
//     K / L                     rekey what we send / what we receive
//
// With external = 1 the static private key is kept out of the handshake, and every result that it asks for is
// computed here.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "noise/noise_xk.h"
#include "noise/rng.h"
#include "noise/x25519.h"

enum {
    REQUEST_MAX = XK_MESSAGE_MAX + 4096,
    INIT_FIXED_LEN = 2 + 2 * XK_KEY_LEN,
};

static struct {
    bool responder, external;
    int step; // messages so far
    uint8_t static_private[XK_KEY_LEN];
    uint8_t static_public[XK_KEY_LEN];
    struct xk_handshake hs;
    struct xk_sender sender;
    struct xk_receiver receiver;
} self;

static struct rng rng;
static uint8_t request[REQUEST_MAX];
static uint8_t answer[REQUEST_MAX];

static enum noise_error op_init(const uint8_t *body, size_t len)
{
    if (len < INIT_FIXED_LEN) {
        return NOISE_ERR_ARGUMENT;
    }
    self.responder = body[0] != 0;
    self.external = body[1] != 0;
    self.step = 0;
    memcpy(self.static_private, body + 2, XK_KEY_LEN);
    x25519_base(self.static_public, self.static_private);
    struct xk_config config = {
        .static_public = self.static_public,
        .static_private = self.external ? NULL : self.static_private,
        .remote_static = self.responder ? NULL : body + 2 + XK_KEY_LEN,
        .prologue = body + INIT_FIXED_LEN,
        .prologue_len = len - INIT_FIXED_LEN,
        .random = rng_random,
        .random_ctx = &rng,
    };
    return self.responder ? xk_responder_init(&self.hs, &config)
                          : xk_initiator_init(&self.hs, &config);
}

static enum noise_error op_write(uint8_t *out, size_t *out_len, const uint8_t *payload, size_t len)
{
    self.step++;
    if (self.responder) {
        return xk_responder_write_message_2(&self.hs, out, XK_MESSAGE_MAX, out_len, payload, len);
    }
    return self.step == 1
               ? xk_initiator_write_message_1(&self.hs, out, XK_MESSAGE_MAX, out_len, payload, len)
               : xk_initiator_write_message_3(&self.hs, out, XK_MESSAGE_MAX, out_len, payload, len);
}

// Answers as the holder of the static key would.
static enum noise_error give_result(uint8_t *out, size_t *out_len, const uint8_t *message,
                                    size_t len)
{
    struct xk_dh_request wanted;
    uint8_t secret[XK_KEY_LEN];
    enum noise_error error = xk_dh_request(&self.hs, &wanted);
    if (error != NOISE_OK) {
        return error;
    }
    const uint8_t *result =
        x25519(secret, self.static_private, wanted.public_key) == NOISE_OK ? secret : NULL;
    if (self.responder) {
        return xk_responder_dh_result(&self.hs, wanted.id, result, out, XK_MESSAGE_MAX, out_len,
                                      message, len);
    }
    return xk_initiator_dh_result(&self.hs, wanted.id, result);
}

static enum noise_error op_read(uint8_t *out, size_t *out_len, const uint8_t *message, size_t len)
{
    enum noise_error error;
    self.step++;
    if (!self.responder) {
        error = xk_initiator_read_message_2(&self.hs, out, XK_MESSAGE_MAX, out_len, message, len);
    } else if (self.step == 1) {
        error = xk_responder_read_message_1(&self.hs, out, XK_MESSAGE_MAX, out_len, message, len);
    } else {
        error = xk_responder_read_message_3(&self.hs, out, XK_MESSAGE_MAX, out_len, message, len);
    }
    return error == NOISE_NEED_DH ? give_result(out, out_len, message, len) : error;
}

static enum noise_error op_split(uint8_t *out, size_t *out_len)
{
    enum noise_error error = xk_split(&self.hs, &self.sender, &self.receiver);
    if (error == NOISE_OK) {
        error = xk_handshake_hash(&self.hs, out);
    }
    if (error == NOISE_OK) {
        error = xk_remote_static(&self.hs, out + XK_HASH_LEN);
    }
    *out_len = error == NOISE_OK ? XK_HASH_LEN + XK_KEY_LEN : 0;
    return error;
}

static enum noise_error serve(uint8_t *out, size_t *out_len, uint8_t op, const uint8_t *body,
                              size_t len)
{
    *out_len = 0;
    switch (op) {
    case 'I':
        return op_init(body, len);
    case 'W':
        return op_write(out, out_len, body, len);
    case 'R':
        return op_read(out, out_len, body, len);
    case 'S':
        return op_split(out, out_len);
    case 'E':
        return xk_sender_seal(&self.sender, out, XK_MESSAGE_MAX, out_len, body, len);
    case 'D':
        return xk_receiver_open(&self.receiver, out, XK_MESSAGE_MAX, out_len, body, len);
    case 'K':
        return xk_sender_rekey(&self.sender);
    case 'L':
        return xk_receiver_rekey(&self.receiver);
    default:
        return NOISE_ERR_ARGUMENT;
    }
}

static bool read_request(size_t *len)
{
    uint8_t header[4];
    if (fread(header, 1, sizeof header, stdin) != sizeof header) {
        return false;
    }
    *len = (size_t)header[0] << 24 | (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];
    return *len >= 1 && *len <= sizeof request && fread(request, 1, *len, stdin) == *len;
}

static bool write_answer(enum noise_error error, size_t len)
{
    size_t total = len + 1;
    const uint8_t header[5] = {(uint8_t)(total >> 24), (uint8_t)(total >> 16),
                               (uint8_t)(total >> 8), (uint8_t)total, (uint8_t)error};
    return fwrite(header, 1, sizeof header, stdout) == sizeof header &&
           fwrite(answer, 1, len, stdout) == len && fflush(stdout) == 0;
}

int main(void)
{
    uint8_t rng_seed_bytes[RNG_SEED_LEN];
    size_t len;
    if (getrandom(rng_seed_bytes, sizeof rng_seed_bytes, 0) != (ssize_t)sizeof rng_seed_bytes) {
        return 1;
    }
    rng_seed(&rng, rng_seed_bytes);
    while (read_request(&len)) {
        size_t answer_len;
        enum noise_error error = serve(answer, &answer_len, request[0], request + 1, len - 1);
        if (!write_answer(error, answer_len)) {
            return 1;
        }
    }
    return 0;
}
