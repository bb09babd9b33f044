/* lists: the commands that show items: status, list, ps, requests, exits, metrics; and show, a page for each pool. */
#ifndef FCGICTL_LISTS_H
#define FCGICTL_LISTS_H

#include "tools/fcgictl/listing.h"

extern const struct listing lists_pools; /* pool.list */
extern const struct listing lists_workers;
extern const struct listing lists_exits;

int lists_status(struct run *run);
int lists_list(struct run *run);
int lists_ps(struct run *run);
int lists_requests(struct run *run);
int lists_exits_run(struct run *run);

/* "host 1234 w3wp.exe: fcgiext 0.1.0, up 3 d" and what is wrong with its fcgiext.ini; `entry`: of "hosts" in a document. */
void lists_add_host(const cJSON *entry, struct text *out);

#endif
