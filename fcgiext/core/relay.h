/* relay: one request between the client (through the host) and a worker: what is read and written next, on which side.
 *
 * Completions in, actions out, like the pool: the shell calls relay_on_*() for what has happened and then takes actions
 * with relay_next() until it gives none. Each side has at most one write (worker), one read (worker) and one operation
 * (client) outstanding. Not safe for several threads: the shell runs one request's events one after another.
 *
 * Memory of a request: its encoded head with the first body bytes; while a body streams, one record of 64 KiB; and for the
 * reply two buffers (a buffer that grows counts twice), each of the buffer limit and one read more, with a quarter of that as
 * slack. After the first flush RELAY_STREAM_LEN takes the limit's place where that is less. */
#ifndef FCGIEXT_CORE_RELAY_H
#define FCGIEXT_CORE_RELAY_H

#include "fcgiext/core/cgi_response.h"
#include "fcgiext/core/cgi_vars.h"
#include "fcgiext/core/config.h"
#include "fcgiext/core/error_page.h"
#include "fcgiext/core/exchange.h"
#include "fcgiext/core/pool.h"
#include "fcgiext/core/stderr_lines.h"

enum {
    RELAY_MAX_PARAMS_LEN = 1024 * 1024, /* encoded; IIS takes far smaller requests */
    RELAY_READ_LEN = 64 * 1024,         /* most that one relay_on_read() brings */
    RELAY_STREAM_LEN = 64 * 1024,       /* a streamed reply is passed on in pieces of about this size */
    RELAY_MAX_STDERR_LEN = 64 * 1024,   /* kept for the error page; the rest is counted and dropped */
};

struct relay_settings {
    bool head;             /* the method is HEAD */
    bool safe;             /* GET, HEAD or OPTIONS: may be sent twice */
    char protocol[16];     /* SERVER_PROTOCOL */
    bool wants_keep_alive; /* the client's connection may stay open */
    bool keep_conn;        /* FCGI_KEEP_CONN: the worker's connection stays open */
    size_t buffer_limit;   /* ResponseBufferLimit */
    enum config_stderr_mode stderr_mode;
    uint64_t body_len; /* of the request, in all */
    bool spooled;      /* the body has been taken from the client: CLIENT_READ reads what has been stored of it */
};

/* To the worker. */
struct relay_connection {
    uint16_t request_id; /* no other request of this connection has it, but after 65,535 of them */
    bool reused;         /* it has carried a request before */
    bool read_pending;   /* a read is outstanding on it */
    bool last;           /* it must not be kept, whatever the settings say */
};

enum relay_action_kind {
    RELAY_ACTION_WRITE,       /* worker: write `bytes`; then relay_on_written */
    RELAY_ACTION_READ,        /* worker: read; then relay_on_read */
    RELAY_ACTION_CLOSE,       /* worker: close the connection */
    RELAY_ACTION_RELEASE,     /* worker: tell the pool `outcome`; the relay has no worker any more */
    RELAY_ACTION_CLIENT_READ, /* client: read up to `len` bytes to `target`; then relay_on_client_read */
    RELAY_ACTION_CANCEL_READ, /* client: have its read end soon, if the host can do that */
    RELAY_ACTION_SEND,        /* client: send; then relay_on_sent */
    RELAY_ACTION_EXPLAIN,     /* complete `facts` and call relay_explain */
    RELAY_ACTION_DONE,        /* end the session, with `keep_alive`; the last action */
};

struct relay_action {
    enum relay_action_kind kind;
    struct bytes bytes; /* WRITE; SEND: the body part, may be empty */
    uint8_t *target;    /* CLIENT_READ */
    size_t len;
    enum pool_outcome outcome;
    const char *status_line;  /* SEND: "200 OK", or NULL when the headers have been sent */
    const char *headers;      /* SEND with status_line: lines and blank line */
    unsigned status;          /* SEND with status_line */
    bool final;               /* SEND: nothing follows */
    bool keep_alive;          /* SEND, DONE */
    struct error_facts facts; /* EXPLAIN: cause, detail, code, stderr_text are filled in */
};

struct relay {
    struct relay_settings settings;
    struct exchange exchange;
    struct cgi_response response;

    /* towards the worker */
    struct buffer request; /* BEGIN, PARAMS and the first body bytes; kept whole for a second try */
    uint16_t encoded_id;   /* of the records in `request` */
    size_t written;        /* of the bytes being written: request, then chunk */
    uint8_t *chunk;        /* one STDIN record and the end record, when the body streams */
    size_t chunk_len;
    uint64_t body_left; /* not yet read from the client */
    bool any_written;
    bool has_worker;
    bool awaits_pool; /* has no worker, and the pool will assign one or fail the request */
    bool reused;      /* the connection has carried a request before */
    bool write_pending, read_pending;
    bool closed; /* the connection has ended, or we have closed it */
    bool close_asked;

    /* towards the client */
    struct buffer out;     /* RELAY_HEADROOM bytes, then body bytes waiting */
    struct buffer sending; /* the same, being sent */
    struct buffer headers;
    enum cgi_framing framing;
    uint64_t length_left; /* framing LENGTH: body bytes not yet taken from the reply */
    uint64_t head_len;    /* HEAD and its like: body bytes dropped */
    bool headers_sent, send_final_asked, final_sent;
    bool client_read_pending, send_pending;
    bool cancel_asked; /* no body is read from then on */
    bool client_gone;
    bool keep_alive;

    /* outcome */
    bool answered; /* END_REQUEST has come */
    bool unusable; /* the worker broke the protocol, or StderrMode wants its end */
    bool failed;   /* the answer is an error page, or a cut connection */
    bool explained;
    bool done;
    struct error_facts failure;
    struct stderr_lines stderr_lines; /* for the log; has_error: the program has reported an error */
    struct buffer stderr_text;        /* of the error, for the error page */
    char error_status[64];
};

void relay_init(struct relay *relay, const struct relay_settings *settings);
/* Only when no operation is outstanding that uses the relay's memory. */
void relay_deinit(struct relay *relay);

/* Encodes the request. `body` is what has come of the request's body so far. */
enum cgi_vars_result relay_encode(struct relay *relay, struct cgi_vars_request *vars, struct bytes body);

/* Has a worker. No write is outstanding from another one. */
void relay_on_assigned(struct relay *relay, struct relay_connection connection);
/* Not ok: `len` bytes, or more, may have reached the worker; 0 only when certainly none has. */
void relay_on_written(struct relay *relay, size_t len, bool ok);
/* Instead of relay_on_written: nothing was written, and no other worker would do better. The request fails. */
void relay_on_write_refused(struct relay *relay, const struct error_facts *facts);
/* At most RELAY_READ_LEN bytes from the worker; not ok: and its connection has ended. */
void relay_on_read(struct relay *relay, struct bytes bytes, bool ok);
/* Body bytes from the client; not ok, or none: it has gone, or the read was cancelled. */
void relay_on_client_read(struct relay *relay, size_t len, bool ok);
void relay_on_sent(struct relay *relay, bool ok);
/* The request fails for a reason from outside (the pool, the host). The relay has no worker any more, and a write that is
 * outstanding need not be reported. The slices of `facts` must hold until RELAY_ACTION_EXPLAIN brings them back. */
void relay_fail(struct relay *relay, const struct error_facts *facts);
/* Answer to RELAY_ACTION_EXPLAIN. */
void relay_explain(struct relay *relay, const struct error_facts *facts);

/* false: nothing to do until the next completion. */
bool relay_next(struct relay *relay, struct relay_action *action);

/* Time passes on the client's account: its body or its reading is what is missing. */
bool relay_waits_for_client(const struct relay *relay);
/* May be sent to a second worker if the first one vanishes without an answer. */
bool relay_is_replayable(const struct relay *relay);

#endif
