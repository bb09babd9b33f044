/* php.h: as much of the header of that name as php's main/fastcgi.c needs. Not of any use to others. */
#ifndef TESTS_HELPERS_PHP_H
#define TESTS_HELPERS_PHP_H

#include <winsock2.h>
#include <ws2tcpip.h>

#include <windows.h>

#include <errno.h>
#include <io.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PHP_WIN32             1
#define MAXPATHLEN            MAX_PATH
#define EXPECTED(condition)   (condition)
#define UNEXPECTED(condition) (condition)
#define ZEND_ATTRIBUTE_FORMAT(kind, format, first)
#define ZEND_ATOL(text) ((zend_long)_strtoi64(text, NULL, 10))

typedef intptr_t zend_long;

/* The table of what GET_VALUES asks for stays empty: fcgiext never asks. */
typedef struct {
    size_t len;
    char val[1];
} zend_string;
typedef struct {
    zend_string *str;
} zval;
typedef struct {
    int none;
} HashTable;

#define zend_hash_init(table, size, hash, destroy, persistent) ((void)0)
#define zend_hash_destroy(table)                               ((void)0)
#define zend_hash_add(table, key, value)                       ((void)0)
#define zend_hash_str_find(table, name, len)                   ((zval *)NULL)
#define zend_string_init(text, len, persistent)                ((zend_string *)NULL)
#define zend_string_release_ex(string, persistent)             ((void)0)
#define pefree(memory, persistent)                             free(memory)
#define GC_MAKE_PERSISTENT_LOCAL(string)                       ((void)(string))
#define ZVAL_NEW_STR(value, string)                            ((value)->str = (string))
#define Z_STR(value)                                           ((value).str)
#define Z_STR_P(value)                                         ((value)->str)
#define Z_STRVAL_P(value)                                      ((value)->str->val)
#define Z_STRLEN_P(value)                                      ((value)->str->len)

/* Only for a socket that it would open itself. */
#define inet_pton(family, text, address)       0
#define inet_ntop(family, address, text, size) ((const char *)NULL)
#define php_network_gethostbyname              gethostbyname

/* Wine's _read() takes a pipe whose other side was closed once for ended, for ever; that of Windows asks again. */
static inline int php_read(int fd, void *buffer, unsigned int len)
{
    DWORD got = 0;
    if (ReadFile((HANDLE)_get_osfhandle(fd), buffer, len, &got, NULL))
        return (int)got;
    if (GetLastError() == ERROR_BROKEN_PIPE)
        return 0;
    errno = EINVAL;
    return -1;
}
#define _read php_read

struct _fcgi_request;

/* What php's code does not tell: does the connection stay for another request (FCGI_KEEP_CONN)? */
int php_request_keep(const struct _fcgi_request *request);

#endif
