/* hand_back: which requests of a * mapping the host itself is to answer: those for files (IgnoreExistingFiles) and folders
 * (IgnoreDirectories) that exist.
 *
 * Only requests that a * entry of [Types] has taken are handed back. An extension with an entry of its own is the pool's, whether its
 * file exists or not: under a wildcard map of IIS, /index.php comes here like everything else, and is to be run, not sent. So
 * "php=PHP" stands beside "*=PHP", and pictures and style sheets go back. */
#ifndef FCGIEXT_CORE_HAND_BACK_H
#define FCGIEXT_CORE_HAND_BACK_H

#include "fcgiext/core/config.h"

/* What of the host's names the file that the URL means. */
enum hand_back_path {
    HAND_BACK_PATH_NONE,   /* nothing is looked at: the request is the pool's, which refuses a name that is not plain */
    HAND_BACK_PATH_INFO,   /* PATH_TRANSLATED */
    HAND_BACK_PATH_SCRIPT, /* SCRIPT_TRANSLATED: what follows the script is path info, and the whole URL is the script */
};

/* What is there, for the user of the request. */
enum hand_back_found {
    HAND_BACK_NOTHING,
    HAND_BACK_FILE,
    HAND_BACK_DIRECTORY,
    HAND_BACK_DENIED, /* something that the user may not even look at: as a file; it is the host that says so to him */
};

/* wildcard: a * entry has taken the request. false: the file system need not be asked. */
bool hand_back_asks(const struct config_pool *pool, bool wildcard);

enum hand_back_path hand_back_path_of(struct bytes script_name, struct bytes path_info);

/* The property that hands such a request back: "IgnoreExistingFiles", "IgnoreDirectories"; NULL: it is the pool's. */
const char *hand_back_because(const struct config_pool *pool, enum hand_back_found found);

#endif
