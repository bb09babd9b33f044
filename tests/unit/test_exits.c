/* The ring of the last exits: the newest first, no more than there is room for, texts cut where UTF-8 allows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fcgiext/core/exits.h"

static void note(struct exits *exits, uint32_t pid)
{
    struct exits_entry entry = {.pid = pid, .code = 7, .cause = ERROR_CAUSE_WORKER_EXITED, .lived_ms = 5, .answered = 3};
    exits_note(exits, &entry, bytes_of_str("php"), bytes_of_str("/a.php"));
}

static void nothing_is_noted_at_first(void **state)
{
    (void)state;
    struct exits exits;
    exits_init(&exits);
    assert_null(exits_at(&exits, 0));
}

static void newest_comes_first(void **state)
{
    (void)state;
    struct exits exits;
    exits_init(&exits);
    note(&exits, 1);
    note(&exits, 2);
    assert_int_equal(exits_at(&exits, 0)->pid, 2);
    const struct exits_entry *entry = exits_at(&exits, 1);
    assert_int_equal(entry->pid, 1);
    assert_int_equal(entry->code, 7);
    assert_int_equal(entry->cause, ERROR_CAUSE_WORKER_EXITED);
    assert_int_equal(entry->lived_ms, 5);
    assert_int_equal(entry->answered, 3);
    assert_string_equal(entry->pool, "php");
    assert_string_equal(entry->url_path, "/a.php");
    assert_null(exits_at(&exits, 2));
}

static void oldest_makes_room(void **state)
{
    (void)state;
    struct exits exits;
    exits_init(&exits);
    for (uint32_t pid = 1; pid <= 3 * EXITS_COUNT + 1; pid++)
        note(&exits, pid);
    for (unsigned age = 0; age < EXITS_COUNT; age++)
        assert_int_equal(exits_at(&exits, age)->pid, 3 * EXITS_COUNT + 1 - age);
    assert_null(exits_at(&exits, EXITS_COUNT));
}

static void long_texts_are_cut_between_two_characters(void **state)
{
    (void)state;
    struct exits exits;
    struct exits_entry entry = {.pid = 1};
    char url[2 * EXITS_MAX_URL_LEN];
    memset(url, 'a', sizeof url);
    memcpy(url + EXITS_MAX_URL_LEN - 3, "\xe2\x82\xac", 3); /* it would end behind the last byte that there is room for */
    exits_init(&exits);
    exits_note(&exits, &entry, bytes_of(NULL, 0), bytes_of(url, sizeof url));
    const struct exits_entry *noted = exits_at(&exits, 0);
    assert_string_equal(noted->pool, "");
    assert_int_equal(strlen(noted->url_path), EXITS_MAX_URL_LEN - 3);
    memmove(url, url + 1, sizeof url - 1);
    exits_note(&exits, &entry, bytes_of(NULL, 0), bytes_of(url, sizeof url - 1));
    assert_int_equal(strlen(exits_at(&exits, 0)->url_path), EXITS_MAX_URL_LEN - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_noted_at_first),
        cmocka_unit_test(newest_comes_first),
        cmocka_unit_test(oldest_makes_room),
        cmocka_unit_test(long_texts_are_cut_between_two_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
