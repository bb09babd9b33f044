/* perf_blob: see perf_blob.h. All lengths are computed before a byte is written, by the functions that the writing uses, too.
 *
 * Structures are copied to their places byte by byte: whoever calls us may hand in memory that is not aligned (Wine does). */
#include "perfcounters/perf_blob.h"

#include <string.h>

/* ---- the query */

static bool begins_with(const uint16_t *query, const char *word)
{
    for (; *word; word++, query++)
        if (*query > 0x7f || ascii_lower((uint8_t)*query) != (uint8_t)*word)
            return false;
    return true;
}

static bool is_digit(uint16_t c)
{
    return c >= '0' && c <= '9';
}

static void want(uint64_t index, uint32_t first_counter, bool wanted[PERF_OBJECTS])
{
    for (int i = 0; i < PERF_OBJECTS; i++)
        if (index == (uint64_t)first_counter + perf_object_offset((enum perf_object)i))
            wanted[i] = true;
}

void perf_query_parse(const uint16_t *query, uint32_t first_counter, bool wanted[PERF_OBJECTS])
{
    while (query && (*query == ' ' || *query == '\t'))
        query++;
    bool all = !query || !*query || begins_with(query, "global");
    for (int i = 0; i < PERF_OBJECTS; i++)
        wanted[i] = all;
    if (all || begins_with(query, "costly") || begins_with(query, "foreign"))
        return;
    while (*query) {
        uint64_t index = 0;
        if (!is_digit(*query)) {
            query++;
            continue;
        }
        for (; is_digit(*query); query++)
            index = index > UINT32_MAX ? index : index * 10 + (*query - '0');
        want(index, first_counter, wanted);
    }
}

/* ---- lengths */

static size_t aligned(size_t len)
{
    return (len + 7) & ~(size_t)7;
}

static size_t definitions_len(enum perf_object object)
{
    size_t count;
    perf_counters(object, &count);
    return sizeof(struct perf_object_type) + count * sizeof(struct perf_counter_definition);
}

/* Each value has 8 bytes, also those of 4. */
static size_t values_len(enum perf_object object)
{
    size_t count;
    perf_counters(object, &count);
    return sizeof(struct perf_value_block) + 8 * count;
}

static size_t name_len(const struct perf_name *name)
{
    return 2 * ((size_t)name->len + 1);
}

static size_t instance_len(const struct perf_name *name)
{
    return aligned(sizeof(struct perf_instance_definition) + name_len(name));
}

static size_t row_count(const struct perf_blob *blob, enum perf_object object)
{
    return object == PERF_POOLS ? blob->pool_count : blob->worker_count;
}

static const struct perf_name *row_name(const struct perf_blob *blob, enum perf_object object, size_t row)
{
    return object == PERF_POOLS ? &blob->pools[row].name : &blob->workers[row].name;
}

static size_t object_len(const struct perf_blob *blob, enum perf_object object)
{
    size_t len = definitions_len(object);
    for (size_t i = 0; i < row_count(blob, object); i++)
        len += instance_len(row_name(blob, object, i)) + values_len(object);
    return len;
}

size_t perf_blob_len(const struct perf_blob *blob)
{
    size_t len = 0;
    for (int i = 0; i < PERF_OBJECTS; i++)
        if (blob->wanted[i])
            len += object_len(blob, (enum perf_object)i);
    return len;
}

/* ---- writing */

static uint8_t *put(uint8_t *at, const void *data, size_t len)
{
    memcpy(at, data, len);
    return at + len;
}

static uint8_t *put_definitions(uint8_t *at, const struct perf_blob *blob, enum perf_object object)
{
    size_t count;
    const struct perf_counter *counters = perf_counters(object, &count);
    struct perf_object_type type = {
        .total_len = (uint32_t)object_len(blob, object),
        .definitions_len = (uint32_t)definitions_len(object),
        .header_len = sizeof type,
        .name_index = blob->first_counter + perf_object_offset(object),
        .help_index = blob->first_help + perf_object_offset(object),
        .detail_level = PERFMON_DETAIL_NOVICE,
        .counter_count = (uint32_t)count,
        .instance_count = (int32_t)row_count(blob, object),
        .ticks = (int64_t)blob->clock.ticks,
        .ticks_per_second = (int64_t)blob->clock.ticks_per_second,
    };
    at = put(at, &type, sizeof type);
    for (size_t i = 0; i < count; i++) {
        struct perf_counter_definition definition = {
            .len = sizeof definition,
            .name_index = blob->first_counter + perf_counter_offset(object, i),
            .help_index = blob->first_help + perf_counter_offset(object, i),
            .detail_level = PERFMON_DETAIL_NOVICE,
            .type = counters[i].type,
            .value_len = perf_type_len(counters[i].type),
            .value_offset = (uint32_t)(sizeof(struct perf_value_block) + 8 * i),
        };
        at = put(at, &definition, sizeof definition);
    }
    return at;
}

static uint8_t *put_name(uint8_t *at, const struct perf_name *name)
{
    struct perf_instance_definition definition = {
        .len = (uint32_t)instance_len(name),
        .unique_id = PERFMON_NO_UNIQUE_ID,
        .name_offset = sizeof definition,
        .name_len = (uint32_t)name_len(name),
    };
    memset(at, 0, definition.len);
    put(put(at, &definition, sizeof definition), name->units, 2 * (size_t)name->len);
    return at + definition.len;
}

static uint64_t value_of(const struct perf_blob *blob, enum perf_object object, size_t row, const struct perf_counter *counter)
{
    if (object == PERF_POOLS)
        return perf_pool_value(counter, blob->pools[row].values, blob->pools[row].start_us, &blob->clock);
    return perf_worker_value(counter, &blob->workers[row].view, &blob->clock);
}

static uint8_t *put_values(uint8_t *at, const struct perf_blob *blob, enum perf_object object, size_t row)
{
    size_t count;
    const struct perf_counter *counters = perf_counters(object, &count);
    struct perf_value_block block = {.len = (uint32_t)values_len(object)};
    at = put(at, &block, sizeof block);
    for (size_t i = 0; i < count; i++) {
        uint64_t value = value_of(blob, object, row, &counters[i]);
        uint32_t low[2] = {(uint32_t)value, 0};
        at = perf_type_len(counters[i].type) == 4 ? put(at, low, sizeof low) : put(at, &value, sizeof value);
    }
    return at;
}

bool perf_blob_put(const struct perf_blob *blob, uint8_t **at, uint32_t *len, uint32_t *count)
{
    size_t needed = perf_blob_len(blob), room = *len;
    *len = *count = 0;
    if (needed > room)
        return false;
    uint8_t *end = *at;
    for (int i = 0; i < PERF_OBJECTS; i++) {
        enum perf_object object = (enum perf_object)i;
        if (!blob->wanted[i])
            continue;
        end = put_definitions(end, blob, object);
        for (size_t row = 0; row < row_count(blob, object); row++)
            end = put_values(put_name(end, row_name(blob, object, row)), blob, object, row);
        ++*count;
    }
    *at = end;
    *len = (uint32_t)needed;
    return true;
}
