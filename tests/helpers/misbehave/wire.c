/* wire: see wire.h. */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

HANDLE pipe_end;
char arguments[WORDS_LEN];
static bool tcp;              /* pipe_end is a socket */
static SOCKET tcp_connection; /* INVALID_SOCKET: none */

/* ---- words */

bool word(const char *words, const char *name, char *value, size_t size)
{
    size_t name_len = strlen(name);
    value[0] = '\0';
    while (*words != '\0') {
        size_t len = strcspn(words, "&");
        if (len > name_len && memcmp(words, name, name_len) == 0 && words[name_len] == '=') {
            snprintf(value, size, "%.*s", (int)(len - name_len - 1), words + name_len + 1);
            return true;
        }
        words += len + (words[len] == '&');
    }
    return false;
}

unsigned long number(const struct request *request, const char *name, unsigned long otherwise)
{
    char text[NAME_LEN];
    if (word(request->query, name, text, sizeof text) || word(arguments, name, text, sizeof text))
        return strtoul(text, NULL, 0);
    return otherwise;
}

/* ---- the pipe. A read or write that fails is the end of the connection, whatever the reason. */

static bool read_some(char *to, size_t len, DWORD *got)
{
    if (!tcp)
        return ReadFile(pipe_end, to, (DWORD)len, got, NULL) && *got > 0;
    int received = recv(tcp_connection, to, (int)len, 0);
    *got = (DWORD)received;
    return received > 0;
}

static bool read_all(void *target, size_t len)
{
    DWORD got = 0;
    for (char *to = target; len > 0; to += got, len -= got)
        if (!read_some(to, len, &got))
            return false;
    return true;
}

bool read_record(struct record *record)
{
    uint8_t header[HEADER_LEN];
    if (!read_all(header, sizeof header))
        return false;
    record->type = header[1];
    record->id = (uint16_t)(header[2] << 8 | header[3]);
    record->len = (size_t)header[4] << 8 | header[5];
    return read_all(record->content, record->len + header[6]);
}

static bool write_some(const char *from, size_t len, DWORD *written)
{
    if (!tcp)
        return WriteFile(pipe_end, from, (DWORD)len, written, NULL);
    int sent = send(tcp_connection, from, (int)len, 0);
    *written = (DWORD)sent;
    return sent >= 0;
}

void write_all(const void *bytes, size_t len)
{
    DWORD written = 0;
    for (const char *from = bytes; len > 0; from += written, len -= written)
        if (!write_some(from, len, &written))
            return;
}

void put_record(const struct request *request, uint8_t *out, size_t *len, uint8_t type, const void *content, size_t content_len)
{
    const uint8_t header[HEADER_LEN] = {
        1, type, (uint8_t)(request->id >> 8), (uint8_t)request->id, (uint8_t)(content_len >> 8), (uint8_t)content_len, 0, 0};
    memcpy(out + *len, header, sizeof header);
    memcpy(out + *len + sizeof header, content, content_len);
    *len += sizeof header + content_len;
}

void put_end(const struct request *request, uint8_t *out, size_t *len, uint8_t protocol_status)
{
    const uint8_t end[END_LEN] = {0, 0, 0, 0, protocol_status};
    put_record(request, out, len, END_REQUEST, end, sizeof end);
}

void disconnect(struct request *request)
{
    request->connected = false;
    if (tcp) {
        closesocket(tcp_connection);
        tcp_connection = INVALID_SOCKET;
        return;
    }
    FlushFileBuffers(pipe_end); /* until the other side has read all */
    DisconnectNamedPipe(pipe_end);
}

bool accept_connection(void)
{
    if (tcp) {
        tcp_connection = accept((SOCKET)pipe_end, NULL, NULL);
        return tcp_connection != INVALID_SOCKET;
    }
    return ConnectNamedPipe(pipe_end, NULL) || GetLastError() == ERROR_PIPE_CONNECTED || GetLastError() == ERROR_NO_DATA;
}

void look_at_stdin(void)
{
    WSADATA data;
    struct sockaddr_in address;
    int len = sizeof address;
    tcp_connection = INVALID_SOCKET;
    pipe_end = GetStdHandle(STD_INPUT_HANDLE);
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        ExitProcess(66);
    tcp = getsockname((SOCKET)pipe_end, (struct sockaddr *)&address, &len) == 0;
}
