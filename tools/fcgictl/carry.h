/* carry: what hosts had counted when they were heard of last, for a program that runs on while hosts come and go.
 *
 * A host's series end with it, and what it counted since a reader looked last would be lost. So counters and histograms of a host that
 * has gone, or does not answer, are shown for CARRY_S more, as they were; no gauges, as nothing of it is so any more. That is longer than
 * any reader waits between two looks, and then the series ends: its sum with those of other hosts is the reader's to make, by increase()
 * before sum(). The exporter therefore looks at the hosts more often than it is looked at. */
#ifndef FCGICTL_CARRY_H
#define FCGICTL_CARRY_H

#include <cjson/cJSON.h>

#include <stdbool.h>

enum { CARRY_S = 600, CARRY_MAX_HOSTS = 64 };

struct carry {
    cJSON *kept; /* owned; NULL at first: [{"pid", "at", "metrics"}], what was heard of last comes last */
};

void carry_deinit(struct carry *carry);

/* `document`: what listing_collect() gives of metrics_listing; it gets what is carried on. now_s: any clock that only goes on. false: out
 * of memory, something is missing. */
bool carry_on(struct carry *carry, cJSON *document, double now_s);

#endif
