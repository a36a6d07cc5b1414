// SPDX-License-Identifier: Apache-2.0
// neuron's interface to processes: status codes, system calls, limits and fixed addresses.
//
// A system call is `ecall` with its number in a7 and its arguments in a0..a5; it returns a status in
// a0 and values in a1..a5. No system call takes a pointer: messages and log lines lie in the IPC
// page, one page per process that the kernel maps at NEURON_IPC_PAGE. A process names objects only by
// capability handle; its handles are fixed by the system manifest (see <process>_caps.h, generated).
#ifndef KERNEL_ABI_NEURON_H
#define KERNEL_ABI_NEURON_H

#define NEURON_ABI_VERSION 1

// Limits of the machine and of a process.
#define NEURON_PROCESSES_MAX      16   // one bit each in a notification word, see below
#define NEURON_CAPS_MAX           48   // handles 1..NEURON_CAPS_MAX; 0 is never valid
#define NEURON_PRIORITIES         8    // 0 runs last
#define NEURON_MESSAGE_BYTES_MAX  1024 // eight keys out, eight results back, with room
#define NEURON_LOG_LINE_BYTES_MAX 200  // without the newline, which the kernel adds

// Fixed user addresses. Everything a process can touch lies below 1 GiB.
//   0x0001_0000  the ELF image (text, rodata, data, bss)
//   0x1000_0000  mappings of memory objects and devices, chosen by the kernel
//   0x3ff0_0000  the IPC page
//   0x3fff_f000  top of the stack, a guard page below and above
#define NEURON_IMAGE_BASE 0x00010000
#define NEURON_IMAGE_END  0x10000000
#define NEURON_MAP_BASE   0x10000000
#define NEURON_IPC_PAGE   0x3ff00000
#define NEURON_STACK_TOP  0x3ffff000

// The time CSR counts at 10 MHz. Deadlines are absolute values of it.
#define NEURON_TICKS_PER_MS 10000
#define NEURON_NEVER        0xffffffffffffffff

// The ELF note that each process image carries (name "neuron", type 1, one u32).
#define NEURON_NOTE_NAME "neuron"
#define NEURON_NOTE_ABI  1

#ifndef __ASSEMBLER__

#include <stdint.h>

typedef uint64_t neuron_handle;

enum neuron_status {
    NEURON_OK = 0,
    NEURON_BAD_SYSCALL, // no system call has this number
    NEURON_BAD_HANDLE,  // the process holds no capability at this handle
    NEURON_WRONG_TYPE,  // the capability names an object of another type
    NEURON_NO_RIGHT,    // the capability lacks the right
    NEURON_INVALID,     // an argument is out of range
    NEURON_TIMED_OUT,   // the deadline passed
    NEURON_CANCELLED,   // the caller no longer waits for this reply: release what was held for it
    NEURON_PEER_DIED,   // the process behind the endpoint stopped, or is not running
};

enum neuron_syscall {
    // (endpoint, label, len, deadline) -> (status, reply label, reply len)
    // Sends message[0..len) and waits for the reply. Right: SEND.
    NEURON_CALL = 1,
    // (endpoint, label, len, deadline) -> (status)
    // Sends without expecting a reply; returns when it has been received. Right: SEND.
    NEURON_SEND,
    // (endpoint or 0, notification or 0, deadline) -> (status, kind, label|bits, len, sender, reply)
    // Waits for whichever comes first; notifications first when both are there. A deadline that has
    // passed makes it a poll. Right on each: RECEIVE.
    NEURON_WAIT,
    // (reply, label, len) -> (status). Never blocks.
    NEURON_REPLY,
    // (reply, label, len, endpoint, notification, deadline) -> as NEURON_WAIT.
    // When the reply is refused the status says why and nothing is waited for.
    NEURON_REPLY_WAIT,
    // (notification) -> (status). Sets the caller's bit in the target's word. Right: SEND.
    NEURON_SIGNAL,
    // (memory or device, rights) -> (status, address, bytes)
    // Maps the object into the caller, with READ or READ|WRITE out of the capability's rights; again
    // on a mapped object: the same address, the new rights.
    NEURON_MAP,
    // (memory or device) -> (status)
    NEURON_UNMAP,
    // (memory) -> (status, physical address). For drivers. Right: PHYSICAL.
    NEURON_PHYSICAL,
    // (irq) -> (status). The device has been served: let its next interrupt come. Right: RECEIVE.
    NEURON_IRQ_ACK,
    // (len) -> (status). Prints log_line[0..len) as one line, if the manifest lets this process print
    // lines with its prefix, and all bytes are printable ASCII; otherwise nothing, and NO_RIGHT or INVALID.
    NEURON_LOG,
    // (code) -> does not return
    NEURON_EXIT,
    // (handle, rights) -> (status). Keeps only the given rights, until the process is started anew; none removes the
    // capability. A mapped object is unmapped.
    NEURON_CAP_SHRINK,
    // (process) -> (status). Loads the image afresh and runs it; INVALID when it runs already. Right: SEND.
    NEURON_PROCESS_START,
    // (process) -> (status, state, cause or exit code, fault address, start count). Right: RECEIVE.
    NEURON_PROCESS_STATUS,
    // (power, exit code) -> (status). Switches the machine off. Right: SEND.
    NEURON_POWER_OFF,
    // (counters) -> (status, instret passed in idle, idle entries, context switches). Right: RECEIVE.
    NEURON_COUNTERS,
};

enum neuron_wait_kind { NEURON_GOT_MESSAGE = 1, NEURON_GOT_NOTIFICATION };

enum neuron_right {
    NEURON_READ = 1,
    NEURON_WRITE = 2,
    NEURON_SEND_RIGHT = 4,
    NEURON_RECEIVE = 8,
    NEURON_PHYSICAL_RIGHT = 16,
};

enum neuron_process_state {
    NEURON_ABSENT,  // this image does not contain it
    NEURON_STOPPED, // not started yet
    NEURON_RUNNING,
    NEURON_EXITED,  // by NEURON_EXIT
    NEURON_FAULTED, // by an exception
    NEURON_REFUSED, // its ELF image is not acceptable
};

// The sender that the kernel stamps on a message: process id, and how often it has been started.
static inline uint32_t neuron_sender_process(uint64_t sender)
{
    return (uint32_t)sender;
}
static inline uint32_t neuron_sender_start(uint64_t sender)
{
    return (uint32_t)(sender >> 32);
}

// A notification word has 64 bits. Each source has a fixed one:
//   0..15   NEURON_SIGNAL by the process with this id
//   16..31  interrupt of the process's device number 0..15, in manifest order
//   32..47  the process with this id has ended: the receiver watches it, or one of them may call the other
static inline uint64_t neuron_bit_signal(uint32_t process)
{
    return UINT64_C(1) << process;
}
static inline uint64_t neuron_bit_irq(uint32_t device)
{
    return UINT64_C(1) << (16 + device);
}
static inline uint64_t neuron_bit_ended(uint32_t process)
{
    return UINT64_C(1) << (32 + process);
}

struct neuron_ipc_page {
    uint8_t message[NEURON_MESSAGE_BYTES_MAX] __attribute__((aligned(16)));
    uint8_t log_line[NEURON_LOG_LINE_BYTES_MAX];
};

#endif
#endif
