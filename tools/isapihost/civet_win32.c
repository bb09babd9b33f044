/* CivetWeb compiled into this file, for the sake of four private members of struct mg_connection: client.sock, the read-ahead buffer,
 * must_close and the count of body bytes. Its interface offers neither partial reads of a body (mg_read waits for all it was asked
 * for) nor a look at the socket, without which nobody notices that a client has gone. Nothing of CivetWeb's own body or response
 * handling is used. Written for CivetWeb 1.15; a version with other members does not compile.
 *
 * The build passes the folder of civetweb.c as a system include directory, so that its warnings are not ours. */
#include "tools/isapihost/civet_win32.h"

#include "tools/isapihost/socket_wait_win32.h"

#include <ctype.h>

/* In a URL IIS takes bytes above 0x7f, too. (CMakeLists.txt makes `char` unsigned here for the same reason.) */
#undef isgraph
#define isgraph(c) ((c) > 0x20 && (c) != 0x7f)

#define select(count, readable, writable, errors, timeout) socket_select(readable, writable, errors, timeout)
#define NO_SSL
#define NO_CGI
#define NO_CACHING
#define NO_FILES
#ifndef NDEBUG
#define NDEBUG
#endif
#define SOCKET_TIMEOUT_QUANTUM 250 /* ms; how soon its threads see that they are to end */
#include <civetweb.c>
#undef snprintf /* which it forbids itself */

_Static_assert(CIVET_MAX_HEADERS == MG_MAX_HEADERS, "as many places as CivetWeb has");

static struct civet_config server_config;
static char start_error[256];
static volatile LONG stopping;

static int log_message(const struct mg_connection *connection, const char *message)
{
    (void)connection;
    snprintf(start_error, sizeof start_error, "%s", message);
    return 1;
}

static int begin_request(struct mg_connection *connection)
{
    server_config.handler(connection, mg_get_thread_pointer(connection));
    return 200;
}

static void *init_thread(const struct mg_context *context, int type)
{
    (void)context;
    return type == 1 ? server_config.thread_begin() : NULL;
}

static void exit_thread(const struct mg_context *context, int type, void *thread)
{
    (void)context;
    if (type == 1)
        server_config.thread_end(thread);
}

struct mg_context *civet_start(const struct civet_config *config, char *message, size_t message_size)
{
    static const struct mg_callbacks callbacks = {
        .begin_request = begin_request,
        .log_message = log_message,
        .init_thread = init_thread,
        .exit_thread = exit_thread,
    };
    char threads[16];
    char timeout[16];
    char keep_alive[16];
    const char *options[] = {
        "listening_ports",
        config->ports,
        "num_threads",
        threads,
        "request_timeout_ms",
        timeout,
        "keep_alive_timeout_ms",
        keep_alive,
        "enable_keep_alive",
        "yes",
        "tcp_nodelay",
        "1",
        "max_request_size",
        "131072",
        "connection_queue",
        "1000",
        "decode_url",
        "no",
        "enable_auth_domain_check",
        "no",
        NULL,
    };
    server_config = *config;
    snprintf(threads, sizeof threads, "%u", config->threads);
    snprintf(timeout, sizeof timeout, "%u", config->timeout_ms);
    snprintf(keep_alive, sizeof keep_alive, "%u", config->keep_alive_ms);
    mg_init_library(0);
    struct mg_context *context = mg_start(&callbacks, NULL, options);
    if (context == NULL)
        snprintf(message, message_size, "cannot listen on %s: %s", config->ports, start_error);
    return context;
}

unsigned civet_port(const struct mg_context *context, unsigned index)
{
    struct mg_server_port ports[32];
    int count = mg_get_server_ports(context, 32, ports);
    return count > (int)index ? (unsigned)ports[index].port : 0;
}

void civet_stop_accepting(struct mg_context *context)
{
    (void)context;
    InterlockedExchange(&stopping, 1);
}

void civet_stop(struct mg_context *context)
{
    mg_stop(context);
    mg_exit_library();
}

SOCKET civet_socket(const struct mg_connection *connection)
{
    return connection->client.sock;
}

unsigned civet_local_port(const struct mg_connection *connection)
{
    return (unsigned)connection->request_info.server_port;
}

/* Two lengths, or a length that is more than digits: two readers could see two bodies. */
static bool length_is_sound(const struct mg_request_info *info, bool chunked)
{
    unsigned lengths = 0;
    for (int i = 0; i < info->num_headers; ++i) {
        const char *value = info->http_headers[i].value;
        if (mg_strcasecmp(info->http_headers[i].name, "Content-Length") != 0)
            continue;
        if (++lengths > 1 || chunked || value[0] == '\0' || strspn(value, "0123456789") != strlen(value) || strlen(value) > 18)
            return false;
    }
    return true;
}

bool civet_facts(const struct mg_connection *connection, struct request_facts *facts, struct http_header *headers,
                 char *local_addr, size_t local_addr_size)
{
    const struct mg_request_info *info = &connection->request_info;
    bool chunked = connection->is_chunked != 0;
    sockaddr_to_string(local_addr, local_addr_size, &connection->client.lsa);
    for (int i = 0; i < info->num_headers; ++i)
        headers[i] = (struct http_header){.name = info->http_headers[i].name, .value = info->http_headers[i].value};
    *facts = (struct request_facts){
        .method = info->request_method,
        .raw_url = info->local_uri_raw,
        .query = info->query_string != NULL ? info->query_string : "",
        .has_query = info->query_string != NULL,
        .http_version = info->http_version,
        .headers = headers,
        .header_count = (unsigned)info->num_headers,
        .content_length = chunked                                       ? CONTENT_LENGTH_CHUNKED
                          : mg_get_header(connection, "Content-Length") ? connection->content_len
                                                                        : CONTENT_LENGTH_NONE,
        .remote_addr = info->remote_addr,
        .remote_port = (unsigned)info->remote_port,
        .local_addr = local_addr,
        .local_port = (unsigned)info->server_port,
    };
    /* CivetWeb ignores what stands behind its last place, a Content-Length for instance. */
    bool complete = info->num_headers < MG_MAX_HEADERS;
    return facts->raw_url != NULL && complete && length_is_sound(info, chunked);
}

const char *civet_read_ahead(const struct mg_connection *connection, size_t *len)
{
    *len = (size_t)(connection->data_len - connection->request_len);
    return connection->buf + connection->request_len;
}

void civet_finish(struct mg_connection *connection, size_t read_ahead_used, bool keep, bool reset)
{
    /* To CivetWeb the body now is what was used of its buffer, and all of it has been read. */
    connection->is_chunked = 0;
    connection->content_len = (int64_t)read_ahead_used;
    connection->consumed_content = (int64_t)read_ahead_used;
    if (!keep || reset || stopping)
        connection->must_close = 1;
    if (reset) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        setsockopt(connection->client.sock, SOL_SOCKET, SO_LINGER, (const char *)&linger, sizeof linger);
        closesocket(connection->client.sock);
        connection->client.sock = INVALID_SOCKET;
    }
}
