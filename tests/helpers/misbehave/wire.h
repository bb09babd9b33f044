/* wire: what misbehave is told, and the bytes of its connection. */
#ifndef TESTS_HELPERS_MISBEHAVE_WIRE_H
#define TESTS_HELPERS_MISBEHAVE_WIRE_H

#include <winsock2.h>

#include <windows.h>

#include <stdbool.h>
#include <stdint.h>

enum { HEADER_LEN = 8, END_LEN = 8, MAX_RECORD_LEN = HEADER_LEN + 65535 + 255, WORDS_LEN = 1024, NAME_LEN = 64 };
enum { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

struct request {
    uint16_t id;
    bool keep;
    bool connected; /* false: a way has ended the connection */
    char query[WORDS_LEN];
    char length[NAME_LEN]; /* of the body, as announced */
    unsigned long body;    /* bytes of it that have been read */
    bool body_ended;
};

struct record {
    uint8_t type;
    uint16_t id;
    size_t len;
    uint8_t content[MAX_RECORD_LEN];
};

extern HANDLE pipe_end; /* or the socket that listens */
extern char arguments[WORDS_LEN];

/* Copies the value of `name` out of "a=1&b=2"; false if it is not there. No decoding. */
bool word(const char *words, const char *name, char *value, size_t size);
unsigned long number(const struct request *request, const char *name, unsigned long otherwise);
bool read_record(struct record *record);
void write_all(const void *bytes, size_t len);
/* Appends a record to the *len bytes at `out`. */
void put_record(const struct request *request, uint8_t *out, size_t *len, uint8_t type, const void *content,
                size_t content_len);
void put_end(const struct request *request, uint8_t *out, size_t *len, uint8_t protocol_status);
void disconnect(struct request *request);
/* Waits for the next connection. */
bool accept_connection(void);
void look_at_stdin(void);

#endif
