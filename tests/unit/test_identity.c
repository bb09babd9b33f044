/* Whose token a thread carries, with a system whose every call can fail: vector 23, an impersonation that succeeds and a next call that
 * fails, and all the ways in which giving a token and taking it back can go wrong. */
#include "fcgiext/core/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A system with one thread. Tokens are small numbers; 0: none. */
struct fake_os {
    uintptr_t thread;      /* as whom the thread acts */
    unsigned open;         /* tokens given out by `current` and not closed */
    unsigned sets;         /* calls of `set` */
    unsigned fail_current; /* != 0: fails */
    unsigned fail_set;     /* the n-th call fails; 0: none */
    jmp_buf *end;          /* where `stuck` goes */
    uint32_t stuck_error;
};

static uint32_t fake_current(void *context, void **token)
{
    struct fake_os *os = context;
    if (os->fail_current)
        return 5;
    *token = (void *)os->thread;
    os->open += os->thread != 0;
    return 0;
}

static uint32_t fake_set(void *context, void *token)
{
    struct fake_os *os = context;
    if (++os->sets == os->fail_set)
        return 1346;
    os->thread = (uintptr_t)token;
    return 0;
}

static void fake_close(void *context, void *token)
{
    struct fake_os *os = context;
    assert_non_null(token);
    assert_true(os->open > 0);
    os->open--;
}

static void fake_stuck(void *context, uint32_t error)
{
    struct fake_os *os = context;
    os->stuck_error = error;
    longjmp(*os->end, 1);
}

static struct identity_os calls_of(struct fake_os *os)
{
    return (struct identity_os){
        .context = os, .current = fake_current, .set = fake_set, .close = fake_close, .stuck = fake_stuck};
}

/* A call that fails if it is to, and notes as whom it was made; as transport_write does it. */
static uint32_t call_as(struct fake_os *os, uintptr_t token, uint32_t error_of_call, uintptr_t *called_as)
{
    const struct identity_os calls = calls_of(os);
    struct identity_scope scope;
    uint32_t error = identity_enter(&calls, (void *)token, &scope);
    if (error)
        return error;
    *called_as = os->thread;
    identity_leave(&calls, &scope);
    return error_of_call;
}

static void the_call_is_made_as_wanted_and_the_thread_is_as_before(void **state)
{
    static const uintptr_t before[] = {0, 7}, wanted[] = {0, 8};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct fake_os os = {.thread = before[i / 2]};
        uintptr_t called_as = 99;
        assert_int_equal(call_as(&os, wanted[i % 2], 0, &called_as), 0);
        assert_int_equal(called_as, wanted[i % 2]);
        assert_int_equal(os.thread, before[i / 2]);
        assert_int_equal(os.open, 0);
    }
}

static void a_thread_that_is_nobody_is_not_touched_to_be_nobody(void **state)
{
    (void)state;
    struct fake_os os = {.thread = 0};
    uintptr_t called_as = 99;
    assert_int_equal(call_as(&os, 0, 0, &called_as), 0);
    assert_int_equal(called_as, 0);
    assert_int_equal(os.sets, 0);
}

static void row_23_impersonation_succeeds_the_next_call_fails_the_thread_is_reverted(void **state)
{
    (void)state;
    struct fake_os os = {.thread = 0};
    uintptr_t called_as = 99;
    assert_int_equal(call_as(&os, 8, 232, &called_as), 232);
    assert_int_equal(called_as, 8);
    assert_int_equal(os.thread, 0);
    os.thread = 7;
    assert_int_equal(call_as(&os, 8, 232, &called_as), 232);
    assert_int_equal(os.thread, 7);
    assert_int_equal(os.open, 0);
}

static void without_the_token_the_call_is_not_made(void **state)
{
    (void)state;
    for (uintptr_t before = 0; before < 2; before++) {
        struct fake_os os = {.thread = before, .fail_set = 1};
        uintptr_t called_as = 99;
        assert_int_equal(call_as(&os, 8, 0, &called_as), 1346);
        assert_int_equal(called_as, 99);
        assert_int_equal(os.thread, before);
        assert_int_equal(os.open, 0);
    }
}

static void as_the_host_the_call_is_not_made_while_the_thread_is_a_user(void **state)
{
    (void)state;
    struct fake_os os = {.thread = 7, .fail_set = 1};
    uintptr_t called_as = 99;
    assert_int_equal(call_as(&os, 0, 0, &called_as), 1346);
    assert_int_equal(called_as, 99);
    assert_int_equal(os.thread, 7);
    assert_int_equal(os.open, 0);
}

static void a_thread_whose_token_cannot_be_kept_is_not_given_another(void **state)
{
    (void)state;
    struct fake_os os = {.thread = 7, .fail_current = 1};
    uintptr_t called_as = 99;
    assert_int_equal(call_as(&os, 8, 0, &called_as), 5);
    assert_int_equal(called_as, 99);
    assert_int_equal(os.sets, 0);
    assert_int_equal(os.thread, 7);
}

static void check_stuck(struct fake_os *os)
{
    jmp_buf end;
    uintptr_t called_as = 99;
    os->end = &end;
    if (setjmp(end) == 0) {
        call_as(os, 8, 0, &called_as);
        fail();
    }
    assert_int_equal(os->stuck_error, 1346);
}

static void a_thread_that_cannot_be_reverted_ends_the_process(void **state)
{
    (void)state;
    struct fake_os without = {.fail_set = 2}, with = {.thread = 1, .fail_set = 2};
    check_stuck(&without);
    check_stuck(&with);
}

static void calls_inside_each_other_unwind(void **state)
{
    (void)state;
    struct fake_os os = {.thread = 7};
    const struct identity_os calls = calls_of(&os);
    struct identity_scope start;
    uintptr_t called_as = 99;
    assert_int_equal(identity_enter(&calls, NULL, &start), 0);
    assert_int_equal(os.thread, 0);
    assert_int_equal(call_as(&os, 0, 0, &called_as), 0);
    assert_int_equal(call_as(&os, 8, 0, &called_as), 0);
    assert_int_equal(os.thread, 0);
    identity_leave(&calls, &start);
    assert_int_equal(os.thread, 7);
    assert_int_equal(os.open, 0);
}

static void only_pipes_to_processes_of_our_own_carry_users(void **state)
{
    (void)state;
    struct config_pool pool = {.impersonate = true, .protocol = CONFIG_PROTOCOL_NAMED_PIPE};
    assert_true(identity_is_users(&pool));
    pool.impersonate = false;
    assert_false(identity_is_users(&pool));
    pool.impersonate = true;
    pool.protocol = CONFIG_PROTOCOL_TCP;
    assert_false(identity_is_users(&pool));
    pool.protocol = CONFIG_PROTOCOL_NAMED_PIPE;
    pool.address_count = 1;
    assert_false(identity_is_users(&pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_call_is_made_as_wanted_and_the_thread_is_as_before),
        cmocka_unit_test(a_thread_that_is_nobody_is_not_touched_to_be_nobody),
        cmocka_unit_test(row_23_impersonation_succeeds_the_next_call_fails_the_thread_is_reverted),
        cmocka_unit_test(without_the_token_the_call_is_not_made),
        cmocka_unit_test(as_the_host_the_call_is_not_made_while_the_thread_is_a_user),
        cmocka_unit_test(a_thread_whose_token_cannot_be_kept_is_not_given_another),
        cmocka_unit_test(a_thread_that_cannot_be_reverted_ends_the_process),
        cmocka_unit_test(calls_inside_each_other_unwind),
        cmocka_unit_test(only_pipes_to_processes_of_our_own_carry_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
