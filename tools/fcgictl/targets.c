/* targets: see targets.h. An argument that is the name of a pool as a whole means that pool, even with a '/' in it: pools may be called
 * by their program's path. */
#include "tools/fcgictl/targets.h"

#include <stdlib.h>
#include <string.h>

#include "tools/fcgictl/commands.h"
#include "tools/fcgictl/lists.h"
#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

static const struct fcgictl_host *host_of(const struct run *run, const cJSON *item)
{
    double pid = value_number(item, "host", 0);
    for (size_t i = 0; i < run->host_count; i++)
        if (run->hosts[i].pid == pid)
            return &run->hosts[i];
    return &run->hosts[0];
}

static bool add(struct targets *targets, struct target target)
{
    struct target *items = realloc(targets->items, (targets->count + 1) * sizeof *items);
    if (!items)
        return false;
    targets->items = items;
    items[targets->count++] = target;
    return true;
}

static void add_pools(struct run *run, struct targets *targets, const char *pattern)
{
    const cJSON *pool;
    cJSON_ArrayForEach(pool, value_at(targets->pools, "pools"))
    {
        if (words_match(pattern, value_string(pool, "name")))
            run->out.failed |= !add(targets, (struct target){.host = host_of(run, pool), .pool = pool});
    }
}

/* "php/1234" or "php/#7": -> the worker's part, and the pool's in `pool`; NULL: it has another form. */
static const char *split(const char *argument, struct text *pool)
{
    const char *slash = strrchr(argument, '/');
    uint64_t number = 0;
    if (!slash || slash == argument || !words_parse_number(slash + 1 + (slash[1] == '#'), 0, UINT64_MAX, &number))
        return NULL;
    text_add_len(pool, argument, (size_t)(slash - argument));
    return slash + 1;
}

static bool is_worker(const cJSON *worker, const char *name)
{
    uint64_t pid = 0;
    if (name[0] == '#')
        return strcmp(value_string(worker, "id"), name + 1) == 0;
    return words_parse_number(name, 1, UINT32_MAX, &pid) && value_number(worker, "pid", 0) == (double)pid;
}

static const cJSON *pool_of(const struct targets *targets, const cJSON *worker)
{
    const cJSON *pool;
    cJSON_ArrayForEach(pool, value_at(targets->pools, "pools"))
    {
        if (value_number(pool, "host", 0) == value_number(worker, "host", 0) &&
            strcmp(value_string(pool, "name"), value_string(worker, "pool")) == 0)
            return pool;
    }
    return NULL;
}

static bool fail_usage(struct run *run)
{
    run->done = 0;
    run_count_failure(run, FCGICTL_USAGE);
    return false;
}

static bool find_worker(struct run *run, struct targets *targets, const char *pattern, const char *name)
{
    const cJSON *worker;
    bool known = false;
    cJSON_ArrayForEach(worker, value_at(targets->pools, "pools")) known =
        known || words_match(pattern, value_string(worker, "name"));
    if (!known) {
        listing_report_no_pool(run, targets->pools, pattern);
        return false;
    }
    targets->workers = listing_collect(run, &lists_workers);
    cJSON_ArrayForEach(worker, value_at(targets->workers, "workers"))
    {
        const cJSON *pool = pool_of(targets, worker);
        if (pool && words_match(pattern, value_string(worker, "pool")) && is_worker(worker, name))
            run->out.failed |= !add(targets, (struct target){.host = host_of(run, worker), .pool = pool, .worker = worker});
    }
    if (targets->count == 1)
        return true;
    if (targets->count > 1) {
        run_message(run, "%s is ambiguous: it is the worker of several pools or hosts", run->options.arguments[0]);
        run_hint(run, "see `fcgictl ps`; --host PID picks the host");
        return fail_usage(run);
    }
    run_message(run, "%s has no worker %s", pattern, name);
    run_hint(run, "`fcgictl ps %s` lists its workers", pattern);
    run->done = 0;
    if (run->failed == 0)
        run_count_failure(run, FCGICTL_NOT_FOUND);
    return false;
}

static bool check_arguments(struct run *run, enum targets_want want)
{
    bool all = run->options.given & OPTION_ALL;
    if (all == (run->options.argument_count == 0))
        return true;
    if (all)
        run_message(run, "--all and a pool: one of the two");
    else if (want == TARGETS_WORKER)
        run_message(run, "%s wants a worker: POOL/PID", run->command->name);
    else
        run_message(run, "%s wants a pool, a pattern, or --all", run->command->name);
    run_hint(run, "fcgictl help %s", run->command->name);
    return fail_usage(run);
}

bool targets_find(struct run *run, enum targets_want want, struct targets *targets)
{
    const char *argument = run->options.argument_count > 0 ? run->options.arguments[0] : "*";
    struct text pattern = {0};
    *targets = (struct targets){0};
    if (!check_arguments(run, want) || !run_find_hosts(run))
        return false;
    targets->pools = listing_collect(run, &lists_pools);
    if (run->done == 0) /* no host has answered */
        return false;
    if (want != TARGETS_WORKER)
        add_pools(run, targets, argument);
    const char *worker = targets->count == 0 && want != TARGETS_POOLS ? split(argument, &pattern) : NULL;
    bool found = targets->count > 0;
    if (worker)
        found = find_worker(run, targets, text_str(&pattern), worker);
    else if (!found && want == TARGETS_WORKER) {
        run_message(run, "'%s' is no worker: POOL/PID is wanted, or POOL/#ID", argument);
        run_hint(run, "`fcgictl ps` lists all workers");
        fail_usage(run);
    } else if (!found)
        listing_report_no_pool(run, targets->pools, argument);
    text_deinit(&pattern);
    run->done = 0; /* nothing yet of what was asked for */
    return found;
}

bool targets_of_hosts(struct run *run, struct targets *targets)
{
    *targets = (struct targets){0};
    if (!run_find_hosts(run))
        return false;
    for (size_t i = 0; i < run->host_count; i++)
        run->out.failed |= !add(targets, (struct target){.host = &run->hosts[i]});
    return true;
}

void targets_deinit(struct targets *targets)
{
    cJSON_Delete(targets->pools);
    cJSON_Delete(targets->workers);
    free(targets->items);
    *targets = (struct targets){0};
}

const char *targets_pool_name(const struct target *target)
{
    return value_string(target->pool, "name");
}

void targets_add_name(const struct run *run, const struct target *target, struct text *out)
{
    if (run->host_count > 1 || !target->pool)
        text_addf(out, "host %lu%s", (unsigned long)target->host->pid, target->pool ? ": " : "");
    text_add_data(out, targets_pool_name(target));
    if (target->worker && value_at(target->worker, "pid"))
        text_addf(out, "/%.0f", value_number(target->worker, "pid", 0));
    else if (target->worker)
        text_addf(out, "/#%s", value_string(target->worker, "id"));
}
