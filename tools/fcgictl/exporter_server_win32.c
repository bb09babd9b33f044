/* CivetWeb compiled into this file: so that it waits for sockets as Wine needs it (socket_wait_win32.h), and that the error of bind() can
 * be told. It reads the head of a request, and calls begin_request; every answer is ours, and the last of its connection: a thread belongs to
 * a connection, and there are few of them.
 *
 * The build passes the folder of civetweb.c as a system include directory, so that its warnings are not ours. */
#include "tools/fcgictl/exporter_server_win32.h"

#include "tools/isapihost/socket_wait_win32.h"

#include <ws2tcpip.h>

static DWORD bind_error;

static int bind_and_tell(SOCKET socket, const struct sockaddr *address, int len)
{
    int result = bind(socket, address, len);
    bind_error = result == 0 ? 0 : (DWORD)WSAGetLastError();
    return result;
}

#define bind(socket, address, len)                         bind_and_tell(socket, address, (int)(len))
#define select(count, readable, writable, errors, timeout) socket_select(readable, writable, errors, timeout)
#define NO_SSL
#define NO_CGI
#define NO_CACHING
#define NO_FILES
#define USE_IPV6
#ifndef NDEBUG
#define NDEBUG
#endif
#define SOCKET_TIMEOUT_QUANTUM 250 /* ms; how soon its threads see that they are to end */
#include <civetweb.c>
#undef snprintf /* which it forbids itself */
#undef bind

#include "tools/fcgictl/exporter_poll_win32.h"
#include "tools/fcgictl/text_win32.h"

static struct mg_context *server;
static struct exporter_settings server_settings;

static void send_answer(struct mg_connection *connection, const struct exporter_route *route, int status, const char *body,
                        size_t len)
{
    struct text answer = {0};
    exporter_http_head(&answer, route, status, len);
    if (!route->head_only)
        text_add_len(&answer, body, len);
    connection->must_close = 1;
    if (!answer.failed)
        mg_write(connection, text_str(&answer), answer.len);
    text_deinit(&answer);
}

static void send_line(struct mg_connection *connection, int status, const char *line, bool head_only)
{
    struct exporter_route route = {.page = EXPORTER_PAGE_ERROR, .head_only = head_only};
    send_answer(connection, &route, status, line, strlen(line));
}

static struct exporter_ip ip_of(const union usa *address)
{
    struct exporter_ip ip = {.v6 = address->sa.sa_family == AF_INET6};
    if (ip.v6)
        memcpy(ip.bytes, &address->sin6.sin6_addr, 16);
    else
        memcpy(ip.bytes, &address->sin.sin_addr, 4);
    return ip;
}

static struct exporter_request request_of(const struct mg_connection *connection)
{
    const struct mg_request_info *info = &connection->request_info;
    struct exporter_request request = {
        .method = info->request_method,
        .path = info->local_uri_raw,
        .accept = mg_get_header(connection, "Accept"),
        .has_body = connection->is_chunked != 0 || connection->content_len > 0,
        .local = ip_of(&connection->client.lsa),
        .port = (unsigned)info->server_port,
    };
    for (int i = 0; i < info->num_headers; i++)
        if (mg_strcasecmp(info->http_headers[i].name, "Host") == 0) {
            request.host = info->http_headers[i].value;
            request.host_count++;
        }
    return request;
}

static int begin_request(struct mg_connection *connection)
{
    const struct exporter_request request = request_of(connection);
    struct exporter_route route = exporter_http_route(&server_settings, &request);
    if (route.page == EXPORTER_PAGE_ERROR)
        send_line(connection, route.status, route.why, route.head_only);
    else if (route.page == EXPORTER_PAGE_DASHBOARD)
        send_answer(connection, &route, 200, (const char *)exporter_dashboard, exporter_dashboard_len);
    else {
        struct text body = {0};
        int status = exporter_poll_answer(&route, &body);
        if (body.failed)
            send_line(connection, 503, "The exporter is out of memory.\n", route.head_only);
        else
            send_answer(connection, &route, status, text_str(&body), body.len);
        text_deinit(&body);
    }
    return 200;
}

/* What is no request that CivetWeb understands: too long, too slow, malformed. */
static int send_error(struct mg_connection *connection, int status, const char *message)
{
    (void)message;
    send_line(connection, status, "This request is not understood.\n", false);
    return 0;
}

static int log_nothing(const struct mg_connection *connection, const char *message)
{
    (void)connection;
    (void)message;
    return 1;
}

/* Those that a wrong --listen has: in words that say more than the system's. */
static void add_reason(DWORD error, char *reason, size_t size)
{
    switch (error) {
    case WSAEADDRINUSE: snprintf(reason, size, "another program listens there (%lu)", error); break;
    case WSAEADDRNOTAVAIL: snprintf(reason, size, "this computer has no such address (%lu)", error); break;
    case WSAEACCES: snprintf(reason, size, "the system keeps this port for somebody else (%lu)", error); break;
    default: text_win32_error(error, reason, size); break;
    }
}

uint32_t exporter_server_start(const struct exporter_settings *settings, unsigned *port, char *why, size_t why_size)
{
    static const struct mg_callbacks callbacks = {
        .begin_request = begin_request,
        .http_error = send_error,
        .log_message = log_nothing,
    };
    char ports[80], address[64], reason[200];
    const char *options[] = {
        "listening_ports",
        ports,
        "num_threads",
        "16",
        "connection_queue",
        "64",
        "listen_backlog",
        "64",
        "request_timeout_ms",
        "5000",
        "max_request_size",
        "16384",
        "enable_keep_alive",
        "no",
        "tcp_nodelay",
        "1",
        "decode_url",
        "no",
        "enable_auth_domain_check",
        "no",
        NULL,
    };
    struct mg_server_port listening[1];
    server_settings = *settings;
    exporter_ip_format(&settings->ip, address, sizeof address);
    if (exporter_ip_is_any(&settings->ip))
        snprintf(address, sizeof address, "%s", settings->ip.v6 ? "[::]" : "0.0.0.0");
    snprintf(ports, sizeof ports, "%s:%u", address, settings->port);
    mg_init_library(0);
    server = mg_start(&callbacks, NULL, options);
    if (server && mg_get_server_ports(server, 1, listening) == 1) {
        *port = (unsigned)listening[0].port;
        return 0;
    }
    uint32_t error = bind_error ? bind_error : ERROR_NOT_ENOUGH_MEMORY;
    add_reason(error, reason, sizeof reason);
    snprintf(why, why_size, "cannot listen on %s: %s", ports, reason);
    if (server)
        mg_stop(server);
    server = NULL;
    mg_exit_library();
    return error;
}

void exporter_server_stop(void)
{
    mg_stop(server);
    mg_exit_library();
}
