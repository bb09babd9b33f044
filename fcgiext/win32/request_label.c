/* request_label: see request_label.h. */
#include "fcgiext/win32/request_label.h"

#include <stdlib.h>

#include "fcgiext/core/text.h"
#include "fcgiext/win32/ecb.h"
#include "fcgiext/win32/engine.h"

static void take(struct request_label_tap *tap, const char *name, struct bytes value)
{
    if (strcmp(name, "URL") == 0)
        text_copy_cut(tap->url_path, sizeof tap->url_path, value);
    else if (strcmp(name, "REMOTE_ADDR") == 0)
        text_copy_cut(tap->client, sizeof tap->client, value);
}

bool request_label_get(void *context, const char *name, struct bytes *value)
{
    struct request_label_tap *tap = context;
    if (!ecb_get_variable(tap->ecb, name, value))
        return false;
    take(tap, name, *value);
    return true;
}

bool request_label_get_utf8(void *context, const char *name, struct bytes *value)
{
    struct request_label_tap *tap = context;
    if (!ecb_get_variable_utf8(tap->ecb, name, value))
        return false;
    take(tap, name, *value);
    return true;
}

void request_label_ask(struct request_label_tap *tap)
{
    struct bytes value;
    request_label_get(tap, "URL", &value);
    request_label_get(tap, "REMOTE_ADDR", &value);
}

struct request_label *request_label_create(const struct request_label_tap *tap, uint64_t body_bytes)
{
    const EXTENSION_CONTROL_BLOCK *block = tap->ecb->block;
    char query[REQUEST_LABEL_MAX_LEN];
    text_copy_cut(query, sizeof query, bytes_of_str(block->lpszQueryString));
    size_t path_len = strlen(tap->url_path) + 1, query_len = strlen(query) + 1;
    struct request_label *label = malloc(sizeof *label + path_len + query_len);
    if (!label)
        return NULL;
    label->refs = 1;
    label->body_bytes = (LONGLONG)body_bytes;
    label->sent_bytes = 0;
    label->began_ms = engine_now_ms();
    text_copy_cut(label->method, sizeof label->method, bytes_of_str(block->lpszMethod));
    memcpy(label->client, tap->client, sizeof label->client);
    label->url_path = (char *)(label + 1);
    label->query = label->url_path + path_len;
    memcpy(label->url_path, tap->url_path, path_len);
    memcpy(label->query, query, query_len);
    return label;
}

void request_label_ref(struct request_label *label)
{
    if (label)
        InterlockedIncrement(&label->refs);
}

void request_label_unref(struct request_label *label)
{
    if (label && InterlockedDecrement(&label->refs) == 0)
        free(label);
}

static void count(volatile LONGLONG *bytes, uint64_t more)
{
    LONGLONG old = *bytes; /* nobody else writes */
    InterlockedCompareExchange64(bytes, old + (LONGLONG)more, old);
}

void request_label_received(struct request_label *label, uint64_t more)
{
    if (label)
        count(&label->body_bytes, more);
}

void request_label_sent(struct request_label *label, uint64_t more)
{
    if (label)
        count(&label->sent_bytes, more);
}

uint64_t request_label_read(volatile LONGLONG *count)
{
    return (uint64_t)InterlockedCompareExchange64(count, 0, 0);
}
