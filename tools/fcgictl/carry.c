/* carry: see carry.h. A host is known by its process id; one that has the id of a vanished one takes its place at once, so no series ever
 * has two sources. */
#include "tools/fcgictl/carry.h"

#include <string.h>

#include "tools/fcgictl/value.h"

void carry_deinit(struct carry *carry)
{
    cJSON_Delete(carry->kept);
    *carry = (struct carry){0};
}

static bool has_answered(const cJSON *document, double pid)
{
    const cJSON *host;
    cJSON_ArrayForEach(host, value_at(document, "hosts"))
    {
        if (value_number(host, "pid", 0) == pid)
            return !value_at(host, "error");
    }
    return false;
}

/* Only what grows. false: out of memory */
static bool copy_metrics(cJSON *to, const cJSON *from, double pid)
{
    const cJSON *metric;
    cJSON_ArrayForEach(metric, from)
    {
        const char *kind = value_string(metric, "kind");
        bool grows = strcmp(kind, "counter") == 0 || strcmp(kind, "histogram") == 0;
        cJSON *copy = grows && value_number(metric, "host", 0) == pid ? cJSON_Duplicate(metric, true) : NULL;
        if (copy)
            cJSON_AddItemToArray(to, copy);
        else if (grows && value_number(metric, "host", 0) == pid)
            return false;
    }
    return true;
}

static void forget(struct carry *carry, const cJSON *document, double now_s)
{
    cJSON *one = carry->kept->child;
    while (one) {
        cJSON *next = one->next;
        bool old = now_s - value_number(one, "at", 0) > CARRY_S;
        if (old || has_answered(document, value_number(one, "pid", 0)))
            cJSON_Delete(cJSON_DetachItemViaPointer(carry->kept, one));
        one = next;
    }
}

static bool keep(struct carry *carry, const cJSON *document, double pid, double now_s)
{
    cJSON *one = cJSON_CreateObject(), *metrics = cJSON_AddArrayToObject(one, "metrics");
    if (!metrics || !cJSON_AddNumberToObject(one, "pid", pid) || !cJSON_AddNumberToObject(one, "at", now_s) ||
        !copy_metrics(metrics, value_at(document, "metrics"), pid)) {
        cJSON_Delete(one);
        return false;
    }
    cJSON_AddItemToArray(carry->kept, one);
    if (cJSON_GetArraySize(carry->kept) > CARRY_MAX_HOSTS)
        cJSON_DeleteItemFromArray(carry->kept, 0);
    return true;
}

bool carry_on(struct carry *carry, cJSON *document, double now_s)
{
    const cJSON *one, *host;
    bool complete = true;
    if (!carry->kept && !(carry->kept = cJSON_CreateArray()))
        return false;
    forget(carry, document, now_s);
    cJSON *shown = cJSON_GetObjectItemCaseSensitive(document, "metrics");
    cJSON_ArrayForEach(one, carry->kept) complete =
        copy_metrics(shown, value_at(one, "metrics"), value_number(one, "pid", 0)) && complete;
    cJSON_ArrayForEach(host, value_at(document, "hosts"))
    {
        if (!value_at(host, "error"))
            complete = keep(carry, document, value_number(host, "pid", 0), now_s) && complete;
    }
    return complete;
}
