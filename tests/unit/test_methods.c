/* Every method: its right, its parameters, what it asks of the host, what it tells; and every error that it can come to. */
#include "tests/unit/rpc_testing.h"

/* Parameters with which each method succeeds. A new method needs a row. */
static const struct {
    const char *method, *params;
} good_calls[] = {
    {"server.info", NULL},
    {"status", "{}"},
    {"pool.list", "{\"page\":1,\"count\":1000}"},
    {"pool.show", "{\"pool\":\"php\"}"},
    {"pool.recycle", "{\"pool\":\"php\",\"now\":false}"},
    {"pool.drain", "{\"pool\":\"php\"}"},
    {"pool.resume", "{\"pool\":\"php\"}"},
    {"worker.list", "{\"pool\":\"RUBY\"}"},
    {"worker.recycle", "{\"pool\":\"php\",\"pid\":1000}"},
    {"worker.kill", "{\"pool\":\"php\",\"id\":\"17179869184\"}"},
    {"request.list", NULL},
    {"exit.list", NULL},
    {"config.show", NULL},
    {"config.check", NULL},
    {"config.reload", NULL},
    {"metrics", NULL},
    {"operation.wait", "{\"operation\":\"1\"}"},
    {"rpc.discover", NULL},
};

static void every_method_answers_and_gives_back_what_it_took(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    assert_int_equal(COUNT(good_calls), method_count);
    for (size_t i = 0; i < method_count; i++) {
        assert_string_equal(good_calls[i].method, methods[i].name);
        call_ok(&client, methods[i].name, good_calls[i].params);
    }
    client_close(&client);
}

static void rights_decide_what_may_be_called(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    for (int rights = 0; rights < 4; rights++) {
        client.caller.may_query = rights & 1;
        client.caller.may_operate = rights & 2;
        for (size_t i = 0; i < method_count; i++) {
            bool allowed = rights == 3 || (rights == 1 && methods[i].right == MGMT_RIGHT_QUERY);
            int commands = client.fake.commands;
            client.fake.denied[0] = '\0';
            call(&client, good_calls[i].method, good_calls[i].params);
            if (allowed) {
                assert_non_null(at(&client, "result"));
                continue;
            }
            expect_error(&client, MGMT_ERROR_ACCESS_DENIED);
            assert_string_equal(text_at(&client, "error.data.right"), rights & 1 ? "operate" : "query");
            assert_int_equal(client.fake.commands, commands);
            char told[200] = ""; /* to the log: who may look, and tried to operate */
            if (rights == 1)
                snprintf(told, sizeof told, "%s: %s", client.caller.account, methods[i].name);
            assert_string_equal(client.fake.denied, told);
        }
    }
    client_close(&client);
}

static void a_caller_without_the_query_right_learns_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no.such\"}", "{\"id\":1}",
                                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pool.show\",\"params\":{\"pool\":\"nix\"}}",
                                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"x\":1}"};
    struct client client;
    client_open(&client);
    client.caller.may_query = false;
    for (size_t i = 0; i < COUNT(lines); i++) {
        send_line(&client, lines[i]);
        expect_error(&client, MGMT_ERROR_ACCESS_DENIED);
        assert_false(reply_has(&client, "PHP"));
    }
    client_close(&client);
}

static void without_the_operate_right_no_query_string_client_or_secret_is_shown(void **state)
{
    (void)state;
    static const char *const secrets[] = {"query_secret", "192.0.2.77",    "secret,value",  "secret/,value", "a/b",
                                          "a//b",         "broken_secret", "hidden_secret", "lone_secret"};
    struct client client;
    client_open(&client);
    size_t seen[COUNT(secrets)] = {0};
    for (int operate = 0; operate < 2; operate++) {
        client.caller.may_operate = operate;
        for (size_t i = 0; i < method_count; i++) {
            call(&client, good_calls[i].method, good_calls[i].params);
            for (size_t s = 0; s < COUNT(secrets); s++) {
                bool shown = reply_has(&client, secrets[s]);
                if (shown && !operate)
                    fail_msg("%s shows %s", methods[i].name, secrets[s]);
                seen[s] += shown;
            }
        }
    }
    for (size_t s = 0; s < COUNT(secrets); s++)
        assert_true(seen[s] > 0); /* they are there to be seen */
    client.caller.may_operate = false;
    call_ok(&client, "config.show", "{\"pool\":\"php\"}");
    assert_string_equal(text_at(&client, "result.pools.0.settings.2.name"), "EnvironmentVars");
    assert_true(is_null_at(&client, "result.pools.0.settings.2.value"));
    assert_string_equal(text_at(&client, "result.pools.0.settings.2.variables.0.name"), "SECRET_NAME");
    assert_true(is_null_at(&client, "result.pools.0.settings.2.variables.0.value"));
    call_ok(&client, "config.check", NULL);
    assert_string_equal(text_at(&client, "result.diagnostics.0.message"), "'many' is not a number; allowed is 1 to 10000000");
    assert_string_equal(text_at(&client, "result.diagnostics.1.property"), "EnvironmentVars");
    assert_non_null(strstr(text_at(&client, "result.diagnostics.1.message"), "'...' between name and value"));
    assert_string_equal(text_at(&client, "result.diagnostics.2.property"), "");
    client_close(&client);
}

/* ---- parameters */

static void a_parameter_that_is_wrong_is_named_and_nothing_is_done(void **state)
{
    (void)state;
    static const struct {
        const char *method, *params, *param, *message;
    } rows[] = {
        {"status", "{\"pool\":\"php\"}", "pool", "there is no parameter"},
        {"pool.show", NULL, "pool", "is missing"},
        {"pool.show", "{}", "pool", "is missing"},
        {"pool.show", "{\"Pool\":\"php\"}", "Pool", "there is no parameter"},
        {"pool.show", "{\"pool\":1}", "pool", "must be a string"},
        {"pool.show", "{\"pool\":null}", "pool", "must be a string"},
        {"pool.show", "{\"pool\":\"php\",\"pool\":\"php\"}", "pool", "is given twice"},
        {"pool.recycle", "{\"pool\":\"php\",\"now\":1}", "now", "must be true or false"},
        {"pool.recycle", "{\"pool\":\"php\",\"now\":\"true\"}", "now", "must be true or false"},
        {"pool.recycle", "{\"pool\":\"php\",\"wait\":true}", "wait", "there is no parameter"},
        {"pool.drain", "{\"pool\":\"php\",\"ttl\":10}", "ttl", "there is no parameter"},
        {"pool.drain", "{\"pool\":\"php\",\"ttl_seconds\":0}", "ttl_seconds", "from 1 to 31536000"},
        {"pool.drain", "{\"pool\":\"php\",\"ttl_seconds\":0.999}", "ttl_seconds", "from 1 to 31536000"},
        {"pool.drain", "{\"pool\":\"php\",\"ttl_seconds\":31536000.5}", "ttl_seconds", "from 1 to 31536000"},
        {"pool.drain", "{\"pool\":\"php\",\"ttl_seconds\":1e999}", "ttl_seconds", "from 1 to 31536000"},
        {"pool.drain", "{\"pool\":\"php\",\"ttl_seconds\":\"10\"}", "ttl_seconds", "from 1 to 31536000"},
        {"pool.list", "{\"page\":0}", "page", "from 1 to 1000000"},
        {"pool.list", "{\"page\":-1}", "page", "from 1 to 1000000"},
        {"pool.list", "{\"page\":1.5}", "page", "must be an integer"},
        {"pool.list", "{\"count\":1001}", "count", "from 1 to 1000"},
        {"worker.kill", "{\"pool\":\"php\"}", "pid", "one of the parameters"},
        {"worker.kill", "{\"pool\":\"php\",\"pid\":1,\"id\":\"1\"}", "pid", "one of the parameters"},
        {"worker.kill", "{\"pool\":\"php\",\"pid\":0}", "pid", "from 1 to 4294967295"},
        {"worker.kill", "{\"pool\":\"php\",\"pid\":4294967296}", "pid", "from 1 to 4294967295"},
        {"worker.kill", "{\"pool\":\"php\",\"id\":1}", "id", "a string of digits"},
        {"worker.kill", "{\"pool\":\"php\",\"id\":\"\"}", "id", "a string of digits"},
        {"worker.kill", "{\"pool\":\"php\",\"id\":\"-1\"}", "id", "a string of digits"},
        {"worker.kill", "{\"pool\":\"php\",\"id\":\"18446744073709551616\"}", "id", "a string of digits"},
        {"operation.wait", "{\"operation\":\"1\",\"timeout_seconds\":3600.001}", "timeout_seconds", "from 0 to 3600"},
        {"operation.wait", "{\"operation\":\"1\",\"timeout_seconds\":-1}", "timeout_seconds", "from 0 to 3600"},
        {"operation.wait", "{\"operation\":\"x\"}", "operation", "a string of digits"},
    };
    struct client client;
    client_open(&client);
    for (size_t i = 0; i < COUNT(rows); i++) {
        call_fails(&client, rows[i].method, rows[i].params, MGMT_ERROR_INVALID_PARAMS);
        assert_string_equal(text_at(&client, "error.data.param"), rows[i].param);
        if (!strstr(text_at(&client, "error.message"), rows[i].message))
            fail_msg("%s %s -> %s", rows[i].method, rows[i].params, text_at(&client, "error.message"));
    }
    assert_int_equal(client.fake.commands, 0);
    call(&client, "pool.drain", "{\"ttl\":1}");
    assert_string_equal(text_at(&client, "error.data.hint"), "parameters of pool.drain: pool, ttl_seconds, persist");
    call(&client, "status", "{\"ttl\":1}");
    assert_string_equal(text_at(&client, "error.data.hint"), "status has no parameters");
    client_close(&client);
}

static void an_unknown_method_is_named(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_fails(&client, "pool.recyle", NULL, MGMT_ERROR_METHOD_NOT_FOUND);
    assert_string_equal(text_at(&client, "error.data.method"), "pool.recyle");
    call_fails(&client, "Status", NULL, MGMT_ERROR_METHOD_NOT_FOUND);
    call_fails(&client, "", NULL, MGMT_ERROR_METHOD_NOT_FOUND);
    client_close(&client);
}

static void a_long_name_in_a_message_is_cut_between_characters(void **state)
{
    (void)state;
    struct client client;
    char name[400] = "x";
    client_open(&client);
    while (strlen(name) < 200)
        strcat(name, "\xc3\xa4");
    call_fails(&client, name, NULL, MGMT_ERROR_METHOD_NOT_FOUND);
    assert_string_equal(text_at(&client, "error.data.method"), name);
    const char *message = text_at(&client, "error.message");
    assert_null(strstr(message, "\xef\xbf\xbd"));
    assert_non_null(strstr(message, "\xc3\xa4...'"));
    assert_true(strlen(message) < 120);
    client_close(&client);
}

static void borders_of_numbers_reach_the_host_as_they_are(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "worker.recycle", "{\"pool\":\"php\",\"pid\":4294967295}");
    assert_int_equal(client.fake.command.pid, UINT32_MAX);
    call_ok(&client, "worker.recycle", "{\"pool\":\"php\",\"id\":\"18446744073709551615\"}");
    assert_true(client.fake.command.worker == UINT64_MAX && client.fake.command.pid == 0);
    call_ok(&client, "pool.drain", "{\"pool\":\"php\",\"ttl_seconds\":31536000}");
    assert_true(client.fake.command.ttl_ms == UINT64_C(31536000000));
    call_ok(&client, "pool.drain", "{\"pool\":\"php\",\"ttl_seconds\":1.0001}");
    assert_true(client.fake.command.ttl_ms == 1001); /* never shorter than asked */
    call_ok(&client, "pool.drain", "{\"pool\":\"php\",\"ttl_seconds\":1.1}");
    assert_true(client.fake.command.ttl_ms == 1100);
    call_ok(&client, "pool.drain", "{\"pool\":\"php\",\"ttl_seconds\":2.3}");
    assert_true(client.fake.command.ttl_ms == 2300);
    call_ok(&client, "pool.drain", "{\"pool\":\"php\"}");
    assert_true(client.fake.command.ttl_ms == 0);
    call_ok(&client, "pool.list", "{\"page\":1000000,\"count\":1000}");
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.pools")), 0);
    client_close(&client);
}

/* ---- lists */

static void lists_come_in_pages(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    client.fake.workers = 448; /* 450 with Ruby's one */
    size_t seen = 0, pages = 0;
    double page = 1;
    do {
        char params[60];
        snprintf(params, sizeof params, "{\"page\":%d}", (int)page);
        call_ok(&client, "worker.list", params);
        assert_true(number_at(&client, "result.total") == 450);
        seen += (size_t)cJSON_GetArraySize(at(&client, "result.workers"));
        page = is_null_at(&client, "result.next_page") ? 0 : number_at(&client, "result.next_page");
        pages++;
    } while (page > 0);
    assert_int_equal(seen, 450);
    assert_int_equal(pages, 3);
    call_ok(&client, "worker.list", "{\"pool\":\"pHp\",\"count\":449}");
    assert_true(number_at(&client, "result.total") == 449 && is_null_at(&client, "result.next_page"));
    call_ok(&client, "worker.list", "{\"pool\":\"php\",\"count\":448}");
    assert_true(number_at(&client, "result.next_page") == 2);
    call_ok(&client, "worker.list", "{\"pool\":\"php\",\"count\":448,\"page\":2}");
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.workers")), 1);
    call_ok(&client, "worker.list", "{\"page\":4}");
    assert_true(number_at(&client, "result.total") == 450 && is_null_at(&client, "result.next_page"));
    call_ok(&client, "pool.show", "{\"pool\":\"php\"}");
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.workers")), MGMT_PAGE_COUNT);
    assert_true(number_at(&client, "result.worker_total") == 449);
    client_close(&client);
}

static void a_reply_that_would_be_too_long_tells_to_ask_for_less(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    client.fake.workers = 5000;
    call_ok(&client, "worker.list", "{\"count\":1000}");
    assert_true(client.line.len > 200000);
    buffer_deinit(&client.out);
    buffer_init(&client.out, 100000);
    call_fails(&client, "worker.list", "{\"count\":1000}", MGMT_ERROR_REPLY_TOO_LONG);
    assert_non_null(strstr(text_at(&client, "error.data.hint"), "pages"));
    call_ok(&client, "worker.list", "{\"count\":100}");
    client_close(&client);
}

static void only_what_is_shown_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *method, *params;
        unsigned want;
    } rows[] = {
        {"server.info", NULL, 0},
        {"status", NULL, MGMT_WANT_POOLS},
        {"worker.list", NULL, MGMT_WANT_WORKERS},
        {"worker.list", "{\"pool\":\"php\"}", MGMT_WANT_WORKERS | MGMT_WANT_POOLS},
        {"request.list", NULL, MGMT_WANT_REQUESTS},
        {"exit.list", NULL, MGMT_WANT_EXITS},
        {"metrics", NULL, MGMT_WANT_POOLS},
        {"pool.show", "{\"pool\":\"php\"}", MGMT_WANT_POOLS | MGMT_WANT_WORKERS | MGMT_WANT_EXITS},
    };
    struct client client;
    client_open(&client);
    for (size_t i = 0; i < COUNT(rows); i++) {
        call_ok(&client, rows[i].method, rows[i].params);
        assert_int_equal(client.fake.wanted, rows[i].want);
    }
    client_close(&client);
}

static void a_pool_that_is_not_there_is_named_with_those_that_are(void **state)
{
    (void)state;
    static const char *const named[] = {"pool.show", "worker.list", "request.list", "exit.list", "config.show"};
    struct client client;
    client_open(&client);
    for (size_t i = 0; i < COUNT(named); i++) {
        call_fails(&client, named[i], "{\"pool\":\"phpx\"}", MGMT_ERROR_NO_SUCH_POOL);
        assert_string_equal(text_at(&client, "error.message"), "there is no pool 'phpx'");
        assert_string_equal(text_at(&client, "error.data.hint"), "pools: PHP, Ruby, Broken");
        assert_string_equal(text_at(&client, "error.data.pool"), "phpx");
    }
    client.fake.command_error = MGMT_ERROR_NO_SUCH_POOL;
    call_fails(&client, "pool.recycle", "{\"pool\":\"\"}", MGMT_ERROR_NO_SUCH_POOL);
    assert_string_equal(text_at(&client, "error.data.hint"), "pools: PHP, Ruby, Broken");
    client_close(&client);
}

static void out_of_memory_is_an_internal_error_of_any_method_that_looks(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    client.fake.no_memory = true;
    for (size_t i = 0; i < method_count; i++) {
        call(&client, good_calls[i].method, good_calls[i].params);
        bool looks = methods[i].right == MGMT_RIGHT_QUERY && strcmp(methods[i].name, "rpc.discover") != 0 &&
                     strcmp(methods[i].name, "operation.wait") != 0;
        if (looks)
            expect_error(&client, MGMT_ERROR_INTERNAL);
        else
            assert_non_null(at(&client, "result"));
    }
    client_close(&client);
}

/* ---- commands */

static void commands_reach_the_host_with_their_caller(void **state)
{
    (void)state;
    static const struct {
        const char *method, *params, *kind;
        struct mgmt_command command;
    } rows[] = {
        {"pool.recycle", "{\"pool\":\"php\"}", "recycle", {.kind = MGMT_COMMAND_RECYCLE}},
        {"pool.recycle", "{\"now\":true,\"pool\":\"php\"}", "recycle", {.kind = MGMT_COMMAND_RECYCLE, .now = true}},
        {"pool.drain",
         "{\"pool\":\"php\",\"ttl_seconds\":2,\"persist\":true}",
         "drain",
         {.kind = MGMT_COMMAND_DRAIN, .ttl_ms = 2000, .persist = true}},
        {"pool.resume", "{\"pool\":\"php\"}", "resume", {.kind = MGMT_COMMAND_RESUME}},
        {"worker.recycle", "{\"pool\":\"php\",\"pid\":7}", "worker_recycle", {.kind = MGMT_COMMAND_WORKER_RECYCLE, .pid = 7}},
        {"worker.kill", "{\"pool\":\"php\",\"id\":\"7\"}", "worker_kill", {.kind = MGMT_COMMAND_WORKER_KILL, .worker = 7}},
        {"config.reload", "{}", "reload", {.kind = MGMT_COMMAND_RELOAD}},
    };
    struct client client;
    client_open(&client);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct mgmt_command *got = &client.fake.command, *expected = &rows[i].command;
        call_ok(&client, rows[i].method, rows[i].params);
        assert_int_equal(client.fake.commands, i + 1);
        assert_int_equal(got->kind, expected->kind);
        assert_string_equal(got->pool, expected->kind == MGMT_COMMAND_RELOAD ? "" : "php");
        assert_true(got->pid == expected->pid && got->worker == expected->worker && got->ttl_ms == expected->ttl_ms);
        assert_true(got->now == expected->now && got->persist == expected->persist);
        assert_string_equal(got->caller, "HOST\\admin");
        assert_string_equal(text_at(&client, "result.operation.id"), "1152921504606846976");
        assert_string_equal(text_at(&client, "result.operation.kind"), rows[i].kind);
        assert_string_equal(text_at(&client, "result.operation.state"), "running");
    }
    client_close(&client);
}

static void a_command_that_is_refused_says_why(void **state)
{
    (void)state;
    static const struct {
        enum mgmt_error error;
        const char *reason, *message;
    } rows[] = {
        {MGMT_ERROR_NO_SUCH_WORKER, NULL, "pool 'php' has no worker with pid 12"},
        {MGMT_ERROR_REFUSED, "the pool is shutting down", "the pool is shutting down"},
        {MGMT_ERROR_REFUSED, NULL, "the pool's state does not allow it"},
        {MGMT_ERROR_TOO_MANY, NULL, "too many operations run already"},
        {MGMT_ERROR_TOO_MANY, "16 operations run already", "16 operations run already"},
        {MGMT_ERROR_CONFIG_INVALID, "fcgiext.ini has 4 errors", "fcgiext.ini has 4 errors"},
        {MGMT_ERROR_INTERNAL, "100%s", "100%s"}, /* text, no format */
        {MGMT_ERROR_INTERNAL, NULL, "the command failed"},
    };
    struct client client;
    client_open(&client);
    for (size_t i = 0; i < COUNT(rows); i++) {
        client.fake.command_error = rows[i].error;
        client.fake.command_reason = rows[i].reason;
        call_fails(&client, "worker.kill", "{\"pool\":\"php\",\"pid\":12}", rows[i].error);
        assert_string_equal(text_at(&client, "error.message"), rows[i].message);
    }
    client.fake.command_error = MGMT_ERROR_REFUSED;
    call_fails(&client, "pool.recycle", "{\"pool\":\"ruby\"}", MGMT_ERROR_REFUSED);
    assert_string_equal(text_at(&client, "error.data.state"), "rapid_fail");
    client.fake.command_error = MGMT_ERROR_CONFIG_INVALID;
    call_fails(&client, "config.reload", NULL, MGMT_ERROR_CONFIG_INVALID);
    assert_true(number_at(&client, "error.data.diagnostics.0.line") == 14);
    client.fake.command_error = MGMT_ERROR_NO_SUCH_WORKER;
    call_fails(&client, "worker.kill", "{\"pool\":\"php\",\"id\":\"18446744073709551615\"}", MGMT_ERROR_NO_SUCH_WORKER);
    assert_string_equal(text_at(&client, "error.message"), "pool 'php' has no worker with id 18446744073709551615");
    client_close(&client);
}

static void a_refusal_without_memory_for_its_details_is_an_internal_error(void **state)
{
    (void)state;
    static const enum mgmt_error errors[] = {MGMT_ERROR_NO_SUCH_POOL, MGMT_ERROR_REFUSED, MGMT_ERROR_CONFIG_INVALID};
    struct client client;
    client_open(&client);
    client.fake.no_memory = true;
    for (size_t i = 0; i < COUNT(errors); i++) {
        client.fake.command_error = errors[i];
        call_fails(&client, "pool.resume", "{\"pool\":\"x\"}", MGMT_ERROR_INTERNAL);
    }
    client_close(&client);
}

/* ---- waiting */

static struct bytes wait_for(struct client *client, const char *seconds)
{
    char line[200];
    snprintf(
        line, sizeof line,
        "{\"jsonrpc\":\"2.0\",\"id\":\"w\\n\",\"method\":\"operation.wait\",\"params\":{\"operation\":\"18446744073709551615\","
        "\"timeout_seconds\":%s}}",
        seconds);
    return rpc_handle(&client->fake.ops, &client->caller, bytes_of_str(line), client->now_ms, &client->out, &client->wait);
}

static void waiting_does_not_block_and_ends_with_the_operation(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    client.now_ms = UINT64_C(1) << 40;
    client.fake.operation = (struct mgmt_operation){.state = MGMT_OPERATION_RUNNING, .done = 1, .total = 3};
    assert_int_equal(wait_for(&client, "30").len, 0);
    assert_true(client.wait.method.waits && client.wait.method.deadline_ms == client.now_ms + 30000);
    assert_int_equal(rpc_poll(&client.fake.ops, client.now_ms + 29999, &client.out, &client.wait).len, 0);
    client.fake.operation.state = MGMT_OPERATION_DONE;
    take_reply(&client, rpc_poll(&client.fake.ops, client.now_ms + 29999, &client.out, &client.wait));
    assert_string_equal(text_at(&client, "id"), "w\n");
    assert_string_equal(text_at(&client, "result.operation.id"), "18446744073709551615");
    assert_string_equal(text_at(&client, "result.operation.state"), "done");
    assert_true(number_at(&client, "result.operation.total") == 3);
    assert_false(true_at(&client, "result.timed_out"));
    assert_false(client.wait.method.waits);
    client_close(&client);
}

static void waiting_ends_at_its_deadline_with_the_progress(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    client.fake.operation = (struct mgmt_operation){.state = MGMT_OPERATION_RUNNING, .reason = "a request runs for 70 s"};
    assert_int_equal(wait_for(&client, "0.0001").len, 0); /* rounded up to a millisecond */
    take_reply(&client, rpc_poll(&client.fake.ops, client.now_ms + 1, &client.out, &client.wait));
    assert_true(true_at(&client, "result.timed_out"));
    assert_string_equal(text_at(&client, "result.operation.state"), "running");
    assert_string_equal(text_at(&client, "result.operation.reason"), "a request runs for 70 s");
    take_reply(&client, wait_for(&client, "0"));
    assert_true(true_at(&client, "result.timed_out"));
    client_close(&client);
}

static void waiting_for_what_has_ended_answers_at_once(void **state)
{
    (void)state;
    static const struct {
        enum mgmt_operation_state state;
        const char *name;
    } rows[] = {{MGMT_OPERATION_DONE, "done"}, {MGMT_OPERATION_FAILED, "failed"}, {MGMT_OPERATION_SUPERSEDED, "superseded"}};
    struct client client;
    client_open(&client);
    for (size_t i = 0; i < COUNT(rows); i++) {
        client.fake.operation.state = rows[i].state;
        take_reply(&client, wait_for(&client, "3600"));
        assert_string_equal(text_at(&client, "result.operation.state"), rows[i].name);
        assert_false(true_at(&client, "result.timed_out"));
    }
    client_close(&client);
}

static void an_operation_that_is_unknown_or_forgotten_meanwhile_is_an_error(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    client.fake.operation.state = MGMT_OPERATION_RUNNING;
    assert_int_equal(wait_for(&client, "30").len, 0);
    client.fake.operation_error = MGMT_ERROR_NO_SUCH_OPERATION;
    take_reply(&client, rpc_poll(&client.fake.ops, client.now_ms, &client.out, &client.wait));
    expect_error(&client, MGMT_ERROR_NO_SUCH_OPERATION);
    assert_string_equal(text_at(&client, "error.data.operation"), "18446744073709551615");
    take_reply(&client, wait_for(&client, "30"));
    expect_error(&client, MGMT_ERROR_NO_SUCH_OPERATION);
    client_close(&client);
}

/* ---- the table itself */

static void discover_tells_the_whole_table(void **state)
{
    (void)state;
    struct client client;
    client_open(&client);
    call_ok(&client, "rpc.discover", NULL);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.methods")), method_count);
    assert_int_equal(cJSON_GetArraySize(at(&client, "result.errors")), mgmt_error_count);
    assert_string_equal(text_at(&client, "result.methods.5.name"), "pool.drain");
    assert_string_equal(text_at(&client, "result.methods.5.right"), "operate");
    assert_string_equal(text_at(&client, "result.methods.5.params.1.name"), "ttl_seconds");
    assert_string_equal(text_at(&client, "result.methods.5.params.1.type"), "number");
    assert_false(true_at(&client, "result.methods.5.params.1.required"));
    assert_true(number_at(&client, "result.methods.5.params.1.maximum") == 31536000);
    assert_null(at(&client, "result.methods.5.params.2.maximum"));
    assert_true(number_at(&client, "result.errors.0.code") == MGMT_ERROR_PARSE);
    client_close(&client);
}

static void rows_are_whole_and_names_stand_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < method_count; i++) {
        assert_true(methods[i].summary[0] && methods[i].result[0] && methods[i].handle);
        for (size_t b = 0; b < i; b++)
            assert_string_not_equal(methods[i].name, methods[b].name);
        for (size_t p = 0; p < METHOD_MAX_PARAMS && methods[i].params[p].name; p++) {
            const struct method_param *param = &methods[i].params[p];
            bool number = param->type == METHOD_INTEGER || param->type == METHOD_SECONDS;
            assert_true(param->summary[0] && (number ? param->max > param->min : param->max == 0));
        }
    }
    for (size_t i = 0; i < mgmt_error_count; i++)
        for (size_t b = 0; b < i; b++) {
            assert_int_not_equal(mgmt_errors[i].code, mgmt_errors[b].code);
            assert_string_not_equal(mgmt_errors[i].reason, mgmt_errors[b].reason);
        }
    assert_string_equal(mgmt_error_reason(MGMT_ERROR_NONE), "internal"); /* a stray number is no way out of the table */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_answers_and_gives_back_what_it_took),
        cmocka_unit_test(rights_decide_what_may_be_called),
        cmocka_unit_test(a_caller_without_the_query_right_learns_nothing),
        cmocka_unit_test(without_the_operate_right_no_query_string_client_or_secret_is_shown),
        cmocka_unit_test(a_parameter_that_is_wrong_is_named_and_nothing_is_done),
        cmocka_unit_test(an_unknown_method_is_named),
        cmocka_unit_test(a_long_name_in_a_message_is_cut_between_characters),
        cmocka_unit_test(borders_of_numbers_reach_the_host_as_they_are),
        cmocka_unit_test(lists_come_in_pages),
        cmocka_unit_test(a_reply_that_would_be_too_long_tells_to_ask_for_less),
        cmocka_unit_test(only_what_is_shown_is_asked_for),
        cmocka_unit_test(a_pool_that_is_not_there_is_named_with_those_that_are),
        cmocka_unit_test(out_of_memory_is_an_internal_error_of_any_method_that_looks),
        cmocka_unit_test(commands_reach_the_host_with_their_caller),
        cmocka_unit_test(a_command_that_is_refused_says_why),
        cmocka_unit_test(a_refusal_without_memory_for_its_details_is_an_internal_error),
        cmocka_unit_test(waiting_does_not_block_and_ends_with_the_operation),
        cmocka_unit_test(waiting_ends_at_its_deadline_with_the_progress),
        cmocka_unit_test(waiting_for_what_has_ended_answers_at_once),
        cmocka_unit_test(an_operation_that_is_unknown_or_forgotten_meanwhile_is_an_error),
        cmocka_unit_test(discover_tells_the_whole_table),
        cmocka_unit_test(rows_are_whole_and_names_stand_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
