/* check: see check.h. All findings are collected, the worst decides the result, and all are told, the worst first: the line that
 * wakes somebody says why. Everything goes to standard output, because monitoring reads nothing else. */
#include "tools/fcgictl/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/fcgictl/listing.h"
#include "tools/fcgictl/pool_words.h"
#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

enum { MAX_STATES = 8, RESULTS = 4 };

static double queue_of(const cJSON *pool)
{
    return value_number(pool, "requests.queued", 0);
}

static double busy_of(const cJSON *pool)
{
    double maximum = value_number(pool, "workers.maximum", 0);
    return maximum > 0 ? floor(value_number(pool, "workers.busy", 0) * 100 / maximum + 0.5) : 0;
}

static double wait_of(const cJSON *pool)
{
    return value_number(pool, "requests.oldest_wait_seconds", 0);
}

static double failed_of(const cJSON *pool)
{
    return value_number(pool, "totals.failed", 0);
}

struct measure {
    const char *name;
    const char *unit; /* of performance data */
    double (*value)(const cJSON *pool);
    const char *told; /* after the number, when it is too large */
};

enum { MEASURES = 4 };
static const struct measure measures[MEASURES] = {
    {"queue", "", queue_of, "requests wait"},
    {"busy", "%", busy_of, "% of the workers are busy"},
    {"wait", "s", wait_of, "s is the longest wait"},
    {"failed", "c", failed_of, "requests have failed"},
};

struct state_result {
    char state[24];
    enum check_result result;
};

static const struct state_result usual_states[] = {
    {"broken", CHECK_CRITICAL}, {"rapid_fail", CHECK_CRITICAL}, {"draining", CHECK_WARNING},
    {"drained", CHECK_WARNING}, {"closed", CHECK_WARNING},      {"running", CHECK_OK},
};

struct check {
    double limits[2][MEASURES]; /* warning, critical; negative: none */
    struct state_result states[MAX_STATES];
    size_t state_count;
    struct text findings[RESULTS];
    bool found[RESULTS];
    struct text data;
};

/* ---- limits */

static bool take_state(struct check *check, const char *name, enum check_result result)
{
    for (size_t i = 0; i < sizeof usual_states / sizeof *usual_states; i++)
        if (strcmp(usual_states[i].state, name) == 0 && check->state_count < MAX_STATES) {
            check->states[check->state_count] = usual_states[i];
            check->states[check->state_count++].result = result;
            return true;
        }
    return false;
}

static bool take_limit(struct check *check, const char *name, const char *value, enum check_result result)
{
    if (strcmp(name, "state") == 0)
        return take_state(check, value, result);
    for (size_t i = 0; i < MEASURES; i++)
        if (strcmp(measures[i].name, name) == 0)
            return words_parse_duration(value, &check->limits[result - CHECK_WARNING][i]);
    return false;
}

/* "queue=10,state=drained"; false: *wrong is the part that is none */
static bool take_limits(struct check *check, const char *limits, enum check_result result, struct text *wrong)
{
    while (true) {
        size_t len = strcspn(limits, ",");
        char part[64];
        text_clear(wrong);
        text_add_len(wrong, limits, len);
        if (len == 0 || len >= sizeof part)
            return false;
        memcpy(part, limits, len);
        part[len] = '\0';
        char *value = strchr(part, '=');
        if (!value)
            return false;
        *value++ = '\0';
        if (!take_limit(check, part, value, result))
            return false;
        if (limits[len] == '\0')
            return true;
        limits += len + 1;
    }
}

static bool take_all_limits(struct run *run, struct check *check)
{
    struct text wrong = {0};
    bool ok = true;
    for (size_t i = 0; i < MEASURES; i++)
        check->limits[0][i] = check->limits[1][i] = -1;
    for (size_t i = 0; ok && i < run->options.warn_count; i++)
        ok = take_limits(check, run->options.warn[i], CHECK_WARNING, &wrong);
    for (size_t i = 0; ok && i < run->options.crit_count; i++)
        ok = take_limits(check, run->options.crit[i], CHECK_CRITICAL, &wrong);
    if (!ok) {
        text_addf(&run->out, "FCGIEXT UNKNOWN - '%s' is no limit: queue, busy, wait, failed=NUMBER, or state=STATE",
                  text_str(&wrong));
        text_add(&run->out, "\n");
        run_hint(run, "fcgictl help check");
    }
    text_deinit(&wrong);
    return ok;
}

/* ---- findings */

static struct text *find(struct check *check, enum check_result result)
{
    struct text *findings = &check->findings[result];
    if (check->found[result])
        text_add(findings, "; ");
    check->found[result] = true;
    return findings;
}

static enum check_result result_of_state(const struct check *check, const char *state)
{
    for (size_t i = check->state_count; i > 0; i--)
        if (strcmp(check->states[i - 1].state, state) == 0)
            return check->states[i - 1].result;
    for (size_t i = 0; i < sizeof usual_states / sizeof *usual_states; i++)
        if (strcmp(usual_states[i].state, state) == 0)
            return usual_states[i].result;
    return CHECK_UNKNOWN;
}

/* "'php queue'=3;10;100;0": Nagios wants no '=' and no quote in a label; what it would take for the end of the data is gone, too. */
static void add_data(struct check *check, const cJSON *pool, const struct measure *measure, size_t index)
{
    struct text *data = &check->data;
    text_add(data, data->len > 0 ? " '" : "'");
    size_t start = data->len;
    text_addf(data, "%s %s", value_string(pool, "name"), measure->name);
    for (size_t i = start; i < data->len; i++)
        if (strchr("='|", data->data[i]))
            data->data[i] = '_';
    text_addf(data, "'=%.10g%s", measure->value(pool), measure->unit);
    for (size_t level = 0; level < 2; level++) {
        text_add(data, ";");
        if (check->limits[level][index] >= 0)
            text_addf(data, "%.10g", check->limits[level][index]);
    }
    text_add(data, ";0");
}

static void check_pool(struct check *check, const cJSON *pool)
{
    const char *state = value_bool(pool, "broken") ? "broken" : value_string(pool, "state"), *name = value_string(pool, "name");
    enum check_result result = result_of_state(check, state);
    if (result != CHECK_OK) {
        struct text *findings = find(check, result);
        size_t start;
        text_addf(findings, "%s is ", name);
        words_add_enum(findings, state);
        start = findings->len;
        if (pool_trouble(pool) == TROUBLE_BAD || strcmp(state, "running") != 0) {
            text_add(findings, ": ");
            pool_add_reason(pool, findings);
            if (findings->len == start + 2)
                findings->len = start, findings->data[start] = '\0';
        }
    }
    if (strcmp(value_string(pool, "recycle.state"), "failed") == 0)
        text_addf(find(check, CHECK_WARNING), "%s: recycle has failed", name);
    for (size_t i = 0; i < MEASURES; i++) {
        double value = measures[i].value(pool);
        for (size_t level = 2; level-- > 0;)
            if (check->limits[level][i] >= 0 && value >= check->limits[level][i]) {
                text_addf(find(check, level ? CHECK_CRITICAL : CHECK_WARNING), "%s: %.10g %s", name, value, measures[i].told);
                break;
            }
        add_data(check, pool, &measures[i], i);
    }
}

static void check_host(struct check *check, const cJSON *entry)
{
    const cJSON *error = value_at(entry, "error");
    double pid = value_number(entry, "pid", 0);
    if (error)
        text_addf(find(check, CHECK_UNKNOWN), "%s", value_string(error, "message"));
    if (strcmp(value_string(entry, "server.config.state"), "rejected") == 0)
        text_addf(find(check, CHECK_WARNING), "host %.0f: the changed fcgiext.ini has errors and was not taken", pid);
}

static void add_summary(const cJSON *pools, struct text *out)
{
    double count = 0, busy = 0, queued = 0;
    const cJSON *pool;
    cJSON_ArrayForEach(pool, pools)
    {
        count++;
        busy += value_number(pool, "workers.busy", 0);
        queued += queue_of(pool);
    }
    words_add_count(out, count, "pool", "pools");
    text_add(out, ", ");
    words_add_count(out, busy, "worker busy", "workers busy");
    text_addf(out, ", %.0f waiting", queued);
}

static int tell(struct run *run, struct check *check, const cJSON *pools)
{
    static const char *const names[RESULTS] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    static const enum check_result order[] = {CHECK_CRITICAL, CHECK_WARNING, CHECK_UNKNOWN};
    struct text findings = {0};
    enum check_result worst = CHECK_OK;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (check->found[order[i]]) {
            worst = worst == CHECK_OK ? order[i] : worst;
            text_add(&findings, findings.len > 0 ? "; " : "");
            text_add(&findings, text_str(&check->findings[order[i]]));
        }
    if (worst == CHECK_OK)
        add_summary(pools, &findings);
    for (size_t i = 0; i < findings.len; i++) /* what comes behind it is performance data */
        if (findings.data[i] == '|')
            findings.data[i] = '/';
    text_addf(&run->out, "FCGIEXT %s - ", names[worst]);
    text_add(&run->out, text_str(&findings));
    if (check->data.len > 0) {
        text_add(&run->out, " | ");
        text_add(&run->out, text_str(&check->data));
    }
    text_add(&run->out, "\n");
    text_deinit(&findings);
    return worst;
}

static const struct listing status = {.method = "status", .member = "pools", .pool = "name"};

int check_run(struct run *run)
{
    struct check check = {0};
    int result = CHECK_UNKNOWN;
    if (!take_all_limits(run, &check))
        return CHECK_UNKNOWN;
    if (run_find_hosts(run)) {
        const char *pattern = run->options.argument_count > 0 ? run->options.arguments[0] : "*";
        cJSON *document = listing_collect(run, &status), *pools = cJSON_GetObjectItemCaseSensitive(document, "pools");
        const cJSON *item;
        if (listing_keep(document, &status, pattern) == 0 && run->done > 0 && run->options.argument_count > 0)
            text_addf(find(&check, CHECK_UNKNOWN), "no pool is called '%s'", pattern);
        cJSON_ArrayForEach(item, value_at(document, "hosts")) check_host(&check, item);
        cJSON_ArrayForEach(item, pools) check_pool(&check, item);
        result = tell(run, &check, pools);
        cJSON_Delete(document);
    } else
        text_add(&run->out, "FCGIEXT UNKNOWN - no host was found: no process has loaded fcgiext.dll\n");
    for (size_t i = 0; i < RESULTS; i++)
        text_deinit(&check.findings[i]);
    text_deinit(&check.data);
    return result;
}
