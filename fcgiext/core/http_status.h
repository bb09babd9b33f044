/* http_status: status codes and their standard reasons (RFC 9110 and IANA's registry). */
#ifndef FCGIEXT_CORE_HTTP_STATUS_H
#define FCGIEXT_CORE_HTTP_STATUS_H

/* "Not Found"; "Unassigned", as the registry says, for a code that has none. Never empty: hosts take the status line apart. */
const char *http_status_reason(unsigned status);

#endif
