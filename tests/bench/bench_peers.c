// SPDX-License-Identifier: Apache-2.0
// noise-bench: OpenSSL and libsodium, used as a program would that cares for speed: contexts and keys are made once,
// a message costs what the interface asks for each.
#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "tests/bench/bench.h"

enum {
    TEXT_MAX = 65519,
    TAG_LEN = 16,
};

static struct {
    EVP_CIPHER_CTX *seal, *open;
    EVP_MD_CTX *digest;
    EVP_PKEY_CTX *dh;
    uint8_t key[32], nonce[12], private_key[32], public_key[32], out[32];
    uint8_t text[TEXT_MAX], sealed[TEXT_MAX + TAG_LEN], opened[TEXT_MAX];
} t;

static void require(int good, const char *what)
{
    if (!good) {
        bench_fail(what);
    }
}

void bench_peers_init(void)
{
    uint8_t other_private[32], other_public[32];

    require(sodium_init() >= 0, "sodium_init");
    randombytes_buf(t.key, sizeof t.key);
    randombytes_buf(t.private_key, sizeof t.private_key);
    randombytes_buf(other_private, sizeof other_private);
    randombytes_buf(t.text, sizeof t.text);
    require(crypto_scalarmult_base(t.public_key, other_private) == 0, "crypto_scalarmult_base");
    memcpy(other_public, t.public_key, sizeof other_public);

    t.seal = EVP_CIPHER_CTX_new();
    t.open = EVP_CIPHER_CTX_new();
    t.digest = EVP_MD_CTX_new();
    require(t.seal != NULL && t.open != NULL && t.digest != NULL, "EVP contexts");
    require(EVP_EncryptInit_ex(t.seal, EVP_chacha20_poly1305(), NULL, t.key, NULL) == 1 &&
                EVP_DecryptInit_ex(t.open, EVP_chacha20_poly1305(), NULL, t.key, NULL) == 1,
            "EVP key");
    EVP_PKEY *own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, t.private_key, 32);
    EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other_public, 32);
    t.dh = own == NULL ? NULL : EVP_PKEY_CTX_new(own, NULL);
    require(t.dh != NULL && other != NULL && EVP_PKEY_derive_init(t.dh) == 1 &&
                EVP_PKEY_derive_set_peer(t.dh, other) == 1,
            "EVP X25519");
    EVP_PKEY_free(own);
    EVP_PKEY_free(other);
}

void openssl_x25519(void)
{
    size_t len = sizeof t.out;
    require(EVP_PKEY_derive(t.dh, t.out, &len) == 1, "EVP_PKEY_derive");
}

static void next_nonce(void)
{
    uint64_t n;
    memcpy(&n, t.nonce + 4, sizeof n);
    n++;
    memcpy(t.nonce + 4, &n, sizeof n);
}

void openssl_transport(size_t len)
{
    int n;
    uint8_t *tag = t.sealed + len;

    next_nonce();
    require(EVP_EncryptInit_ex(t.seal, NULL, NULL, NULL, t.nonce) == 1 &&
                EVP_EncryptUpdate(t.seal, t.sealed, &n, t.text, (int)len) == 1 &&
                EVP_EncryptFinal_ex(t.seal, t.sealed + len, &n) == 1 &&
                EVP_CIPHER_CTX_ctrl(t.seal, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag) == 1,
            "EVP encryption");
    require(EVP_DecryptInit_ex(t.open, NULL, NULL, NULL, t.nonce) == 1 &&
                EVP_DecryptUpdate(t.open, t.opened, &n, t.sealed, (int)len) == 1 &&
                EVP_CIPHER_CTX_ctrl(t.open, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
                EVP_DecryptFinal_ex(t.open, t.opened + len, &n) == 1,
            "EVP decryption");
}

void openssl_blake2s(size_t len)
{
    unsigned out_len = sizeof t.out;
    require(EVP_DigestInit_ex(t.digest, EVP_blake2s256(), NULL) == 1 &&
                EVP_DigestUpdate(t.digest, t.text, len) == 1 &&
                EVP_DigestFinal_ex(t.digest, t.out, &out_len) == 1,
            "EVP BLAKE2s");
}

void sodium_x25519(void)
{
    require(crypto_scalarmult(t.out, t.private_key, t.public_key) == 0, "crypto_scalarmult");
}

void sodium_x25519_base(void)
{
    require(crypto_scalarmult_base(t.out, t.private_key) == 0, "crypto_scalarmult_base");
}

void sodium_transport(size_t len)
{
    next_nonce();
    require(crypto_aead_chacha20poly1305_ietf_encrypt(t.sealed, NULL, t.text, len, NULL, 0, NULL,
                                                      t.nonce, t.key) == 0 &&
                crypto_aead_chacha20poly1305_ietf_decrypt(
                    t.opened, NULL, NULL, t.sealed, len + TAG_LEN, NULL, 0, t.nonce, t.key) == 0,
            "libsodium AEAD");
}
