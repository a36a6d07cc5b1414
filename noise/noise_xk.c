// SPDX-License-Identifier: Apache-2.0
// The XK handshake (Noise 5 and 7.5), one commented block per token.

#include "noise/noise_xk.h"

#include "noise/blake2s.h"
#include "noise/bytes.h"
#include "noise/chacha20poly1305.h"
#include "noise/ct.h"
#include "noise/x25519.h"
#include "noise/xk_internal.h"

// What may be called next. A wiped object has self NULL and no state at all. The first six are messages, and are called as
// the interface calls them.
enum state {
    I_WRITE_1 = XK_WRITE_MESSAGE_1,
    R_READ_1 = XK_READ_MESSAGE_1,
    R_WRITE_2 = XK_WRITE_MESSAGE_2,
    I_READ_2 = XK_READ_MESSAGE_2,
    I_WRITE_3 = XK_WRITE_MESSAGE_3,
    R_READ_3 = XK_READ_MESSAGE_3,
    I_WAIT_DH, // for se, with an external key
    R_WAIT_DH, // for es, with an external key
    BUSY,      // a message was begun, its multiplications are being done
    COMPLETE,  // xk_split may be called
    SPLIT,     // only the remote static key and the handshake hash are left
};

enum role {
    INITIATOR = 1,
    RESPONDER,
};

// SymmetricState, Noise 5.2

// Not inlined, so that the hash does not lie on the stack below a scalar multiplication, which is where it is deepest.
static __attribute__((noinline)) void mix_hash(struct xk_handshake *hs, const uint8_t *data,
                                               size_t data_len)
{
    struct blake2s ctx;

    blake2s_init(&ctx, BLAKE2S_HASH_LEN, NULL, 0);
    blake2s_update(&ctx, hs->hash, XK_HASH_LEN);
    blake2s_update(&ctx, data, data_len);
    blake2s_final(&ctx, hs->hash);
}

static void mix_key(struct xk_handshake *hs, const uint8_t shared[static XK_KEY_LEN])
{
    hkdf_blake2s(hs->chaining_key, hs->cipher_key, hs->chaining_key, shared, XK_KEY_LEN);
    hs->nonce = 0;
}

// out gets in_len + 16 bytes.
static void encrypt_and_hash(struct xk_handshake *hs, uint8_t *out, const uint8_t *in,
                             size_t in_len)
{
    uint8_t nonce[XK_NONCE_LEN];

    xk_nonce_encode(nonce, hs->nonce++);
    chacha20poly1305_seal(out, out + in_len, hs->cipher_key, nonce, hs->hash, XK_HASH_LEN, in,
                          in_len);
    mix_hash(hs, out, in_len + XK_TAG_LEN);
}

// out gets in_len - 16 bytes, and only when the tag verified. Errors: AUTH.
static enum noise_error decrypt_and_hash(struct xk_handshake *hs, uint8_t *out, const uint8_t *in,
                                         size_t in_len)
{
    uint8_t nonce[XK_NONCE_LEN];
    size_t out_len = in_len - XK_TAG_LEN;

    xk_nonce_encode(nonce, hs->nonce++);
    enum noise_error error = chacha20poly1305_verify(hs->cipher_key, nonce, hs->hash, XK_HASH_LEN,
                                                     in, out_len, in + out_len);
    if (error != NOISE_OK) {
        return error;
    }
    mix_hash(hs, in, in_len); // before decrypting: in place, the ciphertext is gone afterwards
    chacha20poly1305_decrypt(out, hs->cipher_key, nonce, in, out_len);
    return NOISE_OK;
}

// The state machine

static bool may(const struct xk_handshake *hs, enum state state)
{
    return hs != NULL && hs->self == hs && hs->state == state;
}

static void advance(struct xk_handshake *hs, enum state state)
{
    hs->state = state;
}

// The end of a handshake.
static enum noise_error die(struct xk_handshake *hs, enum noise_error error)
{
    xk_handshake_wipe(hs);
    return error;
}

// The same when a message was already being written or read; `out` is what it would have filled.
static enum noise_error die_wiping(struct xk_handshake *hs, enum noise_error error, uint8_t *out,
                                   size_t out_len)
{
    ct_wipe(out, out_len);
    return die(hs, error);
}

void xk_handshake_wipe(struct xk_handshake *hs)
{
    ct_wipe(hs, sizeof *hs);
}

// Initialize, Noise 5.3; the pre-message of XK is the responder's static public key.
static void initialize(struct xk_handshake *hs, const struct xk_config *config, enum role role)
{
    // The name, Noise_XK_25519_ChaChaPoly_BLAKE2s, is longer than a hash: h begins as its hash.
    static const uint8_t name_hash[XK_HASH_LEN] = {
        0xc9, 0xc0, 0xeb, 0xe4, 0x8a, 0x92, 0x2f, 0x8e, 0x9e, 0xbe, 0xe2,
        0x8c, 0xb8, 0xa7, 0x11, 0xbc, 0x27, 0x6b, 0x5f, 0x75, 0x4a, 0xe5,
        0xc9, 0x08, 0x7c, 0x79, 0xfd, 0x66, 0x60, 0x83, 0x7d, 0x33,
    };

    bytes_copy(hs->hash, name_hash, XK_HASH_LEN);
    bytes_copy(hs->chaining_key, name_hash, XK_HASH_LEN);
    mix_hash(hs, config->prologue, config->prologue_len);
    mix_hash(hs, role == INITIATOR ? config->remote_static : config->static_public, XK_KEY_LEN);

    bytes_copy(hs->static_public, config->static_public, XK_KEY_LEN);
    if (config->static_private != NULL) {
        bytes_copy(hs->static_private, config->static_private, XK_KEY_LEN);
    } else {
        hs->external = 1;
    }
    if (role == INITIATOR) {
        bytes_copy(hs->remote_static, config->remote_static, XK_KEY_LEN);
    }
    hs->random = config->random;
    hs->random_ctx = config->random_ctx;
    hs->role = role;
    hs->self = hs;
    advance(hs, role == INITIATOR ? I_WRITE_1 : R_READ_1);
}

static enum noise_error init(struct xk_handshake *hs, const struct xk_config *config,
                             enum role role)
{
    if (hs == NULL) {
        return NOISE_ERR_ARGUMENT;
    }
    xk_handshake_wipe(hs);
    if (config == NULL || config->static_public == NULL || config->random == NULL ||
        (config->prologue == NULL && config->prologue_len > 0) ||
        (config->remote_static != NULL) != (role == INITIATOR)) {
        return NOISE_ERR_ARGUMENT;
    }
    initialize(hs, config, role);
    ct_wipe_registers();
    return NOISE_OK;
}

enum noise_error xk_initiator_init(struct xk_handshake *hs, const struct xk_config *config)
{
    return init(hs, config, INITIATOR);
}

enum noise_error xk_responder_init(struct xk_handshake *hs, const struct xk_config *config)
{
    return init(hs, config, RESPONDER);
}

// Draws e. When the random function fails nothing has changed. Errors: RANDOM.
static enum noise_error draw_ephemeral(struct xk_handshake *hs)
{
    if (hs->random(hs->random_ctx, hs->ephemeral_private, XK_KEY_LEN) != NOISE_OK) {
        ct_wipe(hs->ephemeral_private, XK_KEY_LEN);
        ct_wipe_registers();
        return NOISE_ERR_RANDOM;
    }
    return NOISE_OK;
}

// The arguments of a message to be written; payload_offset tells the messages apart. Errors: ARGUMENT.
static enum noise_error check_write(const uint8_t *message, size_t message_cap,
                                    const uint8_t *payload, size_t payload_len,
                                    size_t payload_offset)
{
    size_t overhead = payload_offset + XK_TAG_LEN;

    if (message == NULL || payload_len > XK_MESSAGE_MAX - overhead ||
        message_cap < payload_len + overhead || (payload == NULL && payload_len > 0) ||
        !xk_in_place_or_apart(payload, payload_len, message, payload_len + overhead,
                              payload_offset)) {
        return NOISE_ERR_ARGUMENT;
    }
    return NOISE_OK;
}

// The arguments of a message that was read. Errors: LENGTH (what arrived is no message), ARGUMENT.
static enum noise_error check_read(const uint8_t *payload, size_t payload_cap,
                                   const uint8_t *message, size_t message_len,
                                   size_t payload_offset)
{
    size_t overhead = payload_offset + XK_TAG_LEN;

    if (message == NULL && message_len > 0) {
        return NOISE_ERR_ARGUMENT;
    }
    if (message_len < overhead || message_len > XK_MESSAGE_MAX) {
        return NOISE_ERR_LENGTH;
    }
    size_t payload_len = message_len - overhead;
    if (payload_cap < payload_len || (payload == NULL && payload_len > 0) ||
        !xk_in_place_or_apart(payload, payload_len, message, message_len, payload_offset)) {
        return NOISE_ERR_ARGUMENT;
    }
    return NOISE_OK;
}

// Messages. Each is done in two halves, with the multiplications that it needs between them, so that those of many
// handshakes can be done together. In the first half a handshake may find itself refused, dead or waiting; in the second
// half it is BUSY, which no call takes for an order.

// The messages in the order in which they come: each is written, then read.
static bool is_written(enum xk_message message)
{
    return message % 2 == XK_WRITE_MESSAGE_1 % 2;
}

static size_t payload_offset(enum xk_message message)
{
    _Static_assert((int)XK_MESSAGE_1_OFFSET == (int)XK_MESSAGE_2_OFFSET,
                   "messages 1 and 2 begin alike");

    return message < XK_WRITE_MESSAGE_3 ? XK_MESSAGE_1_OFFSET : XK_MESSAGE_3_OFFSET;
}

// Whether a fresh key e is part of the message, which then is written.
static bool draws(enum xk_message message)
{
    return is_written(message) && message < XK_WRITE_MESSAGE_3;
}

// Errors: as check_write; RANDOM.
static enum noise_error begin_writing(const struct xk_turn *turn)
{
    enum noise_error error = check_write(turn->out, turn->out_cap, turn->in, turn->in_len,
                                         payload_offset(turn->message));

    return error == NOISE_OK && draws(turn->message) ? draw_ephemeral(turn->hs) : error;
}

// The tokens of a message that was read, up to the multiplication: s is authenticated before it is multiplied with. Errors:
// as check_read; AUTH; NOISE_NEED_DH (external key).
static enum noise_error begin_reading(const struct xk_turn *turn)
{
    struct xk_handshake *hs = turn->hs;
    const uint8_t *message = turn->in;

    enum noise_error error =
        check_read(turn->out, turn->out_cap, message, turn->in_len, payload_offset(turn->message));
    if (error != NOISE_OK) {
        return error == NOISE_ERR_LENGTH ? die(hs, error) : error;
    }
    if (turn->message == XK_READ_MESSAGE_3) {
        /* s */
        error = decrypt_and_hash(hs, hs->remote_static, message, XK_MESSAGE_3_OFFSET);
        return error == NOISE_OK
                   ? error
                   : die_wiping(hs, error, turn->out, turn->in_len - XK_MESSAGE_3_OVERHEAD);
    }
    /* e */
    bytes_copy(hs->remote_ephemeral, message, XK_KEY_LEN);
    mix_hash(hs, message, XK_KEY_LEN);
    if (turn->message == XK_READ_MESSAGE_1 && hs->external) {
        advance(hs, R_WAIT_DH);
        return NOISE_NEED_DH;
    }
    return NOISE_OK;
}

bool xk_turn_begin(struct xk_turn *turn)
{
    struct xk_handshake *hs = turn->hs;

    turn->out_len = 0;
    turn->error = NOISE_ERR_ARGUMENT;
    if (turn->message < XK_WRITE_MESSAGE_1 || turn->message > XK_READ_MESSAGE_3) {
        return false;
    }
    turn->error = NOISE_ERR_STATE;
    if (!may(hs, (enum state)turn->message)) {
        return false;
    }
    turn->error = is_written(turn->message) ? begin_writing(turn) : begin_reading(turn);
    if (turn->error != NOISE_OK) {
        return false;
    }
    advance(hs, BUSY);
    return true;
}

bool xk_turn_key_job(struct x25519_job *job, const struct xk_turn *turn)
{
    if (!draws(turn->message)) {
        return false;
    }
    *job = (struct x25519_job){.shared = turn->out, .private_key = turn->hs->ephemeral_private};
    return true;
}

// es, ee or se. With an external key the initiator's part of se was delivered earlier.
bool xk_turn_dh_job(struct x25519_job *job, const struct xk_turn *turn)
{
    struct xk_handshake *hs = turn->hs;
    bool own_static = turn->message == XK_READ_MESSAGE_1 || turn->message == XK_WRITE_MESSAGE_3;
    bool to_static = turn->message == XK_WRITE_MESSAGE_1 || turn->message == XK_READ_MESSAGE_3;

    if (turn->message == XK_WRITE_MESSAGE_3 && hs->external) {
        return false;
    }
    *job = (struct x25519_job){
        .shared = hs->shared,
        .private_key = own_static ? hs->static_private : hs->ephemeral_private,
        .public_key = to_static ? hs->remote_static : hs->remote_ephemeral,
    };
    return true;
}

// MixKey of what was multiplied, or delivered.
static void mix_shared(struct xk_handshake *hs)
{
    mix_key(hs, hs->shared);
    ct_wipe(hs->shared, XK_KEY_LEN);
}

// The two second halves are not inlined, so that neither lies on the stack below the other. Each leaves its result in the
// turn; `error` is what the tokens came to.

static __attribute__((noinline)) void finish_writing(struct xk_turn *turn, enum noise_error error)
{
    struct xk_handshake *hs = turn->hs;
    uint8_t *message = turn->out;
    size_t offset = payload_offset(turn->message);

    if (error != NOISE_OK) {
        turn->error = die_wiping(hs, error, message, offset + turn->in_len + XK_TAG_LEN);
        return;
    }
    if (turn->message == XK_WRITE_MESSAGE_3) {
        /* s */
        encrypt_and_hash(hs, message, hs->static_public, XK_KEY_LEN);
        ct_wipe(hs->static_private, XK_KEY_LEN);
    } else {
        /* e */
        mix_hash(hs, message, XK_KEY_LEN);
    }
    /* es, ee or se */
    mix_shared(hs);
    /* payload */
    encrypt_and_hash(hs, message + offset, turn->in, turn->in_len);
    turn->out_len = offset + turn->in_len + XK_TAG_LEN;
    advance(hs, turn->message == XK_WRITE_MESSAGE_1   ? I_READ_2
                : turn->message == XK_WRITE_MESSAGE_2 ? R_READ_3
                                                      : COMPLETE);
}

// Wipes the private key that the message was the last to use, and goes on. Errors: NOISE_NEED_DH (external key).
static enum noise_error after_reading(struct xk_handshake *hs, enum xk_message message)
{
    bool first = message == XK_READ_MESSAGE_1;

    ct_wipe(first ? hs->static_private : hs->ephemeral_private, XK_KEY_LEN);
    if (message == XK_READ_MESSAGE_2 && hs->external) {
        advance(hs, I_WAIT_DH);
        return NOISE_NEED_DH;
    }
    advance(hs, first ? R_WRITE_2 : message == XK_READ_MESSAGE_2 ? I_WRITE_3 : COMPLETE);
    return NOISE_OK;
}

// The payload, or the end. Nothing of a next message is computed before this has succeeded.
static __attribute__((noinline)) void finish_reading(struct xk_turn *turn, enum noise_error error)
{
    struct xk_handshake *hs = turn->hs;
    size_t offset = payload_offset(turn->message);
    size_t len = turn->in_len - offset - XK_TAG_LEN;

    if (error == NOISE_OK) {
        /* es, ee or se */
        mix_shared(hs);
        /* payload */
        error = decrypt_and_hash(hs, turn->out, turn->in + offset, turn->in_len - offset);
    }
    if (error != NOISE_OK) {
        turn->error = die_wiping(hs, error, turn->out, len);
        return;
    }
    turn->out_len = len;
    turn->error = after_reading(hs, turn->message);
}

void xk_turn_finish(struct xk_turn *turn, enum noise_error error)
{
    if (is_written(turn->message)) {
        finish_writing(turn, error);
    } else {
        finish_reading(turn, error);
    }
}

// One message by itself.
static enum noise_error take_turn(enum xk_message message, struct xk_handshake *hs, uint8_t *out,
                                  size_t out_cap, size_t *out_len, const uint8_t *in, size_t in_len)
{
    struct xk_turn turn = {
        .hs = hs, .message = message, .out_cap = out_cap, .in = in, .in_len = in_len};

    if (out_len == NULL) {
        return NOISE_ERR_ARGUMENT;
    }
    turn.out = out;
    (void)!xk_batch_advance(&turn, 1); // the turn says it too
    *out_len = turn.out_len;
    return turn.error;
}

enum noise_error xk_initiator_write_message_1(struct xk_handshake *hs, uint8_t *message,
                                              size_t message_cap, size_t *message_len,
                                              const uint8_t *payload, size_t payload_len)
{
    return take_turn(XK_WRITE_MESSAGE_1, hs, message, message_cap, message_len, payload,
                     payload_len);
}

enum noise_error xk_responder_read_message_1(struct xk_handshake *hs, uint8_t *payload,
                                             size_t payload_cap, size_t *payload_len,
                                             const uint8_t *message, size_t message_len)
{
    return take_turn(XK_READ_MESSAGE_1, hs, payload, payload_cap, payload_len, message,
                     message_len);
}

enum noise_error xk_responder_write_message_2(struct xk_handshake *hs, uint8_t *message,
                                              size_t message_cap, size_t *message_len,
                                              const uint8_t *payload, size_t payload_len)
{
    return take_turn(XK_WRITE_MESSAGE_2, hs, message, message_cap, message_len, payload,
                     payload_len);
}

enum noise_error xk_initiator_read_message_2(struct xk_handshake *hs, uint8_t *payload,
                                             size_t payload_cap, size_t *payload_len,
                                             const uint8_t *message, size_t message_len)
{
    return take_turn(XK_READ_MESSAGE_2, hs, payload, payload_cap, payload_len, message,
                     message_len);
}

enum noise_error xk_initiator_write_message_3(struct xk_handshake *hs, uint8_t *message,
                                              size_t message_cap, size_t *message_len,
                                              const uint8_t *payload, size_t payload_len)
{
    return take_turn(XK_WRITE_MESSAGE_3, hs, message, message_cap, message_len, payload,
                     payload_len);
}

enum noise_error xk_responder_read_message_3(struct xk_handshake *hs, uint8_t *payload,
                                             size_t payload_cap, size_t *payload_len,
                                             const uint8_t *message, size_t message_len)
{
    return take_turn(XK_READ_MESSAGE_3, hs, payload, payload_cap, payload_len, message,
                     message_len);
}

// External key

// The handshake hash covers the public key that is asked about and, through the pre-message and the prologue,
// whose handshake it is. So it names the question. Public: it is a hash of what was sent.
static uint64_t request_id(const struct xk_handshake *hs)
{
    return ct_declassify(load_le64(hs->hash));
}

enum noise_error xk_dh_request(const struct xk_handshake *hs, struct xk_dh_request *request)
{
    if (request == NULL) {
        return NOISE_ERR_ARGUMENT;
    }
    if (!may(hs, R_WAIT_DH) && !may(hs, I_WAIT_DH)) {
        return NOISE_ERR_STATE;
    }
    request->id = request_id(hs);
    bytes_copy(request->public_key, hs->remote_ephemeral, XK_KEY_LEN);
    return NOISE_OK;
}

// What became of a request, as far as the answer itself tells. Errors: EXTERNAL, LOW_ORDER.
static enum noise_error check_answer(const uint8_t *secret)
{
    if (secret == NULL) {
        return NOISE_ERR_EXTERNAL;
    }
    // Public: an all-zero product ends the handshake visibly, as in x25519.
    return ct_declassify(ct_is_zero(secret, XK_KEY_LEN)) ? NOISE_ERR_LOW_ORDER : NOISE_OK;
}

static bool waits_for(const struct xk_handshake *hs, enum state state, uint64_t id)
{
    return may(hs, state) && request_id(hs) == id;
}

enum noise_error xk_responder_dh_result(struct xk_handshake *hs, uint64_t id, const uint8_t *secret,
                                        uint8_t *payload, size_t payload_cap, size_t *payload_len,
                                        const uint8_t *message, size_t message_len)
{
    struct xk_turn turn = {.hs = hs,
                           .message = XK_READ_MESSAGE_1,
                           .out = payload,
                           .in = message,
                           .in_len = message_len};

    enum noise_error error = xk_begin(payload_len, true);
    if (error != NOISE_OK) {
        return error;
    }
    if (!waits_for(hs, R_WAIT_DH, id)) {
        return NOISE_ERR_STALE;
    }
    // The same message 1 as before? Another one is the caller's mistake, not the peer's.
    if (check_read(payload, payload_cap, message, message_len, XK_MESSAGE_1_OFFSET) != NOISE_OK ||
        !ct_equal(message, hs->remote_ephemeral, XK_KEY_LEN)) {
        return NOISE_ERR_ARGUMENT;
    }
    error = check_answer(secret);
    if (error == NOISE_OK) {
        bytes_copy(hs->shared, secret, XK_KEY_LEN); // for es
    }
    finish_reading(&turn, error);
    *payload_len = turn.out_len;
    return turn.error;
}

enum noise_error xk_initiator_dh_result(struct xk_handshake *hs, uint64_t id, const uint8_t *secret)
{
    if (!waits_for(hs, I_WAIT_DH, id)) {
        return NOISE_ERR_STALE;
    }
    enum noise_error error = check_answer(secret);
    if (error != NOISE_OK) {
        return die(hs, error);
    }
    bytes_copy(hs->shared, secret, XK_KEY_LEN); // for se
    ct_wipe_registers();
    advance(hs, I_WRITE_3);
    return NOISE_OK;
}

// Results

enum noise_error xk_remote_static(const struct xk_handshake *hs,
                                  uint8_t public_key[static XK_KEY_LEN])
{
    bool known = may(hs, COMPLETE) || may(hs, SPLIT) || may(hs, I_WRITE_3) || may(hs, I_WAIT_DH);

    if (!known) {
        return NOISE_ERR_STATE;
    }
    bytes_copy(public_key, hs->remote_static, XK_KEY_LEN);
    return NOISE_OK;
}

enum noise_error xk_handshake_hash(const struct xk_handshake *hs, uint8_t hash[static XK_HASH_LEN])
{
    if (!may(hs, COMPLETE) && !may(hs, SPLIT)) {
        return NOISE_ERR_STATE;
    }
    bytes_copy(hash, hs->hash, XK_HASH_LEN);
    return NOISE_OK;
}

// Split, Noise 5.2: the first key is for messages from the initiator to the responder.
enum noise_error xk_split(struct xk_handshake *hs, struct xk_sender *sender,
                          struct xk_receiver *receiver)
{
    uint8_t key_1[XK_KEY_LEN];
    uint8_t key_2[XK_KEY_LEN];

    if (sender == NULL || receiver == NULL) {
        return NOISE_ERR_ARGUMENT;
    }
    if (!may(hs, COMPLETE)) {
        return NOISE_ERR_STATE;
    }
    hkdf_blake2s(key_1, key_2, hs->chaining_key, NULL, 0);
    xk_sender_init(sender, hs->role == INITIATOR ? key_1 : key_2);
    xk_receiver_init(receiver, hs->role == INITIATOR ? key_2 : key_1);
    ct_wipe(key_1, sizeof key_1);
    ct_wipe(key_2, sizeof key_2);
    ct_wipe(hs->chaining_key, XK_HASH_LEN);
    ct_wipe(hs->cipher_key, XK_KEY_LEN);
    advance(hs, SPLIT);
    return NOISE_OK;
}
