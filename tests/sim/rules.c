// SPDX-License-Identifier: Apache-2.0
// The simulator: a trusted peer that breaks the rules of WIRE section 2. The handshake is honest; then records are
// sealed that no honest peer sends, and the session has to end of them.
#include "tests/sim/sim.h"

#include <string.h>

#include "noise/noise_xk.h"

enum { RULE_RECORDS_MAX = 8 };

enum rule_how {
    AS_RECORDS, // sealed one by one, then sent
    SENT_TWICE, // the same sealed record again
    NOT_SEALED, // bytes as they are
};

// type, flags, stream, body. OPEN's body: credit, name.
#define PING_RECORD "\2\0\0\0abcdefgh"
#define OPEN_1      "\4\0\0\1\0\0\1\0svc"
#define OPEN_3      "\4\0\0\3\0\0\1\0svc"

static const struct rule {
    const char *name;
    enum rule_how how;
    bool survives; // not an error; the tables are what is looked at
    struct {
        const char *bytes;
        size_t len;
    } records[RULE_RECORDS_MAX];
} rules[] = {
#define RECORD(text)                                                                               \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    {"unknown type", AS_RECORDS, false, {RECORD("\x63\0\0\0")}},
    {"flags", AS_RECORDS, false, {RECORD("\2\1\0\0abcdefgh")}},
    {"a second READY", AS_RECORDS, false, {RECORD("\1\0\0\0\1\4\0\0\0\0\2\2\2\0\3\2\0\1")}},
    {"DATA that was never opened", AS_RECORDS, false, {RECORD("\6\0\0\1x")}},
    {"CLOSE that was never opened", AS_RECORDS, false, {RECORD("\10\0\0\1\0")}},
    {"a number of the other side", AS_RECORDS, false, {RECORD("\4\0\0\2\0\0\1\0svc")}},
    {"numbers that go back", AS_RECORDS, false, {RECORD(OPEN_3), RECORD(OPEN_1)}},
    {"the same number again", AS_RECORDS, false, {RECORD(OPEN_1), RECORD(OPEN_1)}},
    {"DATA without credit", AS_RECORDS, false, {RECORD(OPEN_1), RECORD("\6\0\0\1xyz")}},
    {"OPENED by who opened", AS_RECORDS, false, {RECORD(OPEN_1), RECORD("\5\0\0\1\0\0\1\0")}},
    {"credit that overflows",
     AS_RECORDS,
     false,
     {RECORD("\4\0\0\1\377\377\377\377svc"), RECORD("\7\0\0\1\377\377\377\377")}},
    {"PONG for no PING", AS_RECORDS, false, {RECORD("\3\0\0\0abcdefgh")}},
    {"pairing in a session",
     AS_RECORDS,
     false,
     {RECORD("\13\0\0\0abcdefghabcdefghabcdefghabcdefgh")}},
    {"a short record", AS_RECORDS, false, {RECORD("\2\0\0")}},
    {"empty DATA", AS_RECORDS, false, {RECORD(OPEN_1), RECORD("\6\0\0\1")}},
    {"DATA after the end",
     AS_RECORDS,
     false,
     {RECORD(OPEN_1), RECORD("\6\1\0\1"), RECORD("\6\1\0\1")}},
    {"a key that has not changed", AS_RECORDS, false, {RECORD("\12\0\0\0"), RECORD(PING_RECORD)}},
    {"a stream number on PING", AS_RECORDS, false, {RECORD("\2\0\0\1abcdefgh")}},
    {"a record twice", SENT_TWICE, false, {RECORD(PING_RECORD)}},
    {"a frame too long", NOT_SEALED, false, {RECORD("\377\377x")}},
    {"a frame too short", NOT_SEALED, false, {RECORD("\0\20x")}},
    {"more streams than allowed",
     AS_RECORDS,
     true,
     {RECORD(OPEN_1), RECORD(OPEN_3), RECORD("\4\0\0\5\0\0\1\0svc"), RECORD("\4\0\0\7\0\0\1\0svc"),
      RECORD("\4\0\0\11\0\0\1\0svc"), RECORD("\4\0\0\13\0\0\1\0other")}},
    {"many PINGs",
     AS_RECORDS,
     true,
     {RECORD(PING_RECORD), RECORD(PING_RECORD), RECORD(PING_RECORD), RECORD(PING_RECORD),
      RECORD(PING_RECORD), RECORD(PING_RECORD), RECORD(PING_RECORD), RECORD(PING_RECORD)}},
};

uint16_t rules_count(void)
{
    return sizeof rules / sizeof rules[0];
}

static size_t send_sealed(struct sim *sim, struct foe *f, const uint8_t *plaintext, size_t len,
                          unsigned copies)
{
    uint8_t frame[SESSION_FRAME_HEADER_BYTES + 64 + DSB_TAG_BYTES];
    size_t sealed_len, sent = 0;

    if (xk_sender_seal(&f->session.sender, frame + SESSION_FRAME_HEADER_BYTES,
                       sizeof frame - SESSION_FRAME_HEADER_BYTES, &sealed_len, plaintext,
                       len) != NOISE_OK) {
        return 0;
    }
    frame[0] = 0;
    frame[1] = (uint8_t)sealed_len;
    for (unsigned i = 0; i < copies; i++) {
        sent += net_send(sim, &sim->pipes[f->pipe], f->end, frame,
                         SESSION_FRAME_HEADER_BYTES + sealed_len);
    }
    return sent;
}

void rules_break(struct sim *sim, struct foe *f)
{
    const struct rule *rule = &rules[f->rule];
    struct pipe *p = &sim->pipes[f->pipe];

    sim_say(sim, "a trusted peer breaks a rule: %s", rule->name);
    for (size_t i = 0; i < RULE_RECORDS_MAX && rule->records[i].bytes != NULL; i++) {
        const uint8_t *bytes = (const uint8_t *)rule->records[i].bytes;
        size_t len = rule->records[i].len;
        size_t sent = rule->how == NOT_SEALED
                          ? net_send(sim, p, f->end, bytes, len)
                          : send_sealed(sim, f, bytes, len, rule->how == SENT_TWICE ? 2 : 1);
        if (sent == 0) {
            return;
        }
    }
    p->whole = true; // so that nobody refuses the stream in between
    p->needs_stream = rule->records[1].bytes != NULL;
    p->must_end_at = rule->survives ? 0 : p->dirs[0].taken;
}
