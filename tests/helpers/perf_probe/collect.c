/* fcgiperf.dll as perflib calls it, and as RegQueryValueEx gives it; what comes is parsed strictly. */
#include "tests/helpers/perf_probe/perf_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winperf.h>

enum { ROOM = 4 * 1024 * 1024, MORE = 8, EACH = 4096 };

static PM_OPEN_PROC *open_dll;
static PM_COLLECT_PROC *collect_dll;
static PM_CLOSE_PROC *close_dll;
static uint8_t *answer;      /* of ROOM bytes, with MORE behind it */
static struct bytes objects; /* in it */

void collect_load(const char *path)
{
    HMODULE module = LoadLibraryA(path);
    if (!module)
        die(path);
    open_dll = (PM_OPEN_PROC *)(void *)GetProcAddress(module, "OpenFcgiPerf");
    collect_dll = (PM_COLLECT_PROC *)(void *)GetProcAddress(module, "CollectFcgiPerf");
    close_dll = (PM_CLOSE_PROC *)(void *)GetProcAddress(module, "CloseFcgiPerf");
    answer = malloc(ROOM + PERF_DATA_HEADER_LEN);
    if (!open_dll || !collect_dll || !close_dll || !answer)
        die("the exports");
    say("ok");
}

void collect_open(void)
{
    WCHAR nothing[] = L"";
    say("%lu", open_dll(nothing));
}

void collect_close(void)
{
    say("%lu", close_dll());
}

static WCHAR *wide(const char *text)
{
    static WCHAR query[1024];
    MultiByteToWideChar(CP_UTF8, 0, text, -1, query, ARRAYSIZE(query));
    return query;
}

static void say_objects(DWORD count, DWORD len)
{
    static char line[256 * 1024];
    struct bytes rest = objects;
    size_t used = (size_t)snprintf(line, sizeof line, "%lu objects, %lu bytes", count, len);
    for (DWORD i = 0; i < count; i++) {
        struct perf_object_view object;
        struct perf_instance_view instance;
        size_t at = 0;
        if (!perf_parse_object(&rest, &object)) {
            say("object %lu is not as it has to be", i);
            return;
        }
        used += (size_t)snprintf(line + used, sizeof line - used, "; %lu:", (unsigned long)object.type.name_index);
        while (perf_parse_instance(&object, &at, &instance) && used + 300 < sizeof line) {
            line[used++] = ' ';
            used += (size_t)WideCharToMultiByte(CP_UTF8, 0, (const WCHAR *)(const void *)instance.name.ptr,
                                                (int)instance.name.len / 2, line + used, 290, NULL, NULL);
        }
        line[used] = '\0';
    }
    if (rest.len > 0)
        say("%lu bytes are left", (unsigned long)rest.len);
    else
        say("%s", line);
}

void collect_call(const char *query)
{
    void *at = answer;
    DWORD len = ROOM, count = 77, result = collect_dll(wide(query), &at, &len, &count);
    objects = bytes_of(answer, len);
    if (result != ERROR_SUCCESS || (uint8_t *)at != answer + len || len % 8)
        say("result %lu, %lu bytes, moved by %ld", result, len, (long)((uint8_t *)at - answer));
    else
        say_objects(count, len);
}

void collect_each_size(const char *query)
{
    void *at = answer;
    DWORD needed = ROOM, count = 0;
    if (collect_dll(wide(query), &at, &needed, &count) != ERROR_SUCCESS || needed == 0) {
        say("nothing to compare with");
        return;
    }
    for (DWORD room = 0; room <= needed + MORE; room++) {
        DWORD len = room;
        if (room > EACH && room + 2 * MORE < needed)
            continue;
        at = answer;
        count = 77;
        memset(answer, 0xee, needed + MORE);
        DWORD result = collect_dll(wide(query), &at, &len, &count);
        bool fits = room >= needed;
        bool good = result == (fits ? ERROR_SUCCESS : ERROR_MORE_DATA) && len == (fits ? needed : 0) && (count > 0) == fits &&
                    (uint8_t *)at == answer + len;
        for (DWORD i = len; i < needed + MORE; i++)
            good = good && answer[i] == 0xee;
        if (!good) {
            say("with room for %lu of %lu: result %lu, %lu bytes, %lu objects", room, needed, result, len, count);
            return;
        }
    }
    say("ok, %lu bytes", needed);
}

void collect_registry(const char *query)
{
    struct perf_data data;
    DWORD type = 0, len = ROOM;
    memset(answer, 0, ROOM + PERF_DATA_HEADER_LEN);
    LONG result = RegQueryValueExW(HKEY_PERFORMANCE_DATA, wide(query), NULL, &type, answer, &len);
    RegCloseKey(HKEY_PERFORMANCE_DATA);
    if (result != ERROR_SUCCESS || !perf_parse_data(bytes_of(answer, len + PERF_DATA_HEADER_LEN), &data)) {
        say("result %ld, %lu bytes", result, len);
        return;
    }
    objects = data.objects;
    say_objects(data.object_count, (DWORD)data.objects.len);
}

static bool find(const char *object_index, const char *instance_name, struct perf_object_view *object,
                 struct perf_instance_view *instance)
{
    struct bytes rest = objects;
    WCHAR *name = wide(instance_name);
    while (rest.len > 0 && perf_parse_object(&rest, object))
        if (object->type.name_index == strtoul(object_index, NULL, 10))
            return perf_parse_find(object, bytes_of(name, wcslen(name) * sizeof *name), instance);
    return false;
}

/* Of the object with this index. */
void collect_value(const char *object_index, const char *instance_name, const char *counter_index)
{
    struct perf_object_view object;
    struct perf_instance_view instance;
    struct perf_counter_definition counter;
    bool found = find(object_index, instance_name, &object, &instance);
    for (uint32_t i = 0; found && i < object.type.counter_count; i++) {
        perf_parse_counter(&object, i, &counter);
        if (counter.name_index == strtoul(counter_index, NULL, 10)) {
            say("%llu", (unsigned long long)perf_parse_value(&counter, &instance));
            return;
        }
    }
    say("there is no such value");
}

void collect_values(const char *object_index, const char *instance_name)
{
    static char line[16 * 1024];
    struct perf_object_view object;
    struct perf_instance_view instance;
    struct perf_counter_definition counter;
    if (!find(object_index, instance_name, &object, &instance)) {
        say("there is no such instance");
        return;
    }
    size_t used =
        (size_t)snprintf(line, sizeof line, "%lld %lld", (long long)object.type.ticks, (long long)object.type.ticks_per_second);
    for (uint32_t i = 0; i < object.type.counter_count && used + 100 < sizeof line; i++) {
        perf_parse_counter(&object, i, &counter);
        used += (size_t)snprintf(line + used, sizeof line - used, " %lu:%lu:%llu", (unsigned long)counter.name_index,
                                 (unsigned long)counter.type, (unsigned long long)perf_parse_value(&counter, &instance));
    }
    say("%s", line);
}
