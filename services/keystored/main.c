// SPDX-License-Identifier: Apache-2.0
// keystored: holds the static keys and the root seed, and does what only their holder can do.
//
// Start-up: reads one provisioning text per process from the configuration device, checks
// itself, then serves. It speaks to nobody of its own accord except, once, to init.
#include <stdbool.h>

#include "keystored_caps.h"
#include "markers.h"
#include "noise/ct.h"
#include "processes.h"
#include "services/keystored/bundle.h"
#include "services/keystored/fw_cfg.h"
#include "services/keystored/store.h"
#include "services/keystored/variant.h"
#include "services/keystored/virtio_rng.h"
#include "services/lib/init.h"
#include "services/lib/log.h"
#include "services/lib/string.h"

#define FILE_PREFIX "opt/org.dsoftbus/"

enum fw_cfg_register { FW_CFG_DATA = 0, FW_CFG_SELECTOR = 8 };

static const char *const process_names[] = PROCESS_NAMES;
static struct store store;
static uint8_t file[PROVISION_FILE_BYTES_MAX]; // of one process
static uint8_t bundle[BUNDLE_BYTES_MAX];
static size_t bundle_len;

// The selector is big-endian and 16 bits wide (QEMU docs/specs/fw_cfg, MMIO layout).
static void select_item(void *device, uint16_t item)
{
    volatile uint16_t *selector = (volatile uint16_t *)((uint8_t *)device + FW_CFG_SELECTOR);
    *selector = (uint16_t)(item << 8 | item >> 8);
}

static uint8_t read_byte(void *device)
{
    return *((volatile uint8_t *)device + FW_CFG_DATA);
}

// The device daemon's faults have the line that the manual promises; those of others name the process too.
static void report(uint32_t process, const struct provision_fault *fault)
{
    if (fault->line > 0) {
        log_line("keystored: %s line %u: %s", process_names[process], fault->line,
                 provision_error_name(fault->error));
    }
    if (process == PROCESS_ID_DSOFTBUSD) {
        log_line("keystored: unprovisioned %s", fault->field);
    } else {
        log_line("keystored: unprovisioned %s process=%s", fault->field, process_names[process]);
    }
}

// What the configuration device has for one process: in a file of its own, or in the bundle.
static enum fw_cfg_error find_text(const uint8_t **text, size_t *text_len,
                                   const struct fw_cfg_port *port, const char *process)
{
    char name[FW_CFG_NAME_BYTES] = FILE_PREFIX;
    size_t process_len = strlen(process);
    if (sizeof FILE_PREFIX + process_len > sizeof name) {
        die("keystored: process name too long");
    }
    memcpy(name + sizeof FILE_PREFIX - 1, process, process_len);
    *text = file;
    enum fw_cfg_error error = fw_cfg_read_file(file, sizeof file, text_len, port, name);
    if (error == FW_CFG_NO_FILE && bundle_find(text, text_len, bundle, bundle_len, process)) {
        error = FW_CFG_OK;
    }
    return error;
}

// Reads the text of one process. False when there is one and it is at fault, or when it must be there.
static bool provision_process(const struct fw_cfg_port *port, uint32_t process)
{
    const uint8_t *text;
    size_t len;
    struct provision_fault fault = {PROVISION_MISSING, "file", 0};
    enum fw_cfg_error error = find_text(&text, &len, port, process_names[process]);
    if (error == FW_CFG_OK) {
        (void)!store_provision(&store, &fault, process, text, len,
                               variant_option); // `fault` says it all
    } else if (error == FW_CFG_FILE_TOO_LONG) {
        fault.error = PROVISION_TOO_LONG;
    } else if (process != PROCESS_ID_DSOFTBUSD) {
        fault.error = PROVISION_OK; // a process needs no identity
    }
    if (fault.error != PROVISION_OK) {
        report(process, &fault);
        return false;
    }
    return true;
}

// One bit for each process that must not be started for want of an identity.
static uint32_t provision_all(void)
{
    struct fw_cfg_port port = {.select = select_item, .read = read_byte};
    uint32_t refused = 0;
    if (sys_map(&port.device, NULL, HANDLE_DEVICE_FW_CFG, NEURON_READ | NEURON_WRITE) !=
        NEURON_OK) {
        die("keystored: no configuration device");
    }
    if (fw_cfg_read_file(bundle, sizeof bundle, &bundle_len, &port, BUNDLE_FILE_NAME) ==
        FW_CFG_FILE_TOO_LONG) {
        log_line("keystored: %s is too long", BUNDLE_FILE_NAME);
    }
    for (uint32_t i = 0; i < PROCESS_COUNT; i++) {
        if (!provision_process(&port, i)) {
            refused |= UINT32_C(1) << i;
        }
    }
    ct_wipe(file, sizeof file);
    ct_wipe(bundle, sizeof bundle);
    if (sys_unmap(HANDLE_DEVICE_FW_CFG) != NEURON_OK) {
        die("keystored: cannot let go of the configuration device");
    }
    return refused;
}

// The device's seed: from the daemon's own text where the image accepts that, else from the entropy device.
static void seed_device(void)
{
    const struct store_slot *daemon = &store.slots[PROCESS_ID_DSOFTBUSD];
    uint32_t boot = daemon->has_identity ? daemon->identity.boot : 0;
    uint8_t seed[KEYSTORE_KEY_BYTES];
    if (daemon->has_identity && daemon->identity.has_seed) {
        store_set_root(&store, daemon->identity.seed, boot);
    } else if (virtio_rng_seed(seed)) {
        store_set_root(&store, seed, boot);
    }
    ct_wipe(seed, sizeof seed);
}

// One bit for each process that needs a seed and cannot have one.
static uint32_t refuse_unseeded(void)
{
    uint32_t refused = 0;
    for (uint32_t i = 0; i < PROCESS_COUNT; i++) {
        bool needs_seed =
            store.slots[i].has_identity || i == PROCESS_ID_DSOFTBUSD || i == PROCESS_ID_NETSTACKD;
        if (needs_seed && !store_has_seed(&store, i)) {
            refused |= UINT32_C(1) << i;
        }
    }
    if (refused != 0) {
        log_line("keystored: unseeded");
    }
    return refused;
}

static _Noreturn void serve(void)
{
    for (;;) {
        struct sys_event event = sys_wait(HANDLE_ENDPOINT, 0, NEURON_NEVER);
        if (event.status != NEURON_OK || event.kind != NEURON_GOT_MESSAGE) {
            die("keystored: wait failed (%d)", (int)event.status);
        }
        size_t len = event.len;
        enum keystore_status status =
            store_serve(&store, ipc_page->message, &len, event.label, event.sender);
        if (event.reply != 0) {
            // The caller may have gone meanwhile; what it was to get is wiped all the same.
            (void)!sys_reply(event.reply, status, len);
        }
        ct_wipe(ipc_page->message, sizeof ipc_page->message);
    }
}

int main(void);
int main(void)
{
    store_init(&store, process_names, PROCESS_COUNT);
    uint32_t refused = provision_all();
    seed_device();
    refused |= refuse_unseeded();
    if (!store_self_check(&store, ipc_page->message)) {
        die("keystored: self-check failed");
    }
    log_line(MARKER_KEYSTORED_READY);
    init_check_in(HANDLE_CALL_INIT, refused);
    serve();
}
