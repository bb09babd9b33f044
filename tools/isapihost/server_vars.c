/* One sorted table of names; a look-up is a binary search, then one function writes the value. Nothing is allocated. */
#include "tools/isapihost/server_vars.h"

#include "tools/isapihost/url_path.h"

#include <stdio.h>
#include <string.h>

/* A bounded output that goes on counting when it is full. */
struct text {
    char *out;
    size_t size;
    size_t len;
};

static void put(struct text *text, const char *data, size_t len)
{
    if (text->len < text->size) {
        size_t room = text->size - text->len;
        memcpy(text->out + text->len, data, len < room ? len : room);
    }
    text->len += len;
}

static void put_string(struct text *text, const char *string)
{
    put(text, string, strlen(string));
}

static void put_number(struct text *text, int64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    put_string(text, digits);
}

const char *request_header(const struct request_facts *facts, const char *name)
{
    size_t len = strlen(name);
    for (unsigned i = 0; i < facts->header_count; ++i)
        if (strlen(facts->headers[i].name) == len && url_equal_ignoring_case(facts->headers[i].name, name, len))
            return facts->headers[i].value;
    return NULL;
}

bool request_header_has(const struct request_facts *facts, const char *name, const char *token)
{
    size_t token_len = strlen(token);
    size_t name_len = strlen(name);
    for (unsigned i = 0; i < facts->header_count; ++i) {
        if (strlen(facts->headers[i].name) != name_len || !url_equal_ignoring_case(facts->headers[i].name, name, name_len))
            continue;
        const char *at = facts->headers[i].value;
        while (*at != '\0') {
            at += strspn(at, " \t,");
            size_t len = strcspn(at, ",");
            size_t trimmed = len;
            while (trimmed > 0 && (at[trimmed - 1] == ' ' || at[trimmed - 1] == '\t'))
                --trimmed;
            if (trimmed == token_len && url_equal_ignoring_case(at, token, token_len))
                return true;
            at += len;
        }
    }
    return false;
}

/* ---- the functions of the table */

typedef enum var_result var_function(const struct var_source *source, struct text *text);

static enum var_result empty(const struct var_source *source, struct text *text)
{
    (void)source;
    (void)text;
    return VAR_OK;
}

static void put_cgi_name(struct text *text, const char *name)
{
    for (; *name != '\0'; ++name) {
        char c = *name == '-' ? '_' : *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
        put(text, &c, 1);
    }
}

static enum var_result all_http(const struct var_source *source, struct text *text)
{
    for (unsigned i = 0; i < source->facts->header_count; ++i) {
        put_string(text, "HTTP_");
        put_cgi_name(text, source->facts->headers[i].name);
        put(text, ":", 1);
        put_string(text, source->facts->headers[i].value);
        put(text, "\n", 1);
    }
    return VAR_OK;
}

static enum var_result all_raw(const struct var_source *source, struct text *text)
{
    for (unsigned i = 0; i < source->facts->header_count; ++i) {
        put_string(text, source->facts->headers[i].name);
        put(text, ": ", 2);
        put_string(text, source->facts->headers[i].value);
        put(text, "\r\n", 2);
    }
    return VAR_OK;
}

static enum var_result appl_md_path(const struct var_source *source, struct text *text)
{
    put_string(text, source->target->metabase_path);
    return VAR_OK_PATH;
}

static enum var_result appl_physical_path(const struct var_source *source, struct text *text)
{
    put_string(text, source->target->app_folder);
    return VAR_OK_PATH;
}

static enum var_result content_length(const struct var_source *source, struct text *text)
{
    if (source->facts->content_length == CONTENT_LENGTH_CHUNKED)
        return VAR_ABSENT;
    put_number(text, source->facts->content_length >= 0 ? source->facts->content_length : 0);
    return VAR_OK;
}

static enum var_result content_type(const struct var_source *source, struct text *text)
{
    const char *value = request_header(source->facts, "Content-Type");
    put_string(text, value != NULL ? value : "");
    return VAR_OK;
}

static enum var_result gateway_interface(const struct var_source *source, struct text *text)
{
    (void)source;
    put_string(text, "CGI/1.1");
    return VAR_OK;
}

static enum var_result https(const struct var_source *source, struct text *text)
{
    (void)source;
    put_string(text, "off");
    return VAR_OK;
}

static enum var_result instance_id(const struct var_source *source, struct text *text)
{
    put_number(text, source->target->site_id);
    return VAR_OK;
}

static enum var_result instance_meta_path(const struct var_source *source, struct text *text)
{
    put_string(text, "/LM/W3SVC/");
    put_number(text, source->target->site_id);
    return VAR_OK;
}

static enum var_result local_addr(const struct var_source *source, struct text *text)
{
    put_string(text, source->facts->local_addr);
    return VAR_OK;
}

static enum var_result path_info(const struct var_source *source, struct text *text)
{
    put_string(text, source->target->path_info);
    return VAR_OK_PATH;
}

static enum var_result path_translated(const struct var_source *source, struct text *text)
{
    put_string(text, source->target->path_translated);
    return VAR_OK_PATH;
}

static enum var_result query_string(const struct var_source *source, struct text *text)
{
    put_string(text, source->facts->query);
    return VAR_OK;
}

static enum var_result remote_addr(const struct var_source *source, struct text *text)
{
    put_string(text, source->facts->remote_addr);
    return VAR_OK;
}

static enum var_result remote_port(const struct var_source *source, struct text *text)
{
    put_number(text, source->facts->remote_port);
    return VAR_OK;
}

static enum var_result request_method(const struct var_source *source, struct text *text)
{
    put_string(text, source->facts->method);
    return VAR_OK;
}

static enum var_result script_name(const struct var_source *source, struct text *text)
{
    put(text, source->target->url, source->target->script_len);
    return VAR_OK_PATH;
}

static enum var_result script_translated(const struct var_source *source, struct text *text)
{
    put_string(text, source->target->script_translated);
    return VAR_OK_PATH;
}

static enum var_result server_name(const struct var_source *source, struct text *text)
{
    const char *host = request_header(source->facts, "Host");
    if (host == NULL || *host == '\0') {
        put_string(text, source->facts->local_addr);
        return VAR_OK;
    }
    const char *bracket = host[0] == '[' ? strchr(host, ']') : NULL;
    put(text, host, bracket != NULL ? (size_t)(bracket - host) + 1 : strcspn(host, ":"));
    return VAR_OK;
}

static enum var_result server_port(const struct var_source *source, struct text *text)
{
    put_number(text, source->facts->local_port);
    return VAR_OK;
}

static enum var_result server_port_secure(const struct var_source *source, struct text *text)
{
    (void)source;
    put(text, "0", 1);
    return VAR_OK;
}

static enum var_result server_protocol(const struct var_source *source, struct text *text)
{
    put_string(text, "HTTP/");
    put_string(text, source->facts->http_version);
    return VAR_OK;
}

static enum var_result server_software(const struct var_source *source, struct text *text)
{
    put_string(text, source->iis == IIS_5_1 ? "Microsoft-IIS/5.1"
                     : source->iis == IIS_6 ? "Microsoft-IIS/6.0"
                                            : "Microsoft-IIS/7.5");
    return VAR_OK;
}

static enum var_result url(const struct var_source *source, struct text *text)
{
    put_string(text, source->target->url);
    return VAR_OK_PATH;
}

static enum var_result unencoded_url(const struct var_source *source, struct text *text)
{
    put_string(text, source->facts->raw_url);
    if (source->facts->has_query) {
        put(text, "?", 1);
        put_string(text, source->facts->query);
    }
    return VAR_OK;
}

struct row {
    const char *name;
    var_function *function;
};

/* In the order of strcmp: a unit test looks up each. */
static const struct row table[] = {
    {"ALL_HTTP", all_http},
    {"ALL_RAW", all_raw},
    {"APPL_MD_PATH", appl_md_path},
    {"APPL_PHYSICAL_PATH", appl_physical_path},
    {"AUTH_PASSWORD", empty},
    {"AUTH_TYPE", empty},
    {"AUTH_USER", empty},
    {"CERT_COOKIE", empty},
    {"CERT_FLAGS", empty},
    {"CERT_ISSUER", empty},
    {"CERT_KEYSIZE", empty},
    {"CERT_SECRETKEYSIZE", empty},
    {"CERT_SERIALNUMBER", empty},
    {"CERT_SERVER_ISSUER", empty},
    {"CERT_SERVER_SUBJECT", empty},
    {"CERT_SUBJECT", empty},
    {"CONTENT_LENGTH", content_length},
    {"CONTENT_TYPE", content_type},
    {"GATEWAY_INTERFACE", gateway_interface},
    {"HTTPS", https},
    {"HTTPS_KEYSIZE", empty},
    {"HTTPS_SECRETKEYSIZE", empty},
    {"HTTPS_SERVER_ISSUER", empty},
    {"HTTPS_SERVER_SUBJECT", empty},
    {"HTTP_METHOD", request_method},
    {"HTTP_URL", unencoded_url},
    {"HTTP_VERSION", server_protocol},
    {"INSTANCE_ID", instance_id},
    {"INSTANCE_META_PATH", instance_meta_path},
    {"LOCAL_ADDR", local_addr},
    {"LOGON_USER", empty},
    {"PATH_INFO", path_info},
    {"PATH_TRANSLATED", path_translated},
    {"QUERY_STRING", query_string},
    {"REMOTE_ADDR", remote_addr},
    {"REMOTE_HOST", remote_addr},
    {"REMOTE_PORT", remote_port},
    {"REMOTE_USER", empty},
    {"REQUEST_METHOD", request_method},
    {"SCRIPT_NAME", script_name},
    {"SCRIPT_TRANSLATED", script_translated},
    {"SERVER_NAME", server_name},
    {"SERVER_PORT", server_port},
    {"SERVER_PORT_SECURE", server_port_secure},
    {"SERVER_PROTOCOL", server_protocol},
    {"SERVER_SOFTWARE", server_software},
    {"UNENCODED_URL", unencoded_url},
    {"UNMAPPED_REMOTE_USER", empty},
    {"URL", url},
};

static const struct row *find(const char *name)
{
    size_t low = 0;
    size_t high = sizeof table / sizeof table[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, table[middle].name);
        if (order == 0)
            return &table[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* HTTP_X_Y stands for the header X-Y, HEADER_X-Y and HEADER_X_Y for exactly that name. Repeated headers are joined by a comma, cookies
 * by a semicolon. */
static enum var_result header_var(const struct var_source *source, const char *name, bool cgi_name, struct text *text)
{
    bool found = false;
    size_t len = strlen(name);
    for (unsigned i = 0; i < source->facts->header_count; ++i) {
        const struct http_header *header = &source->facts->headers[i];
        if (strlen(header->name) != len)
            continue;
        size_t j = 0;
        while (j < len) {
            char wanted = cgi_name && name[j] == '_' ? '-' : name[j];
            if (!url_equal_ignoring_case(&wanted, &header->name[j], 1))
                break;
            ++j;
        }
        if (j < len)
            continue;
        if (found)
            put(text, len == 6 && url_equal_ignoring_case(header->name, "cookie", 6) ? "; " : ", ", 2);
        put_string(text, header->value);
        found = true;
    }
    return found ? VAR_OK : VAR_ABSENT;
}

enum var_result server_var(const struct var_source *source, const char *name, char *out, size_t size, size_t *len)
{
    struct text text = {.out = out, .size = size};
    const struct row *row = find(name);
    enum var_result result;
    if (row != NULL)
        result = row->function(source, &text);
    else if (strncmp(name, "HTTP_", 5) == 0)
        result = header_var(source, name + 5, true, &text);
    else if (strncmp(name, "HEADER_", 7) == 0 && source->iis != IIS_5_1)
        result = header_var(source, name + 7, false, &text);
    else
        result = VAR_ABSENT;
    *len = text.len;
    return result;
}
