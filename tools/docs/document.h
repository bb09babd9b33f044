/* document: a text in Markdown that is being printed. */
#ifndef TOOLS_DOCS_DOCUMENT_H
#define TOOLS_DOCS_DOCUMENT_H

struct document {
    void (*put)(void *context, const char *text); /* a piece of it */
    void *context;
};

void document_put(const struct document *document, const char *text);
/* At most 4 KiB a call; what is longer is cut. */
__attribute__((format(printf, 2, 3))) void document_format(const struct document *document, const char *format, ...);
/* Of a table; the cells end with NULL. An empty cell is a bar and one blank, not two. */
void document_row(const struct document *document, const char *const *cells);

#endif
