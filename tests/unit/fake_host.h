/* fake_host: a host with the server variables that a test gives it, and what cgi_vars makes of them. */
#ifndef FCGIEXT_TESTS_FAKE_HOST_H
#define FCGIEXT_TESTS_FAKE_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fcgiext/core/cgi_vars.h"
#include "tests/unit/var_list.h"

enum { MAX_HOST_VARS = 60, SCRATCH_LIMIT = 256 * 1024 };

/* A host: what it knows, and how often it was asked. An answer lives until the next question, as in a host that has one buffer. */
struct host {
    struct {
        const char *name;
        struct bytes value;
        unsigned asked;
    } vars[MAX_HOST_VARS];
    size_t count;
    char *answer;
    unsigned asked_in_vain;
};

static inline void host_set_bytes(struct host *host, const char *name, struct bytes value)
{
    size_t i = 0;
    while (i < host->count && strcmp(host->vars[i].name, name) != 0)
        i++;
    assert_true(i < MAX_HOST_VARS);
    host->vars[i].name = name;
    host->vars[i].value = value;
    if (i == host->count)
        host->count++;
}

static inline void host_set(struct host *host, const char *name, const char *value)
{
    host_set_bytes(host, name, bytes_of_str(value));
}

static inline void host_remove(struct host *host, const char *name)
{
    for (size_t i = 0; i < host->count; i++)
        if (strcmp(host->vars[i].name, name) == 0)
            host->vars[i] = host->vars[--host->count];
}

static inline bool host_get(void *context, const char *name, struct bytes *value)
{
    struct host *host = context;
    free(host->answer);
    host->answer = NULL;
    for (size_t i = 0; i < host->count; i++) {
        if (strcmp(host->vars[i].name, name) != 0)
            continue;
        host->vars[i].asked++;
        host->answer = malloc(host->vars[i].value.len ? host->vars[i].value.len : 1);
        assert_non_null(host->answer);
        if (host->vars[i].value.len > 0)
            memcpy(host->answer, host->vars[i].value.ptr, host->vars[i].value.len);
        *value = bytes_of(host->answer, host->vars[i].value.len);
        return true;
    }
    host->asked_in_vain++;
    *value = bytes_of("not to be used", 14);
    return false;
}

/* IIS with its defaults, /index.php/api?x=1 on site 1. */
static inline void host_init(struct host *host)
{
    *host = (struct host){.count = 0};
    host_set(host, "APPL_MD_PATH", "/LM/W3SVC/1/ROOT");
    host_set(host, "APPL_PHYSICAL_PATH", "C:\\inetpub\\wwwroot\\");
    host_set(host, "GATEWAY_INTERFACE", "CGI/1.1");
    host_set(host, "HTTPS", "off");
    host_set(host, "HTTP_URL", "/index.php/api?x=1");
    host_set(host, "INSTANCE_ID", "1");
    host_set(host, "PATH_INFO", "/index.php/api");
    host_set(host, "PATH_TRANSLATED", "C:\\inetpub\\wwwroot\\index.php\\api");
    host_set(host, "QUERY_STRING", "x=1");
    host_set(host, "REQUEST_METHOD", "GET");
    host_set(host, "SCRIPT_NAME", "/index.php");
    host_set(host, "SERVER_PROTOCOL", "HTTP/1.1");
    host_set(host, "SERVER_SOFTWARE", "Microsoft-IIS/6.0");
    host_set(host, "UNENCODED_URL", "/index.php/api?x=1");
    host_set(host, "URL", "/index.php");
    host_set(host, "ALL_RAW", "Host: localhost\r\nProxy: evil\r\n");
}

struct outcome {
    struct var_list list;
    enum cgi_vars_result result;
};

static inline struct cgi_vars_request request_to(struct host *host)
{
    return (struct cgi_vars_request){.get = host_get, .get_context = host};
}

static inline struct outcome emit(struct cgi_vars_request request)
{
    struct outcome outcome = {{NULL, 0}, CGI_VARS_OK};
    struct buffer scratch;
    buffer_init(&scratch, SCRATCH_LIMIT);
    request.scratch = &scratch;
    request.put = var_list_put;
    request.put_context = &outcome.list;
    outcome.result = cgi_vars_emit(&request);
    buffer_deinit(&scratch);
    struct host *host = request.get_context;
    free(host->answer);
    host->answer = NULL;
    if (outcome.result == CGI_VARS_BAD_PATH)
        assert_int_equal(outcome.list.count, 0);
    return outcome;
}

static inline struct outcome emit_host(struct host *host)
{
    return emit(request_to(host));
}

/* One variable of a request that must succeed. */
static inline void check_request(struct cgi_vars_request request, const char *name, const char *expected)
{
    struct outcome outcome = emit(request);
    assert_int_equal(outcome.result, CGI_VARS_OK);
    const char *value = var_list_find(&outcome.list, name);
    if (!value || strcmp(value, expected) != 0)
        fail_msg("%s is '%s', not '%s'", name, value ? value : "absent", expected);
    var_list_deinit(&outcome.list);
}

static inline void check(struct host *host, const char *name, const char *expected)
{
    check_request(request_to(host), name, expected);
}

static inline void check_bad(struct host *host)
{
    struct outcome outcome = emit_host(host);
    const char *file = var_list_find(&outcome.list, "SCRIPT_FILENAME");
    if (outcome.result != CGI_VARS_BAD_PATH)
        fail_msg("passed with SCRIPT_FILENAME '%s'", file ? file : "");
    var_list_deinit(&outcome.list);
}

/* A script at `url`, and what the host makes of it. */
static inline void host_set_script(struct host *host, const char *script_name, const char *path_info, const char *translated)
{
    host_set(host, "SCRIPT_NAME", script_name);
    host_set(host, "URL", script_name);
    host_set(host, "PATH_INFO", path_info);
    host_set(host, "PATH_TRANSLATED", translated);
}

#endif
