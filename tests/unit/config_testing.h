/* config_testing: what the tests of config share: parse a literal, look for a diagnostic. When one is missing or one too many,
 * the test fails with the whole list. */
#ifndef TESTS_UNIT_CONFIG_TESTING_H
#define TESTS_UNIT_CONFIG_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "fcgiext/core/config.h"

/* The application at the root of site 1 in the metabase, as routes have it. */
#define METABASE_ROOT "/w3svc/1/root"

/* Four lines: what a test appends are settings of [PHP] from line 5 on. */
#define PHP "[Types]\nphp=PHP\n[PHP]\nExePath=C:\\php\\php-cgi.exe\n"

static inline struct config *parse_bytes(const void *text, size_t len)
{
    struct config *config = config_parse(bytes_of(text, len), NULL);
    assert_non_null(config);
    return config;
}

static inline struct config *parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static inline void print_diagnostics(const struct config *config)
{
    for (size_t i = 0; i < config->diagnostic_count; i++) {
        struct buffer line;
        buffer_init(&line, 64 * 1024);
        config_diagnostic_format(&config->diagnostics[i], "fcgiext.ini", &line);
        print_error("%.*s", (int)line.len, (const char *)buffer_peek(&line).ptr);
        buffer_deinit(&line);
    }
}

/* The diagnostic of this line and severity whose message has `part`; NULL: none. */
static inline const struct config_diagnostic *find_diagnostic(const struct config *config, unsigned line,
                                                              enum config_severity severity, const char *part)
{
    for (size_t i = 0; i < config->diagnostic_count; i++) {
        const struct config_diagnostic *d = &config->diagnostics[i];
        if (d->line == line && d->severity == severity && strstr(d->message, part))
            return d;
    }
    return NULL;
}

#define expect_error(config, line, part)   expect_diagnostic(config, line, CONFIG_ERROR, part, __FILE__, __LINE__)
#define expect_warning(config, line, part) expect_diagnostic(config, line, CONFIG_WARNING, part, __FILE__, __LINE__)

static inline const struct config_diagnostic *expect_diagnostic(const struct config *config, unsigned line,
                                                                enum config_severity severity, const char *part,
                                                                const char *test_file, int test_line)
{
    const struct config_diagnostic *found = find_diagnostic(config, line, severity, part);
    if (!found) {
        print_error("no %s in line %u with '%s' in:\n", severity == CONFIG_ERROR ? "error" : "warning", line, part);
        print_diagnostics(config);
        _fail(test_file, test_line);
    }
    return found;
}

#define expect_count(config, count) expect_diagnostic_count(config, count, __FILE__, __LINE__)

static inline void expect_diagnostic_count(const struct config *config, size_t count, const char *test_file, int test_line)
{
    if (config->diagnostic_count == count)
        return;
    print_error("%zu diagnostics instead of %zu:\n", config->diagnostic_count, count);
    print_diagnostics(config);
    _fail(test_file, test_line);
}

/* The text has exactly one diagnostic, this one. */
static inline void expect_only(const char *text, unsigned line, enum config_severity severity, const char *part)
{
    struct config *config = parse(text);
    expect_diagnostic(config, line, severity, part, text, 0);
    expect_diagnostic_count(config, 1, text, 0);
    config_destroy(config);
}

static inline void expect_clean(const char *text)
{
    struct config *config = parse(text);
    expect_diagnostic_count(config, 0, text, 0);
    config_destroy(config);
}

/* The pool of this name, compared exactly. */
static inline const struct config_pool *pool_named(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->pool_count; i++)
        if (strcmp(config->pools[i].name, name) == 0)
            return &config->pools[i];
    print_error("no pool %s\n", name);
    fail();
    return NULL;
}

#endif
