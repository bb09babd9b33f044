/* log_text: see log_text.h. */
#include "fcgiext/core/log_text.h"

#include "fcgiext/core/text.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

bool log_text_is_blank(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_blank(text.ptr[i]))
            return false;
    return true;
}

static struct bytes without_blanks(struct bytes text)
{
    while (text.len > 0 && is_blank(text.ptr[0]))
        bytes_advance(&text, 1);
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* A run of them is one end. */
static size_t line_end_len(struct bytes text)
{
    size_t len = 0;
    while (len < text.len && (text.ptr[len] == '\r' || text.ptr[len] == '\n'))
        len++;
    return len;
}

static bool starts_insert(struct bytes text)
{
    return text.ptr[0] == '%' && text.len > 1 && (text.ptr[1] == '%' || (text.ptr[1] >= '0' && text.ptr[1] <= '9'));
}

/* What the characters at the front become; *len bytes of `text` are taken. */
static struct bytes cleaned(struct bytes text, size_t *len)
{
    *len = line_end_len(text);
    if (*len > 0)
        return bytes_of_str(" | ");
    *len = 1;
    if (starts_insert(text))
        return bytes_of_str("% ");
    size_t sequence = text_utf8_len(text);
    if (sequence == 0 || text_is_control(text.ptr[0]))
        return bytes_of_str("?");
    *len = sequence;
    bool control = sequence == 2 && text.ptr[0] == 0xc2 && text.ptr[1] < 0xa0;
    return control ? bytes_of_str("?") : bytes_of(text.ptr, sequence);
}

static bool append(struct buffer *out, struct bytes text, size_t most, bool goes_on)
{
    const struct bytes remark = bytes_of_str("...");
    size_t room = most - remark.len;
    text = without_blanks(text);
    while (text.len > 0) {
        size_t len;
        struct bytes piece = cleaned(text, &len);
        if (piece.len > room)
            return buffer_append(out, remark);
        if (!buffer_append(out, piece))
            return false;
        room -= piece.len;
        bytes_advance(&text, len);
    }
    return !goes_on || buffer_append(out, remark);
}

bool log_text_append(struct buffer *out, struct bytes text, size_t most)
{
    return append(out, text, most, false);
}

bool log_text_append_start(struct buffer *out, struct bytes text, size_t most)
{
    return append(out, text, most, true);
}
