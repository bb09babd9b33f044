/* cgi_vars: the CGI variables of a request, from the facts that the host knows, in the order of FastCGI ISAPI 1.5
 * (reference.md section 3): APPL_MD_PATH ... SCRIPT_FILENAME, then every header field as HTTP_*.
 *
 * Facts come through a getter (GetServerVariable behind an interface), variables go out through a sink (the PARAMS
 * encoder, or a test's list). No allocation of its own but one bounded scratch buffer that the caller lends.
 *
 * Values are the host's, byte for byte, in the ANSI code page where it has made them, but for these:
 *   CONTENT_LENGTH     of the body that will be sent, not what the client has announced
 *   HTTPS              "on" or "off"
 *   GATEWAY_INTERFACE  "CGI/1.1" where the host has none
 *   SCRIPT_NAME, URL   where the host has only one of them: the same; where it has neither: PATH_INFO
 *   PATH_INFO          as the host gives it: by default the whole URL path, script included (php takes SCRIPT_NAME off)
 *   REQUEST_URI        HTTP_URL (with the query, as the client has sent it). Without one: the path, percent-encoded anew, and the
 *                      query. After URL Rewrite: UNENCODED_URL, the URL before the rewriting, as everywhere outside IIS
 *   DOCUMENT_ROOT      APPL_PHYSICAL_PATH without the backslash at its end, but "C:\"
 *   SCRIPT_FILENAME    the first of these that is the script's file for certain: PATH_TRANSLATED without the part that follows the
 *                      script; SCRIPT_TRANSLATED; APPL_PHYSICAL_PATH with SCRIPT_NAME. Else empty. A host without
 *                      SCRIPT_TRANSLATED (IIS 5.1) can be helped by a getter that answers it with MAP_URL_TO_PATH_EX.
 *                      `\\?\` at the front is taken off
 *   UNENCODED_URL, IIS_WasUrlRewritten: behind SCRIPT_FILENAME, and only when URL Rewrite acted
 *   those of `utf8`    UTF-8, and with them what is made of them: SCRIPT_FILENAME with PATH_TRANSLATED, DOCUMENT_ROOT with
 *                      APPL_PHYSICAL_PATH, REQUEST_URI with HTTP_URL; each of the three can also be named alone. What the client
 *                      has sent (the URL as it came, the query, CONTENT_TYPE, header fields) is converted only if it is not UTF-8
 * The header fields: ALL_RAW, or ALL_HTTP where the host has no ALL_RAW; see http_vars.h. */
#ifndef FCGIEXT_CORE_CGI_VARS_H
#define FCGIEXT_CORE_CGI_VARS_H

#include "fcgiext/core/buffer.h"
#include "fcgiext/core/utf8_vars.h"

/* Is some path, or the name of the script, taken in the ANSI code page? Then a name that this lacks would be another one. */
bool cgi_vars_has_ansi_path(const struct utf8_vars *utf8);

/* Puts the value of the host's server variable `name` into *value (valid until the next call of the getter).
 * false: the host has no such variable; it is then sent as an empty string. */
typedef bool cgi_vars_get(void *context, const char *name, struct bytes *value);

/* Appends text of the ANSI code page as UTF-8. false: no room, or out of memory. */
typedef bool cgi_vars_to_utf8(void *context, struct bytes text, struct buffer *utf8);

/* Takes one variable; both slices hold during the call only. */
typedef void cgi_vars_put(void *context, struct bytes name, struct bytes value);

/* The same for pairs that are encoded as FastCGI wants them (fcgi_params.h). */
typedef void cgi_vars_put_encoded(void *context, struct bytes pairs);

/* Variables that a host answers alike for each request, as encoded pairs: they need not be asked for, nor encoded, again. */
enum cgi_constant { CGI_CONSTANT_GATEWAY_INTERFACE, CGI_CONSTANT_SERVER_SOFTWARE, CGI_CONSTANT_COUNT };
struct cgi_constants {
    struct buffer pairs[CGI_CONSTANT_COUNT];
};

enum cgi_vars_result {
    CGI_VARS_OK,
    CGI_VARS_NO_MEMORY, /* scratch is full; some variables may have been emitted */
    CGI_VARS_BAD_PATH, /* a control character, "..", a name that Windows opens as something else, or a path below a file that is
                         * no script ("/file.jpg/x.php"): refuse with 400. script_path.h has the rules */
};

struct cgi_vars_request {
    cgi_vars_get *get;
    void *get_context;
    const struct utf8_vars *utf8; /* NULL or empty: no variable is wanted as UTF-8, and the next two are not needed */
    cgi_vars_get *get_utf8;       /* the same as `get`, as UTF-8 */
    cgi_vars_to_utf8 *to_utf8;    /* both with get_context */
    cgi_vars_put *put;
    void *put_context;
    const struct cgi_constants *constants; /* NULL: the host is asked. With them, `put_encoded` */
    cgi_vars_put_encoded *put_encoded;
    struct buffer *scratch;  /* empty; cleared by the caller afterwards; a limit of some 256 KiB serves */
    uint64_t content_length; /* of the body that will be sent; 0 for none */
    bool path_info_is_extra; /* AllowPathInfoForScriptMappings: PATH_INFO is only what follows the script. Where the host's
                                  * variables say so plainly it is seen without this */
    bool pass_proxy_header;  /* PassProxyHeader=1: HTTP_PROXY is not dropped (httpoxy) */
};

/* Asks the host for them, by the getter. false: out of memory. */
bool cgi_constants_init(struct cgi_constants *constants, cgi_vars_get *get, void *get_context);
void cgi_constants_deinit(struct cgi_constants *constants);

/* Emits all variables. On CGI_VARS_BAD_PATH nothing has been emitted. The getter is called at most once for each name; with
 * variables in UTF-8 twice for some. */
enum cgi_vars_result cgi_vars_emit(const struct cgi_vars_request *request);

/* Is this one of those that are sent, or the name of a header field's? Ignoring case. */
bool cgi_vars_is_sent(struct bytes name);

#endif
