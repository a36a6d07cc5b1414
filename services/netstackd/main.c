// SPDX-License-Identifier: Apache-2.0
// netstackd: start-up, and the one loop that everything happens in.
//
// The loop waits for a client's request, the device's interrupt or the next timer, whichever comes
// first, and does nothing in between. Its order within one turn: time first, then the event, then
// what that caused on loopback paths, then the signals to clients, then the reply.
#include <stdbool.h>

#include "markers.h"
#include "netstackd_caps.h"
#include "noise/ct.h"
#include "processes.h"
#include "services/lib/init.h"
#include "services/lib/keystore.h"
#include "services/lib/log.h"
#include "services/lib/string.h"
#include "services/lib/sys.h"
#include "services/netstackd/facade.h"
#include "services/netstackd/interface.h"
#include "services/netstackd/limits.h"
#include "services/netstackd/self_check.h"
#include "services/netstackd/stack.h"

static const struct {
    uint32_t process;
    neuron_handle signal, memory;
    uint32_t connections;
} client_table[] = {
    {PROCESS_ID_DSOFTBUSD, HANDLE_SIGNAL_DSOFTBUSD, HANDLE_MEMORY_NET_DSOFTBUSD, DSOFTBUSD_TCP_MAX},
    {PROCESS_ID_SELFTEST_CLIENT, HANDLE_SIGNAL_SELFTEST_CLIENT, HANDLE_MEMORY_NET_SELFTEST,
     SELFTEST_TCP_MAX},
};
#define CLIENTS (sizeof client_table / sizeof client_table[0])
_Static_assert(CLIENTS + 1 <= CLIENTS_MAX, "room for netstackd itself");

static uint8_t self_shared[SELF_CHECK_SHARED_BYTES];

static void start_stack(void)
{
    uint8_t seed[32];
    enum keystore_status status = keystore_seed(seed, HANDLE_CALL_KEYSTORED);
    if (status != KEYSTORE_OK) {
        die("netstackd: no seed: keystored answered %u", (unsigned)status);
    }
    stack_advance(clock_ticks());
    stack_start(seed);
    ct_wipe(seed, sizeof seed);
}

static void start_interface(void)
{
    struct virtio_net_memory memory;
    void *registers, *dma;
    if (sys_map(&registers, NULL, HANDLE_DEVICE_VIRTIO_NET, NEURON_READ | NEURON_WRITE) !=
            NEURON_OK ||
        sys_map(&dma, &memory.dma_bytes, HANDLE_MEMORY_NET_DMA, NEURON_READ | NEURON_WRITE) !=
            NEURON_OK ||
        sys_physical(&memory.dma_physical, HANDLE_MEMORY_NET_DMA) != NEURON_OK) {
        die("net: virtio-net: the device or its memory cannot be mapped");
    }
    memory.registers = registers;
    memory.dma = dma;
    interface_start(&memory);
}

static void start_facade(void)
{
    struct facade_client_config configs[CLIENTS + 1];
    for (size_t i = 0; i < CLIENTS; i++) {
        void *shared;
        size_t bytes;
        if (sys_map(&shared, &bytes, client_table[i].memory, NEURON_READ | NEURON_WRITE) !=
            NEURON_OK) {
            die("netstackd: the memory shared with process %u cannot be mapped",
                client_table[i].process);
        }
        configs[i] = (struct facade_client_config){
            .process = client_table[i].process,
            .shared = shared,
            .shared_len = (uint32_t)bytes,
            .quota = {client_table[i].connections, CLIENT_LISTENERS_MAX, CLIENT_UDP_MAX,
                      CLIENT_PINGS_MAX},
        };
    }
    configs[CLIENTS] = (struct facade_client_config){
        .process = PROCESS_ID_NETSTACKD,
        .shared = self_shared,
        .shared_len = sizeof self_shared,
        .quota = {SELF_TCP_MAX, SELF_LISTENERS_MAX, SELF_UDP_MAX, 0},
    };
    facade_start(configs, CLIENTS + 1);
}

static void signal_clients(void)
{
    uint32_t signals = facade_take_signals();
    for (size_t i = 0; i < CLIENTS; i++) {
        if (signals >> i & 1 && sys_signal(client_table[i].signal) != NEURON_OK) {
            facade_client_ended(client_table[i].process); // it is not there any more
        }
    }
}

static uint64_t next_deadline(bool frames_left)
{
    uint64_t timers = stack_deadline(), offer = interface_deadline();
    if (frames_left) {
        return 0; // look for requests, then go on
    }
    return timers < offer ? timers : offer;
}

static void on_notification(uint64_t bits)
{
    if (bits & neuron_bit_irq(IRQ_INDEX_VIRTIO_NET)) {
        interface_interrupt();
        if (sys_irq_ack(HANDLE_IRQ_VIRTIO_NET) != NEURON_OK) {
            die("net: virtio-net: its interrupt cannot be acknowledged");
        }
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        if (bits & neuron_bit_ended(client_table[i].process)) {
            facade_client_ended(client_table[i].process);
        }
    }
}

// Waits for one event and handles it. A request's reply goes out with the next wait, after what it
// caused.
static void run(neuron_handle endpoint, bool *frames_left)
{
    static neuron_handle reply_to;
    static union facade_reply reply;
    static size_t reply_len;
    static enum net_status reply_label;

    uint64_t deadline = next_deadline(*frames_left);
    struct sys_event event;
    if (reply_to != 0) {
        memcpy(ipc_page->message, &reply, reply_len);
        event = sys_reply_wait(reply_to, reply_label, reply_len, endpoint, HANDLE_NOTIFICATION,
                               deadline);
        reply_to = 0;
        if (event.status == NEURON_CANCELLED || event.status == NEURON_BAD_HANDLE) {
            return; // the caller does not wait any more; its end, if that is why, is notified
        }
    } else {
        event = sys_wait(endpoint, HANDLE_NOTIFICATION, deadline);
    }
    stack_advance(clock_ticks());
    if (event.status == NEURON_OK && event.kind == NEURON_GOT_NOTIFICATION) {
        on_notification(event.bits);
    } else if (event.status == NEURON_OK) {
        reply_label = facade_serve(&reply, &reply_len, event.sender, event.label, ipc_page->message,
                                   event.len);
        reply_to = event.reply;
    } else if (event.status != NEURON_TIMED_OUT) {
        die("netstackd: waiting failed with status %u", (unsigned)event.status);
    }
    *frames_left = interface_receive();
    interface_update();
    stack_loop();
    signal_clients();
}

int main(void);
int main(void)
{
    bool frames_left = false;
    start_stack();
    start_facade();
    start_interface();
    while (!interface_update()) {
        run(0, &frames_left); // no requests before there is an address
    }
    const char *failure = self_check(PROCESS_ID_NETSTACKD, self_shared);
    if (failure != NULL) {
        die("netstackd: self-check failed: %s", failure);
    }
    log_line(MARKER_NETSTACKD_FACADE_UP);
    frames_left = true; // so that nothing is waited for: this turn shows that requests can come in
    run(HANDLE_ENDPOINT, &frames_left);
    log_line(MARKER_NETSTACKD_READY);
    init_check_in(HANDLE_CALL_INIT, 0);
    for (;;) {
        run(HANDLE_ENDPOINT, &frames_left);
    }
}
