/* The HTTP server underneath: CivetWeb, and the few things of it that an ISAPI host needs and that its interface hides: the socket, the
 * bytes it has read ahead, and the decision to keep a connection.
 *
 * CivetWeb accepts, reads and parses the head of each request and calls handler on a thread that the connection owns until handler
 * returns. The body and the response are the handler's: it uses the socket (non-blocking) itself. */
#ifndef ISAPIHOST_CIVET_WIN32_H
#define ISAPIHOST_CIVET_WIN32_H

#include "tools/isapihost/server_vars.h"

#include <stdbool.h>
#include <stddef.h>

#include <winsock2.h>

struct mg_connection;
struct mg_context;

enum { CIVET_MAX_HEADERS = 64 }; /* a request with more than 63 is refused */

struct civet_config {
    const char *ports; /* "127.0.0.1:80,127.0.0.1:0" */
    unsigned threads;
    unsigned timeout_ms;
    unsigned keep_alive_ms;
    /* One for each thread of the server, made before it serves; may be called by several threads at once. */
    void *(*thread_begin)(void);
    void (*thread_end)(void *thread);
    void (*handler)(struct mg_connection *connection, void *thread);
};

/* NULL on failure, with a sentence in message. One server a process. */
struct mg_context *civet_start(const struct civet_config *config, char *message, size_t message_size);

/* The port that entry number index of config.ports got. */
unsigned civet_port(const struct mg_context *context, unsigned index);

/* No further request is begun on any connection; requests that run may go on. */
void civet_stop_accepting(struct mg_context *context);

/* Returns when every thread has ended: end the requests first. */
void civet_stop(struct mg_context *context);

/* ---- inside handler */

SOCKET civet_socket(const struct mg_connection *connection);
unsigned civet_local_port(const struct mg_connection *connection);

/* Fills facts; headers has CIVET_MAX_HEADERS places, local_addr at least 64 bytes. False: the request is malformed (400). */
bool civet_facts(const struct mg_connection *connection, struct request_facts *facts, struct http_header *headers,
                 char *local_addr, size_t local_addr_size);

/* What was read behind the head: the beginning of the body, or of it and further requests. Valid until handler returns. */
const char *civet_read_ahead(const struct mg_connection *connection, size_t *len);

/* To be called once before handler returns. read_ahead_used: how much of civet_read_ahead belongs to this request. keep: read the next
 * request from the connection; else close it. reset: close it by a reset, at once. */
void civet_finish(struct mg_connection *connection, size_t read_ahead_used, bool keep, bool reset);

#endif
