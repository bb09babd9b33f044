/* utf8_registry: FastCGIUtf8ServerVariables, the names of server variables that every pool of this machine sends as UTF-8. */
#ifndef FCGIEXT_WIN32_UTF8_REGISTRY_H
#define FCGIEXT_WIN32_UTF8_REGISTRY_H

#include "fcgiext/core/buffer.h"

enum { UTF8_REGISTRY_MAX_LEN = 64 * 1024 };

/* Appends the list as utf8_vars takes it; nothing if there is none. false: out of memory. */
bool utf8_registry_read(struct buffer *names);

#endif
