/* api_markdown: docs/management-api.md, from the tables of mgmt, so that it cannot tell anything else than they do. */
#ifndef TOOLS_MANAGEMENT_API_API_MARKDOWN_H
#define TOOLS_MANAGEMENT_API_API_MARKDOWN_H

/* The whole document goes to `put`, piece by piece. */
void api_markdown(void (*put)(void *context, const char *text), void *context);

#endif
