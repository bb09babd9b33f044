/* The table of operations: ids, progress as the pool shows it, ends, what takes the place of what, and who makes room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mgmt/operations.h"

static struct operations operations;

static int init(void **state)
{
    (void)state;
    operations_init(&operations);
    return 0;
}

static struct operations_entry *begin(enum mgmt_command_kind kind)
{
    struct operations_entry *entry = operations_begin(&operations, kind, "php", 0, 1000);
    assert_non_null(entry);
    assert_int_equal(entry->shown.state, MGMT_OPERATION_RUNNING);
    operations_release(entry);
    return entry;
}

static void assert_shown(const struct operations_entry *entry, enum mgmt_operation_state state, uint32_t done, uint32_t total)
{
    assert_int_equal(entry->shown.state, state);
    assert_int_equal(entry->shown.done, done);
    assert_int_equal(entry->shown.total, total);
}

static void look_at_recycle(struct operations_entry *entry, enum pool_recycle_state state, uint32_t old_workers)
{
    struct operations_facts facts = {.counts = {.recycle = state, .old_workers = old_workers}};
    operations_look(entry, &facts);
}

static void look_at_drain(struct operations_entry *entry, enum pool_state state, uint32_t waiting, uint32_t running,
                          uint32_t workers)
{
    struct operations_facts facts = {.counts = {.state = state, .waiting = waiting, .workers = workers}, .running = running};
    operations_look(entry, &facts);
}

static void recycle_is_done_when_no_old_worker_is_left(void **state)
{
    (void)state;
    struct operations_entry *entry = begin(MGMT_COMMAND_RECYCLE);
    look_at_recycle(entry, POOL_RECYCLE_RUNNING, 4);
    assert_shown(entry, MGMT_OPERATION_RUNNING, 0, 4);
    look_at_recycle(entry, POOL_RECYCLE_RUNNING, 1);
    assert_shown(entry, MGMT_OPERATION_RUNNING, 3, 4);
    assert_true(entry->shown.reason[0] != '\0');
    look_at_recycle(entry, POOL_RECYCLE_NONE, 0);
    assert_shown(entry, MGMT_OPERATION_DONE, 4, 4);
    assert_string_equal(entry->shown.reason, "");
    look_at_recycle(entry, POOL_RECYCLE_FAILED, 2); /* another one's */
    assert_shown(entry, MGMT_OPERATION_DONE, 4, 4);
}

static void nothing_is_concluded_before_the_command_is_carried_out(void **state)
{
    (void)state;
    struct operations_entry *entry = operations_begin(&operations, MGMT_COMMAND_RECYCLE, "php", 0, 1000);
    look_at_recycle(entry, POOL_RECYCLE_NONE, 0);
    assert_shown(entry, MGMT_OPERATION_RUNNING, 0, 0);
    operations_release(entry);
    look_at_recycle(entry, POOL_RECYCLE_NONE, 0);
    assert_shown(entry, MGMT_OPERATION_DONE, 0, 0);
}

static void recycle_that_stopped_has_failed_and_says_why(void **state)
{
    (void)state;
    struct operations_entry *entry = begin(MGMT_COMMAND_RECYCLE);
    look_at_recycle(entry, POOL_RECYCLE_RUNNING, 4);
    look_at_recycle(entry, POOL_RECYCLE_FAILED, 3);
    assert_shown(entry, MGMT_OPERATION_FAILED, 1, 4);
    assert_non_null(strstr(entry->shown.reason, "replacements failed"));
}

/* What becomes too old or too large meanwhile is replaced, too, but nobody asked for that. */
static void recycle_is_done_though_renewals_go_on_or_fail(void **state)
{
    (void)state;
    for (enum pool_recycle_state recycle = POOL_RECYCLE_RUNNING; recycle <= POOL_RECYCLE_FAILED; recycle++) {
        struct operations_entry *entry = begin(MGMT_COMMAND_RECYCLE);
        struct operations_facts facts = {.counts = {.recycle = POOL_RECYCLE_RUNNING, .old_workers = 3, .renewals = 1}};
        operations_look(entry, &facts);
        assert_shown(entry, MGMT_OPERATION_RUNNING, 0, 2);
        facts.counts = (struct pool_counts){.recycle = recycle, .old_workers = 2, .renewals = 2};
        operations_look(entry, &facts);
        assert_shown(entry, MGMT_OPERATION_DONE, 2, 2);
    }
}

static void drain_counts_requests_and_workers_until_the_pool_is_drained(void **state)
{
    (void)state;
    struct operations_entry *entry = begin(MGMT_COMMAND_DRAIN);
    look_at_drain(entry, POOL_STATE_DRAINING, 5, 2, 2);
    assert_shown(entry, MGMT_OPERATION_RUNNING, 0, 9);
    look_at_drain(entry, POOL_STATE_DRAINING, 0, 0, 2);
    assert_shown(entry, MGMT_OPERATION_RUNNING, 7, 9);
    look_at_drain(entry, POOL_STATE_DRAINED, 0, 0, 0);
    assert_shown(entry, MGMT_OPERATION_DONE, 9, 9);
}

static void drain_of_a_pool_that_serves_again_is_superseded(void **state)
{
    (void)state;
    struct operations_entry *entry = begin(MGMT_COMMAND_DRAIN);
    look_at_drain(entry, POOL_STATE_RUNNING, 0, 1, 1);
    assert_int_equal(entry->shown.state, MGMT_OPERATION_SUPERSEDED);
}

static void worker_s_operation_is_done_when_it_is_gone(void **state)
{
    (void)state;
    struct operations_facts facts = {.has_worker = true};
    struct operations_entry *entry = begin(MGMT_COMMAND_WORKER_KILL);
    operations_look(entry, &facts);
    assert_shown(entry, MGMT_OPERATION_RUNNING, 0, 1);
    facts.has_worker = false;
    operations_look(entry, &facts);
    assert_shown(entry, MGMT_OPERATION_DONE, 1, 1);
}

static void operation_of_a_closed_pool_has_failed(void **state)
{
    (void)state;
    struct operations_facts facts = {.counts = {.state = POOL_STATE_CLOSED}};
    struct operations_entry *entry = begin(MGMT_COMMAND_DRAIN);
    operations_look(entry, &facts);
    assert_int_equal(entry->shown.state, MGMT_OPERATION_FAILED);
}

static void resume_takes_the_place_of_a_drain_and_a_drain_that_of_a_recycle(void **state)
{
    (void)state;
    struct operations_entry *recycle = begin(MGMT_COMMAND_RECYCLE);
    struct operations_entry *worker = begin(MGMT_COMMAND_WORKER_RECYCLE);
    struct operations_entry *drain = begin(MGMT_COMMAND_DRAIN);
    assert_int_equal(recycle->shown.state, MGMT_OPERATION_SUPERSEDED);
    struct operations_entry *resume = begin(MGMT_COMMAND_RESUME);
    assert_int_equal(drain->shown.state, MGMT_OPERATION_SUPERSEDED);
    assert_int_equal(worker->shown.state, MGMT_OPERATION_RUNNING);
    assert_int_equal(resume->shown.state, MGMT_OPERATION_RUNNING);
}

static void command_to_another_pool_supersedes_nothing(void **state)
{
    (void)state;
    struct operations_entry *recycle = begin(MGMT_COMMAND_RECYCLE);
    assert_non_null(operations_begin(&operations, MGMT_COMMAND_DRAIN, "echo", 0, 1000));
    assert_int_equal(recycle->shown.state, MGMT_OPERATION_RUNNING);
}

static void reloads_end_when_it_is_told(void **state)
{
    (void)state;
    struct operations_facts facts = {.running = 0};
    struct operations_entry *first = operations_begin(&operations, MGMT_COMMAND_RELOAD, "", 0, 1);
    struct operations_entry *second = operations_begin(&operations, MGMT_COMMAND_RELOAD, "", 0, 1);
    struct operations_entry *drain = begin(MGMT_COMMAND_DRAIN);
    operations_look(first, &facts);
    assert_int_equal(first->shown.state, MGMT_OPERATION_RUNNING);
    struct operations_entry *later = operations_begin(&operations, MGMT_COMMAND_RELOAD, "", 0, 1);
    operations_end_all(&operations, MGMT_COMMAND_RELOAD, drain->shown.id, MGMT_OPERATION_FAILED, "it has errors");
    assert_int_equal(later->shown.state, MGMT_OPERATION_RUNNING);
    assert_int_equal(first->shown.state, MGMT_OPERATION_FAILED);
    assert_string_equal(second->shown.reason, "it has errors");
    assert_int_equal(drain->shown.state, MGMT_OPERATION_RUNNING);
}

static void oldest_that_has_ended_makes_room(void **state)
{
    (void)state;
    uint64_t running = begin(MGMT_COMMAND_WORKER_KILL)->shown.id;
    uint64_t ended = 0;
    for (int i = 1; i < OPERATIONS_COUNT; i++) {
        struct operations_entry *entry = begin(MGMT_COMMAND_RESUME);
        operations_end(entry, MGMT_OPERATION_DONE, NULL);
        ended = ended ? ended : entry->shown.id;
    }
    assert_non_null(operations_find(&operations, ended));
    uint64_t next = begin(MGMT_COMMAND_WORKER_KILL)->shown.id;
    assert_null(operations_find(&operations, ended));
    assert_non_null(operations_find(&operations, running));
    assert_int_equal(operations_find(&operations, next)->shown.id, OPERATIONS_COUNT + 1);
}

static void nothing_more_is_begun_while_all_of_them_run(void **state)
{
    (void)state;
    for (int i = 0; i < OPERATIONS_COUNT; i++)
        begin(MGMT_COMMAND_WORKER_KILL);
    assert_null(operations_begin(&operations, MGMT_COMMAND_WORKER_KILL, "php", 0, 1));
    assert_null(operations_find(&operations, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(recycle_is_done_when_no_old_worker_is_left, init),
        cmocka_unit_test_setup(nothing_is_concluded_before_the_command_is_carried_out, init),
        cmocka_unit_test_setup(recycle_that_stopped_has_failed_and_says_why, init),
        cmocka_unit_test_setup(recycle_is_done_though_renewals_go_on_or_fail, init),
        cmocka_unit_test_setup(drain_counts_requests_and_workers_until_the_pool_is_drained, init),
        cmocka_unit_test_setup(drain_of_a_pool_that_serves_again_is_superseded, init),
        cmocka_unit_test_setup(worker_s_operation_is_done_when_it_is_gone, init),
        cmocka_unit_test_setup(operation_of_a_closed_pool_has_failed, init),
        cmocka_unit_test_setup(resume_takes_the_place_of_a_drain_and_a_drain_that_of_a_recycle, init),
        cmocka_unit_test_setup(command_to_another_pool_supersedes_nothing, init),
        cmocka_unit_test_setup(reloads_end_when_it_is_told, init),
        cmocka_unit_test_setup(oldest_that_has_ended_makes_room, init),
        cmocka_unit_test_setup(nothing_more_is_begun_while_all_of_them_run, init),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
