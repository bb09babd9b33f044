/* pool_words: see pool_words.h. A table of conditions, the worst first: the first that holds is told. */
#include "tools/fcgictl/pool_words.h"

#include <string.h>

#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

static bool is_state(const cJSON *pool, const char *state)
{
    return strcmp(value_string(pool, "state"), state) == 0;
}

static bool is_broken(const cJSON *pool)
{
    return value_bool(pool, "broken") || is_state(pool, "broken");
}

static void add_broken(const cJSON *pool, struct text *out)
{
    (void)pool;
    text_add(out, "its settings have errors, it serves nothing: fcgictl config check");
}

static bool is_rapid_fail(const cJSON *pool)
{
    return is_state(pool, "rapid_fail");
}

static void add_rapid_fail(const cJSON *pool, struct text *out)
{
    text_add(out, "stopped after repeated failures");
    if (value_at(pool, "rapid_fail.first_cause")) {
        text_add(out, " (");
        words_add_enum(out, value_string(pool, "rapid_fail.first_cause"));
        text_add(out, ")");
    }
    if (value_at(pool, "rapid_fail.left_seconds")) {
        text_add(out, ", tried again in ");
        words_add_age(out, value_number(pool, "rapid_fail.left_seconds", 0));
    }
}

static bool has_failed_recycle(const cJSON *pool)
{
    return strcmp(value_string(pool, "recycle.state"), "failed") == 0;
}

static void add_failed_recycle(const cJSON *pool, struct text *out)
{
    double old = value_number(pool, "recycle.old_workers", 0);
    text_add(out, "recycle stopped: new workers failed");
    if (old > 0) {
        text_add(out, ", ");
        words_add_count(out, old, "old worker serves on", "old workers serve on");
    }
}

/* Four fifths of the places are taken. */
static bool has_full_queue(const cJSON *pool)
{
    double length = value_number(pool, "requests.queue_length", 0);
    return length > 0 && value_number(pool, "requests.queued", 0) >= length * 0.8;
}

static void add_oldest_wait(const cJSON *pool, struct text *out)
{
    double wait = value_number(pool, "requests.oldest_wait_seconds", 0);
    if (wait > 0) {
        text_add(out, ", the oldest for ");
        words_add_age(out, wait);
    }
}

static void add_full_queue(const cJSON *pool, struct text *out)
{
    double queued = value_number(pool, "requests.queued", 0), length = value_number(pool, "requests.queue_length", 1);
    text_addf(out, "queue %.0f %% full: %.0f wait", queued * 100 / length, queued);
    add_oldest_wait(pool, out);
}

static bool is_drained(const cJSON *pool)
{
    return is_state(pool, "drained");
}

static void add_until(const cJSON *pool, struct text *out)
{
    if (value_at(pool, "drain.left_seconds")) {
        text_add(out, ", resumes in ");
        words_add_age(out, value_number(pool, "drain.left_seconds", 0));
    } else
        text_add(out, " until `resume`");
    if (value_bool(pool, "drain.persist"))
        text_add(out, ", persistent");
}

static void add_drained(const cJSON *pool, struct text *out)
{
    text_add(out, "out of service");
    add_until(pool, out);
}

static bool is_draining(const cJSON *pool)
{
    return is_state(pool, "draining");
}

static void add_draining(const cJSON *pool, struct text *out)
{
    double left = value_number(pool, "requests.running", 0) + value_number(pool, "requests.queued", 0);
    text_add(out, "takes no requests, ");
    words_add_count(out, left, "request left", "requests left");
    add_until(pool, out);
}

static bool is_closed(const cJSON *pool)
{
    return is_state(pool, "closed");
}

static void add_closed(const cJSON *pool, struct text *out)
{
    (void)pool;
    text_add(out, "the host is shutting down");
}

static bool is_growing(const cJSON *pool)
{
    return value_at(pool, "queued_before") != NULL;
}

static void add_growing(const cJSON *pool, struct text *out)
{
    text_addf(out, "queue grows: %.0f to %.0f", value_number(pool, "queued_before", 0),
              value_number(pool, "requests.queued", 0));
    add_oldest_wait(pool, out);
}

static bool is_queued(const cJSON *pool)
{
    return value_number(pool, "requests.queued", 0) > 0;
}

static void add_queued(const cJSON *pool, struct text *out)
{
    words_add_count(out, value_number(pool, "requests.queued", 0), "waits", "wait");
    add_oldest_wait(pool, out);
}

static bool is_recycling(const cJSON *pool)
{
    return strcmp(value_string(pool, "recycle.state"), "running") == 0;
}

static void add_recycling(const cJSON *pool, struct text *out)
{
    text_add(out, "recycling, ");
    words_add_count(out, value_number(pool, "recycle.old_workers", 0), "old worker left", "old workers left");
}

struct condition {
    bool (*holds)(const cJSON *pool);
    enum trouble trouble;
    void (*add)(const cJSON *pool, struct text *out);
};

static const struct condition conditions[] = {
    {is_broken, TROUBLE_BAD, add_broken},          {is_rapid_fail, TROUBLE_BAD, add_rapid_fail},
    {has_full_queue, TROUBLE_BAD, add_full_queue}, {has_failed_recycle, TROUBLE_BAD, add_failed_recycle},
    {is_closed, TROUBLE_WARNING, add_closed},      {is_drained, TROUBLE_WARNING, add_drained},
    {is_draining, TROUBLE_WARNING, add_draining},  {is_growing, TROUBLE_WARNING, add_growing},
    {is_queued, TROUBLE_WARNING, add_queued},      {is_recycling, TROUBLE_BUSY, add_recycling},
};

static const struct condition *find(const cJSON *pool)
{
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
        if (conditions[i].holds(pool))
            return &conditions[i];
    return NULL;
}

enum trouble pool_trouble(const cJSON *pool)
{
    const struct condition *condition = find(pool);
    return condition ? condition->trouble : TROUBLE_NONE;
}

enum style pool_style(enum trouble trouble)
{
    switch (trouble) {
    case TROUBLE_BAD: return STYLE_BAD;
    case TROUBLE_WARNING: return STYLE_WARNING;
    default: return STYLE_NONE;
    }
}

void pool_add_reason(const cJSON *pool, struct text *out)
{
    const struct condition *condition = find(pool);
    if (condition)
        condition->add(pool, out);
}
