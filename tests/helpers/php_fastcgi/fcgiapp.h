/* fcgiapp.h: libfcgi's interface, as much as our programs use of it, over php's own FastCGI code. So the programs of the tests can be
 * compiled a second time and be, to fcgiext, what php-cgi is: CMakeLists.txt makes php_NAME.exe of each. */
#ifndef TESTS_HELPERS_PHP_FCGIAPP_H
#define TESTS_HELPERS_PHP_FCGIAPP_H

#include <stddef.h>

typedef struct FCGX_Stream {
    int type;      /* of its records; 0: the body */
    char *message; /* of stderr; php writes whole messages */
    size_t message_len;
} FCGX_Stream;

typedef struct FCGX_Request {
    FCGX_Stream *in, *out, *err;
    char **envp;
    int keepConnection;
    void *imports[2];
} FCGX_Request;

int FCGX_Init(void);
int FCGX_IsCGI(void);
int FCGX_InitRequest(FCGX_Request *request, int socket, int flags);
/* Ends the last request, if there was one, and waits for the next one. -1: this is the end of the process. */
int FCGX_Accept_r(FCGX_Request *request);
char *FCGX_GetParam(const char *name, char **envp);
int FCGX_GetStr(char *buffer, int len, FCGX_Stream *stream);
int FCGX_GetError(FCGX_Stream *stream);
int FCGX_PutStr(const char *text, int len, FCGX_Stream *stream);
int FCGX_PutS(const char *text, FCGX_Stream *stream);
int FCGX_PutChar(int c, FCGX_Stream *stream);
int FCGX_FFlush(FCGX_Stream *stream);

#endif
