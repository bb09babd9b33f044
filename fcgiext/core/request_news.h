/* request_news: which events of the event log a request makes; pool_news is the same for pools. How often they are written, event_gate
 * decides. */
#ifndef FCGIEXT_CORE_REQUEST_NEWS_H
#define FCGIEXT_CORE_REQUEST_NEWS_H

#include "fcgiext/core/event_text.h"
#include "fcgiext/core/relay.h"

/* Does an event say that a request has failed so? */
bool request_news_tell_failure(enum error_cause cause);

/* Of a request that is over, all of whose stderr has been taken: its failure, if no error page has told it, or what its program reported
 * although it did not fail; and what the program wrote for tracing. true: *facts gets what is known here (the rest is 0), and borrows from
 * the relay. */
bool request_news_outcome(const struct relay *relay, struct event_facts *facts);
bool request_news_trace(const struct relay *relay, struct event_facts *facts);

#endif
