// SPDX-License-Identifier: Apache-2.0
// ChaCha20-Poly1305 for x86-64: the same functions as in chacha20poly1305.h and chacha20.h, with the same contracts,
// once for each instruction set. Internal to noise/, which chooses by noise/cpu.h.
#ifndef NOISE_AEAD_X86_H
#define NOISE_AEAD_X86_H

#include "noise/chacha20poly1305.h"
#include "noise/cpu.h"

#ifdef NOISE_X86

#define NOISE_AEAD_AVX2   (NOISE_CPU_AVX2 | NOISE_CPU_BMI2)
#define NOISE_AEAD_AVX512 (NOISE_CPU_AVX512 | NOISE_AEAD_AVX2)
#define NOISE_AEAD_IFMA   (NOISE_CPU_IFMA | NOISE_AEAD_AVX512)

#define NOISE_AEAD_FUNCTIONS(suffix)                                                               \
    void chacha20_xor_##suffix(uint8_t *out, const uint8_t *key, const uint8_t *nonce,             \
                               uint32_t counter, const uint8_t *in, size_t len);                   \
    void chacha20poly1305_seal_##suffix(uint8_t *ciphertext, uint8_t *tag, const uint8_t *key,     \
                                        const uint8_t *nonce, const uint8_t *ad, size_t ad_len,    \
                                        const uint8_t *plaintext, size_t len);                     \
    __attribute__((warn_unused_result)) enum noise_error chacha20poly1305_open_##suffix(           \
        uint8_t *plaintext, const uint8_t *key, const uint8_t *nonce, const uint8_t *ad,           \
        size_t ad_len, const uint8_t *ciphertext, size_t len, const uint8_t *tag);                 \
    __attribute__((warn_unused_result)) enum noise_error chacha20poly1305_verify_##suffix(         \
        const uint8_t *key, const uint8_t *nonce, const uint8_t *ad, size_t ad_len,                \
        const uint8_t *ciphertext, size_t len, const uint8_t *tag)

NOISE_AEAD_FUNCTIONS(avx2);
NOISE_AEAD_FUNCTIONS(avx512);
NOISE_AEAD_FUNCTIONS(ifma);

#endif
#endif
