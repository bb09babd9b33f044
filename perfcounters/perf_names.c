/* perf_names: see perf_names.h. Invariant: never more than PERF_NAME_LEN units, and no half of a pair of surrogates. */
#include "perfcounters/perf_names.h"

#include "fcgiext/core/text.h"

/* ---- UTF-16 */

static uint32_t decode(struct bytes utf8, size_t len)
{
    uint32_t c = len == 1 ? utf8.ptr[0] : utf8.ptr[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (utf8.ptr[i] & 0x3f);
    return c;
}

static bool add(struct perf_name *name, uint32_t c)
{
    if (name->len + (c > 0xffff) >= PERF_NAME_LEN)
        return false;
    if (c > 0xffff) {
        c -= 0x10000;
        name->units[name->len++] = (uint16_t)(0xd800 | c >> 10);
        c = 0xdc00 | (c & 0x3ff);
    }
    name->units[name->len++] = (uint16_t)c;
    return true;
}

static void cut(struct perf_name *name, unsigned len)
{
    if (name->len <= len)
        return;
    if (len > 0 && name->units[len - 1] >= 0xd800 && name->units[len - 1] < 0xdc00)
        len--;
    name->len = len;
}

static uint32_t clean(uint32_t c)
{
    switch (c) {
    case '(': return '[';
    case ')': return ']';
    case '/':
    case '\\':
    case '#':
    case '*': return '_';
    default: return c < 0x20 || (c >= 0x7f && c < 0xa0) ? '_' : c;
    }
}

/* ---- case */

static uint16_t lower(uint16_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
        (c >= 0x410 && c <= 0x42f))
        return c + 0x20;
    if (c >= 0x400 && c <= 0x40f)
        return c + 0x50;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e)) /* pairs that begin with an odd number */
        return c % 2 ? c + 1 : c;
    if ((c >= 0x100 && c <= 0x177 && c != 0x130 && c != 0x131 && c != 0x138) || (c >= 0x460 && c <= 0x481) ||
        (c >= 0x48a && c <= 0x4bf) || (c >= 0x1e00 && c <= 0x1eff))
        return c | 1;
    return c;
}

bool perf_name_equal(const struct perf_name *a, const struct perf_name *b)
{
    if (a->len != b->len)
        return false;
    for (unsigned i = 0; i < a->len; i++)
        if (lower(a->units[i]) != lower(b->units[i]))
            return false;
    return true;
}

/* ---- names */

static bool ends_as_the_sum(const struct perf_name *name)
{
    static const char end[] = "_total";
    unsigned len = sizeof end - 1;
    if (name->len < len)
        return false;
    for (unsigned i = 0; i < len; i++)
        if (lower(name->units[name->len - len + i]) != (uint16_t)end[i])
            return false;
    return true;
}

void perf_name_clean(struct perf_name *name, struct bytes utf8)
{
    size_t len;
    name->len = 0;
    while ((len = text_utf8_len(utf8)) > 0 && add(name, clean(decode(utf8, len))))
        bytes_advance(&utf8, len);
    if (name->len == 0)
        add(name, '_');
    if (ends_as_the_sum(name)) {
        cut(name, PERF_NAME_LEN - 1);
        add(name, '_');
    }
}

void perf_name_set(struct perf_name *name, const char *ascii)
{
    for (name->len = 0; *ascii && name->len < PERF_NAME_LEN; ascii++)
        name->units[name->len++] = (uint16_t)*ascii;
}

void perf_name_add_number(struct perf_name *name, char mark, uint32_t number)
{
    uint8_t digits[TEXT_MAX_DECIMAL_LEN];
    unsigned len = (unsigned)text_put_decimal(digits, number);
    cut(name, PERF_NAME_LEN - 1 - len);
    add(name, (uint32_t)mark);
    for (unsigned i = 0; i < len; i++)
        add(name, digits[i]);
}
