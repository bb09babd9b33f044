/* name_index: look-up ignoring case, collisions, cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "fcgiext/core/name_index.h"
#include "tests/unit/rng.h"

enum { NAME_LEN = 6, RANDOM_LEN = 12 };

/* The number's own name. */
static struct name_key number_key(char *name, size_t number)
{
    for (size_t i = NAME_LEN; i > 0; i--, number /= 10)
        name[i - 1] = (char)('0' + number % 10);
    return name_key_of(bytes_of(name, NAME_LEN));
}

/* A name of random letters; the same seed gives the same name. */
static struct name_key random_key(char *name, uint64_t seed)
{
    struct rng rng = {seed};
    for (size_t i = 0; i < RANDOM_LEN; i++)
        name[i] = (char)('a' + rng_below(&rng, 26));
    return name_key_of(bytes_of(name, RANDOM_LEN));
}

static struct name_key pair(const char *first, const char *second)
{
    struct name_key key = {bytes_of_str(first), bytes_of_str(second)};
    return key;
}

static void an_empty_index_has_no_name(void **state)
{
    (void)state;
    struct name_index index;
    name_index_init(&index);
    assert_true(name_index_find(&index, pair("a", "")) == SIZE_MAX);
    assert_int_equal(name_index_probes(&index, pair("a", "")), 0);
    name_index_deinit(&index);
}

static void names_are_found_ignoring_case_and_the_last_value_counts(void **state)
{
    (void)state;
    struct name_index index;
    name_index_init(&index);
    assert_true(name_index_put(&index, pair("PHP", ""), 1));
    assert_true(name_index_put(&index, pair("", ""), 2));
    assert_true(name_index_put(&index, pair("php", ""), 3));
    assert_int_equal(index.count, 2);
    assert_int_equal(name_index_find(&index, pair("pHp", "")), 3);
    assert_int_equal(name_index_find(&index, pair("", "")), 2);
    assert_true(name_index_find(&index, pair("ph", "")) == SIZE_MAX);
    name_index_deinit(&index);
}

static void the_border_between_the_parts_of_a_key_counts(void **state)
{
    (void)state;
    struct name_index index;
    name_index_init(&index);
    assert_true(name_index_put(&index, pair("ab", "c"), 1));
    assert_true(name_index_put(&index, pair("a", "bc"), 2));
    assert_true(name_index_put(&index, pair("abc", ""), 3));
    assert_true(name_index_put(&index, pair("", "abc"), 4));
    assert_int_equal(name_index_find(&index, pair("ab", "c")), 1);
    assert_int_equal(name_index_find(&index, pair("a", "bc")), 2);
    assert_int_equal(name_index_find(&index, pair("abc", "")), 3);
    assert_int_equal(name_index_find(&index, pair("", "abc")), 4);
    assert_int_not_equal(name_key_hash(pair("ab", "c")), name_key_hash(pair("a", "bc")));
    name_index_deinit(&index);
}

struct hashed {
    uint32_t hash;
    uint32_t number;
};

static int by_hash(const void *left, const void *right)
{
    const struct hashed *a = left, *b = right;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

/* Among 300000 names some have the same 32-bit hash (some 10 are expected). */
static void names_with_the_same_hash_are_told_apart(void **state)
{
    (void)state;
    enum { COUNT = 300000 };
    struct hashed *all = malloc(COUNT * sizeof *all);
    assert_non_null(all);
    char name[RANDOM_LEN];
    for (uint32_t i = 0; i < COUNT; i++)
        all[i] = (struct hashed){name_key_hash(random_key(name, i)), i};
    qsort(all, COUNT, sizeof *all, by_hash);
    size_t collisions = 0;
    for (size_t i = 1; i < COUNT; i++) {
        if (all[i].hash != all[i - 1].hash)
            continue;
        collisions++;
        struct name_index index;
        char a[RANDOM_LEN], b[RANDOM_LEN];
        name_index_init(&index);
        assert_true(name_index_put(&index, random_key(a, all[i].number), 1));
        assert_true(name_index_find(&index, random_key(b, all[i - 1].number)) == SIZE_MAX);
        assert_true(name_index_put(&index, random_key(b, all[i - 1].number), 2));
        assert_int_equal(name_index_find(&index, random_key(a, all[i].number)), 1);
        assert_int_equal(name_index_find(&index, random_key(b, all[i - 1].number)), 2);
        name_index_deinit(&index);
    }
    assert_true(collisions > 0);
    free(all);
}

/* Average and worst number of slots looked at, for names that are there and names that are not. */
static void a_look_up_costs_the_same_for_16_and_16384_names(void **state)
{
    (void)state;
    static char names[16384][NAME_LEN];
    for (size_t count = 16; count <= 16384; count *= 4) {
        struct name_index index;
        name_index_init(&index);
        for (size_t i = 0; i < count; i++)
            assert_true(name_index_put(&index, number_key(names[i], i), i));
        size_t sum = 0, worst = 0;
        for (size_t i = 0; i < 2 * count; i++) {
            char name[NAME_LEN];
            struct name_key key = number_key(name, i);
            assert_true(name_index_find(&index, key) == (i < count ? i : SIZE_MAX));
            size_t probes = name_index_probes(&index, key);
            sum += probes;
            worst = probes > worst ? probes : worst;
        }
        assert_true(index.capacity >= 2 * index.count);
        assert_true(sum <= 3 * 2 * count);
        assert_true(worst <= 64);
        name_index_deinit(&index);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_index_has_no_name),
        cmocka_unit_test(names_are_found_ignoring_case_and_the_last_value_counts),
        cmocka_unit_test(the_border_between_the_parts_of_a_key_counts),
        cmocka_unit_test(names_with_the_same_hash_are_told_apart),
        cmocka_unit_test(a_look_up_costs_the_same_for_16_and_16384_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
