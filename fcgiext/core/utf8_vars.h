/* utf8_vars: which variables of a request are sent as UTF-8 instead of as the host's ANSI bytes.
 *
 * Two lists count, both of them: that of the machine (the registry's FastCGIUtf8ServerVariables) and the pool's own
 * (Utf8ServerVariables). So an administrator's list holds in every pool, and a pool can only add to it. */
#ifndef FCGIEXT_CORE_UTF8_VARS_H
#define FCGIEXT_CORE_UTF8_VARS_H

#include "fcgiext/core/buffer.h"
#include "fcgiext/core/name_index.h"

struct utf8_vars {
    struct name_index names;
    struct buffer text; /* what the names are slices of */
};

/* Takes the next name off a list, which is separated by commas, blanks, line ends or NULs (a REG_MULTI_SZ). false: none is left. */
bool utf8_vars_next(struct bytes *list, struct bytes *name);

/* What is in neither form of a name is left out. false: out of memory; deinit is still to be called. */
bool utf8_vars_init(struct utf8_vars *vars, struct bytes machine, struct bytes pool);
void utf8_vars_deinit(struct utf8_vars *vars);

/* Ignoring case. NULL has none. Any number of threads may ask. */
bool utf8_vars_has(const struct utf8_vars *vars, struct bytes name);
static inline bool utf8_vars_is_empty(const struct utf8_vars *vars)
{
    return !vars || vars->names.count == 0;
}

#endif
