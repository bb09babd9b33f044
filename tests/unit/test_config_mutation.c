/* Random edits of a good fcgiext.ini: whatever comes in, the parser neither crashes nor leaks, every string is there, every
 * line of a diagnostic is in the file, and pools and routes hang together. A failure prints the seed of its text. */
#include "tests/unit/config_testing.h"

#include "fcgiext/core/routes.h"
#include "tests/unit/rng.h"

static const char sample[] =
    "; sample\n[Types]\nphp=PHP\nphp:1=PHP\n*:/LM/W3SVC/1/ROOT/app=Wild ; comment\nrb=C:\\ruby\\ruby.exe\n\n"
    "[PHP]\nExePath=\"C:\\php\\php-cgi.exe\"\nArguments=-d \"a b\"\nQueueLength=1000\nMaxInstances=0\nProtocol=NamedPipe\n"
    "EnvironmentVars=PHP_FCGI_MAX_REQUESTS:1000,PATH:\"C:\\a b\",X:a/,b//c\nStderrMode=ReturnStderrIn500\nFlushNamedPipe=0\n"
    "[Wild]\nAddress=127.0.0.1:9000,[::1]:9001\nIgnoreExistingFiles=1\n[Management]\nPipe=1\nErrorDetails=Local\n";

enum { MAX_LEN = 4096, ROUNDS = 20000, MAX_EDITS = 8 };

static size_t edit(struct rng *rng, uint8_t *text, size_t len)
{
    static const char *const pieces[] = {"[",
                                         "]",
                                         "=",
                                         ":",
                                         ",",
                                         "/",
                                         "\"",
                                         ";",
                                         "\r",
                                         "\n",
                                         "\\",
                                         "\t",
                                         "*",
                                         "#",
                                         "[Types]\n",
                                         "[PHP]\n",
                                         "\xc3\xa4",
                                         "\xe4",
                                         "\xef\xbb\xbf",
                                         "php=PHP\n",
                                         "99999999999999999999",
                                         "Address=",
                                         "ExePath="};
    size_t at = rng_below(rng, len + 1);
    uint8_t part[20];
    size_t count = 1 + rng_below(rng, sizeof part), from = rng_below(rng, len + 1);
    const char *piece = pieces[rng_below(rng, sizeof pieces / sizeof *pieces)];
    switch (rng_below(rng, 6)) {
    case 0: /* another byte */
        if (at < len)
            text[at] = (uint8_t)rng_next(rng);
        return len;
    case 1: /* one bit */
        if (at < len)
            text[at] ^= (uint8_t)(1u << rng_below(rng, 8));
        return len;
    case 2: /* take some out */
        count = count > len - at ? len - at : count;
        memmove(text + at, text + at + count, len - at - count);
        return len - count;
    case 3: /* end here */ return rng_below(rng, 8) == 0 ? at : len;
    case 4: /* repeat a part elsewhere */
        count = count > len - from ? len - from : count;
        if (len + count > MAX_LEN)
            return len;
        memcpy(part, text + from, count);
        memmove(text + at + count, text + at, len - at);
        memcpy(text + at, part, count);
        return len + count;
    default: /* something that means something */
        if (len + strlen(piece) > MAX_LEN)
            return len;
        memmove(text + at + strlen(piece), text + at, len - at);
        memcpy(text + at, piece, strlen(piece));
        return len + strlen(piece);
    }
}

static void check_diagnostics(const struct config *config, unsigned last_line)
{
    size_t errors = 0;
    struct buffer out;
    buffer_init(&out, 1024 * 1024);
    for (size_t i = 0; i < config->diagnostic_count; i++) {
        const struct config_diagnostic *d = &config->diagnostics[i];
        assert_in_range(d->line, 0, last_line);
        assert_true(i == 0 || d->line == 0 || config->diagnostics[i - 1].line <= d->line);
        assert_true(d->pool == SIZE_MAX || d->pool < config->pool_count);
        assert_true(d->severity == CONFIG_WARNING || d->pool == SIZE_MAX || !config->pools[d->pool].valid);
        errors += d->severity == CONFIG_ERROR;
        assert_true(config_diagnostic_format(d, "f", &out));
    }
    struct bytes text = buffer_peek(&out);
    for (size_t i = 0; i < text.len; i++)
        assert_true(text.ptr[i] == '\n' || (text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f));
    buffer_deinit(&out);
    assert_int_equal(config->error_count, errors); /* so few that all are listed */
}

static void check_config(const struct config *config)
{
    for (size_t i = 0; i < config->pool_count; i++) {
        const struct config_pool *pool = &config->pools[i];
        assert_true(strlen(pool->name) > 0 && pool->arguments && pool->monitor_changes_to);
        assert_true(!pool->valid || pool->exe_path[0] || pool->address_count > 0);
        assert_true(pool->protocol <= CONFIG_PROTOCOL_TCP && pool->stderr_mode <= CONFIG_STDERR_TERMINATE);
        for (size_t e = 0; e < pool->env_count; e++)
            assert_true(pool->env[e].name[0] && pool->env[e].value);
        for (size_t a = 0; a < pool->address_count; a++)
            assert_true(pool->addresses[a].host[0] && pool->addresses[a].port);
        assert_true(config_pool_same_processes(pool, pool));
    }
    struct routes *routes = routes_create(config);
    assert_non_null(routes);
    for (size_t i = 0; i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        assert_true(route->pool == SIZE_MAX || (route->pool < config->pool_count && config->pools[route->pool].mapped));
        struct routes_query query = {bytes_of_str(route->extension), bytes_of_str(route->site), bytes_of_str(route->app_path)};
        struct routes_match match;
        assert_true(routes_find(routes, &query, &match));
        assert_int_equal(match.line, route->line);
    }
    routes_destroy(routes);
}

static uint64_t seed_at_work; /* 0: done */

static int print_seed(void **state)
{
    (void)state;
    if (seed_at_work)
        print_error("the seed of the failing text is %llu\n", (unsigned long long)seed_at_work);
    return 0;
}

static void random_edits_never_break_the_parser(void **state)
{
    (void)state;
    static uint8_t work[MAX_LEN + 64];
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct rng rng = {seed};
        seed_at_work = seed;
        size_t len = sizeof sample - 1;
        memcpy(work, sample, len);
        for (size_t edits = 1 + rng_below(&rng, MAX_EDITS); edits > 0; edits--)
            len = edit(&rng, work, len);
        uint8_t *text = malloc(len ? len : 1); /* of the exact length: a byte read behind the end is seen */
        assert_non_null(text);
        memcpy(text, work, len);
        unsigned lines = 1;
        for (size_t i = 0; i < len; i++)
            lines += text[i] == '\n' || text[i] == '\r';
        struct config *config = parse_bytes(text, len);
        free(text); /* nothing of the configuration points into it */
        check_diagnostics(config, lines);
        check_config(config);
        config_destroy(config);
    }
    seed_at_work = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(random_edits_never_break_the_parser, print_seed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
