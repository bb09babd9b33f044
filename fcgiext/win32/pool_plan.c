/* pool_plan: see pool_plan.h. */
#include "fcgiext/win32/pool_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <ws2tcpip.h>

#include "fcgiext/core/text.h"
#include "fcgiext/win32/tuning.h"
#include "fcgiext/win32/wide.h"

enum { EXTERNAL_CONNECTIONS = 32 };

static const char allowed_peers[] = "FCGI_WEB_SERVER_ADDRS"; /* libfcgi and php refuse connections from elsewhere */

static DWORD make_command_line(struct process_plan *plan, const struct config_pool *config)
{
    WCHAR *program = wide_of_utf8(config->exe_path);
    WCHAR *arguments = wide_of_utf8(config->arguments);
    DWORD error = ERROR_OUTOFMEMORY;
    if (program && arguments) {
        size_t len = wcslen(program) + wcslen(arguments) + 4;
        plan->command_line = malloc(len * sizeof(WCHAR));
        plan->directory = _wcsdup(program);
        if (plan->command_line && plan->directory) {
            swprintf(plan->command_line, len, L"\"%ls\"%ls%ls", program, *arguments ? L" " : L"", arguments);
            WCHAR *slash = wcsrchr(plan->directory, L'\\');
            WCHAR *other = wcsrchr(plan->directory, L'/');
            if (!slash || (other && other > slash))
                slash = other;
            if (slash)
                slash[slash > plan->directory && slash[-1] == L':'] = L'\0'; /* "C:\" keeps its backslash */
            else
                wcscpy(plan->directory, L".");
            error = 0;
        }
    }
    free(program);
    free(arguments);
    return error;
}

static WCHAR *env_entry(const char *name, const char *value)
{
    WCHAR *wide_name = wide_of_utf8(name);
    WCHAR *wide_value = wide_of_utf8(value);
    WCHAR *entry = NULL;
    if (wide_name && wide_value) {
        size_t len = wcslen(wide_name) + wcslen(wide_value) + 2;
        entry = malloc(len * sizeof *entry);
        if (entry)
            swprintf(entry, len, L"%ls=%ls", wide_name, wide_value);
    }
    free(wide_name);
    free(wide_value);
    return entry;
}

static bool has_env(const struct config_pool *config, const char *name)
{
    for (size_t i = 0; i < config->env_count; i++)
        if (bytes_equal_nocase(bytes_of_str(config->env[i].name), bytes_of_str(name)))
            return true;
    return false;
}

static DWORD add_env(struct process_plan *plan, const char *name, const char *value)
{
    plan->env[plan->env_count] = env_entry(name, value);
    return plan->env[plan->env_count++] ? 0 : ERROR_OUTOFMEMORY;
}

/* An empty list would refuse everybody: it means that the program is to get none (64-bit libfcgi 2.4.2 may crash on one). */
static bool is_left_out(const struct config_env *env)
{
    return *env->value == '\0' && bytes_equal_nocase(bytes_of_str(env->name), bytes_of_str(allowed_peers));
}

/* What is configured goes before what is ours. */
static DWORD make_env(struct process_plan *plan, const struct config_pool *config)
{
    enum { OWN = 2 };
    DWORD error = 0;
    plan->env = calloc(config->env_count + OWN, sizeof *plan->env);
    if (!plan->env)
        return ERROR_OUTOFMEMORY;
    for (size_t i = 0; i < config->env_count && !error; i++)
        if (!is_left_out(&config->env[i]))
            error = add_env(plan, config->env[i].name, config->env[i].value);
    /* php's own limit (500 unless told) must not end a process that we count on */
    char limit[16];
    snprintf(limit, sizeof limit, "%lu", (unsigned long)config->instance_max_requests + 1);
    if (!error && !has_env(config, CONFIG_PHP_LIMIT))
        error = add_env(plan, CONFIG_PHP_LIMIT, limit);
    if (!error && plan->tcp && !has_env(config, allowed_peers))
        error = add_env(plan, allowed_peers, "127.0.0.1");
    return error;
}

DWORD pool_plan_make(struct process_plan *plan, const struct config_pool *config)
{
    ZeroMemory(plan, sizeof *plan);
    plan->signal_ms = config->signal_before_terminate_s * 1000;
    if (config->address_count)
        return 0; /* no process of ours */
    plan->tcp = config->protocol == CONFIG_PROTOCOL_TCP;
    DWORD error = make_command_line(plan, config);
    return error ? error : make_env(plan, config);
}

void pool_plan_free(struct process_plan *plan)
{
    free(plan->command_line);
    free(plan->directory);
    for (unsigned i = 0; i < plan->env_count; i++)
        free(plan->env[i]);
    free(plan->env);
    ZeroMemory(plan, sizeof *plan);
}

struct bytes pool_program_of(const struct config_pool *config, struct buffer *text)
{
    if (config->address_count == 0)
        return bytes_of_str(config->exe_path);
    for (size_t i = 0; i < config->address_count; i++) {
        const struct config_address *address = &config->addresses[i];
        bool v6 = strchr(address->host, ':') != NULL;
        buffer_append_str(text, i ? ", " : "");
        buffer_append_str(text, v6 ? "[" : "");
        buffer_append_str(text, address->host);
        buffer_append_str(text, v6 ? "]:" : ":");
        text_append_decimal(text, address->port);
    }
    return buffer_peek(text);
}

struct pool_limits pool_limits_of(const struct config_pool *config)
{
    bool tcp = config->address_count > 0 || config->protocol == CONFIG_PROTOCOL_TCP; /* takes what nobody will read */
    struct pool_limits limits = {
        .max_instances = config->max_instances,
        .queue_length = config->queue_length,
        .instance_max_requests = config->instance_max_requests,
        .idle_timeout_ms = config->idle_timeout_s * 1000ull,
        .activity_timeout_ms = config->activity_timeout_s * 1000ull,
        .request_timeout_ms = config->request_timeout_s * 1000ull,
        .startup_timeout_ms = config->startup_timeout_s * 1000ull,
        .signal_ms = config->signal_before_terminate_s * 1000ull,
        .watch_ms = tcp ? 0 : POOL_WATCH_MS,
        .rapid_fails_per_minute = config->rapid_fails_per_minute,
        .queue_timeout_ms = config->queue_timeout_s * 1000ull,
        .min_instances = config->min_instances,
        .max_lifetime_ms = config->max_lifetime_s * 1000ull,
        .max_private_bytes = config->max_private_bytes,
        .external = config->address_count > 0,
        .measure = true,
    };
    if (!limits.external)
        limits.own_requests = config_own_request_limit(config);
    if (limits.max_instances == 0 && limits.external) {
        limits.max_instances = EXTERNAL_CONNECTIONS; /* the use of this machine says nothing about that of the servers */
    } else if (limits.max_instances == 0) {
        tuning_set_limits(&limits);
    }
    if (limits.max_instances > POOL_MAX_WORKERS)
        limits.max_instances = POOL_MAX_WORKERS;
    return limits;
}

DWORD tcp_resolve(const struct config_address *address, struct sockaddr_storage *out, int *out_len)
{
    char port[8];
    struct addrinfo hints;
    struct addrinfo *found = NULL;
    ZeroMemory(&hints, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    snprintf(port, sizeof port, "%u", (unsigned)address->port);
    int error = getaddrinfo(address->host, port, &hints, &found);
    if (error)
        return (DWORD)error;
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *out_len = (int)found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}
