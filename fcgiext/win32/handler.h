/* handler: one request, from HttpExtensionProc to DONE_WITH_SESSION: joins the host's side (ecb), the state machine
 * (core/relay) and the worker that it is on (worker_io). All its events are handled on its strand. */
#ifndef FCGIEXT_WIN32_HANDLER_H
#define FCGIEXT_WIN32_HANDLER_H

#include <winsock2.h>

#include <windows.h>

#include <httpext.h>

#include "fcgiext/core/pool.h"
#include "fcgiext/core/relay.h"

struct engine;
struct engine_pool;
struct handler;
struct worker_io;

/* HttpExtensionProc: takes the request over (HSE_STATUS_PENDING), or says that nothing can be done (HSE_STATUS_ERROR). */
DWORD handler_begin(struct engine *engine, EXTENSION_CONTROL_BLOCK *block);

void handler_ref(struct handler *handler);
void handler_unref(struct handler *handler);

/* From the worker's strand. */
void handler_assigned(struct handler *handler, struct worker_io *worker, uint64_t request, struct relay_connection connection);
void handler_read(struct handler *handler);
void handler_written(struct handler *handler, DWORD len, DWORD error);
/* Nothing was: no thread can act by the request's token. */
void handler_write_refused(struct handler *handler, DWORD error);
/* The pool knows that the worker is free. */
void handler_released(struct handler *handler);

/* By which its bytes are written, the handler's own; NULL: the host's identity. */
HANDLE handler_token(const struct handler *handler);

/* The id under which the pool knows it: set by handler_assigned. */
uint64_t handler_request(const struct handler *handler);

struct request_label;
/* What is shown of it: set before the pool hears of the request, or its session is listed. A reference of the handler's. */
struct request_label *handler_label(const struct handler *handler);
/* The pool for which its body is being taken in, any thread may ask; NULL: none is, or not any more. */
const struct engine_pool *handler_intake_pool(const struct handler *handler);

/* POOL_ACTION_PROBE: tells the pool if the client of a waiting request has gone. */
void handler_probe(struct handler *handler, uint64_t request);

/* spool_io_done: a part of the body has been stored, or read back. */
void handler_stored(void *context, DWORD len, DWORD error);
/* The DLL unloads: a client whose body is still taken in is not waited for; then none is, whatever it has been promised. */
void handler_stop(struct handler *handler);
void handler_stop_now(struct handler *handler);

/* POOL_ACTION_ABORT or _REJECT. */
void handler_fail(struct handler *handler, const struct pool_action *action);

#endif
