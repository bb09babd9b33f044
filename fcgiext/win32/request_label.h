/* request_label: what an operator is shown of a request: method, path, client, how many bytes have gone each way.
 *
 * Made once, when the request comes; only the byte counts change, and only by the request's own strand. It outlives the request:
 * a worker keeps the label of its last one. */
#ifndef FCGIEXT_WIN32_REQUEST_LABEL_H
#define FCGIEXT_WIN32_REQUEST_LABEL_H

#include <winsock2.h>

#include <windows.h>

#include <httpext.h>

#include "fcgiext/core/bytes.h"

struct ecb;

enum {
    REQUEST_LABEL_MAX_LEN = 512, /* of the path, and of the query, with the NUL; what is longer is cut */
    REQUEST_LABEL_METHOD_LEN = 32,
    REQUEST_LABEL_CLIENT_LEN = 64,
};

struct request_label {
    volatile LONG refs;
    volatile LONGLONG body_bytes, sent_bytes; /* see request_label_read */
    uint64_t began_ms;                        /* engine_now_ms */
    char method[REQUEST_LABEL_METHOD_LEN];    /* UTF-8, as all of them */
    char client[REQUEST_LABEL_CLIENT_LEN];    /* REMOTE_ADDR */
    char *url_path, *query;                   /* in the same block of memory */
};

/* Takes what it needs from the variables that are asked of the host anyway. */
struct request_label_tap {
    struct ecb *ecb;
    char url_path[REQUEST_LABEL_MAX_LEN];
    char client[REQUEST_LABEL_CLIENT_LEN];
};

/* Each a cgi_vars_get with the tap as its context; the second one for UTF-8. */
bool request_label_get(void *context, const char *name, struct bytes *value);
bool request_label_get_utf8(void *context, const char *name, struct bytes *value);
/* Asks for them itself. */
void request_label_ask(struct request_label_tap *tap);

/* NULL: out of memory; the other functions take that. */
struct request_label *request_label_create(const struct request_label_tap *tap, uint64_t body_bytes);
void request_label_ref(struct request_label *label);
void request_label_unref(struct request_label *label);

/* By the request's strand alone; read by anybody, whole on 32 bits, too. */
void request_label_received(struct request_label *label, uint64_t more);
void request_label_sent(struct request_label *label, uint64_t more);
uint64_t request_label_read(volatile LONGLONG *count);

#endif
