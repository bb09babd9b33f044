/* utf8_vars: see utf8_vars.h. The names are copied once and found by a hash table, because each variable of each request is
 * looked up. */
#include "fcgiext/core/utf8_vars.h"

#include "fcgiext/core/text.h"

static bool is_separator(uint8_t c)
{
    return c == ',' || c == ' ' || c == '\0' || text_is_control(c);
}

bool utf8_vars_next(struct bytes *list, struct bytes *name)
{
    while (list->len > 0 && is_separator(list->ptr[0]))
        bytes_advance(list, 1);
    *name = bytes_of(list->ptr, 0);
    while (list->len > 0 && !is_separator(list->ptr[0])) {
        bytes_advance(list, 1);
        name->len++;
    }
    return name->len > 0;
}

static bool add_names(struct utf8_vars *vars, struct bytes list)
{
    struct bytes name;
    while (utf8_vars_next(&list, &name))
        if (text_is_token(name) && !name_index_put(&vars->names, name_key_of(name), 0))
            return false;
    return true;
}

bool utf8_vars_init(struct utf8_vars *vars, struct bytes machine, struct bytes pool)
{
    name_index_init(&vars->names);
    buffer_init(&vars->text, machine.len + pool.len);
    if (!buffer_append(&vars->text, machine) || !buffer_append(&vars->text, pool))
        return false;
    struct bytes first = buffer_peek(&vars->text), second = first;
    first.len = machine.len;
    bytes_advance(&second, machine.len);
    return add_names(vars, first) && add_names(vars, second);
}

void utf8_vars_deinit(struct utf8_vars *vars)
{
    name_index_deinit(&vars->names);
    buffer_deinit(&vars->text);
}

bool utf8_vars_has(const struct utf8_vars *vars, struct bytes name)
{
    return vars && vars->names.count > 0 && name_index_find(&vars->names, name_key_of(name)) != SIZE_MAX;
}
