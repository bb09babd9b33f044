/* Each line is one append to the file, so that several hosts can share it and nothing is lost when one is killed. */
#include "tools/isapihost/access_log_win32.h"

#include "tools/isapihost/options.h"
#include "tools/isapihost/text_win32.h"

#include <stdio.h>
#include <string.h>

static HANDLE file = INVALID_HANDLE_VALUE;

bool access_log_open(const char *path)
{
    WCHAR *wide = text_wide(path);
    if (wide != NULL)
        file = CreateFileW(wide, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_ALWAYS,
                           FILE_ATTRIBUTE_NORMAL, NULL);
    text_free(wide);
    return file != INVALID_HANDLE_VALUE;
}

void access_log_close(void)
{
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    file = INVALID_HANDLE_VALUE;
}

/* A request must not be able to forge a line. */
static void sanitize(char *text)
{
    for (; *text != '\0'; ++text)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            *text = '.';
}

void access_log_write(const struct host_session *session)
{
    char line[2048];
    char time[TEXT_TIME_SIZE];
    const struct request_facts *facts = &session->facts;
    if (file == INVALID_HANDLE_VALUE)
        return;
    text_local_time(time);
    int len = snprintf(line, sizeof line - 2,
                       "%s - - [%s] \"%.20s %.1500s%s%.200s HTTP/%s\" %u %llu site=%u ms=%lu ecb=%u %.200s", facts->remote_addr,
                       time, facts->method, facts->raw_url != NULL ? facts->raw_url : "-", facts->has_query ? "?" : "",
                       facts->query, facts->http_version, session->plan.status, (unsigned long long)session->bytes_sent,
                       session->site->id, GetTickCount() - session->started_ms, session->log_status, session->log_text);
    if (len < 0 || (size_t)len >= sizeof line - 2)
        len = (int)strlen(line);
    sanitize(line);
    memcpy(line + len, "\r\n", 2);
    DWORD written;
    WriteFile(file, line, (DWORD)len + 2, &written, NULL);
}
