/* config: fcgiext.ini -> a validated configuration and a complete list of diagnostics.
 *
 * One table of settings (config_settings) is the only place that knows names, types, ranges, defaults and since when a
 * setting exists; parsing, documentation and the management interface read it. The text comes in as bytes and goes
 * through inih. Nothing here touches a file. reference.md section 1 is the contract. */
#ifndef FCGIEXT_CORE_CONFIG_H
#define FCGIEXT_CORE_CONFIG_H

#include "fcgiext/core/buffer.h"

enum config_protocol { CONFIG_PROTOCOL_NAMED_PIPE, CONFIG_PROTOCOL_TCP };

enum config_stderr_mode {
    CONFIG_STDERR_RETURN_500,  /* ReturnStderrIn500 */
    CONFIG_STDERR_GENERIC_500, /* ReturnGeneric500 */
    CONFIG_STDERR_IGNORE,      /* IgnoreAndReturn200 */
    CONFIG_STDERR_TERMINATE,   /* TerminateProcess */
};

enum config_keep { CONFIG_KEEP_AUTO, CONFIG_KEEP_ALWAYS, CONFIG_KEEP_NEVER };

enum config_type {
    CONFIG_TYPE_STRING,
    CONFIG_TYPE_PATH, /* a string that may stand in quotes */
    CONFIG_TYPE_NUMBER,
    CONFIG_TYPE_BOOL,
    CONFIG_TYPE_ENUM,
    CONFIG_TYPE_ENVIRONMENT, /* EnvironmentVars */
    CONFIG_TYPE_SERVERS,     /* Address */
};

/* Name and value of one EnvironmentVars entry; owned strings, UTF-8. */
struct config_env {
    char *name;
    char *value;
};

/* One server of Address. */
struct config_address {
    char *host;
    uint16_t port;
};

/* One pool: a section, or a [Types] value that is a path. All strings are owned, UTF-8, never NULL ("" when not set). */
struct config_pool {
    char *name;    /* the section's name, or the path */
    unsigned line; /* of the section's header or of the [Types] entry; 1-based */
    bool valid;    /* false: it has errors; requests get ERROR_CAUSE_CONFIG_INVALID */
    bool mapped;   /* a [Types] entry leads here; false: a section that nothing names, no request ever comes */
    /* FastCGI ISAPI 1.5 */
    char *exe_path; /* without quotes; "" for an external server */
    char *arguments;
    struct config_env *env;
    size_t env_count;
    enum config_protocol protocol;
    uint32_t queue_length;
    uint32_t max_instances; /* 0 = tuned at run time */
    uint32_t instance_max_requests;
    uint32_t idle_timeout_s;
    uint32_t activity_timeout_s;
    uint32_t request_timeout_s;
    uint32_t response_buffer_limit; /* bytes; 0 = each write is passed on at once */
    bool flush_named_pipe;
    bool unhealthy_on_queue_full;
    uint32_t rapid_fails_per_minute;
    bool ignore_existing_files;
    bool ignore_directories;
    char *monitor_changes_to;
    enum config_stderr_mode stderr_mode;
    uint32_t signal_before_terminate_s;
    /* extensions of ours (design.md, "Beyond 1.5") */
    struct config_address *addresses; /* external servers; count 0 = processes of our own */
    size_t address_count;
    enum config_keep keep_connections;
    bool impersonate;           /* default on, as in 1.5 */
    uint32_t min_instances;     /* 0 */
    uint32_t queue_timeout_s;   /* 0 = none */
    uint32_t startup_timeout_s; /* 0 = none: the doubled ActivityTimeout rules */
    uint32_t max_lifetime_s;    /* 0 = none */
    uint64_t max_private_bytes; /* 0 = none */
    uint64_t max_spooled_body;  /* bytes; default 4 GiB */
    uint32_t slow_request_s;    /* 0 = off */
    bool pass_proxy_header;
    char *utf8_server_variables; /* a list of names: utf8_vars.h */
};

/* One [Types] entry, as written: "ext[:where]=pool". */
struct config_route {
    char *extension; /* lower case, without dot; "*" for the wildcard */
    char *site;      /* "" for any; the digits of a site id */
    char *app_path;  /* "" for any; lower case, normalised: without "/lm", without a slash at the end */
    size_t pool;     /* index into pools; SIZE_MAX: the section it names is missing (a diagnostic says so) */
    unsigned line;
};

/* [Management]: kept as written here; the management pipe gives them meaning. */
struct config_management {
    bool enabled;     /* Pipe=0 switches it off */
    char *query_sddl; /* "" = default */
    char *operate_sddl;
    bool error_details_to_all; /* ErrorDetails=All: error pages show details to remote clients, too */
};

enum config_severity { CONFIG_WARNING, CONFIG_ERROR };

struct config_diagnostic {
    enum config_severity severity;
    unsigned line;  /* 1-based; 0: about the whole file */
    char *section;  /* "" outside of any */
    char *property; /* "" when it is not about one */
    char *message;  /* what is wrong and what is allowed; no full stop at the end */
    size_t pool;    /* the pool that it is about (an error breaks it); SIZE_MAX: none, or the whole file */
};

struct config {
    struct config_pool *pools;
    size_t pool_count;
    struct config_route *routes;
    size_t route_count;
    struct config_management management;
    /* In the order of lines; at most CONFIG_MAX_DIAGNOSTICS. When there are more, the errors come first, and the last one
     * (line 0) says how many are not listed. */
    struct config_diagnostic *diagnostics;
    size_t diagnostic_count;
    size_t error_count; /* all of them, listed or not */
    bool usable;        /* false: the file as a whole cannot serve (unreadable, too long, no [Types]) */
};

enum {
    CONFIG_MAX_FILE_LEN = 4 * 1024 * 1024,
    CONFIG_MAX_LINE_LEN = 32 * 1024, /* bytes, as UTF-8 */
    CONFIG_MAX_POOLS = 1024,
    CONFIG_MAX_ROUTES = 16384,
    CONFIG_MAX_DIAGNOSTICS = 200,
    CONFIG_MAX_EXTENSION_LEN = 200, /* of a [Types] entry */
    CONFIG_MAX_APP_PATH_LEN = 2000, /* likewise */
    CONFIG_MAX_ENV = 1024,          /* entries of EnvironmentVars */
    CONFIG_MAX_ADDRESSES = 256,     /* servers of Address */
};

/* What the parser needs from outside: decoding of the ANSI code page (NULL: bytes 0x80..0xff are taken as Windows-1252). */
struct config_options {
    /* Appends `text` as UTF-8; false: out of memory. */
    bool (*decode_ansi)(void *context, struct bytes text, struct buffer *utf8);
    void *context;
};

/* Never NULL unless memory is out; owned by the caller. Encodings: UTF-8 with or without BOM, UTF-16 with BOM, else ANSI.
 * `options` may be NULL. */
struct config *config_parse(struct bytes text, const struct config_options *options);
void config_destroy(struct config *config);

/* "C:\...\fcgiext.ini:12: error: [PHP] QueueLength: 'many' is not a number; allowed is 1 to 10000000" plus "\n" */
bool config_diagnostic_format(const struct config_diagnostic *diagnostic, const char *file, struct buffer *out);

/* The tables of the pools' and of [Management]'s settings, for documentation, `config show` and the parser itself. */
struct config_setting {
    const char *name; /* as documented; compared ignoring case */
    enum config_type type;
    const char *since; /* "1.0", "1.5" = FastCGI ISAPI; "fcgiext 0.1" = ours */
    const char *unit;  /* "s", "bytes", "" */
    const char *default_text;
    uint64_t min, max;          /* numbers: outside is a warning */
    const char *const *choices; /* enums: NULL-terminated, in the order of the enum's constants */
    size_t offset, size;        /* of the field in struct config_pool, or config_management */
    bool recycles;              /* a change asks for new processes */
    bool own_processes;         /* means nothing for external servers (Address) */
    const char *help;           /* one sentence */
};
extern const struct config_setting config_settings[];
extern const size_t config_setting_count;
extern const struct config_setting config_management_settings[];
extern const size_t config_management_setting_count;

/* Ignoring case; NULL: there is none. */
const struct config_setting *config_setting_find(const char *name);

/* An application's metabase path as routes compare it: without "/LM" and without slashes at the end; a part of `path`. */
struct bytes config_app_path(struct bytes path);

/* PHP ends by itself after so many requests. */
#define CONFIG_PHP_LIMIT "PHP_FCGI_MAX_REQUESTS"
/* As EnvironmentVars sets it; 0: no limit, or none that is known. */
uint32_t config_own_request_limit(const struct config_pool *pool);

/* Have two versions of a pool the same processes? false when one of the settings marked `recycles` differs: ExePath,
 * Arguments, EnvironmentVars, Protocol, Address, Impersonate, KeepConnections, SignalBeforeTerminateSeconds. */
bool config_pool_same_processes(const struct config_pool *a, const struct config_pool *b);
/* The same servers in the same order. */
bool config_pool_same_addresses(const struct config_pool *a, const struct config_pool *b);

/* May a file that has been read again take the place of what is in force? Not with errors, if that has none: the last good one
 * stays. Nor if nothing of it could serve. */
bool config_may_replace(const struct config *in_force, const struct config *fresh);

#endif
