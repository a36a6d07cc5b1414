// SPDX-License-Identifier: Apache-2.0
// Between local.c (requests) and local_handles.c (the table of handles, and what events mean to it).
#ifndef SERVICES_DSOFTBUSD_LOCAL_INTERNAL_H
#define SERVICES_DSOFTBUSD_LOCAL_INTERNAL_H

#include "services/dsoftbusd/local.h"

// A free handle of this kind, or NULL when the client's quota is used up. Its members are zero, except kind,
// generation and order; the caller gives it a stage.
struct local_handle *local_allocate(struct local *local, struct local_client *client,
                                    enum local_kind kind);
// Closes what is behind the handle, with a reason for the peer, and frees it.
void local_free(struct local *local, uint64_t now_ms, struct local_client *client,
                struct local_handle *h, enum bye_reason reason);
void local_free_all(struct local *local, uint64_t now_ms, struct local_client *client);

// The handle as the client knows it, and back; NULL for one that names nothing, or nothing of this kind.
dsb_handle local_name(const struct local_client *client, const struct local_handle *h);
struct local_handle *local_find(struct local_client *client, dsb_handle name);
struct local_handle *local_find_kind(struct local_client *client, dsb_handle name,
                                     enum local_kind kind);

// The stream's tag in the bus: which handle of which client it is.
uint32_t local_tag(const struct local *local, const struct local_client *client,
                   const struct local_handle *h);

// The handle will be good for closing only.
void local_fail(struct local_client *client, struct local_handle *h, enum dsb_status error);

// A stream or ping that waits for a session goes on when there is one with its peer.
void local_go_on(struct local *local, uint64_t now_ms, struct local_client *client,
                 struct local_handle *h);

// Some established session with the peer, or 0.
uint32_t local_session(const struct local *local, uint16_t peer);

enum dsb_status local_error_of(enum stream_error error, uint8_t reason);

// What DSB_POLL says about a handle: bits of enum dsb_ready; *error with DSB_READY_ERROR.
unsigned local_ready(const struct local *local, struct local_handle *h, enum dsb_status *error);

#endif
