// SPDX-License-Identifier: Apache-2.0
// The functions of aead_x86.h, for the one file that includes this for an instruction set. It defines NOISE_X86_TARGET,
// NOISE_X86_NAME(function), NOISE_X86_ROTATES where words rotate in one instruction, and NOISE_X86_WIDE where there are
// 512-bit vectors that multiply.
//
// A message is enciphered eight blocks at a time, and while that goes on in the vector units, eight blocks of
// ciphertext are authenticated in the integer units: those before when sealing, the same ones when opening. The first
// pass makes the Poly1305 key and, beside it, the key stream for the end of the message.
//
// With NOISE_X86_WIDE the bulk of a long message goes before that, sixteen blocks at a time, both in the vector units.
//
// Opening writes plaintext before the tag is checked, where there are eight blocks or more. When the tag is wrong the
// plaintext is zeroed; nobody but a second thread could have seen it.

#include "noise/bytes.h"
#include "noise/chacha20_x86.h"
#include "noise/ct.h"
#include "noise/poly1305_x86.h"
#ifdef NOISE_X86_WIDE
#include "noise/chacha20_x512.h"
#include "noise/poly1305_ifma.h"
#endif

#define NOISE_X86_CALLED static __attribute__((noinline)) NOISE_TARGET(NOISE_X86_TARGET)

enum {
    CHUNK_LEN = CHACHA20_LANES_LEN,
    TAIL_STREAM_LEN = CHACHA20_ROWS_LEN - CHACHA20_BLOCK_LEN,
};
_Static_assert(CHUNK_LEN == (int)POLY1305_HALVES_LEN,
               "a chunk is enciphered while one is authenticated");

// A message under way.
struct message {
    struct poly1305 mac;
    struct poly1305_sum power; // r until the first chunk has been dealt with, then r^16
    bool first;
    uint32_t state[16]; // the counter is that of the next chunk
    uint8_t stream[CHACHA20_ROWS_LEN];
};

// The key stream behind block 0: for what is left over when all chunks are through.
static const uint8_t *tail_stream(const struct message *m)
{
    return m->stream + CHACHA20_BLOCK_LEN;
}

NOISE_X86_CALLED void xor_chunk(uint8_t *out, const uint8_t *in, struct message *m)
{
    chacha20_eight_blocks(out, in, m->state, NULL, NULL, &m->power, m->first);
}

NOISE_X86_CALLED void xor_chunk_absorb(uint8_t *out, const uint8_t *in, struct message *m,
                                       const uint8_t *mac_in)
{
    chacha20_eight_blocks(out, in, m->state, &m->mac, mac_in, &m->power, m->first);
}

// Enciphers the next chunk and absorbs another one, if there is one to absorb. `mac_in` may be `in`, in place too.
NOISE_X86_INLINE void next_chunk(struct message *m, uint8_t *out, const uint8_t *in,
                                 const uint8_t *mac_in)
{
    if (mac_in == NULL) {
        xor_chunk(out, in, m);
    } else {
        xor_chunk_absorb(out, in, m, mac_in);
    }
    m->first = false;
    m->state[12] += CHACHA20_LANES;
}

NOISE_X86_CALLED void absorb_chunk(struct message *m, const uint8_t *in)
{
    for (int n = 1; m->first && n < POLY1305_CHAIN_BLOCKS; n *= 2) {
        poly1305_square(&m->power);
    }
    m->first = false;
    poly1305_absorb_halves(&m->mac, m->power, in);
}

// RFC 8439 2.8: a last block that is not whole is filled up with zeroes.
NOISE_X86_CALLED void absorb_padded(struct poly1305 *mac, const uint8_t *in, size_t len)
{
    uint8_t last[POLY1305_BLOCK_LEN] = {0};
    size_t rest = len % POLY1305_BLOCK_LEN;

    poly1305_absorb_blocks(mac, in, len / POLY1305_BLOCK_LEN);
    if (rest > 0) {
        bytes_copy(last, in + len - rest, rest);
        poly1305_absorb_blocks(mac, last, 1);
    }
}

NOISE_X86_INLINE void xor_stream(uint8_t *out, const uint8_t *in, const uint8_t *stream, size_t len)
{
    for (; len >= 32; len -= 32) {
        chacha20_xor_half_block(out, in, _mm256_loadu_si256((const __m256i *)stream));
        out += 32;
        in += 32;
        stream += 32;
    }
    if (len > 0) {
        uint8_t last[32] = {0};
        bytes_copy(last, in, len);
        chacha20_xor_half_block(last, last, _mm256_loadu_si256((const __m256i *)stream));
        bytes_copy(out, last, len);
    }
}

// What is left over, as one more chunk in a buffer.
NOISE_X86_CALLED void xor_long_tail(struct message *m, uint8_t *out, const uint8_t *in, size_t len,
                                    const uint8_t *mac_in)
{
    uint8_t buffer[CHUNK_LEN] = {0};

    bytes_copy(buffer, in, len);
    next_chunk(m, buffer, buffer, mac_in);
    bytes_copy(out, buffer, len);
}

// What is left over, less than a chunk; absorbs another chunk, if there is one to absorb.
NOISE_X86_INLINE void xor_tail(struct message *m, uint8_t *out, const uint8_t *in, size_t len,
                               const uint8_t *mac_in)
{
    if (len > TAIL_STREAM_LEN) {
        xor_long_tail(m, out, in, len, mac_in);
        return;
    }
    if (mac_in != NULL) {
        absorb_chunk(m, mac_in);
    }
    xor_stream(out, in, tail_stream(m), len);
}

NOISE_X86_INLINE void message_set_state(struct message *m, const uint8_t *key, const uint8_t *nonce,
                                        uint32_t counter)
{
    chacha20_set_state(m->state, key, nonce, counter);
}

// Everything that does not depend on the text: keys, and the associated data. `len` is that of the text.
NOISE_X86_INLINE void message_begin(struct message *m, const uint8_t *key, const uint8_t *nonce,
                                    const uint8_t *ad, size_t ad_len, size_t len)
{
    message_set_state(m, key, nonce, 0);
    uint32_t next = (uint32_t)(1 + len / CHUNK_LEN * CHACHA20_LANES);
    if (len % CHUNK_LEN <= CHACHA20_BLOCK_LEN) {
        chacha20_few_blocks(m->stream, m->state, next, false);
    } else {
        chacha20_few_blocks(m->stream, m->state, next, true);
    }
    m->state[12] = 1;
    poly1305_init(&m->mac, m->stream); // RFC 8439 2.6
    m->power = (struct poly1305_sum){m->mac.r[0], m->mac.r[1], 0};
    m->first = len >= CHUNK_LEN;
    if (ad_len > 0) {
        absorb_padded(&m->mac, ad, ad_len);
    }
}

NOISE_X86_INLINE void message_tag(struct message *m, uint8_t tag[static POLY1305_TAG_LEN],
                                  size_t ad_len, size_t len)
{
    uint8_t lengths[POLY1305_BLOCK_LEN];

    store_le64(lengths, ad_len);
    store_le64(lengths + 8, len);
    poly1305_absorb_blocks(&m->mac, lengths, 1);
    poly1305_final(&m->mac, tag);
}

// Whether the tag is the message's.
NOISE_X86_INLINE bool message_verifies(struct message *m, const uint8_t *tag, size_t ad_len,
                                       size_t len)
{
    uint8_t expected[POLY1305_TAG_LEN];

    message_tag(m, expected, ad_len, len);
    uint64_t difference =
        (load_le64(expected) ^ load_le64(tag)) | (load_le64(expected + 8) ^ load_le64(tag + 8));
    // Public: whether a message authenticated is what the caller acts on.
    return ct_declassify(ct_is_zero_u64(difference)) != 0;
}

// The bulk of a message, before everything else: how many bytes at its beginning have been dealt with. `out` is NULL when
// it is only authenticated; `seal` says whether the ciphertext is what is written or what is read.
#ifdef NOISE_X86_WIDE
enum {
    WIDE_LEN = CHACHA20_WIDE_LEN,
    // Below, r^1 to r^8 cost more than they save.
    BULK_MIN = 4 * WIDE_LEN,
};

NOISE_X86_CALLED void xor_wide(uint8_t *out, const uint8_t *in, const uint32_t state[static 16])
{
    chacha20_sixteen_blocks(out, in, state);
}

NOISE_X86_CALLED void absorb_wide(struct poly1305_wide *w, const uint8_t *in, size_t len)
{
    poly1305_wide_absorb(w, in, len / POLY1305_LANES_LEN);
}

NOISE_X86_CALLED void absorb_first_wide(struct poly1305_wide *w, const struct poly1305 *mac,
                                        const uint8_t *in)
{
    poly1305_wide_begin(w, mac, in);
    poly1305_wide_absorb(w, in + POLY1305_LANES_LEN, WIDE_LEN / POLY1305_LANES_LEN - 1);
}

NOISE_X86_CALLED size_t bulk(struct message *m, uint8_t *out, const uint8_t *in, size_t len,
                             bool seal)
{
    struct poly1305_wide wide;
    size_t at = 0;

    if (len < BULK_MIN) {
        return 0;
    }
    for (; len - at >= WIDE_LEN; at += WIDE_LEN) {
        if (seal) {
            xor_wide(out + at, in + at, m->state);
        }
        const uint8_t *ciphertext = (seal ? out : in) + at;
        if (at == 0) {
            absorb_first_wide(&wide, &m->mac, ciphertext);
        } else {
            absorb_wide(&wide, ciphertext, WIDE_LEN);
        }
        if (!seal && out != NULL) {
            xor_wide(out + at, in + at, m->state);
        }
        m->state[12] += CHACHA20_WIDE_LANES;
    }
    poly1305_wide_end(&wide, &m->mac);
    return at;
}
#else
NOISE_X86_INLINE size_t bulk(struct message *m, uint8_t *out, const uint8_t *in, size_t len,
                             bool seal)
{
    (void)m;
    (void)out;
    (void)in;
    (void)len;
    (void)seal;
    return 0;
}
#endif

NOISE_X86_CALLED void seal_message(uint8_t *ciphertext, uint8_t *tag, const uint8_t *key,
                                   const uint8_t *nonce, const uint8_t *ad, size_t ad_len,
                                   const uint8_t *plaintext, size_t len)
{
    struct message m;
    size_t tail = len % CHUNK_LEN;
    const uint8_t *pending = NULL; // enciphered, not authenticated

    message_begin(&m, key, nonce, ad, ad_len, len);
    size_t at = bulk(&m, ciphertext, plaintext, len, true);
    for (; at < len - tail; at += CHUNK_LEN) {
        next_chunk(&m, ciphertext + at, plaintext + at, pending);
        pending = ciphertext + at;
    }
    if (len > 0) { // the pointer to an empty text may be NULL
        xor_tail(&m, ciphertext + at, plaintext + at, tail, pending);
        absorb_padded(&m.mac, ciphertext + at, tail);
    }
    message_tag(&m, tag, ad_len, len);
}

NOISE_X86_CALLED bool open_message(uint8_t *plaintext, const uint8_t *key, const uint8_t *nonce,
                                   const uint8_t *ad, size_t ad_len, const uint8_t *ciphertext,
                                   size_t len, const uint8_t *tag)
{
    struct message m;
    size_t tail = len % CHUNK_LEN;

    message_begin(&m, key, nonce, ad, ad_len, len);
    size_t at = bulk(&m, plaintext, ciphertext, len, false);
    for (; at < len - tail; at += CHUNK_LEN) {
        next_chunk(&m, plaintext + at, ciphertext + at, ciphertext + at);
    }
    if (tail > 0) { // the pointer to an empty text may be NULL
        absorb_padded(&m.mac, ciphertext + at, tail);
    }
    if (!message_verifies(&m, tag, ad_len, len)) {
        bytes_zero(plaintext, len);
        return false;
    }
    if (tail > 0) {
        xor_tail(&m, plaintext + at, ciphertext + at, tail, NULL);
    }
    return true;
}

NOISE_X86_CALLED bool verify_message(const uint8_t *key, const uint8_t *nonce, const uint8_t *ad,
                                     size_t ad_len, const uint8_t *ciphertext, size_t len,
                                     const uint8_t *tag)
{
    struct message m;
    size_t tail = len % CHUNK_LEN;

    message_begin(&m, key, nonce, ad, ad_len, len);
    size_t at = bulk(&m, NULL, ciphertext, len, false);
    for (; at < len - tail; at += CHUNK_LEN) {
        absorb_chunk(&m, ciphertext + at);
    }
    if (tail > 0) {
        absorb_padded(&m.mac, ciphertext + at, tail);
    }
    return message_verifies(&m, tag, ad_len, len);
}

NOISE_X86_CALLED void xor_text(uint8_t *out, const uint8_t *key, const uint8_t *nonce,
                               uint32_t counter, const uint8_t *in, size_t len)
{
    struct message m;

    message_set_state(&m, key, nonce, counter);
    m.first = false;
    for (; len >= CHUNK_LEN; len -= CHUNK_LEN) {
        next_chunk(&m, out, in, NULL);
        out += CHUNK_LEN;
        in += CHUNK_LEN;
    }
    if (len > 0) {
        chacha20_few_blocks(m.stream, m.state, m.state[12], true);
        xor_tail(&m, out, in, len, NULL);
    }
}

// The functions above leave keys and key stream in their frames, where the compiler put what did not fit into
// registers, and in registers. Those of a message that needs no chunk are less deep.
static inline __attribute__((always_inline)) void wipe_frames(size_t len)
{
    if (len > TAIL_STREAM_LEN) {
        ct_wipe_stack();
    } else {
        ct_wipe_stack_hash();
    }
}

void NOISE_X86_NAME(chacha20_xor)(uint8_t *out, const uint8_t *key, const uint8_t *nonce,
                                  uint32_t counter, const uint8_t *in, size_t len)
{
    xor_text(out, key, nonce, counter, in, len);
    wipe_frames(len);
}

void NOISE_X86_NAME(chacha20poly1305_seal)(uint8_t *ciphertext, uint8_t *tag, const uint8_t *key,
                                           const uint8_t *nonce, const uint8_t *ad, size_t ad_len,
                                           const uint8_t *plaintext, size_t len)
{
    seal_message(ciphertext, tag, key, nonce, ad, ad_len, plaintext, len);
    wipe_frames(len);
}

enum noise_error NOISE_X86_NAME(chacha20poly1305_open)(uint8_t *plaintext, const uint8_t *key,
                                                       const uint8_t *nonce, const uint8_t *ad,
                                                       size_t ad_len, const uint8_t *ciphertext,
                                                       size_t len, const uint8_t *tag)
{
    bool good = open_message(plaintext, key, nonce, ad, ad_len, ciphertext, len, tag);
    wipe_frames(len);
    return good ? NOISE_OK : NOISE_ERR_AUTH;
}

enum noise_error NOISE_X86_NAME(chacha20poly1305_verify)(const uint8_t *key, const uint8_t *nonce,
                                                         const uint8_t *ad, size_t ad_len,
                                                         const uint8_t *ciphertext, size_t len,
                                                         const uint8_t *tag)
{
    bool good = verify_message(key, nonce, ad, ad_len, ciphertext, len, tag);
    wipe_frames(len);
    return good ? NOISE_OK : NOISE_ERR_AUTH;
}
