/* docs/fcgiext.ini.md and packaging/fcgiext.ini are what the tables of config say; every property is there, with an example that is taken
 * without a word, and so is every line of the sample. */
#include "tests/unit/config_testing.h"

#include "tests/unit/document_testing.h"
#include "tools/docs/config_markdown.h"
#include "tools/docs/config_notes.h"

static void the_document_is_up_to_date(void **state)
{
    (void)state;
    document_is_up_to_date(config_markdown, "docs/fcgiext.ini.md", "fcgiext-ini");
    document_is_tidy(config_markdown);
}

static void the_sample_is_up_to_date(void **state)
{
    (void)state;
    document_is_up_to_date(config_sample, "packaging/fcgiext.ini", "sample-ini");
    document_is_tidy(config_sample);
}

static void every_setting_has_its_note_and_no_note_is_left_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_setting_count; i++)
        if (!config_note_find(config_settings[i].name))
            fail_msg("%s has no note", config_settings[i].name);
    for (size_t i = 0; i < config_management_setting_count; i++)
        if (!config_note_find(config_management_settings[i].name))
            fail_msg("%s has no note", config_management_settings[i].name);
    assert_int_equal(config_note_count, config_setting_count + config_management_setting_count);
    assert_null(config_note_find("NoSuchSetting"));
}

static void check_example(const struct config_setting *setting, const char *section, const char *more)
{
    char text[1000];
    snprintf(text, sizeof text, "[Types]\nphp=PHP\n*=PHP\n[%s]\n%s%s=%s\n%s", section, more, setting->name,
             config_note_find(setting->name)->example,
             strcmp(section, "PHP") == 0 ? "" : "[PHP]\nExePath=c:\\php\\php-cgi.exe\n");
    expect_clean(text);
}

static void every_example_is_taken_without_a_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < config_setting_count; i++) {
        bool is_program = strcmp(config_settings[i].name, "ExePath") == 0 || strcmp(config_settings[i].name, "Address") == 0;
        check_example(&config_settings[i], "PHP", is_program ? "" : "ExePath=c:\\php\\php-cgi.exe\n");
    }
    for (size_t i = 0; i < config_management_setting_count; i++)
        check_example(&config_management_settings[i], "Management", "");
}

static void the_sample_serves_php_and_has_every_property(void **state)
{
    (void)state;
    struct buffer buffer;
    const char *text = document_generate(&buffer, config_sample);
    expect_clean(text);
    struct config *config = parse(text);
    assert_int_equal(config->pool_count, 1);
    assert_string_equal(config->pools[0].exe_path, "c:\\php\\php-cgi.exe");
    config_destroy(config);
    for (size_t i = 0; i < config_setting_count; i++) {
        char line[100];
        snprintf(line, sizeof line, "\n;%s=", config_settings[i].name);
        if (!strstr(text, line))
            fail_msg("%s is not in the sample", config_settings[i].name);
    }
    buffer_deinit(&buffer);
}

/* Without the semicolons of the examples (";name", and not "; words"), and without Address, which excludes ExePath. */
static void every_line_of_the_sample_may_be_switched_on(void **state)
{
    (void)state;
    struct buffer buffer, all;
    const char *text = document_generate(&buffer, config_sample);
    buffer_init(&all, 1024 * 1024);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        const char *from = line[0] == ';' && line[1] != ' ' ? line + 1 : line;
        if (strncmp(from, "Address=", 8) != 0)
            assert_true(buffer_append(&all, bytes_of(from, (size_t)(strchr(line, '\n') + 1 - from))));
    }
    assert_true(buffer_append(&all, bytes_of("", 1)));
    struct config *config = parse((const char *)buffer_peek(&all).ptr);
    print_diagnostics(config);
    assert_int_equal(config->error_count, 0);
    assert_int_equal(config->route_count, 5);
    config_destroy(config);
    buffer_deinit(&all);
    buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_is_up_to_date),
        cmocka_unit_test(the_sample_is_up_to_date),
        cmocka_unit_test(every_setting_has_its_note_and_no_note_is_left_over),
        cmocka_unit_test(every_example_is_taken_without_a_word),
        cmocka_unit_test(the_sample_serves_php_and_has_every_property),
        cmocka_unit_test(every_line_of_the_sample_may_be_switched_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
