/* config_parser: what the config*.c files share; private to them.
 *
 * One struct config_parser lives as long as one config_parse(). The text is read once, line by line (config_text.c), and each
 * line goes at once where it belongs: the sections and their settings into pools (config.c, config_values.c), the entries of [Types]
 * into a list that is resolved when all sections are known (config_types.c). Problems go to one list in any order and are put in
 * the order of lines at the end (config_report.c).
 *
 * Out of memory: a flag that stays; whoever meets it returns, and config_parse gives NULL. */
#ifndef FCGIEXT_CORE_CONFIG_PARSER_H
#define FCGIEXT_CORE_CONFIG_PARSER_H

#include "fcgiext/core/config.h"
#include "fcgiext/core/name_index.h"
#include "fcgiext/core/text.h"

enum { CONFIG_MAX_SETTINGS = 64 }; /* rows of a table, for arrays of a fixed size */

/* ---- problems */

/* What a problem is about. The strings are borrowed during the call. */
struct config_place {
    unsigned line;
    const char *section;
    const char *property;
    size_t pool; /* SIZE_MAX: none */
};

struct config_problem; /* a diagnostic and its place in the order of reports */

struct config_report {
    struct config_problem *items;
    size_t count, capacity;
    size_t reported;
    size_t errors;
    bool cut; /* problems have been dropped; none that ranks behind this one is taken any more */
    enum config_severity cut_severity;
    unsigned cut_line;
};

struct config_parser;

/* The message is the parts in a row. An error makes the place's pool invalid. */
void config_report_parts(struct config_parser *parser, const struct config_place *place, enum config_severity severity,
                         const char *first, ...);
/* `config_error(parser, place, part, ...)`: the list of parts is ended here. */
#define config_error(parser, place, ...)   config_report_parts(parser, place, CONFIG_ERROR, __VA_ARGS__, (const char *)NULL)
#define config_warning(parser, place, ...) config_report_parts(parser, place, CONFIG_WARNING, __VA_ARGS__, (const char *)NULL)

/* false: such a problem would be dropped, the list is full of worse ones; spare the work of a good message. */
bool config_report_wants(const struct config_parser *parser, enum config_severity severity, unsigned line);

/* Moves the list, in order and cut to size, to parser->config. */
void config_report_finish(struct config_parser *parser);
void config_report_deinit(struct config_report *report);

/* Text of the file for a message: in quotes, at most 80 characters, control characters and broken UTF-8 replaced. */
enum { CONFIG_QUOTE_MAX_CHARS = 80 };
struct config_quoted {
    char text[CONFIG_QUOTE_MAX_CHARS * 4 + 8];
};
const char *config_quote(struct config_quoted *out, struct bytes text);
const char *config_quote_str(struct config_quoted *out, const char *str);

struct config_decimal {
    char text[TEXT_MAX_DECIMAL_LEN + 1];
};
const char *config_decimal(struct config_decimal *out, uint64_t number);

/* ", did you mean 'x'?" for a name that is nearly one of the candidates, else "". `candidate` gives the i-th name. */
struct config_guess {
    char text[CONFIG_QUOTE_MAX_CHARS * 4 + 40];
};
const char *config_guess(struct config_guess *out, const char *name, const char *(*candidate)(const void *, size_t),
                         const void *context, size_t count);

/* ---- the parser */

enum config_state {
    CONFIG_STATE_NO_SECTION, /* before the first */
    CONFIG_STATE_SKIPPED,    /* in a section that does not count; its header has been reported */
    CONFIG_STATE_TYPES,
    CONFIG_STATE_MANAGEMENT,
    CONFIG_STATE_POOL,
};

struct config_target; /* what a [Types] entry leads to, as written */

struct config_parser {
    struct config *config;
    const struct config_options *options;
    bool out_of_memory;
    struct config_report report;
    /* the section that is being read */
    enum config_state state;
    char *section; /* its name; "" before the first */
    unsigned section_line;
    size_t pool;                        /* CONFIG_STATE_POOL: its index, else SIZE_MAX */
    bool repeated;                      /* it has been there before */
    unsigned seen[CONFIG_MAX_SETTINGS]; /* line of each setting given in it, 0 = not given */
    /* the file */
    unsigned types_line, management_line; /* of the first such header; 0: none yet */
    bool too_many_pools;
    struct name_index pool_names; /* -> index into pools; keys are the pools' names */
    size_t pool_capacity;
    struct config_target *targets; /* one for each of config->routes */
    size_t route_capacity;
    bool too_many_routes;
    struct name_index route_keys; /* -> index into routes; keys are the routes' own strings */
};

/* NULL: out of memory, and the flag is set. */
char *config_copy(struct config_parser *parser, struct bytes text);
/* Replaces the string at *field. */
void config_assign(struct config_parser *parser, char **field, struct bytes text);

/* The array with room for one more element than `count` (new elements are zeroed); it may have moved. NULL: out of memory, and
 * the array is where it was. */
void *config_reserve(struct config_parser *parser, void *array, size_t element_size, size_t count, size_t *capacity);

/* A place in the section that is being read. */
struct config_place config_place_here(const struct config_parser *parser, unsigned line, const char *property);

/* Adds a pool with all defaults; `name` is not there yet. SIZE_MAX: out of memory, or too many (reported at `place`). */
size_t config_pool_add(struct config_parser *parser, struct bytes name, const struct config_place *place);

/* Called by config_text_read in the order of lines. Names and values are trimmed. */
void config_on_section(struct config_parser *parser, unsigned line, struct bytes name);
void config_on_entry(struct config_parser *parser, unsigned line, const char *name, const char *value);

/* ---- config_text.c: the file's bytes -> sections and entries */
void config_text_read(struct config_parser *parser, struct bytes text);

/* ---- config_types.c: [Types] */
void config_types_entry(struct config_parser *parser, unsigned line, const char *name, const char *value);
/* All sections are known: gives each route its pool, and makes those of values that are paths. */
void config_types_resolve(struct config_parser *parser);
void config_types_deinit(struct config_parser *parser);

/* ---- config_settings.c: the tables */
/* The row of `name` ignoring case; SIZE_MAX: none. */
size_t config_setting_index(const struct config_setting *settings, size_t count, const char *name);
/* Gives every field its default (strings ""); false: out of memory. `base` is zeroed. */
bool config_settings_apply_defaults(const struct config_setting *settings, size_t count, void *base);
void config_settings_free(const struct config_setting *settings, size_t count, void *base);

/* ---- config_values.c: one value */
enum config_number { CONFIG_NUMBER_OK, CONFIG_NUMBER_NONE, CONFIG_NUMBER_TOO_LARGE };
/* Decimal digits and nothing else; a number above `max` is too large. */
enum config_number config_number_parse(struct bytes text, uint64_t max, uint64_t *number);
/* The row's choice (bools: "0", "1"); SIZE_MAX: none of them. */
size_t config_choice_find(const struct config_setting *setting, struct bytes text);
/* Stores a number, a bool or the index of a choice in the setting's field. */
void config_field_store(const struct config_setting *setting, void *base, uint64_t number);
/* Parses and stores; what is wrong is reported at `place`, and the field is left as it was. */
void config_value_set(struct config_parser *parser, const struct config_place *place, const struct config_setting *setting,
                      void *base, const char *value);

/* ---- config_lists.c: values that are lists */
void config_env_free(struct config_env *env, size_t count);
void config_addresses_free(struct config_address *addresses, size_t count);
void config_env_set(struct config_parser *parser, const struct config_place *place, struct config_pool *pool,
                    struct bytes value);
void config_addresses_set(struct config_parser *parser, const struct config_place *place, struct config_pool *pool,
                          struct bytes value);
/* Reports what is no name in Utf8ServerVariables, or a name that no variable has. */
void config_utf8_check(struct config_parser *parser, const struct config_place *place, const struct config_pool *pool);

/* Looks like a path: a slash, a backslash or a drive. / Begins with a drive and a slash, or is a UNC path. */
bool config_is_path(struct bytes text);
bool config_is_absolute(struct bytes text);

#endif
