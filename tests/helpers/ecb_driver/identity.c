/* identity: see identity.h. What is wrong ends the program (host, spy); the counts are for the test to compare. */
#include "tests/helpers/ecb_driver/identity.h"

#include <stdio.h>
#include <string.h>

#include "tests/helpers/ecb_driver/spy.h"
#include "tests/helpers/ecb_driver/users.h"
#include "tests/helpers/ecb_driver/watched.h"

enum { BODY_LEN = 150000, BODY_AVAILABLE = 40000 };

static const char *const queries[USERS] = {"page=echo&user=0", "page=echo&user=1", "page=echo&user=2"};

static void begin_get(struct host *host, unsigned user)
{
    const struct request_plan plan = {.method = "GET", .query = queries[user], .user = user};
    host_begin(host, &plan);
}

static void begin_post(struct host *host, unsigned user)
{
    const struct request_plan plan = {
        .method = "POST", .query = queries[user], .user = user, .body_len = BODY_LEN, .available = BODY_AVAILABLE};
    host_begin(host, &plan);
}

/* ---- users ---- */

/* More at once than there are workers, so that requests wait and are written by the thread that has ended another user's. */
void users(struct host *host, const WCHAR *dll, enum completions completions, bool tracks, unsigned rounds)
{
    enum { AT_ONCE = 4 };
    watched_open(host, dll, completions, tracks);
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < AT_ONCE; i++)
            for (unsigned user = 0; user < USERS; user++)
                begin_get(host, (user + i) % USERS);
        for (unsigned user = 0; user < USERS; user++)
            begin_post(host, user);
        watched_wait(host);
    }
    printf("users %u: good %ld of %ld, writes %ld %ld %ld, opens %ld, starts %ld\n", rounds, host->totals.answered[2],
           host->totals.ended, spy.writes[0], spy.writes[1], spy.writes[2], spy.opens, spy.starts);
    host_close(host);
}

/* ---- token ---- */

static void print_reason(const struct host *host)
{
    watched_print_header(host, "reason", "X-Fcgiext-Reason: ");
    puts("");
}

/* What is asked first is about a worker that has served before, over a connection that is kept. */
void token(struct host *host, const WCHAR *dll, enum completions completions, const char *failure)
{
    struct request_plan plan = {.method = "POST", .query = queries[1], .user = 1, .keep_answer = true};
    watched_open(host, dll, completions, true);
    begin_get(host, 2);
    watched_wait(host);
    for (enum spy_failure i = SPY_NONE; i < SPY_FAILURE_COUNT; i++)
        if (strcmp(failure, spy_failure_names[i]) == 0)
            spy.failure = (LONG)i;
    if (strcmp(failure, "no-token") == 0)
        plan.fault = FAULT_NO_TOKEN;
    if (spy.failure == SPY_SET_LATER) {
        plan.body_len = BODY_LEN;
        plan.available = BODY_AVAILABLE;
    }
    LONG good = host->totals.answered[2], bad = host->totals.answered[5], writes = spy.writes[1];
    watched_ask(host, &plan);
    if (spy.failure != SPY_NONE)
        die("the call that is to fail has not been made");
    printf("token %s: 2xx %ld 5xx %ld writes %ld", failure, host->totals.answered[2] - good, host->totals.answered[5] - bad,
           spy.writes[1] - writes);
    print_reason(host);
    good = host->totals.answered[2];
    begin_get(host, 1);
    begin_post(host, 2);
    watched_wait(host);
    printf("token %s: then 2xx %ld of 2\n", failure, host->totals.answered[2] - good);
    host_close(host);
}

/* ---- look ---- */

static const struct path_plan file = {"a file", "/user1/file.txt", "/user1/file.txt", "C:\\site\\user1\\file.txt"};
static const struct path_plan folder = {"a folder", "/user1/folder/", "/user1/folder/", "C:\\site\\user1\\folder\\"};
static const struct path_plan nothing = {"nothing", "/user1/page", "/user1/page", "C:\\site\\user1\\page"};
static const struct path_plan denied = {"not for him", "/user1/denied", "/user1/denied", "C:\\site\\user1\\denied"};
static const struct path_plan share = {"of a share that is down", "/user1/share", "/user1/share",
                                       "\\\\far\\site\\user1\\share"};
static const struct path_plan unseen = {"not to be seen", "/user1/unseen", "/user1/unseen", "C:\\site\\user1\\unseen"};
static const struct path_plan program = {"a program", "/user1/file.fcgi", "/user1/file.fcgi", "C:\\site\\user1\\file.fcgi"};
static const struct path_plan not_plain = {"a trick", "/user1/file.txt.", "/user1/file.txt.", "C:\\site\\user1\\file.txt."};
static const struct path_plan no_translation = {"no PATH_TRANSLATED", "/user1/file.txt", "", ""};

static const struct {
    const char *what;
    const struct path_plan *path;
    enum fault fault;
    enum spy_failure failure;
} looks[] = {
    {"file", &file, FAULT_NONE, SPY_NONE},
    {"folder", &folder, FAULT_NONE, SPY_NONE},
    {"nothing", &nothing, FAULT_NONE, SPY_NONE},
    {"denied", &denied, FAULT_NONE, SPY_NONE},
    {"share-down", &share, FAULT_NONE, SPY_NONE},
    {"unseen", &unseen, FAULT_NONE, SPY_NONE},
    {"own-entry", &program, FAULT_NONE, SPY_NONE},
    {"not-plain", &not_plain, FAULT_NONE, SPY_NONE},
    {"no-translation", &no_translation, FAULT_NONE, SPY_NONE},
    {"no-exec-url", &file, FAULT_NO_EXEC_URL, SPY_NONE},
    {"exec-url-breaks", &file, FAULT_EXEC_URL_BREAKS, SPY_NONE},
    {"no-token", &file, FAULT_NO_TOKEN, SPY_NONE},
    {"no-set", &file, FAULT_NONE, SPY_SET},
};

void look(struct host *host, const WCHAR *dll, enum completions completions)
{
    watched_open(host, dll, completions, true);
    for (size_t i = 0; i < ARRAYSIZE(looks); i++) {
        const struct host_totals before = host->totals;
        const LONG looked = spy.looks[1], written = spy.writes[1];
        const struct request_plan plan = {.method = "GET",
                                          .query = queries[1],
                                          .path = looks[i].path,
                                          .user = 1,
                                          .fault = looks[i].fault,
                                          .keep_answer = true};
        spy.failure = (LONG)looks[i].failure;
        watched_ask(host, &plan);
        const struct host_totals *now = &host->totals;
        printf("look %s: looks %ld writes %ld handed back %ld 2xx %ld 4xx %ld 5xx %ld", looks[i].what, spy.looks[1] - looked,
               spy.writes[1] - written, now->handed_back - before.handed_back, now->answered[2] - before.answered[2],
               now->answered[4] - before.answered[4], now->answered[5] - before.answered[5]);
        print_reason(host);
    }
    host_close(host);
}
