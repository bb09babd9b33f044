/* pool_words: what a pool's numbers mean to an administrator: how bad it is, and in words why. */
#ifndef FCGICTL_POOL_WORDS_H
#define FCGICTL_POOL_WORDS_H

#include <cjson/cJSON.h>

#include "tools/fcgictl/text.h"

enum trouble { TROUBLE_NONE, TROUBLE_BUSY, TROUBLE_WARNING, TROUBLE_BAD };

/* `pool`: a POOL of the management interface. BUSY: it is at work on something that the note tells, and all is well. */
enum trouble pool_trouble(const cJSON *pool);
enum style pool_style(enum trouble trouble);
/* The most important sentence part, without colour; nothing when there is nothing to say. */
void pool_add_reason(const cJSON *pool, struct text *out);

#endif
