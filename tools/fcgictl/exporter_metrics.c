/* exporter_metrics: see exporter_metrics.h. Samples of a family stand together, whichever host they are of. Names and help come from the
 * first host that has the family; a host with another kind of it is left out of it. */
#include "tools/fcgictl/exporter_metrics.h"

#include <stdio.h>
#include <string.h>

#include "tools/fcgictl/value.h"

static bool is_name(const char *str)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    return str[0] != '\0' && strchr("0123456789", str[0]) == NULL && strspn(str, allowed) == strlen(str);
}

static void add_escaped(struct text *out, const char *str)
{
    for (; *str; str++)
        if (*str == '\n')
            text_add(out, "\\n");
        else {
            if (*str == '\\' || *str == '"')
                text_add(out, "\\");
            text_add_len(out, str, 1);
        }
}

static void add_label(struct text *out, const char *name, const char *value)
{
    text_add(out, ",");
    text_add(out, name);
    text_add(out, "=\"");
    add_escaped(out, value);
    text_add(out, "\"");
}

static void add_host(struct text *out, const char *name, const struct exporter_metrics_host *host)
{
    char pid[32];
    snprintf(pid, sizeof pid, "%lu", host->pid);
    text_add(out, name);
    text_add(out, "{host=\"");
    text_add(out, pid);
    text_add(out, "\"");
}

static void add_samples(struct text *out, const char *name, const struct exporter_metrics_host *host, const cJSON *family)
{
    const cJSON *sample, *label;
    cJSON_ArrayForEach(sample, value_at(family, "samples"))
    {
        char number[48];
        snprintf(number, sizeof number, "} %.15g\n", value_number(sample, "value", 0));
        add_host(out, name, host);
        cJSON_ArrayForEach(label, value_at(sample, "labels"))
        {
            if (cJSON_IsString(label) && is_name(label->string))
                add_label(out, label->string, label->valuestring);
        }
        text_add(out, number);
    }
}

static const cJSON *find(const cJSON *metrics, const char *name)
{
    const cJSON *family;
    cJSON_ArrayForEach(family, value_at(metrics, "metrics"))
    {
        if (strcmp(value_string(family, "name"), name) == 0)
            return family;
    }
    return NULL;
}

static void add_family(struct text *out, const struct exporter_metrics_host *hosts, size_t count, const cJSON *family,
                       bool strict)
{
    const char *name = value_string(family, "name"), *kind = value_string(family, "kind");
    bool counter = strcmp(kind, "counter") == 0;
    size_t len = strlen(name), suffix = strict && counter && len > 6 && strcmp(name + len - 6, "_total") == 0 ? 6 : 0;
    text_add(out, "# TYPE ");
    text_add_len(out, name, len - suffix);
    text_add(out, counter ? " counter\n# HELP " : " gauge\n# HELP ");
    text_add_len(out, name, len - suffix);
    text_add(out, " ");
    add_escaped(out, value_string(family, "help"));
    text_add(out, "\n");
    for (size_t i = 0; i < count; i++) {
        const cJSON *same = find(hosts[i].metrics, name);
        if (same && strcmp(value_string(same, "kind"), kind) == 0)
            add_samples(out, name, &hosts[i], same);
    }
}

void exporter_metrics_text(const struct exporter_metrics_host *hosts, size_t count, bool strict, struct text *out)
{
    text_add(out, "# TYPE fcgi_host_up gauge\n# HELP fcgi_host_up Whether the host has answered the exporter.\n");
    for (size_t i = 0; i < count; i++) {
        add_host(out, "fcgi_host_up", &hosts[i]);
        add_label(out, "program", hosts[i].program);
        text_add(out, hosts[i].metrics ? "} 1\n" : "} 0\n");
    }
    for (size_t i = 0; i < count; i++) {
        const cJSON *family;
        cJSON_ArrayForEach(family, value_at(hosts[i].metrics, "metrics"))
        {
            const char *name = value_string(family, "name");
            bool done = !is_name(name);
            for (size_t before = 0; before < i && !done; before++)
                done = find(hosts[before].metrics, name) != NULL;
            if (!done)
                add_family(out, hosts, count, family, strict);
        }
    }
    if (strict)
        text_add(out, "# EOF\n");
}
