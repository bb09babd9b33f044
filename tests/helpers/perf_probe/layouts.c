/* The structures and types of perf_blob.h and perf_counters.h are those of winperf.h: compiled for 32 and for 64 bits. */
#include <windows.h>

#include <stddef.h>
#include <winperf.h>

#include "perfcounters/perf_parse.h"

#define SAME_SIZE(ours, theirs) _Static_assert(sizeof(struct ours) == sizeof(theirs), #theirs)
#define SAME(ours, member, theirs, their_member)                                                  \
    _Static_assert(offsetof(struct ours, member) == offsetof(theirs, their_member) &&             \
                       sizeof(((struct ours *)0)->member) == sizeof(((theirs *)0)->their_member), \
                   #theirs "." #their_member)

SAME_SIZE(perf_object_type, PERF_OBJECT_TYPE);
SAME(perf_object_type, total_len, PERF_OBJECT_TYPE, TotalByteLength);
SAME(perf_object_type, definitions_len, PERF_OBJECT_TYPE, DefinitionLength);
SAME(perf_object_type, header_len, PERF_OBJECT_TYPE, HeaderLength);
SAME(perf_object_type, name_index, PERF_OBJECT_TYPE, ObjectNameTitleIndex);
SAME(perf_object_type, name_unused, PERF_OBJECT_TYPE, ObjectNameTitle);
SAME(perf_object_type, help_index, PERF_OBJECT_TYPE, ObjectHelpTitleIndex);
SAME(perf_object_type, help_unused, PERF_OBJECT_TYPE, ObjectHelpTitle);
SAME(perf_object_type, detail_level, PERF_OBJECT_TYPE, DetailLevel);
SAME(perf_object_type, counter_count, PERF_OBJECT_TYPE, NumCounters);
SAME(perf_object_type, default_counter, PERF_OBJECT_TYPE, DefaultCounter);
SAME(perf_object_type, instance_count, PERF_OBJECT_TYPE, NumInstances);
SAME(perf_object_type, code_page, PERF_OBJECT_TYPE, CodePage);
SAME(perf_object_type, ticks, PERF_OBJECT_TYPE, PerfTime);
SAME(perf_object_type, ticks_per_second, PERF_OBJECT_TYPE, PerfFreq);

SAME_SIZE(perf_counter_definition, PERF_COUNTER_DEFINITION);
SAME(perf_counter_definition, len, PERF_COUNTER_DEFINITION, ByteLength);
SAME(perf_counter_definition, name_index, PERF_COUNTER_DEFINITION, CounterNameTitleIndex);
SAME(perf_counter_definition, name_unused, PERF_COUNTER_DEFINITION, CounterNameTitle);
SAME(perf_counter_definition, help_index, PERF_COUNTER_DEFINITION, CounterHelpTitleIndex);
SAME(perf_counter_definition, help_unused, PERF_COUNTER_DEFINITION, CounterHelpTitle);
SAME(perf_counter_definition, default_scale, PERF_COUNTER_DEFINITION, DefaultScale);
SAME(perf_counter_definition, detail_level, PERF_COUNTER_DEFINITION, DetailLevel);
SAME(perf_counter_definition, type, PERF_COUNTER_DEFINITION, CounterType);
SAME(perf_counter_definition, value_len, PERF_COUNTER_DEFINITION, CounterSize);
SAME(perf_counter_definition, value_offset, PERF_COUNTER_DEFINITION, CounterOffset);

SAME_SIZE(perf_instance_definition, PERF_INSTANCE_DEFINITION);
SAME(perf_instance_definition, len, PERF_INSTANCE_DEFINITION, ByteLength);
SAME(perf_instance_definition, parent_object, PERF_INSTANCE_DEFINITION, ParentObjectTitleIndex);
SAME(perf_instance_definition, parent_instance, PERF_INSTANCE_DEFINITION, ParentObjectInstance);
SAME(perf_instance_definition, unique_id, PERF_INSTANCE_DEFINITION, UniqueID);
SAME(perf_instance_definition, name_offset, PERF_INSTANCE_DEFINITION, NameOffset);
SAME(perf_instance_definition, name_len, PERF_INSTANCE_DEFINITION, NameLength);

SAME(perf_value_block, len, PERF_COUNTER_BLOCK, ByteLength);
_Static_assert(sizeof(PERF_DATA_BLOCK) == PERF_DATA_HEADER_LEN, "PERF_DATA_BLOCK");
_Static_assert(offsetof(PERF_DATA_BLOCK, TotalByteLength) == 20 && offsetof(PERF_DATA_BLOCK, HeaderLength) == 24 &&
                   offsetof(PERF_DATA_BLOCK, NumObjectTypes) == 28 && offsetof(PERF_DATA_BLOCK, PerfTime) == 56 &&
                   offsetof(PERF_DATA_BLOCK, PerfFreq) == 64 && offsetof(PERF_DATA_BLOCK, PerfTime100nSec) == 72,
               "perf_parse.c");

_Static_assert((DWORD)PERFMON_COUNTER_BULK_COUNT == PERF_COUNTER_BULK_COUNT, "type");
_Static_assert((DWORD)PERFMON_COUNTER_LARGE_RAWCOUNT == PERF_COUNTER_LARGE_RAWCOUNT, "type");
_Static_assert((DWORD)PERFMON_AVERAGE_TIMER == PERF_AVERAGE_TIMER, "type");
_Static_assert((DWORD)PERFMON_AVERAGE_BASE == PERF_AVERAGE_BASE, "type");
_Static_assert((DWORD)PERFMON_100NSEC_TIMER == PERF_100NSEC_TIMER, "type");
_Static_assert((DWORD)PERFMON_ELAPSED_TIME == PERF_ELAPSED_TIME, "type");
_Static_assert((int)PERFMON_DETAIL_NOVICE == PERF_DETAIL_NOVICE && (int)PERFMON_NO_UNIQUE_ID == PERF_NO_UNIQUE_ID &&
                   (int)PERFMON_NO_INSTANCES == PERF_NO_INSTANCES,
               "constants");
_Static_assert(sizeof(WCHAR) == 2, "names");
