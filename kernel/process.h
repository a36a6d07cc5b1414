// SPDX-License-Identifier: Apache-2.0
// Processes: one thread each, with its capabilities, its place in the scheduler, and its IPC state.
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/neuron.h"
#include "kernel/elf.h"
#include "kernel/manifest.h"
#include "kernel/page.h"

// User registers by number (x1 = ra ... x31 = t6); 0 holds the pc. Offsets are known to boot.S.
struct frame {
    uint64_t x[32];
};
enum { X_PC = 0, X_SP = 2, X_A0 = 10, X_A7 = 17 };

// Why a process does not run, when it does not.
enum wait_state {
    NOT_BLOCKED, // ready, or not running at all (see `state`)
    SENDING,     // queued at the endpoint of `peer`
    CALLING,     // the same, and will wait for a reply
    AWAITING,    // `peer` holds the message, its reply is due
    RECEIVING,   // in NEURON_WAIT
};

// What a process holds at a handle, taken from the manifest when it starts.
struct capability {
    uint8_t type;   // enum manifest_cap_type
    uint8_t object; // index of the memory object, device or process
    uint8_t rights;
    struct process *process; // NOTIFICATION, ENDPOINT, PROCESS: the one behind it
};

// Its size is a power of two, as it is on the way of each message to find one by its id.
struct __attribute__((aligned(2048))) process {
    struct frame frame; // first: trap_entry stores here
    uint64_t satp;
    enum neuron_process_state state;
    enum wait_state waits;
    struct process **ready_queue;    // of its priority
    struct process *next, *previous; // in its ready queue, or in the queue of an endpoint
    uint64_t deadline;               // of what it waits for

    // IPC
    struct neuron_ipc_page *ipc; // as the kernel sees it
    struct process *peer;        // SENDING, CALLING, AWAITING: the server
    uint64_t calls;              // number of the current or last call; part of reply handles
    struct process *senders;     // waiting at this process's endpoint, oldest first
    uint64_t notified;           // the notification word
    bool takes_messages, takes_notifications; // RECEIVING: what ends the wait

    // Fixed, or set at start
    const struct manifest_process *manifest;
    uint32_t id, starts;
    uint64_t cause, address; // how it ended
    struct capability caps[NEURON_CAPS_MAX];
    page_table root;
    struct elf_image elf;
    uint8_t *segment_frames[ELF_SEGMENTS_MAX];
    uint8_t *stack_frames;
};

_Static_assert(sizeof(struct process) == 2048, "a power of two");

extern struct process processes[NEURON_PROCESSES_MAX];
extern uint8_t *memory_frames[MANIFEST_MEMORIES_MAX];

// Reserves and maps all that the manifest asks for. A process whose image is not acceptable becomes
// NEURON_REFUSED, with a line that says why.
void process_setup_all(void);
// Loads the image afresh and makes the process ready to run; false when it is absent, refused or running.
bool process_start(struct process *p);
// Ends it: its callers get NEURON_PEER_DIED, those who watch it their notification.
void process_stop(struct process *p, enum neuron_process_state how, uint64_t cause,
                  uint64_t address);
// Where MAP puts the object behind a handle.
uint64_t process_map_address(neuron_handle handle);

#endif
