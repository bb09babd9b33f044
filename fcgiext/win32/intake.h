/* intake: the time in which a request's body of unknown length is taken in, before any pool hears of the request. core/spool says
 * what is next, spool_io does it. */
#ifndef FCGIEXT_WIN32_INTAKE_H
#define FCGIEXT_WIN32_INTAKE_H

#include "fcgiext/core/spool.h"
#include "fcgiext/win32/spool_io.h"

struct config_pool;
struct engine_pool;
struct handler;

struct intake {
    struct spool spool;
    struct spool_io io; /* serves the reads of the request afterwards, too */
    struct engine_pool *pool;
    volatile LONG under_way; /* until intake_complete; counted in pool->intakes */
};

/* 0, or why not: no memory, or as many are under way for this pool as may wait in its queue. `first` is copied. */
enum error_cause intake_open(struct intake **intake, struct handler *handler, struct engine_pool *pool,
                             const struct config_pool *config, struct bytes first);
/* The body is all there: what the spool has in memory is not needed any more. */
void intake_complete(struct intake *intake);
/* NULL is fine. */
void intake_close(struct intake *intake);

#endif
