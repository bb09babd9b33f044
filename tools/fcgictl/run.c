/* run: see run.h. */
#include "tools/fcgictl/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fcgictl/commands.h"

enum { REPLY_MS = 10000 };

static void write_styled(const struct fcgictl_terminal *terminal, enum fcgictl_stream stream, const char *str)
{
    enum style style = STYLE_NONE;
    while (*str) {
        size_t len = strcspn(str, "\1\2\3\4\5\6");
        if (len > 0)
            terminal->write(terminal->context, stream, terminal->colours ? style : STYLE_NONE, str, len);
        str += len;
        if (*str)
            style = (enum style) * str++;
    }
}

void run_flush(struct run *run)
{
    if (run->out.failed) {
        run->out.failed = false;
        run_message(run, "out of memory");
        run_count_failure(run, FCGICTL_FAILED);
    }
    write_styled(run->terminal, FCGICTL_OUT, text_str(&run->out));
    text_clear(&run->out);
}

/* The format's result is cleaned as a whole: it may hold anything. */
static void write_error(struct run *run, enum style style, const char *before, const char *format, va_list arguments)
    TEXT_PRINTF(4, 0);

static void write_error(struct run *run, enum style style, const char *before, const char *format, va_list arguments)
{
    char line[1200];
    struct text text = {0};
    vsnprintf(line, sizeof line, format, arguments);
    text_add_style(&text, style);
    text_add(&text, before);
    text_add_style(&text, STYLE_NONE);
    text_add_data(&text, line);
    text_add(&text, "\n");
    write_styled(run->terminal, FCGICTL_ERR, text_str(&text));
    text_deinit(&text);
}

void run_message(struct run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_error(run, STYLE_BAD, "fcgictl: ", format, arguments);
    va_end(arguments);
}

void run_hint(struct run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_error(run, STYLE_STRONG, "hint: ", format, arguments);
    va_end(arguments);
}

int run_fail_usage(struct run *run, const char *what)
{
    run_message(run, "%s: %s", run->command->name, what);
    run_hint(run, "fcgictl %s %s", run->command->name, run->command->arguments);
    return FCGICTL_USAGE;
}

void run_count_done(struct run *run)
{
    run->done++;
}

void run_count_failure(struct run *run, int exit_code)
{
    if (run->failed == 0)
        run->exit_code = exit_code;
    else if (run->exit_code != exit_code)
        run->exit_code = FCGICTL_FAILED;
    run->failed++;
}

int run_exit_code(const struct run *run)
{
    if (run->failed == 0)
        return FCGICTL_DONE;
    return run->done > 0 ? FCGICTL_PARTLY : run->exit_code;
}

bool run_find_hosts(struct run *run)
{
    const struct fcgictl_hosts *hosts = run->environment->hosts;
    run->host_count = hosts->list(hosts->context, run->hosts, FCGICTL_MAX_HOSTS);
    if (run->options.given & OPTION_HOST) {
        /* Not listed: it may yet be there, where processes of other users are hidden. */
        struct fcgictl_host wanted = {.pid = run->options.host};
        for (size_t i = 0; i < run->host_count; i++)
            if (run->hosts[i].pid == wanted.pid)
                wanted = run->hosts[i];
        run->hosts[0] = wanted;
        run->host_count = 1;
    }
    if (run->host_count > 0)
        return true;
    run_message(run, "no host was found: no process has loaded fcgiext.dll");
    run_hint(run, "IIS loads the extension at the first request: ask for a page of the site, then try again");
    run_count_failure(run, FCGICTL_NO_HOST);
    return false;
}

bool run_is_json(const struct run *run)
{
    return run->options.format == FORMAT_JSON || run->options.format == FORMAT_NDJSON;
}

void run_call(struct run *run, const struct fcgictl_host *host, const char *method, cJSON *params, double extra_s,
              struct reply *reply)
{
    double timeout_ms = REPLY_MS;
    if ((run->options.given & OPTION_TIMEOUT) && !(run->options.given & OPTION_WAIT))
        timeout_ms = run->options.timeout_s * 1000;
    timeout_ms += extra_s * 1000;
    client_call(run->environment, host, method, params, timeout_ms < 1e9 ? (unsigned)timeout_ms : 1000000000u, reply);
}

void run_report(struct run *run, const struct reply *reply)
{
    run_message(run, "%s", reply->message);
    if (reply->hint[0])
        run_hint(run, "%s", reply->hint);
    run_count_failure(run, reply->exit_code);
}
