/* config_markdown: docs/fcgiext.ini.md and the sample packaging/fcgiext.ini, from the tables of config and the notes on their rows. */
#ifndef TOOLS_DOCS_CONFIG_MARKDOWN_H
#define TOOLS_DOCS_CONFIG_MARKDOWN_H

#include "tools/docs/document.h"

void config_markdown(const struct document *document);
/* A fcgiext.ini that serves PHP, with each property there is, at its default, behind a semicolon. */
void config_sample(const struct document *document);

#endif
