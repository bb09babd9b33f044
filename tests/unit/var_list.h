/* var_list: a sink for CGI variables that copies what it gets, so that a test can look at it afterwards. */
#ifndef FCGIEXT_TESTS_VAR_LIST_H
#define FCGIEXT_TESTS_VAR_LIST_H

#include "fcgiext/core/bytes.h"

#include <stdio.h>
#include <stdlib.h>

struct var {
    char *name; /* NUL-terminated copies */
    char *value;
    size_t value_len;
};

struct var_list {
    struct var *vars;
    size_t count;
};

static inline char *var_list_copy(struct bytes bytes)
{
    char *copy = malloc(bytes.len + 1);
    if (!copy)
        abort();
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    return copy;
}

static inline void var_list_put(void *context, struct bytes name, struct bytes value)
{
    struct var_list *list = context;
    struct var *vars = realloc(list->vars, (list->count + 1) * sizeof *vars);
    if (!vars)
        abort();
    list->vars = vars;
    vars[list->count++] = (struct var){var_list_copy(name), var_list_copy(value), value.len};
}

static inline void var_list_deinit(struct var_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->vars[i].name);
        free(list->vars[i].value);
    }
    free(list->vars);
    *list = (struct var_list){NULL, 0};
}

/* NULL: there is none. Two of one name end the test: no variable may come twice. */
static inline const char *var_list_find(const struct var_list *list, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->vars[i].name, name) != 0)
            continue;
        if (value) {
            fprintf(stderr, "%s came twice\n", name);
            abort();
        }
        value = list->vars[i].value;
    }
    return value;
}

#endif
