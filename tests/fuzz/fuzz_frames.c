// SPDX-License-Identifier: Apache-2.0
// A session with a fixed key pair against bytes from the network: the first byte says who is attacked and how far the
// honest handshake goes before; with its top bit the honest bytes of the next turn are altered by xor instead, so that
// the fuzzer can come past a tag. Also fed in pieces, whose lengths are taken from the input.
#include "tests/fuzz/fuzz_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed_in_pieces(struct fuzz_end *e, const uint8_t *data, size_t size)
{
    while (size > 0) {
        size_t piece = 1 + data[0] % 97u;
        piece = piece > size ? size : piece;
        fuzz_receive(e, data, piece);
        data += piece;
        size -= piece;
    }
}

static size_t alter(uint8_t out[static FUZZ_OUTPUT_MAX], struct fuzz_end *from, const uint8_t *data,
                    size_t size)
{
    size_t len = fuzz_take(from, out);

    for (size_t i = 0; i < size && i < len; i++) {
        out[i] ^= data[i];
    }
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_end ends[2];
    uint8_t bytes[FUZZ_OUTPUT_MAX];
    unsigned turns;

    if (size < 1) {
        return 0;
    }
    turns = data[0] & 3u;
    fuzz_start(&ends[0], &ends[1]);
    for (unsigned i = 0; i < turns; i++) {
        fuzz_receive(&ends[(i + 1) % 2], bytes, fuzz_take(&ends[i % 2], bytes));
    }
    struct fuzz_end *attacked = &ends[(turns + 1) % 2];
    size_t sent_before = attacked->sent, received_before = attacked->received;
    if (data[0] & 0x80) {
        feed_in_pieces(attacked, bytes, alter(bytes, &ends[turns % 2], data + 1, size - 1));
    } else {
        feed_in_pieces(attacked, data + 1, size - 1);
    }
    fuzz_take(attacked, bytes);
    if (attacked == &ends[1] &&
        !attacked->established) { // a stranger gets no more back than it sent
        require(attacked->sent - sent_before <= attacked->received - received_before);
    }
    require(attacked->ended == (session_reason(&attacked->session) != REASON_NONE));
    require(attacked->ended == 0 || session_state(&attacked->session) == SESSION_CLOSED);
    require(session_tick(&attacked->session, UINT64_MAX) != SESSION_IDENTITY);
    session_wipe(&ends[0].session);
    session_wipe(&ends[1].session);
    return 0;
}
