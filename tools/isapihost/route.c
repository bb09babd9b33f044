/* Routing in the order of IIS 6: wildcard map, script map, static file. Names are judged before any file is touched. */
#include "tools/isapihost/route.h"

#include "tools/isapihost/url_path.h"

#include <stdio.h>
#include <string.h>

static bool is_mapped(const struct host_options *options, const char *segment, size_t len)
{
    for (unsigned i = 0; i < options->map_count; ++i) {
        size_t map_len = strlen(options->maps[i]);
        if (len >= map_len && url_equal_ignoring_case(segment + len - map_len, options->maps[i], map_len))
            return true;
    }
    return false;
}

static bool covers(const struct host_app *app, const struct host_site *site, const char *url, size_t url_len)
{
    return (app->site_id == 0 || app->site_id == site->id) && url_len >= app->url_len &&
           url_equal_ignoring_case(url, app->url, app->url_len) && (url_len == app->url_len || url[app->url_len] == '/');
}

static const struct host_app *find_app(const struct host_options *options, const struct host_site *site, const char *url,
                                       size_t url_len, bool with_folder)
{
    const struct host_app *best = NULL;
    for (unsigned i = 0; i < options->app_count; ++i) {
        const struct host_app *app = &options->apps[i];
        if ((!with_folder || app->folder != NULL) && covers(app, site, url, url_len) &&
            (best == NULL || app->url_len > best->url_len))
            best = app;
    }
    return best;
}

void route_find(const struct host_options *options, const struct host_site *site, const char *url, bool ignore_wildcard,
                struct route *route)
{
    size_t url_len = strlen(url);
    bool wildcard = options->map_all && !ignore_wildcard;
    *route = (struct route){.kind = wildcard ? ROUTE_EXTENSION : ROUTE_STATIC, .wildcard = wildcard, .script_len = url_len};
    for (size_t start = 1; start < url_len;) {
        const char *slash = memchr(url + start, '/', url_len - start);
        size_t end = slash != NULL ? (size_t)(slash - url) : url_len;
        if (!url_name_is_safe(url + start, end - start)) {
            route->kind = ROUTE_REFUSED;
            break;
        }
        if (!wildcard && is_mapped(options, url + start, end - start)) {
            route->kind = ROUTE_EXTENSION;
            route->script_len = end;
            break;
        }
        start = end + 1;
    }
    route->app = find_app(options, site, url, route->script_len, false);
}

bool route_map(const struct host_options *options, const struct host_site *site, const char *url, size_t url_len, char *out,
               size_t out_size)
{
    const struct host_app *app = find_app(options, site, url, url_len, true);
    const char *folder = app != NULL ? app->folder : site->root;
    size_t skip = app != NULL ? app->url_len : 0;
    size_t folder_len = strlen(folder);
    while (folder_len > 0 && (folder[folder_len - 1] == '\\' || folder[folder_len - 1] == '/'))
        --folder_len;
    if (folder_len + (url_len - skip) + 2 > out_size)
        return false;
    memcpy(out, folder, folder_len);
    size_t used = folder_len;
    for (size_t i = skip; i < url_len; ++i)
        out[used++] = url[i] == '/' ? '\\' : url[i];
    if (url_len == skip)
        out[used++] = '\\';
    out[used] = '\0';
    return true;
}

bool route_metabase_path(const struct host_site *site, const struct host_app *app, char *out, size_t out_size)
{
    int len = snprintf(out, out_size, "/LM/W3SVC/%u/ROOT%.*s", site->id, app != NULL ? (int)app->url_len : 0,
                       app != NULL ? app->url : "");
    return len >= 0 && (size_t)len < out_size;
}

bool route_app_folder(const struct host_options *options, const struct host_site *site, const struct host_app *app, char *out,
                      size_t out_size)
{
    if (!route_map(options, site, app != NULL ? app->url : "/", app != NULL ? app->url_len : 1, out, out_size))
        return false;
    size_t len = strlen(out);
    if (len > 0 && out[len - 1] == '\\')
        return true;
    if (len + 2 > out_size)
        return false;
    out[len] = '\\';
    out[len + 1] = '\0';
    return true;
}
