/* log_text: what clients, programs and files have written, made fit for a line of a log.
 *
 * A line stays one line, whatever it is made of: a line's end becomes " | ", other control characters (also those of 0x80 to
 * 0x9f, which move cursors, too) and what is no UTF-8 become '?'. A '%' before a digit or another '%' gets a space behind it: the
 * system's viewer of events would put another text in place of the two. */
#ifndef FCGIEXT_CORE_LOG_TEXT_H
#define FCGIEXT_CORE_LOG_TEXT_H

#include "fcgiext/core/buffer.h"

/* At most `most` (4 or more) bytes, without white space at both ends; what is longer is cut between two characters and ends with "...".
 * false: out of memory, or over the buffer's limit; a part of it may have been appended. */
bool log_text_append(struct buffer *out, struct bytes text, size_t most);
/* The same of the beginning of a longer text: always with the "...". */
bool log_text_append_start(struct buffer *out, struct bytes text, size_t most);

/* Nothing but spaces, tabs, line ends and NULs. */
bool log_text_is_blank(struct bytes text);

#endif
