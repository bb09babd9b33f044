/* What php-cgi does around its FastCGI code (cgi_main.c and SAPI.c of php 8.2), with a program of ours in place of the script.
 *
 * As php with enable_post_data_reading=0: a body of which the script has read something stays as it is, and what it left unread is
 * in the way of the next request on a kept connection; one that it has not touched is read to its end. A message on stderr gets a line
 * end and goes out with the output that surrounds it. With `fastcgi.impersonate=1` on the command line each request is served as the
 * client of the pipe. */
#include "fcgiapp.h"

#include "php.h"

#include <fastcgi.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>

enum { BLOCK_LEN = 0x4000, DEFAULT_MAX_REQUESTS = 500 };

static fcgi_request *php;
static int max_requests = DEFAULT_MAX_REQUESTS, requests;
static bool in_request;
static bool touched;          /* the script has read of the body */
static size_t body_left;      /* bytes that the request announces and that have not been read */
static size_t variable_count; /* in envp */

/* ---- the body */

static size_t read_body(char *buffer, size_t len)
{
    size_t got = 0;
    if (len > body_left)
        len = body_left;
    while (got < len) {
        int now = fcgi_read(php, buffer + got, (int)(len - got));
        if (now <= 0)
            break;
        got += (size_t)now;
    }
    body_left -= got;
    return got;
}

static void read_untouched_body(void)
{
    char block[BLOCK_LEN];
    while (!touched && read_body(block, sizeof block) == sizeof block) {
    }
}

int FCGX_GetStr(char *buffer, int len, FCGX_Stream *stream)
{
    (void)stream;
    touched = true;
    return (int)read_body(buffer, (size_t)len);
}

int FCGX_GetError(FCGX_Stream *stream)
{
    (void)stream;
    return body_left > 0 && touched && fcgi_is_closed(php);
}

/* ---- what goes out */

static void keep_message(FCGX_Stream *stream, const char *text, size_t len)
{
    char *longer = realloc(stream->message, stream->message_len + len + 1);
    if (longer == NULL)
        abort();
    memcpy(longer + stream->message_len, text, len);
    stream->message = longer;
    stream->message_len += len;
}

static int log_message(FCGX_Stream *stream)
{
    if (stream->message_len == 0)
        return 0;
    stream->message[stream->message_len] = '\n';
    int written = fcgi_write(php, FCGI_STDERR, stream->message, (int)stream->message_len + 1);
    stream->message_len = 0;
    return written < 0 ? -1 : 0;
}

int FCGX_PutStr(const char *text, int len, FCGX_Stream *stream)
{
    int left = len;
    if (stream->type == FCGI_STDERR) {
        keep_message(stream, text, (size_t)len);
        return len;
    }
    while (left > 0) {
        int written = fcgi_write(php, FCGI_STDOUT, text + len - left, left);
        if (written <= 0)
            return -1;
        left -= written;
    }
    return len;
}

int FCGX_PutS(const char *text, FCGX_Stream *stream)
{
    return FCGX_PutStr(text, (int)strlen(text), stream);
}

int FCGX_PutChar(int c, FCGX_Stream *stream)
{
    char text = (char)c;
    return FCGX_PutStr(&text, 1, stream) == 1 ? c : -1;
}

int FCGX_FFlush(FCGX_Stream *stream)
{
    if (stream->type == FCGI_STDERR)
        return log_message(stream);
    return fcgi_flush(php, 0) ? 0 : -1;
}

/* ---- variables */

static void add_variable(const char *name, unsigned int name_len, char *value, unsigned int value_len, void *context)
{
    FCGX_Request *request = context;
    char **longer = realloc(request->envp, (variable_count + 2) * sizeof *longer);
    char *text = malloc((size_t)name_len + value_len + 2);
    if (longer == NULL || text == NULL)
        abort();
    memcpy(text, name, name_len);
    text[name_len] = '=';
    memcpy(text + name_len + 1, value, value_len);
    text[name_len + 1 + value_len] = '\0';
    longer[variable_count++] = text;
    longer[variable_count] = NULL;
    request->envp = longer;
}

static void free_variables(FCGX_Request *request)
{
    while (variable_count > 0)
        free(request->envp[--variable_count]);
    free(request->envp);
    request->envp = NULL;
}

char *FCGX_GetParam(const char *name, char **envp)
{
    size_t len = strlen(name);
    for (; envp != NULL && *envp != NULL; envp++)
        if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=')
            return *envp + len + 1;
    return NULL;
}

/* ---- requests */

static void log_line(int type, const char *format, ...)
{
    va_list arguments;
    (void)type;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

int FCGX_Init(void)
{
    WSADATA data;
    const char *limit = getenv("PHP_FCGI_MAX_REQUESTS");
    if (limit != NULL)
        max_requests = atoi(limit);
    if (max_requests < 0 || WSAStartup(MAKEWORD(2, 0), &data) != 0)
        return -1;
    _setmode(0, _O_BINARY);
    fcgi_set_logger(log_line);
    return fcgi_init() < 0 ? -1 : 0;
}

int FCGX_IsCGI(void)
{
    return !fcgi_is_fastcgi();
}

int FCGX_InitRequest(FCGX_Request *request, int socket, int flags)
{
    static FCGX_Stream in, out = {.type = FCGI_STDOUT}, err = {.type = FCGI_STDERR};
    (void)flags;
    request->in = &in;
    request->out = &out;
    request->err = &err;
    /* What the programs replace among their imports: libfcgi has these. */
    request->imports[0] = (void *)WSAAccept;
    request->imports[1] = (void *)select;
    php = fcgi_init_request(socket, NULL, NULL, NULL);
    if (strstr(GetCommandLineA(), "fastcgi.impersonate=1") != NULL)
        fcgi_impersonate();
    return php == NULL ? -1 : 0;
}

/* Whether there is to be another one. */
static bool end_request(FCGX_Request *request)
{
    log_message(request->err);
    read_untouched_body();
    fcgi_finish_request(php, 0);
    free_variables(request);
    in_request = false;
    requests++;
    if (max_requests == 0 || requests < max_requests)
        return true;
    fcgi_finish_request(php, 1);
    return false;
}

int FCGX_Accept_r(FCGX_Request *request)
{
    if ((in_request && !end_request(request)) || fcgi_accept_request(php) < 0) {
        fcgi_destroy_request(php);
        fcgi_shutdown();
        return -1;
    }
    fcgi_loadenv(php, add_variable, (zval *)(void *)request);
    const char *length = FCGX_GetParam("CONTENT_LENGTH", request->envp);
    body_left = length != NULL ? (size_t)_strtoui64(length, NULL, 10) : 0;
    touched = false;
    in_request = true;
    request->keepConnection = php_request_keep(php) != 0;
    return 0;
}
