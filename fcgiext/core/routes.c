/* routes: the [Types] look-up.
 *
 * One hash table holds every entry under its canonical key, the pair (extension, where): `where` is an application's path,
 * a site id or empty, and these three cannot be mistaken for each other, for a path begins with a slash and an id with a
 * digit. So the six levels of the search are at most six look-ups, whatever the number of entries, and a request costs
 * no allocation. The table never changes after routes_create: any number of threads may search it. */
#include "fcgiext/core/routes.h"

#include <stdlib.h>

#include "fcgiext/core/name_index.h"

struct routes {
    struct name_index index; /* -> matches; its keys are slices of `text` */
    struct routes_match *matches;
    uint8_t *text;
};

static size_t text_len_of(const struct config_route *route)
{
    return strlen(route->extension) + strlen(route->site) + strlen(route->app_path);
}

static struct bytes copy_text(uint8_t **end, const char *str)
{
    struct bytes copy = bytes_of(*end, strlen(str));
    memcpy(*end, str, copy.len);
    *end += copy.len;
    return copy;
}

static bool add_routes(struct routes *routes, const struct config *config)
{
    uint8_t *end = routes->text;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        routes->matches[i] = (struct routes_match){route->pool, route->line, strcmp(route->extension, "*") == 0};
        struct name_key key;
        key.first = copy_text(&end, route->extension);
        key.second = copy_text(&end, route->app_path[0] ? route->app_path : route->site);
        if (!name_index_put(&routes->index, key, i))
            return false;
    }
    return true;
}

struct routes *routes_create(const struct config *config)
{
    struct routes *routes = calloc(1, sizeof *routes);
    if (!routes)
        return NULL;
    name_index_init(&routes->index);
    size_t text_len = 1;
    for (size_t i = 0; i < config->route_count; i++)
        text_len += text_len_of(&config->routes[i]);
    routes->text = malloc(text_len);
    routes->matches = calloc(config->route_count + 1, sizeof *routes->matches);
    if (routes->text && routes->matches && add_routes(routes, config))
        return routes;
    routes_destroy(routes);
    return NULL;
}

void routes_destroy(struct routes *routes)
{
    if (!routes)
        return;
    name_index_deinit(&routes->index);
    free(routes->matches);
    free(routes->text);
    free(routes);
}

/* One level: the extension's entry for `where`, then the wildcard's. */
static bool find_level(const struct routes *routes, struct bytes extension, struct bytes where, struct routes_match *match)
{
    struct name_key key = {extension, where};
    size_t i = extension.len > 0 ? name_index_find(&routes->index, key) : SIZE_MAX;
    if (i == SIZE_MAX) {
        key.first = bytes_of_str("*");
        i = name_index_find(&routes->index, key);
    }
    if (i == SIZE_MAX)
        return false;
    *match = routes->matches[i];
    return true;
}

bool routes_find(const struct routes *routes, const struct routes_query *query, struct routes_match *match)
{
    struct bytes extension = query->extension;
    if (extension.len > 0 && extension.ptr[0] == '.')
        bytes_advance(&extension, 1);
    struct bytes app_path = config_app_path(query->app_path);
    return (app_path.len > 0 && find_level(routes, extension, app_path, match)) ||
           (query->site.len > 0 && find_level(routes, extension, query->site, match)) ||
           find_level(routes, extension, bytes_of(NULL, 0), match);
}

struct bytes routes_extension_of(struct bytes path)
{
    for (size_t i = path.len; i > 0; i--) {
        uint8_t c = path.ptr[i - 1];
        if (c == '/' || c == '\\')
            break;
        if (c == '.')
            return i == path.len ? bytes_of(NULL, 0) : bytes_of(path.ptr + i - 1, path.len - i + 1);
    }
    return bytes_of(NULL, 0);
}
