/* The choice of an external server: the least busy healthy one, equals in turn, those that failed left alone for a while. The
 * random test compares each choice with all the others that were possible. */
#include "fcgiext/core/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fcgiext/core/pool.h"
#include "tests/unit/rng.h"

_Static_assert(2 * (int)SERVERS_TRY_MS < (int)POOL_CONNECT_MS,
               "one server that says nothing does not take up a start's whole time");

static uint32_t take(struct servers *servers, struct servers_use *use, uint64_t now_ms)
{
    servers_use_init(use);
    assert_true(servers_next(servers, use, now_ms));
    return use->server;
}

static struct server_facts facts_of(const struct servers *servers, uint32_t server)
{
    struct server_facts facts;
    servers_get(servers, server, &facts);
    return facts;
}

/* Fails `server` at this time, whatever else it takes to have it chosen. */
static void fail_server(struct servers *servers, uint32_t count, uint32_t server, uint64_t now_ms)
{
    struct servers_use use;
    servers_use_init(&use);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(servers_next(servers, &use, now_ms));
        if (use.server == server)
            break;
    }
    assert_int_equal(use.server, server);
    servers_failed(servers, &use, now_ms);
    assert_int_equal(use.server, SERVERS_NONE);
}

static void equals_are_used_in_turn(void **state)
{
    (void)state;
    struct servers *servers = servers_create(3);
    for (uint32_t i = 0; i < 9; i++) {
        struct servers_use use;
        assert_int_equal(take(servers, &use, 0), i % 3);
        servers_leave(servers, &use);
    }
    servers_destroy(servers);
}

static void the_least_busy_one_is_taken(void **state)
{
    (void)state;
    struct servers *servers = servers_create(3);
    struct servers_use uses[7];
    for (uint32_t i = 0; i < 6; i++)
        take(servers, &uses[i], 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(facts_of(servers, i).in_use, 2);
    servers_leave(servers, &uses[4]);
    assert_int_equal(take(servers, &uses[6], 0), 1);
    servers_destroy(servers);
}

static void one_that_failed_is_left_alone_and_then_tried_by_one(void **state)
{
    (void)state;
    struct servers *servers = servers_create(2);
    struct servers_use uses[8];
    fail_server(servers, 2, 0, 100);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(take(servers, &uses[i], 100 + SERVERS_DOWN_MS - 1), 1);
    assert_int_equal(take(servers, &uses[4], 100 + SERVERS_DOWN_MS), 0);
    assert_int_equal(take(servers, &uses[5], 100 + SERVERS_DOWN_MS), 1); /* until that one knows */
    servers_answered(servers, &uses[4]);
    assert_int_equal(facts_of(servers, 0).failures, 0);
    assert_int_equal(take(servers, &uses[6], 100 + SERVERS_DOWN_MS), 0);
    servers_destroy(servers);
}

static void a_trial_that_leaves_without_an_answer_makes_room_for_the_next(void **state)
{
    (void)state;
    struct servers *servers = servers_create(2);
    struct servers_use other, use;
    take(servers, &other, 0);
    fail_server(servers, 2, 1, 0);
    uint64_t now_ms = SERVERS_DOWN_MS;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(servers, &use, now_ms), 1);
        assert_int_equal(facts_of(servers, 1).trials, 1);
        servers_leave(servers, &use);
        assert_int_equal(facts_of(servers, 1).trials, 0);
    }
    servers_destroy(servers);
}

static void the_time_doubles_up_to_its_limit_and_an_answer_clears_it(void **state)
{
    (void)state;
    struct servers *servers = servers_create(1);
    const uint64_t times[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    uint64_t now_ms = 5;
    struct servers_use use;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        take(servers, &use, now_ms);
        servers_failed(servers, &use, now_ms);
        assert_true(facts_of(servers, 0).down_until_ms == now_ms + times[i]);
        now_ms += times[i];
    }
    take(servers, &use, now_ms);
    servers_answered(servers, &use);
    servers_leave(servers, &use);
    take(servers, &use, now_ms);
    servers_failed(servers, &use, now_ms);
    assert_true(facts_of(servers, 0).down_until_ms == now_ms + 1000);
    servers_destroy(servers);
}

static void connections_that_break_together_are_one_failure(void **state)
{
    (void)state;
    struct servers *servers = servers_create(1);
    struct servers_use uses[20];
    for (int i = 0; i < 20; i++)
        take(servers, &uses[i], 0);
    for (int i = 0; i < 20; i++)
        servers_failed(servers, &uses[i], (uint64_t)i);
    assert_int_equal(facts_of(servers, 0).failures, 1);
    assert_true(facts_of(servers, 0).down_until_ms == 1000);
    assert_int_equal(facts_of(servers, 0).in_use, 0);
    servers_destroy(servers);
}

static void a_break_after_an_answer_is_no_failure(void **state)
{
    (void)state;
    struct servers *servers = servers_create(1);
    struct servers_use use;
    take(servers, &use, 0);
    servers_answered(servers, &use);
    servers_failed(servers, &use, 1);
    assert_int_equal(facts_of(servers, 0).failures, 0);
    assert_int_equal(facts_of(servers, 0).in_use, 0);
    servers_destroy(servers);
}

static void when_all_are_down_the_one_whose_time_ends_first_is_tried(void **state)
{
    (void)state;
    struct servers *servers = servers_create(3);
    fail_server(servers, 3, 1, 10);
    fail_server(servers, 3, 2, 20);
    fail_server(servers, 3, 0, 30);
    struct servers_use use;
    assert_int_equal(take(servers, &use, 40), 1);
    assert_true(servers_next(servers, &use, 40));
    assert_int_equal(use.server, 2);
    assert_true(servers_next(servers, &use, 40));
    assert_int_equal(use.server, 0);
    assert_false(servers_next(servers, &use, 40));
    assert_int_equal(use.server, SERVERS_NONE);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(facts_of(servers, i).in_use, 0);
    servers_destroy(servers);
}

static void a_try_is_bounded_while_another_server_is_left(void **state)
{
    (void)state;
    struct servers *servers = servers_create(2);
    struct servers_use use;
    take(servers, &use, 0);
    assert_int_equal(servers_try_ms(servers, &use), SERVERS_TRY_MS);
    assert_true(servers_next(servers, &use, 0));
    assert_int_equal(servers_try_ms(servers, &use), 0);
    servers_destroy(servers);
    servers = servers_create(1);
    take(servers, &use, 0);
    assert_int_equal(servers_try_ms(servers, &use), 0);
    servers_destroy(servers);
}

static void nothing_happens_to_a_connection_that_is_counted_nowhere(void **state)
{
    (void)state;
    struct servers *servers = servers_create(1);
    struct servers_use use;
    servers_use_init(&use);
    servers_failed(servers, &use, 0);
    servers_answered(servers, &use);
    servers_leave(servers, &use);
    assert_int_equal(facts_of(servers, 0).in_use, 0);
    assert_int_equal(facts_of(servers, 0).failures, 0);
    servers_destroy(servers);
}

/* ---- random */

enum { CONNECTIONS = 40, STEPS = 3000, SEEDS = 60 };

struct world {
    struct rng rng;
    uint64_t seed, now_ms;
    uint32_t count;
    struct servers *servers;
    struct servers_use uses[CONNECTIONS];
};

#define REQUIRE(world, condition)                                                                                      \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg("seed %llu, %llu ms: %s", (unsigned long long)(world)->seed, (unsigned long long)(world)->now_ms, \
                     #condition);                                                                                      \
    } while (0)

static bool healthy(const struct world *world, const struct server_facts *facts)
{
    return facts->failures == 0 || (world->now_ms >= facts->down_until_ms && facts->trials == 0);
}

static bool tried(const struct servers_use *use, uint32_t server)
{
    return use->tried[server / 8] & 1u << server % 8;
}

static void choose(struct world *world, struct servers_use *use)
{
    struct servers_use before = *use;
    struct server_facts was[SERVERS_MAX];
    servers_leave(world->servers, use); /* so that the facts are those of the choice */
    for (uint32_t i = 0; i < world->count; i++)
        servers_get(world->servers, i, &was[i]);
    bool found = servers_next(world->servers, use, world->now_ms);
    REQUIRE(world, found == (before.tried_count < world->count));
    if (!found)
        return;
    const struct server_facts *chosen = &was[use->server];
    REQUIRE(world, !tried(&before, use->server) && tried(use, use->server));
    for (uint32_t i = 0; i < world->count; i++) {
        if (tried(&before, i))
            continue;
        REQUIRE(world, healthy(world, chosen) || !healthy(world, &was[i]));
        if (healthy(world, chosen) && healthy(world, &was[i]))
            REQUIRE(world, chosen->in_use <= was[i].in_use);
        if (!healthy(world, chosen))
            REQUIRE(world, chosen->down_until_ms <= was[i].down_until_ms);
    }
}

static void check(const struct world *world)
{
    uint32_t in_use[SERVERS_MAX] = {0}, trials[SERVERS_MAX] = {0};
    for (int i = 0; i < CONNECTIONS; i++) {
        const struct servers_use *use = &world->uses[i];
        REQUIRE(world, use->server == SERVERS_NONE || use->server < world->count);
        if (use->server == SERVERS_NONE)
            continue;
        in_use[use->server]++;
        trials[use->server] += use->trial;
    }
    for (uint32_t i = 0; i < world->count; i++) {
        struct server_facts facts = facts_of(world->servers, i);
        REQUIRE(world, facts.in_use == in_use[i]);
        REQUIRE(world, facts.trials == trials[i]);
        REQUIRE(world, facts.down_until_ms <= world->now_ms + SERVERS_DOWN_MAX_MS);
        REQUIRE(world, facts.failures > 0 || facts.down_until_ms == 0);
    }
}

static void step(struct world *world)
{
    struct servers_use *use = &world->uses[rng_below(&world->rng, CONNECTIONS)];
    world->now_ms += rng_below(&world->rng, 4) ? rng_below(&world->rng, 20) : rng_below(&world->rng, 3000);
    if (use->server == SERVERS_NONE) {
        if (rng_below(&world->rng, 3))
            servers_use_init(use); /* a new start; else it goes on with the one before */
        choose(world, use);
        return;
    }
    switch (rng_below(&world->rng, 5)) {
    case 0: servers_leave(world->servers, use); break;
    case 1: choose(world, use); break;
    case 2: servers_answered(world->servers, use); break;
    default: servers_failed(world->servers, use, world->now_ms);
    }
}

static void any_schedule_keeps_the_rules(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world world = {.rng = {seed}, .seed = seed};
        world.count = 1 + (uint32_t)rng_below(&world.rng, seed % 20 ? 6 : SERVERS_MAX);
        world.servers = servers_create(world.count);
        for (int i = 0; i < CONNECTIONS; i++)
            servers_use_init(&world.uses[i]);
        for (int i = 0; i < STEPS; i++) {
            step(&world);
            check(&world);
        }
        servers_destroy(world.servers);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_are_used_in_turn),
        cmocka_unit_test(the_least_busy_one_is_taken),
        cmocka_unit_test(one_that_failed_is_left_alone_and_then_tried_by_one),
        cmocka_unit_test(a_trial_that_leaves_without_an_answer_makes_room_for_the_next),
        cmocka_unit_test(the_time_doubles_up_to_its_limit_and_an_answer_clears_it),
        cmocka_unit_test(connections_that_break_together_are_one_failure),
        cmocka_unit_test(a_break_after_an_answer_is_no_failure),
        cmocka_unit_test(when_all_are_down_the_one_whose_time_ends_first_is_tried),
        cmocka_unit_test(a_try_is_bounded_while_another_server_is_left),
        cmocka_unit_test(nothing_happens_to_a_connection_that_is_counted_nowhere),
        cmocka_unit_test(any_schedule_keeps_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
