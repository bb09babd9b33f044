/* mgmt_ops: the engine's side of the management interface, struct mgmt_ops: what is seen of the engine (mgmt_snapshot.c) and what is
 * asked of it. Nothing in it waits: a command is given to the pool, or to the watch's thread, and its operation tells the rest. */
#ifndef FCGIEXT_WIN32_MGMT_OPS_H
#define FCGIEXT_WIN32_MGMT_OPS_H

#include "fcgiext/win32/engine.h"
#include "mgmt/ops.h"

/* The interface of this engine, for as long as the engine lives. */
void mgmt_ops_of(struct engine *engine, struct mgmt_ops *ops);

/* ---- for the engine */

DWORD mgmt_ops_create(struct engine *engine); /* 0 or a Win32 error */
void mgmt_ops_destroy(struct engine *engine);
/* At the start, when the pools are there: those that were drained to stay so. */
void mgmt_ops_restore_drains(struct engine *engine);
/* The time of a drain is over. */
void mgmt_ops_drain_over(struct engine_pool *pool);
/* The last operation so far; and how the reload ended that it, and those before, have asked for. */
uint64_t mgmt_ops_last(struct engine *engine);
void mgmt_ops_reloaded(struct engine *engine, uint64_t last, bool taken);

/* ---- mgmt_snapshot.c; `context` is the engine */

struct mgmt_snapshot *mgmt_snapshot_make(void *context, unsigned want);
void mgmt_snapshot_free(void *context, struct mgmt_snapshot *snapshot);

#endif
