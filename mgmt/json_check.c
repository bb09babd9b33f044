/* json_check: a recogniser with a stack of bits. One bit for each open bracket says which kind it is; what may come next is
 * all the rest of the state. */
#include "mgmt/json_check.h"

#include "fcgiext/core/text.h"

enum expected {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* behind '[' */
    EXPECT_NAME_OR_END,  /* behind '{' */
    EXPECT_NAME,         /* behind ',' in an object */
    EXPECT_COLON,
    EXPECT_COMMA_OR_END, /* behind a value inside brackets */
    EXPECT_NOTHING,
};

struct checker {
    struct bytes rest;
    enum expected expected;
    uint32_t objects; /* bit i: bracket i is '{' */
    unsigned depth, max_depth;
    enum json_verdict verdict; /* why it stopped */
};

static bool at(const struct checker *checker, char c)
{
    return checker->rest.len > 0 && checker->rest.ptr[0] == (uint8_t)c;
}

static bool skip(struct checker *checker, char c)
{
    if (!at(checker, c))
        return false;
    bytes_advance(&checker->rest, 1);
    return true;
}

static bool is_digit(const struct checker *checker)
{
    return checker->rest.len > 0 && checker->rest.ptr[0] >= '0' && checker->rest.ptr[0] <= '9';
}

static bool skip_digits(struct checker *checker)
{
    if (!is_digit(checker))
        return false;
    while (is_digit(checker))
        bytes_advance(&checker->rest, 1);
    return true;
}

static bool number(struct checker *checker)
{
    const size_t before = checker->rest.len;
    skip(checker, '-');
    if (!skip(checker, '0') && !skip_digits(checker))
        return false;
    if (skip(checker, '.') && !skip_digits(checker))
        return false;
    if (skip(checker, 'e') || skip(checker, 'E')) {
        if (!skip(checker, '+'))
            skip(checker, '-');
        if (!skip_digits(checker))
            return false;
    }
    return before - checker->rest.len <= JSON_MAX_NUMBER_LEN;
}

static bool word(struct checker *checker, const char *text)
{
    struct bytes expected = bytes_of_str(text);
    if (checker->rest.len < expected.len || memcmp(checker->rest.ptr, expected.ptr, expected.len) != 0)
        return false;
    bytes_advance(&checker->rest, expected.len);
    return true;
}

/* Four hex digits. */
static bool code_unit(struct checker *checker, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = checker->rest.len > 0 ? ascii_lower(checker->rest.ptr[0]) : 0;
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return false;
        *unit = *unit * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        bytes_advance(&checker->rest, 1);
    }
    return true;
}

/* Behind the backslash. */
static bool escape(struct checker *checker)
{
    unsigned unit;
    if (checker->rest.len > 0 && checker->rest.ptr[0] && strchr("\"\\/bfnrt", checker->rest.ptr[0])) {
        bytes_advance(&checker->rest, 1);
        return true;
    }
    if (!skip(checker, 'u') || !code_unit(checker, &unit) || unit == 0)
        return false;
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return false;
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    return skip(checker, '\\') && skip(checker, 'u') && code_unit(checker, &unit) && unit >= 0xdc00 && unit <= 0xdfff;
}

static bool string(struct checker *checker)
{
    if (!skip(checker, '"'))
        return false;
    while (!skip(checker, '"')) {
        size_t len = text_utf8_len(checker->rest);
        if (len == 0) {
            checker->verdict = checker->rest.len > 0 ? JSON_BAD_UTF8 : JSON_BAD_SYNTAX;
            return false;
        }
        if (checker->rest.ptr[0] < 0x20)
            return false;
        if (skip(checker, '\\')) {
            if (!escape(checker))
                return false;
        } else {
            bytes_advance(&checker->rest, len);
        }
    }
    return true;
}

static void behind_value(struct checker *checker)
{
    checker->expected = checker->depth > 0 ? EXPECT_COMMA_OR_END : EXPECT_NOTHING;
}

static bool in_object(const struct checker *checker)
{
    return checker->depth > 0 && (checker->objects >> (checker->depth - 1) & 1u);
}

static bool begin(struct checker *checker, bool object)
{
    if (checker->depth == checker->max_depth) {
        checker->verdict = JSON_TOO_DEEP;
        return false;
    }
    bytes_advance(&checker->rest, 1);
    uint32_t bit = (uint32_t)1 << checker->depth;
    checker->objects = object ? checker->objects | bit : checker->objects & ~bit;
    checker->depth++;
    checker->expected = object ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
    return true;
}

static bool end(struct checker *checker)
{
    if (!skip(checker, in_object(checker) ? '}' : ']'))
        return false;
    checker->depth--;
    behind_value(checker);
    return true;
}

static bool value(struct checker *checker)
{
    if (at(checker, '{') || at(checker, '['))
        return begin(checker, at(checker, '{'));
    bool good = at(checker, '"')   ? string(checker)
                : at(checker, 't') ? word(checker, "true")
                : at(checker, 'f') ? word(checker, "false")
                : at(checker, 'n') ? word(checker, "null")
                                   : number(checker);
    behind_value(checker);
    return good;
}

static bool name(struct checker *checker)
{
    checker->expected = EXPECT_COLON;
    return string(checker);
}

static bool step(struct checker *checker)
{
    switch (checker->expected) {
    case EXPECT_VALUE: return value(checker);
    case EXPECT_VALUE_OR_END: return at(checker, ']') ? end(checker) : value(checker);
    case EXPECT_NAME: return name(checker);
    case EXPECT_NAME_OR_END: return at(checker, '}') ? end(checker) : name(checker);
    case EXPECT_COLON: checker->expected = EXPECT_VALUE; return skip(checker, ':');
    case EXPECT_COMMA_OR_END:
        if (!skip(checker, ','))
            return end(checker);
        checker->expected = in_object(checker) ? EXPECT_NAME : EXPECT_VALUE;
        return true;
    case EXPECT_NOTHING: break;
    }
    return false;
}

static void skip_blanks(struct checker *checker)
{
    while (at(checker, ' ') || at(checker, '\t') || at(checker, '\r') || at(checker, '\n'))
        bytes_advance(&checker->rest, 1);
}

enum json_verdict json_check(struct bytes text, unsigned max_depth, size_t *at_byte)
{
    struct checker checker = {.rest = text, .max_depth = max_depth, .verdict = JSON_BAD_SYNTAX};
    for (;;) {
        skip_blanks(&checker);
        if (checker.rest.len == 0 && checker.expected == EXPECT_NOTHING)
            return JSON_GOOD;
        if (!step(&checker)) {
            *at_byte = text.len - checker.rest.len;
            /* Outside of strings such a byte is a fault of the encoding first. */
            if (checker.verdict == JSON_BAD_SYNTAX && checker.rest.len > 0 && text_utf8_len(checker.rest) == 0)
                return JSON_BAD_UTF8;
            return checker.verdict;
        }
    }
}
