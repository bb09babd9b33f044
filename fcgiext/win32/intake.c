/* intake: see intake.h. */
#include "fcgiext/win32/intake.h"

#include <stdlib.h>

#include "fcgiext/win32/engine.h"
#include "fcgiext/win32/handler.h"

enum error_cause intake_open(struct intake **out, struct handler *handler, struct engine_pool *pool,
                             const struct config_pool *config, struct bytes first)
{
    struct intake *intake = calloc(1, sizeof *intake);
    if (!intake || !spool_init(&intake->spool, config->max_spooled_body, first)) {
        free(intake);
        return ERROR_CAUSE_NO_MEMORY;
    }
    intake->pool = pool;
    spool_io_init(&intake->io, &pool->engine->spooler, handler_stored, handler);
    *out = intake;
    intake->under_way = 1;
    bool fits = (uint32_t)InterlockedIncrement(&pool->intakes) <= config->queue_length;
    if (!fits)
        intake_complete(intake);
    return fits ? ERROR_CAUSE_NONE : ERROR_CAUSE_QUEUE_FULL;
}

void intake_complete(struct intake *intake)
{
    if (InterlockedExchange(&intake->under_way, 0))
        InterlockedDecrement(&intake->pool->intakes);
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
