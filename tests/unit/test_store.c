// SPDX-License-Identifier: Apache-2.0
// keystored's slots: each sender reaches its own, and only well-formed requests are answered.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise/blake2s.h"
#include "noise/x25519.h"
#include "services/keystored/store.h"

#define SECRET_A "1111111111111111111111111111111111111111111111111111111111111111"
#define SECRET_B "2222222222222222222222222222222222222222222222222222222222222222"
#define KEY_33   "3333333333333333333333333333333333333333333333333333333333333333"

extern const struct provision_option seed_option;

static const char *const names[] = {"zero", "one", "two", "three"};
static struct store store;
static uint8_t message[NEURON_MESSAGE_BYTES_MAX];
static size_t len;

static uint64_t sender(uint32_t process, uint32_t start)
{
    return (uint64_t)start << 32 | process;
}

static enum provision_error provision(uint32_t process, struct provision_fault *fault,
                                      const char *text)
{
    return store_provision(&store, fault, process, (const uint8_t *)text, strlen(text),
                           &seed_option);
}

// Process 1 and 2 have identities, 2 with a seed of its own; the device's root seed is 32 x 0x44.
static int setup(void **state)
{
    (void)state;
    uint8_t root[32];
    struct provision_fault fault;
    memset(root, 0x44, sizeof root);
    store_init(&store, names, 4);
    assert_int_equal(
        provision(1, &fault, "id a\nport 1\nstatic " SECRET_A "\nboot 7\npeer b " KEY_33 " dial\n"),
        0);
    assert_int_equal(
        provision(2, &fault, "id b\nport 2\nstatic " SECRET_B "\nboot 8\nseed " KEY_33 "\n"), 0);
    store_set_root(&store, root, 9);
    return 0;
}

static enum keystore_status serve(uint64_t label, uint64_t from, size_t request_len)
{
    len = request_len;
    return store_serve(&store, message, &len, label, from);
}

static void identity_is_the_senders(void **state)
{
    (void)state;
    struct keystore_identity identity;
    uint8_t secret[32], public_key[32];
    for (uint32_t process = 1; process <= 2; process++) {
        assert_int_equal(serve(KEYSTORE_IDENTITY, sender(process, 1), 0), KEYSTORE_OK);
        assert_int_equal(len, sizeof identity);
        memcpy(&identity, message, sizeof identity);
        memset(secret, process == 1 ? 0x11 : 0x22, sizeof secret);
        x25519_base(public_key, secret);
        assert_memory_equal(identity.public_key, public_key, 32);
        assert_int_equal(identity.port, process);
        assert_int_equal(identity.id[0], process == 1 ? 'a' : 'b');
        assert_int_equal(identity.peer_count, process == 1 ? 1 : 0);
    }
    assert_int_equal(serve(KEYSTORE_IDENTITY, sender(0, 1), 0), KEYSTORE_UNPROVISIONED);
    assert_int_equal(len, 0);
}

static void peers_are_the_senders(void **state)
{
    (void)state;
    struct keystore_peer peer;
    memset(message, 0, 4);
    assert_int_equal(serve(KEYSTORE_PEER, sender(1, 1), 4), KEYSTORE_OK);
    memcpy(&peer, message, sizeof peer);
    assert_int_equal(len, sizeof peer);
    assert_int_equal(peer.public_key[5], 0x33);
    assert_int_equal(peer.dial, 1);
    memset(message, 0, 4);
    assert_int_equal(serve(KEYSTORE_PEER, sender(2, 1), 4), KEYSTORE_MALFORMED);
    message[0] = 1;
    assert_int_equal(serve(KEYSTORE_PEER, sender(1, 1), 4), KEYSTORE_MALFORMED);
}

static void dh_with_the_senders_key(void **state)
{
    (void)state;
    struct keystore_dh_request request = {.count = KEYSTORE_DH_MAX};
    struct keystore_dh_reply reply;
    uint8_t other[32], secret[32], expected[32];
    for (uint8_t i = 0; i < KEYSTORE_DH_MAX; i++) {
        memset(other, i + 1, sizeof other);
        x25519_base(request.public_keys[i], other);
    }
    memset(request.public_keys[3], 0, 32); // of low order: that one fails, the others do not
    memcpy(message, &request, sizeof request);
    assert_int_equal(serve(KEYSTORE_DH, sender(2, 5), sizeof request), KEYSTORE_OK);
    assert_int_equal(len, sizeof reply);
    memcpy(&reply, message, sizeof reply);
    assert_int_equal(reply.failed, 1 << 3);
    memset(secret, 0x22, sizeof secret);
    for (uint8_t i = 0; i < KEYSTORE_DH_MAX; i++) {
        enum noise_error error = x25519(expected, secret, request.public_keys[i]);
        assert_int_equal(error, i == 3 ? NOISE_ERR_LOW_ORDER : NOISE_OK);
        assert_memory_equal(reply.secrets[i], expected, 32);
    }
    for (uint32_t count = 0; count <= KEYSTORE_DH_MAX + 1; count += KEYSTORE_DH_MAX + 1) {
        request.count = count;
        memcpy(message, &request, sizeof request);
        assert_int_equal(serve(KEYSTORE_DH, sender(2, 5), sizeof request), KEYSTORE_MALFORMED);
    }
}

static void expect_seed(uint32_t process, uint32_t start, uint8_t root, const char *name,
                        uint8_t boot)
{
    uint8_t text[64], expected[32];
    memset(text, root, 32);
    size_t name_len = strlen(name);
    for (size_t i = 0; i < name_len; i++) {
        text[32 + i] = (uint8_t)name[i];
    }
    const uint8_t tail[8] = {0, 0, 0, (uint8_t)start, 0, 0, 0, boot};
    memcpy(text + 32 + name_len, tail, sizeof tail);
    blake2s(expected, text, 32 + name_len + sizeof tail);
    assert_int_equal(serve(KEYSTORE_SEED, sender(process, start), 0), KEYSTORE_OK);
    assert_int_equal(len, 32);
    assert_memory_equal(message, expected, 32);
}

static void one_seed_per_start(void **state)
{
    (void)state;
    expect_seed(0, 1, 0x44, "zero", 9); // no identity: the device's seed and boot number
    expect_seed(1, 1, 0x44, "one", 7);  // no seed of its own, but a boot number
    expect_seed(2, 1, 0x33, "two", 8);
    assert_int_equal(serve(KEYSTORE_SEED, sender(0, 1), 0), KEYSTORE_REFUSED);
    assert_int_equal(len, 0);
    expect_seed(0, 3, 0x44, "zero", 9);
    assert_int_equal(serve(KEYSTORE_SEED, sender(0, 2), 0), KEYSTORE_REFUSED); // an older start
    assert_int_equal(serve(KEYSTORE_SEED, sender(0, 0), 0),
                     KEYSTORE_REFUSED); // there is no start 0
}

static void no_root_no_seed(void **state)
{
    (void)state;
    store.has_root_seed = false;
    assert_false(store_has_seed(&store, 0));
    assert_true(store_has_seed(&store, 2));
    assert_int_equal(serve(KEYSTORE_SEED, sender(0, 1), 0), KEYSTORE_UNPROVISIONED);
    store.has_root_seed = true;
    expect_seed(0, 1, 0x44, "zero", 9); // the refusal did not use up this start's seed
}

// Every operation, known or not, with every other length and from a process that does not exist: refused, and neither
// the store nor a reply changes.
static void malformed_requests(void **state)
{
    (void)state;
    static struct store before;
    const size_t lens[5] = {[KEYSTORE_SEED] = 0,
                            [KEYSTORE_IDENTITY] = 0,
                            [KEYSTORE_PEER] = 4,
                            [KEYSTORE_DH] = sizeof(struct keystore_dh_request)};
    memcpy(&before, &store, sizeof before);
    for (uint64_t label = 0; label <= 6; label++) {
        bool known = label >= KEYSTORE_SEED && label <= KEYSTORE_DH;
        for (size_t n = 0; n <= NEURON_MESSAGE_BYTES_MAX + 1; n++) {
            if (known && n == lens[label]) {
                continue;
            }
            memset(message, 0, sizeof message);
            assert_int_equal(serve(label, sender(1, 1), n), KEYSTORE_MALFORMED);
            assert_int_equal(len, 0);
        }
        assert_int_equal(serve(label, sender(4, 1), 0), KEYSTORE_MALFORMED);
        assert_int_equal(serve(label, sender(UINT32_MAX, 1), 0), KEYSTORE_MALFORMED);
    }
    assert_int_equal(serve(UINT64_MAX, sender(1, 1), 0), KEYSTORE_MALFORMED);
    assert_memory_equal(&before, &store, sizeof before);
}

static void self_check_finds_a_key_pair_that_is_none(void **state)
{
    (void)state;
    assert_true(store_self_check(&store, message));
    store.slots[2].public_key[31] ^= 1;
    assert_false(store_self_check(&store, message));
    store.slots[2].public_key[31] ^= 1;
    store.slots[1].identity.static_key[7] ^= 1;
    assert_false(store_self_check(&store, message));
}

static void a_peer_of_itself(void **state)
{
    (void)state;
    char text[256];
    uint8_t secret[32], public_key[32];
    struct provision_fault fault;
    memset(secret, 0x11, sizeof secret);
    x25519_base(public_key, secret);
    int n = sprintf(text, "id a\nport 1\nstatic " SECRET_A "\nboot 7\npeer other ");
    for (size_t i = 0; i < 32; i++) {
        n += sprintf(text + n, "%02x", public_key[i]);
    }
    assert_int_equal(provision(3, &fault, text), PROVISION_MALFORMED);
    assert_string_equal(fault.field, "peer");
    assert_int_equal(serve(KEYSTORE_IDENTITY, sender(3, 1), 0), KEYSTORE_UNPROVISIONED);
    assert_int_equal(provision(3, &fault, "id a\n"), PROVISION_MISSING);
    assert_int_equal(serve(KEYSTORE_DH, sender(3, 1), sizeof(struct keystore_dh_request)),
                     KEYSTORE_UNPROVISIONED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(identity_is_the_senders, setup),
        cmocka_unit_test_setup(peers_are_the_senders, setup),
        cmocka_unit_test_setup(dh_with_the_senders_key, setup),
        cmocka_unit_test_setup(one_seed_per_start, setup),
        cmocka_unit_test_setup(no_root_no_seed, setup),
        cmocka_unit_test_setup(malformed_requests, setup),
        cmocka_unit_test_setup(a_peer_of_itself, setup),
        cmocka_unit_test_setup(self_check_finds_a_key_pair_that_is_none, setup),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
