/* openmetrics: see openmetrics.h. A family stands in one piece, as both formats want it: of each metric all hosts' samples are written
 * where its name is met first.
 *
 * What a host says is not believed: a name that is none, or a value that is no number, would break the lines of all others. */
#include "tools/fcgictl/openmetrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fcgictl/value.h"

enum kind { KIND_NONE, KIND_COUNTER, KIND_GAUGE, KIND_STATESET, KIND_INFO, KIND_HISTOGRAM };

struct writer {
    struct text *out;
    const cJSON *metrics;
    bool strict;
};

/* ---- pieces */

static void add_number(struct text *out, double number)
{
    if (number == floor(number) && fabs(number) < 1e18)
        text_addf(out, "%.0f", number);
    else {
        char digits[40];
        snprintf(digits, sizeof digits, "%.15g", number);
        volatile double again = strtod(digits, NULL); /* 32-bit code calculates with more digits */
        if (again != number)
            snprintf(digits, sizeof digits, "%.17g", number);
        text_add(out, digits);
    }
}

/* As OpenMetrics writes limits of buckets: a whole number has ".0". */
static void add_limit(struct text *out, double limit)
{
    size_t before = out->len;
    add_number(out, limit);
    if (!out->failed && !strpbrk(out->data + before, ".e"))
        text_add(out, ".0");
}

/* `quotes`: a '"' is escaped, too. */
static void add_escaped(struct text *out, const char *str, bool quotes)
{
    struct text escaped = {0};
    for (; *str; str++) {
        if (*str == '\n')
            text_add(&escaped, "\\n");
        else if (*str == '\\' || (quotes && *str == '"')) {
            text_add(&escaped, "\\");
            text_add_len(&escaped, str, 1);
        } else
            text_add_len(&escaped, str, 1);
    }
    text_add_data(out, text_str(&escaped));
    out->failed = out->failed || escaped.failed;
    text_deinit(&escaped);
}

static bool is_name(const char *name)
{
    for (const char *c = name; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
        if (!letter && !(c > name && *c >= '0' && *c <= '9'))
            return false;
    }
    return *name != '\0';
}

static bool ends_in(const char *name, const char *unit)
{
    size_t len = strlen(name), unit_len = strlen(unit);
    return unit_len > 0 && len > unit_len + 1 && name[len - unit_len - 1] == '_' && strcmp(name + len - unit_len, unit) == 0;
}

static void describe(const struct writer *writer, const char *what, const char *name, const char *suffix, const char *text)
{
    text_add(writer->out, "# ");
    text_add(writer->out, what);
    text_add(writer->out, " ");
    text_add(writer->out, name);
    text_add(writer->out, suffix);
    text_add(writer->out, " ");
    add_escaped(writer->out, text, writer->strict);
    text_add(writer->out, "\n");
}

/* Names of types, and behind which name of the family they and the help stand. */
static void describe_family(const struct writer *writer, const char *name, enum kind kind, const char *unit, const char *help)
{
    static const char *const types[] = {"", "counter", "gauge", "stateset", "info", "histogram"};
    bool only_strict = kind == KIND_STATESET || kind == KIND_INFO;
    const char *suffix = writer->strict ? "" : kind == KIND_COUNTER ? "_total" : kind == KIND_INFO ? "_info" : "";
    describe(writer, "TYPE", name, suffix, only_strict && !writer->strict ? "gauge" : types[kind]);
    if (ends_in(name, unit))
        describe(writer, "UNIT", name, "", unit);
    describe(writer, "HELP", name, suffix, help);
}

static void add_label(struct text *out, const char *name, const char *value)
{
    text_add(out, ",");
    text_add(out, name);
    text_add(out, "=\"");
    add_escaped(out, value, true);
    text_add(out, "\"");
}

/* "name_suffix{host="1"": the caller goes on. */
static void begin_series(struct text *out, const char *name, const char *suffix, double host)
{
    text_addf(out, "%s%s{host=\"%.0f\"", name, suffix, host);
}

static void end_series(struct text *out, double value)
{
    text_add(out, "} ");
    add_number(out, value);
    text_add(out, "\n");
}

/* ---- a host's samples */

/* The state of a stateset is the label that is called as the family is. */
static void begin_sample(const struct writer *writer, const cJSON *metric, enum kind kind, const char *suffix,
                         const cJSON *sample)
{
    const char *name = value_string(metric, "name");
    const cJSON *label;
    begin_series(writer->out, name, suffix, value_number(metric, "host", 0));
    cJSON_ArrayForEach(label, value_at(sample, "labels"))
    {
        bool state = kind == KIND_STATESET && strcmp(label->string, "state") == 0;
        bool taken = strcmp(label->string, "host") == 0 || strcmp(label->string, "le") == 0;
        if (cJSON_IsString(label) && is_name(label->string) && !taken)
            add_label(writer->out, state ? name : label->string, label->valuestring);
    }
}

static void add_created(const struct writer *writer, const cJSON *metric, enum kind kind, const cJSON *sample)
{
    const cJSON *created = value_at(sample, "created");
    if (!cJSON_IsNumber(created))
        return;
    begin_sample(writer, metric, kind, "_created", sample);
    end_series(writer->out, created->valuedouble);
}

static bool is_finite(const cJSON *number)
{
    return cJSON_IsNumber(number) && isfinite(number->valuedouble);
}

/* Limits that grow, the last one none; counts that do not shrink. */
static bool is_histogram(const cJSON *sample)
{
    const cJSON *bucket;
    double limit = -1, count = 0;
    bool ended = false;
    cJSON_ArrayForEach(bucket, value_at(sample, "buckets"))
    {
        const cJSON *le = value_at(bucket, "le");
        double next = value_number(bucket, "count", -1);
        if (ended || next < count || (le && (!is_finite(le) || le->valuedouble <= limit)))
            return false;
        ended = !le;
        limit = le ? le->valuedouble : limit;
        count = next;
    }
    return ended && value_number(sample, "count", -1) == count && is_finite(value_at(sample, "sum"));
}

static void add_histogram(const struct writer *writer, const cJSON *metric, const cJSON *sample)
{
    const cJSON *bucket;
    cJSON_ArrayForEach(bucket, value_at(sample, "buckets"))
    {
        const cJSON *le = value_at(bucket, "le");
        begin_sample(writer, metric, KIND_HISTOGRAM, "_bucket", sample);
        text_add(writer->out, ",le=\"");
        if (le)
            add_limit(writer->out, le->valuedouble);
        else
            text_add(writer->out, "+Inf");
        text_add(writer->out, "\"");
        end_series(writer->out, value_number(bucket, "count", 0));
    }
    begin_sample(writer, metric, KIND_HISTOGRAM, "_count", sample);
    end_series(writer->out, value_number(sample, "count", 0));
    begin_sample(writer, metric, KIND_HISTOGRAM, "_sum", sample);
    end_series(writer->out, value_number(sample, "sum", 0));
}

static bool is_sample(enum kind kind, const cJSON *sample)
{
    return kind == KIND_HISTOGRAM ? is_histogram(sample) : is_finite(value_at(sample, "value"));
}

static void add_sample(const struct writer *writer, const cJSON *metric, enum kind kind, const cJSON *sample)
{
    if (kind == KIND_HISTOGRAM)
        add_histogram(writer, metric, sample);
    else {
        begin_sample(writer, metric, kind, kind == KIND_COUNTER ? "_total" : "", sample);
        end_series(writer->out, value_number(sample, "value", 0));
    }
    if (writer->strict)
        add_created(writer, metric, kind, sample);
}

/* ---- families of the hosts */

static enum kind kind_of(const cJSON *metric)
{
    static const char *const kinds[] = {"", "counter", "gauge", "stateset", "", "histogram"};
    const char *kind = value_string(metric, "kind");
    for (size_t i = KIND_COUNTER; i < sizeof kinds / sizeof *kinds && is_name(value_string(metric, "name")); i++)
        if (kinds[i][0] && strcmp(kind, kinds[i]) == 0)
            return (enum kind)i;
    return KIND_NONE;
}

static bool same_family(const cJSON *a, const cJSON *b)
{
    return strcmp(value_string(a, "name"), value_string(b, "name")) == 0 && kind_of(a) == kind_of(b);
}

static bool is_first(const struct writer *writer, const cJSON *metric)
{
    const cJSON *other;
    cJSON_ArrayForEach(other, writer->metrics)
    {
        if (other == metric)
            return true;
        if (strcmp(value_string(other, "name"), value_string(metric, "name")) == 0 && kind_of(other) != KIND_NONE)
            return false;
    }
    return false;
}

static bool is_among(const cJSON *samples, const cJSON *sample)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, samples)
    {
        if (cJSON_Compare(value_at(one, "labels"), value_at(sample, "labels"), true))
            return true;
    }
    return false;
}

/* Was this series there before? On another page of the host: pools that come and go meanwhile move the others; or it is carried on
 * although the host has answered in part. `sample` NULL: was any of the family and the host? */
static bool was_before(const struct writer *writer, const cJSON *metric, const cJSON *sample)
{
    const cJSON *other;
    cJSON_ArrayForEach(other, writer->metrics)
    {
        if (other == metric)
            break;
        if (same_family(other, metric) && value_number(other, "host", 0) == value_number(metric, "host", 0) &&
            (!sample || is_among(value_at(other, "samples"), sample)))
            return true;
    }
    return false;
}

typedef void add_function(const struct writer *writer, const cJSON *metric, enum kind kind, const cJSON *sample);

/* Of all hosts, and pages. */
static void add_samples(const struct writer *writer, const cJSON *first, add_function *add)
{
    const cJSON *metric, *sample;
    enum kind kind = kind_of(first);
    cJSON_ArrayForEach(metric, writer->metrics)
    {
        if (!same_family(metric, first))
            continue;
        bool alone = !was_before(writer, metric, NULL);
        cJSON_ArrayForEach(sample, value_at(metric, "samples"))
        {
            if (is_sample(kind, sample) && (alone || !was_before(writer, metric, sample)))
                add(writer, metric, kind, sample);
        }
    }
}

static bool has_created(const struct writer *writer, const cJSON *first)
{
    const cJSON *metric, *sample;
    cJSON_ArrayForEach(metric, writer->metrics)
    {
        cJSON_ArrayForEach(sample, value_at(metric, "samples"))
        {
            if (same_family(metric, first) && cJSON_IsNumber(value_at(sample, "created")))
                return true;
        }
    }
    return false;
}

static void add_family(const struct writer *writer, const cJSON *metric)
{
    const char *name = value_string(metric, "name");
    describe_family(writer, name, kind_of(metric), value_string(metric, "unit"), value_string(metric, "help"));
    add_samples(writer, metric, add_sample);
    if (writer->strict || !has_created(writer, metric))
        return;
    struct text help = {0};
    text_addf(&help, "Since when %s counts, in seconds since 1970.", name);
    describe(writer, "TYPE", name, "_created", "gauge");
    describe(writer, "HELP", name, "_created", text_str(&help));
    add_samples(writer, metric, add_created);
    text_deinit(&help);
}

/* ---- about the hosts */

static double host_up(const cJSON *host)
{
    return value_at(host, "error") ? 0 : 1;
}

static double host_start(const cJSON *host)
{
    return value_number(host, "server.loaded_unix", -1);
}

static void add_hosts(const struct writer *writer, const cJSON *hosts)
{
    const cJSON *host;
    describe_family(writer, "fcgi_hosts", KIND_GAUGE, "", "Processes of the web server that have loaded fcgiext.dll.");
    text_addf(writer->out, "fcgi_hosts %d", cJSON_GetArraySize(hosts));
    text_add(writer->out, "\n");
    if (cJSON_GetArraySize(hosts) == 0)
        return;
    describe_family(writer, "fcgi_up", KIND_GAUGE, "", "1 if the host has answered, else 0.");
    cJSON_ArrayForEach(host, hosts)
    {
        begin_series(writer->out, "fcgi_up", "", value_number(host, "pid", 0));
        end_series(writer->out, host_up(host));
    }
    describe_family(writer, "fcgi_build", KIND_INFO, "", "The host's program, and the version of its fcgiext.dll.");
    cJSON_ArrayForEach(host, hosts)
    {
        if (!value_at(host, "server.version"))
            continue;
        begin_series(writer->out, "fcgi_build", "_info", value_number(host, "pid", 0));
        add_label(writer->out, "program", value_string(host, "program"));
        add_label(writer->out, "version", value_string(host, "server.version"));
        end_series(writer->out, 1);
    }
    describe_family(writer, "fcgi_host_start_time_seconds", KIND_GAUGE, "seconds",
                    "When the host loaded fcgiext.dll, in seconds since 1970.");
    cJSON_ArrayForEach(host, hosts)
    {
        if (host_start(host) < 0)
            continue;
        begin_series(writer->out, "fcgi_host_start_time_seconds", "", value_number(host, "pid", 0));
        end_series(writer->out, host_start(host));
    }
}

static bool is_ours(const char *name)
{
    static const char *const names[] = {"fcgi_hosts", "fcgi_up", "fcgi_build", "fcgi_host_start_time_seconds"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

const char *openmetrics_content_type(enum openmetrics_dialect dialect)
{
    return dialect == OPENMETRICS_STRICT ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                         : "text/plain; version=0.0.4; charset=utf-8";
}

void openmetrics_add(struct text *out, const cJSON *document, enum openmetrics_dialect dialect)
{
    const struct writer writer = {out, value_at(document, "metrics"), dialect == OPENMETRICS_STRICT};
    const cJSON *metric;
    add_hosts(&writer, value_at(document, "hosts"));
    cJSON_ArrayForEach(metric, writer.metrics)
    {
        if (kind_of(metric) != KIND_NONE && !is_ours(value_string(metric, "name")) && is_first(&writer, metric))
            add_family(&writer, metric);
    }
    text_add(out, "# EOF\n");
}
