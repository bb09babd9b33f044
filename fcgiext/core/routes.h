/* routes: which pool serves a request. The search order of FastCGI ISAPI 1.5 over the [Types] entries:
 * ext:app path, *:app path, ext:site, *:site, ext, *. Cost is independent of the number of entries (a hash table). */
#ifndef FCGIEXT_CORE_ROUTES_H
#define FCGIEXT_CORE_ROUTES_H

#include "fcgiext/core/config.h"

struct routes; /* owns copies of what it needs; may outlive the config */

/* NULL: out of memory. Routes whose pool is missing are kept: they are found with pool SIZE_MAX. */
struct routes *routes_create(const struct config *config);
void routes_destroy(struct routes *routes);

struct routes_query {
    struct bytes extension; /* of the script, with or without the dot, any case; empty when it has none */
    struct bytes site;      /* INSTANCE_ID: "1"; empty when unknown */
    struct bytes app_path;  /* APPL_MD_PATH: "/LM/W3SVC/1/ROOT/app", any case, with or without /LM; may be empty */
};

struct routes_match {
    size_t pool;   /* index of the pool; SIZE_MAX: the entry's section is missing */
    unsigned line; /* of the entry */
    bool wildcard; /* a `*` entry: IgnoreExistingFiles and IgnoreDirectories count */
};

/* false: no entry matches. Any number of threads may call it at once. */
bool routes_find(const struct routes *routes, const struct routes_query *query, struct routes_match *match);

/* The extension of a URL or file path, with its dot, "" when it has none: that of the last segment. A segment that ends in
 * a dot has none, ".htaccess" is all extension. */
struct bytes routes_extension_of(struct bytes path);

#endif
