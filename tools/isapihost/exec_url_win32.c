/* EXEC_URL takes the session over for the time of the child request: its URL, query and method are exchanged and put back. What is not
 * supported is refused: child headers, another user, an entity. */
#include "tools/isapihost/exec_url_win32.h"

#include "tools/isapihost/dispatch_win32.h"
#include "tools/isapihost/ecb_io_win32.h"
#include "tools/isapihost/text_win32.h"
#include "tools/isapihost/url_path.h"

#include <stdlib.h>
#include <string.h>

static BOOL fail(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

/* Puts url ("/path?query") into the session. */
static DWORD change_url(struct host_session *session, char *url)
{
    size_t len = 0;
    char *query = strchr(url, '?');
    if (query != NULL)
        *query++ = '\0';
    session->facts.raw_url = url;
    session->facts.query = query != NULL ? query : "";
    session->facts.has_query = query != NULL;
    return url_normalize(url, strlen(url), session->url, sizeof session->url, &len) == URL_OK ? 0 : ERROR_INVALID_PARAMETER;
}

DWORD exec_url_run(struct host_request *request, const struct io_op *op)
{
    struct host_session *session = request->session;
    struct request_facts facts = session->facts;
    char *url = _strdup(session->url);
    DWORD error = url == NULL ? ERROR_NOT_ENOUGH_MEMORY : 0;
    if (op->method != NULL) {
        session->facts.method = op->method;
        session->response_request.is_head = strcmp(op->method, "HEAD") == 0;
    }
    if (error == 0 && op->url != NULL)
        error = change_url(session, op->url);
    if (error == 0 && request->depth >= REQUEST_MAX_DEPTH)
        error = ERROR_STACK_OVERFLOW;
    if (error == 0) {
        request->exec_keep = dispatch_url(session, (op->flags & HSE_EXEC_URL_IGNORE_CURRENT_INTERCEPTOR) != 0, request);
        request->exec_done = true;
    }
    request->exec_status.uHttpStatusCode = (USHORT)session->plan.status;
    request->exec_status.dwWin32Error = error;
    session->facts = facts;
    session->response_request.is_head = strcmp(facts.method, "HEAD") == 0;
    if (url != NULL)
        memcpy(session->url, url, strlen(url) + 1);
    free(url);
    return error;
}

static BOOL submit(struct host_request *request, char *url, const char *method, DWORD flags)
{
    struct io_op op = {.kind = IO_EXEC_URL, .flags = flags, .url = url, .method = method != NULL ? _strdup(method) : NULL};
    return request_submit(request, &op);
}

BOOL ecb_exec_url(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    const HSE_EXEC_URL_INFO *info = buffer;
    (void)size;
    (void)type;
    if (info == NULL || info->pszChildHeaders != NULL || info->pUserInfo != NULL || info->pEntity != NULL)
        return fail(ERROR_INVALID_PARAMETER);
    return submit(request, info->pszUrl != NULL ? _strdup(info->pszUrl) : NULL, info->pszMethod, info->dwExecUrlFlags);
}

BOOL ecb_exec_url_unicode(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    const HSE_EXEC_UNICODE_URL_INFO *info = buffer;
    (void)size;
    (void)type;
    if (info == NULL || info->pszChildHeaders != NULL || info->pUserInfo != NULL || info->pEntity != NULL)
        return fail(ERROR_INVALID_PARAMETER);
    return submit(request, info->pszUrl != NULL ? text_utf8(info->pszUrl) : NULL, info->pszMethod, info->dwExecUrlFlags);
}
