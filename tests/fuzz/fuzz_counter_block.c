/* fuzz_counter_block: blocks of hosts with anything in them, read as fcgiperf.dll does, and its answer, parsed.
 *
 * Input: how to proceed up to the first LF, then bytes. A line that begins with 'p': the bytes are an answer of somebody's, parsed as one. Else
 * they are operations on good blocks, a letter and what follows it (numbers are bytes):
 *   H host at len bytes          writes `len` bytes at `at` of the header
 *   P host pool at/4 len bytes   the same in a pool, 4 * at
 *   W host high low at len bytes in a worker
 *   S host pool                  begins a change of the pool that never ends
 *   R hosts                      a reading: the bits say of which hosts there are blocks
 *   C host high low              a block that is cut off, at 256 * high + low bytes or, from 32768 on, so many before its end
 * 'm' in the first line: numbers of pools are kept so small that no sum runs over, and then no counter may ever become less. */
#include "perfcounters/perf_blob.h"
#include "perfcounters/perf_parse.h"
#include "tests/fuzz/fuzz.h"

enum { HOSTS = 3, NOW_US = 5000000, FIRST_COUNTER = 2342, MAX_ROUNDS = 6 };

struct state {
    struct perf_hosts *hosts;
    struct counter_block *blocks[HOSTS];
    bool moderate;
    int rounds;
    uint64_t total[COUNTER_POOL_PLACES]; /* of the round before */
};

static struct counter_block *make_block(uint32_t pid)
{
    struct counter_block *block = calloc(1, sizeof *block);
    CHECK(block);
    counter_block_init(block, pid, 7, 1000, 5000);
    for (int i = 0; i < 2; i++) {
        struct counter_block_pool *pool = counter_block_add_pool(block, bytes_of_str(i ? "ruby" : "php"), 1000, 5000);
        pool->values[COUNTER_REQUESTS] = pid;
        block->workers[i].pid = 100 * pid + (uint32_t)i;
        block->workers[i].pool = (uint32_t)i;
        block->workers[i].state = WORKER_IDLE;
    }
    return block;
}

/* ---- the rows and the answer */

static bool counts(unsigned place)
{
    for (size_t i = 0; i < counter_pool_family_count; i++) {
        const struct counter_family *family = &counter_pool_families[i];
        if (place >= family->first && place < family->first + family->count)
            return family->kind == COUNTER_KIND_COUNTER || family->kind == COUNTER_KIND_HISTOGRAM;
    }
    return false;
}

static void check_total(struct state *state, const struct perf_pool_row *total)
{
    for (unsigned place = 0; place < COUNTER_POOL_PLACES && state->moderate; place++)
        CHECK(!counts(place) || total->values[place] >= state->total[place]);
    memcpy(state->total, total->values, sizeof state->total);
}

static void check_name(const struct perf_name *name)
{
    CHECK(name->len > 0 && name->len <= PERF_NAME_LEN);
    for (unsigned i = 0; i < name->len; i++)
        CHECK(name->units[i] >= 0x20 && (name->units[i] >= 0x80 || !strchr("/\\()#*", name->units[i])));
}

static void check_pools(const struct perf_blob *blob)
{
    CHECK(blob->pool_count >= 1 && blob->pool_count <= PERF_MAX_POOLS + 1);
    for (size_t i = 0; i < blob->pool_count; i++) {
        check_name(&blob->pools[i].name);
        for (size_t j = 0; j < i; j++)
            CHECK(!perf_name_equal(&blob->pools[i].name, &blob->pools[j].name));
    }
}

static void check_workers(const struct perf_blob *blob)
{
    CHECK(blob->worker_count <= PERF_MAX_WORKERS);
    for (size_t i = 0; i < blob->worker_count; i++) {
        check_name(&blob->workers[i].name);
        for (size_t j = 0; j < i; j++)
            CHECK(!perf_name_equal(&blob->workers[i].name, &blob->workers[j].name));
    }
}

static void check_answer(const struct perf_blob *blob)
{
    uint32_t len = (uint32_t)perf_blob_len(blob), needed = len, count = 0;
    uint8_t *memory = malloc(len), *at = memory;
    CHECK(memory);
    len--;
    CHECK(!perf_blob_put(blob, &at, &len, &count) && len == 0 && count == 0 && at == memory);
    len = needed;
    CHECK(perf_blob_put(blob, &at, &len, &count) && len == needed && count == PERF_OBJECTS && at == memory + needed);
    struct bytes rest = bytes_of(memory, needed);
    struct perf_object_view object;
    CHECK(perf_parse_object(&rest, &object) && (size_t)object.type.instance_count == blob->pool_count);
    CHECK(perf_parse_object(&rest, &object) && (size_t)object.type.instance_count == blob->worker_count && rest.len == 0);
    free(memory);
}

static void read_all(struct state *state, uint8_t which)
{
    struct perf_blob blob = {.wanted = {true, true}, .first_counter = FIRST_COUNTER, .first_help = FIRST_COUNTER + 1};
    if (state->rounds++ == MAX_ROUNDS)
        return;
    blob.clock = (struct perf_clock){.ticks = NOW_US, .ticks_per_second = 1000000};
    perf_hosts_begin(state->hosts, NOW_US);
    for (uint32_t i = 0; i < HOSTS; i++)
        if (which & 1u << i)
            perf_hosts_take(state->hosts, i + 1, state->blocks[i], sizeof *state->blocks[i]);
    perf_hosts_end(state->hosts);
    blob.pools = perf_hosts_pools(state->hosts, &blob.pool_count);
    blob.workers = perf_hosts_workers(state->hosts, &blob.worker_count);
    check_total(state, &blob.pools[blob.pool_count - 1]);
    check_pools(&blob);
    check_workers(&blob);
    check_answer(&blob);
}

/* ---- operations */

static uint8_t take(struct bytes *in)
{
    uint8_t byte = fuzz_at(*in, 0);
    bytes_advance(in, in->len > 0);
    return byte;
}

/* `len` bytes, as many as there are and fit. */
static void write_bytes(void *place, size_t size, size_t at, struct bytes *in)
{
    size_t len = take(in);
    len = len < in->len ? len : in->len;
    at = at < size ? at : size;
    memcpy((uint8_t *)place + at, in->ptr, len < size - at ? len : size - at);
    bytes_advance(in, len);
}

static void moderate(struct counter_block_pool *pool)
{
    for (unsigned i = 0; i < COUNTER_POOL_PLACES; i++)
        pool->values[i] &= (UINT64_C(1) << 48) - 1;
    for (unsigned i = 0; i < 6; i++)
        pool->times[i] &= (UINT64_C(1) << 20) - 1;
}

static void cut(struct counter_block *block, size_t where)
{
    size_t len = where < 32768 ? where : sizeof *block - (where - 32767);
    struct bytes copy = fuzz_copy(bytes_of(block, len));
    struct perf_hosts *hosts = perf_hosts_create();
    CHECK(hosts && (uintptr_t)copy.ptr % 8 == 0);
    perf_hosts_begin(hosts, NOW_US);
    CHECK(!perf_hosts_take(hosts, 1, (const struct counter_block *)(const void *)copy.ptr, len));
    perf_hosts_destroy(hosts);
    fuzz_free(copy);
}

static void operate(struct state *state, struct bytes *in)
{
    uint8_t verb = take(in);
    if (verb == 'R') {
        read_all(state, take(in));
        return;
    }
    struct counter_block *block = state->blocks[take(in) % HOSTS];
    size_t high = take(in);
    if (verb == 'H')
        write_bytes(block, offsetof(struct counter_block, pools), high, in);
    else if (verb == 'P') {
        struct counter_block_pool *pool = &block->pools[high % COUNTER_BLOCK_POOLS];
        write_bytes(pool, sizeof *pool, 4 * (size_t)take(in), in);
        if (state->moderate)
            moderate(pool);
    } else if (verb == 'W') {
        size_t index = high << 8 | take(in);
        struct counter_block_worker *worker = &block->workers[index % COUNTER_BLOCK_WORKERS];
        write_bytes(worker, sizeof *worker, take(in), in);
    } else if (verb == 'S')
        counter_sequence_begin(&block->pools[high % COUNTER_BLOCK_POOLS].sequence);
    else if (verb == 'C')
        cut(block, high << 8 | take(in));
}

static void run_operations(struct bytes line, struct bytes in)
{
    struct state state = {.hosts = perf_hosts_create(), .moderate = line.len > 0 && memchr(line.ptr, 'm', line.len)};
    CHECK(state.hosts);
    for (uint32_t i = 0; i < HOSTS; i++)
        state.blocks[i] = make_block(i + 1);
    while (in.len > 0)
        operate(&state, &in);
    read_all(&state, 7);
    for (int i = 0; i < HOSTS; i++)
        free(state.blocks[i]);
    perf_hosts_destroy(state.hosts);
}

/* ---- somebody's answer */

static void parse(struct bytes in)
{
    struct perf_data data;
    if (perf_parse_data(in, &data)) {
        CHECK(data.objects.ptr >= in.ptr && data.objects.ptr + data.objects.len <= in.ptr + in.len);
        in = data.objects;
    }
    for (struct perf_object_view object; in.len > 0 && perf_parse_object(&in, &object);) {
        struct perf_instance_view instance;
        for (size_t at = 0; perf_parse_instance(&object, &at, &instance);) {
            CHECK(instance.name.len == 0 || (instance.name.ptr > object.bytes.ptr &&
                                             instance.name.ptr + instance.name.len <= object.bytes.ptr + object.bytes.len));
            for (uint32_t i = 0; i < object.type.counter_count; i++) {
                struct perf_counter_definition counter;
                double value;
                perf_parse_counter(&object, i, &counter);
                struct perf_sample sample = {.value = perf_parse_value(&counter, &instance), .ticks_per_second = 1};
                perf_format(counter.type, &sample, &sample, &value);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size), line = fuzz_first_line(&in);
    if (fuzz_at(line, 0) != 'p') {
        run_operations(line, in);
        return 0;
    }
    struct bytes copy = fuzz_copy(in);
    parse(copy);
    fuzz_free(copy);
    return 0;
}
