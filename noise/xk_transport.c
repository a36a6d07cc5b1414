// SPDX-License-Identifier: Apache-2.0
// Transport messages after Split (Noise 5.1 and 11.3), in order or by window.

#include "noise/noise_xk.h"

#include "noise/bytes.h"
#include "noise/chacha20poly1305.h"
#include "noise/ct.h"
#include "noise/xk_internal.h"

#define NONCE_RESERVED UINT64_MAX // Noise 5.1: never for a message, only for REKEY

enum {
    WORD_BITS = 64,
    WINDOW_WORDS = XK_WINDOW_BITS / WORD_BITS + 1,
};

void xk_nonce_encode(uint8_t nonce[static XK_NONCE_LEN], uint64_t n)
{
    store_le32(nonce, 0);
    store_le64(nonce + 4, n);
}

bool xk_in_place_or_apart(const uint8_t *text, size_t text_len, const uint8_t *message,
                          size_t message_len, size_t offset)
{
    uintptr_t t = (uintptr_t)text;
    uintptr_t m = (uintptr_t)message;

    return text_len == 0 || t == m + offset || t + text_len <= m || m + message_len <= t;
}

void xk_sender_init(struct xk_sender *sender, const uint8_t key[static XK_KEY_LEN])
{
    bytes_copy(sender->key, key, XK_KEY_LEN);
    sender->nonce = 0;
    sender->self = sender;
    ct_wipe_registers();
}

void xk_receiver_init(struct xk_receiver *receiver, const uint8_t key[static XK_KEY_LEN])
{
    bytes_copy(receiver->key, key, XK_KEY_LEN);
    receiver->nonce = 0;
    receiver->self = receiver;
    ct_wipe_registers();
}

static bool sender_alive(const struct xk_sender *sender)
{
    return sender != NULL && sender->self == sender;
}

// How a receiver is used: the first message accepted decides.
static bool in_order(const struct xk_receiver *receiver)
{
    return receiver->self == &receiver->nonce;
}

static bool by_window(const struct xk_receiver *receiver)
{
    return receiver->self == receiver->key;
}

static bool receiver_alive(const struct xk_receiver *receiver)
{
    return receiver != NULL &&
           (receiver->self == receiver || in_order(receiver) || by_window(receiver));
}

enum noise_error xk_sender_seal(struct xk_sender *sender, uint8_t *message, size_t message_cap,
                                size_t *message_len, const uint8_t *plaintext, size_t plaintext_len)
{
    uint8_t nonce[XK_NONCE_LEN];

    enum noise_error error = xk_begin(message_len, sender_alive(sender));
    if (error != NOISE_OK) {
        return error;
    }
    if (message == NULL || plaintext_len > XK_PAYLOAD_MAX ||
        message_cap < plaintext_len + XK_TAG_LEN || (plaintext == NULL && plaintext_len > 0) ||
        !xk_in_place_or_apart(plaintext, plaintext_len, message, plaintext_len + XK_TAG_LEN, 0)) {
        return NOISE_ERR_ARGUMENT;
    }
    if (sender->nonce == NONCE_RESERVED) {
        ct_wipe(message, plaintext_len + XK_TAG_LEN); // it may hold the plaintext, in place
        return NOISE_ERR_NONCE;
    }
    xk_nonce_encode(nonce, sender->nonce);
    chacha20poly1305_seal(message, message + plaintext_len, sender->key, nonce, NULL, 0, plaintext,
                          plaintext_len);
    *message_len = plaintext_len + XK_TAG_LEN;
    sender->nonce++;
    return NOISE_OK;
}

// A message that was read: its length and where it goes. Errors: LENGTH, ARGUMENT.
static enum noise_error check_message(const uint8_t *plaintext, size_t plaintext_cap,
                                      const uint8_t *message, size_t message_len)
{
    if (message == NULL && message_len > 0) {
        return NOISE_ERR_ARGUMENT;
    }
    if (message_len < XK_TAG_LEN || message_len > XK_MESSAGE_MAX) {
        return NOISE_ERR_LENGTH;
    }
    size_t len = message_len - XK_TAG_LEN;
    if (plaintext_cap < len || (plaintext == NULL && len > 0) ||
        !xk_in_place_or_apart(plaintext, len, message, message_len, 0)) {
        return NOISE_ERR_ARGUMENT;
    }
    return NOISE_OK;
}

// Decrypts under the nonce n. Errors: NONCE, AUTH; the plaintext is zero then.
static enum noise_error open_message(const struct xk_receiver *receiver, uint64_t n,
                                     uint8_t *plaintext, const uint8_t *message, size_t message_len)
{
    uint8_t nonce[XK_NONCE_LEN];
    size_t len = message_len - XK_TAG_LEN;

    if (n == NONCE_RESERVED) {
        bytes_zero(plaintext, len);
        return NOISE_ERR_NONCE;
    }
    xk_nonce_encode(nonce, n);
    return chacha20poly1305_open(plaintext, receiver->key, nonce, NULL, 0, message, len,
                                 message + len);
}

enum noise_error xk_receiver_open(struct xk_receiver *receiver, uint8_t *plaintext,
                                  size_t plaintext_cap, size_t *plaintext_len,
                                  const uint8_t *message, size_t message_len)
{
    enum noise_error error =
        xk_begin(plaintext_len, receiver_alive(receiver) && !by_window(receiver));
    if (error != NOISE_OK) {
        return error;
    }
    error = check_message(plaintext, plaintext_cap, message, message_len);
    if (error != NOISE_OK) {
        return error;
    }
    error = open_message(receiver, receiver->nonce, plaintext, message, message_len);
    if (error != NOISE_OK) {
        return error;
    }
    *plaintext_len = message_len - XK_TAG_LEN;
    receiver->nonce++;
    receiver->self = &receiver->nonce;
    return NOISE_OK;
}

// The window is a ring of words, one bit for a nonce, one word more than the window is wide: so the word that is
// being entered never holds a nonce that still counts.

static uint64_t *window_word(struct xk_window *window, uint64_t nonce)
{
    return &window->seen[nonce / WORD_BITS % WINDOW_WORDS];
}

static bool window_allows(struct xk_window *window, uint64_t nonce)
{
    if (nonce >= window->next) {
        return true;
    }
    if (window->next - nonce > XK_WINDOW_BITS) {
        return false;
    }
    return (*window_word(window, nonce) >> nonce % WORD_BITS & 1) == 0;
}

// Precondition: window_allows. Clears the words that `nonce` is the first to enter, at most the whole ring.
static void window_mark(struct xk_window *window, uint64_t nonce)
{
    if (nonce >= window->next) {
        uint64_t word = window->next / WORD_BITS + (window->next % WORD_BITS != 0);
        uint64_t last = nonce / WORD_BITS;
        if (last - word + 1 > WINDOW_WORDS && last >= word) {
            word = last - WINDOW_WORDS + 1;
        }
        for (; word <= last; word++) {
            window->seen[word % WINDOW_WORDS] = 0;
        }
        window->next = nonce + 1;
    }
    *window_word(window, nonce) |= (uint64_t)1 << nonce % WORD_BITS;
}

void xk_window_init(struct xk_window *window)
{
    *window = (struct xk_window){0};
}

enum noise_error xk_receiver_open_at(struct xk_receiver *receiver, struct xk_window *window,
                                     uint64_t nonce, uint8_t *plaintext, size_t plaintext_cap,
                                     size_t *plaintext_len, const uint8_t *message,
                                     size_t message_len)
{
    enum noise_error error =
        xk_begin(plaintext_len, receiver_alive(receiver) && !in_order(receiver));
    if (error != NOISE_OK) {
        return error;
    }
    if (window == NULL) {
        return NOISE_ERR_ARGUMENT;
    }
    error = check_message(plaintext, plaintext_cap, message, message_len);
    if (error != NOISE_OK) {
        return error;
    }
    if (!window_allows(window, nonce)) {
        bytes_zero(plaintext, message_len - XK_TAG_LEN);
        return NOISE_ERR_REPLAY;
    }
    error = open_message(receiver, nonce, plaintext, message, message_len);
    if (error != NOISE_OK) {
        return error;
    }
    *plaintext_len = message_len - XK_TAG_LEN;
    window_mark(window, nonce);
    receiver->self = receiver->key;
    return NOISE_OK;
}

enum noise_error xk_sender_nonce(const struct xk_sender *sender, uint64_t *nonce)
{
    if (nonce == NULL) {
        return NOISE_ERR_ARGUMENT;
    }
    if (!sender_alive(sender)) {
        return NOISE_ERR_STATE;
    }
    *nonce = sender->nonce;
    return NOISE_OK;
}

enum noise_error xk_receiver_nonce(const struct xk_receiver *receiver, uint64_t *nonce)
{
    if (nonce == NULL) {
        return NOISE_ERR_ARGUMENT;
    }
    if (!receiver_alive(receiver)) {
        return NOISE_ERR_STATE;
    }
    *nonce = receiver->nonce;
    return NOISE_OK;
}

// REKEY(k), Noise 4.2: the first 32 bytes of ENCRYPT(k, 2^64-1, zerolen, zeros).
static void rekey(uint8_t key[static XK_KEY_LEN])
{
    uint8_t nonce[XK_NONCE_LEN];
    uint8_t next[XK_KEY_LEN] = {0};
    uint8_t tag[XK_TAG_LEN];

    xk_nonce_encode(nonce, NONCE_RESERVED);
    chacha20poly1305_seal(next, tag, key, nonce, NULL, 0, next, XK_KEY_LEN);
    bytes_copy(key, next, XK_KEY_LEN);
    ct_wipe(next, sizeof next);
    ct_wipe(tag, sizeof tag);
    ct_wipe_registers();
}

enum noise_error xk_sender_rekey(struct xk_sender *sender)
{
    if (!sender_alive(sender)) {
        return NOISE_ERR_STATE;
    }
    rekey(sender->key);
    return NOISE_OK;
}

enum noise_error xk_receiver_rekey(struct xk_receiver *receiver)
{
    if (!receiver_alive(receiver)) {
        return NOISE_ERR_STATE;
    }
    rekey(receiver->key);
    return NOISE_OK;
}

enum noise_error xk_sender_move(struct xk_sender *to, struct xk_sender *from)
{
    if (to == NULL || to == from) {
        return NOISE_ERR_ARGUMENT;
    }
    if (!sender_alive(from)) {
        return NOISE_ERR_STATE;
    }
    xk_sender_init(to, from->key);
    to->nonce = from->nonce;
    xk_sender_wipe(from);
    return NOISE_OK;
}

enum noise_error xk_receiver_move(struct xk_receiver *to, struct xk_receiver *from)
{
    if (to == NULL || to == from) {
        return NOISE_ERR_ARGUMENT;
    }
    if (!receiver_alive(from)) {
        return NOISE_ERR_STATE;
    }
    xk_receiver_init(to, from->key);
    to->nonce = from->nonce;
    if (in_order(from)) {
        to->self = &to->nonce;
    } else if (by_window(from)) {
        to->self = to->key;
    }
    xk_receiver_wipe(from);
    return NOISE_OK;
}

void xk_sender_wipe(struct xk_sender *sender)
{
    ct_wipe(sender, sizeof *sender);
}

void xk_receiver_wipe(struct xk_receiver *receiver)
{
    ct_wipe(receiver, sizeof *receiver);
}
