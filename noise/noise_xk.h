// SPDX-License-Identifier: Apache-2.0
// Noise_XK_25519_ChaChaPoly_BLAKE2s (Noise specification, revision 34): handshake and transport.
//
//     XK:
//       <- s                     the initiator knows the responder's static public key
//       ...
//       -> e, es                 message 1: 48 bytes and the payload
//       <- e, ee                 message 2: 48 bytes and the payload
//       -> s, se                 message 3: 64 bytes and the payload
//
// Freestanding: no libc, no heap, no I/O, no clock. The caller owns every object; none holds a
// pointer to a buffer of the caller after a call has returned (the random function and its context,
// given at initialisation, are the exception: they must outlive the handshake).
//
// A blocking initiator, in full; every call is checked for NOISE_OK:
//
//     xk_initiator_init(&hs, &config);
//     xk_initiator_write_message_1(&hs, m1, sizeof m1, &m1_len, NULL, 0);          send m1
//     xk_initiator_read_message_2(&hs, NULL, 0, &payload_len, m2, m2_len);         received m2
//     xk_initiator_write_message_3(&hs, m3, sizeof m3, &m3_len, NULL, 0);          send m3
//     xk_split(&hs, &sender, &receiver);
//     xk_sender_seal(&sender, out, sizeof out, &out_len, "PING", 4);               send out
//
// and its responder:
//
//     xk_responder_init(&hs, &config);
//     xk_responder_read_message_1(&hs, NULL, 0, &payload_len, m1, m1_len);
//     xk_responder_write_message_2(&hs, m2, sizeof m2, &m2_len, NULL, 0);
//     xk_responder_read_message_3(&hs, NULL, 0, &payload_len, m3, m3_len);
//     xk_remote_static(&hs, peer);                       who is it? decide before going on
//     xk_split(&hs, &sender, &receiver);
//     xk_receiver_open(&receiver, in, sizeof in, &in_len, record, record_len);
//
// Rules that hold for every function here
//
// - Order. The calls form a state machine. A call out of order is NOISE_ERR_STATE and changes
//   nothing. An object of zero bytes, or one that was wiped, answers NOISE_ERR_STATE to all but init (and
//   NOISE_ERR_STALE to a Diffie-Hellman result, which came too late).
// - Failure. A handshake message that is bad (NOISE_ERR_LENGTH, NOISE_ERR_AUTH, NOISE_ERR_LOW_ORDER)
//   or whose external Diffie-Hellman failed (NOISE_ERR_EXTERNAL) kills the handshake and wipes it;
//   only init revives the object. A bad transport message changes nothing in the receiver; what to do
//   about it is the caller's choice.
// - Outputs. On an error the output length is 0. When a message is bad or a replay, or no nonce is left, the output
//   buffer is zero as far as it would have been used; after any other error it is untouched.
// - Buffers. `cap` is what a buffer holds, `len` what is used. NULL with length 0 is legal, NULL with
//   a length is NOISE_ERR_ARGUMENT. Input and output may be the same memory: a payload in place lies
//   where its ciphertext goes, which is XK_MESSAGE_n_OFFSET into a handshake message and at the start
//   of a transport message. Otherwise they must not overlap; an overlap is NOISE_ERR_ARGUMENT.
// - Copying. An object that holds keys is never copied by assignment: a copy would use a nonce twice.
//   A copy (or an object moved by hand) is noticed and answers NOISE_ERR_STATE. xk_sender_move and
//   xk_receiver_move move one.
// - Wiping. Keys are wiped as soon as the protocol is through with them and on every error path. An
//   object that is no longer wanted is wiped by the caller: xk_handshake_wipe, xk_sender_wipe,
//   xk_receiver_wipe. They accept any state.
// - Threads. One object, one thread at a time. There is no global state but the choice of processor features, which
//   cpu.h may limit; results do not depend on it.
//
// CT: secret = private keys, ephemerals, chaining key, cipher keys, payloads; public = roles, states,
// lengths, public keys, nonces, handshake hash, and whether a message authenticated.
#ifndef NOISE_NOISE_XK_H
#define NOISE_NOISE_XK_H

#include "noise/noise_error.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    XK_KEY_LEN = 32,
    XK_HASH_LEN = 32,
    XK_TAG_LEN = 16,
    XK_MESSAGE_MAX = 65535, // Noise 3: every message, handshake or transport

    // Where the payload of a handshake message begins.
    XK_MESSAGE_1_OFFSET = XK_KEY_LEN,
    XK_MESSAGE_2_OFFSET = XK_KEY_LEN,
    XK_MESSAGE_3_OFFSET = XK_KEY_LEN + XK_TAG_LEN,

    // The length of a message is its overhead and the length of its payload.
    XK_MESSAGE_1_OVERHEAD = XK_MESSAGE_1_OFFSET + XK_TAG_LEN, // 48
    XK_MESSAGE_2_OVERHEAD = XK_MESSAGE_2_OFFSET + XK_TAG_LEN, // 48
    XK_MESSAGE_3_OVERHEAD = XK_MESSAGE_3_OFFSET + XK_TAG_LEN, // 64
    XK_TRANSPORT_OVERHEAD = XK_TAG_LEN,

    XK_PAYLOAD_1_MAX = XK_MESSAGE_MAX - XK_MESSAGE_1_OVERHEAD, // 65487
    XK_PAYLOAD_2_MAX = XK_MESSAGE_MAX - XK_MESSAGE_2_OVERHEAD, // 65487
    XK_PAYLOAD_3_MAX = XK_MESSAGE_MAX - XK_MESSAGE_3_OVERHEAD, // 65471
    XK_PAYLOAD_MAX = XK_MESSAGE_MAX - XK_TRANSPORT_OVERHEAD,   // 65519, transport

    XK_WINDOW_BITS = 1024, // nonces that count once: the newest, and 1023 behind it
};

#define XK_MUST_USE __attribute__((warn_unused_result))

// The objects. Their members are not for the caller: everything that may be known has a function.
struct xk_handshake {
    const struct xk_handshake *self; // its own address while alive: a copy does not work
    uint32_t role;
    uint32_t state;
    enum noise_error (*random)(void *ctx, uint8_t *out, size_t out_len);
    void *random_ctx;
    uint64_t nonce;                        // n of the CipherState
    uint8_t cipher_key[XK_KEY_LEN];        // k of the CipherState
    uint8_t chaining_key[XK_HASH_LEN];     // ck
    uint8_t hash[XK_HASH_LEN];             // h
    uint8_t static_private[XK_KEY_LEN];    // s; zero when it lives elsewhere
    uint8_t static_public[XK_KEY_LEN];     // s
    uint8_t ephemeral_private[XK_KEY_LEN]; // e
    uint8_t remote_static[XK_KEY_LEN];     // rs
    uint8_t remote_ephemeral[XK_KEY_LEN];  // re
    uint8_t shared[XK_KEY_LEN];            // a Diffie-Hellman result, until it is mixed in
    uint8_t external;                      // the static private key lives elsewhere
};

struct xk_sender {
    const struct xk_sender *self;
    uint64_t nonce; // of the next message
    uint8_t key[XK_KEY_LEN];
};

struct xk_receiver {
    const void *
        self; // its own address; that of its nonce once it is used in order, that of its key by window
    uint64_t nonce; // of the next message in order
    uint8_t key[XK_KEY_LEN];
};

struct xk_window {
    uint64_t next;                          // one above the newest nonce accepted; 0: none yet
    uint64_t seen[XK_WINDOW_BITS / 64 + 1]; // ring of words; the word being filled is the spare one
};

// Keys
//
// A private key is any 32 secret, uniformly random bytes. xk_public_key gives the public key that belongs to it; it
// cannot fail. xk_dh is for whoever holds a private key for a handshake elsewhere ("External key"): secret =
// X25519(private_key, public_key). Errors: LOW_ORDER (the product is all zero, and so is `secret`).
void xk_public_key(uint8_t public_key[NOISE_AT_LEAST XK_KEY_LEN],
                   const uint8_t private_key[NOISE_AT_LEAST XK_KEY_LEN]);
XK_MUST_USE enum noise_error xk_dh(uint8_t secret[NOISE_AT_LEAST XK_KEY_LEN],
                                   const uint8_t private_key[NOISE_AT_LEAST XK_KEY_LEN],
                                   const uint8_t public_key[NOISE_AT_LEAST XK_KEY_LEN]);

// Who we are and whom we call. Everything is copied, except the random function and its context.
struct xk_config {
    // Our static key pair. static_public is always needed and must belong to the private key. With
    // static_private NULL the private key lives elsewhere: see "External key".
    const uint8_t *static_public;  // 32 bytes
    const uint8_t *static_private; // 32 bytes or NULL
    // The responder's static public key: needed by the initiator, NULL for the responder.
    const uint8_t *remote_static; // 32 bytes or NULL
    // Mixed into the handshake hash also when empty; both sides must give the same bytes. Any length.
    const uint8_t *prologue;
    size_t prologue_len;
    // Fills `out` with random bytes for the ephemeral key and returns NOISE_OK, or anything else when
    // it cannot. Called once, with out_len 32, by write_message_1 (initiator) or write_message_2
    // (responder).
    enum noise_error (*random)(void *ctx, uint8_t *out, size_t out_len);
    void *random_ctx;
};

// Starts a handshake in `hs`, whatever was there before. Errors: NOISE_ERR_ARGUMENT (a pointer that is
// needed is NULL, or remote_static is given to a responder): `hs` is wiped.
XK_MUST_USE enum noise_error xk_initiator_init(struct xk_handshake *hs,
                                               const struct xk_config *config);
XK_MUST_USE enum noise_error xk_responder_init(struct xk_handshake *hs,
                                               const struct xk_config *config);

// Initiator: -> e, es. Errors: ARGUMENT, STATE, RANDOM (nothing has changed: try again), LOW_ORDER (the
// responder's configured key; the handshake is dead).
XK_MUST_USE enum noise_error xk_initiator_write_message_1(struct xk_handshake *hs, uint8_t *message,
                                                          size_t message_cap, size_t *message_len,
                                                          const uint8_t *payload,
                                                          size_t payload_len);

// Responder: -> e, es. A payload of message 1 may be a replay, and anybody who knows our public key
// can have written it. Errors: ARGUMENT, STATE, LENGTH, AUTH, LOW_ORDER; NOISE_NEED_DH (external key).
XK_MUST_USE enum noise_error xk_responder_read_message_1(struct xk_handshake *hs, uint8_t *payload,
                                                         size_t payload_cap, size_t *payload_len,
                                                         const uint8_t *message,
                                                         size_t message_len);

// Responder: <- e, ee. Errors: ARGUMENT, STATE, RANDOM (try again), LOW_ORDER.
XK_MUST_USE enum noise_error xk_responder_write_message_2(struct xk_handshake *hs, uint8_t *message,
                                                          size_t message_cap, size_t *message_len,
                                                          const uint8_t *payload,
                                                          size_t payload_len);

// Initiator: <- e, ee. When it succeeds the responder has proved that it holds its static key. Errors:
// ARGUMENT, STATE, LENGTH, AUTH, LOW_ORDER; NOISE_NEED_DH (external key; the payload is already there).
XK_MUST_USE enum noise_error xk_initiator_read_message_2(struct xk_handshake *hs, uint8_t *payload,
                                                         size_t payload_cap, size_t *payload_len,
                                                         const uint8_t *message,
                                                         size_t message_len);

// Initiator: -> s, se. Never waits: with an external key its result came with message 2. Errors:
// ARGUMENT, STATE, LOW_ORDER.
XK_MUST_USE enum noise_error xk_initiator_write_message_3(struct xk_handshake *hs, uint8_t *message,
                                                          size_t message_cap, size_t *message_len,
                                                          const uint8_t *payload,
                                                          size_t payload_len);

// Responder: -> s, se. When it succeeds the initiator has proved that it holds the key that
// xk_remote_static gives. Errors: ARGUMENT, STATE, LENGTH, AUTH, LOW_ORDER.
XK_MUST_USE enum noise_error xk_responder_read_message_3(struct xk_handshake *hs, uint8_t *payload,
                                                         size_t payload_cap, size_t *payload_len,
                                                         const uint8_t *message,
                                                         size_t message_len);

// External key
//
// With config.static_private NULL, two calls need a Diffie-Hellman result that only the holder of the
// key can give. They answer NOISE_NEED_DH and the handshake waits; every other call on it, wiping
// apart, is NOISE_ERR_STATE until the result has come:
//
//     xk_responder_read_message_1   before its tag is checked, for es
//     xk_initiator_read_message_2   after the message has authenticated, for se
//
// The caller takes the request, has xk_dh(static private, request.public_key) computed, and hands the
// result in. Nothing blocks meanwhile, and the handshake keeps no pointer: the responder gives message 1
// again together with the result, because its payload could not be decrypted yet. (It may lie elsewhere
// by then. If it is not the same message the call is NOISE_ERR_ARGUMENT, or, if only the encrypted
// part differs, the message fails to authenticate: there is nothing to dangle and nothing to swap.)
struct xk_dh_request {
    // Names the question, not the moment: it is taken from the handshake hash, so two requests with the
    // same id ask for the same product. An answer that arrives after its handshake has been
    // re-initialised is therefore recognised as stale without anybody keeping count.
    uint64_t id;
    uint8_t public_key[XK_KEY_LEN];
};

// What the handshake waits for. Errors: STATE (it does not wait).
XK_MUST_USE enum noise_error xk_dh_request(const struct xk_handshake *hs,
                                           struct xk_dh_request *request);

// Goes on with message 1. `secret` is the product, 32 bytes, or NULL when the holder failed, which kills
// the handshake. The other arguments are those of xk_responder_read_message_1, and so are the errors;
// also STALE (the handshake does not wait for `id`: drop the result, nothing has changed), EXTERNAL.
XK_MUST_USE enum noise_error xk_responder_dh_result(struct xk_handshake *hs, uint64_t id,
                                                    const uint8_t *secret, uint8_t *payload,
                                                    size_t payload_cap, size_t *payload_len,
                                                    const uint8_t *message, size_t message_len);

// Goes on after message 2: from now on message 3 can be written. `secret` as above. Errors: STALE, EXTERNAL,
// LOW_ORDER.
XK_MUST_USE enum noise_error xk_initiator_dh_result(struct xk_handshake *hs, uint64_t id,
                                                    const uint8_t *secret);

// Batches
//
// Handshakes that wait for their next message at the same moment, as at a gateway to which everybody
// reconnects, are advanced together: the Diffie-Hellman computations of eight are done side by side
// where the processor has vectors (AVX-512 IFMA eight, AVX2 four), and in order elsewhere. What comes
// out is what the calls above give one by one, byte for byte.
//
//     struct xk_turn turns[8];                              one for each handshake
//     turns[i] = (struct xk_turn){.hs = &hs[i], .message = XK_READ_MESSAGE_1,
//                                 .in = m1[i], .in_len = m1_len[i]};
//     others = xk_batch_advance(turns, 8);                  0: every turns[i].error is NOISE_OK
//
// The messages may be different ones, of initiators and responders, and any number. No
// Diffie-Hellman is done for a message that is refused, none with a static key that has not
// authenticated, and none for the message after this one.
enum xk_message {
    XK_WRITE_MESSAGE_1 = 1, // initiator
    XK_READ_MESSAGE_1,      // responder
    XK_WRITE_MESSAGE_2,     // responder
    XK_READ_MESSAGE_2,      // initiator
    XK_WRITE_MESSAGE_3,     // initiator
    XK_READ_MESSAGE_3,      // responder
};

// One message of one handshake, with the arguments of the call that `message` names. When it is
// written, `in` is the payload and `out` the message; when it is read, the other way round.
struct xk_turn {
    struct xk_handshake *hs;
    enum xk_message message;
    uint8_t *out;
    size_t out_cap;
    const uint8_t *in;
    size_t in_len;
    size_t out_len;         // result: 0 unless the message was written or read to its end
    enum noise_error error; // result: that of the call; it may be NOISE_NEED_DH
};

// Takes every turn and gives how many came to something else than NOISE_OK. Random bytes are drawn in
// the order of the array. What becomes of one turn says nothing about another: a bad message kills its
// own handshake, a refused turn changes nothing in its own. Two turns are not for the same handshake
// (the second may be NOISE_ERR_STATE), and what one writes does not overlap with what another reads or
// writes. Errors of a turn: those of the call; ARGUMENT (`message` is none of the six).
XK_MUST_USE size_t xk_batch_advance(struct xk_turn *turns, size_t count);

// One multiplication of many, with the arguments and the error of xk_dh. Without a public key it is
// xk_public_key.
struct xk_product {
    uint8_t *secret;            // 32 bytes: the result
    const uint8_t *private_key; // 32 bytes
    const uint8_t *public_key;  // 32 bytes or NULL
    enum noise_error error;     // result: NOISE_OK or LOW_ORDER
};

// For the holder of a key whom many handshakes ask at once ("External key"): does all products, side
// by side as above, and gives how many are LOW_ORDER. They may have keys in common; no `secret`
// overlaps with what another one reads or writes.
XK_MUST_USE size_t xk_batch_dh(struct xk_product *products, size_t count);

// The static key of the peer, as soon as it is authenticated and not before: for the initiator after
// message 2, for the responder after message 3; also after xk_split. Errors: STATE.
XK_MUST_USE enum noise_error xk_remote_static(const struct xk_handshake *hs,
                                              uint8_t public_key[NOISE_AT_LEAST XK_KEY_LEN]);

// The handshake hash (channel binding, Noise 11.2), the same on both sides and different in every
// session; from message 3 on, also after xk_split. Not a secret. Errors: STATE.
XK_MUST_USE enum noise_error xk_handshake_hash(const struct xk_handshake *hs,
                                               uint8_t hash[NOISE_AT_LEAST XK_HASH_LEN]);

// Split, once, after message 3: the two directions of the transport. Which key sends follows from the
// role. All keys in `hs` are wiped; the remote static key and the handshake hash stay readable.
// Errors: ARGUMENT (NULL), STATE.
XK_MUST_USE enum noise_error xk_split(struct xk_handshake *hs, struct xk_sender *sender,
                                      struct xk_receiver *receiver);

void xk_handshake_wipe(struct xk_handshake *hs);

// Transport: encrypts one message; message_len = plaintext_len + 16. Errors: ARGUMENT, STATE, NONCE.
XK_MUST_USE enum noise_error xk_sender_seal(struct xk_sender *sender, uint8_t *message,
                                            size_t message_cap, size_t *message_len,
                                            const uint8_t *plaintext, size_t plaintext_len);

// Transport: decrypts the next message in order. A message that fails leaves the receiver as it was.
// Errors: ARGUMENT, STATE, LENGTH, AUTH, NONCE.
XK_MUST_USE enum noise_error xk_receiver_open(struct xk_receiver *receiver, uint8_t *plaintext,
                                              size_t plaintext_cap, size_t *plaintext_len,
                                              const uint8_t *message, size_t message_len);

// Transport over a channel that loses or reorders: decrypts the message that was sealed under `nonce`
// (xk_sender_nonce, read before sealing, says which that was; the caller carries it). The window
// refuses what was accepted before and what is older than XK_WINDOW_BITS; it moves only
// when a message has authenticated. One window belongs to one receiver. A receiver is used in order
// or by window, not both: the first message accepted decides, the other call is NOISE_ERR_STATE then.
// Errors: ARGUMENT, STATE, LENGTH, AUTH, REPLAY, NONCE (`nonce` is 2^64-1).
XK_MUST_USE enum noise_error xk_receiver_open_at(struct xk_receiver *receiver,
                                                 struct xk_window *window, uint64_t nonce,
                                                 uint8_t *plaintext, size_t plaintext_cap,
                                                 size_t *plaintext_len, const uint8_t *message,
                                                 size_t message_len);

// An empty window: nothing has been accepted.
void xk_window_init(struct xk_window *window);

// The nonce of the next message in order. Errors: STATE.
XK_MUST_USE enum noise_error xk_sender_nonce(const struct xk_sender *sender, uint64_t *nonce);
XK_MUST_USE enum noise_error xk_receiver_nonce(const struct xk_receiver *receiver, uint64_t *nonce);

// REKEY (Noise 11.3): a new key by a one-way step; the nonce goes on. Both ends must take it at the
// same message. Errors: STATE.
XK_MUST_USE enum noise_error xk_sender_rekey(struct xk_sender *sender);
XK_MUST_USE enum noise_error xk_receiver_rekey(struct xk_receiver *receiver);

// Moves the state to another place; `from` is wiped. Errors: ARGUMENT (NULL, or the same place), STATE.
XK_MUST_USE enum noise_error xk_sender_move(struct xk_sender *to, struct xk_sender *from);
XK_MUST_USE enum noise_error xk_receiver_move(struct xk_receiver *to, struct xk_receiver *from);

void xk_sender_wipe(struct xk_sender *sender);
void xk_receiver_wipe(struct xk_receiver *receiver);

NOISE_STATIC_ASSERT(sizeof(struct xk_handshake) <= 512, "handshake state");
NOISE_STATIC_ASSERT(sizeof(struct xk_sender) + sizeof(struct xk_receiver) <= 96, "transport state");

#ifdef __cplusplus
}
#endif

#endif
