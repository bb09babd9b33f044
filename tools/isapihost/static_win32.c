/* Files below the root for whatever no map takes: GET and HEAD, If-Modified-Since, one range; folders by their default document, never by a
 * listing. The names have been judged by url_name_is_safe before they come here. */
#include "tools/isapihost/dispatch_win32.h"
#include "tools/isapihost/mime.h"
#include "tools/isapihost/text_win32.h"
#include "tools/isapihost/url_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 65536 };

static bool answer(struct host_session *session, unsigned status, const char *text)
{
    session_error_page(session, status, status == 405 ? "Allow: GET, HEAD\r\n" : NULL, text);
    return true;
}

/* The rest of a file that is shorter than announced cannot be sent: the connection is closed. */
static bool send_file(struct host_session *session, HANDLE file, uint64_t first, uint64_t len)
{
    LARGE_INTEGER position = {.QuadPart = (LONGLONG)first};
    char *block = malloc(BLOCK_SIZE);
    bool done = block != NULL && (first == 0 || SetFilePointerEx(file, position, NULL, FILE_BEGIN));
    while (done && len > 0) {
        DWORD got = 0;
        const char *fault;
        done = ReadFile(file, block, len < BLOCK_SIZE ? (DWORD)len : BLOCK_SIZE, &got, NULL) && got > 0;
        WSABUF buffer = {.buf = block, .len = got};
        done = done && session_send(session, &buffer, 1, &fault) == 0;
        len -= got;
    }
    free(block);
    return done;
}

static bool serve_open_file(struct host_session *session, HANDLE file, const BY_HANDLE_FILE_INFORMATION *info)
{
    char headers[512];
    char range_line[96] = "";
    char modified[RESPONSE_DATE_SIZE];
    const char *fault;
    SYSTEMTIME time;
    uint64_t size = (uint64_t)info->nFileSizeHigh << 32 | info->nFileSizeLow;
    uint64_t first = 0;
    uint64_t last = size - 1;
    FileTimeToSystemTime(&info->ftLastWriteTime, &time);
    response_date(modified, time.wYear, time.wMonth, time.wDay, time.wDayOfWeek, time.wHour, time.wMinute, time.wSecond);
    const char *since = request_header(&session->facts, "If-Modified-Since");
    if (since != NULL && strcmp(since, modified) == 0) {
        int len = snprintf(headers, sizeof headers, "Last-Modified: %s\r\n\r\n", modified);
        return session_head(session, "304 Not Modified", headers, (size_t)len, true, &fault) == 0;
    }
    enum range_result range = request_header(&session->facts, "If-Range") == NULL
                                  ? range_parse(request_header(&session->facts, "Range"), size, &first, &last)
                                  : RANGE_NONE;
    if (range == RANGE_UNSATISFIABLE) {
        snprintf(range_line, sizeof range_line, "Content-Range: bytes */%llu\r\n", (unsigned long long)size);
        session_error_page(session, 416, range_line, "The file has fewer bytes.");
        return true;
    }
    if (range == RANGE_PART)
        snprintf(range_line, sizeof range_line, "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)first,
                 (unsigned long long)last, (unsigned long long)size);
    int len = snprintf(headers, sizeof headers,
                       "Content-Type: %s\r\nContent-Length: %llu\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\n%s\r\n",
                       mime_type(session->url), (unsigned long long)(last + 1 - first), modified, range_line);
    if (session_head(session, range == RANGE_PART ? "206 Partial Content" : "200 OK", headers, (size_t)len, true, &fault) != 0)
        return false;
    return session->response_request.is_head || send_file(session, file, first, last + 1 - first);
}

/* The path that the URL names; to be freed in any case. */
static bool map_url(struct host_session *session, WCHAR **wide)
{
    char path[REQUEST_PATH_SIZE];
    *wide = NULL;
    if (route_map(session_options, session->site, session->url, strlen(session->url), path, sizeof path))
        *wide = text_wide(path);
    return *wide != NULL;
}

static bool redirect_to_folder(struct host_session *session)
{
    char escaped[SESSION_URL_SIZE];
    char line[SESSION_URL_SIZE + 1024];
    if (!url_escape(session->url, escaped, sizeof escaped))
        return answer(session, 404, "There is nothing of this name here.");
    const struct request_facts *facts = &session->facts;
    int len = snprintf(line, sizeof line, "Location: %s/%s%.900s\r\nContent-Length: 0\r\n\r\n", escaped,
                       facts->has_query ? "?" : "", facts->query);
    const char *fault;
    return len > 0 && (size_t)len < sizeof line &&
           session_head(session, "301 Moved Permanently", line, (size_t)len, true, &fault) == 0;
}

/* The URL ends with a slash and is a folder: tries the default documents, which may be mapped to the extension. */
static bool serve_folder(struct host_session *session, struct host_request *parent)
{
    size_t len = strlen(session->url);
    for (unsigned i = 0; i < session_options->default_doc_count; ++i) {
        const char *name = session_options->default_docs[i];
        if (len + strlen(name) >= sizeof session->url)
            continue;
        strcpy(session->url + len, name);
        WCHAR *wide;
        DWORD attributes = map_url(session, &wide) ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
        text_free(wide);
        if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0)
            return dispatch_url(session, true, parent);
    }
    session->url[len] = '\0';
    return answer(session, 403, "This folder has no default document, and listings are not shown.");
}

/* Opens the file or folder that the URL names. Every call on a handle is dear under Wine: there is one open, and no look before it. */
static HANDLE open_target(struct host_session *session, BY_HANDLE_FILE_INFORMATION *info)
{
    WCHAR *wide;
    HANDLE file = INVALID_HANDLE_VALUE;
    if (map_url(session, &wide))
        file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
                           FILE_FLAG_SEQUENTIAL_SCAN | FILE_FLAG_BACKUP_SEMANTICS, NULL);
    text_free(wide);
    if (file != INVALID_HANDLE_VALUE && !GetFileInformationByHandle(file, info)) { /* no file: a pipe, a device */
        CloseHandle(file);
        file = INVALID_HANDLE_VALUE;
        SetLastError(ERROR_FILE_NOT_FOUND);
    }
    return file;
}

bool static_serve(struct host_session *session, struct host_request *parent)
{
    BY_HANDLE_FILE_INFORMATION info;
    bool slash = session->url[strlen(session->url) - 1] == '/';
    bool get = strcmp(session->facts.method, "GET") == 0 || session->response_request.is_head;
    bool keep;
    HANDLE file = open_target(session, &info);
    if (file == INVALID_HANDLE_VALUE && (GetLastError() == ERROR_ACCESS_DENIED || GetLastError() == ERROR_SHARING_VIOLATION))
        return answer(session, 403, "This file cannot be read.");
    bool folder = file != INVALID_HANDLE_VALUE && (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    if (file == INVALID_HANDLE_VALUE || (slash && !folder))
        keep = answer(session, 404, "There is nothing of this name here.");
    else if (folder && slash)
        keep = serve_folder(session, parent);
    else if (!get)
        keep = answer(session, 405, "Only GET and HEAD are possible here.");
    else
        keep = folder ? redirect_to_folder(session) : serve_open_file(session, file, &info);
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    return keep;
}
