/* words: quantities as people read them, and what people write: durations, patterns, misspelt names. */
#ifndef FCGICTL_WORDS_H
#define FCGICTL_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/fcgictl/text.h"

/* "340 ms", "3 s", "2 min", "5 h", "3 d": the largest unit of which there are two at least (one second is "1 s"). */
void words_add_age(struct text *text, double seconds);
/* "512 B", "12 KiB", "3.4 MiB". */
void words_add_bytes(struct text *text, double bytes);
/* An enum of the interface: "rapid_fail" is "rapid fail". */
void words_add_enum(struct text *text, const char *snake_case);
/* "1 worker", "3 workers". */
void words_add_count(struct text *text, double count, const char *one, const char *many);

/* "90", "90s", "10m", "1h30m", "2d", "500ms": units ms, s, m or min, h, d; a number without a unit is seconds. false: not that, or more
 * than ten years. */
bool words_parse_duration(const char *str, double *seconds);
/* Digits only, from least to most. */
bool words_parse_number(const char *str, uint64_t least, uint64_t most, uint64_t *number);

/* '*' any characters, '?' one (not one byte); ASCII letters alike in both cases. */
bool words_match(const char *pattern, const char *name);
bool words_is_pattern(const char *str);
bool words_equal_nocase(const char *a, const char *b);

/* Is `name` close enough to `word` that it may have been meant? */
bool words_similar(const char *word, const char *name);

#endif
