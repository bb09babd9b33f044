/* text: what is going to be printed: UTF-8 that grows, with marks for colours in it.
 *
 * Data of a host, of a file or of the command line is cleaned when it goes in: control characters, marks that turn the direction of
 * writing, and bytes that are not UTF-8 become U+FFFD. So nothing of it reaches a terminal as a command, and a mark (one of the control
 * characters below) is always ours. */
#ifndef FCGICTL_TEXT_H
#define FCGICTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__MINGW32__)
#define TEXT_PRINTF(index, first) __attribute__((format(gnu_printf, index, first)))
#elif defined(__GNUC__)
#define TEXT_PRINTF(index, first) __attribute__((format(printf, index, first)))
#else
#define TEXT_PRINTF(index, first)
#endif

/* As bytes in a text: what follows is in this colour. */
enum style {
    STYLE_NONE = 1,
    STYLE_STRONG = 2,
    STYLE_GOOD = 3,
    STYLE_WARNING = 4,
    STYLE_BAD = 5,
    STYLE_FAINT = 6,
};

struct text {
    char *data; /* owned, ends with NUL; NULL while empty */
    size_t len;
    size_t capacity;
    bool failed; /* out of memory: something is missing */
};

void text_deinit(struct text *text);
void text_clear(struct text *text);
/* Never NULL. */
const char *text_str(const struct text *text);

/* As it is: for our own words and for what has been cleaned. */
void text_add(struct text *text, const char *str);
void text_add_len(struct text *text, const char *str, size_t len);
void text_add_style(struct text *text, enum style style);
void text_add_spaces(struct text *text, size_t count);

/* Cleaned. Line ends, too, are control characters: text_add() them. */
void text_add_data(struct text *text, const char *data);
void text_addf(struct text *text, const char *format, ...) TEXT_PRINTF(2, 3);

/* One field of a CSV line (RFC 4180), cleaned. */
void text_add_csv(struct text *text, const char *data);

/* The length (1 to 4) of the UTF-8 sequence at the front; 0: it is not well-formed. `str` is not empty. */
size_t text_utf8_sequence(const char *str);
/* Is the character that begins here one that must not reach a terminal? A well-formed one of `len` bytes. */
bool text_is_unsafe(const char *str, size_t len);
/* How many columns a cleaned text takes: its code points, marks not counted. */
size_t text_columns(const char *str);
/* How many bytes of it fit `columns`. */
size_t text_fitting(const char *str, size_t columns);

#endif
