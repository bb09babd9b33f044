/* MAP_URL_TO_PATH in its four forms: ANSI and Unicode, in place and with what matched. */
#include "tools/isapihost/ecb_io_win32.h"
#include "tools/isapihost/text_win32.h"
#include "tools/isapihost/url_path.h"

#include <string.h>

static BOOL fail(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

/* Maps a URL path in UTF-8. matched_url, matched_path: how many characters belong to the application's URL and folder. */
static bool map(struct host_request *request, const char *url, char *path, size_t path_size, size_t *matched_url,
                size_t *matched_path)
{
    char canonical[SESSION_URL_SIZE];
    size_t len = 0;
    struct route route;
    const struct host_site *site = request->session->site;
    size_t url_len = strcspn(url, "?");
    if (url_normalize(url, url_len, canonical, sizeof canonical, &len) != URL_OK)
        return false;
    route_find(session_options, site, canonical, true, &route);
    *matched_url = route.app != NULL ? route.app->url_len : 1;
    char folder[REQUEST_PATH_SIZE];
    if (!route_app_folder(session_options, site, route.app, folder, sizeof folder))
        return false;
    *matched_path = strlen(folder) - 1;
    return route_map(session_options, site, canonical, len, path, path_size);
}

BOOL ecb_map_url(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    char url[SESSION_URL_SIZE];
    char path[REQUEST_PATH_SIZE];
    char ansi[REQUEST_PATH_SIZE];
    size_t matched[2];
    (void)type;
    if (buffer == NULL || size == NULL)
        return fail(ERROR_INVALID_PARAMETER);
    size_t room = *size;
    size_t len = text_from_ansi(buffer, strnlen(buffer, room), url, sizeof url - 1);
    url[len] = '\0';
    if (len == 0 || !map(request, url, path, sizeof path, &matched[0], &matched[1]))
        return fail(ERROR_INVALID_PARAMETER);
    len = text_to_ansi(path, strlen(path), ansi, sizeof ansi);
    *size = (DWORD)len + 1;
    if (len == 0 || len + 1 > room)
        return fail(ERROR_INSUFFICIENT_BUFFER);
    memcpy(buffer, ansi, len);
    ((char *)buffer)[len] = '\0';
    return TRUE;
}

BOOL ecb_map_url_ex(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    char url[SESSION_URL_SIZE];
    char path[REQUEST_PATH_SIZE];
    size_t matched_url;
    size_t matched_path;
    HSE_URL_MAPEX_INFO *info = (HSE_URL_MAPEX_INFO *)type;
    (void)size;
    if (buffer == NULL || info == NULL)
        return fail(ERROR_INVALID_PARAMETER);
    size_t len = text_from_ansi(buffer, strlen(buffer), url, sizeof url - 1);
    url[len] = '\0';
    if (len == 0 || !map(request, url, path, sizeof path, &matched_url, &matched_path))
        return fail(ERROR_INVALID_PARAMETER);
    memset(info, 0, sizeof *info);
    len = text_to_ansi(path, strlen(path), info->lpszPath, sizeof info->lpszPath - 1);
    if (len == 0)
        return fail(ERROR_INSUFFICIENT_BUFFER);
    info->dwFlags = HSE_URL_FLAGS_READ | HSE_URL_FLAGS_SCRIPT | HSE_URL_FLAGS_EXECUTE;
    info->cchMatchingPath = (DWORD)matched_path;
    info->cchMatchingURL = (DWORD)matched_url;
    return TRUE;
}

/* The URL in UTF-8, at most size - 1 bytes. */
static bool from_wide(const WCHAR *wide, char *out, size_t size)
{
    return WideCharToMultiByte(CP_UTF8, 0, wide, -1, out, (int)size, NULL, NULL) > 1;
}

BOOL ecb_map_url_unicode(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    char url[SESSION_URL_SIZE];
    char path[REQUEST_PATH_SIZE];
    WCHAR wide[REQUEST_PATH_SIZE];
    size_t matched[2];
    (void)type;
    if (buffer == NULL || size == NULL || !from_wide(buffer, url, sizeof url) ||
        !map(request, url, path, sizeof path, &matched[0], &matched[1]))
        return fail(ERROR_INVALID_PARAMETER);
    size_t room = *size;
    size_t len = text_to_wide(path, strlen(path), wide, REQUEST_PATH_SIZE);
    *size = (DWORD)((len + 1) * sizeof(WCHAR));
    if (len == 0 || *size > room)
        return fail(ERROR_INSUFFICIENT_BUFFER);
    memcpy(buffer, wide, len * sizeof(WCHAR));
    ((WCHAR *)buffer)[len] = 0;
    return TRUE;
}

BOOL ecb_map_url_unicode_ex(struct host_request *request, void *buffer, DWORD *size, DWORD *type)
{
    char url[SESSION_URL_SIZE];
    char path[REQUEST_PATH_SIZE];
    size_t matched_url;
    size_t matched_path;
    HSE_UNICODE_URL_MAPEX_INFO *info = (HSE_UNICODE_URL_MAPEX_INFO *)type;
    (void)size;
    if (buffer == NULL || info == NULL || !from_wide(buffer, url, sizeof url) ||
        !map(request, url, path, sizeof path, &matched_url, &matched_path))
        return fail(ERROR_INVALID_PARAMETER);
    memset(info, 0, sizeof *info);
    if (text_to_wide(path, strlen(path), info->lpszPath, MAX_PATH - 1) == 0)
        return fail(ERROR_INSUFFICIENT_BUFFER);
    info->dwFlags = HSE_URL_FLAGS_READ | HSE_URL_FLAGS_SCRIPT | HSE_URL_FLAGS_EXECUTE;
    info->cchMatchingPath = (DWORD)matched_path;
    info->cchMatchingURL = (DWORD)matched_url;
    return TRUE;
}
