// SPDX-License-Identifier: Apache-2.0
// An established session against a peer that has authenticated and then encrypts whatever it likes: the input is a
// sequence of record plaintexts (length byte, bytes), for the responder or, by the first bit, the initiator.
#include "tests/fuzz/fuzz_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_end ends[2], established[2];

// The handshake is done once; each input starts from the same bytes at the same place.
static void establish(void)
{
    static bool done;
    uint8_t bytes[SESSION_BUFFER_BYTES];

    if (!done) {
        fuzz_start(&ends[0], &ends[1]);
        for (unsigned i = 0; i < 4; i++) {
            fuzz_receive(&ends[(i + 1) % 2], bytes, fuzz_take(&ends[i % 2], bytes));
        }
        require(ends[0].established == 1 && ends[1].established == 1);
        memcpy(established, ends, sizeof ends);
        done = true;
    }
    memcpy(ends, established, sizeof ends);
}

static void send_record(struct fuzz_end *from, struct fuzz_end *to, const uint8_t *plaintext,
                        size_t len)
{
    uint8_t frame[2 + 255 + DSB_TAG_BYTES];
    size_t sealed_len;

    require(xk_sender_seal(&from->session.sender, frame + 2, len + DSB_TAG_BYTES, &sealed_len,
                           plaintext, len) == NOISE_OK);
    frame[0] = (uint8_t)(sealed_len >> 8);
    frame[1] = (uint8_t)sealed_len;
    fuzz_receive(to, frame, 2 + sealed_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t bytes[SESSION_BUFFER_BYTES];
    bool drain;

    if (size < 1) {
        return 0;
    }
    establish();
    struct fuzz_end *to = &ends[data[0] & 1], *from = &ends[~data[0] & 1];
    drain = data[0] & 2;
    for (unsigned i = data[0] >> 5; i > 0; i--) {
        require(session_ping(&to->session, 0) == (session_state(&to->session) == SESSION_UP &&
                                                  (data[0] >> 5) - i < PINGS_UNANSWERED_MAX));
    }
    data++;
    size--;
    while (size > 0) {
        size_t len = data[0] < size ? data[0] : size - 1;
        send_record(from, to, data + 1, len);
        data += 1 + len;
        size -= 1 + len;
        if (drain) {
            fuzz_take(to, bytes);
        }
    }
    // What it said is in order to the peer, whatever was done to it: PONGs, and BYE at the end.
    fuzz_receive(from, bytes, fuzz_take(to, bytes));
    require(drain || from->ended == 0 || session_reason(&from->session) == REASON_PEER_BYE ||
            session_reason(&from->session) == REASON_RECORD_ORDER ||
            session_reason(&from->session) == REASON_PING_FLOOD);
    require(to->ended == (session_reason(&to->session) != REASON_NONE));
    return 0;
}
