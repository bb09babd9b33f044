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

const char *hand_back_because(const struct config_pool *pool, enum hand_back_found found)
{
    if (found == HAND_BACK_DIRECTORY)
        return pool->ignore_directories ? "IgnoreDirectories" : NULL;
    return found != HAND_BACK_NOTHING && pool->ignore_existing_files ? "IgnoreExistingFiles" : NULL;
}
