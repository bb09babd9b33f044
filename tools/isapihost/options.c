/* Options by table: a row holds the name, the name of its value, the function that takes it and the help text, so that none of them
 * can be forgotten. Everything is checked here; what comes out is a complete, consistent struct. */
#include "tools/isapihost/options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    struct host_options *options;
    const char *listen_value;
    const char *root;
    unsigned site_id;
    char *message;
    size_t message_size;
};

struct option {
    const char *name;
    const char *value; /* NULL: a switch */
    bool (*take)(struct parser *, const char *name, const char *value);
    const char *help;
};

static bool fail(struct parser *parser, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

static bool fail(struct parser *parser, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->message, parser->message_size, format, arguments);
    va_end(arguments);
    return false;
}

static bool take_number(struct parser *parser, const char *name, const char *text, unsigned least, unsigned most, unsigned *out)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || number < least || number > most)
        return fail(parser, "%s wants a number from %u to %u, not '%s'", name, least, most, text);
    *out = (unsigned)number;
    return true;
}

static bool take_listen(struct parser *parser, const char *name, const char *value)
{
    (void)name;
    parser->listen_value = value;
    return true;
}

static bool take_root(struct parser *parser, const char *name, const char *value)
{
    (void)name;
    parser->root = value;
    return true;
}

static bool take_extension(struct parser *parser, const char *name, const char *value)
{
    (void)name;
    parser->options->extension = value;
    return true;
}

/* Calls take for each part of a list with commas. */
static bool each_part(struct parser *parser, const char *name, const char *value,
                      bool (*take)(struct parser *, const char *name, const char *part))
{
    while (true) {
        size_t len = strcspn(value, ",");
        char part[OPTIONS_NAME_LEN];
        if (len == 0 || len >= sizeof part)
            return fail(parser, "%s: a name of 1 to %d characters is wanted", name, OPTIONS_NAME_LEN - 1);
        memcpy(part, value, len);
        part[len] = '\0';
        if (!take(parser, name, part))
            return false;
        if (value[len] == '\0')
            return true;
        value += len + 1;
    }
}

static bool take_map(struct parser *parser, const char *name, const char *part)
{
    struct host_options *options = parser->options;
    if (strcmp(part, "*") == 0) {
        options->map_all = true;
        return true;
    }
    if (part[0] != '.' || part[1] == '\0' || strpbrk(part + 1, "./\\:*?\"<>| ") != NULL)
        return fail(parser, "%s wants .EXTENSION or *, not '%s'", name, part);
    if (options->map_count == OPTIONS_MAX_MAPS)
        return fail(parser, "%s: more than %d extensions", name, OPTIONS_MAX_MAPS);
    strcpy(options->maps[options->map_count++], part);
    return true;
}

static bool take_maps(struct parser *parser, const char *name, const char *value)
{
    return each_part(parser, name, value, take_map);
}

static bool take_default_doc(struct parser *parser, const char *name, const char *part)
{
    struct host_options *options = parser->options;
    if (strpbrk(part, "/\\:*?\"<>|") != NULL)
        return fail(parser, "%s wants a file name, not '%s'", name, part);
    if (options->default_doc_count == OPTIONS_MAX_DEFAULT_DOCS)
        return fail(parser, "%s: more than %d names", name, OPTIONS_MAX_DEFAULT_DOCS);
    strcpy(options->default_docs[options->default_doc_count++], part);
    return true;
}

static bool take_default_docs(struct parser *parser, const char *name, const char *value)
{
    return each_part(parser, name, value, take_default_doc);
}

static bool take_site_id(struct parser *parser, const char *name, const char *value)
{
    return take_number(parser, name, value, 1, 0x7FFFFFFF, &parser->site_id);
}

static bool add_site(struct parser *parser, unsigned id, unsigned port, const char *root)
{
    struct host_options *options = parser->options;
    if (root[0] == '\0')
        return fail(parser, "site %u has no root folder", id);
    if (options->site_count == OPTIONS_MAX_SITES)
        return fail(parser, "more than %d sites", OPTIONS_MAX_SITES);
    for (unsigned i = 0; i < options->site_count; ++i) {
        if (options->sites[i].id == id)
            return fail(parser, "site %u is given twice", id);
        if (port != 0 && options->sites[i].port == port)
            return fail(parser, "port %u is given to two sites", port);
    }
    options->sites[options->site_count++] = (struct host_site){.id = id, .port = (unsigned short)port, .root = root};
    return true;
}

static bool take_site(struct parser *parser, const char *name, const char *value)
{
    char text[16];
    unsigned number[2];
    const char *at = value;
    for (int i = 0; i < 2; ++i) {
        size_t len = strcspn(at, ":");
        if (at[len] == '\0' || len >= sizeof text)
            return fail(parser, "%s wants ID:PORT:ROOT, not '%s'", name, value);
        memcpy(text, at, len);
        text[len] = '\0';
        if (!take_number(parser, name, text, i == 0 ? 1 : 0, i == 0 ? 0x7FFFFFFF : 65535, &number[i]))
            return false;
        at += len + 1;
    }
    return add_site(parser, number[0], number[1], at);
}

static bool take_app(struct parser *parser, const char *name, const char *value)
{
    struct host_options *options = parser->options;
    struct host_app app = {0};
    const char *url = value;
    if (isdigit((unsigned char)value[0])) {
        char *end = NULL;
        unsigned long id = strtoul(value, &end, 10);
        if (*end != ':' || id == 0 || id > 0x7FFFFFFF)
            return fail(parser, "%s wants [SITE:]/URL[=FOLDER], not '%s'", name, value);
        app.site_id = (unsigned)id;
        url = end + 1;
    }
    app.url = url;
    app.url_len = strcspn(url, "=");
    if (url[app.url_len] == '=')
        app.folder = url + app.url_len + 1;
    if (url[0] != '/' || strcspn(url, "\\%?#*") < app.url_len || (app.folder != NULL && app.folder[0] == '\0'))
        return fail(parser, "%s wants [SITE:]/URL[=FOLDER], not '%s'", name, value);
    while (app.url_len > 0 && url[app.url_len - 1] == '/')
        --app.url_len;
    if (app.url_len == 0) /* "/" : the root application is always there */
        return app.folder == NULL ? true : fail(parser, "%s: the folder of / is the site's root", name);
    if (options->app_count == OPTIONS_MAX_APPS)
        return fail(parser, "more than %d applications", OPTIONS_MAX_APPS);
    options->apps[options->app_count++] = app;
    return true;
}

static bool take_access_log(struct parser *parser, const char *name, const char *value)
{
    (void)name;
    parser->options->access_log = value;
    return true;
}

static bool take_completions(struct parser *parser, const char *name, const char *value)
{
    if (strcmp(value, "thread") == 0)
        parser->options->completions = COMPLETIONS_THREAD;
    else if (strcmp(value, "inline") == 0)
        parser->options->completions = COMPLETIONS_INLINE;
    else if (strcmp(value, "late") == 0)
        parser->options->completions = COMPLETIONS_LATE;
    else
        return fail(parser, "%s wants inline, thread or late, not '%s'", name, value);
    return true;
}

static bool take_iis(struct parser *parser, const char *name, const char *value)
{
    if (strcmp(value, "5.1") == 0)
        parser->options->iis = IIS_5_1;
    else if (strcmp(value, "6") == 0)
        parser->options->iis = IIS_6;
    else if (strcmp(value, "7") == 0)
        parser->options->iis = IIS_7;
    else
        return fail(parser, "%s wants 5.1, 6 or 7, not '%s'", name, value);
    return true;
}

static bool take_late_ms(struct parser *parser, const char *name, const char *value)
{
    return take_number(parser, name, value, 0, 10000, &parser->options->late_ms);
}

static bool take_threads(struct parser *parser, const char *name, const char *value)
{
    return take_number(parser, name, value, 1, 1000, &parser->options->threads);
}

static bool take_timeout(struct parser *parser, const char *name, const char *value)
{
    return take_number(parser, name, value, 1, 86400, &parser->options->timeout_s);
}

static bool take_keep_alive(struct parser *parser, const char *name, const char *value)
{
    return take_number(parser, name, value, 1, 86400, &parser->options->keep_alive_s);
}

static bool take_stop_timeout(struct parser *parser, const char *name, const char *value)
{
    return take_number(parser, name, value, 0, 86400, &parser->options->stop_timeout_s);
}

static bool take_preload(struct parser *parser, const char *name, const char *value)
{
    return take_number(parser, name, value, 0, 48 * 1024, &parser->options->preload_bytes);
}

#define SWITCH(function, member)                                                     \
    static bool function(struct parser *parser, const char *name, const char *value) \
    {                                                                                \
        (void)name;                                                                  \
        (void)value;                                                                 \
        parser->options->member = true;                                              \
        return true;                                                                 \
    }

SWITCH(take_strict, strict)
SWITCH(take_allow_path_info, allow_path_info)
SWITCH(take_check_file, check_file)
SWITCH(take_no_async_read, no_async_read)
SWITCH(take_stop_on_stdin_eof, stop_on_stdin_eof)
SWITCH(take_stdin_commands, stdin_commands)

static const struct option table[] = {
    {"--listen", "HOST:PORT", take_listen, "address and port; port 0 takes a free one (127.0.0.1:8080)"},
    {"--root", "FOLDER", take_root, "root folder of the site"},
    {"--site-id", "N", take_site_id, "its number, as the variable INSTANCE_ID tells it (1)"},
    {"--site", "ID:PORT:ROOT", take_site, "one more site on a port of its own; may be repeated"},
    {"--app", "[SITE:]/URL[=FOLDER]", take_app, "an application (APPL_MD_PATH); may be repeated; / is always one"},
    {"--extension", "FILE.dll", take_extension, "the ISAPI extension"},
    {"--map", ".EXT,.EXT|*", take_maps, "requests it gets: by file extension, or * for all of them"},
    {"--default-doc", "NAME,NAME", take_default_docs, "file served for a folder (index.html,index.htm)"},
    {"--access-log", "FILE", take_access_log, "one line a request is appended here"},
    {"--completions", "inline|thread|late", take_completions, "when asynchronous operations complete (thread)"},
    {"--late-ms", "N", take_late_ms, "delay of --completions late (3)"},
    {"--strict", NULL, take_strict, "check the extension's conduct; on a breach say so and exit with 3"},
    {"--iis", "5.1|6|7", take_iis, "offer what this version of IIS offers (6); 7 replaces error bodies"},
    {"--no-async-read", NULL, take_no_async_read, "refuse asynchronous reads, as some hosts do"},
    {"--allow-path-info", NULL, take_allow_path_info, "PATH_INFO without the script (AllowPathInfoForScriptMappings)"},
    {"--check-file", NULL, take_check_file, "404 if the script's file does not exist"},
    {"--preload", "BYTES", take_preload, "most bytes of a body handed over with the request (49152)"},
    {"--threads", "N", take_threads, "connections served at a time, each holds a thread (64)"},
    {"--timeout", "SECONDS", take_timeout, "for a client that neither sends nor reads (120)"},
    {"--keep-alive", "SECONDS", take_keep_alive, "an idle connection is closed after that (15)"},
    {"--stop-timeout", "SECONDS", take_stop_timeout, "wait for running requests at the end (10)"},
    {"--stop-on-stdin-eof", NULL, take_stop_on_stdin_eof, "stop when standard input ends"},
    {"--stdin-commands", NULL, take_stdin_commands, "read unload, unload now, load, status, stop from standard input"},
};

static void set_defaults(struct host_options *options)
{
    memset(options, 0, sizeof *options);
    strcpy(options->listen_address, "127.0.0.1");
    options->completions = COMPLETIONS_THREAD;
    options->iis = IIS_6;
    options->late_ms = 3;
    options->threads = 64;
    options->timeout_s = 120;
    options->keep_alive_s = 15;
    options->stop_timeout_s = 10;
    options->preload_bytes = 48 * 1024;
}

/* HOST:PORT or [IPV6]:PORT. */
static bool split_listen(struct parser *parser, const char *value, unsigned *port)
{
    struct host_options *options = parser->options;
    const char *colon = strrchr(value, ':');
    if (colon == NULL || colon == value)
        return fail(parser, "--listen wants HOST:PORT, not '%s'", value);
    size_t len = (size_t)(colon - value);
    if (value[0] == '[' && len > 2 && value[len - 1] == ']') {
        ++value;
        len -= 2;
    }
    if (len >= sizeof options->listen_address || strspn(value, "0123456789abcdefABCDEF:.") < len)
        return fail(parser, "--listen wants an IP address, not '%.*s'", (int)len, value);
    memcpy(options->listen_address, value, len);
    options->listen_address[len] = '\0';
    return take_number(parser, "--listen", colon + 1, 0, 65535, port);
}

static bool finish(struct parser *parser)
{
    struct host_options *options = parser->options;
    unsigned port = 8080;
    if (parser->listen_value != NULL && !split_listen(parser, parser->listen_value, &port))
        return false;
    if (parser->root != NULL) {
        /* The site of --root comes first, whatever the order on the command line. */
        struct host_site others[OPTIONS_MAX_SITES];
        unsigned count = options->site_count;
        memcpy(others, options->sites, sizeof others);
        options->site_count = 0;
        if (!add_site(parser, parser->site_id, port, parser->root))
            return false;
        for (unsigned i = 0; i < count; ++i)
            if (!add_site(parser, others[i].id, others[i].port, others[i].root))
                return false;
    }
    if (options->site_count == 0)
        return fail(parser, "no site: give --root FOLDER or --site ID:PORT:ROOT");
    if (options->extension == NULL && (options->map_count > 0 || options->map_all))
        return fail(parser, "--map without --extension");
    if (options->extension != NULL && options->map_count == 0 && !options->map_all)
        return fail(parser, "--extension without --map");
    if (options->default_doc_count == 0) {
        strcpy(options->default_docs[0], "index.html");
        strcpy(options->default_docs[1], "index.htm");
        options->default_doc_count = 2;
    }
    return true;
}

static const struct option *find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i)
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
            return &table[i];
    return NULL;
}

enum options_result options_parse(struct host_options *options, int argc, char *const *argv, char *message, size_t message_size)
{
    struct parser parser = {.options = options, .site_id = 1, .message = message, .message_size = message_size};
    set_defaults(options);
    for (int i = 1; i < argc; ++i) {
        const char *argument = argv[i];
        if (strcmp(argument, "--help") == 0)
            return OPTIONS_HELP;
        if (strcmp(argument, "--version") == 0)
            return OPTIONS_VERSION;
        size_t len = strcspn(argument, "=");
        const struct option *option = find(argument, len);
        const char *value = argument[len] == '=' ? argument + len + 1 : NULL;
        if (option == NULL) {
            fail(&parser, "unknown option '%s'; see --help", argument);
            return OPTIONS_ERROR;
        }
        if (option->value == NULL && value != NULL) {
            fail(&parser, "%s takes no value", option->name);
            return OPTIONS_ERROR;
        }
        if (option->value != NULL && value == NULL) {
            if (i + 1 == argc) {
                fail(&parser, "%s wants %s", option->name, option->value);
                return OPTIONS_ERROR;
            }
            value = argv[++i];
        }
        if (!option->take(&parser, option->name, value))
            return OPTIONS_ERROR;
    }
    return finish(&parser) ? OPTIONS_RUN : OPTIONS_ERROR;
}

void options_help(void (*line)(void *context, const char *text), void *context)
{
    char text[200];
    line(context, "usage: isapihost --root FOLDER [--extension FILE.dll --map .EXT] [option ...]");
    line(context, "");
    line(context, "Runs an ISAPI extension without IIS. For development and tests: NOT for the internet.");
    line(context, "");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", table[i].name, table[i].value != NULL ? " " : "",
                 table[i].value != NULL ? table[i].value : "");
        snprintf(text, sizeof text, "  %-30s %s", left, table[i].help);
        line(context, text);
    }
    snprintf(text, sizeof text, "  %-30s %s", "--help, --version", "this text, the version");
    line(context, text);
    line(context, "");
    line(context,
         "Prints 'listening on http://HOST:PORT/' for each site when ready. Ctrl-C stops it: running requests end first.");
    line(context,
         "Exit code: 0 stopped, 1 could not start or requests had to be abandoned, 2 wrong usage, 3 breach seen by --strict.");
}

bool options_is_loopback(const struct host_options *options)
{
    return strncmp(options->listen_address, "127.", 4) == 0 || strcmp(options->listen_address, "::1") == 0;
}
