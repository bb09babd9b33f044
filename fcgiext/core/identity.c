/* identity: see identity.h. A thread that is nobody in particular and is to be so costs one question and no change. */
#include "fcgiext/core/identity.h"

uint32_t identity_enter(const struct identity_os *os, void *token, struct identity_scope *scope)
{
    scope->before = NULL;
    scope->changed = false;
    uint32_t error = os->current(os->context, &scope->before);
    if (error || (!token && !scope->before))
        return error;
    error = os->set(os->context, token);
    scope->changed = error == 0;
    if (error && scope->before)
        os->close(os->context, scope->before);
    return error;
}

void identity_leave(const struct identity_os *os, struct identity_scope *scope)
{
    uint32_t error = scope->changed ? os->set(os->context, scope->before) : 0;
    if (error)
        os->stuck(os->context, error);
    if (scope->before)
        os->close(os->context, scope->before);
}

bool identity_is_users(const struct config_pool *pool)
{
    return pool->impersonate && pool->address_count == 0 && pool->protocol == CONFIG_PROTOCOL_NAMED_PIPE;
}
