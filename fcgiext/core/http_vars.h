/* http_vars: the request's header fields as the host gives them in one text -> HTTP_* variables.
 *
 * HTTP_NAME is the field's name in capitals with '_' for '-'. Two spellings can so become one variable, by which a client could
 * pass off X_Forwarded_For as what a proxy has written into X-Forwarded-For: of two spellings the one without an underscore
 * stays (else the first) and the other is dropped. Several fields of one name are joined as HTTP has it: ", ", "; " for
 * cookies. `Proxy` is dropped, because half the world's programs take HTTP_PROXY for a setting (CVE-2016-5385). */
#ifndef FCGIEXT_CORE_HTTP_VARS_H
#define FCGIEXT_CORE_HTTP_VARS_H

#include "fcgiext/core/cgi_vars.h"

enum http_vars_form {
    HTTP_VARS_RAW, /* ALL_RAW: "X-Name: value" CR LF */
    HTTP_VARS_CGI, /* ALL_HTTP: "HTTP_X_NAME:value" LF; spellings cannot be told apart any more */
};

/* Emits the variables in the order in which their names first come. Lines that are no valid field (no colon, a name that is no
 * token, a control character in the value, a continuation of the line before) are left out; of a continued field both parts.
 * `scratch` lends its room; nothing stays in it. It takes text.len bytes and about 40 for each line.
 * false: it has not enough room; nothing has been emitted. */
bool http_vars_emit(struct bytes text, enum http_vars_form form, bool pass_proxy, struct buffer *scratch, cgi_vars_put *put,
                    void *put_context);

#endif
