/* api_markdown: docs/management-api.md, from the tables of mgmt, so that it cannot tell anything else than they do. */
#ifndef TOOLS_DOCS_API_MARKDOWN_H
#define TOOLS_DOCS_API_MARKDOWN_H

#include "tools/docs/document.h"

void api_markdown(const struct document *document);

#endif
