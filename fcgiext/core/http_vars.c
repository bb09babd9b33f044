/* http_vars: header fields -> HTTP_* variables.
 *
 * Invariant: each variable is emitted once, from one spelling of its name. The fields are collected first: a hash table over
 * their CGI names finds the ones that meet, so that the cost grows with the length of the text only, whatever a client sends.
 * The table, the fields (as offsets into the text) and the room to write a name and joined values are one reservation in the
 * caller's scratch buffer: no allocation, and nothing can move while a slice of it is out. */
#include "fcgiext/core/http_vars.h"

#include "fcgiext/core/text.h"

#define PREFIX "HTTP_"

enum { PREFIX_LEN = sizeof PREFIX - 1, MAX_JOINT_LEN = 2 };

struct field {
    uint32_t name; /* offsets and lengths in the text; the name without HTTP_ */
    uint32_t name_len;
    uint32_t value;
    uint32_t value_len;
    uint32_t next; /* the next field of this name, plus 1; 0: none */
    uint32_t last; /* of the first field: the last one of this name, plus 1. Of the others: 0 */
};

struct fields {
    struct bytes text;
    enum http_vars_form form;
    bool pass_proxy;
    struct field *list;
    uint32_t count;
    uint32_t *slots; /* index of a name's first field, plus 1 */
    uint32_t slot_mask;
    uint8_t *room;
};

static uint8_t cgi_char(uint8_t c)
{
    if (c == '-')
        return '_';
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

static struct bytes name_of(const struct fields *fields, const struct field *field)
{
    return bytes_of(fields->text.ptr + field->name, field->name_len);
}

static bool same_variable(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (cgi_char(a.ptr[i]) != cgi_char(b.ptr[i]))
            return false;
    return true;
}

/* The slot of the name's first field, or the free one where it belongs. FNV-1a; at most half of the slots are taken. */
static uint32_t *find_slot(const struct fields *fields, struct bytes name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ cgi_char(name.ptr[i])) * 16777619u;
    uint32_t at = (hash ^ hash >> 15) & fields->slot_mask;
    while (fields->slots[at] && !same_variable(name_of(fields, &fields->list[fields->slots[at] - 1]), name))
        at = (at + 1) & fields->slot_mask;
    return &fields->slots[at];
}

static void add_field(struct fields *fields, struct bytes name, struct bytes value)
{
    struct field field = {
        .name = (uint32_t)(name.ptr - fields->text.ptr),
        .name_len = (uint32_t)name.len,
        .value = (uint32_t)(value.ptr - fields->text.ptr),
        .value_len = (uint32_t)value.len,
    };
    uint32_t *slot = find_slot(fields, name);
    if (*slot == 0) {
        fields->list[fields->count] = field;
        *slot = ++fields->count;
        fields->list[*slot - 1].last = *slot;
        return;
    }
    struct field *first = &fields->list[*slot - 1];
    struct bytes spelling = name_of(fields, first);
    if (bytes_equal_nocase(spelling, name)) {
        fields->list[fields->count] = field;
        fields->list[first->last - 1].next = ++fields->count;
        first->last = fields->count;
    } else if (memchr(spelling.ptr, '_', spelling.len) && !memchr(name.ptr, '_', name.len)) {
        field.last = *slot; /* takes the place of the other spelling, whose further fields nobody points to any more */
        *first = field;
    }
}

/* One line, without its end. */
static void add_line(struct fields *fields, struct bytes line)
{
    const uint8_t *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
    if (!colon)
        return;
    struct bytes name = bytes_of(line.ptr, (size_t)(colon - line.ptr));
    struct bytes value = line;
    bytes_advance(&value, name.len + 1);
    value = text_trim(value);
    if (fields->form == HTTP_VARS_CGI) {
        if (!bytes_start_with_nocase(name, bytes_of_str(PREFIX)))
            return;
        bytes_advance(&name, PREFIX_LEN);
    }
    if (!text_is_token(name) || (!fields->pass_proxy && same_variable(name, bytes_of_str("PROXY"))))
        return;
    for (size_t i = 0; i < value.len; i++)
        if (text_is_control(value.ptr[i]) && value.ptr[i] != '\t')
            return;
    add_field(fields, name, value);
}

static struct bytes take_line(struct bytes *text)
{
    const uint8_t *end = memchr(text->ptr, '\n', text->len);
    struct bytes line = bytes_of(text->ptr, end ? (size_t)(end - text->ptr) : text->len);
    bytes_advance(text, end ? line.len + 1 : line.len);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool continues(struct bytes text)
{
    return text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t');
}

static void collect(struct fields *fields)
{
    struct bytes rest = fields->text;
    while (rest.len > 0) {
        bool whole = !continues(rest);
        struct bytes line = take_line(&rest);
        while (continues(rest)) {
            take_line(&rest);
            whole = false;
        }
        if (whole)
            add_line(fields, line);
    }
}

static void emit_field(const struct fields *fields, const struct field *field, cgi_vars_put *put, void *put_context)
{
    uint8_t *end = fields->room;
    struct bytes spelling = name_of(fields, field);
    memcpy(end, PREFIX, PREFIX_LEN);
    end += PREFIX_LEN;
    for (size_t i = 0; i < spelling.len; i++)
        *end++ = cgi_char(spelling.ptr[i]);
    struct bytes name = bytes_of(fields->room, (size_t)(end - fields->room));
    struct bytes value = bytes_of(fields->text.ptr + field->value, field->value_len);
    if (field->next) {
        const char *joint = bytes_equal_nocase(spelling, bytes_of_str("cookie")) ? "; " : ", ";
        uint8_t *start = end;
        memcpy(end, value.ptr, value.len);
        end += value.len;
        for (uint32_t next = field->next; next; next = fields->list[next - 1].next) {
            const struct field *part = &fields->list[next - 1];
            memcpy(end, joint, MAX_JOINT_LEN);
            end += MAX_JOINT_LEN;
            memcpy(end, fields->text.ptr + part->value, part->value_len);
            end += part->value_len;
        }
        value = bytes_of(start, (size_t)(end - start));
    }
    put(put_context, name, value);
}

/* The table, the list and the room in one piece of `scratch`, aligned. */
static bool lay_out(struct fields *fields, struct buffer *scratch)
{
    size_t lines = 1;
    for (size_t i = 0; i < fields->text.len; i++)
        lines += fields->text.ptr[i] == '\n';
    if (fields->text.len > UINT32_MAX / 64) /* so that nothing below can wrap, with 32 bits neither */
        return false;
    size_t slots = 2;
    while (slots < lines * 2)
        slots *= 2;
    size_t room_len = PREFIX_LEN + fields->text.len + lines * MAX_JOINT_LEN;
    size_t align = _Alignof(struct field);
    uint8_t *memory = buffer_reserve(scratch, align + slots * sizeof(uint32_t) + lines * sizeof(struct field) + room_len);
    if (!memory)
        return false;
    memory += (align - (uintptr_t)memory % align) % align;
    fields->slots = (uint32_t *)(void *)memory;
    fields->slot_mask = (uint32_t)(slots - 1);
    memset(fields->slots, 0, slots * sizeof(uint32_t));
    fields->list = (struct field *)(void *)(memory + slots * sizeof(uint32_t));
    fields->room = memory + slots * sizeof(uint32_t) + lines * sizeof(struct field);
    return true;
}

bool http_vars_emit(struct bytes text, enum http_vars_form form, bool pass_proxy, struct buffer *scratch, cgi_vars_put *put,
                    void *put_context)
{
    struct fields fields = {.text = text, .form = form, .pass_proxy = pass_proxy};
    if (!lay_out(&fields, scratch))
        return false;
    collect(&fields);
    for (uint32_t i = 0; i < fields.count; i++)
        if (fields.list[i].last)
            emit_field(&fields, &fields.list[i], put, put_context);
    return true;
}
