/* docs/management-api.md is what the tables say, and names everything that the methods answer. */
#include "tests/unit/rpc_testing.h"

#include "tests/unit/document_testing.h"
#include "tools/docs/api_markdown.h"

static void the_document_is_up_to_date(void **state)
{
    (void)state;
    document_is_up_to_date(api_markdown, "docs/management-api.md", "management-api");
}

static bool documents(const struct buffer *document, const char *name)
{
    const char *text = (const char *)buffer_peek(document).ptr;
    static const char *const forms[] = {"`%s`", ".%s`", "`%s."}; /* a member, one of an object, an object */
    bool found = false;
    for (size_t i = 0; i < COUNT(forms); i++) {
        char word[100] = "";
        const char *blank = strchr(forms[i], '%');
        snprintf(word, sizeof word, "%.*s%s%s", (int)(blank - forms[i]), forms[i], name, blank + 2);
        found = found || strstr(text, word);
    }
    return found;
}

static void check_members(const struct buffer *document, const cJSON *value)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, value)
    {
        if (item->string && !documents(document, item->string))
            fail_msg("not in the document: %s", item->string);
        if (!item->string || (strcmp(item->string, "failed_by_cause") != 0 && strcmp(item->string, "moves_by_reason") != 0))
            check_members(document, item);
    }
}

static void every_member_of_every_reply_is_documented(void **state)
{
    (void)state;
    static const char *const params[] = {"{}", "{\"pool\":\"php\"}", "{\"pool\":\"php\",\"pid\":1}", "{\"operation\":\"1\"}"};
    struct buffer document;
    struct client client;
    document_generate(&document, api_markdown);
    client_open(&client);
    for (size_t i = 0; i < method_count; i++) {
        size_t p = 0;
        do
            call(&client, methods[i].name, params[p++]);
        while (p < COUNT(params) && !at(&client, "result"));
        assert_non_null(at(&client, "result"));
        check_members(&document, client.reply);
    }
    assert_false(documents(&document, "no_such_member"));
    client_close(&client);
    buffer_deinit(&document);
}

static void its_lines_have_no_blanks_at_their_ends(void **state)
{
    (void)state;
    document_is_tidy(api_markdown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_document_is_up_to_date),
        cmocka_unit_test(every_member_of_every_reply_is_documented),
        cmocka_unit_test(its_lines_have_no_blanks_at_their_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
