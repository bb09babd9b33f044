/* perf_ini: the names of the counters as LoadPerfCounterTextStrings reads them: an .ini with texts and a .h with numbers. */
#ifndef FCGICTL_PERF_INI_H
#define FCGICTL_PERF_INI_H

#include "tools/fcgictl/text.h"

#define PERF_INI_DRIVER "fcgiext" /* the service's key in the registry */
#define PERF_INI_HEADER "fcgiperf.h"

void perf_ini_add_ini(struct text *out);
void perf_ini_add_header(struct text *out);

/* What stands at `offset`: a name if it is even, else the explanation of the name before it. NULL: behind the last one. */
const char *perf_ini_text(unsigned offset);

#endif
