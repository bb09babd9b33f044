/* handler_user: what is done in the name of a request's user: the token, the look at the file under a * mapping, and the host's own
 * answer if there is one; see handler_state.h.
 *
 * The host's token holds as long as the session, and is asked for once. The look, which is over when HttpExtensionProc returns, is made by
 * it; the writes, on other threads, by a copy. Whatever fails on the way fails the request: nothing is done as the host instead. */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "fcgiext/core/hand_back.h"
#include "fcgiext/win32/handler_state.h"
#include "fcgiext/win32/identity_os.h"
#include "fcgiext/win32/wide.h"

static const char no_token[] = "the web server has no token for the user of this request";
static const char cannot_look[] = "it could not be seen, as the user, whether the file exists";
static const char no_token_to_look[] =
    "IgnoreExistingFiles and IgnoreDirectories look for the file as the user of the request, for whom "
    "the web server has no token";

static void fail(struct handler *handler, enum error_cause cause, const char *detail, DWORD error)
{
    handler->facts.cause = cause;
    handler->facts.detail = bytes_of_str(detail);
    handler->facts.has_code = true;
    handler->facts.code = error;
}

/* ---- the look */

/* "" when the host does not have it; NULL: out of memory, or it is too long. */
static char *variable(struct handler *handler, const char *name)
{
    struct bytes value;
    bool found = ecb_get_variable_utf8(&handler->ecb, name, &value);
    if (handler->ecb.variable_lost)
        return NULL;
    if (!found)
        value.len = 0;
    char *text = calloc(1, value.len + 1);
    if (text && value.len)
        memcpy(text, value.ptr, value.len);
    return text;
}

/* UTF-8; "": none that is to be looked for; NULL: out of memory. */
static char *path_of(struct handler *handler)
{
    char *path = NULL;
    char *script_name = variable(handler, "SCRIPT_NAME"), *path_info = variable(handler, "PATH_INFO");
    if (script_name && path_info) {
        switch (hand_back_path_of(bytes_of_str(script_name), bytes_of_str(path_info))) {
        case HAND_BACK_PATH_NONE: path = calloc(1, 1); break;
        case HAND_BACK_PATH_INFO: path = variable(handler, "PATH_TRANSLATED"); break;
        case HAND_BACK_PATH_SCRIPT: path = variable(handler, "SCRIPT_TRANSLATED"); break;
        }
    }
    free(script_name);
    free(path_info);
    return path;
}

/* Only what says that there is none is a no: a token that only identifies, or a share that does not answer, says nothing. */
static enum hand_back_found found_at(const WCHAR *path, DWORD *error)
{
    DWORD attributes = GetFileAttributesW(path);
    *error = 0;
    if (attributes != INVALID_FILE_ATTRIBUTES)
        return attributes & FILE_ATTRIBUTE_DIRECTORY ? HAND_BACK_DIRECTORY : HAND_BACK_FILE;
    DWORD found = GetLastError();
    switch (found) {
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION: return HAND_BACK_DENIED;
    case ERROR_FILE_NOT_FOUND: return HAND_BACK_NOTHING;
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
    case ERROR_FILENAME_EXCED_RANGE:
    case ERROR_DIRECTORY: return HAND_BACK_NO_FOLDER;
    default: *error = found; return HAND_BACK_NOTHING;
    }
}

/* The thread is the user. `path` holds hand_back->path and is cut with it. */
static enum hand_back_next look_and_go_up(struct hand_back *hand_back, char *path, DWORD *error)
{
    enum hand_back_next next = HAND_BACK_LOOK;
    while (next == HAND_BACK_LOOK && !*error) {
        path[hand_back->path.len] = '\0';
        WCHAR *wide = wide_of_utf8(path);
        enum hand_back_found found = wide ? found_at(wide, error) : HAND_BACK_NOTHING;
        if (!wide)
            *error = ERROR_NOT_ENOUGH_MEMORY;
        free(wide);
        next = hand_back_on_found(hand_back, found);
    }
    return next;
}

static void look_at(struct handler *handler, HANDLE token, const char *app_path, char *path)
{
    const struct routes_query query = {.site = bytes_of_str(handler->site), .app_path = bytes_of_str(app_path)};
    enum hand_back_next next = HAND_BACK_POOL;
    struct hand_back hand_back;
    struct identity_scope scope;
    hand_back_init(&hand_back, handler->config, handler->settings->routes, &query, bytes_of_str(path));
    DWORD error = identity_enter(&identity_os, token, &scope);
    if (!error) {
        next = look_and_go_up(&hand_back, path, &error);
        identity_leave(&identity_os, &scope);
    }
    if (error)
        fail(handler, ERROR_CAUSE_IMPERSONATION, cannot_look, error);
    else if (next == HAND_BACK_REFUSE)
        handler->facts.cause = ERROR_CAUSE_BAD_REQUEST;
    else if (next == HAND_BACK_HOST)
        handler->handed_back = hand_back.reason;
}

static void look(struct handler *handler, HANDLE token)
{
    char *path = path_of(handler), *app_path = variable(handler, "APPL_MD_PATH");
    if (!path || !app_path)
        handler->facts.cause = ERROR_CAUSE_NO_MEMORY;
    else if (*path)
        look_at(handler, token, app_path, path);
    free(app_path);
    free(path);
}

void handler_ask_for_user(struct handler *handler, bool wildcard)
{
    HANDLE token = NULL;
    bool looks = hand_back_asks(handler->config, wildcard), writes = identity_is_users(handler->config);
    DWORD error = looks || writes ? ecb_get_token(&handler->ecb, &token) : 0;
    if (error) {
        fail(handler, ERROR_CAUSE_IMPERSONATION, writes ? no_token : no_token_to_look, error);
        return;
    }
    if (looks)
        look(handler, token);
    if (!writes || handler->handed_back || handler->facts.cause)
        return;
    error = identity_os.duplicate(identity_os.context, token, &handler->token);
    if (error)
        fail(handler, ERROR_CAUSE_IMPERSONATION, "no copy of the user's token could be made", error);
}

/* ---- the host's answer */

static void not_handed_back(struct handler *handler, DWORD error)
{
    const char *refused = handler->handed_back->refused;
    handler->handed_back = NULL;
    handler_count_arrival(handler);
    fail(handler, ERROR_CAUSE_HAND_BACK, refused, error);
    relay_fail(&handler->relay, &handler->facts);
}

bool handler_hand_back(struct handler *handler, LONG bits)
{
    DWORD error = 0;
    if (bits & HANDLER_BEGIN)
        error = ecb_hand_back(&handler->ecb);
    else if (!(bits & HANDLER_CLIENT))
        return false;
    else if (handler->client_error == 0 || ecb_is_answered(&handler->ecb)) {
        bool keep = handler->relay.settings.wants_keep_alive;
        ecb_finish(&handler->ecb, keep ? HSE_STATUS_SUCCESS_AND_KEEP_CONN : HSE_STATUS_SUCCESS);
        return true;
    } else
        error = handler->client_error;
    if (error)
        not_handed_back(handler, error);
    return false;
}
