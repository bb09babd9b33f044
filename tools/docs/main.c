/* Prints docs/management-api.md: build/linux/bin/tests/management_api >docs/management-api.md */
#include <stdio.h>
#include <stdlib.h>

#include "tools/management_api/api_markdown.h"

static void put(void *context, const char *text)
{
    if (fputs(text, context) < 0)
        exit(1);
}

int main(void)
{
    api_markdown(put, stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
