/* perf_show: see perf_show.h. Nothing of what is printed comes from a host by a way of our own: numbers, types and names are those that the
 * system gives, so it shows whether perfmon would. */
#include "tools/fcgictl/perf_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fcgictl/listing.h"
#include "tools/fcgictl/perf_ini.h"
#include "tools/fcgictl/value.h"
#include "tools/fcgictl/words.h"

enum { BETWEEN_SAMPLES_MS = 1000 };

/* ---- asking */

static bool take_objects(struct perf_answer *answer, const struct perf_indexes *indexes)
{
    struct bytes rest = answer->data.objects;
    bool found[PERF_OBJECTS] = {false};
    for (uint32_t i = 0; i < answer->data.object_count; i++) {
        struct perf_object_view object;
        if (!perf_parse_object(&rest, &object))
            return false;
        for (int j = 0; j < PERF_OBJECTS; j++)
            if (object.type.name_index == indexes->first_counter + perf_object_offset((enum perf_object)j)) {
                answer->objects[j] = object;
                found[j] = true;
            }
    }
    return found[PERF_POOLS] && found[PERF_WORKERS];
}

bool perf_show_ask(const struct perf_system *system, struct perf_answer *answer, int *exit_code, char *why, size_t why_size)
{
    struct perf_indexes indexes;
    char wanted[PERF_OBJECT_LIST_LEN];
    size_t len = 0;
    *answer = (struct perf_answer){0};
    *exit_code = FCGICTL_FAILED;
    if (!perf_registration_indexes(system, &indexes)) {
        snprintf(why, why_size, "the counters are not registered");
        return false;
    }
    perf_registration_objects(&indexes, wanted);
    uint32_t error = system->query(system->context, wanted, &answer->bytes, &len);
    if (error) {
        char text[200];
        system->describe(system->context, error, text, sizeof text);
        snprintf(why, why_size, "the system cannot read counters: %s", text);
        *exit_code = error == PERF_SYSTEM_DENIED ? FCGICTL_DENIED : FCGICTL_FAILED;
        return false;
    }
    if (perf_parse_data(bytes_of(answer->bytes, len), &answer->data) && take_objects(answer, &indexes))
        return true;
    snprintf(why, why_size, "%s",
             answer->data.object_count ? "the system's answer is not as it has to be" : "nothing comes from fcgiperf.dll");
    perf_show_free(answer);
    return false;
}

void perf_show_free(struct perf_answer *answer)
{
    free(answer->bytes);
    *answer = (struct perf_answer){0};
}

/* ---- values */

static struct perf_sample sample_of(const struct perf_answer *answer, const struct perf_object_view *object,
                                    const struct perf_instance_view *instance, uint32_t index)
{
    struct perf_counter_definition counter;
    struct perf_sample sample = {
        .ticks = answer->data.ticks,
        .ticks_per_second = answer->data.ticks_per_second,
        .time_100ns = answer->data.time_100ns,
        .object_ticks = (uint64_t)object->type.ticks,
        .object_ticks_per_second = (uint64_t)object->type.ticks_per_second,
    };
    perf_parse_counter(object, index, &counter);
    sample.value = perf_parse_value(&counter, instance);
    if (index + 1 < object->type.counter_count) { /* the base of an average stands behind it */
        perf_parse_counter(object, index + 1, &counter);
        sample.base = perf_parse_value(&counter, instance);
    }
    return sample;
}

static void add_utf8(struct text *out, struct bytes utf16)
{
    for (size_t i = 0; i + 1 < utf16.len; i += 2) {
        uint32_t c = (uint32_t)(utf16.ptr[i] | utf16.ptr[i + 1] << 8);
        if (c >= 0xd800 && c < 0xdc00 && i + 3 < utf16.len) {
            i += 2;
            c = 0x10000 + ((c & 0x3ff) << 10) + ((uint32_t)(utf16.ptr[i] | utf16.ptr[i + 1] << 8) & 0x3ff);
        }
        char bytes[4] = {(char)c};
        size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t j = len - 1; len > 1 && j > 0; j--, c >>= 6)
            bytes[j] = (char)(0x80 | (c & 0x3f));
        if (len > 1)
            bytes[0] = (char)((0xf00u >> len & 0xf0) | c);
        text_add_len(out, bytes, len);
    }
}

struct names {
    char *list; /* owned; NULL: the system keeps none of ours, and the names are those that it has not taken */
    size_t len;
    uint32_t first_counter;
};

/* The name that the system has for it, or its number. */
static const char *name_of(const struct names *names, uint32_t index, char number[16])
{
    const char *name =
        names->list ? perf_registration_name(names->list, names->len, index) : perf_ini_text(index - names->first_counter);
    snprintf(number, 16, "#%lu", (unsigned long)index);
    return name && name[0] ? name : number;
}

static void add_instance(cJSON *items, const struct names *names, const struct perf_answer answers[2], int which,
                         const char *name, const struct perf_instance_view *instance)
{
    const struct perf_object_view *object = &answers[1].objects[which], *before = &answers[0].objects[which];
    struct perf_instance_view earlier;
    bool was_there =
        before->type.counter_count == object->type.counter_count && perf_parse_find(before, instance->name, &earlier);
    for (uint32_t i = 0; i < object->type.counter_count; i++) {
        struct perf_counter_definition counter;
        struct perf_sample now = sample_of(&answers[1], object, instance, i), then = {0};
        char number[16];
        double value;
        perf_parse_counter(object, i, &counter);
        if (was_there)
            then = sample_of(&answers[0], before, &earlier, i);
        bool shown = perf_format(counter.type, was_there ? &then : NULL, &now, &value);
        if (counter.type == PERFMON_AVERAGE_BASE)
            continue;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "object", name_of(names, object->type.name_index, number));
        cJSON_AddStringToObject(item, "instance", name);
        cJSON_AddStringToObject(item, "counter", name_of(names, counter.name_index, number));
        cJSON_AddItemToObject(item, "value", shown ? cJSON_CreateNumber(value) : cJSON_CreateNull());
        cJSON_AddStringToObject(item, "unit", perf_format_unit(counter.type));
        cJSON_AddItemToArray(items, item);
    }
}

/* "php" is also meant by the worker's name "php_1234". */
static bool is_meant(const char *pattern, int which, const char *name)
{
    char pool[400];
    if (!pattern || words_match(pattern, name))
        return true;
    const char *end = strrchr(name, '_');
    if (which != PERF_WORKERS || !end || (size_t)(end - name) >= sizeof pool)
        return false;
    snprintf(pool, sizeof pool, "%.*s", (int)(end - name), name);
    return words_match(pattern, pool);
}

static size_t add_items(cJSON *items, const struct names *names, const struct perf_answer answers[2], const char *pattern)
{
    size_t count = 0;
    for (int which = 0; which < PERF_OBJECTS; which++) {
        struct perf_instance_view instance;
        size_t at = 0;
        while (perf_parse_instance(&answers[1].objects[which], &at, &instance)) {
            struct text name = {0};
            add_utf8(&name, instance.name);
            if (is_meant(pattern, which, text_str(&name))) {
                add_instance(items, names, answers, which, text_str(&name), &instance);
                count++;
            }
            text_deinit(&name);
        }
    }
    return count;
}

/* ---- printing */

static void add_value(const cJSON *item, struct text *out)
{
    const cJSON *value = value_at(item, "value");
    if (!value)
        text_add(out, "-");
    else if (value_string(item, "unit")[0])
        text_addf(out, "%.3f", value->valuedouble);
    else
        text_addf(out, "%.0f", value->valuedouble);
}

static const struct column columns[] = {
    {"OBJECT", "object", COLUMN_TEXT, COLUMN_WIDE, NULL}, {"INSTANCE", "instance", COLUMN_TEXT, 0, NULL},
    {"COUNTER", "counter", COLUMN_TEXT, 0, NULL},         {"VALUE", "value", COLUMN_NUMBER, 0, add_value},
    {"UNIT", "unit", COLUMN_TEXT, COLUMN_OPTIONAL, NULL},
};
static const struct listing counters = {
    .member = "counters", .columns = columns, .column_count = sizeof columns / sizeof *columns, .empty = "no counters"};

static void print_csv(struct run *run, const cJSON *items)
{
    const cJSON *item;
    text_add(&run->out, "object,instance,counter,value,unit\n");
    cJSON_ArrayForEach(item, items)
    {
        for (size_t i = 0; i < counters.column_count; i++) {
            struct text word = {0};
            value_add_scalar(&word, value_at(item, columns[i].path));
            text_add(&run->out, i ? "," : "");
            text_add_csv(&run->out, text_str(&word));
            text_deinit(&word);
        }
        text_add(&run->out, "\n");
    }
}

static int print(struct run *run, const struct perf_answer answers[2], const char *pattern)
{
    const struct perf_system *system = run->environment->perf;
    struct names names = {0};
    struct perf_indexes indexes = {0};
    cJSON *document = cJSON_CreateObject(), *items = cJSON_CreateArray();
    perf_registration_indexes(system, &indexes);
    names.first_counter = indexes.first_counter;
    if (perf_registration_are_named(system))
        system->get_list(system->context, PERF_NAMES_KEY, "Counter", &names.list, &names.len);
    cJSON_AddNumberToObject(document, "api_version", 1);
    cJSON_AddItemToObject(document, "counters", items);
    size_t count = add_items(items, &names, answers, pattern);
    if (count == 0 && pattern)
        run_message(run, "no instance is called '%s'", pattern);
    else if (run_is_json(run))
        listing_print_json(run, document, items);
    else if (run->options.format == FORMAT_CSV)
        print_csv(run, items);
    else
        listing_print_table(run, &counters, items, false);
    cJSON_Delete(document);
    free(names.list);
    return count == 0 && pattern ? FCGICTL_NOT_FOUND : FCGICTL_DONE;
}

int perf_show_run(struct run *run, const char *pattern)
{
    struct perf_answer answers[2] = {{0}, {0}};
    const struct fcgictl_terminal *terminal = run->terminal;
    char why[300] = "";
    int exit_code = FCGICTL_FAILED;
    bool good = perf_show_ask(run->environment->perf, &answers[0], &exit_code, why, sizeof why);
    if (good && !terminal->wait(terminal->context, BETWEEN_SAMPLES_MS)) {
        perf_show_free(&answers[0]);
        return FCGICTL_TIMED_OUT;
    }
    good = good && perf_show_ask(run->environment->perf, &answers[1], &exit_code, why, sizeof why);
    if (good)
        exit_code = print(run, answers, pattern);
    else {
        run_message(run, "%s", why);
        run_hint(run, "`fcgictl perf status` says what is wrong");
    }
    perf_show_free(&answers[0]);
    perf_show_free(&answers[1]);
    return exit_code;
}
