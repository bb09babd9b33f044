/* intake: see intake.h. */
#include "fcgiext/win32/intake.h"

#include <stdlib.h>

#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/handler.h"

static void enlist(struct intake *intake)
{
    struct engine *engine = intake->engine;
    EnterCriticalSection(&engine->intake_lock);
    intake->next = engine->intakes;
    if (intake->next)
        intake->next->prev = intake;
    engine->intakes = intake;
    intake->listed = true;
    LeaveCriticalSection(&engine->intake_lock);
}

/* Under the lock. */
static void unlink_intake(struct intake *intake)
{
    if (!intake->listed)
        return;
    if (intake->prev)
        intake->prev->next = intake->next;
    else
        intake->engine->intakes = intake->next;
    if (intake->next)
        intake->next->prev = intake->prev;
    intake->next = intake->prev = NULL;
    intake->listed = false;
}

enum error_cause intake_open(struct intake **out, struct handler *handler, struct engine_pool *pool,
                             const struct config_pool *config, struct bytes first)
{
    struct intake *intake = calloc(1, sizeof *intake);
    if (!intake || !spool_init(&intake->spool, config->max_spooled_body, first)) {
        free(intake);
        return ERROR_CAUSE_NO_MEMORY;
    }
    intake->handler = handler;
    intake->engine = pool->engine;
    intake->pool = pool;
    intake->counted = true;
    spool_io_init(&intake->io, &pool->engine->spooler, handler_stored, handler);
    *out = intake;
    if ((uint32_t)InterlockedIncrement(&pool->intakes) > config->queue_length)
        return ERROR_CAUSE_QUEUE_FULL;
    enlist(intake);
    return ERROR_CAUSE_NONE;
}

void intake_complete(struct intake *intake)
{
    EnterCriticalSection(&intake->engine->intake_lock);
    unlink_intake(intake);
    LeaveCriticalSection(&intake->engine->intake_lock);
    if (intake->counted)
        InterlockedDecrement(&intake->pool->intakes);
    intake->counted = false;
    spool_deinit(&intake->spool);
}

void intake_close(struct intake *intake)
{
    if (!intake)
        return;
    intake_complete(intake);
    spool_io_deinit(&intake->io);
    free(intake);
}
