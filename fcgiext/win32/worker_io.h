/* worker_io: one worker as the shell sees it: its process or its connection to an external server, and its mailbox.
 *
 * All it does it does on its own strand: the pool's actions (from the mailbox, in their order), completions of its
 * connection, and what the request that it carries asks for. A request's handler never touches the connection itself;
 * it posts what it wants. */
#ifndef FCGIEXT_WIN32_WORKER_IO_H
#define FCGIEXT_WIN32_WORKER_IO_H

#include "fcgiext/core/pool.h"
#include "fcgiext/core/servers.h"
#include "fcgiext/core/timers.h"
#include "fcgiext/win32/iocp.h"
#include "fcgiext/win32/process.h"
#include "fcgiext/win32/strand.h"
#include "fcgiext/win32/transport.h"

struct counter_block_worker;
struct engine_pool;
struct handler;
struct request_label;

enum { WORKER_MAILBOX_LEN = 16, WORKER_READ_LEN = 64 * 1024 };

struct worker_io {
    struct strand strand;
    volatile LONG refs;
    struct engine_pool *pool;
    struct pool_version *version; /* that it was started under; a reference */
    uint64_t id;
    struct iocp *port;                           /* of all its operations */
    volatile LONG pid;                           /* of its process; 0: none yet */
    struct counter_block_worker *volatile shown; /* what is published of it; NULL: nothing */

    /* actions not yet carried out: put in and taken out under the pool's lock */
    struct pool_action mailbox[WORKER_MAILBOX_LEN];
    unsigned mail_first, mail_count;
    struct request_label
        *label; /* of the request that it has, or had last; NULL: none; a reference; under the pool's lock, too */

    /* on the strand only */
    struct transport transport;
    struct process process;
    HANDLE exit_wait;
    bool external, started, closing, exit_reported, connecting;
    bool reused;         /* this connection has carried a request */
    uint16_t request_id; /* the last that was used on this connection; 0: none */
    struct iocp_op launch_op, exit_op, read_op, write_op, connect_op;
    volatile LONG exit_fired;
    uint64_t launched_ms, lived_ms; /* its process, until its exit was seen */
    uint64_t exit_unix_ms;
    bool read_pending, write_pending;
    unsigned reads_at_once;            /* in a row that did not have to wait */
    bool read_stale;                   /* the pending read is of a connection that has been closed */
    bool read_wanted;                  /* begin one when the stale one has completed */
    struct worker_io *next_connecting; /* in the engine's list */
    struct servers_use use;            /* which external server it is connected to */
    struct timer_entry try_timer;      /* the engine's: the end of the try to connect to it */
    bool try_pending, try_over;        /* a TCP connection is being made; it has taken too long */
    uint64_t try_began_ms;
    struct transport knock; /* see worker_connect_knock; over TCP until knock_op has completed */
    struct iocp_op knock_op;
    bool knocking; /* over a pipe: once more soon */
    uint64_t knock_until_ms;
    DWORD connect_error; /* of connect_op, written by its completion */
    DWORD last_error;    /* of the servers tried so far */
    DWORD write_done_len, write_error;
    DWORD write_refused; /* not 0: why it was not even begun */
    uint8_t *read_buffer;

    /* between the strand and the handler of the request that is on it: written by one before it posts to the other */
    struct handler *bound;
    struct handler *writer; /* whose bytes are being written; a reference */
    struct bytes to_write;
    enum pool_outcome outcome;
    bool read_ready; /* read_len or read_error have come and have not been looked at */
    DWORD read_len, read_error;
};

/* Under the pool's lock. A reference for the pool, which RELEASE gives back. NULL: out of memory. */
struct worker_io *worker_io_create(struct engine_pool *pool, uint64_t id);

void worker_io_ref(struct worker_io *worker);
void worker_io_unref(struct worker_io *worker);

/* Under the pool's lock. */
void worker_io_put(struct worker_io *worker, const struct pool_action *action);
/* After it: has the mailbox emptied. */
void worker_io_kick(struct worker_io *worker, bool slow);

/* The connector's try, from the engine's timer thread or the resolver. */
void worker_io_try_connect(struct worker_io *worker);
/* From the engine's timer thread: the time that engine_bound_try was given has passed. */
void worker_io_try_over(struct worker_io *worker);

/* For worker_connect, on the strand: the connection stands; there is none, and the pool is told so. */
void worker_io_connected(struct worker_io *worker, enum pool_event_kind kind);
void worker_io_not_connected(struct worker_io *worker, enum pool_event_kind kind, DWORD error);

/* For the bound handler, on its strand. */
void worker_io_want_write(struct worker_io *worker, struct bytes bytes);
void worker_io_want_read(struct worker_io *worker);
void worker_io_want_close(struct worker_io *worker);
void worker_io_release(struct worker_io *worker, enum pool_outcome outcome);

#endif
