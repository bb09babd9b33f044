/* exporter_metrics: see exporter_metrics.h. The same that fcgictl metrics makes of what it has asked for itself. */
#include "tools/fcgictl/exporter_metrics.h"

#include "tools/fcgictl/value.h"

/* false: out of memory */
static bool add_host(cJSON *list, const struct exporter_metrics_host *host)
{
    cJSON *entry = cJSON_CreateObject();
    const cJSON *server = value_at(host->metrics, "server");
    cJSON *copy = host->metrics && server ? cJSON_Duplicate(server, true) : cJSON_CreateObject();
    if (!entry || !copy) {
        cJSON_Delete(entry);
        cJSON_Delete(copy);
        return false;
    }
    bool added = cJSON_AddItemToObject(entry, host->metrics ? "server" : "error", copy);
    added = cJSON_AddItemToArray(list, entry) && added;
    return cJSON_AddNumberToObject(entry, "pid", (double)host->pid) &&
           cJSON_AddStringToObject(entry, "program", host->program) && added;
}

static bool add_families(cJSON *list, const struct exporter_metrics_host *host)
{
    const cJSON *family;
    cJSON_ArrayForEach(family, value_at(host->metrics, "metrics"))
    {
        cJSON *copy = cJSON_IsObject(family) ? cJSON_Duplicate(family, true) : NULL;
        if (!copy && cJSON_IsObject(family))
            return false;
        if (!copy)
            continue;
        cJSON_DeleteItemFromObjectCaseSensitive(copy, "host");
        if (!cJSON_AddItemToArray(list, copy) || !cJSON_AddNumberToObject(copy, "host", (double)host->pid))
            return false;
    }
    return true;
}

cJSON *exporter_metrics_document(const struct exporter_metrics_host *hosts, size_t count)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(document, "hosts"), *metrics = cJSON_AddArrayToObject(document, "metrics");
    bool made = list && metrics;
    for (size_t i = 0; i < count && made; i++)
        made = add_host(list, &hosts[i]) && add_families(metrics, &hosts[i]);
    if (made)
        return document;
    cJSON_Delete(document);
    return NULL;
}
