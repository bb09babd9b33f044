/* fake_ops: a host that is made up, for tests and the fuzz target of mgmt: two good pools and a broken one, workers, requests and
 * exits, some of whose text is as nasty as clients can make it. Every snapshot and reference is counted, so that none is lost. */
#ifndef TESTS_UNIT_FAKE_OPS_H
#define TESTS_UNIT_FAKE_OPS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mgmt/ops.h"

#define FAKE_NOW_MS UINT64_C(1709210096789) /* 2024-02-29T12:34:56.789Z */
/* Quotes, control characters, bytes that are no UTF-8, a line separator, a C1 control. */
#define FAKE_NASTY_PATH "/a\"b\\c\r\n\x1b[31m\x7f\xff\xc3(\xe2\x80\xa8\xc2\x9b\xc3\xa4"

static const char fake_ini[] = "[Types]\n"
                               "php=PHP\n"
                               "rb:42=Ruby\n"
                               "x=Broken\n"
                               "[PHP]\n"
                               "ExePath=C:\\php\\php-cgi.exe\n"
                               "QueueLength=50\n"
                               "EnvironmentVars=SECRET_NAME:secret/,value,PATH_LIKE:a//b\n"
                               "StderrMode=IgnoreAndReturn200\n"
                               "[Ruby]\n"
                               "Address=127.0.0.1:9000,[::1]:9001\n"
                               "[Broken]\n"
                               "ExePath=C:\\x.exe\n"
                               "QueueLength=many\n"
                               "EnvironmentVars=broken_secret\n"
                               "DB_PASSWORD:hidden_secret=1\n"
                               "lone_secret\n";

struct fake {
    struct mgmt_ops ops;
    const char *ini_in_force, *ini_now;
    bool no_memory;        /* of snapshot, config_in_force, config_check */
    int held;              /* snapshots and references that have not been given back */
    unsigned wanted;       /* of the last snapshot */
    unsigned workers;      /* more of them, of PHP */
    const char *long_path; /* of every request */
    enum mgmt_error command_error;
    const char *command_reason;
    struct mgmt_command command; /* the last one; its strings are copied below */
    char command_pool[200], command_caller[100];
    int commands;
    char denied[200];                /* "caller: method", the last one */
    unsigned answered;               /* how many replies were counted, */
    enum counter_management outcome; /* and the last one as */
    enum mgmt_error operation_error;
    struct mgmt_operation operation; /* what is told of any */
    bool clean;                      /* text without surprises */
};

static inline char *fake_str(const char *text)
{
    return (char *)(uintptr_t)text;
}

static inline void fake_server(const struct fake *fake, struct mgmt_server *server)
{
    *server = (struct mgmt_server){.host_program = fake_str("w3wp.exe"),
                                   .config_path = fake_str("C:\\fcgiext\\fcgiext.ini"),
                                   .pid = 4711,
                                   .start_unix_ms = FAKE_NOW_MS - 3600500,
                                   .load_unix_ms = FAKE_NOW_MS - 3600000,
                                   .now_unix_ms = FAKE_NOW_MS,
                                   .config_read_unix_ms = FAKE_NOW_MS - 60000,
                                   .config_rejected = !fake->clean,
                                   .config_rejected_unix_ms = FAKE_NOW_MS - 30000,
                                   .config_errors = 4,
                                   .config_warnings = 1};
    server->counters[COUNTER_UNROUTED + ERROR_CAUSE_NO_MAPPING] = 7;
    server->counters[COUNTER_MANAGEMENT + COUNTER_MANAGEMENT_DENIED] = 2;
    server->counters[COUNTER_CONFIG_ERRORS] = 4;
}

static inline void fake_counters(struct mgmt_pool *pools)
{
    uint64_t *php = pools[0].counters, *ruby = pools[1].counters;
    php[COUNTER_REQUESTS] = 110;
    php[COUNTER_RESULTS] = 100;
    php[COUNTER_RESULTS + ERROR_CAUSE_ACTIVITY_TIMEOUT] = 3;
    php[COUNTER_RESULTS + ERROR_CAUSE_QUEUE_FULL] = 2;
    php[COUNTER_RETRIES + POOL_RETRY_UNANSWERED] = 1;
    php[COUNTER_STARTS] = 5;
    php[COUNTER_START_FAILURES] = 4;
    php[COUNTER_EXITS + WORKER_EXIT_IDLE] = 1;
    php[COUNTER_EXITS + WORKER_EXIT_CRASHED] = 1;
    php[COUNTER_BUSY] = 1500000;
    php[COUNTER_WAITED] = 1;
    php[COUNTER_LIMIT_MOVES + AUTOTUNE_QUEUE_WAITS] = 3;
    php[COUNTER_EXECUTION + counter_bucket_of(200)] = 60; /* the first bucket */
    php[COUNTER_EXECUTION + counter_bucket_of(UINT64_MAX)] = 1;
    php[COUNTER_EXECUTION + counter_bucket_of(2000)] = 42;
    php[COUNTER_EXECUTION + COUNTER_BUCKET_COUNT] = 200096000;
    php[COUNTER_IN_FLIGHT] = 5;
    php[COUNTER_OLDEST_WAIT] = 1234000;
    php[COUNTER_WORKERS + WORKER_BUSY] = 2;
    php[COUNTER_WORKERS + WORKER_STARTING] = 1;
    php[COUNTER_STATE + POOL_STATE_DRAINING] = 1;
    ruby[COUNTER_REQUESTS] = UINT64_MAX;
    ruby[COUNTER_RESULTS + ERROR_CAUSE_NO_MAPPING] = 1; /* it cannot be, and is told if it is */
    ruby[COUNTER_STATE + POOL_STATE_RAPID_FAIL] = 1;
}

static inline void fake_pools(struct mgmt_pool *pools)
{
    struct pool_limits limits = {.max_instances = 4,
                                 .queue_length = 50,
                                 .instance_max_requests = 1000,
                                 .idle_timeout_ms = 300000,
                                 .activity_timeout_ms = 70500,
                                 .request_timeout_ms = 90000,
                                 .rapid_fails_per_minute = 10};
    pools[0] = (struct mgmt_pool){.name = fake_str("PHP"),
                                  .program = fake_str("C:\\php\\php-cgi.exe"),
                                  .state = POOL_STATE_DRAINING,
                                  .limits = limits,
                                  .running = 2,
                                  .oldest_wait_ms = 1234,
                                  .oldest_run_ms = 60,
                                  .drain_expires = true,
                                  .drain_left_ms = 59001,
                                  .drain_persists = true,
                                  .start_unix_ms = FAKE_NOW_MS - 3599000};
    pools[0].counts = (struct pool_counts){.state = POOL_STATE_DRAINING, .waiting = 3, .workers = 3, .learned_requests = 500};
    pools[0].counts.by_state[WORKER_BUSY] = 2;
    pools[0].counts.by_state[WORKER_STARTING] = 1;
    pools[0].tuned = true;
    pools[0].tuning = (struct mgmt_tuning){AUTOTUNE_STEADY, AUTOTUNE_QUEUE_WAITS, 1500, {[AUTOTUNE_QUEUE_WAITS] = 3}};
    pools[1] = (struct mgmt_pool){.name = fake_str("Ruby"),
                                  .program = fake_str("127.0.0.1:9000,[::1]:9001"),
                                  .external = true,
                                  .state = POOL_STATE_RAPID_FAIL,
                                  .limits = limits,
                                  .rapid_fail_left_ms = 45000,
                                  .first_cause = ERROR_CAUSE_CONNECT_FAILED,
                                  .start_unix_ms = FAKE_NOW_MS - 3599000};
    pools[1].counts.recycle = POOL_RECYCLE_FAILED;
    pools[2] = (struct mgmt_pool){.name = fake_str("Broken"), .program = fake_str("C:\\x.exe"), .broken = true};
    fake_counters(pools);
}

static inline void fake_workers(const struct fake *fake, struct mgmt_worker *workers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        workers[i] = (struct mgmt_worker){.pool = fake_str("PHP"),
                                          .id = UINT64_C(0x400000000) + i,
                                          .pid = 1000 + (uint32_t)i,
                                          .state = WORKER_IDLE,
                                          .served = 7,
                                          .answered = 6,
                                          .requests_left = 993,
                                          .age_ms = 3500,
                                          .state_ms = 20,
                                          .private_bytes = UINT64_C(5000000000),
                                          .handle_count = 80,
                                          .url_path = fake_str(fake->clean ? "/" : FAKE_NASTY_PATH)};
    workers[0].state = WORKER_BUSY;
    workers[0].request = UINT64_MAX;
    workers[0].retiring_soon = true;
    workers[1] = (struct mgmt_worker){.pool = fake_str("Ruby"), .id = 1, .state = WORKER_CONNECTING, .url_path = fake_str("")};
}

static inline void fake_requests(const struct fake *fake, struct mgmt_request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        requests[i] = (struct mgmt_request){.pool = fake_str("PHP"),
                                            .id = 100 + i,
                                            .worker_pid = i == 0 ? 1000 : 0,
                                            .state = (enum mgmt_request_state)(MGMT_REQUEST_LINGERING - i % 4),
                                            .method = fake_str("POST"),
                                            .url_path = fake_str(fake->long_path ? fake->long_path : "/p"),
                                            .query = fake_str("token=query_secret"),
                                            .client = fake_str("192.0.2.77"),
                                            .age_ms = 60,
                                            .state_ms = 50,
                                            .body_bytes = UINT64_C(4294967297),
                                            .sent_bytes = 12,
                                            .waits_for_client = i == 0};
}

static inline void fake_exits(struct mgmt_exit *exits)
{
    exits[0] = (struct mgmt_exit){.pool = fake_str("PHP"),
                                  .pid = 999,
                                  .code = 0xc0000005,
                                  .cause = ERROR_CAUSE_WORKER_CRASHED,
                                  .at_unix_ms = FAKE_NOW_MS - 2500,
                                  .lived_ms = 10,
                                  .answered = 3,
                                  .url_path = fake_str("/crash")};
    exits[1] =
        (struct mgmt_exit){.pool = fake_str("Ruby"), .expected = true, .at_unix_ms = FAKE_NOW_MS + 1, .url_path = fake_str("")};
}

enum { FAKE_POOLS = 3, FAKE_WORKERS = 2, FAKE_REQUESTS = 5, FAKE_EXITS = 2 };

static inline struct mgmt_snapshot *fake_snapshot(void *context, unsigned want)
{
    struct fake *fake = context;
    size_t workers = FAKE_WORKERS + fake->workers;
    fake->wanted = want;
    struct mgmt_snapshot *snapshot = fake->no_memory ? NULL : calloc(1, sizeof *snapshot);
    if (!snapshot)
        return NULL;
    snapshot->pools = calloc(FAKE_POOLS, sizeof *snapshot->pools);
    snapshot->workers = calloc(workers, sizeof *snapshot->workers);
    snapshot->requests = calloc(FAKE_REQUESTS, sizeof *snapshot->requests);
    snapshot->exits = calloc(FAKE_EXITS, sizeof *snapshot->exits);
    if (!snapshot->pools || !snapshot->workers || !snapshot->requests || !snapshot->exits)
        abort();
    fake_server(fake, &snapshot->server);
    fake_pools(snapshot->pools);
    fake_workers(fake, snapshot->workers, workers);
    fake_requests(fake, snapshot->requests, FAKE_REQUESTS);
    fake_exits(snapshot->exits);
    snapshot->pool_count = want & MGMT_WANT_POOLS ? FAKE_POOLS : 0; /* what was not asked for is not there */
    snapshot->worker_count = want & MGMT_WANT_WORKERS ? workers : 0;
    snapshot->request_count = want & MGMT_WANT_REQUESTS ? FAKE_REQUESTS : 0;
    snapshot->exit_count = want & MGMT_WANT_EXITS ? FAKE_EXITS : 0;
    fake->held++;
    return snapshot;
}

static inline void fake_free_snapshot(void *context, struct mgmt_snapshot *snapshot)
{
    ((struct fake *)context)->held--;
    free(snapshot->pools);
    free(snapshot->workers);
    free(snapshot->requests);
    free(snapshot->exits);
    free(snapshot);
}

static inline enum mgmt_error fake_command(void *context, const struct mgmt_command *command, struct mgmt_operation *operation)
{
    struct fake *fake = context;
    fake->commands++;
    fake->command = *command;
    fake->command_pool[0] = fake->command_caller[0] = '\0';
    strncat(fake->command_pool, command->pool, sizeof fake->command_pool - 1);
    strncat(fake->command_caller, command->caller, sizeof fake->command_caller - 1);
    fake->command.pool = fake->command_pool;
    fake->command.caller = fake->command_caller;
    *operation = (struct mgmt_operation){.id = UINT64_C(1) << 60, .kind = command->kind, .total = 3};
    strncat(operation->pool, command->pool, sizeof operation->pool - 1);
    if (fake->command_reason)
        strncat(operation->reason, fake->command_reason, sizeof operation->reason - 1);
    return fake->command_error;
}

static inline void fake_denied(void *context, const char *caller, const char *method)
{
    struct fake *fake = context;
    snprintf(fake->denied, sizeof fake->denied, "%s: %s", caller, method);
}

static inline void fake_answered(void *context, enum counter_management outcome)
{
    struct fake *fake = context;
    fake->answered++;
    fake->outcome = outcome;
}

static inline enum mgmt_error fake_operation(void *context, uint64_t id, struct mgmt_operation *operation)
{
    struct fake *fake = context;
    *operation = fake->operation;
    operation->id = id;
    return fake->operation_error;
}

static inline const struct config *fake_in_force(void *context, void **reference)
{
    struct fake *fake = context;
    struct config *config = fake->no_memory ? NULL : config_parse(bytes_of_str(fake->ini_in_force), NULL);
    *reference = config;
    fake->held += config != NULL;
    return config;
}

static inline void fake_release(void *context, void *reference)
{
    ((struct fake *)context)->held--;
    config_destroy(reference);
}

static inline struct config *fake_check(void *context)
{
    struct fake *fake = context;
    return fake->no_memory ? NULL : config_parse(bytes_of_str(fake->ini_now), NULL);
}

/* Its ops point to it: it must not move. */
static inline void fake_init(struct fake *fake)
{
    *fake = (struct fake){.ini_in_force = fake_ini, .ini_now = fake_ini};
    fake->ops = (struct mgmt_ops){.context = fake,
                                  .snapshot = fake_snapshot,
                                  .free_snapshot = fake_free_snapshot,
                                  .command = fake_command,
                                  .denied = fake_denied,
                                  .answered = fake_answered,
                                  .operation = fake_operation,
                                  .config_in_force = fake_in_force,
                                  .config_release = fake_release,
                                  .config_check = fake_check};
}

#endif
