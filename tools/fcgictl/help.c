/* help: see help.h. */
#include "tools/fcgictl/help.h"

#include <string.h>

#include "fcgiext/version.h"
#include "mgmt/protocol.h"
#include "tools/fcgictl/listing.h"
#include "tools/fcgictl/lists.h"
#include "tools/fcgictl/value.h"

struct exit_row {
    int code;
    const char *text;
};

static const struct exit_row exit_rows[] = {
    {FCGICTL_DONE, "done"},
    {FCGICTL_FAILED, "failed"},
    {FCGICTL_USAGE, "wrong usage, or ambiguous"},
    {FCGICTL_NO_HOST, "no host: no process has loaded fcgiext.dll"},
    {FCGICTL_DENIED, "access denied"},
    {FCGICTL_NOT_FOUND, "no such pool, process or operation"},
    {FCGICTL_TIMED_OUT, "timed out, or the waiting was stopped by Ctrl-C; the operation goes on"},
    {FCGICTL_REFUSED, "refused by the state of the pool, or another command has taken its place"},
    {FCGICTL_PARTLY, "partly done: some hosts or pools yes, some no"},
};
enum { EXIT_ROWS = sizeof exit_rows / sizeof *exit_rows, WRAP = 100 };

static void add_padded(struct text *out, const char *str, size_t width)
{
    text_add(out, str);
    text_add_spaces(out, text_columns(str) < width ? width - text_columns(str) : 0);
}

static void add_option_name(struct text *out, const struct option *option)
{
    if (option->letter)
        text_addf(out, "-%c, ", option->letter);
    text_add(out, option->name);
    if (option->value)
        text_addf(out, "%s%s", option->value[0] == '[' ? "" : " ", option->value);
}

static void add_option(struct text *out, const struct option *option)
{
    struct text name = {0};
    add_option_name(&name, option);
    text_add(out, "  ");
    add_padded(out, text_str(&name), 24);
    text_addf(out, " %s", option->help);
    text_add(out, "\n");
    text_deinit(&name);
}

static void add_wrapped(struct text *out, const char *str)
{
    size_t column = 0;
    while (*str) {
        size_t len = strcspn(str, " ");
        if (column > 0 && column + 1 + len > WRAP) {
            text_add(out, "\n");
            column = 0;
        }
        if (column > 0)
            text_add(out, " ");
        text_add_len(out, str, len);
        column += len + (column > 0);
        str += len + (str[len] == ' ');
    }
    text_add(out, "\n");
}

static void add_heading(struct text *out, const char *heading)
{
    text_add(out, "\n");
    text_add_style(out, STYLE_STRONG);
    text_add(out, heading);
    text_add_style(out, STYLE_NONE);
    text_add(out, "\n");
}

static void add_usage(struct text *out, const struct command *command)
{
    text_addf(out, "%s%s%s", command->name, command->arguments[0] ? " " : "", command->arguments);
}

static void add_overview(struct text *out)
{
    text_add(out, "usage: fcgictl COMMAND [ARGUMENT] [OPTION]...\n"
                  "Sees and operates the FastCGI pools of fcgiext.dll while they serve.\n");
    add_heading(out, "Commands");
    for (size_t i = 0; i < commands_count; i++) {
        struct text usage = {0};
        add_usage(&usage, &commands_table[i]);
        text_add(out, "  ");
        if (usage.len > 24) {
            text_add(out, text_str(&usage));
            text_add(out, "\n  ");
            text_clear(&usage);
        }
        add_padded(out, text_str(&usage), 24);
        text_addf(out, " %s", commands_table[i].help);
        text_add(out, "\n");
        text_deinit(&usage);
    }
    add_heading(out, "Options of most commands");
    for (size_t i = 0; i < cmdline_option_count; i++)
        if (cmdline_options[i].bit & OPTIONS_COMMON)
            add_option(out, &cmdline_options[i]);
    add_heading(out, "Exit codes");
    for (size_t i = 0; i < EXIT_ROWS; i++) {
        text_addf(out, "  %d  %s", exit_rows[i].code, exit_rows[i].text);
        text_add(out, "\n");
    }
    text_add(out, "\n`fcgictl help COMMAND` tells more.\n");
}

int help_of(struct run *run, const struct command *command)
{
    struct text *out = &run->out;
    if (!command) {
        add_overview(out);
        return FCGICTL_DONE;
    }
    text_add(out, "usage: fcgictl ");
    add_usage(out, command);
    text_add(out, " [OPTION]...\n");
    text_add(out, command->help);
    text_add(out, "\n");
    if (command->details[0]) {
        text_add(out, "\n");
        add_wrapped(out, command->details);
    }
    add_heading(out, "Options");
    for (size_t i = 0; i < cmdline_option_count; i++)
        if (cmdline_options[i].bit & command->options)
            add_option(out, &cmdline_options[i]);
    add_heading(out, "Example");
    text_addf(out, "  fcgictl %s", command->example);
    text_add(out, "\n");
    return FCGICTL_DONE;
}

/* ---- Markdown */

/* In a cell '|' begins the next one; '*' and '<' are text. */
static void add_cell(struct text *out, const char *str)
{
    text_add(out, "| ");
    bool code = false;
    for (; *str; str++) {
        code ^= *str == '`';
        if (*str == '|' || (!code && strchr("*<_", *str)))
            text_add(out, "\\");
        text_add_len(out, str, 1);
    }
    text_add(out, " ");
}

static void add_code_cell(struct text *out, const struct text *str)
{
    struct text code = {0};
    text_add(&code, "`");
    text_add(&code, text_str(str));
    text_add(&code, "`");
    add_cell(out, text_str(&code));
    text_deinit(&code);
}

static void add_options_of(struct text *out, const struct command *command)
{
    size_t before = out->len;
    for (size_t i = 0; i < cmdline_option_count; i++)
        if (cmdline_options[i].bit & command->options & ~(unsigned)OPTIONS_COMMON)
            text_addf(out, "%s`%s`", out->len > before ? " " : "", cmdline_options[i].name);
}

static void add_markdown(struct text *out)
{
    text_add(out, "| command | what it does | options of its own |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < commands_count; i++) {
        const struct command *command = &commands_table[i];
        struct text usage = {0}, what = {0};
        add_usage(&usage, command);
        text_addf(&what, "%s.%s%s", command->help, command->details[0] ? " " : "", command->details);
        add_code_cell(out, &usage);
        add_cell(out, text_str(&what));
        text_add(out, "| ");
        add_options_of(out, command);
        text_add(out, " |\n");
        text_deinit(&usage);
        text_deinit(&what);
    }
    text_add(out, "\n| option | meaning |\n| --- | --- |\n");
    for (size_t i = 0; i < cmdline_option_count; i++) {
        struct text name = {0};
        add_option_name(&name, &cmdline_options[i]);
        add_code_cell(out, &name);
        add_cell(out, cmdline_options[i].help);
        text_add(out, "|\n");
        text_deinit(&name);
    }
    text_add(out, "\n| exit code | meaning |\n| --- | --- |\n");
    for (size_t i = 0; i < EXIT_ROWS; i++) {
        text_addf(out, "| %d | %s |", exit_rows[i].code, exit_rows[i].text);
        text_add(out, "\n");
    }
}

int help_run(struct run *run)
{
    if (run->options.given & OPTION_MARKDOWN) {
        add_markdown(&run->out);
        return FCGICTL_DONE;
    }
    if (run->options.argument_count == 0)
        return help_of(run, NULL);
    for (size_t i = 0; i < commands_count; i++)
        if (strcmp(commands_table[i].name, run->options.arguments[0]) == 0)
            return help_of(run, &commands_table[i]);
    run_message(run, "there is no command '%s'", run->options.arguments[0]);
    run_hint(run, "`fcgictl help` lists the commands");
    return FCGICTL_USAGE;
}

/* ---- version */

int help_version(struct run *run)
{
    const struct fcgictl_hosts *hosts = run->environment->hosts;
    cJSON *document = cJSON_CreateObject(), *servers = cJSON_CreateArray();
    cJSON_AddNumberToObject(document, "api_version", MGMT_API_VERSION);
    cJSON_AddStringToObject(document, "fcgictl", FCGIEXT_VERSION);
    cJSON_AddItemToObject(document, "hosts", servers);
    if (!run_is_json(run)) {
        text_add(&run->out, "fcgictl " FCGIEXT_VERSION "\n");
        run_flush(run);
    }
    if ((run->options.given & OPTION_HOST) || hosts->list(hosts->context, run->hosts, FCGICTL_MAX_HOSTS) > 0)
        run_find_hosts(run);
    for (size_t i = 0; i < run->host_count; i++) {
        struct reply reply;
        cJSON *entry = cJSON_CreateObject();
        cJSON_AddNumberToObject(entry, "pid", run->hosts[i].pid);
        cJSON_AddStringToObject(entry, "program", run->hosts[i].program);
        run_call(run, &run->hosts[i], "server.info", NULL, 0, &reply);
        if (reply.result) {
            cJSON *server = cJSON_DetachItemFromObjectCaseSensitive(reply.document, "result");
            cJSON_AddItemToObject(entry, "server", server);
            run_count_done(run);
        } else {
            listing_add_error(entry, &reply);
            run_report(run, &reply);
        }
        if (!run_is_json(run))
            lists_add_host(entry, &run->out);
        cJSON_AddItemToArray(servers, entry);
        client_free(&reply);
    }
    if (run_is_json(run))
        listing_print_json(run, document, servers);
    cJSON_Delete(document);
    return run_exit_code(run);
}
