/* perf_ini: see perf_ini.h. Symbols are of one length: the system finds a text's symbol by its beginning. */
#include "tools/fcgictl/perf_ini.h"

#include "perfcounters/perf_counters.h"

const char *perf_ini_text(unsigned offset)
{
    for (int i = 0; i < PERF_OBJECTS; i++) {
        enum perf_object object = (enum perf_object)i;
        size_t count;
        const struct perf_counter *counters = perf_counters(object, &count);
        if (perf_object_offset(object) == (offset & ~1u))
            return offset % 2 ? perf_object_help(object) : perf_object_name(object);
        for (size_t j = 0; j < count; j++)
            if (perf_counter_offset(object, j) == (offset & ~1u))
                return offset % 2 ? counters[j].help : counters[j].name;
    }
    return NULL;
}

void perf_ini_add_ini(struct text *out)
{
    text_add(out, "[info]\r\ndrivername=" PERF_INI_DRIVER "\r\nsymbolfile=" PERF_INI_HEADER "\r\n\r\n"
                  "[languages]\r\n009=English\r\n\r\n[objects]\r\n");
    for (int i = 0; i < PERF_OBJECTS; i++) {
        text_addf(out, "FCGI_%03u_009_NAME=", perf_object_offset((enum perf_object)i));
        text_add(out, "\r\n");
    }
    text_add(out, "\r\n[text]\r\n");
    for (unsigned offset = 0; offset < perf_offset_end(); offset++) {
        text_addf(out, "FCGI_%03u_009_%s=%s", offset & ~1u, offset % 2 ? "HELP" : "NAME", perf_ini_text(offset));
        text_add(out, "\r\n");
    }
}

void perf_ini_add_header(struct text *out)
{
    for (unsigned offset = 0; offset < perf_offset_end(); offset += 2) {
        text_addf(out, "#define FCGI_%03u %u", offset, offset);
        text_add(out, "\r\n");
    }
}
