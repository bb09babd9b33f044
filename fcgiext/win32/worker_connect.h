/* worker_connect: how a worker comes to its connection: the start of its process, new connections to it, and the choice of an
 * external server. A part of worker_io: everything here is called on the worker's strand. What becomes of it is told by
 * worker_io_connected or worker_io_not_connected. */
#ifndef FCGIEXT_WIN32_WORKER_CONNECT_H
#define FCGIEXT_WIN32_WORKER_CONNECT_H

#include "fcgiext/win32/worker_io.h"

/* POOL_ACTION_START. May block: for the launcher's thread or the resolver's. */
void worker_connect_start(struct worker_io *worker);
/* POOL_ACTION_CONNECT; its old connection has been closed. */
void worker_connect_again(struct worker_io *worker);

/* One more try, if one is wanted; to an external server it may block. */
void worker_connect_try(struct worker_io *worker);
/* connect_op has completed. */
void worker_connect_done(struct worker_io *worker);
/* The time of a try is over. */
void worker_connect_try_over(struct worker_io *worker);

/* A program that waits for a connection sleeps through the shutdown event: a connection wakes it. It is closed at once. */
void worker_connect_knock(struct worker_io *worker);
/* The knock has been heard (TCP), or nobody is left to hear it. */
void worker_connect_knock_end(struct worker_io *worker);

/* What its external server is told: bytes have come, the connection broke, it has ended for another reason. */
void worker_connect_answered(struct worker_io *worker);
void worker_connect_broken(struct worker_io *worker);
void worker_connect_end(struct worker_io *worker);

#endif
