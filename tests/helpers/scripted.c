/* scripted: a FastCGI program on libfcgi that does what the query of the request says, step by step: so a test names exactly the bytes
 * that a program writes, how it cuts them, and what it waits for in between. Nothing is added.
 *
 * The steps are words NAME=VALUE separated by &; values are decoded (%XX):
 *   out=TEXT      writes to stdout; nothing goes out before libfcgi's 8 KiB are full, the request ends, or a flush
 *   times=N:TEXT  the same, N times
 *   bytes=N       N bytes of the pattern (byte i is i % 251); where the last `bytes` ended the next one goes on
 *   each=TEXT     every byte of it in a record of its own
 *   flush=1       what waits goes out, as a record
 *   err=TEXT      a record of stderr
 *   noise=N       N bytes on stderr
 *   read=N        reads N bytes of the body, or what there is of them, and compares them with the pattern
 *   told=1        writes "read=N wrong=N\n": bytes of the body so far, and how many are not those of the pattern
 *   gate=PORT     connects to 127.0.0.1:PORT and waits until that connection ends, as the witness does */
#include <fcgiapp.h>

#include <winsock2.h>

#include <windows.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/demo/programs/standard_handles.h"

enum { PATTERN_PERIOD = 251, BLOCK_LEN = 64 * 1024 };

struct request {
    FCGX_Request fcgi;
    uint64_t put;   /* bytes of the pattern that were written */
    uint64_t read;  /* of the body */
    uint64_t wrong; /* of those: not as in the pattern */
};

static unsigned char pattern[PATTERN_PERIOD + BLOCK_LEN];

static const unsigned char *pattern_at(uint64_t position)
{
    return pattern + position % PATTERN_PERIOD;
}

static int block_len(uint64_t left)
{
    return left < BLOCK_LEN ? (int)left : BLOCK_LEN;
}

/* ---- steps */

static void step_out(struct request *request, const char *value, size_t len)
{
    FCGX_PutStr(value, (int)len, request->fcgi.out);
}

static void step_times(struct request *request, const char *value, size_t len)
{
    char *text;
    unsigned long count = strtoul(value, &text, 10);
    size_t skipped = (size_t)(text - value) + 1; /* the colon */
    for (; count > 0 && skipped <= len; count--)
        step_out(request, value + skipped, len - skipped);
}

static void step_bytes(struct request *request, const char *value, size_t value_len)
{
    uint64_t left = strtoull(value, NULL, 10);
    (void)value_len;
    while (left > 0) {
        int len = block_len(left);
        if (FCGX_PutStr((const char *)pattern_at(request->put), len, request->fcgi.out) != len)
            return; /* the other side has gone */
        request->put += (uint64_t)len;
        left -= (uint64_t)len;
    }
}

static void step_each(struct request *request, const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        FCGX_PutStr(value + i, 1, request->fcgi.out);
        FCGX_FFlush(request->fcgi.out);
    }
}

static void step_flush(struct request *request, const char *value, size_t len)
{
    (void)value;
    (void)len;
    FCGX_FFlush(request->fcgi.out);
}

static void step_err(struct request *request, const char *value, size_t len)
{
    FCGX_PutStr(value, (int)len, request->fcgi.err);
    FCGX_FFlush(request->fcgi.err);
}

static void step_noise(struct request *request, const char *value, size_t value_len)
{
    (void)value_len;
    for (unsigned long left = strtoul(value, NULL, 10); left > 0; left--)
        FCGX_PutChar(left % 80 == 0 ? '\n' : 'x', request->fcgi.err);
    FCGX_FFlush(request->fcgi.err);
}

static void step_read(struct request *request, const char *value, size_t value_len)
{
    static unsigned char block[BLOCK_LEN];
    uint64_t left = strtoull(value, NULL, 10);
    (void)value_len;
    while (left > 0) {
        int wanted = block_len(left);
        int len = FCGX_GetStr((char *)block, wanted, request->fcgi.in);
        const unsigned char *expected = pattern_at(request->read);
        if (memcmp(block, expected, (size_t)len) != 0)
            for (int i = 0; i < len; i++)
                request->wrong += block[i] != expected[i];
        request->read += (uint64_t)len;
        left -= (uint64_t)len;
        if (len < wanted)
            return;
    }
}

static void step_told(struct request *request, const char *value, size_t value_len)
{
    char text[80];
    int len = snprintf(text, sizeof text, "read=%llu wrong=%llu\n", (unsigned long long)request->read,
                       (unsigned long long)request->wrong);
    (void)value;
    (void)value_len;
    step_out(request, text, (size_t)len);
}

static void step_gate(struct request *request, const char *value, size_t len)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char got;
    SOCKET gate = socket(AF_INET, SOCK_STREAM, 0);
    (void)request;
    (void)len;
    address.sin_port = htons((u_short)atoi(value));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(gate, (struct sockaddr *)&address, sizeof address) == 0 && send(gate, "\n", 1, 0) == 1)
        recv(gate, &got, 1, 0);
    closesocket(gate);
}

static const struct step {
    const char *name;
    void (*take)(struct request *request, const char *value, size_t len); /* a NUL follows the value */
} steps[] = {
    {"out", step_out}, {"times", step_times}, {"bytes", step_bytes}, {"each", step_each}, {"flush", step_flush},
    {"err", step_err}, {"noise", step_noise}, {"read", step_read},   {"told", step_told}, {"gate", step_gate},
};

/* ---- the query */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 0x20) - 'a' + 10;
}

/* In place. -> the new length */
static size_t decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++, to++) {
        *to = *from;
        if (*from == '%' && from[1] != '\0' && from[2] != '\0') {
            *to = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
            from += 2;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}

static void take_step(struct request *request, char *word)
{
    char *value = strchr(word, '=');
    if (value == NULL)
        return;
    *value++ = '\0';
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(steps[i].name, word) == 0) {
            steps[i].take(request, value, decode(value));
            return;
        }
    }
    ExitProcess(64); /* a mistake in the test */
}

static void answer(struct request *request)
{
    const char *query = FCGX_GetParam("QUERY_STRING", request->fcgi.envp);
    char *text = query != NULL ? _strdup(query) : NULL;
    char *word = text;
    while (word != NULL) {
        char *end = strchr(word, '&');
        if (end != NULL)
            *end++ = '\0';
        take_step(request, word);
        word = end;
    }
    free(text);
}

/* ---- start */

int main(void)
{
    static struct request request;
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (unsigned char)(i % PATTERN_PERIOD);
    mend_standard_handles();
    if (FCGX_Init() != 0 || FCGX_IsCGI() || FCGX_InitRequest(&request.fcgi, 0, 0) != 0)
        return 2;
    while (FCGX_Accept_r(&request.fcgi) == 0) {
        request.put = request.read = request.wrong = 0;
        answer(&request);
    }
    return 0;
}
