/* config_settings: the tables of all settings, and what follows from a row alone.
 *
 * A row is the only place that knows a setting's name, type, range, default and field: parsing, defaults, freeing, the comparison of two
 * pools, the documentation and the management interface walk the table. Ranges are those published for the FastCGI module of IIS 7
 * where there is one; elsewhere they only mark what is surely a slip.
 * Invariant: the default of a number, bool or enum parses and is in its range (a test checks each row). */
#include "fcgiext/core/config_parser.h"

#include <stdlib.h>

#define POOL(field) .offset = offsetof(struct config_pool, field), .size = sizeof(((struct config_pool *)0)->field)
#define MANAGEMENT(field) \
    .offset = offsetof(struct config_management, field), .size = sizeof(((struct config_management *)0)->field)
#define SWITCH            .type = CONFIG_TYPE_BOOL, .unit = "", .max = 1, .choices = switches
#define NUMBER(low, high) .type = CONFIG_TYPE_NUMBER, .min = (low), .max = (high)

static const char *const switches[] = {"0", "1", NULL};
static const char *const protocols[] = {"NamedPipe", "Tcp", NULL};
static const char *const stderr_modes[] = {"ReturnStderrIn500", "ReturnGeneric500", "IgnoreAndReturn200", "TerminateProcess",
                                           NULL};
static const char *const keeps[] = {"Auto", "Always", "Never", NULL};
static const char *const audiences[] = {"Local", "All", NULL};

#define WEEK_S 604800
#define YEAR_S 31536000

const struct config_setting config_settings[] = {
    {.name = "ExePath",
     .type = CONFIG_TYPE_PATH,
     .since = "1.0",
     .unit = "",
     .default_text = "the section's name",
     POOL(exe_path),
     .recycles = true,
     .own_processes = true,
     .help = "The program that serves the pool's requests; an absolute path."},
    {.name = "Arguments",
     .type = CONFIG_TYPE_STRING,
     .since = "1.0",
     .unit = "",
     .default_text = "",
     POOL(arguments),
     .recycles = true,
     .own_processes = true,
     .help = "The program's arguments, written as on a command line."},
    {.name = "EnvironmentVars",
     .type = CONFIG_TYPE_ENVIRONMENT,
     .since = "1.0",
     .unit = "",
     .default_text = "",
     POOL(env),
     .recycles = true,
     .own_processes = true,
     .help = "Environment variables of the processes: Name:Value,Name:Value; '/,' is a comma and '//' a slash."},
    {.name = "Protocol",
     .type = CONFIG_TYPE_ENUM,
     .since = "1.0",
     .unit = "",
     .default_text = "NamedPipe",
     .choices = protocols,
     POOL(protocol),
     .recycles = true,
     .help = "How the processes are reached: by a named pipe, or by TCP on this machine."},
    {.name = "QueueLength",
     NUMBER(1, 10000000),
     .since = "1.0",
     .unit = "requests",
     .default_text = "1000",
     POOL(queue_length),
     .help = "How many requests may wait for a process; the next one is refused with 503."},
    {.name = "MaxInstances",
     NUMBER(0, 10000),
     .since = "1.0",
     .unit = "processes",
     .default_text = "0",
     POOL(max_instances),
     .help = "The most processes at a time; 0 lets the pool tune the limit to load and memory (with Address: 32 connections)."},
    {.name = "InstanceMaxRequests",
     NUMBER(1, 10000000),
     .since = "1.0",
     .unit = "requests",
     .default_text = "1000",
     POOL(instance_max_requests),
     .help = "A process is replaced after so many requests."},
    {.name = "IdleTimeout",
     NUMBER(10, WEEK_S),
     .since = "1.0",
     .unit = "s",
     .default_text = "300",
     POOL(idle_timeout_s),
     .help = "A process that has had nothing to do for so long ends."},
    {.name = "ActivityTimeout",
     NUMBER(10, 3600),
     .since = "1.0",
     .unit = "s",
     .default_text = "70",
     POOL(activity_timeout_s),
     .help =
         "A process that neither reads nor writes for so long during a request is terminated; a new one has twice the time."},
    {.name = "RequestTimeout",
     NUMBER(10, WEEK_S),
     .since = "1.0",
     .unit = "s",
     .default_text = "90",
     POOL(request_timeout_s),
     .help = "The longest time for one request."},
    {.name = "ResponseBufferLimit",
     NUMBER(0, UINT32_MAX),
     .since = "1.0",
     .unit = "bytes",
     .default_text = "4194304",
     POOL(response_buffer_limit),
     .help = "So much of a response is collected before it is sent; 0 sends everything at once."},
    {.name = "FlushNamedPipe",
     SWITCH,
     .since = "1.0",
     .default_text = "0",
     POOL(flush_named_pipe),
     .help = "1 is for programs that leave data unread: what is still to be written is dropped when a request ends."},
    {.name = "UnhealthyOnQueueFull",
     SWITCH,
     .since = "1.0",
     .default_text = "0",
     POOL(unhealthy_on_queue_full),
     .help = "1 tells IIS (6 and later) that the host is unhealthy each time the queue is full."},
    {.name = "RapidFailsPerMinute",
     NUMBER(0, 10000),
     .since = "1.0",
     .unit = "failures",
     .default_text = "10",
     POOL(rapid_fails_per_minute),
     .help = "After more failures than this in a minute requests fail at once for up to a minute."},
    {.name = "IgnoreExistingFiles",
     SWITCH,
     .since = "1.0",
     .default_text = "0",
     POOL(ignore_existing_files),
     .help = "1 hands requests for files that exist back to the web server, if a * entry of [Types] has taken them: an "
             "extension with an entry of its own is the program's."},
    {.name = "IgnoreDirectories",
     SWITCH,
     .since = "1.0",
     .default_text = "0",
     POOL(ignore_directories),
     .help = "1 hands requests for folders that exist back to the web server, with its default documents, if a * entry of "
             "[Types] has taken them."},
    {.name = "MonitorChangesTo",
     .type = CONFIG_TYPE_PATH,
     .since = "1.5",
     .unit = "",
     .default_text = "",
     POOL(monitor_changes_to),
     .own_processes = true,
     .help = "A file, absolute or relative to the folder of ExePath; when it changes the processes are replaced."},
    {.name = "StderrMode",
     .type = CONFIG_TYPE_ENUM,
     .since = "1.5",
     .unit = "",
     .default_text = "ReturnStderrIn500",
     .choices = stderr_modes,
     POOL(stderr_mode),
     .help = "What becomes of a response whose program wrote to standard error."},
    {.name = "SignalBeforeTerminateSeconds",
     NUMBER(0, 3600),
     .since = "1.5",
     .unit = "s",
     .default_text = "0",
     POOL(signal_before_terminate_s),
     .recycles = true,
     .own_processes = true,
     .help = "Above 0, a process is asked by an event to end, and is terminated only after so long."},
    {.name = "Address",
     .type = CONFIG_TYPE_SERVERS,
     .since = "fcgiext 0.1",
     .unit = "",
     .default_text = "",
     POOL(addresses),
     .recycles = true,
     .help = "External FastCGI servers instead of processes: host:port,host:port; IPv6 as [::1]:9000."},
    {.name = "KeepConnections",
     .type = CONFIG_TYPE_ENUM,
     .since = "fcgiext 0.1",
     .unit = "",
     .default_text = "Auto",
     .choices = keeps,
     POOL(keep_connections),
     .recycles = true,
     .help = "Auto keeps a connection after requests without a body; Always is for programs that read every body to its end."},
    {.name = "Impersonate",
     SWITCH,
     .since = "fcgiext 0.1",
     .default_text = "1",
     POOL(impersonate),
     .recycles = true,
     .own_processes = true,
     .help = "1 lets the processes act as the user of the request, and fails requests whose user is not known; it means "
             "nothing with Protocol=Tcp."},
    {.name = "MinInstances",
     NUMBER(0, 10000),
     .since = "fcgiext 0.1",
     .unit = "processes",
     .default_text = "0",
     POOL(min_instances),
     .own_processes = true,
     .help = "So many processes are kept ready."},
    {.name = "QueueTimeout",
     NUMBER(0, WEEK_S),
     .since = "fcgiext 0.1",
     .unit = "s",
     .default_text = "0",
     POOL(queue_timeout_s),
     .help = "The longest time that a request waits for a process; 0 is no limit."},
    {.name = "StartupTimeout",
     NUMBER(0, WEEK_S),
     .since = "fcgiext 0.1",
     .unit = "s",
     .default_text = "0",
     POOL(startup_timeout_s),
     .own_processes = true,
     .help = "The longest time until a new process first answers; 0 is twice the ActivityTimeout."},
    {.name = "MaxLifetime",
     NUMBER(0, YEAR_S),
     .since = "fcgiext 0.1",
     .unit = "s",
     .default_text = "0",
     POOL(max_lifetime_s),
     .own_processes = true,
     .help = "A process is replaced when it is so old; 0 is no limit."},
    {.name = "MaxPrivateBytes",
     NUMBER(0, INT64_MAX),
     .since = "fcgiext 0.1",
     .unit = "bytes",
     .default_text = "0",
     POOL(max_private_bytes),
     .own_processes = true,
     .help = "A process is replaced when it has so much memory; 0 is no limit."},
    {.name = "MaxSpooledBody",
     NUMBER(0, INT64_MAX),
     .since = "fcgiext 0.1",
     .unit = "bytes",
     .default_text = "4294967296",
     POOL(max_spooled_body),
     .help = "The longest request body of unknown length; a longer one is refused with 413."},
    {.name = "SlowRequestSeconds",
     NUMBER(0, WEEK_S),
     .since = "fcgiext 0.1",
     .unit = "s",
     .default_text = "0",
     POOL(slow_request_s),
     .help = "Requests that take longer are logged; 0 logs none."},
    {.name = "PassProxyHeader",
     SWITCH,
     .since = "fcgiext 0.1",
     .default_text = "0",
     POOL(pass_proxy_header),
     .help = "1 passes the request header Proxy as HTTP_PROXY, which many programs mistake for their own proxy."},
    {.name = "Utf8ServerVariables",
     .type = CONFIG_TYPE_STRING,
     .since = "fcgiext 0.1",
     .unit = "",
     .default_text = "",
     POOL(utf8_server_variables),
     .help = "Variables that are sent as UTF-8 instead of in the ANSI code page: Name,Name; those of the registry's "
             "FastCGIUtf8ServerVariables are, too."},
};
const size_t config_setting_count = sizeof config_settings / sizeof *config_settings;

const struct config_setting config_management_settings[] = {
    {.name = "Pipe",
     SWITCH,
     .since = "fcgiext 0.1",
     .default_text = "1",
     MANAGEMENT(enabled),
     .help = "0 opens no management pipe."},
    {.name = "QuerySddl",
     .type = CONFIG_TYPE_STRING,
     .since = "fcgiext 0.1",
     .unit = "",
     .default_text = "",
     MANAGEMENT(query_sddl),
     .help = "Who may look, as a security descriptor."},
    {.name = "OperateSddl",
     .type = CONFIG_TYPE_STRING,
     .since = "fcgiext 0.1",
     .unit = "",
     .default_text = "",
     MANAGEMENT(operate_sddl),
     .help = "Who may recycle, drain and resume, as a security descriptor."},
    {.name = "ErrorDetails",
     .type = CONFIG_TYPE_ENUM,
     .since = "fcgiext 0.1",
     .unit = "",
     .default_text = "Local",
     .choices = audiences,
     MANAGEMENT(error_details_to_all),
     .help = "Who sees paths, exit codes and settings on error pages: clients on this machine, or all."},
};
const size_t config_management_setting_count = sizeof config_management_settings / sizeof *config_management_settings;

_Static_assert(sizeof config_settings / sizeof *config_settings <= CONFIG_MAX_SETTINGS, "arrays for a table's rows");
_Static_assert(sizeof config_management_settings / sizeof *config_management_settings <= CONFIG_MAX_SETTINGS, "dito");

size_t config_setting_index(const struct config_setting *settings, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_equal_nocase(bytes_of_str(settings[i].name), bytes_of_str(name)))
            return i;
    return SIZE_MAX;
}

const struct config_setting *config_setting_find(const char *name)
{
    size_t i = config_setting_index(config_settings, config_setting_count, name);
    return i == SIZE_MAX ? NULL : &config_settings[i];
}

static char **string_field(const struct config_setting *setting, void *base)
{
    return (char **)(void *)((char *)base + setting->offset);
}

static bool is_string(const struct config_setting *setting)
{
    return setting->type == CONFIG_TYPE_STRING || setting->type == CONFIG_TYPE_PATH;
}

bool config_settings_apply_defaults(const struct config_setting *settings, size_t count, void *base)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_setting *setting = &settings[i];
        uint64_t number = 0;
        if (is_string(setting)) {
            *string_field(setting, base) = calloc(1, 1);
            if (!*string_field(setting, base))
                return false;
        } else if (setting->type == CONFIG_TYPE_NUMBER) {
            config_number_parse(bytes_of_str(setting->default_text), UINT64_MAX, &number);
            config_field_store(setting, base, number);
        } else if (setting->type == CONFIG_TYPE_BOOL || setting->type == CONFIG_TYPE_ENUM) {
            config_field_store(setting, base, config_choice_find(setting, bytes_of_str(setting->default_text)));
        }
    }
    return true;
}

void config_settings_free(const struct config_setting *settings, size_t count, void *base)
{
    for (size_t i = 0; i < count; i++) {
        if (is_string(&settings[i]))
            free(*string_field(&settings[i], base));
        if (settings[i].type == CONFIG_TYPE_ENVIRONMENT)
            config_env_free(((struct config_pool *)base)->env, ((struct config_pool *)base)->env_count);
        if (settings[i].type == CONFIG_TYPE_SERVERS)
            config_addresses_free(((struct config_pool *)base)->addresses, ((struct config_pool *)base)->address_count);
    }
}

static bool same_env(const struct config_pool *a, const struct config_pool *b)
{
    bool same = a->env_count == b->env_count;
    for (size_t i = 0; same && i < a->env_count; i++)
        same = strcmp(a->env[i].name, b->env[i].name) == 0 && strcmp(a->env[i].value, b->env[i].value) == 0;
    return same;
}

bool config_pool_same_addresses(const struct config_pool *a, const struct config_pool *b)
{
    bool same = a->address_count == b->address_count;
    for (size_t i = 0; same && i < a->address_count; i++)
        same = strcmp(a->addresses[i].host, b->addresses[i].host) == 0 && a->addresses[i].port == b->addresses[i].port;
    return same;
}

static bool same_setting(const struct config_setting *setting, const struct config_pool *a, const struct config_pool *b)
{
    const char *field_a = (const char *)a + setting->offset, *field_b = (const char *)b + setting->offset;
    switch (setting->type) {
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_PATH: return strcmp(*(char *const *)(const void *)field_a, *(char *const *)(const void *)field_b) == 0;
    case CONFIG_TYPE_ENVIRONMENT: return same_env(a, b);
    case CONFIG_TYPE_SERVERS: return config_pool_same_addresses(a, b);
    case CONFIG_TYPE_NUMBER:
    case CONFIG_TYPE_BOOL:
    case CONFIG_TYPE_ENUM: break;
    }
    return memcmp(field_a, field_b, setting->size) == 0;
}

bool config_pool_same_processes(const struct config_pool *a, const struct config_pool *b)
{
    for (size_t i = 0; i < config_setting_count; i++)
        if (config_settings[i].recycles && !same_setting(&config_settings[i], a, b))
            return false;
    return true;
}

bool config_may_replace(const struct config *in_force, const struct config *fresh)
{
    if (fresh->error_count == 0)
        return true;
    return in_force->error_count > 0 && (fresh->usable || !in_force->usable);
}
