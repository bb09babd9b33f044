/* cmdline: see cmdline.h. Options may stand before and behind the command and its arguments; whether the command takes them is asked
 * when it is known. */
#include "tools/fcgictl/cmdline.h"

#include <string.h>

#include "tools/fcgictl/words.h"

static bool take_nothing(struct options *options, const char *value)
{
    (void)options;
    (void)value;
    return true;
}

static bool take_host(struct options *options, const char *value)
{
    uint64_t pid = 0;
    if (!words_parse_number(value, 1, UINT32_MAX, &pid))
        return false;
    options->host = (uint32_t)pid;
    return true;
}

static bool take_output(struct options *options, const char *value)
{
    static const char *const names[] = {"table", "wide", "json", "ndjson", "csv", "openmetrics", "openmetrics-strict"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(value, names[i]) == 0) {
            options->format = (enum format)i;
            return true;
        }
    return false;
}

static bool take_json(struct options *options, const char *value)
{
    (void)value;
    options->format = FORMAT_JSON;
    return true;
}

static bool take_duration(const char *value, double least, double *seconds)
{
    return words_parse_duration(value, seconds) && *seconds >= least;
}

static bool take_timeout(struct options *options, const char *value)
{
    return take_duration(value, 0.1, &options->timeout_s);
}

static bool take_watch(struct options *options, const char *value)
{
    options->watch_s = 2;
    return !value || take_duration(value, 0.1, &options->watch_s);
}

static bool take_ttl(struct options *options, const char *value)
{
    return take_duration(value, 1, &options->ttl_s);
}

static bool take_warn(struct options *options, const char *value)
{
    if (options->warn_count == OPTIONS_MAX_LIMITS)
        return false;
    options->warn[options->warn_count++] = value;
    return true;
}

static bool take_textfile(struct options *options, const char *value)
{
    options->textfile = value;
    return *value != '\0';
}

static bool take_crit(struct options *options, const char *value)
{
    if (options->crit_count == OPTIONS_MAX_LIMITS)
        return false;
    options->crit[options->crit_count++] = value;
    return true;
}

static bool take_listen(struct options *options, const char *value)
{
    options->listen = value;
    return true;
}

static bool take_allow_remote(struct options *options, const char *value)
{
    options->names = value;
    return true;
}

const struct option cmdline_options[] = {
    {"--host", 0, "PID", OPTION_HOST, take_host, "only the host with this process id (all of them)"},
    {"--output", 'o', "FORMAT", OPTION_OUTPUT, take_output,
     "table, wide, json, ndjson (a line for each item) or csv (table); of metrics also openmetrics and openmetrics-strict"},
    {"--json", 0, NULL, OPTION_OUTPUT, take_json, "short for -o json"},
    {"--timeout", 0, "SECONDS", OPTION_TIMEOUT, take_timeout,
     "wait so long for a reply (10), or with --wait for the end of the operation (no limit)"},
    {"--watch", 0, "[=SECONDS]", OPTION_WATCH, take_watch, "show it again and again (every 2 seconds), until Ctrl-C"},
    {"--all", 0, NULL, OPTION_ALL, take_nothing, "every pool"},
    {"--now", 0, NULL, OPTION_NOW, take_nothing, "do not let running requests end: cut them off"},
    {"--wait", 0, NULL, OPTION_WAIT, take_nothing, "wait for the end, and show how far it is; Ctrl-C ends the waiting only"},
    {"--dry-run", 0, NULL, OPTION_DRY_RUN, take_nothing, "show what would be done, and do nothing"},
    {"--ttl", 0, "TIME", OPTION_TTL, take_ttl, "resume by itself after that: 90s, 10m, 2h, 1h30m (only on `resume`)"},
    {"--persist", 0, NULL, OPTION_PERSIST, take_nothing, "also across a restart of the host"},
    {"--warn", 0, "LIMITS", OPTION_LIMITS, take_warn,
     "NAME=NUMBER or state=STATE, with commas between them: warning from there on"},
    {"--crit", 0, "LIMITS", OPTION_LIMITS, take_crit, "the same: critical"},
    {"--textfile", 0, "FOLDER", OPTION_TEXTFILE, take_textfile,
     "write -o openmetrics into FOLDER\\fcgiext.prom, for the text file collector of windows_exporter or Telegraf; readers "
     "never see "
     "half of it"},
    {"--listen", 0, "ADDRESS:PORT", OPTION_LISTEN, take_listen, "where to serve (127.0.0.1:9889); port 0 takes a free one"},
    {"--allow-remote", 0, "[=NAMES]", OPTION_ALLOW_REMOTE, take_allow_remote,
     "other machines may ask, too; NAMES: what they may call this one, with commas between them"},
    {"--service", 0, NULL, OPTION_SERVICE, take_nothing, "run as a Windows service, which the system has started"},
    {"--markdown", 0, NULL, OPTION_MARKDOWN, take_nothing, "all commands and options, as docs/fcgictl.md has them"},
    {"--version", 0, NULL, OPTION_VERSION, take_nothing, "the same as `fcgictl version`"},
    {"--help", 'h', NULL, OPTION_HELP, take_nothing, "what the command does and takes"},
};
const size_t cmdline_option_count = sizeof cmdline_options / sizeof *cmdline_options;

static const struct option *find(const char *argument, size_t name_len)
{
    for (size_t i = 0; i < cmdline_option_count; i++) {
        const struct option *option = &cmdline_options[i];
        bool by_letter = name_len == 2 && option->letter != 0 && argument[1] == option->letter;
        if (by_letter || (strlen(option->name) == name_len && strncmp(option->name, argument, name_len) == 0))
            return option;
    }
    return NULL;
}

static bool fail_unknown(struct text *message, const char *argument, size_t name_len)
{
    text_addf(message, "there is no option '%.*s'", (int)name_len, argument);
    char name[32];
    if (name_len >= sizeof name)
        return false;
    memcpy(name, argument, name_len);
    name[name_len] = '\0';
    for (size_t i = 0; i < cmdline_option_count; i++)
        if (words_similar(name, cmdline_options[i].name)) {
            text_addf(message, "; did you mean '%s'?", cmdline_options[i].name);
            break;
        }
    return false;
}

/* arguments[*at] begins with a '-'. */
static bool take_option(struct options *options, size_t count, const char *const *arguments, size_t *at, struct text *message)
{
    const char *argument = arguments[*at], *value = NULL;
    size_t name_len = argument[1] == '-' ? strcspn(argument, "=") : 2;
    const struct option *option = find(argument, name_len);
    if (!option)
        return fail_unknown(message, argument, name_len);
    if (argument[name_len] != '\0')
        value = argument + name_len + (argument[name_len] == '=');
    if (value && !option->value) {
        text_addf(message, "%s takes no value", option->name);
        return false;
    }
    if (option->value && option->value[0] != '[' && !value) {
        if (*at + 1 == count) {
            text_addf(message, "%s wants a value: %s", option->name, option->value);
            return false;
        }
        value = arguments[++*at];
    }
    if (!option->take(options, value)) {
        text_addf(message, "%s %s: not a value that it takes; %s", option->name, value ? value : "", option->help);
        return false;
    }
    options->given |= option->bit;
    return true;
}

bool cmdline_parse(struct options *options, size_t count, const char *const *arguments, struct text *message)
{
    bool only_arguments = false;
    *options = (struct options){0};
    for (size_t i = 0; i < count; i++) {
        const char *argument = arguments[i];
        if (!only_arguments && strcmp(argument, "--") == 0)
            only_arguments = true;
        else if (!only_arguments && argument[0] == '-' && argument[1] != '\0') {
            if (!take_option(options, count, arguments, &i, message))
                return false;
        } else if (!options->command)
            options->command = argument;
        else {
            if (options->argument_count < OPTIONS_MAX_ARGUMENTS)
                options->arguments[options->argument_count] = argument;
            options->argument_count++;
        }
    }
    return true;
}
