/* fcgictl_fake: hosts with canned replies, and a terminal that keeps what is written. JSON is written with ' in place of ", so that tests
 * can be read. */
#ifndef FCGIEXT_TESTS_FCGICTL_FAKE_H
#define FCGIEXT_TESTS_FCGICTL_FAKE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "tools/fcgictl/fcgictl.h"

enum { FAKE_MAX_REPLIES = 64 };

struct fake_reply {
    uint32_t pid;
    const char *method;
    const char *json; /* "result" or, beginning with "error:", the error */
    enum fcgictl_call call;
    unsigned takes_ms;
    bool used;
};

static struct fake {
    struct fcgictl_hosts hosts;
    struct fcgictl_terminal terminal;
    struct fcgictl_exporter exporter; /* without functions: nobody but the tests of the exporter calls them */
    struct fcgictl_environment environment;
    struct fcgictl_host list[FCGICTL_MAX_HOSTS];
    size_t host_count;
    struct fake_reply replies[FAKE_MAX_REPLIES];
    size_t reply_count;
    struct text out, err;
    struct text progress; /* each line that was shown, and "-" where it was taken away */
    struct text calls;    /* "1234 pool.recycle {...}" a line */
    unsigned last_timeout_ms;
    uint64_t now_ms;
    unsigned waits;
    unsigned interrupt_after; /* calls and waits until Ctrl-C; 0: never */
    unsigned clears;
    bool catching;
    const char *file; /* what read_file gives; NULL: it cannot be opened */
    struct text written_file;
    char written_to[200]; /* "FOLDER|NAME" of the last replace_file */
    bool refuses_to_write;
} fake;

static size_t fake_list(void *context, struct fcgictl_host *hosts, size_t max)
{
    (void)context;
    assert_true(fake.host_count <= max);
    memcpy(hosts, fake.list, fake.host_count * sizeof *hosts);
    return fake.host_count;
}

static char *fake_quotes(const char *json)
{
    char *copy = malloc(strlen(json) + 1);
    assert_non_null(copy);
    strcpy(copy, json);
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return copy;
}

/* The replies to one method of one host are used one after another, the last one again and again. */
static struct fake_reply *fake_find(uint32_t pid, const char *method)
{
    struct fake_reply *found = NULL;
    for (size_t i = 0; i < fake.reply_count; i++) {
        struct fake_reply *reply = &fake.replies[i];
        if (reply->pid == pid && strcmp(reply->method, method) == 0) {
            found = reply;
            if (!reply->used)
                break;
        }
    }
    if (!found)
        fail_msg("nobody expects a call of %s at %u", method, (unsigned)pid);
    else
        found->used = true;
    return found;
}

static bool fake_tick(void)
{
    return fake.interrupt_after > 0 && --fake.interrupt_after == 0 && (fake.interrupt_after = 1, true);
}

static enum fcgictl_call fake_call(void *context, uint32_t pid, const char *line, unsigned timeout_ms, char **reply, char *why,
                                   size_t why_size)
{
    (void)context;
    cJSON *request = cJSON_Parse(line);
    assert_non_null(request);
    assert_null(strchr(line, '\n'));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(request, "jsonrpc")), "2.0");
    const char *method = cJSON_GetStringValue(cJSON_GetObjectItem(request, "method"));
    char *params = cJSON_PrintUnformatted(cJSON_GetObjectItem(request, "params"));
    text_addf(&fake.calls, "%u %s%s%s", (unsigned)pid, method, params ? " " : "", params ? params : "");
    text_add(&fake.calls, "\n");
    fake.last_timeout_ms = timeout_ms;
    const struct fake_reply *canned = fake_find(pid, method);
    fake.now_ms += canned->takes_ms;
    snprintf(why, why_size, "%s", canned->call == FCGICTL_CALL_FAILED ? canned->json : "");
    if (canned->call == FCGICTL_CALL_OK) {
        char *json = fake_quotes(canned->json), *answer = malloc(strlen(json) + 100);
        bool error = strncmp(json, "error:", 6) == 0, raw = strncmp(json, "raw:", 4) == 0;
        if (raw)
            strcpy(answer, json + 4);
        else
            sprintf(answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"%s\":%s}", error ? "error" : "result", error ? json + 6 : json);
        *reply = answer;
        free(json);
    }
    cJSON_free(params);
    cJSON_Delete(request);
    return canned->call;
}

/* Colours: "{bad}" ... "{}". */
static void fake_write(void *context, enum fcgictl_stream stream, enum style style, const char *utf8, size_t len)
{
    static const char *const names[] = {"", "", "{strong}", "{good}", "{warning}", "{bad}", "{faint}"};
    struct text *out = stream == FCGICTL_OUT ? &fake.out : &fake.err;
    (void)context;
    for (size_t i = 0; i < len; i++)
        assert_true((unsigned char)utf8[i] >= 0x20 ? utf8[i] != 0x7f : utf8[i] == '\n');
    text_add(out, names[style]);
    text_add_len(out, utf8, len);
    if (style != STYLE_NONE)
        text_add(out, "{}");
}

static void fake_show_progress(void *context, const char *line)
{
    (void)context;
    assert_true(fake.terminal.out_is_terminal);
    text_add(&fake.progress, line ? line : "-");
    text_add(&fake.progress, "\n");
}

static void fake_clear(void *context)
{
    (void)context;
    fake.clears++;
}

static uint64_t fake_now_ms(void *context)
{
    (void)context;
    return fake.now_ms;
}

static void fake_catch_interrupt(void *context)
{
    (void)context;
    fake.catching = true;
}

static bool fake_interrupted(void *context)
{
    (void)context;
    return fake.catching && fake_tick();
}

static bool fake_wait(void *context, unsigned ms)
{
    (void)context;
    fake.waits++;
    fake.now_ms += ms;
    if (fake.waits > 1000)
        fail_msg("it waits without an end");
    return !fake_tick();
}

static bool fake_read_file(void *context, const char *path, char **bytes, size_t *len, char *why, size_t why_size)
{
    (void)context;
    (void)path;
    if (!fake.file) {
        snprintf(why, why_size, "file not found (2)");
        return false;
    }
    *len = strlen(fake.file);
    *bytes = malloc(*len + 1);
    assert_non_null(*bytes);
    memcpy(*bytes, fake.file, *len + 1);
    return true;
}

static bool fake_replace_file(void *context, const char *folder, const char *name, const char *bytes, size_t len, char *why,
                              size_t why_size)
{
    (void)context;
    snprintf(fake.written_to, sizeof fake.written_to, "%s|%s", folder, name);
    if (fake.refuses_to_write) {
        snprintf(why, why_size, "access is denied (5)");
        return false;
    }
    text_clear(&fake.written_file);
    text_add_len(&fake.written_file, bytes, len);
    return true;
}

static inline void fake_host(uint32_t pid)
{
    struct fcgictl_host host = {.pid = pid, .program = "w3wp.exe"};
    fake.list[fake.host_count++] = host;
}

static inline struct fake_reply *fake_reply(uint32_t pid, const char *method, const char *json)
{
    assert_true(fake.reply_count < FAKE_MAX_REPLIES);
    fake.replies[fake.reply_count] = (struct fake_reply){.pid = pid, .method = method, .json = json};
    return &fake.replies[fake.reply_count++];
}

static inline void fake_fails(uint32_t pid, const char *method, enum fcgictl_call call, const char *why)
{
    fake_reply(pid, method, why)->call = call;
}

/* One host, 1234, unless a test adds more. */
static inline int fake_setup(void **state)
{
    (void)state;
    fake.hosts = (struct fcgictl_hosts){.list = fake_list, .call = fake_call};
    fake.terminal = (struct fcgictl_terminal){
        .write = fake_write,
        .show_progress = fake_show_progress,
        .clear = fake_clear,
        .now_ms = fake_now_ms,
        .catch_interrupt = fake_catch_interrupt,
        .interrupted = fake_interrupted,
        .wait = fake_wait,
    };
    fake.environment = (struct fcgictl_environment){&fake.hosts,       &fake.terminal, NULL,          fake_read_file,
                                                    fake_replace_file, NULL,           &fake.exporter};
    fake_host(1234);
    return 0;
}

static inline int fake_teardown(void **state)
{
    (void)state;
    text_deinit(&fake.out);
    text_deinit(&fake.err);
    text_deinit(&fake.progress);
    text_deinit(&fake.calls);
    text_deinit(&fake.written_file);
    fake = (struct fake){0};
    return 0;
}

/* Splits the line at its spaces; what was written before is gone. */
static inline int fake_run(const char *line)
{
    static char text[1024];
    const char *arguments[32];
    size_t count = 0;
    text_clear(&fake.out);
    text_clear(&fake.err);
    text_clear(&fake.calls);
    text_clear(&fake.progress);
    strcpy(text, line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        arguments[count++] = word;
    return fcgictl_run(&fake.environment, count, arguments);
}

static inline const char *fake_out(void)
{
    return text_str(&fake.out);
}

static inline const char *fake_err(void)
{
    return text_str(&fake.err);
}

static inline void fake_out_has(const char *part)
{
    if (!strstr(fake_out(), part))
        fail_msg("this is not in it: %s\nall: %s", part, fake_out());
}

static inline void fake_err_has(const char *part)
{
    if (!strstr(fake_err(), part))
        fail_msg("this is not in it: %s\nall: %s", part, fake_err());
}

#define FAKE_TEST(function) cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

/* ---- what hosts say */

#define POOL(name, state, workers, busy, queued, more)                                                              \
    "{'name':'" name "','program':'C:\\\\" name ".exe','external':false,'broken':false,'state':'" state             \
    "','workers':{'current':" workers ",'maximum':8,'busy':" busy ",'idle':1,'starting':0,'retiring':0},"           \
    "'requests':{'running':" busy ",'queued':" queued ",'queue_length':100,'oldest_wait_seconds':0,"                \
    "'oldest_run_seconds':0.34},'limits':{'queue_length':100,'instance_max_requests':200,"                          \
    "'idle_timeout_seconds':300,'activity_timeout_seconds':30,'request_timeout_seconds':90},"                       \
    "'totals':{'requests':12034,'answered':12000,'failed':2,'failed_by_cause':{'activity_timeout':2},'rejected':0," \
    "'retried':1,'starts':9,'start_failures':0,'exits':5,'unexpected_exits':1},"                                    \
    "'started_time':'2026-01-02T03:04:05.000Z'" more "}"
#define PHP           POOL("php", "running", "4", "3", "0", "")
#define ECHO          POOL("echo", "running", "1", "0", "0", "")
#define LIST(pools)   "{'api_version':1,'pools':[" pools "],'total':2,'next_page':null}"
#define SERVER        "'server':{'version':'0.1.0','uptime_seconds':259300,'config':{'state':'ok','errors':0}}"
#define STATUS(pools) "{'api_version':1," SERVER ",'pools':[" pools "]}"
#define OPERATION(kind, state, done, total, reason)                                                                    \
    "{'api_version':1,'operation':{'id':'17179869185','kind':'" kind "','pool':'php','state':'" state "','done':" done \
    ",'total':" total ",'reason':'" reason "','age_seconds':0.1},'timed_out':false}"
#define ERROR(code, message, data) "error:{'code':" code ",'message':'" message "','data':" data "}"

#endif
