/* fcgictl_perf_fake: a computer for `fcgictl perf`: a registry that is a table, a system that hands numbers out, and an answer of the
 * performance registry from a block of the test's. */
#ifndef TESTS_UNIT_FCGICTL_PERF_FAKE_H
#define TESTS_UNIT_FCGICTL_PERF_FAKE_H

#include "fcgictl_fake.h"

#include "perf_testing.h"
#include "perfcounters/perf_blob.h"
#include "perfcounters/perf_parse.h"
#include "tools/fcgictl/perf_ini.h"
#include "tools/fcgictl/perf_registration.h"

enum { MAX_VALUES = 40 };

/* A registry: a text, a list or (list NULL, text "") a number. */
struct value {
    const char *key;
    char name[40];
    char text[200];
    uint32_t number;
    char *list;
    size_t list_len;
};

static struct registry {
    struct perf_system system;
    struct value values[MAX_VALUES];
    size_t count;
    uint32_t denied;      /* what writing gives */
    uint32_t load_result; /* of LoadPerfCounterTextStrings */
    bool load_works;
    uint32_t first; /* the number that it hands out next */
    unsigned loads, unloads;
    unsigned bits;        /* of the library */
    uint32_t bits_result; /* of opening it */
    struct perf_hosts *hosts;
    struct counter_block *block;
    uint64_t ticks;
    uint32_t query_result;
    bool library_is_loaded; /* by the system, when counters are asked for */
} registry;

static struct value *find(const char *key, const char *name)
{
    for (size_t i = 0; i < registry.count; i++)
        if (strcmp(registry.values[i].key, key) == 0 && strcmp(registry.values[i].name, name) == 0)
            return &registry.values[i];
    return NULL;
}

static struct value *make(const char *key, const char *name)
{
    struct value *value = find(key, name);
    if (value)
        return value;
    assert_true(registry.count < MAX_VALUES);
    value = &registry.values[registry.count++];
    *value = (struct value){.key = strcmp(key, PERF_KEY) == 0 ? PERF_KEY : PERF_PERFLIB_KEY};
    if (strcmp(key, PERF_NAMES_KEY) == 0)
        value->key = PERF_NAMES_KEY;
    snprintf(value->name, sizeof value->name, "%s", name);
    return value;
}

static uint32_t get_text(void *context, const char *key, const char *name, char *text, size_t size)
{
    (void)context;
    const struct value *value = find(key, name);
    snprintf(text, size, "%s", value ? value->text : "");
    return value ? 0 : PERF_SYSTEM_NOT_FOUND;
}

static uint32_t get_number(void *context, const char *key, const char *name, uint32_t *number)
{
    (void)context;
    const struct value *value = find(key, name);
    if (value)
        *number = value->number;
    return value ? 0 : PERF_SYSTEM_NOT_FOUND;
}

static uint32_t get_list(void *context, const char *key, const char *name, char **list, size_t *len)
{
    (void)context;
    const struct value *value = find(key, name);
    if (!value || !value->list)
        return PERF_SYSTEM_NOT_FOUND;
    *list = malloc(value->list_len);
    assert_non_null(*list);
    memcpy(*list, value->list, value->list_len);
    *len = value->list_len;
    return 0;
}

static uint32_t set_text(void *context, const char *key, const char *name, const char *text)
{
    (void)context;
    if (!registry.denied)
        snprintf(make(key, name)->text, sizeof registry.values[0].text, "%s", text);
    return registry.denied;
}

static uint32_t set_number(void *context, const char *key, const char *name, uint32_t number)
{
    (void)context;
    if (!registry.denied)
        make(key, name)->number = number;
    return registry.denied;
}

static void erase(struct value *value)
{
    free(value->list);
    *value = registry.values[--registry.count];
}

static uint32_t delete_value(void *context, const char *key, const char *name)
{
    (void)context;
    struct value *value = find(key, name);
    if (!value || registry.denied)
        return registry.denied ? registry.denied : PERF_SYSTEM_NOT_FOUND;
    erase(value);
    return 0;
}

static uint32_t delete_key(void *context, const char *key)
{
    (void)context;
    for (size_t i = registry.count; i > 0; i--)
        if (strcmp(registry.values[i - 1].key, key) == 0)
            erase(&registry.values[i - 1]);
    return registry.denied;
}

/* ---- LoadPerfCounterTextStrings, as far as our .ini goes */

static uint32_t offset_of(const char *symbol, const char *header)
{
    char line[64];
    snprintf(line, sizeof line, "#define %.8s ", symbol);
    const char *found = strstr(header, line);
    if (!found)
        fail_msg("%s is not in the header", line);
    return found ? (uint32_t)strtoul(found + strlen(line), NULL, 10) : 0;
}

static void append(struct text *list, uint32_t number, const char *text, size_t len)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%u", (unsigned)number);
    text_add_len(list, digits, strlen(digits) + 1);
    text_add_len(list, text, len);
    text_add_len(list, "", 1);
}

static void set_list(const char *name, struct text *list)
{
    struct value *value = make(PERF_NAMES_KEY, name);
    free(value->list);
    value->list = malloc(list->len);
    assert_non_null(value->list);
    memcpy(value->list, text_str(list), list->len);
    value->list_len = list->len;
    text_deinit(list);
}

static uint32_t load_names(void *context, const char *ini, const char *header)
{
    struct text counters = {0}, helps = {0};
    uint32_t last = 0;
    (void)context;
    registry.loads++;
    if (!registry.load_works)
        return registry.load_result;
    assert_non_null(strstr(ini, "[info]\r\ndrivername=fcgiext\r\nsymbolfile=fcgiperf.h\r\n"));
    const char *objects = strstr(ini, "[objects]\r\n"), *line = strstr(ini, "[text]\r\n");
    assert_true(objects && line && objects < line);
    append(&counters, 2, "System", 6);
    for (line += 8; *line; line = strstr(line, "\r\n") + 2) {
        uint32_t offset = offset_of(line, header);
        size_t len = strcspn(line, "\r") - 18;
        bool help = strncmp(line + 8, "_009_HELP=", 10) == 0;
        assert_true(help || strncmp(line + 8, "_009_NAME=", 10) == 0);
        append(help ? &helps : &counters, registry.first + offset + help, line + 18, len);
        last = offset > last ? offset : last;
    }
    set_list("Counter", &counters);
    set_list("Help", &helps);
    set_number(NULL, PERF_KEY, "First Counter", registry.first);
    set_number(NULL, PERF_KEY, "Last Counter", registry.first + last);
    set_number(NULL, PERF_KEY, "First Help", registry.first + 1);
    set_number(NULL, PERF_KEY, "Last Help", registry.first + 1 + last);
    registry.first += last + 2;
    return 0;
}

static uint32_t unload_names(void *context)
{
    static const char *const names[] = {"First Counter", "Last Counter", "First Help", "Last Help"};
    registry.unloads++;
    for (int i = 0; registry.load_works && i < 4; i++)
        delete_value(context, PERF_KEY, names[i]);
    return 0;
}

/* ---- the DLL and the performance registry */

static uint32_t full_path(void *context, const char *path, char *full, size_t size)
{
    (void)context;
    snprintf(full, size, "C:\\fcgi\\%s", path ? path : "fcgiperf.dll");
    return 0;
}

static uint32_t library_bits(void *context, const char *path, unsigned *bits)
{
    (void)context;
    (void)path;
    *bits = registry.bits;
    return registry.bits_result;
}

static uint32_t query(void *context, const char *indexes, uint8_t **data, size_t *len)
{
    struct perf_blob blob = {.clock = {registry.ticks, 1000000}};
    uint16_t wide[64];
    uint32_t object_count = 0;
    (void)context;
    for (size_t i = 0; i <= strlen(indexes); i++)
        wide[i] = (uint16_t)indexes[i];
    if (registry.query_result)
        return registry.query_result;
    if (registry.library_is_loaded && !find(PERF_KEY, PERF_DISABLED)) {
        get_number(NULL, PERF_KEY, "First Counter", &blob.first_counter);
        get_number(NULL, PERF_KEY, "First Help", &blob.first_help);
        perf_query_parse(wide, blob.first_counter, blob.wanted);
        const struct counter_block *block = registry.block;
        perf_test_round(registry.hosts, &block, 1);
        blob.pools = perf_hosts_pools(registry.hosts, &blob.pool_count);
        blob.workers = perf_hosts_workers(registry.hosts, &blob.worker_count);
    }
    uint32_t room = (uint32_t)perf_blob_len(&blob), words[] = {1, 1, 1, PERF_DATA_HEADER_LEN + room, PERF_DATA_HEADER_LEN, 0};
    uint64_t times[] = {registry.ticks, 1000000, registry.ticks * 10};
    *len = PERF_DATA_HEADER_LEN + room;
    *data = calloc(1, *len);
    assert_non_null(*data);
    uint8_t *at = *data + PERF_DATA_HEADER_LEN;
    assert_true(perf_blob_put(&blob, &at, &room, &object_count));
    words[5] = object_count;
    memcpy(*data, "P\0E\0R\0F", 8);
    memcpy(*data + 8, words, sizeof words);
    memcpy(*data + 56, times, sizeof times);
    registry.ticks += 2000000; /* whoever asks again does so after two seconds */
    registry.block->pools[0].values[COUNTER_REQUESTS] += 20;
    registry.block->pools[0].used = 1;
    return 0;
}

static void describe(void *context, uint32_t error, char *text, size_t size)
{
    (void)context;
    snprintf(text, size, "error %u", (unsigned)error);
}

static int setup(void **state)
{
    fake_setup(state);
    registry = (struct registry){.load_works = true, .first = 2342, .bits = 64, .ticks = 10000000, .library_is_loaded = true};
    registry.system = (struct perf_system){
        .bits = 64,
        .get_text = get_text,
        .get_number = get_number,
        .get_list = get_list,
        .set_text = set_text,
        .set_number = set_number,
        .delete_value = delete_value,
        .delete_key = delete_key,
        .load_names = load_names,
        .unload_names = unload_names,
        .full_path = full_path,
        .library_bits = library_bits,
        .query = query,
        .describe = describe,
    };
    registry.hosts = perf_hosts_create();
    registry.block = perf_test_block(10);
    perf_test_pool(registry.block, "php", 100);
    perf_test_worker(registry.block, 0, 4711, 0);
    fake.environment.perf = &registry.system;
    fake.host_count = 0; /* none is needed */
    return 0;
}

static int teardown(void **state)
{
    while (registry.count > 0)
        erase(&registry.values[0]);
    perf_hosts_destroy(registry.hosts);
    free(registry.block);
    return fake_teardown(state);
}

/* Where this text stands in the list of names. */
static char *in_list(const char *text)
{
    struct value *value = find(PERF_NAMES_KEY, "Counter");
    for (char *at = value->list; at < value->list + value->list_len; at += strlen(at) + 1)
        if (strcmp(at, text) == 0)
            return at;
    fail_msg("there is no '%s' in the list", text);
    return NULL;
}

static uint32_t number(const char *name)
{
    uint32_t value = 0;
    get_number(NULL, PERF_KEY, name, &value);
    return value;
}

static const char *text_of(const char *name)
{
    const struct value *value = find(PERF_KEY, name);
    return value ? value->text : "";
}

#define PERF_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
