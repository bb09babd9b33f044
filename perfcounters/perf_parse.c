/* perf_parse: see perf_parse.h. All is checked when an object is taken; what follows can rely on it. */
#include "perfcounters/perf_parse.h"

#include <string.h>

/* PERF_DATA_BLOCK: the places of what is read of it. */
enum {
    DATA_SIGNATURE = 0, /* "PERF" in UTF-16 */
    DATA_LITTLE_ENDIAN = 8,
    DATA_TOTAL_LEN = 20,
    DATA_HEADER_LEN = 24,
    DATA_OBJECTS = 28,
    DATA_TICKS = 56,
    DATA_TICKS_PER_SECOND = 64,
    DATA_TIME_100NS = 72,
};

static uint32_t u32(struct bytes in, size_t at)
{
    uint32_t value;
    memcpy(&value, in.ptr + at, sizeof value);
    return value;
}

static uint64_t u64(struct bytes in, size_t at)
{
    uint64_t value;
    memcpy(&value, in.ptr + at, sizeof value);
    return value;
}

/* ---- the header */

static bool objects_at(struct bytes in, size_t at, size_t end, struct perf_data *data)
{
    struct perf_object_view object;
    if (at > end || end > in.len || at % 8)
        return false;
    struct bytes rest = bytes_of(in.ptr + at, end - at);
    data->objects = rest;
    for (uint32_t i = 0; i < data->object_count; i++)
        if (!perf_parse_object(&rest, &object))
            return false;
    return true;
}

bool perf_parse_data(struct bytes in, struct perf_data *data)
{
    static const uint8_t signature[] = {'P', 0, 'E', 0, 'R', 0, 'F', 0};
    if (in.len < PERF_DATA_HEADER_LEN || memcmp(in.ptr + DATA_SIGNATURE, signature, sizeof signature) != 0 ||
        u32(in, DATA_LITTLE_ENDIAN) != 1)
        return false;
    uint32_t len = u32(in, DATA_TOTAL_LEN), header_len = u32(in, DATA_HEADER_LEN);
    if (len > in.len || header_len < PERF_DATA_HEADER_LEN || header_len > len)
        return false;
    data->ticks = u64(in, DATA_TICKS);
    data->ticks_per_second = u64(in, DATA_TICKS_PER_SECOND);
    data->time_100ns = u64(in, DATA_TIME_100NS);
    data->object_count = u32(in, DATA_OBJECTS);
    /* Wine 8 leaves room for a second header before the first object, and does not count it. */
    return objects_at(in, header_len, len, data) ||
           objects_at(in, (size_t)header_len + PERF_DATA_HEADER_LEN, (size_t)len + PERF_DATA_HEADER_LEN, data);
}

/* ---- an object */

void perf_parse_counter(const struct perf_object_view *object, uint32_t index, struct perf_counter_definition *counter)
{
    memcpy(counter, object->bytes.ptr + object->type.header_len + index * sizeof *counter, sizeof *counter);
}

static bool check_definitions(const struct perf_object_view *object)
{
    const struct perf_object_type *type = &object->type;
    if (type->header_len != sizeof *type || type->definitions_len > type->total_len ||
        type->counter_count != (type->definitions_len - sizeof *type) / sizeof(struct perf_counter_definition) ||
        (type->definitions_len - sizeof *type) % sizeof(struct perf_counter_definition))
        return false;
    for (uint32_t i = 0; i < type->counter_count; i++) {
        struct perf_counter_definition counter;
        perf_parse_counter(object, i, &counter);
        if (counter.len != sizeof counter || counter.value_len != ((counter.type & 0x300) == 0x100 ? 8u : 4u) ||
            counter.value_offset % counter.value_len || counter.value_offset < sizeof(uint32_t))
            return false;
    }
    return true;
}

/* Every value lies in the block. */
static bool check_values(const struct perf_object_view *object, struct bytes values)
{
    for (uint32_t i = 0; i < object->type.counter_count; i++) {
        struct perf_counter_definition counter;
        perf_parse_counter(object, i, &counter);
        if (counter.value_offset > values.len || values.len - counter.value_offset < counter.value_len)
            return false;
    }
    return true;
}

/* The name and the block of the instance at *at, which is moved behind it. */
static bool take_instance(const struct perf_object_view *object, size_t *at, struct perf_instance_view *instance)
{
    struct bytes in = bytes_of(object->bytes.ptr + *at, object->bytes.len - *at);
    struct perf_instance_definition definition;
    instance->name = bytes_of(NULL, 0);
    if (object->type.instance_count != PERFMON_NO_INSTANCES) {
        if (in.len < sizeof definition)
            return false;
        memcpy(&definition, in.ptr, sizeof definition);
        if (definition.len > in.len || definition.len % 8 || definition.name_offset < sizeof definition ||
            definition.name_offset > definition.len || definition.name_len > definition.len - definition.name_offset ||
            definition.name_len < 2 || definition.name_len % 2)
            return false;
        instance->name = bytes_of(in.ptr + definition.name_offset, definition.name_len - 2);
        if (instance->name.ptr[instance->name.len] || instance->name.ptr[instance->name.len + 1])
            return false;
        bytes_advance(&in, definition.len);
    }
    if (in.len < sizeof(uint32_t) || u32(in, 0) > in.len || u32(in, 0) < sizeof(struct perf_value_block) || u32(in, 0) % 8)
        return false;
    instance->values = bytes_of(in.ptr, u32(in, 0));
    *at = (size_t)(in.ptr - object->bytes.ptr) + instance->values.len;
    return true;
}

static uint32_t block_count(const struct perf_object_type *type)
{
    return type->instance_count == PERFMON_NO_INSTANCES ? 1 : (uint32_t)type->instance_count;
}

bool perf_parse_object(struct bytes *objects, struct perf_object_view *object)
{
    struct perf_object_type *type = &object->type;
    struct perf_instance_view instance;
    if (objects->len < sizeof *type)
        return false;
    memcpy(type, objects->ptr, sizeof *type);
    if (type->total_len > objects->len || type->total_len % 8 || type->definitions_len < sizeof *type || type->code_page != 0 ||
        type->instance_count < PERFMON_NO_INSTANCES)
        return false;
    object->bytes = bytes_of(objects->ptr, type->total_len);
    size_t at = type->definitions_len;
    if (!check_definitions(object))
        return false;
    for (uint32_t i = 0; i < block_count(type); i++)
        if (!take_instance(object, &at, &instance) || !check_values(object, instance.values))
            return false;
    if (at != type->total_len)
        return false;
    bytes_advance(objects, type->total_len);
    return true;
}

bool perf_parse_instance(const struct perf_object_view *object, size_t *at, struct perf_instance_view *instance)
{
    if (*at == 0)
        *at = object->type.definitions_len;
    return *at < object->type.total_len && take_instance(object, at, instance);
}

bool perf_parse_find(const struct perf_object_view *object, struct bytes name, struct perf_instance_view *instance)
{
    for (size_t at = 0; perf_parse_instance(object, &at, instance);)
        if (bytes_equal(instance->name, name))
            return true;
    return false;
}

uint64_t perf_parse_value(const struct perf_counter_definition *counter, const struct perf_instance_view *instance)
{
    return counter->value_len == 4 ? u32(instance->values, counter->value_offset)
                                   : u64(instance->values, counter->value_offset);
}

/* ---- as perfmon shows it */

/* What has been counted; a counter that has become less began anew. */
static double difference(uint64_t before, uint64_t now)
{
    return now > before ? (double)(now - before) : 0;
}

static bool divide(double what, double by, double *result)
{
    *result = by > 0 ? what / by : 0;
    return by > 0;
}

bool perf_format(uint32_t type, const struct perf_sample *before, const struct perf_sample *now, double *result)
{
    *result = 0;
    switch (type) {
    case PERFMON_COUNTER_LARGE_RAWCOUNT: *result = (double)now->value; return true;
    case PERFMON_ELAPSED_TIME:
        return divide(difference(now->value, now->object_ticks), (double)now->object_ticks_per_second, result);
    case PERFMON_COUNTER_BULK_COUNT:
        return before && now->ticks_per_second &&
               divide(difference(before->value, now->value),
                      difference(before->ticks, now->ticks) / (double)now->ticks_per_second, result);
    case PERFMON_100NSEC_TIMER:
        return before &&
               divide(100 * difference(before->value, now->value), difference(before->time_100ns, now->time_100ns), result);
    case PERFMON_AVERAGE_TIMER:
        if (!before || !now->ticks_per_second)
            return false;
        /* nothing new: no time, as perfmon has it */
        divide((double)(uint32_t)(now->value - before->value) / (double)now->ticks_per_second,
               (double)(uint32_t)(now->base - before->base), result);
        return true;
    default: return false;
    }
}

const char *perf_format_unit(uint32_t type)
{
    switch (type) {
    case PERFMON_COUNTER_BULK_COUNT: return "/s";
    case PERFMON_100NSEC_TIMER: return "%";
    case PERFMON_ELAPSED_TIME:
    case PERFMON_AVERAGE_TIMER: return "s";
    default: return "";
    }
}
