/* Prints a document that is generated: build/linux/bin/tests/docs management-api >docs/management-api.md */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/docs/api_markdown.h"
#include "tools/docs/config_markdown.h"
#include "tools/docs/counters_markdown.h"

static void put(void *context, const char *text)
{
    if (fputs(text, context) < 0)
        exit(1);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(const struct document *document);
    } documents[] = {{"management-api", api_markdown},
                     {"fcgiext-ini", config_markdown},
                     {"sample-ini", config_sample},
                     {"counters", counters_markdown}};
    const struct document document = {put, stdout};
    for (size_t i = 0; argc == 2 && i < sizeof documents / sizeof *documents; i++) {
        if (strcmp(argv[1], documents[i].name) == 0) {
            documents[i].print(&document);
            return fflush(stdout) == 0 ? 0 : 1;
        }
    }
    fputs("usage: docs management-api | fcgiext-ini | sample-ini | counters\n", stderr);
    return 2;
}
