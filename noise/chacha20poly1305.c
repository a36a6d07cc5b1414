// SPDX-License-Identifier: Apache-2.0
// The AEAD of RFC 8439 2.8.

#include "noise/chacha20poly1305.h"

#include "noise/aead_x86.h"
#include "noise/bytes.h"
#include "noise/chacha20.h"
#include "noise/ct.h"
#include "noise/poly1305.h"

// RFC 8439 2.8: the tag is Poly1305 over ad, padding, ciphertext, padding and the two lengths, under the
// first half of key stream block 0 (2.6).
static void make_tag(uint8_t tag[static POLY1305_TAG_LEN], const uint8_t *key, const uint8_t *nonce,
                     const uint8_t *ad, size_t ad_len, const uint8_t *ciphertext, size_t len)
{
    struct poly1305 mac;
    uint8_t block[CHACHA20_BLOCK_LEN] __attribute__((aligned(8)));
    const uint64_t length_words[2] = {ad_len, len};
    uint8_t lengths[POLY1305_BLOCK_LEN] __attribute__((aligned(8)));

    chacha20_block(block, key, nonce, 0);
    poly1305_init(&mac, block);
    ct_wipe(block, sizeof block);

    poly1305_update_padded(&mac, ad, ad_len);
    poly1305_update_padded(&mac, ciphertext, len);
    store_words64(lengths, length_words, 2);
    poly1305_update_padded(&mac, lengths, sizeof lengths);
    poly1305_final(&mac, tag);
}

CT_WORKER void seal(uint8_t *ciphertext, uint8_t *tag, const uint8_t *key, const uint8_t *nonce,
                    const uint8_t *ad, size_t ad_len, const uint8_t *plaintext, size_t len)
{
    chacha20_xor(ciphertext, key, nonce, 1, plaintext, len);
    make_tag(tag, key, nonce, ad, ad_len, ciphertext, len);
}

CT_WORKER enum noise_error verify(const uint8_t *key, const uint8_t *nonce, const uint8_t *ad,
                                  size_t ad_len, const uint8_t *ciphertext, size_t len,
                                  const uint8_t *tag)
{
    uint8_t expected[CHACHA20POLY1305_TAG_LEN];

    make_tag(expected, key, nonce, ad, ad_len, ciphertext, len);
    uint64_t same = ct_equal(expected, tag, sizeof expected);
    ct_wipe(expected, sizeof expected);
    // Public: whether a message authenticated is what the caller acts on.
    return ct_declassify(same) ? NOISE_OK : NOISE_ERR_AUTH;
}

CT_WORKER void decrypt(uint8_t *plaintext, const uint8_t *key, const uint8_t *nonce,
                       const uint8_t *ciphertext, size_t len)
{
    chacha20_xor(plaintext, key, nonce, 1, ciphertext, len);
}

void chacha20poly1305_seal(uint8_t *ciphertext, uint8_t tag[static CHACHA20POLY1305_TAG_LEN],
                           const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
                           const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN],
                           const uint8_t *ad, size_t ad_len, const uint8_t *plaintext, size_t len)
{
#ifdef NOISE_X86
    if (noise_cpu_has(NOISE_AEAD_IFMA)) {
        chacha20poly1305_seal_ifma(ciphertext, tag, key, nonce, ad, ad_len, plaintext, len);
        return;
    }
    if (noise_cpu_has(NOISE_AEAD_AVX512)) {
        chacha20poly1305_seal_avx512(ciphertext, tag, key, nonce, ad, ad_len, plaintext, len);
        return;
    }
    if (noise_cpu_has(NOISE_AEAD_AVX2)) {
        chacha20poly1305_seal_avx2(ciphertext, tag, key, nonce, ad, ad_len, plaintext, len);
        return;
    }
#endif
    seal(ciphertext, tag, key, nonce, ad, ad_len, plaintext, len);
    ct_wipe_stack();
}

enum noise_error chacha20poly1305_verify(const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
                                         const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN],
                                         const uint8_t *ad, size_t ad_len,
                                         const uint8_t *ciphertext, size_t len,
                                         const uint8_t tag[static CHACHA20POLY1305_TAG_LEN])
{
#ifdef NOISE_X86
    if (noise_cpu_has(NOISE_AEAD_IFMA)) {
        return chacha20poly1305_verify_ifma(key, nonce, ad, ad_len, ciphertext, len, tag);
    }
    if (noise_cpu_has(NOISE_AEAD_AVX512)) {
        return chacha20poly1305_verify_avx512(key, nonce, ad, ad_len, ciphertext, len, tag);
    }
    if (noise_cpu_has(NOISE_AEAD_AVX2)) {
        return chacha20poly1305_verify_avx2(key, nonce, ad, ad_len, ciphertext, len, tag);
    }
#endif
    enum noise_error error = verify(key, nonce, ad, ad_len, ciphertext, len, tag);
    ct_wipe_stack();
    return error;
}

void chacha20poly1305_decrypt(uint8_t *plaintext,
                              const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
                              const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN],
                              const uint8_t *ciphertext, size_t len)
{
    decrypt(plaintext, key, nonce, ciphertext, len);
    ct_wipe_stack();
}

enum noise_error chacha20poly1305_open(uint8_t *plaintext,
                                       const uint8_t key[static CHACHA20POLY1305_KEY_LEN],
                                       const uint8_t nonce[static CHACHA20POLY1305_NONCE_LEN],
                                       const uint8_t *ad, size_t ad_len, const uint8_t *ciphertext,
                                       size_t len,
                                       const uint8_t tag[static CHACHA20POLY1305_TAG_LEN])
{
#ifdef NOISE_X86
    if (noise_cpu_has(NOISE_AEAD_IFMA)) {
        return chacha20poly1305_open_ifma(plaintext, key, nonce, ad, ad_len, ciphertext, len, tag);
    }
    if (noise_cpu_has(NOISE_AEAD_AVX512)) {
        return chacha20poly1305_open_avx512(plaintext, key, nonce, ad, ad_len, ciphertext, len,
                                            tag);
    }
    if (noise_cpu_has(NOISE_AEAD_AVX2)) {
        return chacha20poly1305_open_avx2(plaintext, key, nonce, ad, ad_len, ciphertext, len, tag);
    }
#endif
    enum noise_error error = verify(key, nonce, ad, ad_len, ciphertext, len, tag);
    if (error == NOISE_OK) {
        decrypt(plaintext, key, nonce, ciphertext, len);
    } else {
        bytes_zero(plaintext, len);
    }
    ct_wipe_stack();
    return error;
}
