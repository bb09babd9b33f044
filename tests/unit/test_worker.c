/* The legal moves of a worker: exactly those of the drawing in worker.h. */
#include "fcgiext/core/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void only_the_moves_of_the_drawing_are_legal(void **state)
{
    (void)state;
    /* rows: from; columns: to; in the order of the enum: Starting Idle Busy Connecting Retiring sTopping Gone */
    static const char *const legal[WORKER_STATE_COUNT] = {
        ".I...TG", /* STARTING */
        "..B..TG", /* IDLE */
        ".I.CRTG", /* BUSY */
        ".I...TG", /* CONNECTING */
        ".....TG", /* RETIRING */
        "......G", /* STOPPING */
        ".......", /* GONE */
    };
    for (int from = 0; from < WORKER_STATE_COUNT; from++)
        for (int to = 0; to < WORKER_STATE_COUNT; to++)
            assert_int_equal(worker_may_move((enum worker_state)from, (enum worker_state)to), legal[from][to] != '.');
}

static void every_state_but_gone_can_be_left_for_gone(void **state)
{
    (void)state;
    for (int from = 0; from < WORKER_GONE; from++)
        assert_true(worker_may_move((enum worker_state)from, WORKER_GONE));
}

static void names_are_distinct(void **state)
{
    (void)state;
    for (int a = 0; a < WORKER_STATE_COUNT; a++) {
        assert_non_null(worker_state_name((enum worker_state)a));
        for (int b = 0; b < a; b++)
            assert_string_not_equal(worker_state_name((enum worker_state)a), worker_state_name((enum worker_state)b));
    }
    assert_string_equal(worker_state_name(WORKER_CONNECTING), "connecting");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_moves_of_the_drawing_are_legal),
        cmocka_unit_test(every_state_but_gone_can_be_left_for_gone),
        cmocka_unit_test(names_are_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
