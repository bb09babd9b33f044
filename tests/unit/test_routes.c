/* Which pool serves a request: the six levels of [Types]. */
#include "tests/unit/config_testing.h"

#include "fcgiext/core/routes.h"

/* The application at the root of a site in other spellings. */
#define ROOT_MIXED  "/W3SVC/1/Root"
#define ROOT_HALF   "/W3SVC/1/root"
#define ROOT_SITE_7 "/w3svc/7/root"

struct request {
    const char *extension, *site, *app_path;
};

static bool find(const struct routes *routes, struct request request, struct routes_match *match)
{
    struct routes_query query = {bytes_of_str(request.extension), bytes_of_str(request.site), bytes_of_str(request.app_path)};
    return routes_find(routes, &query, match);
}

/* The line of the entry that is found; 0: none. */
static unsigned found_line(const struct routes *routes, struct request request)
{
    struct routes_match match;
    return find(routes, request, &match) ? match.line : 0;
}

static const char *const levels[] = {
    "php:/lm" METABASE_ROOT "/app", "*:/lm" METABASE_ROOT "/app", "php:1", "*:1", "php", "*",
};
enum { LEVEL_COUNT = 6 };

/* Which levels a request can match, the php ones being left out for other extensions and so on. */
static unsigned matching_levels(bool php, bool site, bool app)
{
    unsigned levels_mask = 1u << 5;
    levels_mask |= php ? 1u << 4 : 0;
    levels_mask |= site ? 1u << 3 : 0;
    levels_mask |= site && php ? 1u << 2 : 0;
    levels_mask |= app ? 1u << 1 : 0;
    levels_mask |= app && php ? 1u << 0 : 0;
    return levels_mask;
}

static unsigned first_level(unsigned mask)
{
    for (unsigned i = 0; i < LEVEL_COUNT; i++)
        if (mask & 1u << i)
            return i;
    return LEVEL_COUNT;
}

/* Every subset of the six entries (in both orders of the file), asked with every spelling of every kind of request. */
static void the_whole_matrix_of_entries_and_requests(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool matches;
    } extensions[] = {{"php", true},  {".php", true}, {".PHP", true},  {"pHp", true},
                      {".rb", false}, {"", false},    {".phps", false}},
      sites[] = {{"1", true}, {"2", false}, {"11", false}, {"", false}},
      apps[] = {{"/LM/W3SVC/1/ROOT/app", true},   {"/lm" METABASE_ROOT "/APP", true}, {ROOT_MIXED "/app", true},
                {"/LM/W3SVC/1/ROOT/app/", true},  {"/LM/W3SVC/1/ROOT", false},        {"/LM/W3SVC/1/ROOT/app/sub", false},
                {"/LM/W3SVC/2/ROOT/app", false},  {"/LM/W3SVC/1/ROOT/apple", false},  {"", false},
                {"/LMX/W3SVC/1/ROOT/app", false}, {"LM/W3SVC/1/ROOT/app", false}};
    for (unsigned subset = 0; subset < 1u << LEVEL_COUNT; subset++) {
        for (int reversed = 0; reversed < 2; reversed++) {
            char text[500] = "[Types]\n";
            unsigned line = 1, lines[LEVEL_COUNT] = {0};
            for (unsigned i = 0; i < LEVEL_COUNT; i++) {
                unsigned level = reversed ? LEVEL_COUNT - 1 - i : i;
                if (subset & 1u << level) {
                    strcat(strcat(text, levels[level]), "=C:\\x.exe\n");
                    lines[level] = ++line;
                }
            }
            struct config *config = parse(text);
            assert_int_equal(config->error_count, 0);
            struct routes *routes = routes_create(config);
            assert_non_null(routes);
            config_destroy(config);
            for (size_t e = 0; e < sizeof extensions / sizeof *extensions; e++)
                for (size_t s = 0; s < sizeof sites / sizeof *sites; s++)
                    for (size_t a = 0; a < sizeof apps / sizeof *apps; a++) {
                        struct request request = {extensions[e].text, sites[s].text, apps[a].text};
                        unsigned level =
                            first_level(subset & matching_levels(extensions[e].matches, sites[s].matches, apps[a].matches));
                        struct routes_match match = {0, 0, false};
                        assert_int_equal(find(routes, request, &match), level < LEVEL_COUNT);
                        if (level == LEVEL_COUNT)
                            continue;
                        assert_int_equal(match.line, lines[level]);
                        assert_int_equal(match.wildcard, level % 2 == 1);
                        assert_int_equal(match.pool, 0);
                    }
            routes_destroy(routes);
        }
    }
}

static void an_app_path_without_lm_in_the_file_is_the_same(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp:/w3svc/1/ROOT/=C:\\x.exe\n");
    struct routes *routes = routes_create(config);
    assert_int_equal(found_line(routes, (struct request){".php", "1", "/LM/W3SVC/1/ROOT"}), 2);
    assert_int_equal(found_line(routes, (struct request){".php", "1", ROOT_HALF "/"}), 2);
    assert_int_equal(found_line(routes, (struct request){".php", "1", "/LM/W3SVC/1/ROOT/app"}), 0);
    routes_destroy(routes);
    config_destroy(config);
}

static void an_entry_whose_section_is_missing_is_found_without_a_pool(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=Nowhere\n*=C:\\x.exe\n");
    struct routes *routes = routes_create(config);
    struct routes_match match;
    assert_true(find(routes, (struct request){".php", "1", ""}, &match));
    assert_true(match.pool == SIZE_MAX);
    assert_int_equal(match.line, 2);
    assert_true(find(routes, (struct request){".rb", "1", ""}, &match));
    assert_int_equal(match.pool, 0);
    routes_destroy(routes);
    config_destroy(config);
}

static void nothing_is_found_without_entries(void **state)
{
    (void)state;
    struct config *config = parse("");
    struct routes *routes = routes_create(config);
    assert_non_null(routes);
    assert_int_equal(found_line(routes, (struct request){".php", "1", METABASE_ROOT}), 0);
    assert_int_equal(found_line(routes, (struct request){"", "", ""}), 0);
    routes_destroy(routes);
    config_destroy(config);
    routes_destroy(NULL);
}

static void a_url_with_the_extension_star_finds_the_wildcard_only(void **state)
{
    (void)state;
    struct config *config = parse("[Types]\nphp=C:\\x.exe\n*:1=C:\\y.exe\n");
    struct routes *routes = routes_create(config);
    struct routes_match match;
    assert_true(find(routes, (struct request){".*", "1", ""}, &match));
    assert_true(match.wildcard);
    assert_false(find(routes, (struct request){".*", "2", ""}, &match));
    routes_destroy(routes);
    config_destroy(config);
}

static void each_of_16384_entries_is_found(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text, 1024 * 1024);
    assert_true(buffer_append_str(&text, "[Types]\n"));
    char entry[] = "p0000:" ROOT_SITE_7 "/a=C:\\x.exe\n";
    for (int i = 0; i < CONFIG_MAX_ROUTES; i++) {
        for (int digit = 0, number = i / 4; digit < 4; digit++, number /= 10)
            entry[4 - digit] = (char)('0' + number % 10);
        entry[20] = (char)('a' + i % 4);
        assert_true(buffer_append_str(&text, entry));
    }
    struct config *config = parse_bytes(buffer_peek(&text).ptr, text.len);
    expect_count(config, 0);
    assert_int_equal(config->route_count, CONFIG_MAX_ROUTES);
    struct routes *routes = routes_create(config);
    for (size_t i = 0; i < config->route_count; i++) {
        struct request request = {config->routes[i].extension, "7", config->routes[i].app_path};
        assert_int_equal(found_line(routes, request), i + 2);
    }
    routes_destroy(routes);
    config_destroy(config);
    buffer_deinit(&text);
}

static void the_extension_is_that_of_the_last_segment(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"/index.php", ".php"},
        {"/a.b/c", ""},
        {"/a.tar.gz", ".gz"},
        {"C:\\x.y\\z.PHP", ".PHP"},
        {"C:\\x.y\\z", ""},
        {"", ""},
        {"/", ""},
        {"/x.", ""},
        {"/.htaccess", ".htaccess"},
        {"php", ""},
        {".php", ".php"},
        {"/x.php/", ""},
        {"/x.php::$DATA", ".php::$DATA"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes extension = routes_extension_of(bytes_of_str(rows[i][0]));
        assert_true(bytes_equal(extension, bytes_of_str(rows[i][1])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_matrix_of_entries_and_requests),
        cmocka_unit_test(an_app_path_without_lm_in_the_file_is_the_same),
        cmocka_unit_test(an_entry_whose_section_is_missing_is_found_without_a_pool),
        cmocka_unit_test(nothing_is_found_without_entries),
        cmocka_unit_test(a_url_with_the_extension_star_finds_the_wildcard_only),
        cmocka_unit_test(each_of_16384_entries_is_found),
        cmocka_unit_test(the_extension_is_that_of_the_last_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
