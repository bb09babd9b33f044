/* hand_back: see hand_back.h. */
#include "fcgiext/core/hand_back.h"

#include "fcgiext/core/script_path.h"

bool hand_back_asks(const struct config_pool *pool, bool wildcard)
{
    return wildcard && (pool->ignore_existing_files || pool->ignore_directories);
}

enum hand_back_path hand_back_path_of(struct bytes script_name, struct bytes path_info)
{
    if (script_name.len == 0 || !script_path_is_clean(script_name) || !script_path_is_plain(script_name))
        return HAND_BACK_PATH_NONE;
    return bytes_equal(script_name, path_info) ? HAND_BACK_PATH_INFO : HAND_BACK_PATH_SCRIPT;
}

void hand_back_init(struct hand_back *hand_back, const struct config_pool *pool, const struct routes *routes,
                    const struct routes_query *query, struct bytes path)
{
    *hand_back = (struct hand_back){.pool = pool, .routes = routes, .query = *query};
    /* "photo.jpe\\" is no name of a file, but programs open photo.jpe for it */
    hand_back->path = script_path_document_root(path);
}

#define REFUSES " exists, and the web server refuses to execute its URL (EXEC_URL, IIS 6 and later)"
static const struct hand_back_reason existing_file = {"IgnoreExistingFiles", "IgnoreExistingFiles=1: the file" REFUSES};
static const struct hand_back_reason directory = {"IgnoreDirectories", "IgnoreDirectories=1: the folder" REFUSES};

static enum hand_back_next give_back(struct hand_back *hand_back, bool is_set, const struct hand_back_reason *reason)
{
    hand_back->reason = is_set ? reason : NULL;
    return is_set ? HAND_BACK_HOST : HAND_BACK_POOL;
}

static enum hand_back_next on_file(struct hand_back *hand_back)
{
    struct routes_match match;
    struct routes_query query = hand_back->query;
    query.extension = routes_extension_of(hand_back->path);
    if (routes_find(hand_back->routes, &query, &match) && !match.wildcard)
        return HAND_BACK_POOL;
    return give_back(hand_back, hand_back->pool->ignore_existing_files, &existing_file);
}

static enum hand_back_next go_up(struct hand_back *hand_back)
{
    hand_back->path = script_path_parent(hand_back->path);
    if (hand_back->path.len == 0)
        return HAND_BACK_POOL;
    return hand_back->looks < HAND_BACK_MAX_LOOKS ? HAND_BACK_LOOK : HAND_BACK_REFUSE;
}

enum hand_back_next hand_back_on_found(struct hand_back *hand_back, enum hand_back_found found)
{
    bool whole = hand_back->looks++ == 0;
    switch (found) {
    case HAND_BACK_NOTHING: return HAND_BACK_POOL;
    case HAND_BACK_NO_FOLDER: return hand_back->pool->ignore_existing_files ? go_up(hand_back) : HAND_BACK_POOL;
    case HAND_BACK_DIRECTORY: return give_back(hand_back, whole && hand_back->pool->ignore_directories, &directory);
    case HAND_BACK_FILE:
    case HAND_BACK_DENIED: break;
    }
    return on_file(hand_back);
}
