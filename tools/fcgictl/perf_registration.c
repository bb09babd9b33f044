/* perf_registration: see perf_registration.h.
 *
 * The system's list of names is a REG_MULTI_SZ of numbers and texts in turn, "2 System 4 Memory ...". Windows hands the numbers out, and it
 * alone writes the list. On Wine 8 the list cannot be changed and that function does nothing: there we take numbers ourselves, and note that they have no names. */
#include "tools/fcgictl/perf_registration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perfcounters/perf_counters.h"
#include "tools/fcgictl/perf_ini.h"

enum { FIRST_FREE = 1848 /* behind what every Windows has of its own */ };

#define UNNAMED "Unnamed" /* a value of ours: 1 where numbers are all that there is */

static const struct {
    const char *name, *text;
} entries[] = {
    {"Open", "OpenFcgiPerf"},
    {"Collect", "CollectFcgiPerf"},
    {"Close", "CloseFcgiPerf"},
};
enum { ENTRIES = sizeof entries / sizeof *entries };

bool perf_registration_indexes(const struct perf_system *system, struct perf_indexes *indexes)
{
    return !system->get_number(system->context, PERF_KEY, "First Counter", &indexes->first_counter) &&
           !system->get_number(system->context, PERF_KEY, "Last Counter", &indexes->last_counter) &&
           !system->get_number(system->context, PERF_KEY, "First Help", &indexes->first_help) &&
           !system->get_number(system->context, PERF_KEY, "Last Help", &indexes->last_help);
}

bool perf_registration_are_named(const struct perf_system *system)
{
    uint32_t number = 0;
    return system->get_number(system->context, PERF_KEY, UNNAMED, &number) || number == 0;
}

bool perf_registration_is_ours(const struct perf_indexes *indexes)
{
    uint32_t span = perf_offset_end() - 2;
    return indexes->last_counter - indexes->first_counter == span && indexes->last_help - indexes->first_help == span;
}

void perf_registration_objects(const struct perf_indexes *indexes, char list[PERF_OBJECT_LIST_LEN])
{
    snprintf(list, PERF_OBJECT_LIST_LEN, "%lu %lu", (unsigned long)(indexes->first_counter + perf_object_offset(PERF_POOLS)),
             (unsigned long)(indexes->first_counter + perf_object_offset(PERF_WORKERS)));
}

/* ---- the list of names */

/* The string behind the one at *at; *at moves on. NULL: there is none. */
static const char *next(const char *list, size_t len, size_t *at)
{
    const char *string = list + *at;
    const char *end = *at < len ? memchr(string, '\0', len - *at) : NULL;
    if (!end)
        return NULL;
    *at += (size_t)(end - string) + 1;
    return string;
}

const char *perf_registration_name(const char *list, size_t len, uint32_t index)
{
    size_t at = 0;
    for (const char *number; (number = next(list, len, &at)) != NULL;) {
        const char *name = next(list, len, &at);
        if (name && strtoul(number, NULL, 10) == index)
            return name;
    }
    return "";
}

/* Where LoadPerfCounterTextStrings does nothing: numbers behind those that were handed out before. */
static uint32_t take_numbers(const struct perf_system *system)
{
    uint32_t before = FIRST_FREE - 2, number = 0;
    if (!system->get_number(system->context, PERF_PERFLIB_KEY, "Last Counter", &number) && number > before)
        before = number;
    uint32_t first = (before + 2) & ~1u, last = first + perf_offset_end() - 2, error = 0;
    const struct {
        const char *key, *name;
        uint32_t number;
    } numbers[] = {
        {PERF_PERFLIB_KEY, "Last Counter", last},
        {PERF_PERFLIB_KEY, "Last Help", last + 1},
        {PERF_KEY, "First Counter", first},
        {PERF_KEY, "Last Counter", last},
        {PERF_KEY, "First Help", first + 1},
        {PERF_KEY, "Last Help", last + 1},
        {PERF_KEY, UNNAMED, 1},
    };
    for (size_t i = 0; !error && i < sizeof numbers / sizeof *numbers; i++)
        error = system->set_number(system->context, numbers[i].key, numbers[i].name, numbers[i].number);
    return error;
}

static uint32_t remove_names(const struct perf_system *system)
{
    static const char *const values[] = {"First Counter", "Last Counter", "First Help", "Last Help", UNNAMED};
    struct perf_indexes indexes;
    if (!perf_registration_indexes(system, &indexes))
        return 0;
    uint32_t error = system->unload_names(system->context);
    bool done = !perf_registration_indexes(system, &indexes);
    for (size_t i = 0; !error && !done && i < sizeof values / sizeof *values; i++) {
        error = system->delete_value(system->context, PERF_KEY, values[i]);
        error = error == PERF_SYSTEM_NOT_FOUND ? 0 : error;
    }
    return error;
}

static uint32_t load_names(const struct perf_system *system)
{
    struct text ini = {0}, header = {0};
    struct perf_indexes indexes;
    perf_ini_add_ini(&ini);
    perf_ini_add_header(&header);
    uint32_t error = ini.failed || header.failed ? PERF_SYSTEM_NO_MEMORY
                                                 : system->load_names(system->context, text_str(&ini), text_str(&header));
    text_deinit(&ini);
    text_deinit(&header);
    if (!error && !perf_registration_indexes(system, &indexes))
        error = take_numbers(system);
    return error;
}

/* ---- install, uninstall */

static bool names_are_there(const struct perf_system *system)
{
    struct perf_indexes indexes;
    char *list = NULL;
    size_t len = 0;
    bool found = perf_registration_indexes(system, &indexes) && perf_registration_is_ours(&indexes);
    if (!found || !perf_registration_are_named(system))
        return found;
    found = !system->get_list(system->context, PERF_NAMES_KEY, "Counter", &list, &len);
    for (unsigned offset = 0; found && offset < perf_offset_end(); offset += 2)
        found = strcmp(perf_registration_name(list, len, indexes.first_counter + offset), perf_ini_text(offset)) == 0;
    free(list);
    return found;
}

uint32_t perf_registration_install(const struct perf_system *system, const char *library)
{
    struct perf_indexes indexes;
    uint32_t error = system->set_text(system->context, PERF_KEY, "Library", library);
    for (int i = 0; !error && i < ENTRIES; i++)
        error = system->set_text(system->context, PERF_KEY, entries[i].name, entries[i].text);
    if (!error && system->delete_value(system->context, PERF_KEY, PERF_DISABLED) == PERF_SYSTEM_DENIED)
        error = PERF_SYSTEM_DENIED;
    if (!error && !names_are_there(system)) {
        error = remove_names(system); /* another version's */
        if (!error)
            error = load_names(system);
    }
    if (!error && perf_registration_indexes(system, &indexes)) {
        char objects[PERF_OBJECT_LIST_LEN];
        perf_registration_objects(&indexes, objects);
        error = system->set_text(system->context, PERF_KEY, "Object List", objects);
    }
    return error;
}

uint32_t perf_registration_uninstall(const struct perf_system *system)
{
    char text[PERF_PATH_LEN];
    struct perf_indexes indexes;
    bool had_library = system->get_text(system->context, PERF_KEY, "Library", text, sizeof text) == 0;
    if (!had_library && !perf_registration_indexes(system, &indexes))
        return PERF_SYSTEM_NOT_FOUND;
    uint32_t error = remove_names(system);
    if (error)
        return error;
    error = system->delete_key(system->context, PERF_KEY);
    return error == PERF_SYSTEM_NOT_FOUND ? 0 : error;
}

/* ---- status */

static struct perf_check *add_check(struct perf_check *checks, size_t *count, const char *name, const char *remedy)
{
    struct perf_check *check = &checks[(*count)++];
    *check = (struct perf_check){.name = name, .remedy = remedy};
    return check;
}

/* false: there is nothing more to look at. */
static bool check_registered(const struct perf_system *system, struct perf_check *check, char *library)
{
    uint32_t error = system->get_text(system->context, PERF_KEY, "Library", library, PERF_PATH_LEN);
    check->good = error == 0;
    for (int i = 0; check->good && i < ENTRIES; i++) {
        char text[64];
        error = system->get_text(system->context, PERF_KEY, entries[i].name, text, sizeof text);
        check->good = !error && strcmp(text, entries[i].text) == 0;
    }
    if (check->good)
        snprintf(check->text, sizeof check->text, "yes");
    else if (!error)
        snprintf(check->text, sizeof check->text, "the registry names functions that are not ours");
    else if (error == PERF_SYSTEM_NOT_FOUND)
        snprintf(check->text, sizeof check->text, "no");
    else
        system->describe(system->context, error, check->text, sizeof check->text);
    return check->good;
}

static void check_library(const struct perf_system *system, struct perf_check *check, const char *library)
{
    unsigned bits = 0;
    char why[200];
    uint32_t error = system->library_bits(system->context, library, &bits);
    check->good = !error && bits == system->bits;
    if (error) {
        system->describe(system->context, error, why, sizeof why);
        snprintf(check->text, sizeof check->text, "cannot open '%s': %s", library, why);
    } else if (check->good)
        snprintf(check->text, sizeof check->text, "%s, %u bits", library, bits);
    else if (bits)
        snprintf(check->text, sizeof check->text, "%s is for %u bits, this system has %u", library, bits, system->bits);
    else
        snprintf(check->text, sizeof check->text, "%s is no DLL for this processor", library);
}

static void check_disabled(const struct perf_system *system, struct perf_check *check)
{
    uint32_t ours = 0, all = 0;
    system->get_number(system->context, PERF_KEY, PERF_DISABLED, &ours);
    system->get_number(system->context, PERF_PERFLIB_KEY, PERF_DISABLED, &all);
    check->good = !ours && !all;
    if (all)
        check->remedy = "delete the value `" PERF_DISABLED "` of HKLM\\" PERF_PERFLIB_KEY;
    snprintf(check->text, sizeof check->text, "%s",
             check->good ? "yes"
             : all       ? "no: counters are switched off on this computer"
                         : "no: Windows has switched the DLL off");
}

static void check_names(const struct perf_system *system, struct perf_check *check)
{
    struct perf_indexes indexes;
    bool registered = perf_registration_indexes(system, &indexes);
    check->good = registered && names_are_there(system);
    if (!registered)
        snprintf(check->text, sizeof check->text, "the counters have no numbers");
    else if (!perf_registration_is_ours(&indexes))
        snprintf(check->text, sizeof check->text, "numbers %lu to %lu are those of another version",
                 (unsigned long)indexes.first_counter, (unsigned long)indexes.last_counter);
    else
        snprintf(check->text, sizeof check->text, "numbers %lu to %lu%s", (unsigned long)indexes.first_counter,
                 (unsigned long)indexes.last_counter,
                 !check->good                           ? " have other names in the system's list"
                 : !perf_registration_are_named(system) ? ", without names: this system keeps none"
                                                        : "");
    if (registered && perf_registration_is_ours(&indexes))
        check->remedy = "`lodctr /r`, then `fcgictl perf install`";
}

size_t perf_registration_check(const struct perf_system *system, struct perf_check checks[PERF_MAX_CHECKS])
{
    char library[PERF_PATH_LEN];
    size_t count = 0;
    if (!check_registered(system, add_check(checks, &count, "registered", "fcgictl perf install"), library))
        return count;
    check_library(
        system, add_check(checks, &count, "library", "fcgictl perf install DLL, with the fcgiperf.dll of the system's bitness"),
        library);
    check_disabled(system, add_check(checks, &count, "enabled", "fcgictl perf install"));
    check_names(system, add_check(checks, &count, "names", "fcgictl perf install"));
    return count;
}
