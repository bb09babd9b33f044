/* The server variables of one request, as GetServerVariable of IIS names them. Pure.
 *
 * Three outcomes: a value (also an empty one: AUTH_USER of an anonymous request), or absent (error 1413 at the ISAPI boundary: an
 * unknown name, or HTTP_X when the client sent no header X). */
#ifndef ISAPIHOST_SERVER_VARS_H
#define ISAPIHOST_SERVER_VARS_H

#include "tools/isapihost/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_header {
    const char *name;
    const char *value;
};

enum { CONTENT_LENGTH_NONE = -1, CONTENT_LENGTH_CHUNKED = -2 };

/* What the client sent and over which connection. */
struct request_facts {
    const char *method;
    const char *raw_url;      /* path as sent; the query is not part of it */
    const char *query;        /* "" if none */
    bool has_query;           /* there was a '?' */
    const char *http_version; /* "1.1" */
    const struct http_header *headers;
    unsigned header_count;
    int64_t content_length; /* or CONTENT_LENGTH_... */
    const char *remote_addr;
    const char *local_addr;
    unsigned remote_port;
    unsigned local_port;
};

/* Where the request goes. Paths are UTF-8 here. */
struct request_target {
    const char *url;   /* canonical path */
    size_t script_len; /* of url */
    const char *path_info;
    const char *path_translated;
    const char *script_translated;
    const char *metabase_path; /* APPL_MD_PATH */
    const char *app_folder;    /* APPL_PHYSICAL_PATH */
    unsigned site_id;
};

struct var_source {
    const struct request_facts *facts;
    const struct request_target *target;
    enum iis_version iis;
};

enum var_result {
    VAR_OK,      /* plain bytes: the same in ANSI and in UTF-8 */
    VAR_OK_PATH, /* a path: UTF-8, to be converted for the ANSI variable */
    VAR_ABSENT,
};

/* Writes at most size bytes of the value to out, no NUL; *len is the length of the whole value. */
enum var_result server_var(const struct var_source *source, const char *name, char *out, size_t size, size_t *len);

/* The value of a header (first of its name), or NULL. */
const char *request_header(const struct request_facts *facts, const char *name);

/* True if the list value of header name holds token, ignoring case. */
bool request_header_has(const struct request_facts *facts, const char *name, const char *token);

#endif
