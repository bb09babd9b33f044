/* From a request on a connection to whoever answers it, and the line in the access log. */
#ifndef ISAPIHOST_DISPATCH_WIN32_H
#define ISAPIHOST_DISPATCH_WIN32_H

#include "tools/isapihost/options.h"
#include "tools/isapihost/request_win32.h"
#include "tools/isapihost/session_win32.h"

#include <stdbool.h>

struct mg_connection;

/* The sites as they listen: ports filled in. */
void dispatch_init(const struct host_options *options);

/* Answers one request. */
void dispatch_connection(struct mg_connection *connection, void *session);

/* From now on requests are refused with 503. */
void dispatch_stop(void);

/* Requests being answered, and answered so far. */
unsigned dispatch_active(void);
unsigned dispatch_total(void);

/* Answers the URL of the session. ignore_wildcard: the wildcard map has handed it back (EXEC_URL). parent: the request whose EXEC_URL
 * it is, or NULL. Returns whether the connection may be kept. */
bool dispatch_url(struct host_session *session, bool ignore_wildcard, struct host_request *parent);

/* Answers with a file or folder below the root: static_win32.c. */
bool static_serve(struct host_session *session, struct host_request *parent);

#endif
