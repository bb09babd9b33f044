/* Numbered slots with generations: an id finds its element and nothing else, elements keep their address, the limit is
 * exact, and a model agrees over random use. */
#include "fcgiext/core/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/aborts.h"
#include "tests/unit/rng.h"

struct thing {
    struct slab_slot slot;
    uint64_t value;
    char name[13];
};

static void new_slab_holds_nothing(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, sizeof(struct thing), 10);
    assert_int_equal(slab_index_end(&slab), 0);
    assert_null(slab_find(&slab, 0));
    assert_null(slab_find(&slab, (uint64_t)1 << 32));
    slab_deinit(&slab);
}

static void element_is_zeroed_also_when_its_slot_was_used_before(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, sizeof(struct thing), 10);
    for (int i = 0; i < 3; i++) {
        struct thing *thing = slab_alloc(&slab);
        assert_int_equal(thing->value, 0);
        assert_int_equal(thing->name[12], 0);
        thing->value = 77;
        thing->name[12] = 'x';
        slab_free(&slab, thing);
    }
    assert_int_equal(slab_index_end(&slab), SLAB_CHUNK_COUNT);
    slab_deinit(&slab);
}

static void id_finds_its_element_until_it_is_freed(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, sizeof(struct thing), 10);
    struct thing *first = slab_alloc(&slab);
    uint64_t first_id = slab_id(first);
    assert_true(first_id != 0);
    assert_ptr_equal(slab_find(&slab, first_id), first);
    slab_free(&slab, first);
    assert_null(slab_find(&slab, first_id));
    struct thing *second = slab_alloc(&slab);
    assert_ptr_equal(second, first); /* the same slot, for another use */
    assert_true(slab_id(second) != first_id);
    assert_null(slab_find(&slab, first_id));
    assert_ptr_equal(slab_find(&slab, slab_id(second)), second);
    slab_deinit(&slab);
}

static void made_up_ids_find_nothing(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, sizeof(struct thing), 10);
    struct thing *thing = slab_alloc(&slab);
    uint64_t id = slab_id(thing);
    assert_null(slab_find(&slab, id + 1));                   /* a free slot's index */
    assert_null(slab_find(&slab, id + SLAB_CHUNK_COUNT));    /* behind the end */
    assert_null(slab_find(&slab, id | UINT32_MAX));          /* far behind the end */
    assert_null(slab_find(&slab, id + ((uint64_t)1 << 32))); /* a free generation */
    assert_null(slab_find(&slab, id + ((uint64_t)2 << 32))); /* a later use */
    assert_null(slab_find(&slab, id & UINT32_MAX));          /* generation 0 */
    assert_null(slab_find(&slab, UINT64_MAX));
    slab_deinit(&slab);
}

static void alloc_refuses_above_the_limit_and_serves_again_after_a_free(void **state)
{
    (void)state;
    const uint32_t limits[] = {0, 1, SLAB_CHUNK_COUNT - 1, SLAB_CHUNK_COUNT, SLAB_CHUNK_COUNT + 1, 1000};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct slab slab;
        slab_init(&slab, sizeof(struct thing), limits[i]);
        struct thing *last = NULL;
        for (uint32_t n = 0; n < limits[i]; n++) {
            last = slab_alloc(&slab);
            assert_non_null(last);
        }
        assert_null(slab_alloc(&slab));
        assert_int_equal(slab.used_count, limits[i]);
        if (last) {
            slab_free(&slab, last);
            assert_ptr_equal(slab_alloc(&slab), last);
            assert_null(slab_alloc(&slab));
        }
        slab_deinit(&slab);
    }
}

static void elements_keep_their_address_while_the_slab_grows(void **state)
{
    (void)state;
    enum { COUNT = 20 * SLAB_CHUNK_COUNT };
    static struct thing *things[COUNT];
    struct slab slab;
    slab_init(&slab, sizeof(struct thing), COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        things[i] = slab_alloc(&slab);
        things[i]->value = i;
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(things[i]->value, i);
        assert_ptr_equal(slab_at(&slab, things[i]->slot.index), things[i]);
    }
    slab_deinit(&slab);
}

static void walk_by_index_sees_each_used_slot_once(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, sizeof(struct thing), 200);
    struct thing *things[100];
    for (uint32_t i = 0; i < 100; i++)
        things[i] = slab_alloc(&slab);
    for (uint32_t i = 0; i < 100; i += 3)
        slab_free(&slab, things[i]);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < slab_index_end(&slab); i++)
        seen += slab_at(&slab, i) != NULL;
    assert_int_equal(seen, slab.used_count);
    assert_int_equal(seen, 66);
    slab_deinit(&slab);
}

/* The shell's table of workers is as long as the limit, not as the chunks. */
static void indexes_stay_below_the_most_that_were_in_use(void **state)
{
    (void)state;
    enum { MOST = 5 };
    struct rng rng = {3};
    struct slab slab;
    slab_init(&slab, sizeof(struct thing), 1000);
    struct thing *things[MOST] = {0};
    for (int round = 0; round < 10000; round++) {
        struct thing **thing = &things[rng_below(&rng, MOST)];
        if (*thing) {
            slab_free(&slab, *thing);
            *thing = NULL;
        } else {
            *thing = slab_alloc(&slab);
            assert_true((*thing)->slot.index < MOST);
        }
    }
    slab_deinit(&slab);
}

static void slab_can_be_used_again_after_deinit(void **state)
{
    (void)state;
    struct slab slab;
    slab_init(&slab, sizeof(struct thing), 10);
    assert_non_null(slab_alloc(&slab));
    slab_deinit(&slab);
    slab_deinit(&slab);
    assert_null(slab_alloc(&slab)); /* its limit is 0 now */
    slab_init(&slab, sizeof(struct thing), 10);
    assert_non_null(slab_alloc(&slab));
    slab_deinit(&slab);
}

struct freed {
    struct slab slab;
    struct thing *thing;
};

static void free_again(void *argument)
{
    struct freed *freed = argument;
    slab_free(&freed->slab, freed->thing);
}

static void freeing_twice_aborts(void **state)
{
    (void)state;
    struct freed freed;
    slab_init(&freed.slab, sizeof(struct thing), 10);
    freed.thing = slab_alloc(&freed.slab);
    assert_false(aborts(free_again, &freed));
    assert_true(aborts(free_again, &freed));
    slab_deinit(&freed.slab);
}

static void random_use_agrees_with_a_model(void **state)
{
    (void)state;
    enum { LIMIT = 300 };
    struct rng rng = {20240501};
    struct slab slab;
    slab_init(&slab, sizeof(struct thing), LIMIT);
    uint64_t ids[LIMIT];
    size_t count = 0;
    uint64_t freed_id = 0;
    for (uint64_t round = 0; round < 100000; round++) {
        bool grow = rng_below(&rng, 1000) < (round / 5000 % 2 ? 300 : 700);
        if (grow) {
            struct thing *thing = slab_alloc(&slab);
            assert_true((thing == NULL) == (count == LIMIT));
            if (thing) {
                thing->value = slab_id(thing) ^ 0x5555;
                ids[count++] = slab_id(thing);
            }
        } else if (count > 0) {
            size_t at = rng_below(&rng, count);
            freed_id = ids[at];
            slab_free(&slab, slab_find(&slab, freed_id));
            ids[at] = ids[--count];
        }
        assert_null(slab_find(&slab, freed_id));
        assert_int_equal(slab.used_count, count);
        if (count > 0) {
            uint64_t id = ids[rng_below(&rng, count)];
            const struct thing *thing = slab_find(&slab, id);
            assert_int_equal(thing->value, id ^ 0x5555);
        }
    }
    slab_deinit(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_slab_holds_nothing),
        cmocka_unit_test(element_is_zeroed_also_when_its_slot_was_used_before),
        cmocka_unit_test(id_finds_its_element_until_it_is_freed),
        cmocka_unit_test(made_up_ids_find_nothing),
        cmocka_unit_test(alloc_refuses_above_the_limit_and_serves_again_after_a_free),
        cmocka_unit_test(elements_keep_their_address_while_the_slab_grows),
        cmocka_unit_test(walk_by_index_sees_each_used_slot_once),
        cmocka_unit_test(indexes_stay_below_the_most_that_were_in_use),
        cmocka_unit_test(slab_can_be_used_again_after_deinit),
        cmocka_unit_test(freeing_twice_aborts),
        cmocka_unit_test(random_use_agrees_with_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
