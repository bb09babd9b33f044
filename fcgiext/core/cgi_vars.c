/* cgi_vars: the CGI variables of a request.
 *
 * Invariant: a path is handed out only after it has been judged, and what depends on one fact is built from the same answer of
 * the host. So the facts that paths are made of are collected first, into the scratch buffer (the getter's answers do not
 * last, and the buffer moves when it grows: a span is an offset, not a pointer); then they are judged; then
 * everything is emitted in one pass over a table, most values straight from the getter to the sink.
 *
 * Where some variables are wanted as UTF-8, the facts are collected twice, as two views of the request, and each variable is
 * taken from one of them: what is built from several facts is never built from two encodings. A view is judged if a path is
 * taken from it. */
#include "fcgiext/core/cgi_vars.h"

#include "fcgiext/core/fcgi_params.h"
#include "fcgiext/core/http_vars.h"
#include "fcgiext/core/script_path.h"
#include "fcgiext/core/text.h"

enum fact {
    FACT_APPL_MD_PATH,
    FACT_APPL_PHYSICAL_PATH,
    FACT_PATH_INFO,
    FACT_PATH_TRANSLATED,
    FACT_QUERY_STRING,
    FACT_SCRIPT_NAME,
    FACT_URL,
    FACT_HTTP_URL,
    FACT_WAS_REWRITTEN,
    FACT_FROM_HOST, /* the ones above; the next two are asked for only when they are needed */
    FACT_SCRIPT_TRANSLATED = FACT_FROM_HOST,
    FACT_UNENCODED_URL,
    FACT_REQUEST_URI, /* ours */
    FACT_DOCUMENT_ROOT,
    FACT_SCRIPT_FILENAME,
    FACT_COUNT
};

static const char *const fact_names[] = {
    [FACT_APPL_MD_PATH] = "APPL_MD_PATH",
    [FACT_APPL_PHYSICAL_PATH] = "APPL_PHYSICAL_PATH",
    [FACT_PATH_INFO] = "PATH_INFO",
    [FACT_PATH_TRANSLATED] = "PATH_TRANSLATED",
    [FACT_QUERY_STRING] = "QUERY_STRING",
    [FACT_SCRIPT_NAME] = "SCRIPT_NAME",
    [FACT_URL] = "URL",
    [FACT_HTTP_URL] = "HTTP_URL",
    [FACT_WAS_REWRITTEN] = "IIS_WasUrlRewritten",
    [FACT_SCRIPT_TRANSLATED] = "SCRIPT_TRANSLATED",
    [FACT_UNENCODED_URL] = "UNENCODED_URL",
};

/* These are the client's own bytes, whatever they mean; all others are texts of the host's. */
static bool is_clients(enum fact which)
{
    return which == FACT_QUERY_STRING || which == FACT_HTTP_URL || which == FACT_UNENCODED_URL;
}

enum source {
    FROM_HOST,
    FROM_CLIENT, /* through the host, as it came */
    FROM_FACT,
    FROM_FACT_IF_ANY, /* not emitted when empty */
    FROM_CONTENT_LENGTH,
    FROM_HOST_HTTPS,
    FROM_CONSTANT, /* `fact` is an enum cgi_constant */
};

/* reference.md section 3: the order that programs see. */
static const struct variable {
    const char *name;
    enum source source;
    enum fact fact;
} variables[] = {
    {"APPL_MD_PATH", FROM_FACT, FACT_APPL_MD_PATH},
    {"APPL_PHYSICAL_PATH", FROM_FACT, FACT_APPL_PHYSICAL_PATH},
    {"AUTH_TYPE", FROM_HOST, 0},
    {"AUTH_PASSWORD", FROM_HOST, 0},
    {"AUTH_USER", FROM_HOST, 0},
    {"CERT_COOKIE", FROM_HOST, 0},
    {"CERT_FLAGS", FROM_HOST, 0},
    {"CERT_ISSUER", FROM_HOST, 0},
    {"CERT_SERIALNUMBER", FROM_HOST, 0},
    {"CERT_SUBJECT", FROM_HOST, 0},
    {"CONTENT_LENGTH", FROM_CONTENT_LENGTH, 0},
    {"CONTENT_TYPE", FROM_CLIENT, 0},
    {"GATEWAY_INTERFACE", FROM_CONSTANT, (enum fact)CGI_CONSTANT_GATEWAY_INTERFACE},
    {"HTTPS", FROM_HOST_HTTPS, 0},
    {"HTTPS_KEYSIZE", FROM_HOST, 0},
    {"HTTPS_SECRETKEYSIZE", FROM_HOST, 0},
    {"HTTPS_SERVER_ISSUER", FROM_HOST, 0},
    {"HTTPS_SERVER_SUBJECT", FROM_HOST, 0},
    {"INSTANCE_ID", FROM_HOST, 0},
    {"INSTANCE_META_PATH", FROM_HOST, 0},
    {"LOCAL_ADDR", FROM_HOST, 0},
    {"LOGON_USER", FROM_HOST, 0},
    {"PATH_INFO", FROM_FACT, FACT_PATH_INFO},
    {"PATH_TRANSLATED", FROM_FACT, FACT_PATH_TRANSLATED},
    {"QUERY_STRING", FROM_FACT, FACT_QUERY_STRING},
    {"REMOTE_ADDR", FROM_HOST, 0},
    {"REMOTE_HOST", FROM_HOST, 0},
    {"REQUEST_METHOD", FROM_HOST, 0},
    {"SCRIPT_NAME", FROM_FACT, FACT_SCRIPT_NAME},
    {"SERVER_NAME", FROM_HOST, 0},
    {"SERVER_PORT", FROM_HOST, 0},
    {"SERVER_PORT_SECURE", FROM_HOST, 0},
    {"SERVER_PROTOCOL", FROM_HOST, 0},
    {"SERVER_SOFTWARE", FROM_CONSTANT, (enum fact)CGI_CONSTANT_SERVER_SOFTWARE},
    {"REMOTE_USER", FROM_HOST, 0},
    {"REMOTE_PORT", FROM_HOST, 0},
    {"URL", FROM_FACT, FACT_URL},
    {"REQUEST_URI", FROM_FACT, FACT_REQUEST_URI},
    {"DOCUMENT_ROOT", FROM_FACT, FACT_DOCUMENT_ROOT},
    {"SCRIPT_FILENAME", FROM_FACT, FACT_SCRIPT_FILENAME},
    {"UNENCODED_URL", FROM_FACT_IF_ANY, FACT_UNENCODED_URL},
    {"IIS_WasUrlRewritten", FROM_FACT_IF_ANY, FACT_WAS_REWRITTEN},
};

struct span {
    size_t offset;
    size_t len;
};

/* A request in one encoding. */
struct vars {
    const struct cgi_vars_request *request;
    bool utf8;
    struct span facts[FACT_COUNT]; /* in the scratch buffer */
};

/* The slice holds until something is added to the scratch buffer. */
static struct bytes fact(const struct vars *vars, enum fact which)
{
    struct span span = vars->facts[which];
    struct bytes all = buffer_peek(vars->request->scratch);
    return bytes_of(span.len > 0 ? all.ptr + span.offset : NULL, span.len);
}

static struct bytes answer(const struct cgi_vars_request *request, cgi_vars_get *get, const char *name)
{
    struct bytes value = {NULL, 0};
    if (!get(request->get_context, name, &value))
        value.len = 0;
    return value;
}

static struct bytes ask(const struct vars *vars, const char *name)
{
    return answer(vars->request, vars->utf8 ? vars->request->get_utf8 : vars->request->get, name);
}

static bool append(const struct vars *vars, struct bytes value, bool is_clients_own)
{
    const struct cgi_vars_request *request = vars->request;
    if (!vars->utf8 || !is_clients_own || text_is_utf8(value))
        return buffer_append(request->scratch, value);
    return request->to_utf8(request->get_context, value, request->scratch);
}

static bool ask_fact(struct vars *vars, enum fact which)
{
    const struct cgi_vars_request *request = vars->request;
    size_t start = request->scratch->len;
    bool own = is_clients(which);
    struct bytes value = own ? answer(request, request->get, fact_names[which]) : ask(vars, fact_names[which]);
    bool appended = append(vars, value, own);
    vars->facts[which] = (struct span){start, request->scratch->len - start};
    return appended;
}

/* SCRIPT_NAME and URL are the same thing to IIS; some hosts know only one. */
static void complete_script_name(struct vars *vars)
{
    struct span *script_name = &vars->facts[FACT_SCRIPT_NAME];
    struct span *url = &vars->facts[FACT_URL];
    if (script_name->len == 0) {
        struct bytes path = fact(vars, FACT_URL);
        const uint8_t *query = path.len > 0 ? memchr(path.ptr, '?', path.len) : NULL;
        *script_name = *url;
        if (query)
            script_name->len = (size_t)(query - path.ptr);
    }
    if (script_name->len == 0 && !vars->request->path_info_is_extra)
        *script_name = vars->facts[FACT_PATH_INFO];
    if (url->len == 0)
        *url = *script_name;
}

static bool collect_facts(struct vars *vars)
{
    for (enum fact which = 0; which < FACT_FROM_HOST; which++)
        if (!ask_fact(vars, which))
            return false;
    complete_script_name(vars);
    return vars->facts[FACT_WAS_REWRITTEN].len == 0 || ask_fact(vars, FACT_UNENCODED_URL);
}

/* Copies a file's path, which may lie in the scratch buffer itself, to its end as SCRIPT_FILENAME. */
static bool set_script_file(struct vars *vars, enum fact from, size_t len)
{
    struct buffer *scratch = vars->request->scratch;
    uint8_t *out = buffer_reserve(scratch, len);
    if (!out)
        return false;
    struct bytes file = fact(vars, from); /* after the reservation, which may have moved it */
    file.len = len;
    uint8_t *end = out;
    if (bytes_start_with_nocase(file, bytes_of_str("\\\\?\\UNC\\"))) {
        bytes_advance(&file, 8);
        *end++ = '\\';
        *end++ = '\\';
    } else if (bytes_start_with_nocase(file, bytes_of_str("\\\\?\\"))) {
        bytes_advance(&file, 4);
    }
    if (file.len > 0)
        memcpy(end, file.ptr, file.len);
    vars->facts[FACT_SCRIPT_FILENAME] = (struct span){scratch->len, (size_t)(end - out) + file.len};
    buffer_commit(scratch, vars->facts[FACT_SCRIPT_FILENAME].len);
    return true;
}

/* SCRIPT_NAME below the application's folder: right unless a virtual directory lies between. */
static bool set_script_file_below_app(struct vars *vars)
{
    struct buffer *scratch = vars->request->scratch;
    size_t most = fact(vars, FACT_APPL_PHYSICAL_PATH).len + fact(vars, FACT_SCRIPT_NAME).len;
    uint8_t *out = buffer_reserve(scratch, most);
    if (!out)
        return false;
    struct bytes folder = fact(vars, FACT_APPL_PHYSICAL_PATH);
    struct bytes below = script_path_below_app(fact(vars, FACT_SCRIPT_NAME), fact(vars, FACT_APPL_MD_PATH));
    if (folder.len == 0 || below.len == 0)
        return true; /* SCRIPT_FILENAME stays empty */
    while (folder.len > 0 && script_path_is_separator(folder.ptr[folder.len - 1]))
        folder.len--;
    if (folder.len > 0)
        memcpy(out, folder.ptr, folder.len);
    for (size_t i = 0; i < below.len; i++)
        out[folder.len + i] = below.ptr[i] == '/' ? '\\' : below.ptr[i];
    vars->facts[FACT_SCRIPT_FILENAME] = (struct span){scratch->len, folder.len + below.len};
    buffer_commit(scratch, folder.len + below.len);
    return true;
}

static bool find_script_file(struct vars *vars)
{
    bool stripped;
    struct bytes script_name = fact(vars, FACT_SCRIPT_NAME);
    struct bytes path_info = fact(vars, FACT_PATH_INFO);
    struct bytes translated = fact(vars, FACT_PATH_TRANSLATED);
    bool is_extra = vars->request->path_info_is_extra;
    struct bytes extra = script_path_extra(script_name, path_info, is_extra, &stripped);

    /* PATH_TRANSLATED belongs to the whole URL, and there is nothing behind the script: also a folder, under a wildcard map. But
     * an empty PATH_INFO beside a script is all path info, whatever we were told, and what it translates to is the root. */
    bool is_whole_url = stripped || (!is_extra && script_name.len == 0);
    if (translated.len > 0 && extra.len == 0 && is_whole_url)
        return set_script_file(vars, FACT_PATH_TRANSLATED, translated.len);
    struct bytes file = script_path_without_extra(translated, script_name, extra);
    if (file.len > 0)
        return set_script_file(vars, FACT_PATH_TRANSLATED, file.len);
    if (!ask_fact(vars, FACT_SCRIPT_TRANSLATED))
        return false;
    if (fact(vars, FACT_SCRIPT_TRANSLATED).len > 0)
        return set_script_file(vars, FACT_SCRIPT_TRANSLATED, fact(vars, FACT_SCRIPT_TRANSLATED).len);
    return set_script_file_below_app(vars);
}

static bool paths_are_good(const struct vars *vars)
{
    struct bytes script_name = fact(vars, FACT_SCRIPT_NAME);
    return script_path_is_clean(script_name) && script_path_is_plain(script_name) &&
           script_path_is_clean(fact(vars, FACT_PATH_INFO)) && script_path_is_clean(fact(vars, FACT_PATH_TRANSLATED)) &&
           script_path_is_clean(fact(vars, FACT_SCRIPT_FILENAME)) &&
           script_path_file_is_plain(fact(vars, FACT_SCRIPT_FILENAME)) && !text_has_control(fact(vars, FACT_URL)) &&
           !script_path_is_below_media(script_name);
}

static bool urls_are_good(const struct vars *vars)
{
    return !text_has_control(fact(vars, FACT_HTTP_URL)) && !text_has_control(fact(vars, FACT_UNENCODED_URL));
}

/* What may stand in a URL's path as it is (RFC 3986: pchar and '/'). */
static bool is_path_char(uint8_t c)
{
    uint8_t lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || (c > 0 && c < 0x80 && strchr("/-._~!$&'()*+,;=:@", c));
}

static size_t put_encoded(uint8_t *out, struct bytes path)
{
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        if (is_path_char(path.ptr[i])) {
            out[len++] = path.ptr[i];
        } else {
            out[len++] = '%';
            len += text_put_hex(out + len, path.ptr[i], 2, true);
        }
    }
    return len;
}

static bool build_request_uri(struct vars *vars)
{
    struct buffer *scratch = vars->request->scratch;
    enum fact raw = fact(vars, FACT_UNENCODED_URL).len > 0 ? FACT_UNENCODED_URL : FACT_HTTP_URL;
    size_t most = fact(vars, raw).len + 1 + fact(vars, FACT_QUERY_STRING).len;
    if (fact(vars, raw).len == 0)
        most += 3 * (fact(vars, FACT_SCRIPT_NAME).len + fact(vars, FACT_PATH_INFO).len);
    uint8_t *out = buffer_reserve(scratch, most);
    if (!out)
        return false;

    struct bytes uri = fact(vars, raw);
    struct bytes query = fact(vars, FACT_QUERY_STRING);
    size_t len = uri.len;
    if (uri.len > 0) {
        memcpy(out, uri.ptr, uri.len);
    } else {
        bool stripped;
        struct bytes script_name = fact(vars, FACT_SCRIPT_NAME);
        struct bytes path_info = fact(vars, FACT_PATH_INFO);
        struct bytes extra = script_path_extra(script_name, path_info, vars->request->path_info_is_extra, &stripped);
        len += put_encoded(out, script_name);
        len += put_encoded(out + len, extra);
    }
    if (query.len > 0 && !(len > 0 && memchr(out, '?', len))) {
        out[len++] = '?';
        memcpy(out + len, query.ptr, query.len);
        len += query.len;
    }
    vars->facts[FACT_REQUEST_URI] = (struct span){scratch->len, len};
    buffer_commit(scratch, len);
    return true;
}

static void put(const struct vars *vars, const char *name, struct bytes value)
{
    vars->request->put(vars->request->put_context, bytes_of_str(name), value);
}

static const char *const constant_names[CGI_CONSTANT_COUNT] = {
    [CGI_CONSTANT_GATEWAY_INTERFACE] = "GATEWAY_INTERFACE",
    [CGI_CONSTANT_SERVER_SOFTWARE] = "SERVER_SOFTWARE",
};

static struct bytes ask_constant(cgi_vars_get *get, void *get_context, enum cgi_constant which)
{
    struct bytes value = {NULL, 0};
    if (!get(get_context, constant_names[which], &value))
        value.len = 0;
    if (value.len == 0 && which == CGI_CONSTANT_GATEWAY_INTERFACE)
        value = bytes_of_str("CGI/1.1");
    return value;
}

bool cgi_constants_init(struct cgi_constants *constants, cgi_vars_get *get, void *get_context)
{
    enum { MAX_LEN = 1024 };
    for (size_t i = 0; i < CGI_CONSTANT_COUNT; i++)
        buffer_init(&constants->pairs[i], MAX_LEN);
    for (size_t i = 0; i < CGI_CONSTANT_COUNT; i++) {
        struct bytes value = ask_constant(get, get_context, (enum cgi_constant)i);
        if (!fcgi_param_encode(&constants->pairs[i], bytes_of_str(constant_names[i]), value)) {
            cgi_constants_deinit(constants);
            return false;
        }
    }
    return true;
}

void cgi_constants_deinit(struct cgi_constants *constants)
{
    for (size_t i = 0; i < CGI_CONSTANT_COUNT; i++)
        buffer_deinit(&constants->pairs[i]);
}

/* ---- everything in its order */

struct emission {
    const struct cgi_vars_request *request;
    bool some_utf8;
    struct vars ansi, utf8;
    struct buffer converted; /* one value */
    bool no_memory;
};

static bool wants_utf8(const struct emission *emission, struct bytes name)
{
    return emission->some_utf8 && utf8_vars_has(emission->request->utf8, name);
}

/* What is made of another one of the host's variables is in its encoding. */
static bool is_wanted_as_utf8(const struct emission *emission, const struct variable *variable)
{
    static const char *const origins[FACT_COUNT] = {
        [FACT_REQUEST_URI] = "HTTP_URL",
        [FACT_DOCUMENT_ROOT] = "APPL_PHYSICAL_PATH",
        [FACT_SCRIPT_FILENAME] = "PATH_TRANSLATED",
    };
    const char *origin = variable->source == FROM_FACT ? origins[variable->fact] : NULL;
    return wants_utf8(emission, bytes_of_str(variable->name)) || (origin && wants_utf8(emission, bytes_of_str(origin)));
}

static struct vars *view_of(struct emission *emission, const struct variable *variable)
{
    return is_wanted_as_utf8(emission, variable) ? &emission->utf8 : &emission->ansi;
}

/* Bytes of the client's: they stay as they are if they are UTF-8 already, as most clients send it. */
static void put_clients(void *context, struct bytes name, struct bytes value)
{
    struct emission *emission = context;
    const struct cgi_vars_request *request = emission->request;
    if (wants_utf8(emission, name) && !text_is_utf8(value)) {
        buffer_clear(&emission->converted);
        emission->no_memory |= !request->to_utf8(request->get_context, value, &emission->converted);
        value = buffer_peek(&emission->converted);
    }
    request->put(request->put_context, name, value);
}

static void put_variable(struct emission *emission, const struct variable *variable)
{
    const struct cgi_vars_request *request = emission->request;
    const struct vars *vars = view_of(emission, variable);
    const char *name = variable->name;
    enum fact which = variable->fact;
    uint8_t digits[TEXT_MAX_DECIMAL_LEN];
    switch (variable->source) {
    case FROM_HOST: put(vars, name, ask(vars, name)); return;
    case FROM_CLIENT: put_clients(emission, bytes_of_str(name), answer(request, request->get, name)); return;
    case FROM_FACT: put(vars, name, fact(vars, which)); return;
    case FROM_FACT_IF_ANY:
        if (fact(vars, which).len > 0)
            put(vars, name, fact(vars, which));
        return;
    case FROM_CONTENT_LENGTH: put(vars, name, bytes_of(digits, text_put_decimal(digits, request->content_length))); return;
    case FROM_HOST_HTTPS:
        put(vars, name, bytes_of_str(bytes_equal_nocase(ask(vars, name), bytes_of_str("on")) ? "on" : "off"));
        return;
    case FROM_CONSTANT:
        if (request->constants)
            request->put_encoded(request->put_context, buffer_peek(&request->constants->pairs[which]));
        else
            put(vars, name, ask_constant(request->get, request->get_context, (enum cgi_constant)which));
        return;
    }
}

static bool put_header_fields(struct emission *emission)
{
    const struct cgi_vars_request *request = emission->request;
    enum http_vars_form form = HTTP_VARS_RAW;
    struct bytes text = answer(request, request->get, "ALL_RAW");
    if (text.len == 0) {
        form = HTTP_VARS_CGI;
        text = answer(request, request->get, "ALL_HTTP");
    }
    return http_vars_emit(text, form, request->pass_proxy_header, request->scratch, put_clients, emission);
}

static bool open_view(struct vars *vars)
{
    return collect_facts(vars) && find_script_file(vars);
}

static bool complete_view(struct vars *vars)
{
    if (!build_request_uri(vars))
        return false;
    vars->facts[FACT_DOCUMENT_ROOT] = vars->facts[FACT_APPL_PHYSICAL_PATH];
    vars->facts[FACT_DOCUMENT_ROOT].len = script_path_document_root(fact(vars, FACT_APPL_PHYSICAL_PATH)).len;
    return true;
}

enum { VARIABLE_COUNT = sizeof variables / sizeof *variables };

static bool gives_path(struct emission *emission, const struct vars *vars)
{
    static const bool is_path[FACT_COUNT] = {
        [FACT_PATH_INFO] = true, [FACT_PATH_TRANSLATED] = true, [FACT_SCRIPT_NAME] = true,
        [FACT_URL] = true,       [FACT_SCRIPT_FILENAME] = true,
    };
    for (size_t i = 0; i < VARIABLE_COUNT; i++)
        if (variables[i].source == FROM_FACT && is_path[variables[i].fact] && view_of(emission, &variables[i]) == vars)
            return true;
    return false;
}

bool cgi_vars_has_ansi_path(const struct utf8_vars *utf8)
{
    const struct cgi_vars_request request = {.utf8 = utf8};
    struct emission emission = {.request = &request, .some_utf8 = !utf8_vars_is_empty(utf8)};
    return gives_path(&emission, &emission.ansi);
}

static enum cgi_vars_result emit(struct emission *emission)
{
    struct vars *ansi = &emission->ansi, *utf8 = &emission->utf8;
    if (!open_view(ansi) || (emission->some_utf8 && !open_view(utf8)))
        return CGI_VARS_NO_MEMORY;
    if (!urls_are_good(ansi) || (gives_path(emission, ansi) && !paths_are_good(ansi)) ||
        (gives_path(emission, utf8) && !paths_are_good(utf8)))
        return CGI_VARS_BAD_PATH;
    if (!complete_view(ansi) || (emission->some_utf8 && !complete_view(utf8)))
        return CGI_VARS_NO_MEMORY;
    for (size_t i = 0; i < VARIABLE_COUNT; i++)
        put_variable(emission, &variables[i]);
    return put_header_fields(emission) && !emission->no_memory ? CGI_VARS_OK : CGI_VARS_NO_MEMORY;
}

enum cgi_vars_result cgi_vars_emit(const struct cgi_vars_request *request)
{
    struct emission emission = {
        .request = request,
        .some_utf8 = !utf8_vars_is_empty(request->utf8),
        .ansi.request = request,
        .utf8.request = request,
        .utf8.utf8 = true,
    };
    buffer_init(&emission.converted, request->scratch->limit);
    enum cgi_vars_result result = emit(&emission);
    buffer_deinit(&emission.converted);
    return result;
}

bool cgi_vars_is_sent(struct bytes name)
{
    static const char header[] = "HTTP_";
    for (size_t i = 0; i < VARIABLE_COUNT; i++)
        if (bytes_equal_nocase(name, bytes_of_str(variables[i].name)))
            return true;
    return name.len > sizeof header - 1 && bytes_start_with_nocase(name, bytes_of_str(header));
}
