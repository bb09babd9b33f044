/* document: see document.h. */
#include "tools/docs/document.h"

#include <stdarg.h>
#include <stdio.h>

void document_put(const struct document *document, const char *text)
{
    document->put(document->context, text);
}

void document_format(const struct document *document, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    document_put(document, text);
}

void document_row(const struct document *document, const char *const *cells)
{
    for (; *cells; cells++) {
        document_put(document, **cells ? "| " : "|");
        document_put(document, *cells);
        document_put(document, " ");
    }
    document_put(document, "|\n");
}
