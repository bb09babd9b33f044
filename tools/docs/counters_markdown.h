/* counters_markdown: docs/counters.md, from the rows of counters.inc. */
#ifndef TOOLS_DOCS_COUNTERS_MARKDOWN_H
#define TOOLS_DOCS_COUNTERS_MARKDOWN_H

#include "tools/docs/document.h"

void counters_markdown(const struct document *document);

#endif
