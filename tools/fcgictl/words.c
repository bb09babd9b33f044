/* words: see words.h. Without the locale's rules: a script that reads the output gets the same everywhere. */
#include "tools/fcgictl/words.h"

#include <stdlib.h>
#include <string.h>

void words_add_age(struct text *text, double seconds)
{
    if (seconds <= 0)
        text_add(text, "0 s");
    else if (seconds < 0.9995)
        text_addf(text, "%.0f ms", seconds < 0.001 ? 1.0 : seconds * 1000);
    else if (seconds < 120)
        text_addf(text, "%d s", seconds < 1 ? 1 : (int)seconds);
    else if (seconds < 120 * 60)
        text_addf(text, "%d min", (int)(seconds / 60));
    else if (seconds < 48 * 3600)
        text_addf(text, "%d h", (int)(seconds / 3600));
    else
        text_addf(text, "%.0f d", (double)(uint64_t)(seconds < 1e15 ? seconds / 86400 : 1e10));
}

void words_add_bytes(struct text *text, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    text_addf(text, unit > 0 && bytes < 9.95 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

void words_add_enum(struct text *text, const char *snake_case)
{
    size_t start = text->len;
    text_add_data(text, snake_case);
    for (size_t i = start; i < text->len; i++)
        if (text->data[i] == '_')
            text->data[i] = ' ';
}

void words_add_count(struct text *text, double count, const char *one, const char *many)
{
    text_addf(text, "%.0f %s", count, count == 1 ? one : many);
}

struct unit {
    const char *name;
    double seconds;
};

/* The longer name first where one begins with the other. */
static const struct unit units[] = {{"ms", 0.001}, {"min", 60}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};

static const struct unit *take_unit(const char **at)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t len = strlen(units[i].name);
        if (strncmp(*at, units[i].name, len) == 0) {
            *at += len;
            return &units[i];
        }
    }
    return NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool words_parse_duration(const char *str, double *seconds)
{
    double sum = 0;
    const char *at = str;
    do {
        double number = 0, place = 1;
        if (!is_digit(*at))
            return false;
        for (; is_digit(*at); at++)
            number = number * 10 + (*at - '0');
        if (*at == '.' && is_digit(at[1]))
            for (at++; is_digit(*at); at++)
                number += (*at - '0') * (place /= 10);
        const struct unit *unit = take_unit(&at);
        if (!unit && *at != '\0')
            return false;
        sum += number * (unit ? unit->seconds : 1);
    } while (*at != '\0');
    if (sum > 10.0 * 366 * 86400)
        return false;
    *seconds = sum;
    return true;
}

bool words_parse_number(const char *str, uint64_t least, uint64_t most, uint64_t *number)
{
    uint64_t sum = 0;
    if (*str == '\0')
        return false;
    for (; *str; str++) {
        if (!is_digit(*str) || sum > (UINT64_MAX - 9) / 10)
            return false;
        sum = sum * 10 + (uint64_t)(*str - '0');
    }
    if (sum < least || sum > most)
        return false;
    *number = sum;
    return true;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static size_t character_len(const char *str)
{
    size_t len = text_utf8_sequence(str);
    return len > 0 ? len : 1;
}

/* One star is remembered, with the place up to which it has taken characters: no recursion, at most pattern * name steps. */
bool words_match(const char *pattern, const char *name)
{
    const char *star = NULL, *taken = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            taken = name;
        } else if (*pattern == '?') {
            pattern++;
            name += character_len(name);
        } else if (lower(*pattern) == lower(*name)) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            taken += character_len(taken);
            name = taken;
        } else
            return false;
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool words_is_pattern(const char *str)
{
    return strpbrk(str, "*?") != NULL;
}

bool words_equal_nocase(const char *a, const char *b)
{
    for (; *a && lower(*a) == lower(*b); a++)
        b++;
    return *a == *b;
}

enum { SIMILAR_MAX_LEN = 40 };

/* Edits from one to the other (insert, delete, replace, swap neighbours). */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned rows[3][SIMILAR_MAX_LEN + 1];
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3], *above_that = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned best = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]) &&
                above_that[j - 2] + 1 < best)
                best = above_that[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

bool words_similar(const char *word, const char *name)
{
    size_t word_len = strlen(word), name_len = strlen(name);
    if (word_len < 2 || word_len > SIMILAR_MAX_LEN || name_len > SIMILAR_MAX_LEN)
        return false;
    return distance(word, word_len, name, name_len) <= (name_len < 5 ? 1u : 2u);
}
