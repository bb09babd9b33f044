/* A head goes out as the extension wrote it, line by line, but for Connection, which is the host's own affair. A response is kept alive
 * only if its end can be found by the client. */
#include "tools/isapihost/response_head.h"

#include "tools/isapihost/url_path.h"

#include <stdio.h>
#include <string.h>

struct writer {
    char *out;
    size_t size;
    size_t len;
    bool full;
};

static void put(struct writer *writer, const char *data, size_t len)
{
    if (len > writer->size - writer->len) {
        writer->full = true;
        return;
    }
    memcpy(writer->out + writer->len, data, len);
    writer->len += len;
}

static void put_string(struct writer *writer, const char *string)
{
    put(writer, string, strlen(string));
}

/* If line is the header name, returns its trimmed value. */
static const char *value_of(const char *line, size_t len, const char *name, size_t *value_len)
{
    size_t name_len = strlen(name);
    if (len <= name_len || line[name_len] != ':' || !url_equal_ignoring_case(line, name, name_len))
        return NULL;
    const char *value = line + name_len + 1;
    size_t left = len - name_len - 1;
    while (left > 0 && (*value == ' ' || *value == '\t')) {
        ++value;
        --left;
    }
    while (left > 0 && (value[left - 1] == ' ' || value[left - 1] == '\t'))
        --left;
    *value_len = left;
    return value;
}

static bool value_is(const char *value, size_t len, const char *wanted)
{
    return len == strlen(wanted) && url_equal_ignoring_case(value, wanted, len);
}

struct seen {
    bool server;
    bool date;
    bool close;
    bool length;
    bool chunked;
    uint64_t content_length;
    const char *fault;
};

static void see_length(struct seen *seen, const char *value, size_t len)
{
    uint64_t number = 0;
    if (seen->length)
        seen->fault = "Content-Length twice";
    if (len == 0 || len > 18)
        seen->fault = "Content-Length is no number";
    for (size_t i = 0; i < len; ++i) {
        if (value[i] < '0' || value[i] > '9') {
            seen->fault = "Content-Length is no number";
            return;
        }
        number = number * 10 + (unsigned)(value[i] - '0');
    }
    seen->length = true;
    seen->content_length = number;
}

/* Returns false if the line is not to be sent. */
static bool see_line(struct seen *seen, const char *line, size_t len)
{
    size_t value_len = 0;
    const char *value;
    if ((value = value_of(line, len, "Content-Length", &value_len)) != NULL) {
        see_length(seen, value, value_len);
    } else if ((value = value_of(line, len, "Transfer-Encoding", &value_len)) != NULL) {
        seen->chunked = value_is(value, value_len, "chunked");
        if (!seen->chunked)
            seen->fault = "Transfer-Encoding is not 'chunked'";
    } else if ((value = value_of(line, len, "Connection", &value_len)) != NULL) {
        if (value_is(value, value_len, "close"))
            seen->close = true;
        return !seen->close && !value_is(value, value_len, "keep-alive");
    } else if (value_of(line, len, "Server", &value_len) != NULL) {
        seen->server = true;
    } else if (value_of(line, len, "Date", &value_len) != NULL) {
        seen->date = true;
    } else if (memchr(line, ':', len) == NULL && line[0] != ' ' && line[0] != '\t') {
        seen->fault = "a header line without a colon";
    }
    return true;
}

/* Copies the header lines; returns how many bytes of headers were taken, with the empty line. */
static size_t put_lines(struct writer *writer, struct seen *seen, const char *headers, size_t headers_len)
{
    size_t at = 0;
    while (at < headers_len) {
        const char *line = headers + at;
        const char *lf = memchr(line, '\n', headers_len - at);
        size_t len = lf != NULL ? (size_t)(lf - line) : headers_len - at;
        at += len + (lf != NULL ? 1 : 0);
        if (len > 0 && line[len - 1] == '\r')
            --len;
        if (len == 0)
            break;
        if (see_line(seen, line, len)) {
            put(writer, line, len);
            put(writer, "\r\n", 2);
        }
    }
    return at;
}

static unsigned status_code(const char *status)
{
    unsigned code = 0;
    for (int i = 0; i < 3; ++i) {
        if (status[i] < '0' || status[i] > '9')
            return 0;
        code = code * 10 + (unsigned)(status[i] - '0');
    }
    return code >= 100 && (status[3] == ' ' || status[3] == '\0') ? code : 0;
}

static enum response_framing framing_of(const struct response_plan *plan, const struct response_request *request,
                                        const struct seen *seen)
{
    if (request->is_head || plan->status < 200 || plan->status == 204 || plan->status == 304)
        return FRAMING_NO_BODY;
    if (seen->chunked)
        return FRAMING_CHUNKED;
    return seen->length ? FRAMING_LENGTH : FRAMING_NONE;
}

static const char *judge(const struct response_plan *plan, const struct response_request *request, const struct seen *seen,
                         const struct response_head *head)
{
    if (seen->fault != NULL)
        return seen->fault;
    if (plan->status == 0)
        return "the status line does not begin with a status code";
    if (seen->chunked && seen->length)
        return "Content-Length and Transfer-Encoding together";
    if (seen->chunked && !request->is_http11)
        return "Transfer-Encoding for an HTTP/1.0 client";
    if (head->keep && plan->framing == FRAMING_NONE)
        return "keep-alive asked for a response whose end cannot be found";
    return NULL;
}

size_t response_head_build(struct response_plan *plan, const struct response_request *request, const struct response_head *head,
                           char *out, size_t out_size, size_t *used, const char **fault)
{
    struct writer writer = {.out = out, .size = out_size};
    struct seen seen = {0};
    const char *status = head->status != NULL && head->status[0] != '\0' ? head->status : "200 OK";
    memset(plan, 0, sizeof *plan);
    plan->status = status_code(status);
    put_string(&writer, "HTTP/1.1 ");
    put(&writer, status, strcspn(status, "\r\n"));
    put_string(&writer, "\r\n");
    *used = put_lines(&writer, &seen, head->headers, head->headers != NULL ? head->headers_len : 0);
    if (!seen.server && head->server != NULL) {
        put_string(&writer, "Server: ");
        put_string(&writer, head->server);
        put_string(&writer, "\r\n");
    }
    if (!seen.date && head->date != NULL) {
        put_string(&writer, "Date: ");
        put_string(&writer, head->date);
        put_string(&writer, "\r\n");
    }
    plan->framing = framing_of(plan, request, &seen);
    plan->announced = seen.content_length;
    body_init_chunked(&plan->check);
    *fault = judge(plan, request, &seen, head);
    plan->keep = head->keep && request->client_keeps && plan->framing != FRAMING_NONE && !seen.close && *fault == NULL &&
                 plan->status >= 200;
    if (!plan->keep)
        put_string(&writer, "Connection: close\r\n");
    else if (!request->is_http11)
        put_string(&writer, "Connection: keep-alive\r\n");
    put_string(&writer, "\r\n");
    return writer.full ? 0 : writer.len;
}

const char *response_body(struct response_plan *plan, const char *data, size_t len)
{
    size_t used = 0;
    size_t content = 0;
    if (len == 0)
        return NULL;
    plan->body_len += len;
    switch (plan->framing) {
    case FRAMING_NO_BODY: plan->check_failed = true; return "body bytes in a response that has no body (HEAD, 204, 304)";
    case FRAMING_LENGTH:
        if (plan->body_len <= plan->announced)
            return NULL;
        plan->check_failed = true;
        return "more body bytes than Content-Length announced";
    case FRAMING_CHUNKED:
        if (plan->check_failed)
            return NULL;
        if (body_is_at_end(&plan->check) || body_decode(&plan->check, data, len, &used, NULL, 0, &content) == BODY_BAD ||
            used < len) {
            plan->check_failed = true;
            return "the body is not well chunked";
        }
        return NULL;
    case FRAMING_NONE: return NULL;
    }
    return NULL;
}

const char *response_end(struct response_plan *plan)
{
    const char *fault = NULL;
    if (plan->framing == FRAMING_LENGTH && plan->body_len < plan->announced)
        fault = "fewer body bytes than Content-Length announced";
    else if (plan->framing == FRAMING_CHUNKED && !plan->check_failed && !body_is_at_end(&plan->check))
        fault = "the chunked body has no last chunk";
    if (fault != NULL || plan->check_failed)
        plan->keep = false;
    return fault;
}

void response_date(char *out, unsigned year, unsigned month, unsigned day, unsigned weekday, unsigned hour, unsigned minute,
                   unsigned second)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    snprintf(out, RESPONSE_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + weekday % 7 * 3, day % 100,
             months + (month + 11) % 12 * 3, year % 10000, hour % 100, minute % 100, second % 100);
}

const char *response_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } table[] = {
        {200, "OK"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i)
        if (table[i].status == status)
            return table[i].reason;
    return "Status";
}
