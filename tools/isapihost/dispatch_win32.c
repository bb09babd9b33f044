/* Routing applied, with the checks that need the file system; errors that the host itself answers. */
#include "tools/isapihost/dispatch_win32.h"

#include "tools/isapihost/access_log_win32.h"
#include "tools/isapihost/text_win32.h"

#include <string.h>

static const struct host_options *dispatch_options;
static volatile LONG stopping;
static volatile LONG active;
static volatile LONG total;

void dispatch_init(const struct host_options *options)
{
    dispatch_options = options;
}

void dispatch_stop(void)
{
    InterlockedExchange(&stopping, 1);
}

unsigned dispatch_active(void)
{
    return (unsigned)active;
}

unsigned dispatch_total(void)
{
    return (unsigned)total;
}

static DWORD attributes_of(struct host_session *session, size_t url_len)
{
    char path[REQUEST_PATH_SIZE];
    if (!route_map(dispatch_options, session->site, session->url, url_len, path, sizeof path))
        return INVALID_FILE_ATTRIBUTES;
    WCHAR *wide = text_wide(path);
    DWORD attributes = wide != NULL ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
    text_free(wide);
    return attributes;
}

/* /file.jpg/x.php, where file.jpg is a file: some programs would run file.jpg. Only segments with a dot are looked at. */
static bool lies_below_a_file(struct host_session *session, size_t script_len)
{
    const char *url = session->url;
    size_t start = 1;
    for (size_t i = 1; i < script_len; ++i) {
        if (url[i] != '/')
            continue;
        if (memchr(url + start, '.', i - start) != NULL) {
            DWORD attributes = attributes_of(session, i);
            if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0)
                return true;
        }
        start = i + 1;
    }
    return false;
}

static bool not_found(struct host_session *session)
{
    session_error_page(session, 404, NULL, "There is nothing of this name here.");
    return true;
}

bool dispatch_url(struct host_session *session, bool ignore_wildcard, struct host_request *parent)
{
    struct route route;
    route_find(dispatch_options, session->site, session->url, ignore_wildcard, &route);
    if (parent != NULL && parent->depth + 1 >= REQUEST_MAX_DEPTH) {
        session_error_page(session, 500, NULL, "Requests inside requests: too deep.");
        return false;
    }
    switch (route.kind) {
    case ROUTE_REFUSED: return not_found(session);
    case ROUTE_EXTENSION:
        if (!route.wildcard && lies_below_a_file(session, route.script_len))
            return not_found(session);
        if (!route.wildcard && dispatch_options->check_file) {
            DWORD attributes = attributes_of(session, route.script_len);
            if (attributes == INVALID_FILE_ATTRIBUTES || (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0)
                return not_found(session);
        }
        return request_run(session, &route, parent);
    case ROUTE_STATIC: break;
    }
    return static_serve(session, parent);
}

static const struct host_site *find_site(const struct mg_connection *connection)
{
    unsigned port = civet_local_port(connection);
    for (unsigned i = 0; i < dispatch_options->site_count; ++i)
        if (dispatch_options->sites[i].port == port)
            return &dispatch_options->sites[i];
    return &dispatch_options->sites[0];
}

void dispatch_connection(struct mg_connection *connection, void *thread)
{
    struct host_session *session = thread;
    bool keep = true;
    InterlockedIncrement(&active);
    InterlockedIncrement(&total);
    unsigned status = session_begin(session, connection, find_site(connection));
    if (stopping) {
        session->close = true;
        session_error_page(session, 503, NULL, "The server is stopping.");
    } else if (status != 0) {
        session_error_page(session, status, NULL, "The URL or the headers of this request are malformed.");
    } else {
        keep = dispatch_url(session, false, NULL);
    }
    session_end(session, keep);
    access_log_write(session);
    InterlockedDecrement(&active);
}
