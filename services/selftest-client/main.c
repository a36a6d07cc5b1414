// SPDX-License-Identifier: Apache-2.0
// selftest-client: proves the system from inside, as a bus node of its own. Its exit code is the machine's.
#include "markers.h"
#include "selftest-client_caps.h"
#include "services/lib/init.h"
#include "services/lib/keystore.h"
#include "services/lib/log.h"
#include "services/selftest-client/attacks.h"
#include "services/selftest-client/denials.h"
#include "services/selftest-client/net_checks.h"
#include "services/selftest-client/node.h"
#include "services/selftest-client/remote.h"

static struct node node;

// The device under test dials us and gets its PING answered; then we dial it.
static const char *step_connect(struct node *n)
{
    const char *why = node_be_dialled(n);
    if (why == NULL) {
        why = node_dial(n, &n->config);
    }
    if (why == NULL && (!node_run(n, out_established, STEP_DEADLINE_MS) || !n->out.established)) {
        why = "no READY";
    }
    return why;
}

static const char *step_ping(struct node *n)
{
    if (!session_ping(&n->out.session, clock_ms()) || channel_flush(n, &n->out, false) != NULL) {
        return "cannot send";
    }
    if (!node_run(n, out_ponged, STEP_DEADLINE_MS) || !n->out.ponged) {
        return "no pong";
    }
    attacks_record(&n->out);
    channel_close(n, &n->out);
    return NULL;
}

static bool in_ponged(const struct node *n)
{
    return n->in.ponged || n->in.ended;
}

// Both directions: the session that the device under test has opened still works, and a new one does.
static const char *step_still_serving(struct node *n)
{
    if (!n->in.established || n->in.ended || !session_ping(&n->in.session, clock_ms()) ||
        channel_flush(n, &n->in, false) != NULL) {
        return "the inbound session is gone";
    }
    if (!node_run(n, in_ponged, STEP_DEADLINE_MS) || !n->in.ponged) {
        return "no pong in the inbound session";
    }
    return node_good_session(n);
}

static const char *step_ipc_denied(struct node *n)
{
    (void)n;
    return check_ipc_denied();
}

static const char *step_mmio_denied(struct node *n)
{
    (void)n;
    return check_mmio_denied();
}

// We say goodbye in the session that the device under test has opened: it has to close the connection.
static const char *step_end(struct node *n)
{
    if (session_close(&n->in.session, clock_ms(), REASON_CLOSED, BYE_NORMAL) != SESSION_ENDED ||
        channel_flush(n, &n->in, false) != NULL) {
        return "cannot say goodbye";
    }
    if (!node_run(n, in_ended, REJECT_DEADLINE_MS)) {
        return "the connection is not closed";
    }
    channel_close(n, &n->in);
    return NULL;
}

static const struct step {
    const char *name;
    const char *marker;
    const char *(*run)(struct node *node); // NULL, or why it failed
} steps[] = {
    {"net iface", MARKER_SELFTEST_NET_IFACE, check_iface},
    {"net ping", MARKER_SELFTEST_NET_PING, check_ping},
    {"net udp", MARKER_SELFTEST_NET_UDP, check_udp},
    {"net tcp listen", MARKER_SELFTEST_NET_TCP_LISTEN, check_tcp_listen},
    {"dsoftbus os connect", MARKER_SELFTEST_CONNECT, step_connect},
    {"dsoftbus ping", MARKER_SELFTEST_PING, step_ping},
    {"dsoftbus replay", MARKER_SELFTEST_REPLAY, attack_replay},
    {"dsoftbus mitm", MARKER_SELFTEST_MITM, attack_mitm},
    {"dsoftbus tamper", MARKER_SELFTEST_TAMPER, attack_tamper},
    {"dsoftbus identity mismatch", MARKER_SELFTEST_IDENTITY_MISMATCH, attack_identity_mismatch},
    {"dsoftbus unknown peer", MARKER_SELFTEST_UNKNOWN_PEER, attack_unknown_peer},
    {"dsoftbus oversize", MARKER_SELFTEST_OVERSIZE, attack_oversize},
    {"dsoftbus truncated", MARKER_SELFTEST_TRUNCATED, attack_truncated},
    {"dsoftbus still serving", MARKER_SELFTEST_STILL_SERVING, step_still_serving},
    {"ipc denied", MARKER_SELFTEST_IPC_DENIED, step_ipc_denied},
    {"mmio denied", MARKER_SELFTEST_MMIO_DENIED, step_mmio_denied},
    {"end", MARKER_SELFTEST_END, step_end},
};

// No file is provisioned for us: this is one machine of two (scripts/os2vm.sh), where the other machine's daemon is the
// counterpart, and we are an application of the bus instead of a node.
static int run_remote(void)
{
    const char *why = remote_open();
    if (why == NULL) {
        why = remote_run();
    }
    if (why != NULL) {
        die("SELFTEST: remote: %s FAIL", why);
    }
    log_line(MARKER_SELFTEST_END);
    return 0;
}

int main(void);
int main(void)
{
    struct keystore_identity own;
    if (keystore_identity(&own, HANDLE_CALL_KEYSTORED) == KEYSTORE_UNPROVISIONED) {
        return run_remote();
    }
    const char *why = node_open(&node);
    if (why != NULL) {
        die("SELFTEST: start: %s FAIL", why);
    }
    init_check_in(HANDLE_CALL_INIT, 0);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        why = steps[i].run(&node);
        if (why != NULL) {
            die("SELFTEST: %s: %s FAIL", steps[i].name, why);
        }
        log_line("%s", steps[i].marker);
    }
    return 0;
}
