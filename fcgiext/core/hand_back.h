/* hand_back: which requests of a * mapping the host itself is to answer: those for files (IgnoreExistingFiles) and folders
 * (IgnoreDirectories) that exist.
 *
 * Only requests that a * entry of [Types] has taken are handed back. An extension with an entry of its own is the pool's, whether its
 * file exists or not: under a wildcard map of IIS, /index.php comes here like everything else, and is to be run, not sent. So
 * "php=PHP" stands beside "*=PHP", and pictures and style sheets go back.
 *
 * What lies below a file goes where the file itself goes: "/up/photo.jpe/x" is none of the pool's, as PHP, told to open photo.jpe\x, walks
 * up and runs photo.jpe, which somebody may have uploaded; "/index.php/x" stays with the pool if php has an entry of its own. */
#ifndef FCGIEXT_CORE_HAND_BACK_H
#define FCGIEXT_CORE_HAND_BACK_H

#include "fcgiext/core/routes.h"

/* What of the host's names the file that the URL means. */
enum hand_back_path {
    HAND_BACK_PATH_NONE,   /* nothing is looked at: the request is the pool's, which refuses a name that is not plain */
    HAND_BACK_PATH_INFO,   /* PATH_TRANSLATED */
    HAND_BACK_PATH_SCRIPT, /* SCRIPT_TRANSLATED: what follows the script is path info, and the whole URL is the script */
};

/* What is there, for the user of the request. */
enum hand_back_found {
    HAND_BACK_NOTHING,   /* in a folder that is there */
    HAND_BACK_NO_FOLDER, /* and something above it is not there either, or is no folder */
    HAND_BACK_FILE,
    HAND_BACK_DIRECTORY,
    HAND_BACK_DENIED, /* something that the user may not even look at: as a file; it is the host that says so to him */
};

enum hand_back_next {
    HAND_BACK_LOOK, /* at `path`, and report it */
    HAND_BACK_HOST, /* it is the host's, for `reason` */
    HAND_BACK_POOL,
    HAND_BACK_REFUSE, /* so many names that are not there are no URL of a site: nobody's */
};

enum { HAND_BACK_MAX_LOOKS = 256 }; /* a request; Windows takes no more names in a URL by itself (UrlSegmentMaxCount) */

/* Why it is the host's. */
struct hand_back_reason {
    const char *property; /* "IgnoreExistingFiles", "IgnoreDirectories" */
    const char *refused;  /* what went wrong if the host does not take it */
};

struct hand_back {
    const struct config_pool *pool;
    const struct routes *routes;
    struct routes_query query;             /* the request's */
    struct bytes path;                     /* is only ever cut at its end */
    unsigned looks;                        /* that were reported */
    const struct hand_back_reason *reason; /* HOST; else NULL */
};

/* wildcard: a * entry has taken the request. false: the file system need not be asked. */
bool hand_back_asks(const struct config_pool *pool, bool wildcard);

enum hand_back_path hand_back_path_of(struct bytes script_name, struct bytes path_info);

/* `path`: the file that the URL means. All is borrowed. Look at hand_back->path first. */
void hand_back_init(struct hand_back *hand_back, const struct config_pool *pool, const struct routes *routes,
                    const struct routes_query *query, struct bytes path);

/* What was found at hand_back->path. */
enum hand_back_next hand_back_on_found(struct hand_back *hand_back, enum hand_back_found found);

#endif
