/* config_encoding: the bytes of a text file as Windows writes them -> UTF-8. Private to config*.c. */
#ifndef FCGIEXT_CORE_CONFIG_ENCODING_H
#define FCGIEXT_CORE_CONFIG_ENCODING_H

#include "fcgiext/core/config.h"

enum config_encoding { CONFIG_ENCODING_UTF8, CONFIG_ENCODING_UTF16, CONFIG_ENCODING_ANSI };

/* What cannot be decoded (a lone surrogate, an odd byte at the end) comes out as bytes that are not UTF-8, so that checking
 * each line of the result finds it. A byte order mark is left out. `utf8` is empty and takes 3 bytes for each of `text`. */
bool config_decode(struct bytes text, const struct config_options *options, struct buffer *utf8,
                   enum config_encoding *encoding); /* false: out of memory */

#endif
