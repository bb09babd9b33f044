/* exporter_http: see exporter_http.h. The order of the checks is that of what they protect: whoever is not to ask at all learns nothing
 * else. */
#include "tools/fcgictl/exporter_http.h"

#include <stdio.h>
#include <string.h>

#include "tools/fcgictl/openmetrics.h"

static const struct {
    const char *path;
    enum exporter_page page;
} routes[] = {
    {"/", EXPORTER_PAGE_DASHBOARD},
    {"/metrics", EXPORTER_PAGE_METRICS},
    {"/status.json", EXPORTER_PAGE_STATUS},
    {"/healthz", EXPORTER_PAGE_HEALTH},
};

static struct exporter_route refuse(int status, bool head_only, const char *why)
{
    return (struct exporter_route){.page = EXPORTER_PAGE_ERROR, .status = status, .head_only = head_only, .why = why};
}

/* Who can read it says so; others get what every agent reads. */
static bool wants_openmetrics(const char *accept)
{
    return accept && strstr(accept, "application/openmetrics-text") != NULL;
}

struct exporter_route exporter_http_route(const struct exporter_settings *settings, const struct exporter_request *request)
{
    bool head = strcmp(request->method, "HEAD") == 0;
    if (!request->host || request->host_count != 1)
        return refuse(400, head, "A request needs one header Host.\n");
    if (!exporter_host_is_allowed(settings, &request->local, request->port, request->host))
        return refuse(403, head, "The exporter does not answer under this name: see --allow-remote.\n");
    if (!head && strcmp(request->method, "GET") != 0)
        return refuse(405, head, "Only GET and HEAD: nothing can be changed here.\n");
    if (request->has_body)
        return refuse(400, head, "A request with a body is not answered.\n");
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].path, request->path) == 0)
            return (struct exporter_route){routes[i].page, 200, head, wants_openmetrics(request->accept), ""};
    return refuse(404, head, "There are /, /metrics, /status.json and /healthz.\n");
}

static const char *phrase_of(int status)
{
    switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 503: return "Service Unavailable";
    default: return "Error";
    }
}

static const char *type_of(const struct exporter_route *route)
{
    switch (route->page) {
    case EXPORTER_PAGE_DASHBOARD: return "text/html; charset=utf-8";
    case EXPORTER_PAGE_METRICS: return openmetrics_content_type(route->strict ? OPENMETRICS_STRICT : OPENMETRICS_FOR_ALL);
    case EXPORTER_PAGE_STATUS: return "application/json";
    default: return "text/plain; charset=utf-8";
    }
}

static void add_line(struct text *out, const char *name, const char *value)
{
    text_add(out, name);
    text_add(out, value);
    text_add(out, "\r\n");
}

void exporter_http_head(struct text *out, const struct exporter_route *route, int status, size_t body_len)
{
    char number[32];
    snprintf(number, sizeof number, "%d ", status);
    text_add(out, "HTTP/1.1 ");
    add_line(out, number, phrase_of(status));
    add_line(out, "Content-Type: ", type_of(route));
    snprintf(number, sizeof number, "%lu", (unsigned long)body_len);
    add_line(out, "Content-Length: ", number);
    if (status == 405)
        add_line(out, "Allow: ", "GET, HEAD");
    add_line(out, "Content-Security-Policy: ",
             route->page == EXPORTER_PAGE_DASHBOARD ? exporter_dashboard_policy : "default-src 'none'; frame-ancestors 'none'");
    text_add(out, "Connection: close\r\n"
                  "Cache-Control: no-store\r\n"
                  "X-Content-Type-Options: nosniff\r\n"
                  "X-Frame-Options: DENY\r\n"
                  "Referrer-Policy: no-referrer\r\n"
                  "Cross-Origin-Resource-Policy: same-origin\r\n"
                  "Cross-Origin-Opener-Policy: same-origin\r\n\r\n");
}
