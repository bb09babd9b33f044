/* What tests of generated documents share. */
#ifndef TESTS_UNIT_DOCUMENT_TESTING_H
#define TESTS_UNIT_DOCUMENT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiext/core/buffer.h"
#include "tools/docs/document.h"

static void document_append(void *context, const char *text)
{
    assert_true(buffer_append_str(context, text));
}

/* With a NUL at its end; the caller ends the buffer. */
static inline const char *document_generate(struct buffer *buffer, void (*print)(const struct document *document))
{
    buffer_init(buffer, 1024 * 1024);
    const struct document document = {document_append, buffer};
    print(&document);
    assert_true(buffer_append(buffer, bytes_of("", 1)));
    return (const char *)buffer_peek(buffer).ptr;
}

/* The file is what is printed now. `name`: of the document, for the program `docs`. */
static inline void document_is_up_to_date(void (*print)(const struct document *document), const char *path, const char *name)
{
    struct buffer buffer;
    const char *wanted = document_generate(&buffer, print);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be opened: run the test in the project's folder", path);
    char *text = calloc(1, buffer.len + 1);
    assert_non_null(text);
    size_t len = fread(text, 1, buffer.len, file);
    fclose(file);
    bool same = len == buffer.len - 1 && memcmp(text, wanted, len) == 0;
    free(text);
    buffer_deinit(&buffer);
    if (!same)
        fail_msg("run build/linux/bin/tests/docs %s >%s", name, path);
}

static inline void document_is_tidy(void (*print)(const struct document *document))
{
    struct buffer buffer;
    const char *text = document_generate(&buffer, print);
    assert_null(strstr(text, " \n"));
    assert_null(strstr(text, "\n\n\n"));
    assert_true(strlen(text) > 1000 && text[strlen(text) - 1] == '\n' && text[strlen(text) - 2] != '\n');
    buffer_deinit(&buffer);
}

#endif
