/* Which site, application and handler a canonical URL path belongs to, and which file it names. Pure: no file is looked at. */
#ifndef ISAPIHOST_ROUTE_H
#define ISAPIHOST_ROUTE_H

#include "tools/isapihost/options.h"

#include <stdbool.h>
#include <stddef.h>

enum route_kind {
    ROUTE_STATIC,    /* a file or folder below the root */
    ROUTE_EXTENSION, /* script map or wildcard map */
    ROUTE_REFUSED,   /* a name that Windows takes for something else: 404 */
};

struct route {
    enum route_kind kind;
    bool wildcard;              /* by --map '*' */
    size_t script_len;          /* of the URL path; what follows is path info */
    const struct host_app *app; /* NULL: the site's root application */
};

/* url: canonical path (url_normalize). ignore_wildcard: a wildcard map has handed the request back. With a script map the script ends
 * with the first segment that has a mapped extension, what follows is path info; with a wildcard map the whole URL is the script.
 * The segments of the script are checked by url_name_is_safe, the path info is not: it is no file. */
void route_find(const struct host_options *options, const struct host_site *site, const char *url, bool ignore_wildcard,
                struct route *route);

/* The file that a canonical URL path names: the folder of the longest application with a folder of its own, or the site's root, and
 * the rest with backslashes. False: no room. */
bool route_map(const struct host_options *options, const struct host_site *site, const char *url, size_t url_len, char *out,
               size_t out_size);

/* "/LM/W3SVC/1/ROOT/app" */
bool route_metabase_path(const struct host_site *site, const struct host_app *app, char *out, size_t out_size);

/* The application's folder with a backslash at the end. */
bool route_app_folder(const struct host_options *options, const struct host_site *site, const struct host_app *app, char *out,
                      size_t out_size);

#endif
