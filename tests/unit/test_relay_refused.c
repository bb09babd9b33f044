/* relay: a write that cannot even be begun, because no thread can act in the name of the request's user. The request fails, the first or a
 * later write alike; nothing more is written, and nobody else gets it. */
#include "tests/unit/relay_outcome.h"

static const struct error_facts refusal = {.cause = ERROR_CAUSE_IMPERSONATION, .has_code = true, .code = 1346};

static void write_is_refused(struct driver *driver)
{
    assert_true(driver->write_out);
    driver->write_out = false;
    relay_on_write_refused(&driver->relay, &refusal);
    drive(driver);
}

static void expect_refusal_page(const struct driver *driver)
{
    expect_page(driver, ERROR_CAUSE_IMPERSONATION);
    assert_true(driver->facts.has_code);
    assert_int_equal(driver->facts.code, 1346);
}

static void first_write_refused(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
    assign(&driver);
    forget_actions(&driver);
    write_is_refused(&driver);
    expect(&driver, "close release:given up explain send"); /* it says nothing about the worker */
    sent(&driver);
    expect(&driver, "done:keep");
    expect_refusal_page(&driver);
    driver_close(&driver);
}

static void later_write_refused(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.safe = false;
    settings.body_len = 100000;
    assert_int_equal(driver_open(&driver, &settings, 1000), CGI_VARS_OK);
    assign(&driver);
    written(&driver);
    client_sends(&driver, 60000);
    forget_actions(&driver);
    write_is_refused(&driver);
    expect(&driver, "close release:closed explain send");
    sent(&driver);
    expect(&driver, "done:close"); /* the rest of the body is still on the client's connection */
    expect_refusal_page(&driver);
    driver_close(&driver);
}

/* What failed before is nearer to the cause. */
static void write_refused_of_a_request_that_has_failed(void **state)
{
    (void)state;
    struct driver driver;
    struct relay_settings settings = default_settings();
    settings.stderr_mode = CONFIG_STDERR_TERMINATE;
    assert_int_equal(driver_open(&driver, &settings, 0), CGI_VARS_OK);
    assign(&driver);
    put_stderr(&driver, "early");
    read_all(&driver);
    write_is_refused(&driver);
    sent(&driver);
    expect_page(&driver, ERROR_CAUSE_STDERR);
    driver_close(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_write_refused),
        cmocka_unit_test(later_write_refused),
        cmocka_unit_test(write_refused_of_a_request_that_has_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
