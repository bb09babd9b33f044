/* The token that HSE_REQ_GET_IMPERSONATION_TOKEN hands out: the host's own, as an impersonation token. It belongs to the host. */
#ifndef ISAPIHOST_TOKEN_WIN32_H
#define ISAPIHOST_TOKEN_WIN32_H

#include <stdbool.h>

#include <windows.h>

void token_init(void);

/* NULL: there is none. */
HANDLE token_of_host(void);

/* False if somebody has closed it. */
bool token_is_valid(void);

#endif
